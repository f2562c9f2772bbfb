/* `fused` for softmax. Along the last axis: on CPUs a row per work-item, in vectors; on GPUs a row per group. Along
 * another axis: neighbouring work-items (or the lanes of a vector) take neighbouring columns. */
#include "problems/baseline/fused_group.h"

#include "common/cleanup.h"
#include "problems/ops/attr.h"

#define GPU_GROUP 256

struct extents {
    int x;                        /* tensor */
    int64_t outer, length, inner; /* x is [outer][length][inner], reduced along length */
};

/* Iterations of a row of `length` in the kernel below: three passes of blocks of 64, of 16, of single elements. */
static const char *const ROW =
    "__kernel void $E(__global const float *restrict x, int rows, int length%s)\n{\n"
    "    const int row = get_global_id(0);\n"
    "    if (row >= rows) return;\n"
    "    const long base = (long)row * length;\n"
    "    const int blocks = length & ~63, vectors = length & ~15;\n"
    "    __global float *work = %s + base;\n"
    "    x += base;\n"
    "    float16 m0 = (float16)(-INFINITY), m1 = m0, m2 = m0, m3 = m0;\n"
    "    int j = 0;\n"
    "    for (; j < blocks; j += 64) {\n"
    "        m0 = fmax(m0, vload16(0, x + j));\n"
    "        m1 = fmax(m1, vload16(1, x + j));\n"
    "        m2 = fmax(m2, vload16(2, x + j));\n"
    "        m3 = fmax(m3, vload16(3, x + j));\n"
    "    }\n"
    "    for (; j < vectors; j += 16) m0 = fmax(m0, vload16(0, x + j));\n"
    "    m0 = fmax(fmax(m0, m1), fmax(m2, m3));\n"
    "    const float8 m8 = fmax(m0.lo, m0.hi);\n"
    "    const float4 m4 = fmax(m8.lo, m8.hi);\n"
    "    float m = fmax(fmax(m4.x, m4.y), fmax(m4.z, m4.w));\n"
    "    for (; j < length; j++) m = fmax(m, x[j]);\n"
    "    float16 s0 = (float16)(0.0f), s1 = s0;\n"
    "    for (j = 0; j + 32 <= length; j += 32) {\n"
    "        const float16 e0 = exp(vload16(0, x + j) - m), e1 = exp(vload16(1, x + j) - m);\n"
    "        vstore16(e0, 0, work + j);\n"
    "        vstore16(e1, 1, work + j);\n"
    "        s0 += e0;\n"
    "        s1 += e1;\n"
    "    }\n"
    "    s0 += s1;\n"
    "    const float8 s8 = s0.lo + s0.hi;\n"
    "    const float4 s4 = s8.lo + s8.hi;\n"
    "    float s = (s4.x + s4.y) + (s4.z + s4.w);\n"
    "    for (; j < length; j++) {\n"
    "        const float e = exp(x[j] - m);\n"
    "        work[j] = e;\n"
    "        s += e;\n"
    "    }\n"
    "    const float scale = 1.0f / s;\n"
    "    for (j = 0; j + 32 <= length; j += 32) {\n"
    "        $E_16(vload16(0, work + j) * scale, base + j%s);\n"
    "        $E_16(vload16(1, work + j) * scale, base + j + 16%s);\n"
    "    }\n"
    "    for (; j < length; j++) $E_1(work[j] * scale, base + j%s);\n"
    "}\n";

static const char *const ROW_GPU =
    "__kernel __attribute__((reqd_work_group_size(256, 1, 1)))\n"
    "void $E(__global const float *restrict x, int rows, int length%s)\n{\n"
    "    __local float part[256];\n"
    "    const int t = get_local_id(0);\n"
    "    const long base = get_group_id(0) * (long)length;\n"
    "    __global float *work = %s + base;\n"
    "    x += base;\n"
    "    float m = -INFINITY, s = 0.0f;\n"
    "    for (int j = t; j < length; j += 256) m = fmax(m, x[j]);\n"
    "    part[t] = m;\n"
    "    for (int half_ = 128; half_ > 0; half_ /= 2) {\n"
    "        barrier(CLK_LOCAL_MEM_FENCE);\n"
    "        if (t < half_) part[t] = fmax(part[t], part[t + half_]);\n"
    "    }\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    m = part[0];\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    for (int j = t; j < length; j += 256) {\n"
    "        const float e = exp(x[j] - m);\n"
    "        work[j] = e;\n"
    "        s += e;\n"
    "    }\n"
    "    part[t] = s;\n"
    "    for (int half_ = 128; half_ > 0; half_ /= 2) {\n"
    "        barrier(CLK_LOCAL_MEM_FENCE);\n"
    "        if (t < half_) part[t] += part[t + half_];\n"
    "    }\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    const float scale = 1.0f / part[0];\n"
    "    for (int j = t; j < length; j += 256) $E_1(work[j] * scale, base + j%s);\n"
    "}\n";

static const char *const COLUMN =
    "__kernel void $E(__global const float *restrict x, int outer, int length, long inner%s)\n{\n"
    "    const long at = (long)get_global_id(0) * %d;\n"
    "    if (at >= inner) return;\n"
    "    const long base = get_global_id(1) * length * inner + at;\n"
    "    const int left = (int)min(inner - at, %dL);\n"
    "    __global float *work = %s + base;\n"
    "    x += base;\n";

