/* The builder behind emit.h. */
#pragma once
#include "problems/baseline/emit.h"

struct emitted_kernel {
    char *entry;
    char *key; /* name, dtypes and text: what makes two kernels the same */
};
struct emitted_launch {
    const char *entry; /* of a kernel */
    struct emit_arg *arg;
    int n_args;
    struct emit_range range;
};
struct emitted_scratch {
    enum dtype dtype;
    int64_t elements;
};
struct op_emit {
    const struct bound *bound;
    struct buf source;
    struct emitted_kernel *kernel;
    int n_kernels;
    struct emitted_launch *launch;
    int n_launches;
    struct emitted_scratch *scratch;
    int n_scratch;
};
