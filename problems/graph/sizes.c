/* `sizes:` and `where:`: the named sizes must all define the same dims. */
#include <string.h>

#include "common/buf.h"
#include "problems/graph/ast.h"
#include "problems/graph/names.h"

static int dims_from_first(struct problem *p, const struct yaml_node *size, const char *size_name, struct error *err) {
    if (size->count > PROBLEM_MAX_DIMS) {
        yaml_error(p->doc, size, err, "size `%s` has %zu dims; at most %d are allowed", size_name, size->count,
                   PROBLEM_MAX_DIMS);
        return ast_limit(err);
    }
    for (size_t i = 0; i < size->count; i++) {
        const char *name = size->keys[i]->text;
        if (problem_check_name(p, size->keys[i], name, true, err) != 0) return -1;
        memcpy(p->dim[p->n_dims++], name, strlen(name) + 1);
    }
    return 0;
}

/* Every dim of the first size must be in this one, and none besides. */
static int check_same_dims(const struct problem *p, const struct yaml_node *key, const struct yaml_node *size,
                           struct error *err) {
    for (size_t i = 0; i < size->count; i++) {
        const char *name = size->keys[i]->text;
        if (problem_find_dim(p, name) >= 0) continue;
        yaml_error(p->doc, size->keys[i], err, "size `%s` defines `%s`, which size `%s` does not", key->text, name,
                   p->size[0].name);
        return problem_hint_dim(p, name, err);
    }
    for (int i = 0; i < p->n_dims; i++)
        if (!yaml_get(size, p->dim[i]))
            return yaml_error(p->doc, key, err, "size `%s` does not define `%s`, which size `%s` does", key->text,
                              p->dim[i], p->size[0].name);
    return 0;
}

static int size_parse(struct problem *p, const struct yaml_node *key, const struct yaml_node *n, struct error *err) {
    const char *why = name_title_problem(key->text);
    if (why) return yaml_error(p->doc, key, err, "the size's name `%.80s` %s", key->text, why);
    if (strcmp(key->text, "auto") == 0)
        return yaml_error(p->doc, key, err, "a size cannot be called `auto`: campaigns use that word");
    if (n->kind != YAML_MAPPING || n->count == 0)
        return yaml_error(p->doc, n, err, "size `%s` must be a mapping of dims to numbers, as {N: 128}", key->text);
    struct size_def *size = &p->size[p->n_sizes];
    memcpy(size->name, key->text, strlen(key->text) + 1);
    if (p->n_sizes == 0 && dims_from_first(p, n, key->text, err) != 0) return -1;
    if (check_same_dims(p, key, n, err) != 0) return -1;
    for (int i = 0; i < p->n_dims; i++)
        if (yaml_int(p->doc, yaml_get(n, p->dim[i]), p->dim[i], 0, TENSOR_MAX_ELEMENTS, &size->value[i], err) != 0)
            return -1;
    p->n_sizes++;
    return 0;
}

int sizes_parse(struct problem *p, const struct yaml_node *n, struct error *err) {
    if (!n || n->kind != YAML_MAPPING || n->count == 0)
        return yaml_error(p->doc, n ? n : yaml_root(p->doc), err,
                          "`sizes` must name at least one size, as {check: {N: 7}}");
    if (n->count > PROBLEM_MAX_SIZES) {
        yaml_error(p->doc, n, err, "%zu sizes; at most %d are allowed", n->count, PROBLEM_MAX_SIZES);
        return ast_limit(err);
    }
    p->size = xcalloc(n->count, sizeof *p->size);
    for (size_t i = 0; i < n->count; i++)
        if (size_parse(p, n->keys[i], n->items[i], err) != 0) return -1;
    return 0;
}

int where_parse(struct problem *p, const struct yaml_node *n, struct error *err) {
    if (!n) return 0;
    if (n->kind != YAML_SEQUENCE)
        return yaml_error(p->doc, n, err, "`where` must be a list of conditions on the dims, as [\"D %% H == 0\"]");
    if (n->count > PROBLEM_MAX_WHERE) {
        yaml_error(p->doc, n, err, "%zu conditions; at most %d are allowed", n->count, PROBLEM_MAX_WHERE);
        return ast_limit(err);
    }
    p->where = xcalloc(n->count, sizeof *p->where);
    int terms = 0;
    for (size_t i = 0; i < n->count; i++) {
        const char *text = yaml_string(p->doc, n->items[i], "where", err);
        if (!text) return -1;
        struct located_expr *w = &p->where[p->n_where++];
        w->at = n->items[i];
        w->e = problem_expr(p, n->items[i], text, err);
        if (!w->e) return -1;
        terms += expr_terms(w->e);
        if (terms <= PROBLEM_MAX_WHERE_TERMS) continue;
        yaml_error(p->doc, w->at, err, "the conditions have over %d terms together", PROBLEM_MAX_WHERE_TERMS);
        return ast_limit(err);
    }
    return 0;
}
