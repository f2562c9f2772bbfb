/* `fused` for layer norm: mean, then the variance around it, then the result; a row per work-item in vectors on CPUs, a
 * row per group on GPUs. */
#include "problems/baseline/fused_group.h"

#include "common/cleanup.h"
#include "problems/ops/attr.h"

#define GPU_GROUP 256

static const char *const ROW =
    "__kernel void $E(__global const float *restrict x, __global const float *restrict gamma,\n"
    "    __global const float *restrict beta, int rows, int length, float eps%s)\n{\n"
    "    const int row = get_global_id(0);\n"
    "    if (row >= rows) return;\n"
    "    const long base = (long)row * length;\n"
    "    x += base;\n"
    "    float16 s0 = (float16)(0.0f), s1 = s0;\n"
    "    int j = 0;\n"
    "    for (; j + 32 <= length; j += 32) {\n"
    "        s0 += vload16(0, x + j);\n"
    "        s1 += vload16(1, x + j);\n"
    "    }\n"
    "    s0 += s1;\n"
    "    float8 s8 = s0.lo + s0.hi;\n"
    "    float4 s4 = s8.lo + s8.hi;\n"
    "    float s = (s4.x + s4.y) + (s4.z + s4.w);\n"
    "    for (; j < length; j++) s += x[j];\n"
    "    const float mean = s / length;\n"
    "    s0 = s1 = (float16)(0.0f);\n"
    "    for (j = 0; j + 32 <= length; j += 32) {\n"
    "        const float16 d0 = vload16(0, x + j) - mean, d1 = vload16(1, x + j) - mean;\n"
    "        s0 = mad(d0, d0, s0);\n"
    "        s1 = mad(d1, d1, s1);\n"
    "    }\n"
    "    s0 += s1;\n"
    "    s8 = s0.lo + s0.hi;\n"
    "    s4 = s8.lo + s8.hi;\n"
    "    s = (s4.x + s4.y) + (s4.z + s4.w);\n"
    "    for (; j < length; j++) s += (x[j] - mean) * (x[j] - mean);\n"
    "    const float scale = 1.0f / sqrt(s / length + eps);\n"
    "    for (j = 0; j + 16 <= length; j += 16) {\n"
    "        const float16 d = (vload16(0, x + j) - mean) * scale;\n"
    "        $E_16(d%s%s, base + j%s);\n"
    "    }\n"
    "    for (; j < length; j++) $E_1((x[j] - mean) * scale%s%s, base + j%s);\n"
    "}\n";

static const char *const ROW_GPU =
    "static float $E_sum(__local float *part, float v)\n{\n"
    "    const int t = get_local_id(0);\n"
    "    part[t] = v;\n"
    "    for (int half_ = 128; half_ > 0; half_ /= 2) {\n"
    "        barrier(CLK_LOCAL_MEM_FENCE);\n"
    "        if (t < half_) part[t] += part[t + half_];\n"
    "    }\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    v = part[0];\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    return v;\n}\n"
    "__kernel __attribute__((reqd_work_group_size(256, 1, 1)))\n"
    "void $E(__global const float *restrict x, __global const float *restrict gamma,\n"
    "    __global const float *restrict beta, int rows, int length, float eps%s)\n{\n"
    "    __local float part[256];\n"
    "    const int t = get_local_id(0);\n"
    "    const long base = get_group_id(0) * (long)length;\n"
    "    x += base;\n"
    "    float s = 0.0f;\n"
    "    for (int j = t; j < length; j += 256) s += x[j];\n"
    "    const float mean = $E_sum(part, s) / length;\n"
    "    s = 0.0f;\n"
    "    for (int j = t; j < length; j += 256) s += (x[j] - mean) * (x[j] - mean);\n"
    "    const float scale = 1.0f / sqrt($E_sum(part, s) / length + eps);\n"
    "    for (int j = t; j < length; j += 256) $E_1((x[j] - mean) * scale%s%s, base + j%s);\n"
    "}\n";

/* The affine step with whichever of gamma and beta the node has. */
struct affine {
    const char *gamma_16, *beta_16, *gamma_1, *beta_1;
};

static void write_text(struct buf *text, const struct tail *t, const struct affine *a, bool gpu) {
    const char *names = t->names.data;
    if (gpu)
        buf_printf(text, ROW_GPU, t->params.data, a->gamma_1, a->beta_1, names);
    else
        buf_printf(text, ROW, t->params.data, a->gamma_16, a->beta_16, names, a->gamma_1, a->beta_1, names);
}

int fused_layer_norm(const struct fused *f, int g, bool *ret_done, struct error *err) {
    const struct node *n = &f->b->node[f->group[g].node[0]];
    bool gamma = n->n_in > 1, beta = n->n_in > 2;
    if (!gamma) return 0;
    int64_t length = f->b->tensor[n->in[1]].elements, rows = f->b->tensor[n->out].elements / length;
    bool gpu = !f->d->is_cpu && f->d->max_work_group >= GPU_GROUP;
    if (rows > INT32_MAX || length > INT32_MAX - 64 || (!gpu && length / 8 + 100 >= EMIT_MAX_ITERATIONS)) return 0;
    CLEANUP(tail_done) struct tail t = {0};
    if (tail_make(f, g, &t, err) != 0) return -1;
    *ret_done = true;
    const struct affine a = {" * vload16(0, gamma + j)", beta ? " + vload16(0, beta + j)" : "", " * gamma[j]",
                             beta ? " + beta[j]" : ""};
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    write_text(&text, &t, &a, gpu);
    const struct emit_arg args[] = {
        emit_tensor(n->in[0]), emit_tensor(n->in[1]), emit_tensor(n->in[beta ? 2 : 1]),
        emit_i32(rows),        emit_i32(length),      emit_f32(attr_float(n, fused_slot(n, "eps")))};
    struct emit_range range = emit_range_2d(rows, 1, FUSED_LOCAL, 1);
    if (gpu)
        range = (struct emit_range){.dims = 1, .has_local = true, .global = {rows * GPU_GROUP}, .local = {GPU_GROUP}};
    return tail_launch(f, &t, "fused_layer_norm", text.data, args, 6, range, err);
}
