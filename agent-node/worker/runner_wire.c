#include "agent-node/worker/runner_wire.h"

#include <string.h>

#include "common/utf8.h"

void reply_reader_done(struct reply_reader *r) {
    buf_done(&r->bytes);
    r->used = 0;
}

size_t reply_reader_pending(const struct reply_reader *r) {
    return r->bytes.len - r->used;
}

void reply_reader_feed(struct reply_reader *r, const void *bytes, size_t len) {
    buf_append(&r->bytes, bytes, len);
}

/* Drops the frame that the caller has seen. */
static void drop_used(struct reply_reader *r) {
    if (!r->used) return;
    size_t left = r->bytes.len - r->used;
    if (left) memmove(r->bytes.data, r->bytes.data + r->used, left);
    if (!left && r->bytes.cap > ((size_t)1 << 20)) buf_done(&r->bytes);
    r->bytes.len = left;
    r->used = 0;
}

static bool type_is_reply(uint16_t type) {
    return type >= WIRE_HELLO && type <= WIRE_CLAIM;
}

static size_t longest(uint16_t type, const struct reply_wish *wish) {
    switch (type) {
        case WIRE_HELLO:
            return sizeof(struct wire_hello);
        case WIRE_PHASE:
            return sizeof(uint32_t);
        case WIRE_CLAIM:
            return sizeof(struct wire_claim);
        case WIRE_RESULT:
            return sizeof(struct wire_result) + WIRE_MAX_LOG + (size_t)wish->max_data;
        default:
            return 0;
    }
}

static int check_header(const struct wire_header *h, const struct reply_wish *wish, struct error *err) {
    if (h->magic != WIRE_MAGIC) return error_set(err, ERR_INVALID, "the runner sent bytes that are no frame");
    if (h->version != WIRE_VERSION)
        return error_set(err, ERR_INVALID, "the runner speaks protocol %u, this agent %d", h->version, WIRE_VERSION);
    if (!type_is_reply(h->type)) return error_set(err, ERR_INVALID, "the runner sent a frame of type %u", h->type);
    if (h->seq != wish->seq)
        return error_set(err, ERR_INVALID, "the runner answered request %u while %u was open", h->seq, wish->seq);
    if (h->length > longest(h->type, wish))
        return error_set(err, ERR_INVALID, "the runner sent %u bytes in a frame of type %u", h->length, h->type);
    return 0;
}

static int bad_frame(struct error *err, const char *what) {
    return error_set(err, ERR_INVALID, "the runner sent a malformed %s", what);
}

static int parse_result(const char *p, size_t len, const struct reply_wish *wish, struct reply *ret,
                        struct error *err) {
    struct wire_result w;
    if (len < sizeof w) return bad_frame(err, "result");
    memcpy(&w, p, sizeof w);
    if (w.status < 0 || w.status >= WIRE_STATUS_COUNT) return bad_frame(err, "status");
    if (w.log_bytes > WIRE_MAX_LOG || w.data_bytes > wish->max_data) return bad_frame(err, "result's length");
    if (len != sizeof w + (size_t)w.log_bytes + w.data_bytes) return bad_frame(err, "result's length");
    ret->status = (enum wire_status)w.status;
    ret->value = w.value;
    ret->log = p + sizeof w;
    ret->log_len = w.log_bytes;
    ret->data = (const uint8_t *)p + sizeof w + w.log_bytes;
    ret->data_len = w.data_bytes;
    return 0;
}

static int parse_hello(const char *p, size_t len, struct reply *ret, struct error *err) {
    if (len != sizeof ret->hello) return bad_frame(err, "hello");
    memcpy(&ret->hello, p, sizeof ret->hello);
    ret->hello.text[sizeof ret->hello.text - 1] = 0;
    if (ret->hello.flags & ~(uint32_t)WIRE_FLAG_ALL) return bad_frame(err, "hello");
    return 0;
}

static int parse_phase(const char *p, size_t len, struct reply *ret, struct error *err) {
    uint32_t phase = 0;
    if (len != sizeof phase) return bad_frame(err, "phase");
    memcpy(&phase, p, sizeof phase);
    if (phase >= WIRE_PHASE_COUNT) return bad_frame(err, "phase");
    ret->phase = (enum wire_phase)phase;
    return 0;
}

static int parse(const struct wire_header *h, const char *p, const struct reply_wish *wish, struct reply *ret,
                 struct error *err) {
    *ret = (struct reply){.type = (enum wire_type)h->type};
    switch (ret->type) {
        case WIRE_HELLO:
            return parse_hello(p, h->length, ret, err);
        case WIRE_PHASE:
            return parse_phase(p, h->length, ret, err);
        case WIRE_RESULT:
            return parse_result(p, h->length, wish, ret, err);
        case WIRE_CLAIM:
            if (h->length != sizeof ret->claim) return bad_frame(err, "claim");
            memcpy(&ret->claim, p, sizeof ret->claim);
            return 0;
        default: /* WIRE_DONE: longest() allows it no bytes */
            return 0;
    }
}

int reply_reader_next(struct reply_reader *r, const struct reply_wish *wish, struct reply *ret, struct error *err) {
    struct wire_header h;
    drop_used(r);
    if (r->bytes.len < sizeof h) return 0;
    memcpy(&h, r->bytes.data, sizeof h);
    if (check_header(&h, wish, err) < 0) return -1;
    if (r->bytes.len - sizeof h < h.length) return 0;
    if (parse(&h, r->bytes.data + sizeof h, wish, ret, err) < 0) return -1;
    r->used = sizeof h + h.length;
    return 1;
}

void text_make_printable(struct buf *out, const char *text, size_t len) {
    for (size_t i = 0; i < len;) {
        uint32_t c = 0;
        size_t n = utf8_decode(text + i, len - i, &c);
        bool fine = n && (utf8_is_shown(c) || c == '\n' || c == '\t');
        if (fine)
            buf_append(out, text + i, n);
        else
            buf_putc(out, '?');
        i += n ? n : 1;
    }
}
