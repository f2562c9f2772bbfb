/* Growing byte strings. Growth doubles, so that appending is linear; sizes are checked before they are added. */
#include "common/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void out_of_memory(void) {
    static const char text[] = "portolan: out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    abort();
}

void *xmalloc(size_t size) {
    void *p = malloc(size ? size : 1);
    if (!p) out_of_memory();
    return p;
}

void *xcalloc(size_t n, size_t size) {
    void *p = n && size ? calloc(n, size) : calloc(1, 1);
    if (!p) out_of_memory();
    return p;
}

void *xrealloc(void *p, size_t size) {
    void *q = realloc(p, size ? size : 1);
    if (!q) out_of_memory();
    return q;
}

static char *copy_text(const char *s, size_t len) {
    char *copy = xmalloc(len + 1);
    memcpy(copy, s, len);
    copy[len] = 0;
    return copy;
}

char *xstrdup(const char *s) {
    return copy_text(s, strlen(s));
}

char *xstrndup(const char *s, size_t n) {
    return copy_text(s, strnlen(s, n));
}

char *xasprintf(const char *fmt, ...) {
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0) out_of_memory();
    return text;
}

/* Makes room for `more` bytes and the NUL. */
static void reserve(struct buf *b, size_t more) {
    if (more > SIZE_MAX / 4 || b->len > SIZE_MAX / 4) out_of_memory();
    size_t need = b->len + more + 1;
    if (need <= b->cap) return;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need) cap *= 2;
    b->data = xrealloc(b->data, cap);
    b->cap = cap;
}

void buf_append(struct buf *b, const void *data, size_t len) {
    reserve(b, len);
    if (len > 0) memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = 0;
}

void buf_puts(struct buf *b, const char *text) {
    buf_append(b, text, strlen(text));
}

void buf_putc(struct buf *b, char c) {
    buf_append(b, &c, 1);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap) {
    va_list again;
    va_copy(again, ap);
    reserve(b, 127);
    int n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
    if (n >= 0 && (size_t)n >= b->cap - b->len) {
        reserve(b, (size_t)n);
        n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, again);
    }
    va_end(again);
    if (n < 0) n = 0;
    b->len += (size_t)n;
    b->data[b->len] = 0;
}

void buf_printf(struct buf *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

void buf_clear(struct buf *b) {
    b->len = 0;
    if (b->data) b->data[0] = 0;
}

char *buf_take(struct buf *b) {
    char *data = b->data ? b->data : xstrdup("");
    *b = (struct buf)BUF_INIT;
    return data;
}

void buf_done(struct buf *b) {
    free(b->data);
    *b = (struct buf)BUF_INIT;
}
