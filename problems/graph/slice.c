#include "problems/graph/slice.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "problems/data/data.h"

#define TRIED_DATA DIST_SIGNED_UNIFORM

DEFINE_CLEANUP(cleanup_bound, struct bound *, bound_free)

struct bound *slice_bind(const struct bound *b, int dim, int64_t n, struct error *err) {
    const char *names[PROBLEM_MAX_DIMS];
    int64_t values[PROBLEM_MAX_DIMS];
    for (int i = 0; i < b->n_dims; i++) {
        names[i] = b->dim[i].name;
        values[i] = i == dim ? n : b->dim[i].value;
    }
    return problem_bind_dims(b->problem, b->size, names, values, (size_t)b->n_dims, err);
}

static bool same_axes(const struct shape *a, const struct shape *b, int from) {
    for (int i = from; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

/* A tensor is the same with another extent of the dim, or differs by its first axis, which is the dim itself. */
static bool shape_agrees(const struct tensor *whole, const struct tensor *part, int64_t n, int64_t other) {
    if (whole->shape.rank != part->shape.rank) return false;
    if (same_axes(&whole->shape, &part->shape, 0)) return whole->role != TENSOR_OUTPUT;
    return whole->shape.dim[0] == n && part->shape.dim[0] == other && same_axes(&whole->shape, &part->shape, 1);
}

static bool shapes_agree(const struct bound *b, int dim) {
    int64_t n = b->dim[dim].value, other = n + 1; /* an extent that no other axis follows by chance */
    CLEANUP(cleanup_bound) struct bound *part = slice_bind(b, dim, other, NULL);
    if (!part || part->n_tensors != b->n_tensors) return false;
    for (int t = 0; t < b->n_tensors; t++)
        if (!shape_agrees(&b->tensor[t], &part->tensor[t], n, other)) return false;
    return true;
}

bool slice_carries(const struct bound *b, int dim, int t) {
    CLEANUP(cleanup_bound) struct bound *part = slice_bind(b, dim, b->dim[dim].value + 1, NULL);
    return part && !same_axes(&b->tensor[t].shape, &part->tensor[t].shape, 0);
}

static bool is_data(const struct bound *b, int t) {
    return b->tensor[t].role == TENSOR_INPUT || b->tensor[t].role == TENSOR_WEIGHT;
}

/* The inputs of `part`, in new memory where they are slices. */
static int gather(const struct bound *b, const struct bound *part, int dim, const int64_t *index,
                  const void *const *data, void **copy, const void **ret, struct error *err) {
    int64_t n = part->dim[dim].value;
    for (int t = 0; t < b->n_tensors; t++) {
        if (!is_data(b, t)) continue;
        ret[t] = data[t];
        if (!slice_carries(b, dim, t)) continue;
        size_t bytes = part->tensor[t].bytes / (size_t)n;
        if (posix_memalign(&copy[t], 64, part->tensor[t].bytes) != 0)
            return error_set(err, ERR_NOMEM, "out of memory for slices of %s", b->tensor[t].name);
        for (int64_t i = 0; i < n; i++)
            memcpy((uint8_t *)copy[t] + (size_t)i * bytes, (const uint8_t *)data[t] + (size_t)index[i] * bytes, bytes);
        ret[t] = copy[t];
    }
    return 0;
}

int slice_eval(const struct bound *b, const struct bound *part, int dim, const int64_t *index, const void *const *data,
               int threads, const volatile bool *cancel, struct oracle_result *ret, struct error *err) {
    CLEANUP_FREE void **copy = xcalloc((size_t)b->n_tensors, sizeof *copy);
    CLEANUP_FREE const void **slices = xcalloc((size_t)b->n_tensors, sizeof *slices);
    int status = gather(b, part, dim, index, data, copy, slices, err);
    if (status == 0) status = oracle_eval(part, slices, threads, false, cancel, ret, err);
    for (int t = 0; t < b->n_tensors; t++) free(copy[t]);
    return status;
}

/* --- trying it --------------------------------------------------------------------------------------------------- */
static struct bound *smallest(const struct problem *p) {
    struct bound *least = NULL;
    double flops = 0;
    for (size_t i = 0; i < problem_size_count(p); i++) {
        struct cost cost;
        struct bound *b = problem_bind(p, problem_size_name(p, i), NULL);
        if (!b) continue;
        bound_cost(b, &cost);
        if (!least || cost.oracle_flops < flops) {
            bound_free(least);
            least = b;
            flops = cost.oracle_flops;
        } else {
            bound_free(b);
        }
    }
    return least;
}

static bool same_slice(const struct bound *b, const struct oracle_result *whole, const struct bound *part,
                       const struct oracle_result *one, int64_t at) {
    for (int i = 0; i < b->n_outputs; i++) {
        int t = b->output[i];
        size_t n = (size_t)part->tensor[t].elements;
        if (memcmp(whole->value[t] + (size_t)at * n, one->value[t], n * sizeof(double)) != 0 ||
            memcmp(whole->scale[t] + (size_t)at * n, one->scale[t], n * sizeof(double)) != 0)
            return false;
    }
    return true;
}

static bool slices_are_their_own(const struct bound *b, int dim, const void *const *data) {
    CLEANUP(cleanup_bound) struct bound *part = slice_bind(b, dim, 1, NULL);
    CLEANUP(oracle_done) struct oracle_result whole = {0};
    if (!part || oracle_eval(b, data, 1, false, NULL, &whole, NULL) != 0) return false;
    for (int64_t at = 0; at < b->dim[dim].value; at++) {
        CLEANUP(oracle_done) struct oracle_result one = {0};
        if (slice_eval(b, part, dim, &at, data, 1, NULL, &one, NULL) != 0) return false;
        if (!same_slice(b, &whole, part, &one, at)) return false;
    }
    return true;
}

/* On data of the smallest size. */
static bool falls_apart(const struct bound *b, int dim) {
    struct data_seed seed = {{1}}; /* whatever they are: what is compared is made from the same ones */
    CLEANUP_FREE void **data = xcalloc((size_t)b->n_tensors, sizeof *data);
    bool made = true;
    for (int t = 0; t < b->n_tensors; t++)
        if (is_data(b, t)) made = posix_memalign(&data[t], 64, b->tensor[t].bytes) == 0 && made;
    bool apart = made && data_fill_all(b, &seed, 0, TRIED_DATA, data, NULL) == 0 &&
                 slices_are_their_own(b, dim, (const void *const *)data);
    for (int t = 0; t < b->n_tensors; t++) free(data[t]);
    return apart;
}

int slice_dim(const struct bound *b) {
    for (int d = 0; d < b->n_dims; d++) {
        if (b->dim[d].value < 2 || !shapes_agree(b, d)) continue;
        CLEANUP(cleanup_bound) struct bound *small = smallest(b->problem);
        if (small && small->dim[d].value > 1 && shapes_agree(small, d) && falls_apart(small, d)) return d;
    }
    return -1;
}
