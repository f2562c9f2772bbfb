/* Broadcasting, and the plain kernel of every element-wise operator. */
#include "common/cleanup.h"
#include "problems/baseline/emit_internal.h"
#include "problems/ops/op.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Stride of operand `in` along the output's axis `axis`, 0 where it is broadcast. */
static int64_t natural_stride(const struct shape *out, const struct shape *in, int axis) {
    int own = axis - (out->rank - in->rank);
    if (own < 0 || in->dim[own] == 1) return 0;
    int64_t stride = 1;
    for (int i = own + 1; i < in->rank; i++) stride *= in->dim[i];
    return stride;
}

void emit_broadcast_make(const struct shape *out, const struct shape *const *in, int n, struct emit_broadcast *ret) {
    *ret = (struct emit_broadcast){.n = n};
    for (int axis = 0; axis < out->rank; axis++) {
        if (out->dim[axis] == 1) continue;
        int last = ret->rank - 1;
        bool merge = last >= 0;
        for (int k = 0; k < n && merge; k++)
            merge = ret->stride[k][last] == natural_stride(out, in[k], axis) * out->dim[axis];
        if (!merge) ret->dim[++last] = 1;
        ret->rank = last + 1;
        ret->dim[last] *= out->dim[axis];
        for (int k = 0; k < n; k++) ret->stride[k][last] = natural_stride(out, in[k], axis);
    }
    if (ret->rank > 0) return;
    ret->rank = 1; /* a single element */
    ret->dim[0] = 1;
    for (int k = 0; k < n; k++) ret->stride[k][0] = 1;
}

bool emit_broadcast_direct(const struct emit_broadcast *b, int k) {
    int64_t stride = 1;
    for (int d = b->rank - 1; d >= 0; d--) {
        if (b->stride[k][d] != stride) return false;
        stride *= b->dim[d];
    }
    return true;
}

static void declare(struct buf *params, struct emit_arg *args, size_t *n_args, const char *name, int64_t value) {
    buf_printf(params, ", int %s", name);
    args[(*n_args)++] = emit_i32(value);
}

/* The offset of operand k as a sum over the axes it has; <prefix>i<d> are the coordinates. */
static void operand_offset(const struct emit_broadcast *b, int k, const char *prefix, struct buf *params,
                           struct buf *body, struct emit_arg *args, size_t *n_args) {
    buf_printf(body, "    long %so%d = 0", prefix, k);
    for (int d = 0; d < b->rank; d++) {
        if (b->stride[k][d] == 0) continue;
        buf_printf(body, " + %si%d", prefix, d);
        if (b->stride[k][d] == 1) continue;
        char name[64];
        snprintf(name, sizeof name, "%ss%d_%d", prefix, k, d);
        declare(params, args, n_args, name, b->stride[k][d]);
        buf_printf(body, " * %s", name);
    }
    buf_puts(body, ";\n");
}

void emit_broadcast_code(const struct emit_broadcast *b, const char *prefix, const char *index, struct buf *params,
                         struct buf *body, struct emit_arg *args, size_t *n_args) {
    bool needed = false;
    for (int k = 0; k < b->n; k++) needed |= !emit_broadcast_direct(b, k);
    if (!needed) return;
    buf_printf(body, "    long %si0 = %s;\n", prefix, index);
    for (int d = b->rank - 1; d > 0; d--) {
        char name[64];
        snprintf(name, sizeof name, "%sd%d", prefix, d);
        declare(params, args, n_args, name, b->dim[d]);
        buf_printf(body, "    long %si%d = %si0 - %si0 / %s * %s;\n", prefix, d, prefix, prefix, name, name);
        buf_printf(body, "    %si0 /= %s;\n", prefix, name);
    }
    for (int k = 0; k < b->n; k++)
        if (!emit_broadcast_direct(b, k)) operand_offset(b, k, prefix, params, body, args, n_args);
}

void emit_float(struct buf *out, double v) {
    float f = (float)v;
    if (isnan(f))
        buf_puts(out, "NAN");
    else if (isinf(f))
        buf_puts(out, f > 0 ? "INFINITY" : "(-INFINITY)");
    else
        buf_printf(out, f < 0 ? "(%af)" : "%af", (double)f);
}

/* "__kernel void $E(inputs, output, items, broadcasting) { v0 = ...; y[i] = <expression>; }" */
static int kernel_text(const struct node *n, const struct emit_broadcast *b, const struct buf *params,
                       const struct buf *offsets, struct buf *text, struct error *err) {
    static const char *const NAMES[] = {"v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7"};
    CLEANUP(buf_done) struct buf expression = BUF_INIT;
    if (n->op->emit_element(n, NAMES, &expression) != 0)
        return error_set(err, ERR_UNSUPPORTED, "%s has no expression per element", n->op->name);
    buf_puts(text, "__kernel void $E(");
    for (int k = 0; k < n->n_in; k++) buf_printf(text, "__global const T_$%d *restrict x%d, ", k, k);
    buf_printf(text, "__global T_$Y *restrict y, long items%s)\n{\n", params->data ? params->data : "");
    buf_puts(text, "    long i = get_global_id(0);\n    if (i >= items) return;\n");
    buf_puts(text, offsets->data ? offsets->data : "");
    for (int k = 0; k < n->n_in; k++) {
        if (emit_broadcast_direct(b, k))
            buf_printf(text, "    V_$%d v%d = LD_$%d(x%d, i);\n", k, k, k, k);
        else
            buf_printf(text, "    V_$%d v%d = LD_$%d(x%d, o%d);\n", k, k, k, k, k);
    }
    buf_printf(text, "    ST_$Y(y, i, %s);\n}\n", expression.data);
    return 0;
}

int emit_elementwise(const struct node *n, struct op_emit *e, struct error *err) {
    const struct shape *shapes[OP_MAX_INPUTS];
    struct emit_arg args[OP_MAX_INPUTS + 2 + EMIT_BROADCAST_ARGS];
    size_t n_args = 0;
    for (int k = 0; k < n->n_in; k++) {
        shapes[k] = emit_shape_of(e, n->in[k]);
        args[n_args++] = emit_tensor(n->in[k]);
    }
    int64_t items = shape_elements(emit_shape_of(e, n->out));
    args[n_args++] = emit_tensor(n->out);
    args[n_args++] = emit_i64(items);
    struct emit_broadcast b;
    emit_broadcast_make(emit_shape_of(e, n->out), shapes, n->n_in, &b);
    CLEANUP(buf_done) struct buf params = BUF_INIT, offsets = BUF_INIT, text = BUF_INIT;
    emit_broadcast_code(&b, "", "i", &params, &offsets, args, &n_args);
    if (kernel_text(n, &b, &params, &offsets, &text, err) != 0) return -1;
    return emit_launch(e, emit_node_kernel(e, n, "", text.data), args, n_args, emit_range_1d(items), err);
}
