/* Lookups and complaints that the parts of the problem parser share. */
#include "problems/graph/ast.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/suggest.h"
#include "problems/graph/names.h"

int problem_find_dim(const struct problem *p, const char *name) {
    for (int i = 0; i < p->n_dims; i++)
        if (strcmp(p->dim[i], name) == 0) return i;
    return -1;
}

int problem_find_tensor(const struct problem *p, const char *name) {
    for (int i = 0; i < p->n_defs; i++)
        if (strcmp(p->def[i].name, name) == 0) return i;
    for (int i = 0; i < p->n_nodes; i++)
        if (strcmp(p->node[i].name, name) == 0) return p->n_defs + i;
    return -1;
}

const char *problem_tensor_name(const struct problem *p, int tensor) {
    return tensor < p->n_defs ? p->def[tensor].name : p->node[tensor - p->n_defs].name;
}

int problem_hint_dim(const struct problem *p, const char *name, struct error *err) {
    const char *known[PROBLEM_MAX_DIMS + 1] = {NULL};
    for (int i = 0; i < p->n_dims; i++) known[i] = p->dim[i];
    const char *nearest = suggest_nearest(name, known);
    return nearest ? error_hint(err, "did you mean `%s`?", nearest) : -1;
}

int problem_hint_tensor(const struct problem *p, const char *name, struct error *err) {
    const char *known[PROBLEM_MAX_TENSORS + 1] = {NULL};
    for (int i = 0; i < p->n_defs + p->n_nodes; i++) known[i] = problem_tensor_name(p, i);
    const char *nearest = suggest_nearest(name, known);
    return nearest ? error_hint(err, "did you mean `%s`?", nearest) : -1;
}

int problem_check_name(const struct problem *p, const struct yaml_node *at, const char *name, bool is_dim,
                       struct error *err) {
    const char *why = is_dim ? name_macro_problem(name) : name_problem(name);
    if (why) return yaml_error(p->doc, at, err, "the name `%.80s` %s", name, why);
    if (problem_find_dim(p, name) >= 0)
        return yaml_error(p->doc, at, err, "the name `%s` clashes with the dim `%s` of the sizes", name, name);
    int taken = problem_find_tensor(p, name);
    if (taken >= 0) {
        const struct yaml_node *other = taken < p->n_defs ? p->def[taken].at : p->node[taken - p->n_defs].at;
        return yaml_error(p->doc, at, err, "the name `%s` clashes with the tensor of line %d", name, other->line);
    }
    return 0;
}

struct name_check {
    const struct problem *p;
    const char *unknown;
};

static void check_dim_name(void *context, const char *name) {
    struct name_check *c = context;
    if (!c->unknown && problem_find_dim(c->p, name) < 0) c->unknown = name;
}

DEFINE_CLEANUP(cleanup_expr, struct expr *, expr_free)

struct expr *problem_expr(const struct problem *p, const struct yaml_node *at, const char *text, struct error *err) {
    struct error inner = ERROR_INIT;
    CLEANUP(cleanup_expr) struct expr *e = expr_parse(text, &inner);
    if (!e) {
        yaml_error(p->doc, at, err, "`%.200s`: %s", text, inner.text);
        return NULL;
    }
    struct name_check check = {.p = p};
    expr_names(e, check_dim_name, &check);
    if (check.unknown) {
        yaml_error(p->doc, at, err, "`%.200s`: `%s` is no dim of the sizes", text, check.unknown);
        problem_hint_dim(p, check.unknown, err);
        return NULL;
    }
    return TAKE(e);
}

int ast_limit(struct error *err) {
    if (err) err->code = ERR_LIMIT;
    return -1;
}
