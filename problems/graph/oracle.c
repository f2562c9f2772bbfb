/* The float64 oracle: nodes one after the other, each cut into pieces for several threads. An element's value does not
 * depend on how the work is cut, so every number of threads gives the same bits. */
#include "problems/graph/oracle.h"

#include "common/buf.h"
#include "problems/graph/pieces.h"
#include "problems/ops/op.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PIECE_FLOPS (0.05 * ORACLE_FLOPS_PER_CORE_S) /* between two looks at `cancel`: some 0.05 s */
#define LARGE_PAGE ((size_t)1 << 21)
/* Devices may flush subnormal numbers to zero, of f32 at least: in units of u, an error of the smallest normal number
 * over u. f16 keeps its subnormals, spaced 2^-24. */
#define FLUSH_F32 0x1p-102
#define FLUSH_F16 0x1p-14

struct run {
    const struct bound *bound;
    const void *const *data;
    int threads;
    bool keep_all;
    const volatile bool *cancel;
    struct oracle_result *ret;
    int *last_use; /* per tensor: index of the last node that reads it */
    int64_t *chain;
};

static double half_value(uint16_t h) {
    int exponent = h >> 10 & 31;
    double mantissa = h & 1023, sign = h & 0x8000 ? -1.0 : 1.0;
    if (exponent == 31) return mantissa != 0.0 ? __builtin_nan("") : sign * __builtin_inf();
    if (exponent == 0) return sign * mantissa * 0x1p-24;
    return sign * (1024.0 + mantissa) * __builtin_ldexp(1.0, exponent - 25);
}

struct conversion {
    enum dtype dtype;
    const void *from;
    double *to;
};

static void convert(void *context, int64_t begin, int64_t end) {
    struct conversion *c = context;
    const float *f = c->from;
    const uint16_t *h = c->from;
    const int32_t *i = c->from;
    for (int64_t at = begin; at < end; at++)
        c->to[at] = c->dtype == DTYPE_F32 ? (double)f[at] : c->dtype == DTYPE_F16 ? half_value(h[at]) : (double)i[at];
}

/* Large arrays ask for large pages: taking fresh small ones costs more than most operators' arithmetic. */
static double *doubles(int64_t n, struct error *err) {
    size_t bytes = ((size_t)n * sizeof(double) + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    double *p = bytes < 4 * LARGE_PAGE ? malloc((size_t)n * sizeof *p) : aligned_alloc(LARGE_PAGE, bytes);
    if (!p) error_set(err, ERR_NOMEM, "oracle: no memory for %lld numbers", (long long)n);
    if (p && bytes >= 4 * LARGE_PAGE) (void)madvise(p, bytes, MADV_HUGEPAGE);
    return p;
}

/* The numbers of tensor `t`, made of the caller's data at first use. */
static int need_input(struct run *r, int t, struct error *err) {
    const struct tensor *x = &r->bound->tensor[t];
    if (r->ret->value[t]) return 0;
    if (!r->data[t]) return error_set(err, ERR_INTERNAL, "oracle: no data for '%s'", x->name);
    r->ret->value[t] = doubles(x->elements, err);
    if (!r->ret->value[t]) return -1;
    struct conversion c = {x->dtype, r->data[t], r->ret->value[t]};
    pieces_run(x->elements, 1 << 18, r->threads, NULL, convert, &c);
    return 0;
}

struct piece_context {
    struct op_eval eval;
    uint32_t *branch; /* of the node, or NULL */
    int branches;
    pthread_mutex_t lock;
};

static void eval_piece(void *context, int64_t begin, int64_t end) {
    struct piece_context *c = context;
    uint32_t count[OP_MAX_BRANCHES] = {0};
    struct op_eval e = c->eval;
    if (c->branch) e.branch = count;
    e.node->op->eval(&e, begin, end);
    if (!c->branch) return;
    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < c->branches; i++)
        if (__builtin_add_overflow(c->branch[i], count[i], &c->branch[i])) c->branch[i] = UINT32_MAX;
    pthread_mutex_unlock(&c->lock);
}

static int branch_count(const struct op *op) {
    int n = 0;
    while (op->branches && op->branches[n] && n < OP_MAX_BRANCHES) n++;
    return n;
}

/* Units in a piece: enough pieces for the threads to end together, and short ones. */
static int64_t piece_step(const struct run *r, double flops, int64_t units) {
    double pieces = flops / PIECE_FLOPS;
    int threads = r->threads > 0 ? r->threads : pieces_cores();
    if (pieces < 4.0 * threads && threads > 1 && flops > 1e6) pieces = 4.0 * threads;
    if (pieces < 1) pieces = 1;
    int64_t step = (int64_t)((double)units / pieces);
    return step < 1 ? 1 : step;
}

