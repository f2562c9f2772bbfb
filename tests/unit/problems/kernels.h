/* A good kernel file and source for the problem MLP of texts.h. */
#pragma once
#include "problems/kernel/kernel.h"
#include "unit/problems/texts.h"

DEFINE_CLEANUP(cleanup_kernel, struct kernel *, kernel_free)
DEFINE_CLEANUP(cleanup_plan, struct plan *, plan_free)
#define KERNEL CLEANUP(cleanup_kernel) struct kernel *
#define PLAN CLEANUP(cleanup_plan) struct plan *

#define YAML                                                                                                      \
    "kernel: mlp-rows\n"                                                                                          \
    "problem: mlp\n"                                                                                              \
    "language: opencl-c\n"                                                                                        \
    "source: mlp.cl\n"                                                                                            \
    "tune:\n"                                                                                                     \
    "  WG: [64, 128]\n"                                                                                           \
    "  VEC: [4, 1]\n"                                                                                             \
    "constraints: [\"K % VEC == 0\"]\n"                                                                           \
    "scratch: {partial: {dtype: f32, shape: [N, WG]}}\n"                                                          \
    "launches:\n"                                                                                                 \
    "  - {kernel: first, args: [x, w, partial, N, {long: N * K}, {float: 0.5}], global: [N * WG], local: [WG]}\n" \
    "  - kernel: second\n"                                                                                        \
    "    args: [partial, b, y, WG, ceil_div(M, 2), {local: WG * 4}]\n"                                            \
    "    global: [ceil_div(M, WG) * WG, N]\n"                                                                     \
    "    local: [WG, 1]\n"

#define SOURCE                                                                                          \
    "__kernel void first(__global const float *x, __global const float *w, __global float *p, int n,\n" \
    "                    long nk, float half_) { p[0] = x[0]; }\n"                                      \
    "kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void second(\n"                             \
    "    global float *p, global const float *b, global float *y, int wg, int m, local float *l) {}\n"

static inline struct kernel *parse_kernel(const char *yaml, const char *source, struct error *err) {
    return kernel_parse(yaml, strlen(yaml), "k.yaml", source, strlen(source), err);
}

static inline struct kernel *kernel_of(const char *yaml) {
    struct error err = ERROR_INIT;
    struct kernel *k = parse_kernel(yaml, SOURCE, &err);
    if (!k) fail_msg("%s", err.text);
    return k;
}
