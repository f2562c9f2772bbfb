/* Reads what a runner says. The runner may be in a candidate's hands, so this is the one place where its bytes are
 * looked at: every frame's magic, version, type, sequence number and length are checked before memory is spent on it,
 * and only fixed structs and bounded text come out. Works on bytes, not on a socket: the fuzz target feeds it directly.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent-node/runner/protocol.h"
#include "common/buf.h"
#include "common/error.h"

struct reply_reader {
    struct buf bytes;
    size_t used; /* of bytes, by the frame returned last */
};
struct reply {
    enum wire_type type;
    struct wire_hello hello; /* WIRE_HELLO; its text ends in a NUL */
    enum wire_phase phase;   /* WIRE_PHASE */
    struct wire_claim claim; /* WIRE_CLAIM */
    enum wire_status status; /* WIRE_RESULT, with what follows */
    uint32_t value;
    const char *log;     /* not terminated; until the next call */
    const uint8_t *data; /* until the next call */
    size_t log_len, data_len;
};
/* What is acceptable now. */
struct reply_wish {
    uint32_t seq;
    uint32_t max_data; /* of a WIRE_RESULT */
};
void reply_reader_feed(struct reply_reader *r, const void *bytes, size_t len);
/* 1: *ret is a frame; 0: more bytes are needed; -1: the protocol was broken (ERR_INVALID says how). */
int reply_reader_next(struct reply_reader *r, const struct reply_wish *wish, struct reply *ret, struct error *err);
/* Bytes that came and belong to no frame returned. */
size_t reply_reader_pending(const struct reply_reader *r);
void reply_reader_done(struct reply_reader *r);

/* Copies `len` bytes of hostile text: control characters but tab and newline and malformed UTF-8 become '?'. */
void text_make_printable(struct buf *out, const char *text, size_t len);
