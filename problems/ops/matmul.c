/* Matrix product over the last two axes, leading axes broadcast as NumPy does; either operand may be transposed. */
#include "common/cleanup.h"
#include "problems/baseline/emit.h"
#include "problems/ops/attr.h"
#include "problems/ops/product.h"

enum { SLOT_TRANSPOSE_A, SLOT_TRANSPOSE_B };

/* One matrix of each operand: sizes, steps between elements, and where each of the batch lies. */
struct layout {
    int64_t matrices, m, n, k;
    int64_t a_row, a_column, b_row, b_column;
    struct shape lead, lead_a, lead_b;
};

static struct shape leading(const struct shape *s) {
    struct shape r = *s;
    r.rank = s->rank - 2;
    return r;
}

static struct layout layout_of(const struct node *n, const struct shape *a, const struct shape *b,
                               const struct shape *out) {
    bool ta = attr_bool(n, SLOT_TRANSPOSE_A), tb = attr_bool(n, SLOT_TRANSPOSE_B);
    const int64_t *da = a->dim + a->rank - 2, *db = b->dim + b->rank - 2;
    struct layout l = {.lead = leading(out), .lead_a = leading(a), .lead_b = leading(b)};
    l.m = da[ta ? 1 : 0];
    l.k = da[ta ? 0 : 1];
    l.n = db[tb ? 0 : 1];
    l.a_row = ta ? 1 : da[1];
    l.a_column = ta ? da[1] : 1;
    l.b_row = tb ? 1 : db[1];
    l.b_column = tb ? db[1] : 1;
    l.matrices = shape_elements(&l.lead);
    return l;
}

static int matmul_infer(const struct node *n, const struct tensor *in, struct tensor *out, struct error *err) {
    if (operands_real(n, in, err) != 0) return -1;
    const struct shape *a = &in[0].shape, *b = &in[1].shape;
    if (a->rank < 2 || b->rank < 2)
        return error_set(err, ERR_INVALID, "matmul: '%s' must have at least two axes", in[a->rank < 2 ? 0 : 1].name);
    struct layout l = layout_of(n, a, b, a);
    int64_t kb = b->dim[b->rank - (attr_bool(n, SLOT_TRANSPOSE_B) ? 1 : 2)];
    if (l.k != kb) {
        char sa[160], sb[160];
        shape_format(a, sa), shape_format(b, sb);
        error_set(err, ERR_INVALID, "matmul: '%s' %s and '%s' %s do not fit: %lld columns meet %lld rows", in[0].name,
                  sa, in[1].name, sb, (long long)l.k, (long long)kb);
        return error_hint(err, "transpose_a=true or transpose_b=true swaps an operand's last two axes");
    }
    if (shape_broadcast(&l.lead_a, &l.lead_b, &out->shape, err) != 0) return error_wrap(err, "matmul: leading axes");
    if (out->shape.rank + 2 > TENSOR_MAX_RANK) return error_set(err, ERR_LIMIT, "matmul: too many axes");
    out->shape.dim[out->shape.rank++] = l.m;
    out->shape.dim[out->shape.rank++] = l.n;
    out->dtype = in[0].dtype;
    return 0;
}

static int64_t matmul_units(const struct node *n, const struct shape *in, const struct shape *out) {
    struct layout l = layout_of(n, &in[0], &in[1], out);
    return product_units(l.matrices, l.m, l.n);
}

struct matmul {
    const struct op_eval *e;
    struct layout l;
    struct emit_broadcast lead;
};

/* Index of operand k's matrix that belongs to the output's matrix `index`. */
static int64_t matrix_of(const struct emit_broadcast *b, int k, int64_t index) {
    int64_t offset = 0;
    for (int d = b->rank - 1; d >= 0; d--) {
        offset += index % b->dim[d] * b->stride[k][d];
        index /= b->dim[d];
    }
    return offset;
}

static void fetch_a(void *context, int64_t matrix, int64_t r0, int rows, int64_t c0, int columns, double *value,
                    double *scale, int stride) {
    struct matmul *m = context;
    const struct view *v = &m->e->in[0];
    int64_t base = matrix_of(&m->lead, 0, matrix) * m->l.m * m->l.k;
    product_fetch_dense(v->value + base, scale ? v->scale + base : NULL, m->l.a_row, m->l.a_column, r0, rows, c0,
                        columns, value, scale, stride);
}

