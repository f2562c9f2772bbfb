/* Layer norm (Ba et al., arXiv 1607.06450) over the trailing axes, as many as gamma has:
 * y = (x - mean) / sqrt(variance + eps) * gamma + beta. */
#include "common/cleanup.h"
#include "problems/baseline/emit.h"
#include "problems/ops/attr.h"
#include "problems/ops/rounding.h"
#include "problems/ops/rows.h"

#include <math.h>

#define SLOT_EPS 0
enum { X, GAMMA, BETA };

static int trailing(const struct node *n, const struct tensor *in, int k, struct error *err) {
    const struct shape *x = &in[X].shape, *s = &in[k].shape;
    int first = x->rank - s->rank;
    for (int i = 0; first >= 0 && i < s->rank; i++)
        if (s->dim[i] != x->dim[first + i]) first = -1;
    if (s->rank >= 1 && first >= 0) return 0;
    char sx[160], ss[160];
    shape_format(x, sx), shape_format(s, ss);
    return error_set(err, ERR_INVALID, "%s: '%s' %s must have the shape of the last axes of '%s' %s", n->op->name,
                     in[k].name, ss, in[X].name, sx);
}

static int layer_norm_infer(const struct node *n, const struct tensor *in, struct tensor *out, struct error *err) {
    if (operands_real(n, in, err) != 0 || trailing(n, in, GAMMA, err) != 0) return -1;
    if (!shape_equal(&in[GAMMA].shape, &in[BETA].shape))
        return error_set(err, ERR_INVALID, "layer_norm: '%s' and '%s' differ in shape", in[GAMMA].name, in[BETA].name);
    if (!(attr_float(n, SLOT_EPS) > 0)) return error_set(err, ERR_INVALID, "layer_norm: eps must be above 0");
    out->dtype = in[X].dtype;
    out->shape = in[X].shape;
    return 0;
}

static int64_t layer_norm_units(const struct node *n, const struct shape *in, const struct shape *out) {
    (void)n;
    return rows_trailing(out, in[GAMMA].rank).outer;
}

/* What a row's statistics are, and how uncertain. */
struct moments {
    double mean, reciprocal; /* of the standard deviation with eps */
    double mean_error;       /* rounding of the mean: sum of magnitudes over n, and the quotient */
    double sx_mean;          /* mean of the inputs' scales */
    double sx_projected;     /* mean of |normalised| * sx */
};

static struct moments moments_of(const struct op_eval *e, const double *x, const double *sx, int64_t length,
                                 double eps) {
    struct moments m = {0};
    double sum = 0.0, magnitude = 0.0, squares = 0.0, n = (double)length;
    for (int64_t i = 0; i < length; i++) sum += x[i], magnitude += fabs(x[i]);
    m.mean = sum / n;
    for (int64_t i = 0; i < length; i++) squares += (x[i] - m.mean) * (x[i] - m.mean);
    m.reciprocal = 1.0 / sqrt(squares / n + eps);
    m.mean_error = ROUND_BASIC * (magnitude / n * e->sum + fabs(m.mean) * e->one);
    if (sx)
        for (int64_t i = 0; i < length; i++) {
            m.sx_mean += sx[i] / n;
            m.sx_projected += fabs(x[i] - m.mean) * m.reciprocal * sx[i] / n;
        }
    return m;
}

/* Own roundings of the normalised value, in units of itself: subtraction here (1) and through the variance (1), its
 * squares and quotient (2, halved by the square root), square root and reciprocal, two products; and the sum of
 * squares, halved. */
#define OWN (1.0 + 1.0 + 1.0 + ROUND_SQRT + ROUND_DIV + 2.0)
#define OWN_SUM 0.5

/* The input's errors pass through d(normalised[i])/dx[j] = r (delta[i][j] - 1/n - normalised[i] normalised[j] / n); the
 * mean's error shifts a row and, to first order, leaves the variance alone (two passes or Welford; the one-pass formula
 * E[x^2] - mean^2 is not granted its cancellation). */
