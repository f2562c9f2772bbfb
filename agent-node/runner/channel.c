#include "agent-node/runner/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define KEEP_BYTES ((size_t)1 << 20)

/* Returns 1, or 0 when the worker has gone. */
static int read_exactly(int fd, void *out, size_t len) {
    char *at = out;
    while (len) {
        ssize_t n = read(fd, at, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return 0;
        at += n;
        len -= (size_t)n;
    }
    return 1;
}

int channel_read(struct channel *c, struct wire_header *ret, struct buf *payload, struct error *err) {
    if (payload->cap > KEEP_BYTES) buf_done(payload);
    buf_clear(payload);
    if (!read_exactly(c->fd, ret, sizeof *ret)) return 0;
    if (ret->magic != WIRE_MAGIC || ret->version != WIRE_VERSION)
        return error_set(err, ERR_INVALID, "request of protocol version %u, this runner speaks %d", ret->version,
                         WIRE_VERSION);
    if (ret->length > WIRE_MAX_REQUEST)
        return error_set(err, ERR_LIMIT, "request of %u bytes, at most %u are taken", ret->length, WIRE_MAX_REQUEST);
    c->seq = ret->seq;
    for (size_t left = ret->length; left;) {
        char piece[65536];
        size_t n = left < sizeof piece ? left : sizeof piece;
        if (!read_exactly(c->fd, piece, n)) return 0;
        buf_append(payload, piece, n);
        left -= n;
    }
    return 1;
}

void channel_send(struct channel *c, enum wire_type type, const struct part *part, int n_parts) {
    struct wire_header h = {.magic = WIRE_MAGIC, .version = WIRE_VERSION, .type = (uint16_t)type, .seq = c->seq};
    struct iovec iov[4] = {{&h, sizeof h}};
    int n = 1;
    for (int i = 0; i < n_parts; i++) {
        iov[n++] = (struct iovec){(void *)(uintptr_t)part[i].data, part[i].len};
        h.length += (uint32_t)part[i].len;
    }
    for (int at = 0; at < n;) {
        ssize_t sent = writev(c->fd, iov + at, n - at);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) _exit(0);
        while (at < n && (size_t)sent >= iov[at].iov_len) sent -= (ssize_t)iov[at++].iov_len;
        if (at == n) return;
        iov[at].iov_base = (char *)iov[at].iov_base + sent;
        iov[at].iov_len -= (size_t)sent;
    }
}

/* The head and the tail of a text say what went wrong; its middle seldom does. */
static size_t cut_middle(char *out, const char *text, size_t len) {
    static const char mark[] = "\n[...]\n";
    size_t half = (WIRE_MAX_LOG - sizeof mark) / 2;
    memcpy(out, text, half);
    memcpy(out + half, mark, sizeof mark - 1);
    memcpy(out + half + sizeof mark - 1, text + len - half, half);
    return 2 * half + sizeof mark - 1;
}

void channel_result(struct channel *c, enum wire_status status, uint32_t value, const char *text, size_t text_len,
                    const void *data, size_t data_len) {
    static char cut[WIRE_MAX_LOG];
    if (text_len > WIRE_MAX_LOG) {
        text_len = cut_middle(cut, text, text_len);
        text = cut;
    }
    struct wire_result r = {(int32_t)status, value, (uint32_t)text_len, (uint32_t)data_len};
    struct part part[] = {{&r, sizeof r}, {text, text_len}, {data, data_len}};
    channel_send(c, WIRE_RESULT, part, 3);
}
