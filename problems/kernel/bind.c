/* Kernel + size + tuning point = plan. Everything that a number could spoil is checked here, in 64 bits. */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "problems/kernel/file.h"

DEFINE_CLEANUP(cleanup_plan, struct plan *, plan_free)

struct binding {
    const struct kernel *k;
    const struct bound *b;
    struct kernel_point point;
    struct plan *plan;
    struct error *err;
};

/* Sets ERR_LIMIT "FILE:LINE:COL: ...". */
#define limit_error(x, at, ...) (yaml_error((x)->k->doc, (at), (x)->err, __VA_ARGS__), kernel_limit((x)->err))

static int eval(struct binding *x, const struct expr *e, const struct yaml_node *at, int64_t *ret) {
    struct error inner = ERROR_INIT;
    if (expr_eval(e, kernel_point_lookup, &x->point, ret, &inner) == 0) return 0;
    return yaml_error(x->k->doc, at, x->err, "size %s: `%.200s`: %s", x->b->size, expr_text(e), inner.text);
}

static void bind_macros(struct binding *x) {
    const struct kernel *k = x->k;
    struct plan *p = x->plan;
    p->macro = xcalloc((size_t)(k->n_tune + k->n_specialised), sizeof *p->macro);
    for (int i = 0; i < k->n_tune; i++, p->n_macros++) {
        memcpy(p->macro[p->n_macros].name, k->tune[i].name, NAME_MAX_LEN);
        p->macro[p->n_macros].value = x->point.t->value[i];
    }
    for (int i = 0; i < k->n_specialised; i++, p->n_macros++) {
        memcpy(p->macro[p->n_macros].name, k->specialised[i].name, NAME_MAX_LEN);
        p->macro[p->n_macros].value = k->specialised[i].value;
    }
}

/* Whether some output is computed in the buffer of `input`. */
static bool is_overwritten(const struct kernel *k, const char *input) {
    for (int i = 0; i < k->n_in_place; i++)
        if (strcmp(k->in_place[i].input, input) == 0) return true;
    return false;
}

static void add_tensor(struct binding *x, int tensor) {
    const struct tensor *t = &x->b->tensor[tensor];
    const struct in_place_def *shared = t->role == TENSOR_OUTPUT ? kernel_in_place_of(x->k, t->name) : NULL;
    if (is_overwritten(x->k, t->name) || (!shared && !kernel_launches_name(x->k, t->name))) return;
    struct plan_buffer *buffer = &x->plan->buffer[x->plan->n_buffers++];
    memcpy(buffer->name, t->name, sizeof buffer->name);
    buffer->role = t->role == TENSOR_OUTPUT ? PLAN_OUTPUT : PLAN_INPUT;
    buffer->dtype = t->dtype;
    buffer->elements = t->elements;
    buffer->bytes = t->bytes;
    buffer->tensor = tensor;
    buffer->in_place = shared != NULL;
    if (shared) buffer->source = bound_find_tensor(x->b, shared->input);
}

static int add_scratch(struct binding *x, const struct scratch_def *s) {
    struct shape shape = {.rank = s->rank};
    struct plan_buffer *buffer = &x->plan->buffer[x->plan->n_buffers++];
    char text[160];
    for (int i = 0; i < s->rank; i++)
        if (eval(x, s->dim[i].e, s->dim[i].at, &shape.dim[i]) != 0) return -1;
    if (shape_count(&shape, &buffer->elements) != 0) {
        shape_format(&shape, text);
        return limit_error(x, s->at, "size %s: scratch buffer `%s` has shape %s; it must have 1 to 2^40 elements",
                           x->b->size, s->name, text);
    }
    memcpy(buffer->name, s->name, sizeof buffer->name);
    buffer->role = PLAN_SCRATCH;
    buffer->dtype = s->dtype;
    buffer->bytes = (size_t)buffer->elements * dtype_bytes(s->dtype);
    buffer->tensor = -1;
    return 0;
}

static int bind_buffers(struct binding *x) {
    size_t room = (size_t)(x->b->n_tensors + x->k->n_scratch);
    x->plan->buffer = xcalloc(room, sizeof *x->plan->buffer);
    for (int i = 0; i < x->b->n_tensors; i++)
        if (x->b->tensor[i].role == TENSOR_INPUT || x->b->tensor[i].role == TENSOR_WEIGHT) add_tensor(x, i);
    for (int i = 0; i < x->b->n_outputs; i++) add_tensor(x, x->b->output[i]);
    for (int i = 0; i < x->k->n_scratch; i++)
        if (add_scratch(x, &x->k->scratch[i]) != 0) return -1;
    if (x->plan->n_buffers <= PLAN_MAX_BUFFERS) return 0;
    error_set(x->err, ERR_LIMIT, "kernel %s: %d buffers; at most %d are allowed", x->k->name, x->plan->n_buffers,
              PLAN_MAX_BUFFERS);
    return -1;
}

/* By its own name, or by that of the input that lies in it. */
static int find_buffer(const struct binding *x, const char *name) {
    for (int i = 0; i < x->plan->n_buffers; i++) {
        const struct plan_buffer *b = &x->plan->buffer[i];
        if (strcmp(b->name, name) == 0 || (b->in_place && strcmp(x->b->tensor[b->source].name, name) == 0)) return i;
    }
    return -1;
}

static int int_arg(struct binding *x, const struct launch_def *l, const struct arg_def *a, const char *text,
                   int64_t value, struct plan_arg *ret) {
    ret->kind = PLAN_ARG_I32;
    ret->i = value;
    if (value >= INT32_MIN && value <= INT32_MAX) return 0;
    limit_error(x, a->at, "launch `%s`: `%.100s` is %lld at size %s, which does not fit an int", l->entry, text,
                (long long)value, x->b->size);
    return error_hint(x->err, "pass {long: \"%.100s\"} and declare the parameter as long", text);
}

