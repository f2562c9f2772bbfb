/* Products on GPUs: a group computes 64 x 64 of y, staging 16 steps of k of both operands in local memory; a work-item
 * keeps 4 x 4. Elements of a work-item lie 16 apart, so that neighbours read and write neighbouring addresses. */
#include "problems/baseline/fused_product.h"

#include "common/cleanup.h"

#define TILE 64
#define SIDE 16 /* work-items along each side of a group */

static const char *const HEAD =
    "__kernel __attribute__((reqd_work_group_size(16, 16, 1)))\n"
    "void $E(__global const float *restrict a, __global const float *restrict b,%s\n"
    "    int m, int n, int kk, long a_row, long a_column, long a_matrix, long b_row, long b_column, long "
    "b_matrix%s)\n{\n"
    "    __local float at[16][65], bt[16][65];\n"
    "    const int lx = get_local_id(0), ly = get_local_id(1), t = ly * 16 + lx, z = get_global_id(2);\n"
    "    const int n0 = get_group_id(0) * 64, m0 = get_group_id(1) * 64;\n"
    "    a += z * a_matrix;\n"
    "    b += z * b_matrix;\n"
    "    float c[4][4];\n"
    "    for (int i = 0; i < 4; i++)\n"
    "        for (int j = 0; j < 4; j++) c[i][j] = 0.0f;\n"
    "    for (int k0 = 0; k0 < kk; k0 += 16) {\n"
    "        for (int i = 0; i < 4; i++) {\n"
    "            const int ka = a_column == 1 ? t %% 16 : t / 64 + 4 * i, ma = a_column == 1 ? t / 16 + 16 * i : t %% "
    "64;\n"
    "            const int kb = b_row == 1 ? t %% 16 : t / 64 + 4 * i, nb = b_row == 1 ? t / 16 + 16 * i : t %% 64;\n"
    "            at[ka][ma] = m0 + ma < m && k0 + ka < kk ? a[(m0 + ma) * a_row + (k0 + ka) * a_column] : 0.0f;\n"
    "            bt[kb][nb] = n0 + nb < n && k0 + kb < kk ? b[(k0 + kb) * b_row + (n0 + nb) * b_column] : 0.0f;\n"
    "        }\n"
    "        barrier(CLK_LOCAL_MEM_FENCE);\n"
    "        for (int k = 0; k < 16; k++) {\n"
    "            float av[4], bv[4];\n"
    "            for (int i = 0; i < 4; i++) {\n"
    "                av[i] = at[k][ly + 16 * i];\n"
    "                bv[i] = bt[k][lx + 16 * i];\n"
    "            }\n"
    "            for (int i = 0; i < 4; i++)\n"
    "                for (int j = 0; j < 4; j++) c[i][j] = mad(av[i], bv[j], c[i][j]);\n"
    "        }\n"
    "        barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    }\n"
    "    for (int i = 0; i < 4; i++)\n"
    "        for (int j = 0; j < 4; j++) {\n"
    "            const int row = m0 + ly + 16 * i, column = n0 + lx + 16 * j;\n"
    "            if (row < m && column < n)\n"
    "                $E_1(c[i][j]%s, ((long)z * m + row) * n + column%s);\n"
    "        }\n"
    "}\n";

bool product_gpu_can(const struct fused *f) {
    return f->d->max_work_group >= SIDE * SIDE && f->d->local_memory >= 2 * 16 * 65 * (int64_t)sizeof(float);
}

int product_gpu(const struct fused *f, const struct tail *t, const struct product_shape *p, struct error *err) {
    bool bias = p->bias >= 0;
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    buf_printf(&text, HEAD, bias ? " __global const float *restrict bias," : "", t->params.data,
               bias ? " + bias[column]" : "", t->names.data);
    struct emit_arg args[12];
    size_t n = 0;
    args[n++] = emit_tensor(p->a), args[n++] = emit_tensor(p->b);
    if (bias) args[n++] = emit_tensor(p->bias);
    args[n++] = emit_i32(p->m), args[n++] = emit_i32(p->n), args[n++] = emit_i32(p->k);
    args[n++] = emit_i64(p->a_row), args[n++] = emit_i64(p->a_column), args[n++] = emit_i64(p->a_matrix);
    args[n++] = emit_i64(p->b_row), args[n++] = emit_i64(p->b_column), args[n++] = emit_i64(p->b_matrix);
    struct emit_range range = {
        .dims = 3,
        .has_local = true,
        .global = {(p->n + TILE - 1) / TILE * SIDE, (p->m + TILE - 1) / TILE * SIDE, p->matrices},
        .local = {SIDE, SIDE, 1}};
    return tail_launch(f, t, "fused_product", text.data, args, n, range, err);
}
