/* Ranges in host names: www[01:50].lab, node-[a:f], db[1:9:2]; several in one name multiply. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/number.h"
#include "fleet/inventory/internal.h"

struct range {
    size_t open, close; /* places of the brackets */
    bool letters;
    int width; /* digits to fill with zeros; 0 for none */
    long first, last, step;
};

/* The first "[...:...]". An IPv6 address in brackets is none: its parts are no bounds. */
static bool find_range(const char *pattern, size_t *ret_open, size_t *ret_close) {
    const char *open = strchr(pattern, '['), *close = open ? strchr(open, ']') : NULL;
    if (!close || !memchr(open, ':', (size_t)(close - open))) return false;
    int colons = 0;
    for (const char *c = open + 1; c < close; c++) {
        if (!isalnum((unsigned char)*c) && *c != ':') return false;
        colons += *c == ':';
        if (c[0] == ':' && (c[1] == ':' || c[1] == ']')) return false;
    }
    if (colons > 2) return false;
    *ret_open = (size_t)(open - pattern);
    *ret_close = (size_t)(close - pattern);
    return true;
}

bool range_is(const char *pattern) {
    size_t open, close;
    return find_range(pattern, &open, &close);
}

static bool digits(const char *s) {
    return *s && s[strspn(s, "0123456789")] == 0;
}

static int read_numbers(const char *first, const char *last, struct range *r, struct error *err) {
    int64_t a, b;
    if (number_int(first, &a) != NUMBER_OK || number_int(last, &b) != NUMBER_OK || b > 1000000000 || strlen(last) > 20)
        return error_set(err, ERR_LIMIT, "a range ends beyond 1000000000");
    if (first[0] == '0' && first[1]) {
        if (strlen(first) != strlen(last))
            return error_set(err, ERR_INVALID, "a range that begins with zeros needs bounds of equal length: [01:50]");
        r->width = (int)strlen(first);
    }
    r->first = (long)a;
    r->last = (long)b;
    return 0;
}

static int read_bounds(char *inside, struct range *r, struct error *err) {
    char *first = strsep(&inside, ":"), *last = strsep(&inside, ":"), *step = strsep(&inside, ":");
    int64_t by = 1;
    if (inside) return error_set(err, ERR_INVALID, "a range has the form [FIRST:LAST] or [FIRST:LAST:STEP]");
    if (step && (!digits(step) || number_int(step, &by) != NUMBER_OK || by < 1 || by > 1000000000))
        return error_set(err, ERR_INVALID, "the step of a range is a whole number from 1");
    r->step = (long)by;
    if (!*first || (digits(first) && digits(last))) {
        if (read_numbers(*first ? first : "0", last, r, err) != 0) return -1;
    } else if (isalpha((unsigned char)first[0]) && !first[1] && isalpha((unsigned char)last[0]) && !last[1]) {
        r->letters = true;
        r->first = first[0];
        r->last = last[0];
    } else {
        return error_set(err, ERR_INVALID, "the range [%.40s:%.40s] is neither of numbers nor of single letters", first,
                         last);
    }
    if (r->first > r->last) return error_set(err, ERR_INVALID, "a range ends before it begins");
    if (r->letters && r->first <= 'Z' && r->last >= 'a')
        return error_set(err, ERR_INVALID, "a range of letters goes from capital to small ones");
    return 0;
}

static int read_range(const char *pattern, struct range *r, struct error *err) {
    CLEANUP_FREE char *inside = xstrndup(pattern + r->open + 1, r->close - r->open - 1);
    if (read_bounds(inside, r, err) != 0) {
        struct error why = err ? *err : (struct error)ERROR_INIT;
        return error_set(err, why.code, "host `%.120s`: %s", pattern, why.text);
    }
    return 0;
}

int range_expand(const char *pattern, int (*each)(void *context, const char *name, struct error *err), void *context,
                 struct error *err) {
    struct range r = {0};
    if (strlen(pattern) > 4 * INVENTORY_MAX_NAME) return error_set(err, ERR_LIMIT, "a host's name is too long");
    if (!find_range(pattern, &r.open, &r.close)) return each(context, pattern, err);
    if (read_range(pattern, &r, err) != 0) return -1;
    for (long i = r.first; i <= r.last; i += r.step) {
        CLEANUP(buf_done) struct buf name = BUF_INIT;
        buf_append(&name, pattern, r.open);
        if (r.letters)
            buf_putc(&name, (char)i);
        else
            buf_printf(&name, "%0*ld", r.width, i);
        buf_puts(&name, pattern + r.close + 1);
        int status = range_expand(name.data, each, context, err);
        if (status != 0) return status;
    }
    return 0;
}

/* Whether a colon stands outside of brackets in s[0..len). */
static bool bare_colon(const char *s, size_t len) {
    int depth = 0;
    for (size_t i = 0; i < len; i++) {
        depth += (s[i] == '[') - (s[i] == ']');
        if (s[i] == ':' && depth == 0) return true;
    }
    return false;
}

int range_cut_port(char *pattern) {
    char *colon = strrchr(pattern, ':');
    int64_t port = 0;
    if (colon && digits(colon + 1) && !strchr(colon, ']') && !bare_colon(pattern, (size_t)(colon - pattern)) &&
        number_int(colon + 1, &port) == NUMBER_OK)
        *colon = 0;
    size_t len = strlen(pattern);
    if (pattern[0] == '[' && len > 2 && pattern[len - 1] == ']' && !range_is(pattern)) {
        memmove(pattern, pattern + 1, len - 2);
        pattern[len - 2] = 0;
    }
    return port > 65535 ? 65536 : (int)port;
}