static int bind_name(struct binding *x, const struct launch_def *l, const struct arg_def *a, struct plan_arg *ret) {
    int64_t value = 0;
    ret->buffer = find_buffer(x, a->name);
    ret->kind = PLAN_ARG_BUFFER;
    if (ret->buffer >= 0) return 0;
    if (!kernel_point_lookup(&x->point, a->name, &value))
        return error_set(x->err, ERR_INTERNAL, "kernel %s: argument `%s` fits and cannot be bound", x->k->name,
                         a->name);
    ret->buffer = 0;
    return int_arg(x, l, a, a->name, value, ret);
}

static int bind_arg(struct binding *x, const struct launch_def *l, const struct arg_def *a, struct plan_arg *ret) {
    int64_t value = 0;
    if (a->form == ARG_NAME) return bind_name(x, l, a, ret);
    if (a->form == ARG_FLOAT) return ret->kind = PLAN_ARG_F32, ret->f = a->f, 0;
    if (eval(x, a->e, a->at, &value) != 0) return -1;
    if (a->form == ARG_INT) return int_arg(x, l, a, expr_text(a->e), value, ret);
    ret->kind = a->form == ARG_LONG ? PLAN_ARG_I64 : PLAN_ARG_LOCAL;
    ret->i = value;
    if (a->form == ARG_LONG || (value >= 1 && value <= KERNEL_MAX_LOCAL_BYTES)) return 0;
    return limit_error(x, a->at, "launch `%s`: %lld bytes of local memory at size %s; 1 to 2^30 are allowed", l->entry,
                       (long long)value, x->b->size);
}

/* Sizes of one kind, each at least 1 and their product at most `limit`. */
static int bind_extent(struct binding *x, const struct launch_def *l, const struct kernel_expr e[3], const char *what,
                       int64_t limit, size_t ret[3]) {
    int64_t product = 1;
    for (int i = 0; i < l->dims; i++) {
        int64_t value = 0;
        if (eval(x, e[i].e, e[i].at, &value) != 0) return -1;
        if (value < 1 || __builtin_mul_overflow(product, value, &product) || product > limit)
            return limit_error(x, e[i].at,
                               "launch `%s`: %s size %d is %lld at size %s; sizes must be 1 or more, and their "
                               "product at most %lld",
                               l->entry, what, i, (long long)value, x->b->size, (long long)limit);
        ret[i] = (size_t)value;
    }
    return 0;
}

static int bind_geometry(struct binding *x, const struct launch_def *l, struct plan_launch *ret) {
    ret->dims = l->dims;
    ret->has_local = l->has_local;
    if (bind_extent(x, l, l->global, "global", KERNEL_MAX_GLOBAL, ret->global) != 0) return -1;
    if (!l->has_local) return 0;
    if (bind_extent(x, l, l->local, "local", KERNEL_MAX_GROUP, ret->local) != 0) return -1;
    for (int i = 0; i < l->dims; i++) {
        if (ret->global[i] % ret->local[i] == 0) continue;
        yaml_error(x->k->doc, l->global[i].at, x->err,
                   "launch `%s`: global size %d is %zu at size %s, no multiple of the "
                   "local size %zu",
                   l->entry, i, ret->global[i], x->b->size, ret->local[i]);
        return error_hint(x->err, "ceil_div(n, WG) * WG rounds up");
    }
    return 0;
}

static int bind_launch(struct binding *x, const struct launch_def *l) {
    struct plan_launch *out = &x->plan->launch[x->plan->n_launches++];
    memcpy(out->entry, l->entry, sizeof out->entry);
    out->arg = xcalloc((size_t)l->n_args, sizeof *out->arg);
    out->n_args = l->n_args;
    for (int i = 0; i < l->n_args; i++)
        if (bind_arg(x, l, &l->arg[i], &out->arg[i]) != 0) return -1;
    return bind_geometry(x, l, out);
}

static int check_point(const struct kernel *k, const struct bound *b, const struct tune_point *t, struct error *err) {
    char why[256] = "";
    if (t->n != k->n_tune)
        return error_set(err, ERR_INVALID, "kernel %s has %d tunables; the point has %d values", k->name, k->n_tune,
                         t->n);
    if (kernel_constraints_hold(k, b, t, why)) return 0;
    return error_set(err, ERR_INVALID, "kernel %s at size %s: %s", k->name, b->size, why);
}

int kernel_bind(const struct kernel *k, const struct bound *b, const struct tune_point *t, struct plan **ret,
                struct error *err) {
    struct tune_point standard;
    if (kernel_check_fit(k, b, err) != 0) return -1;
    if (!t && kernel_default_point(k, b, &standard, err) != 0) return -1;
    if (!t) t = &standard;
    if (check_point(k, b, t, err) != 0) return -1;
    CLEANUP(cleanup_plan) struct plan *plan = xcalloc(1, sizeof *plan);
    struct binding x = {.k = k, .b = b, .point = {.k = k, .b = b, .t = t}, .plan = plan, .err = err};
    plan->source = xstrndup(k->source, k->source_len);
    plan->options = xstrdup(k->options);
    bind_macros(&x);
    if (bind_buffers(&x) != 0) return -1;
    plan->launch = xcalloc((size_t)k->n_launches, sizeof *plan->launch);
    for (int i = 0; i < k->n_launches; i++)
        if (bind_launch(&x, &k->launch[i]) != 0) return -1;
    *ret = TAKE(plan);
    return 0;
}
