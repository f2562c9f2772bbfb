/* Errors: a plain struct that the caller owns, filled by the callee, with context added on the way up.
 * Functions that can fail return 0 or -1 (or NULL) and take a `struct error *err` last, which may be NULL. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>

enum error_code {
#define X(code, name, exit_status, http, retriable, what) code,
#include "errors.def"
#undef X
    ERR_COUNT
};

#define ERROR_TEXT_MAX 2048
struct error {
    enum error_code code;
    char text[ERROR_TEXT_MAX]; /* lower case, names the object; a "hint:" line may follow after '\n' */
};
#define ERROR_INIT \
    { .code = ERR_NONE }

/* Fill `err` (no-op for NULL) and return -1, so that `return error_set(...)` reads well. */
int error_set(struct error *err, enum error_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int error_vset(struct error *err, enum error_code code, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));
/* Same, with ": " and strerror(errno_value) appended. ENOMEM becomes ERR_NOMEM. */
int error_errno(struct error *err, enum error_code code, int errno_value, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Put "context: " in front of the text already there. Returns -1. */
int error_wrap(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Append "\nhint: ..." telling what the user can do. Returns -1. */
int error_hint(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const char *error_name(enum error_code code);      /* "invalid" */
enum error_code error_from_name(const char *name); /* ERR_INTERNAL for unknown names */
int error_exit_status(enum error_code code);
int error_http_status(enum error_code code);
bool error_retriable(enum error_code code);
const char *error_meaning(enum error_code code);
