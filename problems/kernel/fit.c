/* Whether a kernel file fits a problem: every name in it exists there, none means two things, every output is written.
 * None of it depends on the size or the tuning point. */
#include <string.h>

#include "common/suggest.h"
#include "problems/kernel/file.h"

struct fit {
    const struct kernel *k;
    const struct bound *b;
    struct error *err;
};

bool kernel_point_lookup(void *context, const char *name, int64_t *ret) {
    const struct kernel_point *p = context;
    int tune = kernel_find_tune(p->k, name);
    if (tune < 0) return bound_lookup_dim((void *)(uintptr_t)p->b, name, ret);
    if (!p->t || tune >= p->t->n) return false;
    *ret = p->t->value[tune];
    return true;
}

static bool is_dim(const struct fit *f, const char *name) {
    int64_t ignored;
    return bound_lookup_dim((void *)(uintptr_t)f->b, name, &ignored);
}

/* Adds the nearest of what an argument or expression may name. */
static int hint_name(const struct fit *f, const char *name, bool buffers) {
    const char *known[PROBLEM_MAX_DIMS + KERNEL_MAX_TUNE + KERNEL_MAX_SCRATCH + PROBLEM_MAX_TENSORS + 1] = {NULL};
    size_t n = 0;
    for (int i = 0; i < f->b->n_dims; i++) known[n++] = f->b->dim[i].name;
    for (int i = 0; i < f->k->n_tune; i++) known[n++] = f->k->tune[i].name;
    for (int i = 0; buffers && i < f->k->n_scratch; i++) known[n++] = f->k->scratch[i].name;
    for (int i = 0; buffers && i < f->b->n_tensors; i++)
        if (f->b->tensor[i].role != TENSOR_INTERMEDIATE) known[n++] = f->b->tensor[i].name;
    const char *nearest = suggest_nearest(name, known);
    return nearest ? error_hint(f->err, "did you mean `%s`?", nearest) : -1;
}

static int check_clash(const struct fit *f, const char *name, const struct yaml_node *at, const char *what) {
    if (is_dim(f, name))
        return yaml_error(f->k->doc, at, f->err, "the %s `%s` clashes with a dim of problem %s", what, name,
                          problem_name(f->b->problem));
    if (bound_find_tensor(f->b, name) >= 0)
        return yaml_error(f->k->doc, at, f->err, "the %s `%s` clashes with a tensor of problem %s", what, name,
                          problem_name(f->b->problem));
    return 0;
}

static int check_names(const struct fit *f) {
    const struct kernel *k = f->k;
    for (int i = 0; i < k->n_tune; i++)
        if (check_clash(f, k->tune[i].name, k->tune[i].at, "tunable") != 0) return -1;
    for (int i = 0; i < k->n_scratch; i++)
        if (check_clash(f, k->scratch[i].name, k->scratch[i].at, "scratch buffer") != 0) return -1;
    for (int i = 0; i < k->n_specialised; i++) {
        const struct dim_def *d = &k->specialised[i];
        if (is_dim(f, d->name)) continue;
        yaml_error(k->doc, d->at, f->err, "`%s` is no dim of problem %s", d->name, problem_name(f->b->problem));
        return hint_name(f, d->name, false);
    }
    return 0;
}

struct unknown_name {
    const struct fit *f;
    const char *name;
};

static void find_unknown(void *context, const char *name) {
    struct unknown_name *u = context;
    if (!u->name && kernel_find_tune(u->f->k, name) < 0 && !is_dim(u->f, name)) u->name = name;
}

static int check_expr(const struct fit *f, const struct expr *e, const struct yaml_node *at) {
    struct unknown_name unknown = {.f = f};
    expr_names(e, find_unknown, &unknown);
    if (!unknown.name) return 0;
    yaml_error(f->k->doc, at, f->err, "`%.200s`: `%s` is neither a dim of problem %s nor a tunable", expr_text(e),
               unknown.name, problem_name(f->b->problem));
    return hint_name(f, unknown.name, false);
}

static int check_arg(const struct fit *f, const struct launch_def *l, const struct arg_def *a) {
    if (a->e) return check_expr(f, a->e, a->at);
    if (a->form == ARG_FLOAT) return 0;
    if (kernel_find_tune(f->k, a->name) >= 0 || kernel_find_scratch(f->k, a->name) >= 0 || is_dim(f, a->name)) return 0;
    int tensor = bound_find_tensor(f->b, a->name);
    if (tensor < 0) {
        yaml_error(f->k->doc, a->at, f->err,
                   "launch `%s`: the argument `%s` is no input, weight or output of problem %s, "
                   "no dim, tunable or scratch buffer",
                   l->entry, a->name, problem_name(f->b->problem));
        return hint_name(f, a->name, true);
    }
    if (f->b->tensor[tensor].role != TENSOR_INTERMEDIATE) return 0;
    yaml_error(f->k->doc, a->at, f->err,
               "launch `%s`: `%s` is an intermediate tensor of problem %s and has no buffer: "
               "only inputs, weights and outputs exist outside a kernel",
               l->entry, a->name, problem_name(f->b->problem));
    return error_hint(f->err, "declare a scratch buffer of another name for what your launches hand on");
}

static int check_launch(const struct fit *f, const struct launch_def *l) {
    for (int i = 0; i < l->n_args; i++)
        if (check_arg(f, l, &l->arg[i]) != 0) return -1;
    for (int i = 0; i < l->dims; i++) {
        if (check_expr(f, l->global[i].e, l->global[i].at) != 0) return -1;
        if (l->has_local && check_expr(f, l->local[i].e, l->local[i].at) != 0) return -1;
    }
    return 0;
}

/* An output that shares an input's buffer is written by whoever takes either name. */
static bool launches_take(const struct kernel *k, const char *output) {
    const struct in_place_def *shared = kernel_in_place_of(k, output);
    return kernel_launches_name(k, output) || (shared && kernel_launches_name(k, shared->input));
}

int kernel_check_fit(const struct kernel *k, const struct bound *b, struct error *err) {
    struct fit f = {.k = k, .b = b, .err = err};
    if (strcmp(k->problem, problem_name(b->problem)) != 0)
        return yaml_error(k->doc, yaml_get(yaml_root(k->doc), "problem"), err,
                          "the kernel is for problem %s, not for %s", k->problem, problem_name(b->problem));
    if (check_names(&f) != 0) return -1;
    for (int i = 0; i < k->n_constraints; i++)
        if (check_expr(&f, k->constraint[i].e, k->constraint[i].at) != 0) return -1;
    for (int i = 0; i < k->n_scratch; i++)
        for (int d = 0; d < k->scratch[i].rank; d++)
            if (check_expr(&f, k->scratch[i].dim[d].e, k->scratch[i].dim[d].at) != 0) return -1;
    for (int i = 0; i < k->n_launches; i++)
        if (check_launch(&f, &k->launch[i]) != 0) return -1;
    if (in_place_check(k, b, err) != 0) return -1;
    for (int i = 0; i < b->n_outputs; i++)
        if (!launches_take(k, b->tensor[b->output[i]].name))
            return yaml_error(k->doc, yaml_get(yaml_root(k->doc), "launches"), err,
                              "no launch takes the output `%s` of problem %s", b->tensor[b->output[i]].name,
                              k->problem);
    return 0;
}
