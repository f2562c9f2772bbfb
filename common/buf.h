/* A growing byte string. Always NUL-terminated once anything was appended. Out of memory aborts: the sizes appended
 * here are bounded by the callers' own limits. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

struct buf {
    char *data; /* NULL while empty */
    size_t len, cap;
};
#define BUF_INIT \
    { 0 }

void buf_append(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *text);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
void buf_clear(struct buf *b); /* keeps the memory */
char *buf_take(struct buf *b); /* the caller frees; "" rather than NULL when empty; b is empty after */
void buf_done(struct buf *b);  /* releases; fit for CLEANUP(buf_done) */

/* malloc family that aborts on exhaustion, for small bounded things. */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size); /* checks n * size */
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
