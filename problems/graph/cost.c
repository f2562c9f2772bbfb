/* Cost of a bound graph from its operators' own. */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "problems/ops/op.h"

static double tensor_bytes(const struct bound *b) {
    double bytes = 0;
    for (int i = 0; i < b->n_tensors; i++)
        if (b->tensor[i].role != TENSOR_INTERMEDIATE)
            bytes += (double)b->tensor[i].bytes * tensor_free_share(&b->tensor[i]);
    return bytes;
}

/* Two triangular operands leave a sixth of a product, where each alone leaves half: so what is taken off for each is
 * more than its own share. A floor may be too low, and never too high. */
static double least_share(const struct bound *b) {
    double share = 1;
    for (int i = 0; i < b->n_tensors; i++)
        if (b->tensor[i].fill.structure != STRUCTURE_NONE) share *= 0.8 * tensor_free_share(&b->tensor[i]);
    return share;
}

static void node_cost(const struct bound *b, const struct node *n, struct op_cost *ret) {
    struct shape in[OP_MAX_INPUTS];
    for (int i = 0; i < n->n_in; i++) in[i] = b->tensor[n->in[i]].shape;
    *ret = (struct op_cost){0};
    n->op->cost(n, in, &b->tensor[n->out].shape, ret);
}

void bound_chains(const struct bound *b, int64_t *ret_chain) {
    memset(ret_chain, 0, (size_t)b->n_tensors * sizeof *ret_chain);
    for (int i = 0; i < b->n_nodes; i++) {
        const struct node *n = &b->node[i];
        struct op_cost cost;
        node_cost(b, n, &cost);
        int64_t longest = 0;
        for (int k = 0; k < n->n_in; k++)
            if (ret_chain[n->in[k]] > longest) longest = ret_chain[n->in[k]];
        if (__builtin_add_overflow(longest, cost.reduction, &ret_chain[n->out])) ret_chain[n->out] = INT64_MAX;
    }
}

void bound_cost(const struct bound *b, struct cost *ret) {
    CLEANUP_FREE int64_t *chain = xcalloc((size_t)b->n_tensors, sizeof *chain);
    bound_chains(b, chain);
    *ret = (struct cost){.bytes_least = tensor_bytes(b), .reduction = 1};
    for (int i = 0; i < b->n_nodes; i++) {
        const struct node *n = &b->node[i];
        struct op_cost cost;
        node_cost(b, n, &cost);
        ret->flops += cost.flops;
        ret->oracle_flops += cost.oracle_flops;
        if (chain[n->out] > ret->reduction) ret->reduction = chain[n->out];
    }
    ret->flops_least = ret->flops * least_share(b);
}
