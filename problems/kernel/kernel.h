/* A kernel file: device source, launch plan, optional tuning space; no host code. */
#pragma once
#include "problems/check/precision.h"
#include "problems/graph/problem.h"
#include "problems/kernel/plan.h"
#define KERNEL_MAX_BYTES (256 * 1024)
#define KERNEL_MAX_TUNE 16
#define KERNEL_MAX_VALUES 64
#define KERNEL_MAX_CONFIGS 100000
struct kernel;
/* Also checks the launches against the source's entry points and their number of parameters.
 * `yaml` is the kernel file; `source` its device source. ERR_INVALID "FILE:LINE:COL: ...", ERR_LIMIT,
 * ERR_UNSUPPORTED for what the format knows and nothing runs yet (other languages, library steps). */
struct kernel *kernel_parse(const char *yaml, size_t yaml_len, const char *filename, const char *source,
                            size_t source_len, struct error *err);
/* Reads the file and the source it names, which must stay inside the file's folder (no "..", no absolute path, no link
 * out). */
struct kernel *kernel_load(const char *path, struct error *err);
void kernel_free(struct kernel *k);
const char *kernel_name(const struct kernel *k);
const char *kernel_problem(const struct kernel *k);  /* the problem it is for */
const char *kernel_language(const struct kernel *k); /* "opencl-c" */
const char *kernel_yaml(const struct kernel *k);
const char *kernel_source(const struct kernel *k);
void kernel_hash(const struct kernel *k, char out[65]); /* SHA-256 over yaml and source */
bool kernel_has_tuning(const struct kernel *k);
bool kernel_specialised(const struct kernel *k);
bool kernel_allows_atomics(const struct kernel *k);   /* nondeterministic: atomics */
const char *kernel_precision(const struct kernel *k); /* "" for strict, "relaxed", "tf32", "f16", "bf16" */
/* The tier that the kernel is judged and ranked in; relaxed mathematics is held to the strict one. */
enum precision kernel_declares(const struct kernel *k);
/* Extensions and device abilities required; NULL-terminated list of extension names. */
struct kernel_requires {
    const char *const *extensions;
    int64_t subgroup, local_memory;
};
void kernel_requirements(const struct kernel *k, struct kernel_requires *ret);

/* Whether the file fits the bound problem at all, whatever the configuration: names in it exist there and do not clash.
 * ERR_INVALID. */
int kernel_check_fit(const struct kernel *k, const struct bound *b, struct error *err);

/* A point of the tuning space: one value per tunable, in file order. */
struct tune_point {
    int n;
    int64_t value[KERNEL_MAX_TUNE];
};
const char *kernel_tune_name(const struct kernel *k, int i);
int kernel_tune_count(const struct kernel *k);
/* Default: the first value of each (or the first combination that satisfies the constraints at this size). ERR_INVALID
 * when none does. */
int kernel_default_point(const struct kernel *k, const struct bound *b, struct tune_point *ret, struct error *err);
/* All combinations that satisfy the constraints at this size, in file order; at most `limit`. Caller frees *ret. */
int kernel_enumerate(const struct kernel *k, const struct bound *b, size_t limit, struct tune_point **ret,
                     size_t *ret_n, struct error *err);
void tune_point_format(const struct kernel *k, const struct tune_point *t, char *out,
                       size_t size); /* {"WG":64,"VEC":4} */
int tune_point_parse(const struct kernel *k, const char *json, struct tune_point *ret, struct error *err);
/* Whether the constraints hold (false with the constraint's text in `why`). */
bool kernel_constraints_hold(const struct kernel *k, const struct bound *b, const struct tune_point *t, char why[256]);
/* Bind to numbers; `t` NULL takes the default point. Constraints are checked. Buffers are the inputs and weights that a
 * launch names, every output, and the scratch. The caller frees *ret by plan_free. ERR_INVALID: unknown tensor,
 * intermediate bound, wrong expression; ERR_LIMIT: dims out of int range, geometry overflow. */
int kernel_bind(const struct kernel *k, const struct bound *b, const struct tune_point *t, struct plan **ret,
                struct error *err);
