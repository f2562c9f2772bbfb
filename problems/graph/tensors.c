/* `inputs:` and `weights:`. */
#include <string.h>

#include "common/buf.h"
#include "problems/graph/ast.h"
#include "problems/graph/names.h"

static int shape_parse(struct problem *p, struct tensor_def *t, const struct yaml_node *n, struct error *err) {
    if (!n || n->kind != YAML_SEQUENCE)
        return yaml_error(p->doc, n ? n : t->at, err, "`shape` of `%s` must be a list of dims, as [N, 4]", t->name);
    if (n->count > TENSOR_MAX_RANK) {
        yaml_error(p->doc, n, err, "`shape` of `%s` has %zu dims; at most %d are allowed", t->name, n->count,
                   TENSOR_MAX_RANK);
        return ast_limit(err);
    }
    for (size_t i = 0; i < n->count; i++) {
        const char *text = yaml_string(p->doc, n->items[i], "shape", err);
        if (!text) return -1;
        struct located_expr *dim = &t->dim[t->rank++];
        dim->at = n->items[i];
        dim->e = problem_expr(p, n->items[i], text, err);
        if (!dim->e) return -1;
    }
    return 0;
}

static int dtype_parse(struct problem *p, struct tensor_def *t, const struct yaml_node *n, struct error *err) {
    t->dtype = DTYPE_F32;
    if (!n) return yaml_error(p->doc, t->at, err, "`%s` has no `dtype`; it is f32, f16 or i32", t->name);
    const char *text = yaml_string(p->doc, n, "dtype", err);
    if (!text) return -1;
    int dtype = dtype_from_name(text);
    if (dtype < 0) return yaml_error(p->doc, n, err, "unknown dtype `%.40s`; it is f32, f16 or i32", text);
    t->dtype = (enum dtype)dtype;
    return 0;
}

static int tensor_parse(struct problem *p, const struct yaml_node *key, const struct yaml_node *n,
                        enum tensor_role role, struct error *err) {
    static const char *const keys[] = {"dtype", "shape", "fill", "domain", "structure", NULL};
    if (problem_check_name(p, key, key->text, false, err) != 0) return -1;
    struct tensor_def *t = &p->def[p->n_defs++];
    memcpy(t->name, key->text, strlen(key->text) + 1);
    t->role = role;
    t->at = key;
    if (n->kind != YAML_MAPPING)
        return yaml_error(p->doc, n, err, "`%s` must be a mapping, as {dtype: f32, shape: [N]}", t->name);
    if (yaml_check_keys(p->doc, n, keys, err) != 0) return -1;
    if (dtype_parse(p, t, yaml_get(n, "dtype"), err) != 0) return -1;
    if (shape_parse(p, t, yaml_get(n, "shape"), err) != 0) return -1;
    if (fill_parse(p, t, yaml_get(n, "fill"), yaml_get(n, "domain"), err) != 0) return -1;
    return structure_parse(p, t, yaml_get(n, "structure"), err);
}

static int group_parse(struct problem *p, const struct yaml_node *n, enum tensor_role role, struct error *err) {
    for (size_t i = 0; n && i < n->count; i++)
        if (tensor_parse(p, n->keys[i], n->items[i], role, err) != 0) return -1;
    return 0;
}

int tensors_parse(struct problem *p, const struct yaml_node *inputs, const struct yaml_node *weights,
                  struct error *err) {
    if (!inputs || inputs->kind != YAML_MAPPING || inputs->count == 0)
        return yaml_error(p->doc, inputs ? inputs : yaml_root(p->doc), err,
                          "`inputs` must name at least one tensor, as {x: {dtype: f32, shape: [N]}}");
    if (weights && weights->kind != YAML_MAPPING && weights->kind != YAML_NULL)
        return yaml_error(p->doc, weights, err, "`weights` must be a mapping of names to tensors");
    size_t total = inputs->count + (weights ? weights->count : 0);
    if (total > PROBLEM_MAX_TENSORS) {
        yaml_error(p->doc, inputs, err, "%zu inputs and weights; at most %d tensors are allowed", total,
                   PROBLEM_MAX_TENSORS);
        return ast_limit(err);
    }
    p->def = xcalloc(total, sizeof *p->def);
    if (group_parse(p, inputs, TENSOR_INPUT, err) != 0) return -1;
    return group_parse(p, weights, TENSOR_WEIGHT, err);
}
