/* Linear layer as PyTorch has it: y[..., o] = sum over i of x[..., i] * w[o][i], plus b[o] where there is a bias. */
#include "common/cleanup.h"
#include "problems/baseline/emit.h"
#include "problems/ops/attr.h"
#include "problems/ops/product.h"
#include "problems/ops/rounding.h"

#include <math.h>

static int linear_infer(const struct node *n, const struct tensor *in, struct tensor *out, struct error *err) {
    if (operands_real(n, in, err) != 0) return -1;
    const struct shape *x = &in[0].shape, *w = &in[1].shape;
    char sx[160], sw[160];
    shape_format(x, sx), shape_format(w, sw);
    if (x->rank < 1 || w->rank != 2 || x->dim[x->rank - 1] != w->dim[1]) {
        error_set(err, ERR_INVALID, "linear: '%s' %s and weight '%s' %s do not fit", in[0].name, sx, in[1].name, sw);
        return error_hint(err, "the weight is [features out, features in], as in PyTorch");
    }
    if (n->n_in > 2 && (in[2].shape.rank != 1 || in[2].shape.dim[0] != w->dim[0]))
        return error_set(err, ERR_INVALID, "linear: bias '%s' must have shape [%lld]", in[2].name,
                         (long long)w->dim[0]);
    out->dtype = in[0].dtype;
    out->shape = *x;
    out->shape.dim[x->rank - 1] = w->dim[0];
    return 0;
}

static int64_t rows_of(const struct shape *x) {
    return shape_elements(x) / x->dim[x->rank - 1];
}

static int64_t linear_units(const struct node *n, const struct shape *in, const struct shape *out) {
    (void)n;
    return product_units(1, rows_of(out), in[1].dim[0]);
}

static void fetch_x(void *context, int64_t matrix, int64_t r0, int rows, int64_t c0, int columns, double *value,
                    double *scale, int stride) {
    (void)matrix;
    const struct op_eval *e = context;
    const struct view *v = &e->in[0];
    product_fetch_dense(v->value, v->scale, v->shape->dim[v->shape->rank - 1], 1, r0, rows, c0, columns, value, scale,
                        stride);
}

static void fetch_w(void *context, int64_t matrix, int64_t r0, int rows, int64_t c0, int columns, double *value,
                    double *scale, int stride) {
    (void)matrix;
    const struct op_eval *e = context;
    const struct view *v = &e->in[1];
    product_fetch_dense(v->value, v->scale, 1, v->shape->dim[1], r0, rows, c0, columns, value, scale, stride);
}

static void store(void *context, int64_t matrix, int64_t m0, int rows, int64_t n0, int columns, const double *value,
                  const double *scale) {
    (void)matrix;
    const struct op_eval *e = context;
    const struct view *bias = e->node->n_in > 2 ? &e->in[2] : NULL;
    int64_t n = e->in[1].shape->dim[0];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            int64_t at = (m0 + i) * n + n0 + j;
            double b = bias ? bias->value[n0 + j] : 0.0, sb = bias && bias->scale ? bias->scale[n0 + j] : 0.0;
            e->value[at] = value[i * PRODUCT_COLUMNS + j] + b;
            e->scale[at] = scale[i * PRODUCT_COLUMNS + j] + ROUND_BASIC * fabs(b) * e->one + sb;
        }
}

static void linear_eval(const struct op_eval *e, int64_t begin, int64_t end) {
    struct op_eval copy = *e;
    struct product p = {.matrices = 1,
                        .m = rows_of(e->out_shape),
                        .n = e->in[1].shape->dim[0],
                        .k = e->in[1].shape->dim[1],
                        .own = e->sum,
                        .a_exact = !e->in[0].scale,
                        .b_exact = !e->in[1].scale,
                        .fetch_a = fetch_x,
                        .fetch_b = fetch_w,
                        .store = store,
                        .context = &copy};
    product_run(&p, begin, end);
}

static void linear_cost(const struct node *n, const struct shape *in, const struct shape *out, struct op_cost *ret) {
    double elements = (double)shape_elements(out), k = (double)in[1].dim[1];
    double bias = n->n_in > 2;
    *ret = (struct op_cost){.flops = elements * (2 * k + bias),
                            .oracle_flops = elements * (6 * k + 200),
                            .reduction = in[1].dim[1] + (n->n_in > 2)};
}

static int linear_reduced_axis(const struct node *n, const struct shape *in, int k) {
    (void)n;
    return k < 2 ? in[k].rank - 1 : -1;
}

/* A work-item computes four rows of one column; the last launch of a long sum adds the bias. */
static const char KERNEL_HEAD[] =
    "__kernel void $E(__global const T_$0 *restrict x, __global const T_$1 *restrict w, __global T_$Y *restrict y,\n"
    "    int m, int n, long kk, long k0, int count, int first";
