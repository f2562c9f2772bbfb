/* What element-wise operators share. */
#include "problems/ops/elementwise.h"

#include "problems/baseline/emit.h"
#include "problems/ops/attr.h"

#include <math.h>
#include <string.h>

#define BLOCK 512

/* Operands of i32 alone, for an operator that takes them; a number in place of one must be whole. */
static int operands_whole(const struct node *n, const struct tensor *in, struct error *err) {
    if (n->n_in > 1 && in[1].dtype != DTYPE_I32)
        return error_set(err, ERR_INVALID, "%s: operands '%s' (i32) and '%s' (%s) differ in type", n->op->name,
                         in[0].name, in[1].name, dtype_name(in[1].dtype));
    double number = n->op->scalar_operand >= 0 && n->attr[OP_SCALAR].is_set ? n->attr[OP_SCALAR].f : 0;
    if (number == floor(number) && fabs(number) <= INT32_MAX) return 0;
    return error_set(err, ERR_INVALID, "%s: '%s' is i32, so its number must be a whole one of 32 bits, not %g",
                     n->op->name, in[0].name, number);
}

int elementwise_infer(const struct node *n, const struct tensor *in, struct tensor *out, struct error *err) {
    bool whole = n->op->integers && in[0].dtype == DTYPE_I32;
    if ((whole ? operands_whole : operands_real)(n, in, err) != 0) return -1;
    out->dtype = in[0].dtype;
    out->shape = in[0].shape;
    if (n->n_in < 2) return 0;
    if (shape_broadcast(&in[0].shape, &in[1].shape, &out->shape, err) != 0) return error_wrap(err, "%s", n->op->name);
    return 0;
}

int64_t elementwise_units(const struct node *n, const struct shape *in, const struct shape *out) {
    (void)n, (void)in;
    return shape_elements(out);
}

/* One operand: where its elements are, and room for a gathered block. */
struct source {
    const double *value, *scale;
    bool direct;
    double room[BLOCK], scale_room[BLOCK];
};

/* Offset of the output's element `index` in operand k. */
static int64_t offset_of(const struct emit_broadcast *b, int k, int64_t index) {
    int64_t offset = 0;
    for (int d = b->rank - 1; d >= 0; d--) {
        offset += index % b->dim[d] * b->stride[k][d];
        index /= b->dim[d];
    }
    return offset;
}

static void gather(const struct emit_broadcast *b, int k, struct source *s, const struct view *v, int64_t begin,
                   int n) {
    int64_t inner = b->dim[b->rank - 1], step = b->stride[k][b->rank - 1];
    int i = 0;
    while (i < n) {
        int64_t at = begin + i, run = inner - at % inner, offset = offset_of(b, k, at);
        if (run > n - i) run = n - i;
        for (int64_t j = 0; j < run; j++) s->room[i + j] = v->value[offset + j * step];
        if (v->scale)
            for (int64_t j = 0; j < run; j++) s->scale_room[i + j] = v->scale[offset + j * step];
        i += (int)run;
    }
}

static void load(const struct emit_broadcast *b, int k, struct source *s, const struct view *v, int64_t begin, int n) {
    if (s->direct) {
        s->value = v->value + begin;
        if (v->scale) s->scale = v->scale + begin;
    } else {
        gather(b, k, s, v, begin, n);
    }
}

static void source_init(struct source *s, bool direct) {
    s->direct = direct;
    memset(s->scale_room, 0, sizeof s->scale_room);
    s->value = s->room;
    s->scale = s->scale_room;
}

/* The number in place of a tensor, as kernels use it. */
static double scalar_of(const struct node *n) {
    return n->dtype == DTYPE_I32 ? n->attr[OP_SCALAR].f : (double)(float)n->attr[OP_SCALAR].f;
}

void elementwise_eval(const struct op_eval *e, int64_t begin, int64_t end, element_fn *fn) {
    const struct node *n = e->node;
    const struct shape *shapes[2] = {e->in[0].shape, n->n_in > 1 ? e->in[1].shape : NULL};
    struct emit_broadcast b;
    emit_broadcast_make(e->out_shape, shapes, n->n_in, &b);
    struct source s[2];
    for (int k = 0; k < 2; k++) source_init(&s[k], k < n->n_in && emit_broadcast_direct(&b, k));
    bool scalar = n->op->scalar_operand >= 0 && n->attr[OP_SCALAR].is_set;
    if (scalar)
        for (int i = 0; i < BLOCK; i++) s[1].room[i] = scalar_of(n);
    bool binary = n->n_in > 1 || scalar;
    for (int64_t at = begin; at < end; at += BLOCK) {
        int count = end - at < BLOCK ? (int)(end - at) : BLOCK;
        for (int k = 0; k < n->n_in; k++) load(&b, k, &s[k], &e->in[k], at, count);
        struct element_block block = {.e = e,
                                      .n = count,
                                      .a = s[0].value,
                                      .sa = s[0].scale,
                                      .b = binary ? s[1].value : NULL,
                                      .sb = s[1].scale,
                                      .y = e->value + at,
                                      .sy = e->scale + at};
        fn(&block);
    }
}

void elementwise_emulate(const struct op_emulation *e) {
    const struct node *n = e->node;
    const struct shape *shapes[2] = {e->in_shape[0], n->n_in > 1 ? e->in_shape[1] : NULL};
    struct emit_broadcast b;
    emit_broadcast_make(e->out_shape, shapes, n->n_in, &b);
    bool direct[2] = {emit_broadcast_direct(&b, 0), n->n_in > 1 && emit_broadcast_direct(&b, 1)};
    float number = n->op->scalar_operand >= 0 && n->attr[OP_SCALAR].is_set ? (float)n->attr[OP_SCALAR].f : 0.0f;
    int64_t begin, end;
    op_part(e, shape_elements(e->out_shape), &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        float x = e->in[0][direct[0] ? i : offset_of(&b, 0, i)];
        float y = n->n_in > 1 ? e->in[1][direct[1] ? i : offset_of(&b, 1, i)] : number;
        e->value[i] = n->op->emulate_element(n, e->arithmetic, x, y);
    }
}

void elementwise_cost(const struct shape *out, double flops, double oracle_flops, struct op_cost *ret) {
    double n = (double)shape_elements(out);
    *ret = (struct op_cost){.flops = flops * n, .oracle_flops = oracle_flops * n, .reduction = 1};
}

void elementwise_operand(const struct node *n, const char *const *operands, int k, struct buf *ret) {
    if (k == n->op->scalar_operand && n->attr[OP_SCALAR].is_set) {
        if (n->dtype == DTYPE_I32)
            buf_printf(ret, "(%lld)", (long long)n->attr[OP_SCALAR].f);
        else
            emit_float(ret, n->attr[OP_SCALAR].f);
        return;
    }
    buf_puts(ret, operands[k]);
}
