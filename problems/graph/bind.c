/* A problem and numbers for its dims: shapes of everything, checked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "problems/graph/ast.h"
#include "problems/graph/flow.h"

DEFINE_CLEANUP(cleanup_bound, struct bound *, bound_free)

bool bound_lookup_dim(void *context, const char *name, int64_t *ret) {
    const struct bound *b = context;
    for (int i = 0; i < b->n_dims; i++) {
        if (strcmp(b->dim[i].name, name) != 0) continue;
        *ret = b->dim[i].value;
        return true;
    }
    return false;
}

int bound_find_tensor(const struct bound *b, const char *name) {
    for (int i = 0; i < b->n_tensors; i++)
        if (strcmp(b->tensor[i].name, name) == 0) return i;
    return -1;
}

static int eval(const struct bound *b, const struct located_expr *x, int64_t *ret, struct error *err) {
    struct error inner = ERROR_INIT;
    if (expr_eval(x->e, bound_lookup_dim, (void *)(uintptr_t)b, ret, &inner) == 0) return 0;
    return yaml_error(b->problem->doc, x->at, err, "size `%s`: `%.200s`: %s", b->size, expr_text(x->e), inner.text);
}

struct name_values {
    const struct bound *b;
    struct buf text;
};

static void add_name_value(void *context, const char *name) {
    struct name_values *v = context;
    int64_t value = 0;
    if (v->text.len < 200 && bound_lookup_dim((void *)(uintptr_t)v->b, name, &value))
        buf_printf(&v->text, "%s%s = %lld", v->text.len ? ", " : "", name, (long long)value);
}

static int check_where(const struct bound *b, struct error *err) {
    const struct problem *p = b->problem;
    for (size_t i = 0; i < p->n_where; i++) {
        int64_t holds = 0;
        if (eval(b, &p->where[i], &holds, err) != 0) return -1;
        if (holds) continue;
        struct name_values values = {.b = b};
        expr_names(p->where[i].e, add_name_value, &values);
        yaml_error(p->doc, p->where[i].at, err, "size `%s`: `%.200s` does not hold (%s)", b->size,
                   expr_text(p->where[i].e), values.text.data ? values.text.data : "it names no dim");
        buf_done(&values.text);
        return -1;
    }
    return 0;
}

/* Elements and bytes of a tensor whose shape is there. */
static int measure(const struct bound *b, struct tensor *t, const struct yaml_node *at, struct error *err) {
    char shape[160];
    shape_format(&t->shape, shape);
    for (int i = 0; i < t->shape.rank; i++)
        if (t->shape.dim[i] < 1)
            return yaml_error(b->problem->doc, at, err,
                              "size `%s`: `%s` has shape %s; every dimension must be 1 or more", b->size, t->name,
                              shape);
    if (shape_count(&t->shape, &t->elements) != 0) {
        yaml_error(b->problem->doc, at, err, "size `%s`: `%s` has shape %s, which is over the limit of 2^40 elements",
                   b->size, t->name, shape);
        return ast_limit(err);
    }
    t->bytes = (size_t)t->elements * dtype_bytes(t->dtype); /* < 2^43 */
    return 0;
}

static int bind_def(struct bound *b, const struct tensor_def *def, struct error *err) {
    struct tensor *t = &b->tensor[b->n_tensors++];
    memcpy(t->name, def->name, sizeof t->name);
    t->role = def->role;
    t->dtype = def->dtype;
    t->shape.rank = def->rank;
    for (int i = 0; i < def->rank; i++)
        if (eval(b, &def->dim[i], &t->shape.dim[i], err) != 0) return -1;
    if (measure(b, t, def->at, err) != 0) return -1;
    if (fill_bind(b, def, t, err) != 0) return -1;
    return structure_bind(b, def, t, err);
}

/* "matmul(a [2, 3], b [4, 5])": what an operator got, for messages. */
static void describe_call(const struct bound *b, const struct node *n, struct buf *out) {
    buf_printf(out, "%s(", n->op->name);
    for (int i = 0; i < n->n_in; i++) {
        char shape[160];
        shape_format(&b->tensor[n->in[i]].shape, shape);
        buf_printf(out, "%s%s %s", i ? ", " : "", b->tensor[n->in[i]].name, shape);
    }
    buf_puts(out, ")");
}

