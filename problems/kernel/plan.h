/* A plan: a kernel bound to a problem's size and a point of its tuning space. Numbers only: what a runner executes.
 * The same form serves candidates and baselines. */
#pragma once
#include <jansson.h>
#include "common/error.h"
#include "problems/tensor.h"
#define PLAN_MAX_BUFFERS 512
#define PLAN_MAX_LAUNCHES 256
#define PLAN_MAX_ARGS 64
enum plan_role { PLAN_INPUT, PLAN_OUTPUT, PLAN_SCRATCH }; /* weights are inputs */
struct plan_buffer {
    char name[64];
    enum plan_role role;
    enum dtype dtype;
    int64_t elements;
    size_t bytes;
    int tensor; /* index in the bound problem, -1 for scratch */
    /* An output that is computed in place of an input: `source` is that input's index in the bound problem. There is
     * one buffer for both, and it holds the input before each run. */
    bool in_place;
    int source;
};
/* The tensor whose data a buffer holds before a run, or -1: poison (outputs of their own, scratch). */
static inline int plan_buffer_source(const struct plan_buffer *b) {
    return b->role == PLAN_INPUT ? b->tensor : b->role == PLAN_OUTPUT && b->in_place ? b->source : -1;
}
enum plan_arg_kind { PLAN_ARG_BUFFER, PLAN_ARG_I32, PLAN_ARG_I64, PLAN_ARG_F32, PLAN_ARG_LOCAL };
struct plan_arg {
    enum plan_arg_kind kind;
    int buffer; /* PLAN_ARG_BUFFER */
    int64_t i;  /* I32, I64, or bytes of LOCAL */
    float f;
};
struct plan_launch {
    char entry[64];
    int n_args;
    struct plan_arg *arg;
    int dims; /* 1..3 */
    size_t global[3], local[3];
    bool has_local;
};
struct plan {
    char *source;  /* before preprocessing */
    char *options; /* allow-listed build options, "" for none */
    int n_macros;
    struct {
        char name[64];
        int64_t value;
    } * macro; /* tune values, specialised dims */
    int n_buffers;
    struct plan_buffer *buffer;
    int n_launches;
    struct plan_launch *launch;
};
/* Whether a run overwrites an input, so that running again on the same data is another computation. */
bool plan_is_in_place(const struct plan *p);
void plan_free(struct plan *p);
/* For people and `--json`; the source travels apart. Caller decrefs.
 * {"options": "-cl-mad-enable", "macros": {"WG": 64},
 *  "buffers": [{"name": "x", "role": "input"|"output"|"scratch", "dtype": "f32", "elements": n, "bytes": n, "tensor": i
 * or -1, "in_place": tensor whose buffer it is, absent else}],
 *  "launches": [{"entry": "f", "args": [{"buffer": i}|{"i32": n}|{"i64": n}|{"f32": x}|{"local": bytes}],
 * "global": [n], "local": [n], absent where the driver chooses}]} */
json_t *plan_to_json(const struct plan *p);