static void fetch_b(void *context, int64_t matrix, int64_t r0, int rows, int64_t c0, int columns, double *value,
                    double *scale, int stride) {
    struct matmul *m = context;
    const struct view *v = &m->e->in[1];
    int64_t base = matrix_of(&m->lead, 1, matrix) * m->l.k * m->l.n;
    product_fetch_dense(v->value + base, scale ? v->scale + base : NULL, m->l.b_row, m->l.b_column, r0, rows, c0,
                        columns, value, scale, stride);
}

static void store(void *context, int64_t matrix, int64_t m0, int rows, int64_t n0, int columns, const double *value,
                  const double *scale) {
    struct matmul *m = context;
    for (int i = 0; i < rows; i++) {
        int64_t at = (matrix * m->l.m + m0 + i) * m->l.n + n0;
        for (int j = 0; j < columns; j++) {
            m->e->value[at + j] = value[i * PRODUCT_COLUMNS + j];
            m->e->scale[at + j] = scale[i * PRODUCT_COLUMNS + j];
        }
    }
}

static void matmul_eval(const struct op_eval *e, int64_t begin, int64_t end) {
    struct matmul m = {.e = e, .l = layout_of(e->node, e->in[0].shape, e->in[1].shape, e->out_shape)};
    const struct shape *leads[2] = {&m.l.lead_a, &m.l.lead_b};
    emit_broadcast_make(&m.l.lead, leads, 2, &m.lead);
    struct product p = {.matrices = m.l.matrices,
                        .m = m.l.m,
                        .n = m.l.n,
                        .k = m.l.k,
                        .own = e->sum,
                        .a_exact = !e->in[0].scale,
                        .b_exact = !e->in[1].scale,
                        .fetch_a = fetch_a,
                        .fetch_b = fetch_b,
                        .store = store,
                        .context = &m};
    product_run(&p, begin, end);
}

static void matmul_cost(const struct node *n, const struct shape *in, const struct shape *out, struct op_cost *ret) {
    struct layout l = layout_of(n, &in[0], &in[1], out);
    double products = (double)shape_elements(out) * (double)l.k;
    *ret = (struct op_cost){
        .flops = 2 * products, .oracle_flops = 6 * products + 200 * (double)shape_elements(out), .reduction = l.k};
}

static int matmul_reduced_axis(const struct node *n, const struct shape *in, int k) {
    int last = in[k].rank - 1;
    if (k == 0) return attr_bool(n, SLOT_TRANSPOSE_A) ? last - 1 : last;
    return attr_bool(n, SLOT_TRANSPOSE_B) ? last : last - 1;
}

/* A work-item computes four rows of one column. Long sums are cut into launches of [k0, k1), which add up in y. */
static const char KERNEL[] =
    "__kernel void $E(__global const T_$0 *restrict a, __global const T_$1 *restrict b, __global T_$Y *restrict y,\n"
    "    int m, int n, long kk, long a_row, long a_column, long b_row, long b_column, long k0, int count, int "
    "first%s)\n"
    "{\n"
    "    long column = get_global_id(0), row = get_global_id(1) * 4, z = get_global_id(2);\n"
    "    if (column >= n || row >= m) return;\n"
    "%s"
    "    const long oa = %s, ob = %s;\n"
    "    long r1 = min(row + 1, (long)m - 1), r2 = min(row + 2, (long)m - 1), r3 = min(row + 3, (long)m - 1);\n"
    "    __global const T_$0 *pa = a + oa * m * kk + k0 * a_column;\n"
    "    __global const T_$1 *pb = b + ob * kk * n + k0 * b_row + column * b_column;\n"
    "    float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;\n"
    "    for (int k = 0; k < count; k++) {\n"
    "        float v = LD_$1(pb, k * b_row);\n"
    "        s0 += LD_$0(pa, row * a_row + k * a_column) * v;\n"
    "        s1 += LD_$0(pa, r1 * a_row + k * a_column) * v;\n"
    "        s2 += LD_$0(pa, r2 * a_row + k * a_column) * v;\n"
    "        s3 += LD_$0(pa, r3 * a_row + k * a_column) * v;\n"
    "    }\n"
    "    __global T_$Y *py = y + (z * m + row) * n + column;\n"
    "    ST_$Y(py, 0, first ? s0 : LD_$Y(py, 0) + s0);\n"
    "    if (row + 1 < m) ST_$Y(py, n, first ? s1 : LD_$Y(py, n) + s1);\n"
    "    if (row + 2 < m) ST_$Y(py, 2 * (long)n, first ? s2 : LD_$Y(py, 2 * (long)n) + s2);\n"
    "    if (row + 3 < m) ST_$Y(py, 3 * (long)n, first ? s3 : LD_$Y(py, 3 * (long)n) + s3);\n"
    "}\n";