static int infer(const struct bound *b, const struct node_def *def, const struct node *n, struct tensor *out,
                 struct error *err) {
    CLEANUP_FREE struct tensor *in = xcalloc((size_t)n->n_in, sizeof *in);
    struct error inner = ERROR_INIT;
    for (int i = 0; i < n->n_in; i++) in[i] = b->tensor[n->in[i]];
    if (n->op->infer(n, in, out, &inner) == 0) return 0;
    CLEANUP(buf_done) struct buf called = BUF_INIT;
    describe_call(b, n, &called);
    struct yaml_node at = flow_at(def->at, def->op_offset);
    yaml_error(b->problem->doc, &at, err, "size `%s`: %s: %s", b->size, called.data, inner.text);
    if (err) err->code = inner.code == ERR_NONE ? ERR_INVALID : inner.code;
    return -1;
}

static int bind_node(struct bound *b, const struct node_def *def, struct error *err) {
    struct node *n = &b->node[b->n_nodes];
    struct tensor *out = &b->tensor[b->n_tensors];
    struct yaml_node at = flow_at(def->at, def->op_offset);
    n->op = def->op;
    n->n_in = def->n_in;
    memcpy(n->in, def->in, sizeof n->in);
    n->out = b->n_tensors;
    n->line = def->at->line;
    memcpy(out->name, def->name, sizeof out->name);
    if (attrs_bind(b, def, n, err) != 0 || infer(b, def, n, out, err) != 0) return -1;
    n->dtype = out->dtype;
    out->role = def->is_output ? TENSOR_OUTPUT : TENSOR_INTERMEDIATE;
    if (measure(b, out, &at, err) != 0) return -1;
    b->n_nodes++;
    b->n_tensors++;
    return 0;
}

static struct bound *bind_values(const struct problem *p, const char *label, const int64_t *values, struct error *err) {
    CLEANUP(cleanup_bound) struct bound *b = xcalloc(1, sizeof *b);
    b->problem = p;
    snprintf(b->size, sizeof b->size, "%s", label);
    b->n_dims = p->n_dims;
    for (int i = 0; i < p->n_dims; i++) {
        memcpy(b->dim[i].name, p->dim[i], sizeof b->dim[i].name);
        b->dim[i].value = values[i];
    }
    if (check_where(b, err) != 0) return NULL;
    b->tensor = xcalloc((size_t)(p->n_defs + p->n_nodes), sizeof *b->tensor);
    b->node = xcalloc((size_t)p->n_nodes, sizeof *b->node);
    for (int i = 0; i < p->n_defs; i++)
        if (bind_def(b, &p->def[i], err) != 0) return NULL;
    for (int i = 0; i < p->n_nodes; i++)
        if (bind_node(b, &p->node[i], err) != 0) return NULL;
    b->n_outputs = p->n_outputs;
    memcpy(b->output, p->output, sizeof b->output);
    return TAKE(b);
}

struct bound *problem_bind(const struct problem *p, const char *size, struct error *err) {
    CLEANUP(buf_done) struct buf names = BUF_INIT;
    for (size_t i = 0; i < p->n_sizes; i++) {
        if (strcmp(p->size[i].name, size) == 0) return bind_values(p, size, p->size[i].value, err);
        buf_printf(&names, "%s%s", i ? ", " : "", p->size[i].name);
    }
    error_set(err, ERR_NOT_FOUND, "problem %s has no size `%.64s`; it has %s", p->name, size, names.data);
    return NULL;
}

struct bound *problem_bind_dims(const struct problem *p, const char *label, const char *const *names,
                                const int64_t *values, size_t n, struct error *err) {
    int64_t ordered[PROBLEM_MAX_DIMS];
    bool given[PROBLEM_MAX_DIMS] = {false};
    for (size_t i = 0; i < n; i++) {
        int dim = problem_find_dim(p, names[i]);
        if (dim < 0 || given[dim]) {
            error_set(err, ERR_INVALID, "problem %s %s `%.64s`", p->name,
                      dim < 0 ? "has no dim" : "was given twice the dim", names[i]);
            if (dim < 0) problem_hint_dim(p, names[i], err);
            return NULL;
        }
        if (values[i] < 0 || values[i] > TENSOR_MAX_ELEMENTS) {
            error_set(err, ERR_LIMIT, "problem %s: `%s` is %lld; it must lie between 0 and 2^40", p->name, names[i],
                      (long long)values[i]);
            return NULL;
        }
        ordered[dim] = values[i];
        given[dim] = true;
    }
    for (int i = 0; i < p->n_dims; i++) {
        if (given[i]) continue;
        error_set(err, ERR_INVALID, "problem %s: the dim `%s` is missing", p->name, p->dim[i]);
        return NULL;
    }
    return bind_values(p, label, ordered, err);
}

void bound_free(struct bound *b) {
    if (!b) return;
    free(b->tensor);
    free(b->node);
    free(b);
}
