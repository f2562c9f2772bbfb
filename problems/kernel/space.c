/* `tune:`, `constraints:` and `specialised:`: the tuning space as written. */
#include <string.h>

#include "common/buf.h"
#include "problems/graph/names.h"
#include "problems/kernel/file.h"

int kernel_find_tune(const struct kernel *k, const char *name) {
    for (int i = 0; i < k->n_tune; i++)
        if (strcmp(k->tune[i].name, name) == 0) return i;
    return -1;
}

static int value_parse(const struct kernel *k, struct tune_def *t, const struct yaml_node *n, struct error *err) {
    int64_t value = 0;
    if (yaml_int(k->doc, n, t->name, INT32_MIN, INT32_MAX, &value, err) != 0) return -1;
    for (int i = 0; i < t->n; i++)
        if (t->value[i] == value) return yaml_error(k->doc, n, err, "`%s` lists %lld twice", t->name, (long long)value);
    t->value[t->n++] = value;
    return 0;
}

static int tunable_parse(struct kernel *k, const struct yaml_node *key, const struct yaml_node *n, struct error *err) {
    const char *why = name_macro_problem(key->text);
    if (why) return yaml_error(k->doc, key, err, "the tunable's name `%.80s` %s", key->text, why);
    struct tune_def *t = &k->tune[k->n_tune++];
    memcpy(t->name, key->text, strlen(key->text) + 1);
    t->at = key;
    if (n->kind == YAML_SCALAR) return value_parse(k, t, n, err);
    if (n->kind != YAML_SEQUENCE || n->count == 0)
        return yaml_error(k->doc, n, err, "`%s` must list its values, as [64, 128]", t->name);
    if (n->count > KERNEL_MAX_VALUES) {
        yaml_error(k->doc, n, err, "`%s` has %zu values; at most %d are allowed", t->name, n->count, KERNEL_MAX_VALUES);
        return kernel_limit(err);
    }
    for (size_t i = 0; i < n->count; i++)
        if (value_parse(k, t, n->items[i], err) != 0) return -1;
    return 0;
}

int tune_parse(struct kernel *k, const struct yaml_node *n, struct error *err) {
    if (!n || n->kind == YAML_NULL) return 0;
    if (n->kind != YAML_MAPPING)
        return yaml_error(k->doc, n, err, "`tune` must map names to lists of whole numbers, as {WG: [64, 128]}");
    if (n->count > KERNEL_MAX_TUNE) {
        yaml_error(k->doc, n, err, "%zu tunables; at most %d are allowed", n->count, KERNEL_MAX_TUNE);
        return kernel_limit(err);
    }
    k->tune = xcalloc(n->count, sizeof *k->tune);
    int64_t points = 1;
    for (size_t i = 0; i < n->count; i++) {
        if (tunable_parse(k, n->keys[i], n->items[i], err) != 0) return -1;
        points *= k->tune[i].n;
        if (points <= KERNEL_MAX_CONFIGS) continue;
        yaml_error(k->doc, n, err, "the tuning space has over %d configurations", KERNEL_MAX_CONFIGS);
        return kernel_limit(err);
    }
    return 0;
}

static int check_cost(const struct kernel *k, const struct yaml_node *n, struct error *err) {
    int64_t terms = 0, points = 1;
    for (int i = 0; i < k->n_constraints; i++) terms += expr_terms(k->constraint[i].e);
    for (int i = 0; i < k->n_tune; i++) points *= k->tune[i].n;
    if (terms <= KERNEL_MAX_CONSTRAINT_TERMS && terms * points <= KERNEL_MAX_CONSTRAINT_COST) return 0;
    yaml_error(k->doc, n, err, "the constraints cost too much: %lld terms for each of %lld configurations",
               (long long)terms, (long long)points);
    error_hint(err, "at most %d terms are allowed, and %lld in all configurations together",
               KERNEL_MAX_CONSTRAINT_TERMS, (long long)KERNEL_MAX_CONSTRAINT_COST);
    return kernel_limit(err);
}

int constraints_parse(struct kernel *k, const struct yaml_node *n, struct error *err) {
    if (!n || n->kind == YAML_NULL) return 0;
    if (n->kind != YAML_SEQUENCE)
        return yaml_error(k->doc, n, err, "`constraints` must be a list of conditions, as [\"D %% VEC == 0\"]");
    if (n->count > KERNEL_MAX_CONSTRAINTS) {
        yaml_error(k->doc, n, err, "%zu constraints; at most %d are allowed", n->count, KERNEL_MAX_CONSTRAINTS);
        return kernel_limit(err);
    }
    k->constraint = xcalloc(n->count, sizeof *k->constraint);
    for (size_t i = 0; i < n->count; i++) {
        const char *text = yaml_string(k->doc, n->items[i], "constraints", err);
        if (!text) return -1;
        struct kernel_expr *c = &k->constraint[k->n_constraints++];
        c->at = n->items[i];
        c->e = kernel_expr_parse(k, c->at, text, err);
        if (!c->e) return -1;
    }
    return check_cost(k, n, err);
}

int specialised_parse(struct kernel *k, const struct yaml_node *n, struct error *err) {
    if (!n || n->kind == YAML_NULL) return 0;
    if (n->kind != YAML_MAPPING)
        return yaml_error(k->doc, n, err, "`specialised` must map dims to numbers, as {D: 1024}");
    if (n->count > PROBLEM_MAX_DIMS) {
        yaml_error(k->doc, n, err, "%zu dims; a problem has at most %d", n->count, PROBLEM_MAX_DIMS);
        return kernel_limit(err);
    }
    k->specialised = xcalloc(n->count, sizeof *k->specialised);
    for (size_t i = 0; i < n->count; i++) {
        const char *name = n->keys[i]->text, *why = name_macro_problem(name);
        if (why) return yaml_error(k->doc, n->keys[i], err, "the dim's name `%.80s` %s", name, why);
        struct dim_def *d = &k->specialised[k->n_specialised++];
        memcpy(d->name, name, strlen(name) + 1);
        d->at = n->keys[i];
        if (yaml_int(k->doc, n->items[i], name, 0, TENSOR_MAX_ELEMENTS, &d->value, err) != 0) return -1;
    }
    return 0;
}
