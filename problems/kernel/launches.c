/* `launches:` as written: entry points, arguments, geometry. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "problems/graph/names.h"
#include "problems/kernel/entries.h"
#include "problems/kernel/file.h"

/* {long: N}, {float: 0.5}, {local: "WG * 4"} */
static int typed_arg(struct kernel *k, const struct yaml_node *n, struct arg_def *a, struct error *err) {
    static const char *const keys[] = {"long", "float", "local", NULL};
    if (yaml_check_keys(k->doc, n, keys, err) != 0) return -1;
    if (n->count != 1)
        return yaml_error(k->doc, n, err, "one of {long: N}, {float: 0.5}, {local: \"WG * 4\"} is expected");
    const char *key = n->keys[0]->text;
    if (strcmp(key, "float") == 0) {
        double value = 0;
        a->form = ARG_FLOAT;
        if (yaml_double(k->doc, n->items[0], "float", &value, err) != 0) return -1;
        if (fabs(value) > (double)FLT_MAX) return yaml_error(k->doc, n->items[0], err, "`float` is out of range");
        a->f = (float)value;
        return 0;
    }
    a->form = strcmp(key, "long") == 0 ? ARG_LONG : ARG_LOCAL;
    const char *text = yaml_string(k->doc, n->items[0], key, err);
    if (!text) return -1;
    a->at = n->items[0];
    a->e = kernel_expr_parse(k, n->items[0], text, err);
    return a->e ? 0 : -1;
}

static int arg_parse(struct kernel *k, const struct yaml_node *n, struct arg_def *a, struct error *err) {
    a->at = n;
    if (n->kind == YAML_MAPPING) return typed_arg(k, n, a, err);
    const char *text = yaml_string(k->doc, n, "args", err);
    if (!text) return -1;
    if (name_is_identifier(text) && strlen(text) < sizeof a->name) {
        a->form = ARG_NAME;
        memcpy(a->name, text, strlen(text) + 1);
        int scratch = kernel_find_scratch(k, text);
        if (scratch >= 0) k->scratch[scratch].used = true;
        return 0;
    }
    a->form = ARG_INT;
    a->e = kernel_expr_parse(k, n, text, err);
    if (a->e) return 0;
    return error_hint(err,
                      "an argument is a tensor, a dim, a tunable, an expression of those, {long: N}, {float: 0.5} or "
                      "{local: BYTES}");
}

static int args_parse(struct kernel *k, struct launch_def *l, const struct yaml_node *n, struct error *err) {
    if (!n || n->kind != YAML_SEQUENCE)
        return yaml_error(k->doc, n ? n : l->at, err, "launch `%s`: `args` must be a list, as [x, y, N]", l->entry);
    if (n->count > PLAN_MAX_ARGS) {
        yaml_error(k->doc, n, err, "launch `%s`: %zu arguments; at most %d are allowed", l->entry, n->count,
                   PLAN_MAX_ARGS);
        return kernel_limit(err);
    }
    l->arg = xcalloc(n->count, sizeof *l->arg);
    for (size_t i = 0; i < n->count; i++) {
        struct arg_def *a = &l->arg[l->n_args++];
        if (arg_parse(k, n->items[i], a, err) != 0) return -1;
    }
    return 0;
}

static int extent_parse(struct kernel *k, const struct launch_def *l, const struct yaml_node *n, const char *what,
                        struct kernel_expr ret[3], int *ret_dims, struct error *err) {
    if (n->kind != YAML_SEQUENCE || n->count < 1 || n->count > 3)
        return yaml_error(k->doc, n, err, "launch `%s`: `%s` must list one to three sizes, as [N * WG]", l->entry,
                          what);
    for (size_t i = 0; i < n->count; i++) {
        const char *text = yaml_string(k->doc, n->items[i], what, err);
        if (!text) return -1;
        ret[i].at = n->items[i];
        ret[i].e = kernel_expr_parse(k, n->items[i], text, err);
        if (!ret[i].e) return -1;
    }
    *ret_dims = (int)n->count;
    return 0;
}

