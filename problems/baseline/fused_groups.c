/* Which nodes become one kernel: an element-wise node joins the group that produced its newest operand, when every
 * other operand is known by then and steps evenly through the group's rows. */
#include "problems/baseline/fused_group.h"
#include "problems/ops/attr.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int fused_slot(const struct node *n, const char *name) {
    int i = 0;
    while (n->op->attrs[i].name && strcmp(n->op->attrs[i].name, name) != 0) i++;
    assert(n->op->attrs[i].name);
    return i;
}

static int64_t gcd(int64_t a, int64_t b) {
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

static const struct shape *out_shape(const struct fused *f, int node) {
    return &f->b->tensor[f->b->node[node].out].shape;
}

/* The length within which all operands of an element-wise node step by 0 or 1. */
static int64_t even_run(const struct fused *f, int node) {
    const struct node *n = &f->b->node[node];
    const struct shape *in[OP_MAX_INPUTS];
    for (int k = 0; k < n->n_in; k++) in[k] = &f->b->tensor[n->in[k]].shape;
    struct emit_broadcast map;
    emit_broadcast_make(out_shape(f, node), in, n->n_in, &map);
    return map.dim[map.rank - 1];
}

/* The run of an anchor: the stretches in which its kernel makes vectors. */
static int64_t anchor_run(const struct fused *f, int node) {
    const struct node *n = &f->b->node[node];
    const struct shape *s = out_shape(f, node);
    int axis;
    if (s->rank == 0) return 1;
    if (strcmp(n->op->name, "layer_norm") == 0) return f->b->tensor[n->in[1]].elements;
    if (strcmp(n->op->name, "softmax") != 0) return s->dim[s->rank - 1];
    /* Over an inner axis: all the axes behind it. */
    if (attr_axis(n, fused_slot(n, "axis"), s->rank, &axis, NULL) != 0) return 1;
    int64_t run = axis == s->rank - 1 ? s->dim[axis] : 1;
    for (int i = axis + 1; i < s->rank; i++) run *= s->dim[i];
    return run;
}

static bool all_f32(const struct fused *f, const struct node *n) {
    bool same = f->b->tensor[n->out].dtype == DTYPE_F32;
    for (int k = 0; k < n->n_in; k++) same = same && f->b->tensor[n->in[k]].dtype == DTYPE_F32;
    return same;
}

static int newest_operand_group(const struct fused *f, const struct node *n) {
    int newest = -1;
    for (int k = 0; k < n->n_in; k++) {
        int p = f->producer[n->in[k]];
        if (p >= 0 && f->group_of[p] > newest) newest = f->group_of[p];
    }
    return newest;
}

static bool try_join(struct fused *f, int node) {
    const struct node *n = &f->b->node[node];
    int gi = newest_operand_group(f, n);
    if (gi < 0 || !n->op->emit_element || !all_f32(f, n)) return false;
    struct group *g = &f->group[gi];
    if (g->plain || g->n == GROUP_MAX || !shape_equal(out_shape(f, node), out_shape(f, g->node[0]))) return false;
    int64_t run = gcd(even_run(f, node), g->run);
    if (g->has_anchor && run != g->run) return false; /* the anchor's kernel cannot change its stride */
    g->run = run;
    g->node[g->n++] = node;
    f->group_of[node] = gi;
    return true;
}

static void start_group(struct fused *f, int node) {
    const struct node *n = &f->b->node[node];
    struct group *g = &f->group[f->n_groups];
    *g = (struct group){.has_anchor = !n->op->emit_element, .plain = !all_f32(f, n), .n = 1, .node = {node}};
    g->run = g->has_anchor ? anchor_run(f, node) : even_run(f, node);
    f->group_of[node] = f->n_groups++;
}

void fused_groups(struct fused *f) {
    const struct bound *b = f->b;
    f->group = xcalloc((size_t)b->n_nodes + 1, sizeof *f->group);
    f->group_of = xcalloc((size_t)b->n_nodes + 1, sizeof *f->group_of);
    f->producer = xcalloc((size_t)b->n_tensors, sizeof *f->producer);
    for (int t = 0; t < b->n_tensors; t++) f->producer[t] = -1;
    for (int i = 0; i < b->n_nodes; i++) {
        f->producer[b->node[i].out] = i;
        if (!try_join(f, i)) start_group(f, i);
    }
}

void fused_groups_done(struct fused *f) {
    free(f->group);
    free(f->group_of);
    free(f->producer);
}

bool fused_is_stored(const struct fused *f, int g, int t) {
    if (f->b->tensor[t].role == TENSOR_OUTPUT) return true;
    for (int i = 0; i < f->b->n_nodes; i++)
        for (int k = 0; f->group_of[i] != g && k < f->b->node[i].n_in; k++)
            if (f->b->node[i].in[k] == t) return true;
    return false;
}
