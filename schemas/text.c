/* See text.h. Compiler output and driver messages hold anything; one bad byte must not cost a whole record. */
#include "schemas/text.h"

#include <string.h>

#include "common/buf.h"
#include "common/utf8.h"

char *text_repaired(const char *text) {
    size_t len = strlen(text), n;
    uint32_t character;
    size_t good = utf8_ascii(text, len);
    while (good < len && (n = utf8_decode(text + good, len - good, &character))) good += n;
    if (good == len) return NULL;
    struct buf b = BUF_INIT;
    buf_append(&b, text, good);
    for (size_t i = good; i < len; i += n ? n : 1) {
        n = utf8_decode(text + i, len - i, &character);
        if (n)
            buf_append(&b, text + i, n);
        else
            buf_puts(&b, "\xef\xbf\xbd");
    }
    return buf_take(&b);
}
