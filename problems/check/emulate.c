/* Emulation of a graph, node after node; the operators' `emulate` do the work. */
#include "problems/check/emulate.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "problems/graph/pieces.h"
#include "problems/ops/op.h"

#define PARTS 64

struct state {
    const struct bound *bound;
    const struct arithmetic *a;
    float **value; /* per tensor, or NULL */
};

static void state_done(struct state *s) {
    for (int i = 0; s->value && i < s->bound->n_tensors; i++) free(s->value[i]);
    free(s->value);
}

static float *floats(int64_t n, struct error *err) {
    float *p = malloc((size_t)(n > 0 ? n : 1) * sizeof *p);
    if (!p) error_set(err, ERR_NOMEM, "emulation: no memory for %lld numbers", (long long)n);
    return p;
}

static int read_input(struct state *s, int t, const void *data, struct error *err) {
    const struct tensor *x = &s->bound->tensor[t];
    if (x->dtype == DTYPE_I32) return error_set(err, ERR_UNSUPPORTED, "`%s` is i32: not emulated", x->name);
    if (!(s->value[t] = floats(x->elements, err))) return -1;
    const float *f = data;
    const uint16_t *h = data;
    for (int64_t i = 0; i < x->elements; i++)
        s->value[t][i] = number_round(s->a->inputs, x->dtype == DTYPE_F32 ? f[i] : number_from_half(h[i]));
    return 0;
}

/* Is operand k multiplied and summed up: what a tensor core would take in? */
static bool is_summed(const struct bound *b, const struct node *n, int k) {
    struct shape in[OP_MAX_INPUTS];
    if (!n->op->reduced_axis || !n->op->plain_sum) return false;
    for (int i = 0; i < n->n_in; i++) in[i] = b->tensor[n->in[i]].shape;
    return n->op->reduced_axis(n, in, k) >= 0;
}

struct rounding {
    enum number_format format;
    const float *from;
    float *to;
};

static void round_piece(void *context, int64_t begin, int64_t end) {
    const struct rounding *r = context;
    for (int64_t i = begin; i < end; i++) r->to[i] = number_round(r->format, r->from[i]);
}

static void part(void *context, int64_t begin, int64_t end) {
    struct op_emulation e = *(const struct op_emulation *)context;
    for (int64_t i = begin; i < end; i++) {
        e.part = (int)i;
        e.node->op->emulate(&e);
    }
}

static int run_node(struct state *s, const struct node *n, int threads, const volatile bool *cancel,
                    struct error *err) {
    const struct tensor *out = &s->bound->tensor[n->out];
    float *rounded[OP_MAX_INPUTS] = {NULL};
    struct op_emulation e = {.node = n, .arithmetic = s->a, .out_shape = &out->shape, .parts = PARTS};
    int status = 0;
    if (!n->op->emulate) return error_set(err, ERR_UNSUPPORTED, "the operator `%s` is not emulated", n->op->name);
    if (!(e.value = s->value[n->out] = floats(out->elements, err))) return -1;
    for (int k = 0; k < n->n_in && status == 0; k++) {
        const struct tensor *x = &s->bound->tensor[n->in[k]];
        e.in_shape[k] = &x->shape;
        e.in[k] = s->value[n->in[k]];
        if (s->a->operands == NUMBER_F32 || !is_summed(s->bound, n, k)) continue;
        if (!(rounded[k] = floats(x->elements, err))) status = -1;
        struct rounding r = {s->a->operands, e.in[k], rounded[k]};
        if (status == 0) pieces_run(x->elements, 1 << 16, threads, NULL, round_piece, &r);
        e.in[k] = rounded[k];
    }
    if (status == 0 && !pieces_run(PARTS, 1, threads, cancel, part, &e))
        status = error_set(err, ERR_CANCELLED, "emulation: cancelled");
    for (int k = 0; k < n->n_in; k++) free(rounded[k]);
    if (status != 0) return -1;
    struct rounding stored = {out->dtype == DTYPE_F16 ? NUMBER_F16 : NUMBER_F32, e.value, e.value};
    if (s->a->tensors != NUMBER_F32) stored.format = s->a->tensors;
    if (stored.format != NUMBER_F32 && out->dtype != DTYPE_I32)
        pieces_run(out->elements, 1 << 16, threads, NULL, round_piece, &stored);
    return 0;
}

static int run_graph(struct state *s, const void *const *data, int threads, const volatile bool *cancel,
                     struct error *err) {
    for (int t = 0; t < s->bound->n_tensors; t++)
        if (data[t] && read_input(s, t, data[t], err) != 0) return -1;
    for (int i = 0; i < s->bound->n_nodes; i++)
        if (run_node(s, &s->bound->node[i], threads, cancel, err) != 0) return -1;
    return 0;
}

static void *output(struct state *s, int t) {
    const struct tensor *x = &s->bound->tensor[t];
    if (x->dtype == DTYPE_F32) return TAKE(s->value[t]);
    if (x->dtype == DTYPE_I32) {
        int32_t *whole = xmalloc((size_t)x->elements * sizeof *whole);
        for (int64_t i = 0; i < x->elements; i++) whole[i] = (int32_t)s->value[t][i];
        return whole;
    }
    uint16_t *half = xmalloc((size_t)x->elements * sizeof *half);
    for (int64_t i = 0; i < x->elements; i++) half[i] = number_to_half(s->value[t][i]);
    return half;
}

int emulate(const struct bound *b, const void *const *data, const struct arithmetic *a, int threads,
            const volatile bool *cancel, void **ret_value, struct error *err) {
    CLEANUP(state_done)
    struct state s = {.bound = b, .a = a, .value = xcalloc((size_t)b->n_tensors, sizeof(float *))};
    if (run_graph(&s, data, threads, cancel, err) != 0) return -1;
    for (int i = 0; i < b->n_outputs; i++) ret_value[i] = output(&s, b->output[i]);
    return 0;
}

bool emulate_concerns(const struct bound *b, const struct arithmetic *a) {
    bool sums = false, products = false, reals = false;
    for (int i = 0; i < b->n_nodes; i++) {
        const struct node *n = &b->node[i];
        bool real = b->tensor[n->out].dtype != DTYPE_I32;
        reals |= real;
        sums |= real && n->op->reduced_axis;
        for (int k = 0; k < n->n_in; k++) products |= is_summed(b, n, k);
    }
    if (a->inputs != NUMBER_F32) return true;
    if (a->tensors != NUMBER_F32 || a->steps != NUMBER_F32 || a->coarse) return reals;
    if (a->operands != NUMBER_F32) return products;
    if (a->sums != NUMBER_F32 || a->order != ADD_IN_ORDER || a->fused) return sums;
    return true;
}