static const char *const COLUMN_16 =
    "    float16 m = (float16)(-INFINITY), s = (float16)(0.0f);\n"
    "    if (left == 16) {\n"
    "        for (int c = 0; c < length; c++) m = fmax(m, vload16(0, x + c * inner));\n"
    "        for (int c = 0; c < length; c++) {\n"
    "            const float16 e = exp(vload16(0, x + c * inner) - m);\n"
    "            vstore16(e, 0, work + c * inner);\n"
    "            s += e;\n"
    "        }\n"
    "        const float16 scale = (float16)(1.0f) / s;\n"
    "        for (int c = 0; c < length; c++) $E_16(vload16(0, work + c * inner) * scale, base + c * inner%s);\n"
    "        return;\n"
    "    }\n"
    "    for (int c = 0; c < length; c++) {\n"
    "        __global const float *p = x + c * inner;\n"
    "        m = fmax(m, %s);\n"
    "    }\n"
    "    for (int c = 0; c < length; c++) {\n"
    "        __global const float *p = x + c * inner;\n"
    "        s += exp(%s - m);\n"
    "    }\n"
    "    const float16 scale = (float16)(1.0f) / s;\n"
    "    for (int c = 0; c < length; c++) {\n"
    "        __global const float *p = x + c * inner;\n"
    "        $E_part(exp(%s - m) * scale, base + c * inner, left%s);\n"
    "    }\n"
    "}\n";

static const char *const COLUMN_1 =
    "    float m = -INFINITY, s = 0.0f;\n"
    "    for (int c = 0; c < length; c++) m = fmax(m, x[c * inner]);\n"
    "    for (int c = 0; c < length; c++) {\n"
    "        const float e = exp(x[c * inner] - m);\n"
    "        work[c * inner] = e;\n"
    "        s += e;\n"
    "    }\n"
    "    const float scale = 1.0f / s;\n"
    "    for (int c = 0; c < length; c++) $E_1(work[c * inner] * scale, base + c * inner%s);\n"
    "}\n";

static int by_rows(const struct fused *f, const struct tail *t, const struct extents *e, struct error *err) {
    bool gpu = !f->d->is_cpu && f->d->max_work_group >= GPU_GROUP;
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    if (gpu)
        buf_printf(&text, ROW_GPU, t->params.data, t->store, t->names.data);
    else
        buf_printf(&text, ROW, t->params.data, t->store, t->names.data, t->names.data, t->names.data);
    const struct emit_arg args[] = {emit_tensor(e->x), emit_i32(e->outer), emit_i32(e->length)};
    struct emit_range range = emit_range_2d(e->outer, 1, FUSED_LOCAL, 1);
    if (gpu)
        range =
            (struct emit_range){.dims = 1, .has_local = true, .global = {e->outer * GPU_GROUP}, .local = {GPU_GROUP}};
    return tail_launch(f, t, "fused_softmax_rows", text.data, args, 3, range, err);
}

static int by_columns(const struct fused *f, const struct tail *t, const struct extents *e, struct error *err) {
    int lanes = f->d->is_cpu ? FUSED_VECTOR : 1;
    CLEANUP(buf_done) struct buf text = BUF_INIT, part = BUF_INIT;
    fused_gather(&part, "p", "left");
    buf_printf(&text, COLUMN, t->params.data, lanes, lanes, t->store);
    if (lanes == 1)
        buf_printf(&text, COLUMN_1, t->names.data);
    else
        buf_printf(&text, COLUMN_16, t->names.data, part.data, part.data, part.data, t->names.data);
    const struct emit_arg args[] = {emit_tensor(e->x), emit_i32(e->outer), emit_i32(e->length), emit_i64(e->inner)};
    struct emit_range range = emit_range_2d((e->inner + lanes - 1) / lanes, e->outer, lanes == 1 ? 64 : FUSED_LOCAL, 1);
    return tail_launch(f, t, "fused_softmax_columns", text.data, args, 4, range, err);
}

/* Whether one work-item's loops stay below the limit of emit.h. */
static bool short_enough(const struct fused *f, const struct extents *e) {
    if (e->length > INT32_MAX - 64 || e->outer > INT32_MAX) return false;
    if (e->inner == 1) return !f->d->is_cpu || e->length / 64 + 2 * (e->length / 32) + 100 < EMIT_MAX_ITERATIONS;
    return !f->d->is_cpu || e->length * (3 + FUSED_VECTOR) < EMIT_MAX_ITERATIONS;
}

int fused_softmax(const struct fused *f, int g, bool *ret_done, struct error *err) {
    const struct node *n = &f->b->node[f->group[g].node[0]];
    const struct shape *s = &f->b->tensor[n->out].shape;
    int axis;
    if (attr_axis(n, fused_slot(n, "axis"), s->rank, &axis, err) != 0) return -1;
    struct extents e = {.x = n->in[0], .outer = 1, .length = s->dim[axis], .inner = 1};
    for (int i = 0; i < axis; i++) e.outer *= s->dim[i];
    for (int i = axis + 1; i < s->rank; i++) e.inner *= s->dim[i];
    if (!short_enough(f, &e)) return 0;
    CLEANUP(tail_done) struct tail t = {0};
    if (tail_make(f, g, &t, err) != 0) return -1;
    *ret_done = true;
    return e.inner == 1 ? by_rows(f, &t, &e, err) : by_columns(f, &t, &e, err);
}