static const char KERNEL_SUM[] =
    ")\n{\n"
    "    long column = get_global_id(0), row = get_global_id(1) * 4;\n"
    "    if (column >= n || row >= m) return;\n"
    "    int rows = (int)min((long)m - row, 4l);\n"
    "    __global const T_$0 *x0 = x + row * kk + k0;\n"
    "    __global const T_$0 *x1 = x0 + (rows > 1 ? kk : 0), *x2 = x0 + (rows > 2 ? 2 * kk : 0);\n"
    "    __global const T_$0 *x3 = x0 + (rows > 3 ? 3 * kk : 0);\n"
    "    __global const T_$1 *pw = w + column * kk + k0;\n"
    "    float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;\n"
    "    for (int k = 0; k < count; k++) {\n"
    "        float v = LD_$1(pw, k);\n"
    "        s0 += LD_$0(x0, k) * v;\n"
    "        s1 += LD_$0(x1, k) * v;\n"
    "        s2 += LD_$0(x2, k) * v;\n"
    "        s3 += LD_$0(x3, k) * v;\n"
    "    }\n"
    "    __global T_$Y *py = y + row * n + column;\n"
    "    long nn = n;\n";
static const char KERNEL_BIAS[] =
    "    float shift = last ? LD_$2(b, column) : 0.0f;\n"
    "    s0 += shift, s1 += shift, s2 += shift, s3 += shift;\n";
static const char KERNEL_STORE[] =
    "    ST_$Y(py, 0, first ? s0 : LD_$Y(py, 0) + s0);\n"
    "    if (rows > 1) ST_$Y(py, nn, first ? s1 : LD_$Y(py, nn) + s1);\n"
    "    if (rows > 2) ST_$Y(py, 2 * nn, first ? s2 : LD_$Y(py, 2 * nn) + s2);\n"
    "    if (rows > 3) ST_$Y(py, 3 * nn, first ? s3 : LD_$Y(py, 3 * nn) + s3);\n"
    "}\n";

static int linear_emit(const struct node *n, struct op_emit *e, struct error *err) {
    bool bias = n->n_in > 2;
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    buf_puts(&text, KERNEL_HEAD);
    if (bias) buf_puts(&text, ", __global const T_$2 *restrict b, int last");
    buf_puts(&text, KERNEL_SUM);
    if (bias) buf_puts(&text, KERNEL_BIAS);
    buf_puts(&text, KERNEL_STORE);
    const char *entry = emit_node_kernel(e, n, bias ? "_bias" : "", text.data);
    const struct shape *x = emit_shape_of(e, n->in[0]), *w = emit_shape_of(e, n->in[1]);
    int64_t m = rows_of(x), columns = w->dim[0], k = w->dim[1];
    for (int64_t k0 = 0; k0 < k; k0 += EMIT_MAX_ITERATIONS) {
        int64_t count = k - k0 < EMIT_MAX_ITERATIONS ? k - k0 : EMIT_MAX_ITERATIONS;
        const struct emit_arg args[] = {emit_tensor(n->in[0]),
                                        emit_tensor(n->in[1]),
                                        emit_tensor(n->out),
                                        emit_i32(m),
                                        emit_i32(columns),
                                        emit_i64(k),
                                        emit_i64(k0),
                                        emit_i32(count),
                                        emit_i32(k0 == 0),
                                        emit_tensor(n->in[bias ? 2 : 0]),
                                        emit_i32(k0 + count == k)};
        struct emit_range range = emit_range_2d(columns, (m + 3) / 4, EMIT_LOCAL, 1);
        if (emit_launch(e, entry, args, bias ? 11 : 9, range, err) != 0) return -1;
    }
    return 0;
}

static void linear_emulate(const struct op_emulation *e) {
    int64_t n = e->in_shape[1]->dim[0], k = e->in_shape[1]->dim[1], begin, end;
    const float *bias = e->node->n_in > 2 ? e->in[2] : NULL;
    op_part(e, rows_of(e->out_shape), &begin, &end);
    for (int64_t row = begin; row < end; row++)
        for (int64_t j = 0; j < n; j++) {
            float s = arithmetic_dot(e->arithmetic, e->in[0] + row * k, 1, e->in[1] + j * k, 1, k);
            e->value[row * n + j] = bias ? arithmetic_add(e->arithmetic, s, bias[j]) : s;
        }
}

static const struct attr_spec linear_attrs[] = {{.name = NULL}};

const struct op op_linear = {
    .name = "linear",
    .min_inputs = 2,
    .max_inputs = 3,
    .scalar_operand = -1,
    .attrs = linear_attrs,
    .infer = linear_infer,
    .units = linear_units,
    .eval = linear_eval,
    .cost = linear_cost,
    .reduced_axis = linear_reduced_axis,
    .plain_sum = true,
    .emulate = linear_emulate,
    .emit_plain = linear_emit,
};
