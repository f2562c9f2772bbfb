/* The `fused` baseline: partitions the graph into groups and has each emitted by the file of its kind. */
#include "problems/baseline/fused.h"

#include "common/cleanup.h"
#include "problems/baseline/fused_group.h"
#include "problems/ops/op.h"

#include <string.h>

static const struct {
    const char *op;
    fused_fn *emit;
} KINDS[] = {
    {"matmul", fused_product},        {"linear", fused_product},        {"softmax", fused_softmax},
    {"layer_norm", fused_layer_norm}, {"avg_pool1d", fused_avg_pool1d}, {"conv_transpose2d", fused_conv_transpose2d},
};

static fused_fn *kind_of(const struct fused *f, const struct group *g) {
    if (!g->has_anchor) return fused_element;
    const char *name = f->b->node[g->node[0]].op->name;
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (strcmp(KINDS[i].op, name) == 0) return KINDS[i].emit;
    return NULL;
}

static int emit_group(const struct fused *f, int i, struct error *err) {
    const struct group *g = &f->group[i];
    fused_fn *emit = g->plain ? NULL : kind_of(f, g);
    bool done = false;
    if (emit && emit(f, i, &done, err) != 0) return -1;
    for (int k = 0; !done && k < g->n; k++)
        if (emit_node(f->e, g->node[k], err) != 0) return -1;
    return 0;
}

DEFINE_CLEANUP(free_emit, struct op_emit *, emit_free)

int fused_plan(const struct bound *b, const struct baseline_device *d, struct plan **ret, struct error *err) {
    CLEANUP(free_emit) struct op_emit *e = emit_new(b);
    CLEANUP(fused_groups_done) struct fused f = {.b = b, .d = d, .e = e};
    fused_groups(&f);
    for (int i = 0; i < f.n_groups; i++)
        if (emit_group(&f, i, err) != 0) return -1;
    return emit_finish(e, ret, err);
}
