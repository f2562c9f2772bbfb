/* Test data: Philox4x32-10 (Salmon et al., SC'11) keyed one-way per tensor and set, integer steps, one exact rounding:
 * the same bits on the host and on every device. See docs/file-formats.md "Data". */
#pragma once
#include "problems/graph/problem.h"
enum distribution {
    DIST_DECLARED, /* the problem's own fill */
    DIST_SIGNED_UNIFORM,
    DIST_WIDE_NORMAL,
    DIST_HEAVY_TAIL,
    DIST_SMALL_INTEGERS,
    DIST_NEEDLE,
    DIST_PRECISION_PROBE, /* few non-zeros with full mantissas along each reduction */
    DIST_COUNT
};
const char *distribution_name(enum distribution d);
struct data_seed {
    uint8_t bytes[32];
};
struct data_key {
    uint32_t key[2];
    uint32_t salt[2];
}; /* what a runner may get: for one tensor of one set */
void data_seed_random(struct data_seed *ret);
/* key = first 128 bits of SHA-256(seed, tensor name, set). */
void data_key_derive(const struct data_seed *seed, const char *tensor, uint32_t set, struct data_key *ret);
/* How one tensor is filled: integers A, B, k and the lane rule, computed by the host from fill, domain and
 * distribution. */
struct data_recipe {
    enum distribution dist;
    int rule;     /* which integer rule; see data.c and the device source */
    int64_t a, b; /* value = round((A * z + B) * 2^-k) */
    int k;
    int64_t p[4]; /* rule parameters: outlier period, row length, non-zeros per row, bound */
    enum structure_kind structure;
    int64_t rows, columns; /* of a matrix of the tensor, where it has a structure */
};
/* ERR_UNSUPPORTED where the tensor's domain does not allow the distribution (the caller then uses DIST_DECLARED). */
int data_recipe_make(const struct bound *b, int tensor, enum distribution d, struct data_recipe *ret,
                     struct error *err);
/* Fill elements [begin, end) of `out` (dtype of the tensor, out[0] is element `begin`). Thread-safe. */
void data_fill(const struct data_recipe *r, const struct data_key *key, enum dtype dtype, int64_t begin, int64_t end,
               void *out);
/* Give whole matrices (`elements` from the tensor's start) that were put together of other data the recipe's structure:
 * zeros where it has them, [r, c] copied to [c, r] where it is symmetric. */
void data_restructure(const struct data_recipe *r, enum dtype dtype, int64_t elements, void *data);
/* OpenCL C source of `portolan_fill_f32/_f16/_i32(global T *out, long n, uint4 key, long a, long b, int k, int rule,
 * long p0, long p1, long p2, long p3, int structure, long rows, long columns)`. */
const char *data_device_source(void);
/* Fill every input and weight of `b` for (seed, set, dist); data[i] caller-allocated of tensor[i].bytes, NULL skipped.
 * Multi-threaded. */
int data_fill_all(const struct bound *b, const struct data_seed *seed, uint32_t set, enum distribution d,
                  void *const *data, struct error *err);
