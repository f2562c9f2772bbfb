/* Any bytes as a problem file. What is accepted binds at every size, and the numbers keep the promises of
 * problems/graph/problem.h; what is refused names the file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "problems/graph/problem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

static void check_tensor(const struct tensor *t) {
    int64_t elements = 0;
    require(t->shape.rank >= 0 && t->shape.rank <= TENSOR_MAX_RANK);
    require(shape_count(&t->shape, &elements) == 0 && elements == t->elements);
    require(t->bytes == (size_t)elements * dtype_bytes(t->dtype));
    require(t->name[0] && memchr(t->name, 0, sizeof t->name));
    if (t->role != TENSOR_INPUT && t->role != TENSOR_WEIGHT) return;
    if (t->fill.kind == FILL_KAIMING) require(t->fill.fan_in >= 1);
    if (t->fill.domain == DOMAIN_INDEX) require(t->fill.index_bound >= 1 && t->fill.b < (double)t->fill.index_bound);
    require(isfinite(t->fill.a) && isfinite(t->fill.b));
}

static void check_bound(const struct bound *b) {
    struct cost cost;
    int made = b->n_tensors - b->n_nodes;
    for (int i = 0; i < b->n_tensors; i++) {
        check_tensor(&b->tensor[i]);
        require(bound_find_tensor(b, b->tensor[i].name) == i);
    }
    for (int i = 0; i < b->n_nodes; i++) {
        require(b->node[i].out == made + i);
        for (int k = 0; k < b->node[i].n_in; k++) require(b->node[i].in[k] >= 0 && b->node[i].in[k] < b->node[i].out);
    }
    require(b->n_outputs >= 1 && b->n_outputs <= 16);
    for (int i = 0; i < b->n_outputs; i++) require(b->tensor[b->output[i]].role == TENSOR_OUTPUT);
    bound_cost(b, &cost);
    require(cost.flops >= 0 && cost.bytes_least > 0 && cost.reduction >= 1);
}

/* The same problem at dims of its own: fine or refused, never a crash. */
static void bind_other_dims(const struct bound *b) {
    const char *names[PROBLEM_MAX_DIMS];
    int64_t values[PROBLEM_MAX_DIMS];
    static const int64_t changes[] = {0, 1, 2, ((int64_t)1 << 40) - 1};
    for (size_t c = 0; c < sizeof changes / sizeof *changes; c++) {
        struct error err = ERROR_INIT;
        for (int i = 0; i < b->n_dims; i++) {
            names[i] = b->dim[i].name;
            values[i] = c == 2 ? b->dim[i].value + 2 : changes[c];
        }
        struct bound *other = problem_bind_dims(b->problem, "held", names, values, (size_t)b->n_dims, &err);
        if (other)
            check_bound(other);
        else
            require(err.code == ERR_INVALID || err.code == ERR_LIMIT);
        bound_free(other);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error err = ERROR_INIT;
    struct problem *p = problem_parse((const char *)data, size, "seed.yaml", &err);
    if (!p) {
        require((err.code == ERR_INVALID || err.code == ERR_LIMIT) && strncmp(err.text, "seed.yaml:", 10) == 0);
        return 0;
    }
    for (size_t i = 0; i < problem_size_count(p); i++) {
        struct bound *b = problem_bind(p, problem_size_name(p, i), &err);
        require(b != NULL);
        check_bound(b);
        if (i == 0) bind_other_dims(b);
        bound_free(b);
    }
    problem_free(p);
    return 0;
}
