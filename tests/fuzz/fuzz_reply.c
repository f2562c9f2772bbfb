/* Any bytes as what a runner says: nothing but whole, bounded frames comes out, whatever the bytes and however they are
 * cut. The first byte chooses the length of the pieces they arrive in, the second the sequence number that is open. */
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/runner_wire.h"
#include "common/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_DATA 4096

static void require(bool holds) {
    if (!holds) abort();
}

static void check_text(const char *text, size_t len) {
    struct buf clean = BUF_INIT;
    text_make_printable(&clean, text, len);
    for (size_t i = 0; i < clean.len;) {
        uint32_t c = 0;
        size_t n = utf8_decode(clean.data + i, clean.len - i, &c);
        require(n > 0 && (c >= 0x20 || c == '\n' || c == '\t') && c != 0x1b);
        i += n;
    }
    buf_done(&clean);
}

/* Touches every byte that the frame says it has. */
static unsigned check_frame(const struct reply *r) {
    unsigned sum = 0;
    require(r->type >= WIRE_HELLO && r->type <= WIRE_CLAIM);
    if (r->type == WIRE_HELLO) check_text(r->hello.text, strlen(r->hello.text));
    if (r->type == WIRE_PHASE) require(r->phase < WIRE_PHASE_COUNT);
    if (r->type != WIRE_RESULT) return 0;
    require(r->status < WIRE_STATUS_COUNT && r->log_len <= WIRE_MAX_LOG && r->data_len <= MAX_DATA);
    check_text(r->log, r->log_len);
    for (size_t i = 0; i < r->data_len; i++) sum += r->data[i];
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    size_t piece = data[0] ? data[0] : 65536;
    struct reply_wish wish = {data[1], MAX_DATA};
    struct reply_reader reader = {0};
    struct reply reply;
    struct error err = ERROR_INIT;
    int got = 0;
    data += 2, size -= 2;
    while (size && got >= 0) {
        size_t n = size < piece ? size : piece;
        reply_reader_feed(&reader, data, n);
        data += n, size -= n;
        while ((got = reply_reader_next(&reader, &wish, &reply, &err)) > 0) check_frame(&reply);
        if (got < 0) require(err.code == ERR_INVALID && *err.text);
        /* What waits for more is never longer than the longest frame and what one piece added. */
        require(reply_reader_pending(&reader) <=
                sizeof(struct wire_header) + sizeof(struct wire_result) + WIRE_MAX_LOG + MAX_DATA + piece);
    }
    reply_reader_done(&reader);
    return 0;
}
