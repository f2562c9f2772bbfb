#include "agent-node/runner/plan_decode.h"

#include <stdlib.h>
#include <string.h>

struct reader {
    const char *at;
    size_t left;
};

static const void *take(struct reader *r, size_t len) {
    if (len > r->left) return NULL;
    const void *p = r->at;
    r->at += len;
    r->left -= len;
    return p;
}

static int malformed(struct error *err, const char *what) {
    return error_set(err, ERR_INVALID, "malformed plan: %s", what);
}

static int decode_launch(struct reader *r, uint32_t n_buffers, struct run_launch *ret, struct error *err) {
    struct wire_launch w;
    const void *p = take(r, sizeof w);
    if (!p) return malformed(err, "cut short in a launch");
    memcpy(&w, p, sizeof w);
    if (w.args > WIRE_MAX_ARGS || w.dims < 1 || w.dims > 3 || !memchr(w.entry, 0, sizeof w.entry))
        return malformed(err, "a launch's counts or name");
    const char *args = take(r, w.args * sizeof(struct wire_arg));
    if (!args) return malformed(err, "cut short in arguments");
    memcpy(ret->entry, w.entry, sizeof ret->entry);
    ret->arg = xcalloc(w.args, sizeof *ret->arg);
    for (uint32_t i = 0; i < w.args; i++) {
        struct wire_arg a;
        memcpy(&a, args + i * sizeof a, sizeof a);
        if (a.kind > BACKEND_ARG_LOCAL) return malformed(err, "an argument's kind");
        if (a.kind == BACKEND_ARG_BUFFER && (a.buffer < 0 || (uint32_t)a.buffer >= n_buffers))
            return malformed(err, "an argument's buffer");
        ret->arg[i] = (struct backend_arg){(enum backend_arg_kind)a.kind, a.buffer, a.i, a.f};
    }
    ret->launch = (struct backend_launch){ret->entry, (int)w.args, ret->arg, (int)w.dims, {0}, {0}, w.has_local != 0};
    for (int i = 0; i < 3; i++) {
        ret->launch.global[i] = w.global[i];
        ret->launch.local[i] = w.local[i];
    }
    return 0;
}

static int decode(struct reader *r, struct run_plan *ret, struct error *err) {
    const struct wire_plan *p = take(r, sizeof *p);
    if (!p) return malformed(err, "cut short");
    const struct wire_plan w = *p;
    if (!memchr(w.options, 0, sizeof w.options)) return malformed(err, "its options");
    if (w.macros > WIRE_MAX_MACROS || w.buffers > WIRE_MAX_BUFFERS || w.launches > WIRE_MAX_LAUNCHES)
        return malformed(err, "too many of something");
    ret->macro = take(r, w.macros * sizeof *ret->macro);
    ret->buffer = take(r, w.buffers * sizeof *ret->buffer);
    if (!ret->macro || !ret->buffer) return malformed(err, "cut short");
    memcpy(ret->options, w.options, sizeof ret->options);
    ret->n_macros = w.macros;
    ret->n_buffers = w.buffers;
    ret->launch = xcalloc(w.launches, sizeof *ret->launch);
    for (uint32_t i = 0; i < w.launches; i++) {
        ret->n_launches = i + 1;
        if (decode_launch(r, w.buffers, &ret->launch[i], err) < 0) return -1;
    }
    ret->rest = r->at;
    ret->rest_len = r->left;
    return 0;
}

int run_plan_decode(const void *payload, size_t len, struct run_plan *ret, struct error *err) {
    *ret = (struct run_plan){0};
    struct reader r = {payload, len};
    if (decode(&r, ret, err) == 0) return 0;
    run_plan_done(ret);
    return -1;
}

void run_plan_done(struct run_plan *p) {
    for (uint32_t i = 0; i < p->n_launches; i++) free(p->launch[i].arg);
    free(p->launch);
    *p = (struct run_plan){0};
}
