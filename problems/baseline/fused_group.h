/* Inside `fused`: groups of nodes that become one kernel, and the code of their element-wise tails. */
#pragma once
#include "common/buf.h"
#include "problems/baseline/baseline.h"
#include "problems/baseline/emit.h"

#define GROUP_MAX 16    /* nodes in a group */
#define FUSED_VECTOR 16 /* elements of a vector in the kernels for CPUs: a cache line of f32 */
#define FUSED_LOCAL 8   /* work-items of a group on CPUs: few, but the lanes of drivers that vectorise across them */

/* An anchor (a product, a reduction, a window) and the element-wise nodes computed from its values in place; or
 * element-wise nodes alone. All have the same output shape. */
struct group {
    bool has_anchor;        /* node[0] is no element-wise one */
    bool plain;             /* no fused kernel covers it: its nodes keep their plain ones */
    int n, node[GROUP_MAX]; /* in graph order */
    int64_t run;            /* the output consists of rows of this length that every operand steps through by 0 or 1 */
};
struct fused {
    const struct bound *b;
    const struct baseline_device *d;
    struct op_emit *e;
    int n_groups;
    struct group *group;
    int *group_of; /* per node */
    int *producer; /* per tensor: node, or -1 */
};
/* Partitions the graph. f->b and f->d are given; the caller frees by fused_groups_done. */
void fused_groups(struct fused *f);
void fused_groups_done(struct fused *f);
/* True when tensor `t`, made in group `g`, is an output or used by another group. */
bool fused_is_stored(const struct fused *f, int g, int t);

/* The end of a kernel: from here on a value of node[0] (or the operands of an element-wise group) is computed through
 * the chain and stored. `functions` defines $E_1(float v, size_t i PARAMS)                one element at linear index
 * i, $E_16(float16 v, size_t i PARAMS)             sixteen in a row, $E_part(float16 v, size_t i, int n PARAMS)    the
 * first n of sixteen. Without an anchor they have no `v`. PARAMS is `params` (starts with a comma), ARGS is `names`
 * (likewise). */
struct tail {
    struct buf functions, params, names;
    struct emit_arg arg[EMIT_BROADCAST_ARGS * GROUP_MAX / 4];
    size_t n_args;
    char store[16]; /* the name of a stored tensor's pointer among the parameters: space of the output's size */
};
int tail_make(const struct fused *f, int g, struct tail *ret, struct error *err);
void tail_done(struct tail *t);

/* Defines kernel `name` from tail->functions and `text`, and launches it with `args` followed by the tail's. */
int tail_launch(const struct fused *f, const struct tail *t, const char *name, const char *text,
                const struct emit_arg *args, size_t n_args, struct emit_range range, struct error *err);

/* One per kind of group. Each may decline (*ret_done = false, nothing emitted). */
typedef int fused_fn(const struct fused *f, int g, bool *ret_done, struct error *err);
fused_fn fused_element, fused_product, fused_softmax, fused_layer_norm, fused_conv_transpose2d, fused_avg_pool1d;

/* The slot of attribute `name` in node n's operator; aborts when it has none. */
int fused_slot(const struct node *n, const char *name);
/* Sixteen elements of which only the first `n` exist, the others repeating the last: "(float16)(p[0], p[min(1, n - 1)],
 * ...)". */
void fused_gather(struct buf *out, const char *pointer, const char *n);