static int matmul_emit(const struct node *n, struct op_emit *e, struct error *err) {
    const struct shape *a = emit_shape_of(e, n->in[0]), *b = emit_shape_of(e, n->in[1]);
    struct layout l = layout_of(n, a, b, emit_shape_of(e, n->out));
    const struct shape *leads[2] = {&l.lead_a, &l.lead_b};
    struct emit_broadcast lead;
    emit_broadcast_make(&l.lead, leads, 2, &lead);
    CLEANUP(buf_done) struct buf params = BUF_INIT, body = BUF_INIT, text = BUF_INIT;
    struct emit_arg args[13 + EMIT_BROADCAST_ARGS];
    size_t extra = 0;
    emit_broadcast_code(&lead, "", "z", &params, &body, args + 13, &extra);
    buf_printf(&text, KERNEL, params.data ? params.data : "", body.data ? body.data : "",
               emit_broadcast_direct(&lead, 0) ? "z" : "o0", emit_broadcast_direct(&lead, 1) ? "z" : "o1");
    const char *entry = emit_node_kernel(e, n, "", text.data);
    for (int64_t k0 = 0; k0 < l.k; k0 += EMIT_MAX_ITERATIONS) {
        int64_t count = l.k - k0 < EMIT_MAX_ITERATIONS ? l.k - k0 : EMIT_MAX_ITERATIONS;
        const struct emit_arg fixed[13] = {
            emit_tensor(n->in[0]), emit_tensor(n->in[1]), emit_tensor(n->out),  emit_i32(l.m),     emit_i32(l.n),
            emit_i64(l.k),         emit_i64(l.a_row),     emit_i64(l.a_column), emit_i64(l.b_row), emit_i64(l.b_column),
            emit_i64(k0),          emit_i32(count),       emit_i32(k0 == 0)};
        for (int i = 0; i < 13; i++) args[i] = fixed[i];
        struct emit_range range = emit_range_3d(l.n, (l.m + 3) / 4, l.matrices, EMIT_LOCAL, 1, 1);
        if (emit_launch(e, entry, args, 13 + extra, range, err) != 0) return -1;
    }
    return 0;
}

static void matmul_emulate(const struct op_emulation *e) {
    struct layout l = layout_of(e->node, e->in_shape[0], e->in_shape[1], e->out_shape);
    const struct shape *leads[2] = {&l.lead_a, &l.lead_b};
    struct emit_broadcast lead;
    emit_broadcast_make(&l.lead, leads, 2, &lead);
    int64_t begin, end;
    op_part(e, l.matrices * l.m, &begin, &end);
    for (int64_t row = begin; row < end; row++) {
        int64_t matrix = row / l.m;
        const float *a = e->in[0] + matrix_of(&lead, 0, matrix) * l.m * l.k + row % l.m * l.a_row;
        const float *b = e->in[1] + matrix_of(&lead, 1, matrix) * l.k * l.n;
        for (int64_t j = 0; j < l.n; j++)
            e->value[row * l.n + j] = arithmetic_dot(e->arithmetic, a, l.a_column, b + j * l.b_column, l.b_row, l.k);
    }
}

static const struct attr_spec matmul_attrs[] = {
    [SLOT_TRANSPOSE_A] = {.name = "transpose_a", .kind = ATTR_BOOL},
    [SLOT_TRANSPOSE_B] = {.name = "transpose_b", .kind = ATTR_BOOL},
    {.name = NULL},
};

const struct op op_matmul = {
    .name = "matmul",
    .min_inputs = 2,
    .max_inputs = 2,
    .scalar_operand = -1,
    .attrs = matmul_attrs,
    .infer = matmul_infer,
    .units = matmul_units,
    .eval = matmul_eval,
    .cost = matmul_cost,
    .reduced_axis = matmul_reduced_axis,
    .plain_sum = true,
    .emulate = matmul_emulate,
    .emit_plain = matmul_emit,
};