static int eval_node(struct run *r, int index, struct error *err) {
    const struct node *n = &r->bound->node[index];
    const struct tensor *out = &r->bound->tensor[n->out];
    struct shape in[OP_MAX_INPUTS];
    struct op_cost cost;
    for (int k = 0; k < n->n_in; k++) in[k] = r->bound->tensor[n->in[k]].shape;
    n->op->cost(n, in, &out->shape, &cost);
    struct piece_context c = {.eval = {.node = n, .out_shape = &out->shape, .u = dtype_unit_roundoff(out->dtype)},
                              .branches = branch_count(n->op),
                              .lock = PTHREAD_MUTEX_INITIALIZER};
    for (int k = 0; k < n->n_in; k++) {
        int t = n->in[k];
        if (need_input(r, t, err) != 0) return -1;
        c.eval.in[k] = (struct view){&r->bound->tensor[t].shape, r->ret->value[t], r->ret->scale[t]};
    }
    c.eval.one = 1.0 / sqrt((double)r->chain[n->out]);
    c.eval.sum = sqrt((double)cost.reduction) * c.eval.one;
    c.eval.value = r->ret->value[n->out] = doubles(out->elements, err);
    if (!c.eval.value) return -1;
    c.eval.scale = r->ret->scale[n->out] = doubles(out->elements, err);
    if (!c.eval.scale) return -1;
    if (c.branches) c.branch = r->ret->branch[index] = xcalloc((size_t)c.branches, sizeof *c.branch);
    int64_t units = n->op->units(n, in, &out->shape), step = piece_step(r, cost.oracle_flops, units);
    if (!pieces_run(units, step, r->threads, r->cancel, eval_piece, &c))
        return error_set(err, ERR_CANCELLED, "oracle: cancelled at node %d of %d", index + 1, r->bound->n_nodes);
    return 0;
}

static bool is_kept(const struct run *r, int t) {
    return r->keep_all || r->bound->tensor[t].role == TENSOR_OUTPUT;
}

static void drop(struct oracle_result *ret, int t) {
    free(ret->value[t]);
    free(ret->scale[t]);
    ret->value[t] = ret->scale[t] = NULL;
}

static void drop_dead(struct run *r, int node) {
    for (int t = 0; t < r->bound->n_tensors; t++)
        if (r->last_use[t] <= node && r->ret->value[t] && !is_kept(r, t)) drop(r->ret, t);
}

/* Intermediates that no node reads live as long as their own node. */
static int *last_uses(const struct bound *b) {
    int *last = xcalloc((size_t)b->n_tensors, sizeof *last);
    for (int i = 0; i < b->n_nodes; i++) {
        last[b->node[i].out] = i;
        for (int k = 0; k < b->node[i].n_in; k++) last[b->node[i].in[k]] = i;
    }
    return last;
}

struct flush {
    double *scale, least;
};

static void add_flush(void *context, int64_t begin, int64_t end) {
    struct flush *f = context;
    for (int64_t i = begin; i < end; i++) f->scale[i] += f->least;
}

/* Outputs get a scale, and room for flushed subnormals; inputs that are kept get a scale of zeros. */
static int finish(struct run *r, struct error *err) {
    for (int t = 0; t < r->bound->n_tensors; t++) {
        const struct tensor *x = &r->bound->tensor[t];
        if (!r->ret->value[t]) continue;
        if (!r->ret->scale[t]) {
            r->ret->scale[t] = doubles(x->elements, err);
            if (!r->ret->scale[t]) return -1;
            memset(r->ret->scale[t], 0, (size_t)x->elements * sizeof(double));
        }
        if (x->role != TENSOR_OUTPUT) continue;
        struct flush f = {r->ret->scale[t], x->dtype == DTYPE_F16 ? FLUSH_F16 : FLUSH_F32};
        pieces_run(x->elements, 1 << 18, r->threads, NULL, add_flush, &f);
    }
    return 0;
}

static int run(struct run *r, struct error *err) {
    for (int i = 0; i < r->bound->n_nodes; i++) {
        if (eval_node(r, i, err) != 0) return -1;
        drop_dead(r, i);
    }
    return finish(r, err);
}

int oracle_eval(const struct bound *b, const void *const *data, int threads, bool keep_all, const volatile bool *cancel,
                struct oracle_result *ret, struct error *err) {
    *ret = (struct oracle_result){.n_tensors = b->n_tensors};
    ret->value = xcalloc((size_t)b->n_tensors, sizeof *ret->value);
    ret->scale = xcalloc((size_t)b->n_tensors, sizeof *ret->scale);
    ret->n_nodes = b->n_nodes;
    ret->branch = xcalloc((size_t)b->n_nodes + 1, sizeof *ret->branch);
    struct run r = {.bound = b, .data = data, .threads = threads, .keep_all = keep_all, .cancel = cancel, .ret = ret};
    r.last_use = last_uses(b);
    r.chain = xcalloc((size_t)b->n_tensors, sizeof *r.chain);
    bound_chains(b, r.chain);
    int rc = run(&r, err);
    free(r.last_use);
    free(r.chain);
    if (rc != 0) oracle_done(ret);
    return rc;
}

void oracle_done(struct oracle_result *r) {
    for (int t = 0; r->value && t < r->n_tensors; t++) drop(r, t);
    for (int i = 0; r->branch && i < r->n_nodes; i++) free(r->branch[i]);
    free(r->value);
    free(r->scale);
    free(r->branch);
    *r = (struct oracle_result){0};
}
