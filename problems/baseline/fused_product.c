/* `fused` for matmul and linear: reads the node into one form, then hands it to the kernel for the kind of device. */
#include "problems/baseline/fused_product.h"

#include "common/cleanup.h"
#include "problems/ops/attr.h"

#include <string.h>

static void read_linear(const struct fused *f, const struct node *n, struct product_shape *p) {
    const struct shape *x = &f->b->tensor[n->in[0]].shape, *w = &f->b->tensor[n->in[1]].shape;
    p->bias = n->n_in > 2 ? n->in[2] : -1;
    p->matrices = 1;
    p->k = x->dim[x->rank - 1];
    p->m = shape_elements(x) / p->k;
    p->n = w->dim[0];
    p->a_row = p->k, p->a_column = 1;
    p->b_row = 1, p->b_column = p->k;
}

/* The number of matrices of an operand; false when it is neither one nor all of the output's. */
static bool matrix_step(const struct shape *s, int64_t matrices, int64_t *ret) {
    int64_t size = s->dim[s->rank - 1] * s->dim[s->rank - 2], count = shape_elements(s) / size;
    *ret = count == 1 ? 0 : size;
    return count == 1 || count == matrices;
}

static bool read_matmul(const struct fused *f, const struct node *n, struct product_shape *p) {
    const struct shape *a = &f->b->tensor[n->in[0]].shape, *b = &f->b->tensor[n->in[1]].shape;
    const struct shape *y = &f->b->tensor[n->out].shape;
    bool ta = attr_bool(n, fused_slot(n, "transpose_a")), tb = attr_bool(n, fused_slot(n, "transpose_b"));
    int64_t a_width = a->dim[a->rank - 1], b_width = b->dim[b->rank - 1];
    p->bias = -1;
    p->m = y->dim[y->rank - 2];
    p->n = y->dim[y->rank - 1];
    p->k = ta ? a->dim[a->rank - 2] : a_width;
    p->matrices = shape_elements(y) / (p->m * p->n);
    p->a_row = ta ? 1 : a_width, p->a_column = ta ? a_width : 1;
    p->b_row = tb ? 1 : b_width, p->b_column = tb ? b_width : 1;
    return matrix_step(a, p->matrices, &p->a_matrix) && matrix_step(b, p->matrices, &p->b_matrix);
}

/* Matrices that share b and follow one another in a are one taller matrix. */
static void merge_matrices(struct product_shape *p) {
    if (p->b_matrix != 0 || p->a_column != 1 || p->a_matrix != p->m * p->k) return;
    p->m *= p->matrices;
    p->matrices = 1;
    p->a_matrix = 0;
}

int fused_product(const struct fused *f, int g, bool *ret_done, struct error *err) {
    const struct node *n = &f->b->node[f->group[g].node[0]];
    struct product_shape p = {.a = n->in[0], .b = n->in[1]};
    if (strcmp(n->op->name, "linear") == 0)
        read_linear(f, n, &p);
    else if (!read_matmul(f, n, &p))
        return 0;
    merge_matrices(&p);
    bool gpu = !f->d->is_cpu && product_gpu_can(f);
    if (p.m > INT32_MAX || (!gpu && !product_cpu_can(&p))) return 0;
    CLEANUP(tail_done) struct tail t = {0};
    if (tail_make(f, g, &t, err) != 0) return -1;
    *ret_done = true;
    return gpu ? product_gpu(f, &t, &p, err) : product_cpu(f, &t, &p, err);
}