static void layer_norm_row(const struct op_eval *e, int64_t row, int64_t length, double eps) {
    const double *x = e->in[X].value + row * length, *sx = e->in[X].scale ? e->in[X].scale + row * length : NULL;
    const double *gamma = e->in[GAMMA].value, *sg = e->in[GAMMA].scale;
    const double *beta = e->in[BETA].value, *sb = e->in[BETA].scale;
    double *y = e->value + row * length, *s = e->scale + row * length;
    struct moments m = moments_of(e, x, sx, length, eps);
    for (int64_t i = 0; i < length; i++) {
        double z = (x[i] - m.mean) * m.reciprocal, size = fabs(z);
        double input = m.reciprocal * ((sx ? sx[i] : 0.0) + m.sx_mean + m.mean_error + size * m.sx_projected);
        y[i] = z * gamma[i] + beta[i];
        s[i] = fabs(gamma[i]) * (input + (OWN * e->one + OWN_SUM * e->sum) * size) + (sg ? sg[i] * size : 0.0) +
               (sb ? sb[i] : 0.0) + ROUND_BASIC * fabs(y[i]) * e->one;
    }
}

static double eps_of(const struct node *n) {
    return (double)(float)attr_float(n, SLOT_EPS);
}

static void layer_norm_eval(const struct op_eval *e, int64_t begin, int64_t end) {
    int64_t length = shape_elements(e->in[GAMMA].shape);
    for (int64_t row = begin; row < end; row++) layer_norm_row(e, row, length, eps_of(e->node));
}

static void layer_norm_cost(const struct node *n, const struct shape *in, const struct shape *out,
                            struct op_cost *ret) {
    (void)n;
    double elements = (double)shape_elements(out);
    *ret = (struct op_cost){
        .flops = 8 * elements, .oracle_flops = 200 * elements, .reduction = shape_elements(&in[GAMMA])};
}

static int layer_norm_reduced_axis(const struct node *n, const struct shape *in, int k) {
    (void)n;
    return k == X ? in[X].rank - 1 : -1;
}

/* Each row in `parts`, interleaved: mean and sum of squared deviations of every part, then of the row (Chan et al.,
 * "Updating formulae and a pairwise algorithm for computing sample variances", 1979), then the elements. */
static const char PARTIAL[] =
    "__kernel void $E(__global const T_$0 *restrict x, __global float *restrict mean, __global float *restrict "
    "square,\n"
    "    long items, int length, int parts)\n"
    "{\n"
    "    long i = get_global_id(0);\n"
    "    if (i >= items) return;\n"
    "    int part = (int)(i - i / parts * parts);\n"
    "    __global const T_$0 *row = x + i / parts * length;\n"
    "    float s = 0.0f, q = 0.0f;\n"
    "    for (int j = part; j < length; j += parts) s += LD_$0(row, j);\n"
    "    float m = s / (float)((length - part + parts - 1) / parts);\n"
    "    for (int j = part; j < length; j += parts) {\n"
    "        float d = LD_$0(row, j) - m;\n"
    "        q += d * d;\n"
    "    }\n"
    "    mean[i] = m;\n"
    "    square[i] = q;\n"
    "}\n";
static const char COMBINE[] =
    "__kernel void $E(__global const float *restrict mean, __global const float *restrict square,\n"
    "    __global float *restrict row_mean, __global float *restrict reciprocal, long rows, int length, int parts, "
    "float eps)\n"
    "{\n"
    "    long i = get_global_id(0);\n"
    "    if (i >= rows) return;\n"
    "    __global const float *m = mean + i * parts, *q = square + i * parts;\n"
    "    float s = 0.0f, v = 0.0f;\n"
    "    for (int p = 0; p < parts; p++) s += m[p] * (float)((length - p + parts - 1) / parts);\n"
    "    s /= (float)length;\n"
    "    for (int p = 0; p < parts; p++) {\n"
    "        float d = m[p] - s;\n"
    "        v += q[p] + d * d * (float)((length - p + parts - 1) / parts);\n"
    "    }\n"
    "    row_mean[i] = s;\n"
    "    reciprocal[i] = 1.0f / sqrt(v / (float)length + eps);\n"
    "}\n";
