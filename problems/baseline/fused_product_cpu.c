/* Products on CPUs. A work-item keeps 8 rows by 16 columns of y in registers: a step of k is one vector of b and eight
 * broadcasts of a. The vector of b must be contiguous, so a transposed b is repacked, padded with zeros to whole
 * vectors. */
#include "problems/baseline/fused_product.h"

#include "common/cleanup.h"

#define ROWS 8

/* Sixteen rows of b by sixteen steps of k a work-item. */
static const char *const PACK_HEAD =
    "__kernel void $E(__global const float *restrict b, __global float *restrict packed, int n, int k, int width,\n"
    "    long b_matrix)\n{\n"
    "    const int k0 = get_global_id(0) * 16, n0 = get_global_id(1) * 16, z = get_global_id(2);\n"
    "    if (k0 >= k) return;\n"
    "    __global const float *from = b + z * b_matrix + (long)n0 * k + k0;\n"
    "    __global float *to = packed + ((long)z * k + k0) * width + n0;\n"
    "    if (k0 + 16 > k || n0 + 16 > n) {\n"
    "        for (int i = 0; i < 16 && k0 + i < k; i++)\n"
    "            for (int j = 0; j < 16; j++) to[(long)i * width + j] = n0 + j < n ? from[(long)j * k + i] : 0.0f;\n"
    "        return;\n"
    "    }\n";

static int pack(const struct fused *f, const struct product_shape *p, int64_t width, int scratch, struct error *err) {
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    buf_puts(&text, PACK_HEAD);
    for (int j = 0; j < 16; j++) buf_printf(&text, "    const float16 r%d = vload16(0, from + %dL * k);\n", j, j);
    for (int i = 0; i < 16; i++) {
        buf_puts(&text, "    vstore16((float16)(");
        for (int j = 0; j < 16; j++) buf_printf(&text, "%sr%d.s%x", j ? ", " : "", j, (unsigned)i);
        buf_printf(&text, "), 0, to + %dL * width);\n", i);
    }
    buf_puts(&text, "}\n");
    const char *entry = emit_kernel(f->e, "fused_pack", text.data, NULL, 0);
    int64_t matrices = p->b_matrix ? p->matrices : 1;
    return EMIT_LAUNCH(f->e, entry, emit_range_3d((p->k + 15) / 16, width / 16, matrices, FUSED_LOCAL, 1, 1), err,
                       emit_tensor(p->b), emit_scratch(scratch), emit_i32(p->n), emit_i32(p->k), emit_i32(width),
                       emit_i64(p->b_matrix));
}

static void write_loop(struct buf *t, const char *vector, bool a_dense) {
    buf_puts(t, "        for (int k = 0; k < kk; k++, b += b_row) {\n            const float16 w = ");
    buf_puts(t, vector);
    buf_puts(t, ";\n");
    if (!a_dense) buf_puts(t, "            const long ka = k * a_column;\n");
    for (int r = 0; r < ROWS; r++)
        buf_printf(t, "            c%d = mad((float16)(a%d[%s]), w, c%d);\n", r, r, a_dense ? "k" : "ka", r);
    buf_puts(t, "        }\n");
}

static void write_head(struct buf *t, const struct tail *tail, bool bias) {
    buf_printf(t,
               "__kernel void $E(__global const float *restrict a, __global const float *restrict b,%s\n"
               "    int m, int n, int kk, long a_row, long a_column, long a_matrix, long b_row, long b_matrix%s)\n{\n"
               "    const int m0 = get_global_id(0) * 8, n0 = get_global_id(1) * 16, z = get_global_id(2);\n"
               "    if (m0 >= m) return;\n"
               "    const int left = min(n - n0, 16);\n"
               "    a += z * a_matrix;\n"
               "    b += z * b_matrix + n0;\n",
               bias ? " __global const float *restrict bias," : "", tail->params.data);
    for (int r = 0; r < ROWS; r++)
        buf_printf(
            t, "    __global const float *a%d = a + min(m0 + %d, m - 1) * a_row;\n    float16 c%d = (float16)(0.0f);\n",
            r, r, r);
}

static void write_body(struct buf *t, const struct tail *tail, bool bias, bool packed, bool a_dense) {
    CLEANUP(buf_done) struct buf part = BUF_INIT, add = BUF_INIT;
    fused_gather(&part, "b", "left");
    fused_gather(&add, "(bias + n0)", "left");
    if (!packed) buf_puts(t, "    if (left == 16) {\n");
    write_loop(t, "vload16(0, b)", a_dense);
    if (!packed) {
        buf_puts(t, "    } else {\n");
        write_loop(t, part.data, a_dense);
        buf_puts(t, "    }\n");
    }
    if (bias) buf_printf(t, "    const float16 add = left == 16 ? vload16(0, bias + n0) : %s;\n", add.data);
    buf_puts(t, "    const long i = ((long)z * m + m0) * n + n0;\n");
    for (int r = 0; r < ROWS; r++)
        buf_printf(t, "    if (m0 + %d < m) $E_part(c%d%s, i + %dL * n, left%s);\n", r, r, bias ? " + add" : "", r,
                   tail->names.data);
    buf_puts(t, "}\n");
}

bool product_cpu_can(const struct product_shape *p) {
    return p->k < EMIT_MAX_ITERATIONS - ROWS * FUSED_VECTOR;
}

int product_cpu(const struct fused *f, const struct tail *t, const struct product_shape *p, struct error *err) {
    bool packed = p->b_column != 1, bias = p->bias >= 0;
    int64_t width = packed ? (p->n + 15) / 16 * 16 : p->b_row, matrices = p->b_matrix ? p->matrices : 1;
    struct emit_arg b = emit_tensor(p->b);
    if (packed) {
        int scratch = emit_scratch_new(f->e, DTYPE_F32, matrices * p->k * width);
        if (pack(f, p, width, scratch, err) != 0) return -1;
        b = emit_scratch(scratch);
    }
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    write_head(&text, t, bias);
    write_body(&text, t, bias, packed, p->a_column == 1);
    struct emit_arg args[11];
    size_t n = 0;
    args[n++] = emit_tensor(p->a), args[n++] = b;
    if (bias) args[n++] = emit_tensor(p->bias);
    args[n++] = emit_i32(p->m), args[n++] = emit_i32(p->n), args[n++] = emit_i32(p->k);
    args[n++] = emit_i64(p->a_row), args[n++] = emit_i64(p->a_column), args[n++] = emit_i64(p->a_matrix);
    args[n++] = emit_i64(width), args[n++] = emit_i64(p->b_matrix ? p->k * width : 0);
    struct emit_range range = emit_range_3d((p->m + ROWS - 1) / ROWS, (p->n + 15) / 16, p->matrices, FUSED_LOCAL, 1, 1);
    return tail_launch(f, t, "fused_product", text.data, args, n, range, err);
}
