/* The runner's end of the socket to its worker: whole frames, blocking. The worker is trusted; still, lengths are
 * checked. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "agent-node/runner/protocol.h"
#include "common/buf.h"
#include "common/error.h"

struct channel {
    int fd;
    uint32_t seq; /* of the request that is being answered */
};
/* Reads one request into `payload` (cleared first; its memory is given back after large ones). Returns 1, 0 when the
 * worker has gone, -1 with err on a frame that no worker sends. */
int channel_read(struct channel *c, struct wire_header *ret, struct buf *payload, struct error *err);
/* Send one frame of up to three parts. A worker that has gone ends the process: there is nobody left to serve. */
struct part {
    const void *data;
    size_t len;
};
void channel_send(struct channel *c, enum wire_type type, const struct part *part, int n_parts);
/* The result of the present request. `text` is cut to WIRE_MAX_LOG, head and tail kept. */
void channel_result(struct channel *c, enum wire_status status, uint32_t value, const char *text, size_t text_len,
                    const void *data, size_t data_len);