static const char APPLY[] =
    "__kernel void $E(__global const T_$0 *restrict x, __global const T_$1 *restrict gamma,\n"
    "    __global const T_$2 *restrict beta, __global const float *restrict mean, __global const float *restrict "
    "reciprocal,\n"
    "    __global T_$Y *restrict y, long items, int length)\n"
    "{\n"
    "    long i = get_global_id(0);\n"
    "    if (i >= items) return;\n"
    "    long row = i / length, j = i - row * length;\n"
    "    ST_$Y(y, i, (LD_$0(x, i) - mean[row]) * reciprocal[row] * LD_$1(gamma, j) + LD_$2(beta, j));\n"
    "}\n";

static int layer_norm_emit(const struct node *n, struct op_emit *e, struct error *err) {
    const struct shape *x = emit_shape_of(e, n->in[X]);
    struct rows r = rows_trailing(x, emit_shape_of(e, n->in[GAMMA])->rank);
    int64_t parts = rows_parts(&r), items = r.outer * parts, elements = shape_elements(x);
    int mean = emit_scratch_new(e, DTYPE_F32, items), square = emit_scratch_new(e, DTYPE_F32, items);
    int row_mean = emit_scratch_new(e, DTYPE_F32, r.outer), reciprocal = emit_scratch_new(e, DTYPE_F32, r.outer);
    if (EMIT_LAUNCH(e, emit_node_kernel(e, n, "_partial", PARTIAL), emit_range_1d(items), err, emit_tensor(n->in[X]),
                    emit_scratch(mean), emit_scratch(square), emit_i64(items), emit_i32(r.length),
                    emit_i32(parts)) != 0)
        return -1;
    if (EMIT_LAUNCH(e, emit_node_kernel(e, n, "_combine", COMBINE), emit_range_1d(r.outer), err, emit_scratch(mean),
                    emit_scratch(square), emit_scratch(row_mean), emit_scratch(reciprocal), emit_i64(r.outer),
                    emit_i32(r.length), emit_i32(parts), emit_f32(eps_of(n))) != 0)
        return -1;
    return EMIT_LAUNCH(e, emit_node_kernel(e, n, "_apply", APPLY), emit_range_1d(elements), err, emit_tensor(n->in[X]),
                       emit_tensor(n->in[GAMMA]), emit_tensor(n->in[BETA]), emit_scratch(row_mean),
                       emit_scratch(reciprocal), emit_tensor(n->out), emit_i64(elements), emit_i32(r.length));
}

static void layer_norm_emulate(const struct op_emulation *e) {
    const struct arithmetic *a = e->arithmetic;
    int64_t length = shape_elements(e->in_shape[GAMMA]), begin, end;
    op_part(e, rows_trailing(e->out_shape, e->in_shape[GAMMA]->rank).outer, &begin, &end);
    for (int64_t row = begin; row < end; row++) {
        const float *x = e->in[X] + row * length;
        float *y = e->value + row * length;
        float mean = arithmetic_step(a, arithmetic_dot(a, x, 1, NULL, 0, length) / (float)length);
        for (int64_t i = 0; i < length; i++) y[i] = arithmetic_step(a, x[i] - mean);
        float variance = arithmetic_step(a, arithmetic_dot(a, y, 1, y, 1, length) / (float)length);
        float reciprocal = arithmetic_div(a, 1.0f, arithmetic_sqrt(a, variance + (float)eps_of(e->node)));
        for (int64_t i = 0; i < length; i++)
            y[i] = arithmetic_step(a, arithmetic_step(a, y[i] * reciprocal) * e->in[GAMMA][i]) + e->in[BETA][i];
    }
}

static const struct attr_spec layer_norm_attrs[] = {
    [SLOT_EPS] = {.name = "eps", .kind = ATTR_FLOAT, .fallback = 1e-5},
    {.name = NULL},
};

const struct op op_layer_norm = {
    .name = "layer_norm",
    .min_inputs = 3,
    .max_inputs = 3,
    .scalar_operand = -1,
    .attrs = layer_norm_attrs,
    .infer = layer_norm_infer,
    .units = layer_norm_units,
    .eval = layer_norm_eval,
    .cost = layer_norm_cost,
    .reduced_axis = layer_norm_reduced_axis,
    .emulate = layer_norm_emulate,
    .emit_plain = layer_norm_emit,
};
