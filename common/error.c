/* Errors are formatted into a local first, so that an error's own text may be an argument, and are always valid up to
 * the last whole UTF-8 character: they end in JSON, where half a character is refused. */
#include "common/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/secrets.h"
#include "common/utf8.h"

struct error_row {
    const char *name;
    int exit_status, http_status;
    bool retriable;
    const char *meaning;
};

static const struct error_row ROWS[ERR_COUNT] = {
#define X(code, name, exit_status, http, retriable, what) [code] = {name, exit_status, http, retriable, what},
#include "common/errors.def"
#undef X
};

static const struct error_row *row_of(enum error_code code) {
    return (unsigned)code < ERR_COUNT ? &ROWS[code] : &ROWS[ERR_INTERNAL];
}

/* Appends to a text of ERROR_TEXT_MAX bytes that holds `used` already; returns the new length. */
static size_t append(char *text, size_t used, const char *more) {
    size_t room = ERROR_TEXT_MAX - 1 - used, len = strlen(more);
    if (len > room) len = utf8_cut(more, room);
    memcpy(text + used, more, len);
    text[used + len] = 0;
    return used + len;
}

__attribute__((format(printf, 2, 0))) static size_t vformat(char *text, const char *fmt, va_list ap) {
    int n = vsnprintf(text, ERROR_TEXT_MAX, fmt, ap);
    if (n < 0) return text[0] = 0, 0;
    size_t len = (size_t)n < ERROR_TEXT_MAX ? (size_t)n : utf8_cut(text, ERROR_TEXT_MAX - 1);
    text[len] = 0;
    utf8_clean(text); /* they quote what files, drivers and kernels say, and end on terminals */
    return len;
}

int error_vset(struct error *err, enum error_code code, const char *fmt, va_list ap) {
    if (!err) return -1;
    char text[ERROR_TEXT_MAX];
    size_t len = vformat(text, fmt, ap);
    secret_blot(text); /* from here it goes to terminals, answers and records */
    err->code = code;
    memcpy(err->text, text, len + 1);
    return -1;
}

int error_set(struct error *err, enum error_code code, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    error_vset(err, code, fmt, ap);
    va_end(ap);
    return -1;
}

int error_errno(struct error *err, enum error_code code, int errno_value, const char *fmt, ...) {
    if (!err) return -1;
    va_list ap;
    va_start(ap, fmt);
    error_vset(err, errno_value == ENOMEM ? ERR_NOMEM : code, fmt, ap);
    va_end(ap);
    char reason[256];
    size_t len = append(err->text, strlen(err->text), ": ");
    append(err->text, len, strerror_r(errno_value, reason, sizeof reason));
    return -1;
}

int error_wrap(struct error *err, const char *fmt, ...) {
    if (!err) return -1;
    char text[ERROR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    size_t len = vformat(text, fmt, ap);
    va_end(ap);
    len = append(text, len, ": ");
    len = append(text, len, err->text);
    memcpy(err->text, text, len + 1);
    return -1;
}

int error_hint(struct error *err, const char *fmt, ...) {
    if (!err) return -1;
    char text[ERROR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vformat(text, fmt, ap);
    va_end(ap);
    size_t len = append(err->text, strlen(err->text), "\nhint: ");
    append(err->text, len, text);
    return -1;
}

const char *error_name(enum error_code code) {
    return row_of(code)->name;
}

enum error_code error_from_name(const char *name) {
    for (int i = 0; i < ERR_COUNT; i++)
        if (strcmp(ROWS[i].name, name) == 0) return (enum error_code)i;
    return ERR_INTERNAL;
}

int error_exit_status(enum error_code code) {
    return row_of(code)->exit_status;
}

int error_http_status(enum error_code code) {
    return row_of(code)->http_status;
}

bool error_retriable(enum error_code code) {
    return row_of(code)->retriable;
}

const char *error_meaning(enum error_code code) {
    return row_of(code)->meaning;
}
