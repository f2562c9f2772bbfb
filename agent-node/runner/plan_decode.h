/* A plan as it came over the socket (struct wire_plan): numbers only. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "agent-node/backend/backend.h"
#include "agent-node/runner/protocol.h"
#include "common/error.h"

struct run_plan {
    char options[WIRE_MAX_OPTIONS];
    uint32_t n_macros, n_buffers, n_launches;
    const struct wire_macro *macro; /* into the payload */
    const struct wire_buffer *buffer;
    struct run_launch {
        char entry[64];
        struct backend_launch launch;
        struct backend_arg *arg;
    } * launch;
    const char *rest; /* what follows: source, text or binary; into the payload */
    size_t rest_len;
};
/* Decodes and checks counts, indices and names. ret points into `payload`, which must outlive it (launches excepted).
 */
int run_plan_decode(const void *payload, size_t len, struct run_plan *ret, struct error *err);
void run_plan_done(struct run_plan *p);
