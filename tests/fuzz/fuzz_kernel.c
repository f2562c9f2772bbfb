/* Any bytes as a kernel file and its source, separated by a line of `%%`, for one fixed problem. What binds is a plan
 * whose indices and sizes a runner may rely on. */
#include <stdlib.h>
#include <string.h>

#include "problems/kernel/kernel.h"

#define POINTS_MAX 20
#define SEPARATOR "\n%%\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char PROBLEM[] =
    "problem: mlp\n"
    "sizes: {full: {N: 64, K: 128, M: 256}, check: {N: 3, K: 5, M: 7}}\n"
    "inputs: {x: {dtype: f32, shape: [N, K]}}\n"
    "weights: {w: {dtype: f32, shape: [M, K]}, b: {dtype: f32, shape: [M]}}\n"
    "graph: [\"h = linear(x, w, b)\", \"y = relu(h)\"]\n"
    "outputs: [y]\n";

static void require(bool holds) {
    if (!holds) abort();
}

static void require_refusal(const struct error *err) {
    require(err->code == ERR_INVALID || err->code == ERR_LIMIT || err->code == ERR_UNSUPPORTED);
}

static void check_launch(const struct plan *p, const struct plan_launch *l) {
    require(l->dims >= 1 && l->dims <= 3 && l->n_args <= PLAN_MAX_ARGS && l->entry[0]);
    for (int i = 0; i < l->dims; i++) {
        require(l->global[i] >= 1);
        if (l->has_local) require(l->local[i] >= 1 && l->global[i] % l->local[i] == 0);
    }
    for (int i = 0; i < l->n_args; i++) {
        const struct plan_arg *a = &l->arg[i];
        if (a->kind == PLAN_ARG_BUFFER) require(a->buffer >= 0 && a->buffer < p->n_buffers);
        if (a->kind == PLAN_ARG_I32) require(a->i >= INT32_MIN && a->i <= INT32_MAX);
        if (a->kind == PLAN_ARG_LOCAL) require(a->i >= 1);
    }
}

static void check_plan(const struct plan *p) {
    bool has_output = false;
    require(p->n_buffers <= PLAN_MAX_BUFFERS && p->n_launches >= 1 && p->n_launches <= PLAN_MAX_LAUNCHES);
    for (int i = 0; i < p->n_buffers; i++) {
        const struct plan_buffer *b = &p->buffer[i];
        require(b->elements >= 1 && b->elements <= TENSOR_MAX_ELEMENTS);
        require(b->bytes == (size_t)b->elements * dtype_bytes(b->dtype));
        require((b->role == PLAN_SCRATCH) == (b->tensor < 0));
        has_output |= b->role == PLAN_OUTPUT;
    }
    require(has_output);
    for (int i = 0; i < p->n_launches; i++) check_launch(p, &p->launch[i]);
    json_t *json = plan_to_json(p);
    require(json != NULL);
    json_decref(json);
}

static void bind_points(const struct kernel *k, const struct bound *b) {
    struct tune_point *points = NULL;
    size_t n = 0;
    struct error err = ERROR_INIT;
    if (kernel_enumerate(k, b, POINTS_MAX, &points, &n, &err) != 0) require_refusal(&err);
    for (size_t i = 0; i < n; i++) {
        char why[256], text[2048];
        struct tune_point back;
        struct plan *plan = NULL;
        require(kernel_constraints_hold(k, b, &points[i], why));
        tune_point_format(k, &points[i], text, sizeof text);
        require(tune_point_parse(k, text, &back, NULL) == 0 &&
                memcmp(back.value, points[i].value, sizeof back.value) == 0);
        if (kernel_bind(k, b, &points[i], &plan, &err) == 0)
            check_plan(plan);
        else
            require_refusal(&err);
        plan_free(plan);
    }
    free(points);
}

static void bind_sizes(const struct kernel *k) {
    struct problem *p = problem_parse(PROBLEM, sizeof PROBLEM - 1, "problem.yaml", NULL);
    require(p != NULL);
    for (size_t i = 0; i < problem_size_count(p); i++) {
        struct bound *b = problem_bind(p, problem_size_name(p, i), NULL);
        bind_points(k, b);
        bound_free(b);
    }
    problem_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error err = ERROR_INIT;
    const char *text = (const char *)data;
    const char *cut = size > 0 ? memmem(text, size, SEPARATOR, sizeof SEPARATOR - 1) : NULL;
    size_t yaml_len = cut ? (size_t)(cut - text) : size;
    const char *source = cut ? cut + sizeof SEPARATOR - 1 : "";
    size_t source_len = cut ? size - yaml_len - (sizeof SEPARATOR - 1) : 0;
    struct kernel *k = kernel_parse(text, yaml_len, "seed.yaml", source, source_len, &err);
    if (!k) {
        require_refusal(&err);
        require(strncmp(err.text, "seed.yaml:", 10) == 0);
        return 0;
    }
    bind_sizes(k);
    kernel_free(k);
    return 0;
}