static int geometry_parse(struct kernel *k, struct launch_def *l, const struct yaml_node *n, struct error *err) {
    const struct yaml_node *global = yaml_get(n, "global"), *local = yaml_get(n, "local");
    int local_dims = 0;
    if (!global) return yaml_error(k->doc, n, err, "launch `%s` has no `global` size", l->entry);
    if (extent_parse(k, l, global, "global", l->global, &l->dims, err) != 0) return -1;
    if (!local) return 0;
    l->has_local = true;
    if (extent_parse(k, l, local, "local", l->local, &local_dims, err) != 0) return -1;
    if (local_dims == l->dims) return 0;
    return yaml_error(k->doc, local, err, "launch `%s`: `global` has %d size%s, `local` %d", l->entry, l->dims,
                      l->dims == 1 ? "" : "s", local_dims);
}

static int launch_parse(struct kernel *k, const struct yaml_node *n, struct error *err) {
    static const char *const keys[] = {"kernel", "args", "global", "local", "library", NULL};
    struct launch_def *l = &k->launch[k->n_launches++];
    l->at = n;
    if (yaml_check_keys(k->doc, n, keys, err) != 0) return -1;
    if (yaml_get(n, "library")) {
        yaml_error(k->doc, yaml_get(n, "library"), err,
                   "library steps cannot be run yet; launch a kernel of the source");
        if (err) err->code = ERR_UNSUPPORTED;
        return -1;
    }
    const struct yaml_node *entry = yaml_get(n, "kernel");
    if (!entry) return yaml_error(k->doc, n, err, "a launch needs `kernel`, the name of an entry point");
    const char *name = yaml_string(k->doc, entry, "kernel", err);
    if (!name) return -1;
    if (!name_is_identifier(name) || strlen(name) >= sizeof l->entry)
        return yaml_error(k->doc, entry, err, "`%.80s` is no name of an entry point", name);
    memcpy(l->entry, name, strlen(name) + 1);
    l->at = entry;
    if (args_parse(k, l, yaml_get(n, "args"), err) != 0) return -1;
    return geometry_parse(k, l, n, err);
}

int launches_parse(struct kernel *k, const struct yaml_node *n, struct error *err) {
    if (!n || n->kind != YAML_SEQUENCE || n->count == 0)
        return yaml_error(k->doc, n ? n : yaml_root(k->doc), err, "`launches` must list at least one launch");
    if (n->count > PLAN_MAX_LAUNCHES) {
        yaml_error(k->doc, n, err, "%zu launches; at most %d are allowed", n->count, PLAN_MAX_LAUNCHES);
        return kernel_limit(err);
    }
    k->launch = xcalloc(n->count, sizeof *k->launch);
    for (size_t i = 0; i < n->count; i++)
        if (launch_parse(k, n->items[i], err) != 0) return -1;
    for (int i = 0; i < k->n_scratch; i++)
        if (!k->scratch[i].used)
            return yaml_error(k->doc, k->scratch[i].at, err, "the scratch buffer `%s` is used by no launch",
                              k->scratch[i].name);
    return 0;
}

bool kernel_launches_name(const struct kernel *k, const char *name) {
    for (int i = 0; i < k->n_launches; i++)
        for (int a = 0; a < k->launch[i].n_args; a++)
            if (k->launch[i].arg[a].form == ARG_NAME && strcmp(k->launch[i].arg[a].name, name) == 0) return true;
    return false;
}

/* Of several declarations of a name (under #ifdef, say), one that fits is enough. */
static bool params_fit(const struct entries *found, const struct launch_def *l) {
    for (int i = 0; i < found->n; i++)
        if (strcmp(found->entry[i].name, l->entry) == 0 &&
            (found->entry[i].params < 0 || found->entry[i].params == l->n_args))
            return true;
    return false;
}

int launches_check_source(const struct kernel *k, struct error *err) {
    struct entries *found = xmalloc(sizeof *found);
    int status = 0;
    entries_scan(k->source, k->source_len, found);
    for (int i = 0; i < k->n_launches && status == 0; i++) {
        const struct launch_def *l = &k->launch[i];
        const struct entry *e = entries_find(found, l->entry);
        if (!e && !found->generated) {
            status = yaml_error(k->doc, l->at, err, "launch %d: the source %.80s has no kernel `%s`", i + 1,
                                k->source_file, l->entry);
            if (found->n > 0) error_hint(err, "its first kernel is `%s`", found->entry[0].name);
        } else if (e && !params_fit(found, l)) {
            status =
                yaml_error(k->doc, l->at, err, "launch %d: `%s` takes %d arguments in the source, and %d are given",
                           i + 1, l->entry, e->params, l->n_args);
        }
    }
    free(found);
    return status;
}
