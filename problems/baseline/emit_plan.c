/* What was emitted, as a plan. */
#include "common/cleanup.h"
#include "problems/baseline/emit_internal.h"

#include <stdio.h>
#include <string.h>

/* Buffers of the plan, and where tensors and scratch went. */
struct table {
    struct plan *plan;
    int *of_tensor; /* -1: no launch needs it */
    int *of_scratch;
};

static void add_buffer(struct plan *p, const char *name, enum plan_role role, enum dtype dtype, int64_t elements,
                       int tensor) {
    struct plan_buffer *b = &p->buffer[p->n_buffers++];
    snprintf(b->name, sizeof b->name, "%s", name);
    b->role = role;
    b->dtype = dtype;
    b->elements = elements;
    b->bytes = (size_t)elements * dtype_bytes(dtype);
    b->tensor = tensor;
}

static bool is_named(const struct op_emit *e, int tensor) {
    for (int l = 0; l < e->n_launches; l++)
        for (int i = 0; i < e->launch[l].n_args; i++)
            if (e->launch[l].arg[i].kind == EMIT_TENSOR && e->launch[l].arg[i].i == tensor) return true;
    return false;
}

static void add_tensors(const struct op_emit *e, struct table *t) {
    for (int i = 0; i < e->bound->n_tensors; i++) {
        const struct tensor *x = &e->bound->tensor[i];
        t->of_tensor[i] = -1;
        if (x->role == TENSOR_INTERMEDIATE && !is_named(e, i)) continue;
        t->of_tensor[i] = t->plan->n_buffers;
        enum plan_role role = x->role == TENSOR_OUTPUT         ? PLAN_OUTPUT
                              : x->role == TENSOR_INTERMEDIATE ? PLAN_SCRATCH
                                                               : PLAN_INPUT;
        add_buffer(t->plan, x->name, role, x->dtype, x->elements, role == PLAN_SCRATCH ? -1 : i);
    }
}

static void add_scratch(const struct op_emit *e, struct table *t) {
    for (int i = 0; i < e->n_scratch; i++) {
        char name[64];
        snprintf(name, sizeof name, "scratch_%d", i);
        t->of_scratch[i] = t->plan->n_buffers;
        add_buffer(t->plan, name, PLAN_SCRATCH, e->scratch[i].dtype, e->scratch[i].elements, -1);
    }
}

static struct plan_arg convert_arg(const struct table *t, const struct emit_arg *a) {
    switch (a->kind) {
        case EMIT_TENSOR:
            return (struct plan_arg){.kind = PLAN_ARG_BUFFER, .buffer = t->of_tensor[a->i]};
        case EMIT_SCRATCH:
            return (struct plan_arg){.kind = PLAN_ARG_BUFFER, .buffer = t->of_scratch[a->i]};
        case EMIT_I32:
            return (struct plan_arg){.kind = PLAN_ARG_I32, .i = a->i};
        case EMIT_I64:
            return (struct plan_arg){.kind = PLAN_ARG_I64, .i = a->i};
        case EMIT_F32:
            return (struct plan_arg){.kind = PLAN_ARG_F32, .f = (float)a->f};
        case EMIT_LOCAL_BYTES:
            return (struct plan_arg){.kind = PLAN_ARG_LOCAL, .i = a->i};
    }
    abort();
}

static void add_launch(const struct table *t, const struct emitted_launch *from, struct plan_launch *to) {
    snprintf(to->entry, sizeof to->entry, "%s", from->entry);
    to->n_args = from->n_args;
    to->arg = xcalloc((size_t)from->n_args + 1, sizeof *to->arg);
    for (int i = 0; i < from->n_args; i++) to->arg[i] = convert_arg(t, &from->arg[i]);
    to->dims = from->range.dims;
    to->has_local = from->range.has_local;
    for (int d = 0; d < 3; d++) {
        to->global[d] = d < to->dims ? (size_t)from->range.global[d] : 1;
        to->local[d] = d < to->dims && to->has_local ? (size_t)from->range.local[d] : 1;
    }
}

int emit_finish(struct op_emit *e, struct plan **ret, struct error *err) {
    size_t most = (size_t)e->bound->n_tensors + (size_t)e->n_scratch;
    struct plan *p = xcalloc(1, sizeof *p);
    CLEANUP_FREE int *of_tensor = xcalloc((size_t)e->bound->n_tensors + 1, sizeof *of_tensor);
    CLEANUP_FREE int *of_scratch = xcalloc((size_t)e->n_scratch + 1, sizeof *of_scratch);
    struct table t = {p, of_tensor, of_scratch};
    p->buffer = xcalloc(most + 1, sizeof *p->buffer);
    add_tensors(e, &t);
    add_scratch(e, &t);
    p->launch = xcalloc((size_t)e->n_launches + 1, sizeof *p->launch);
    for (int i = 0; i < e->n_launches; i++) add_launch(&t, &e->launch[i], &p->launch[p->n_launches++]);
    p->source = buf_take(&e->source);
    p->options = xstrdup("");
    if (p->n_buffers > PLAN_MAX_BUFFERS) {
        error_set(err, ERR_LIMIT, "the graph needs %d buffers, the limit is %d", p->n_buffers, PLAN_MAX_BUFFERS);
        plan_free(p);
        return -1;
    }
    *ret = p;
    return 0;
}
