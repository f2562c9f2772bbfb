#include "agent-node/worker/plan_encode.h"

#include <string.h>

#include "agent-node/runner/protocol.h"

static int encode_launch(const struct plan_launch *l, int at, struct buf *out, struct error *err) {
    if (l->n_args < 0 || l->n_args > WIRE_MAX_ARGS || l->dims < 1 || l->dims > 3)
        return error_set(err, ERR_LIMIT, "launch %d has %d arguments and %d dimensions (at most %d and 3)", at + 1,
                         l->n_args, l->dims, WIRE_MAX_ARGS);
    struct wire_launch w = {.args = (uint32_t)l->n_args, .dims = (uint32_t)l->dims, .has_local = l->has_local};
    memcpy(w.entry, l->entry, strnlen(l->entry, sizeof w.entry - 1));
    for (int i = 0; i < 3; i++) {
        w.global[i] = i < l->dims ? l->global[i] : 1;
        w.local[i] = i < l->dims ? l->local[i] : 1;
    }
    buf_append(out, &w, sizeof w);
    for (int i = 0; i < l->n_args; i++) {
        struct wire_arg a = {.kind = (uint32_t)l->arg[i].kind, l->arg[i].buffer, l->arg[i].i, l->arg[i].f, 0};
        buf_append(out, &a, sizeof a);
    }
    return 0;
}

int plan_encode(const struct plan *plan, const void *rest, size_t rest_len, struct buf *out, struct error *err) {
    struct wire_plan w = {.macros = (uint32_t)plan->n_macros,
                          .buffers = (uint32_t)plan->n_buffers,
                          .launches = (uint32_t)plan->n_launches};
    const char *options = plan->options ? plan->options : "";
    if (plan->n_macros < 0 || plan->n_macros > WIRE_MAX_MACROS || plan->n_buffers < 0 ||
        plan->n_buffers > WIRE_MAX_BUFFERS || plan->n_launches < 0 || plan->n_launches > WIRE_MAX_LAUNCHES ||
        strlen(options) >= sizeof w.options)
        return error_set(err, ERR_LIMIT,
                         "plan of %d macros, %d buffers, %d launches, %zu bytes of options is over a limit",
                         plan->n_macros, plan->n_buffers, plan->n_launches, strlen(options));
    memcpy(w.options, options, strlen(options));
    buf_append(out, &w, sizeof w);
    for (int i = 0; i < plan->n_macros; i++) {
        struct wire_macro m = {.value = plan->macro[i].value};
        memcpy(m.name, plan->macro[i].name, strnlen(plan->macro[i].name, sizeof m.name - 1));
        buf_append(out, &m, sizeof m);
    }
    for (int i = 0; i < plan->n_buffers; i++)
        buf_append(out, &(struct wire_buffer){plan->buffer[i].bytes}, sizeof(struct wire_buffer));
    for (int i = 0; i < plan->n_launches; i++)
        if (encode_launch(&plan->launch[i], i, out, err) < 0) return -1;
    buf_append(out, rest, rest_len);
    return 0;
}
