/* `in_place: {y: x}`: outputs that are computed in the buffer of an input. */
#include <string.h>

#include "common/buf.h"
#include "common/suggest.h"
#include "problems/graph/names.h"
#include "problems/kernel/file.h"

const struct in_place_def *kernel_in_place_of(const struct kernel *k, const char *output) {
    for (int i = 0; i < k->n_in_place; i++)
        if (strcmp(k->in_place[i].output, output) == 0) return &k->in_place[i];
    return NULL;
}

static int pair_parse(struct kernel *k, const struct yaml_node *key, const struct yaml_node *n, struct error *err) {
    const char *input = yaml_string(k->doc, n, "in_place", err);
    if (!input) return -1;
    const char *name = name_problem(key->text) ? key->text : name_problem(input) ? input : NULL;
    if (name) return yaml_error(k->doc, key, err, "the name `%.80s` %s", name, name_problem(name));
    for (int i = 0; i < k->n_in_place; i++)
        if (strcmp(k->in_place[i].input, input) == 0)
            return yaml_error(k->doc, n, err, "`%s` and `%s` cannot both be computed in place of `%s`",
                              k->in_place[i].output, key->text, input);
    struct in_place_def *d = &k->in_place[k->n_in_place++];
    memcpy(d->output, key->text, strlen(key->text) + 1);
    memcpy(d->input, input, strlen(input) + 1);
    d->at = n;
    return 0;
}

int in_place_parse(struct kernel *k, const struct yaml_node *n, struct error *err) {
    if (!n || n->kind == YAML_NULL) return 0;
    if (n->kind != YAML_MAPPING) return yaml_error(k->doc, n, err, "`in_place` must map outputs to inputs, as {y: x}");
    if (n->count > KERNEL_MAX_IN_PLACE) {
        yaml_error(k->doc, n, err, "%zu outputs in place; at most %d are allowed", n->count, KERNEL_MAX_IN_PLACE);
        return kernel_limit(err);
    }
    k->in_place = xcalloc(n->count, sizeof *k->in_place);
    for (size_t i = 0; i < n->count; i++)
        if (pair_parse(k, n->keys[i], n->items[i], err) != 0) return -1;
    return 0;
}

/* The tensor of that name and role, or NULL with an error that suggests another. */
static const struct tensor *find(const struct kernel *k, const struct bound *b, const struct in_place_def *d,
                                 const char *name, enum tensor_role role, const char *what, struct error *err) {
    const char *known[PROBLEM_MAX_TENSORS + 1] = {NULL};
    int tensor = bound_find_tensor(b, name), n = 0;
    if (tensor >= 0 && b->tensor[tensor].role == role) return &b->tensor[tensor];
    bool weight = tensor >= 0 && b->tensor[tensor].role == TENSOR_WEIGHT;
    for (int i = 0; i < b->n_tensors && n < PROBLEM_MAX_TENSORS; i++)
        if (b->tensor[i].role == role) known[n++] = b->tensor[i].name;
    yaml_error(k->doc, d->at, err, "in_place: `%s` is no %s of problem %s%s", name, what, problem_name(b->problem),
               weight ? " but a weight, which later runs need as it is" : "");
    const char *nearest = suggest_nearest(name, known);
    if (nearest) error_hint(err, "did you mean `%s`?", nearest);
    return NULL;
}

int in_place_check(const struct kernel *k, const struct bound *b, struct error *err) {
    for (int i = 0; i < k->n_in_place; i++) {
        const struct in_place_def *d = &k->in_place[i];
        const struct tensor *y = find(k, b, d, d->output, TENSOR_OUTPUT, "output", err);
        const struct tensor *x = y ? find(k, b, d, d->input, TENSOR_INPUT, "input", err) : NULL;
        if (!x) return -1;
        if (x->dtype == y->dtype && shape_equal(&x->shape, &y->shape)) continue;
        char has[160], wants[160];
        shape_format(&x->shape, has);
        shape_format(&y->shape, wants);
        return yaml_error(k->doc, d->at, err,
                          "in_place: at size %s `%s` is %s %s and `%s` is %s %s; both must have one type and shape",
                          b->size, y->name, dtype_name(y->dtype), wants, x->name, dtype_name(x->dtype), has);
    }
    return 0;
}
