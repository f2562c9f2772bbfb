/* Commas within parentheses are replaced by a private-use character before libyaml sees them, and put back in the tree.
 * It is one character for one, and libyaml counts columns in characters, so positions stay right. Replacing too many
 * (in comments, quoted and block texts) does no harm, because all are put back. */
#include "problems/graph/flow.h"

#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"

#define COMMA_STAND_IN "\xee\x80\x80" /* U+E000 */
#define STAND_IN_LEN 3

/* Parentheses are counted within a line only: one left open in a comment or a sentence must not swallow what follows.
 */
static void hide_commas(const char *text, size_t len, struct buf *out) {
    int depth = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '\n') depth = 0;
        if (c == '(') depth++;
        if (c == ')' && depth > 0) depth--;
        if (c == ',' && depth > 0)
            buf_puts(out, COMMA_STAND_IN);
        else
            buf_append(out, &c, 1);
    }
}

static void restore_text(char *text) {
    char *to = text;
    for (const char *from = text; *from; to++) {
        bool hidden = strncmp(from, COMMA_STAND_IN, STAND_IN_LEN) == 0;
        *to = hidden ? ',' : *from;
        from += hidden ? STAND_IN_LEN : 1;
    }
    *to = 0;
}

/* The depth is bounded by yaml_parse(). */
static void restore_commas(const struct yaml_node *n) {
    if (n->text) restore_text(n->text);
    for (size_t i = 0; i < n->count; i++) {
        if (n->kind == YAML_MAPPING) restore_text(n->keys[i]->text);
        restore_commas(n->items[i]);
    }
}

struct yaml_doc *flow_yaml_parse(const char *text, size_t len, const char *filename, struct error *err) {
    CLEANUP(buf_done) struct buf hidden = BUF_INIT;
    hide_commas(text, len, &hidden);
    struct yaml_doc *doc = yaml_parse(hidden.data ? hidden.data : "", hidden.len, filename, err);
    if (doc) restore_commas(yaml_root(doc));
    return doc;
}

struct yaml_node flow_at(const struct yaml_node *n, size_t offset) {
    struct yaml_node at = *n;
    at.column += (int)offset + (n->quoted ? 1 : 0);
    return at;
}
