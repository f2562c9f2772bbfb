/* From a tensor's fill, domain and a distribution to integers: which rule, A, B, k. */
#include "problems/data/data.h"
#include "problems/data/rules.h"
#include "problems/ops/op.h"

#include <math.h>

#define UNIFORM_STEPS 0x1p24
#define NORMAL_MEAN (6 * ((1ll << 24) - 1)) /* of z; its standard deviation is 2^24 */
#define NORMAL_MAX 0x1p28
#define HEAVY_PERIOD 512
#define HEAVY_SHIFT 6 /* squared, 12: a long float32 sum of squares still sees the others */
#define NEEDLE_SHIFT 3
#define PROBE_NON_ZEROS 16
#define WIDE_FACTOR 4.0
#define SMALL_INTEGER 3

const char *distribution_name(enum distribution d) {
    static const char *const NAMES[DIST_COUNT] = {
        [DIST_DECLARED] = "declared",
        [DIST_SIGNED_UNIFORM] = "signed uniform",
        [DIST_WIDE_NORMAL] = "wide normal",
        [DIST_HEAVY_TAIL] = "heavy tail",
        [DIST_SMALL_INTEGERS] = "small integers",
        [DIST_NEEDLE] = "needle",
        [DIST_PRECISION_PROBE] = "precision probe",
    };
    return (unsigned)d < DIST_COUNT ? NAMES[d] : "?";
}

/* value = offset + step * z for |z| <= most: the finest k at which a * z + b stays below 2^61. */
static void set_line(struct data_recipe *r, double step, double offset, double most) {
    double reach = fabs(step) * most + fabs(offset);
    int exponent;
    frexp(reach, &exponent); /* reach < 2^exponent */
    r->k = reach > 0 ? 60 - exponent : 0;
    r->a = llrint(ldexp(step, r->k));
    r->b = llrint(ldexp(offset, r->k));
}

static void set_uniform(struct data_recipe *r, double low, double high) {
    r->rule = RULE_UNIFORM;
    set_line(r, (high - low) / UNIFORM_STEPS, low, UNIFORM_STEPS);
}

static void set_normal(struct data_recipe *r, double mean, double sd) {
    r->rule = RULE_NORMAL;
    set_line(r, sd / UNIFORM_STEPS, mean, NORMAL_MAX);
    r->b -= r->a * NORMAL_MEAN;
}

static void set_integers(struct data_recipe *r, int64_t low, int64_t high) {
    r->rule = RULE_INTEGERS;
    r->a = 1;
    r->b = low;
    r->k = 0;
    r->p[0] = high - low + 1;
}

static int set_declared(const struct tensor *t, struct data_recipe *r, struct error *err) {
    const struct fill *f = &t->fill;
    switch (f->kind) {
        case FILL_UNIFORM:
            set_uniform(r, f->a, f->b);
            return 0;
        case FILL_NORMAL:
            set_normal(r, f->a, f->b);
            return 0;
        case FILL_KAIMING: {
            double bound = 1.0 / sqrt((double)(f->fan_in > 0 ? f->fan_in : 1));
            set_uniform(r, -bound, bound);
            return 0;
        }
        case FILL_CONSTANT:
            r->rule = RULE_CONSTANT;
            set_line(r, 0.0, f->a, 0.0);
            return 0;
        case FILL_INTEGERS:
            set_integers(r, (int64_t)f->a, (int64_t)f->b);
            return 0;
    }
    return error_set(err, ERR_INTERNAL, "'%s': unknown fill", t->name);
}

/* The size of the numbers that a tensor is declared to hold: the other distributions keep it, so that weights stay as
 * small as they have to be for their fan-in. */
static double amplitude(const struct tensor *t) {
    const struct fill *f = &t->fill;
    double size = 1.0;
    if (f->kind == FILL_UNIFORM || f->kind == FILL_INTEGERS) size = fmax(fabs(f->a), fabs(f->b));
    if (f->kind == FILL_NORMAL) size = fabs(f->a) + 2.0 * f->b;
    if (f->kind == FILL_KAIMING) size = 1.0 / sqrt((double)(f->fan_in > 0 ? f->fan_in : 1));
    if (f->kind == FILL_CONSTANT) size = fabs(f->a);
    return size > 0 && isfinite(size) ? size : 1.0;
}

/* --- rows: along which axis the tensor is reduced first --------------------------------------- */

static const struct node *consumer(const struct bound *b, int tensor, int *operand) {
    for (int i = 0; i < b->n_nodes; i++)
        for (int k = 0; k < b->node[i].n_in; k++)
            if (b->node[i].in[k] == tensor) {
                *operand = k;
                return &b->node[i];
            }
    return NULL;
}

/* Whether `tensor` is an input or weight, or comes of one by element-wise operators: sparse data reach its place. */
static bool is_leaf(const struct bound *b, int tensor) {
    for (int i = 0; i < b->n_nodes; i++) {
        const struct node *n = &b->node[i];
        if (n->out != tensor) continue;
        return n->op->emit_element && is_leaf(b, n->in[0]);
    }
    return true;
}

/* How a tensor is reduced first, by an operator that it reaches through element-wise ones of its own shape. */
struct reduction {
    int axis;               /* -1: not at all */
    bool plain_sum;         /* see struct op */
    bool partner_is_sparse; /* an earlier operand of the same product already takes the probe's zeros */
};

static struct reduction reduction_of(const struct bound *b, int tensor) {
    const struct shape *own = &b->tensor[tensor].shape;
    for (int t = tensor;;) {
        int operand;
        const struct node *n = consumer(b, t, &operand);
        if (!n) return (struct reduction){.axis = -1};
        if (n->op->reduced_axis) {
            struct shape in[OP_MAX_INPUTS];
            for (int k = 0; k < n->n_in; k++) in[k] = b->tensor[n->in[k]].shape;
            return (struct reduction){n->op->reduced_axis(n, in, operand), n->op->plain_sum,
                                      operand > 0 && is_leaf(b, n->in[0])};
        }
        if (!n->op->emit_element || !shape_equal(own, &b->tensor[n->out].shape)) return (struct reduction){.axis = -1};
        t = n->out;
    }
}

/* p0 = length and p1 = distance of a row's elements; axis -1 makes rows of one. */
static void set_row(const struct bound *b, int tensor, int axis, struct data_recipe *r) {
    const struct shape *s = &b->tensor[tensor].shape;
    r->p[0] = axis >= 0 ? s->dim[axis] : 1;
    r->p[1] = 1;
    for (int i = axis + 1; axis >= 0 && i < s->rank; i++) r->p[1] *= s->dim[i];
}

/* At most 8 high: under exp() a higher one would leave the others near the last bit of the sum, where an honest float32
 * sum drops all of them alike. */
static void set_needle(const struct bound *b, int tensor, double size, bool positive, struct data_recipe *r) {
    int axis = reduction_of(b, tensor).axis;
    if (axis < 0) axis = b->tensor[tensor].shape.rank - 1;
    set_row(b, tensor, axis, r);
    bool unit = b->tensor[tensor].fill.domain == DOMAIN_UNIT;
    r->rule = RULE_NEEDLE;
    r->p[2] = positive;
    r->p[3] = unit ? 0 : NEEDLE_SHIFT;
    set_line(r, (unit ? 1.0 : fmin(size, 1.0)) * 0x1p-24, 0.0, 0x1p27);
}

/* Sparse only where zeros drop out: exp() would turn them into many equal addends, whose roundings line up. */
static void set_probe(const struct bound *b, int tensor, double size, bool positive, struct data_recipe *r) {
    struct reduction reduction = reduction_of(b, tensor);
    set_row(b, tensor, reduction.plain_sum && !reduction.partner_is_sparse ? reduction.axis : -1, r);
    r->rule = RULE_PROBE;
    r->p[2] = (r->p[0] + PROBE_NON_ZEROS - 1) / PROBE_NON_ZEROS;
    r->p[3] = positive;
    set_line(r, size * 0x1p-24, 0.0, 0x1p24);
}

static void set_heavy(double size, bool positive, struct data_recipe *r) {
    r->rule = RULE_HEAVY;
    r->p[0] = HEAVY_PERIOD;
    r->p[1] = HEAVY_SHIFT;
    r->p[2] = positive;
    set_line(r, size * 0x1p-24, 0.0, 0x1p32);
}

/* --- domains ---------------------------------------------------------------------------------- */

static int refuse(const struct tensor *t, enum distribution d, struct error *err) {
    return error_set(err, ERR_UNSUPPORTED, "'%s' cannot hold the distribution '%s'", t->name, distribution_name(d));
}

static int make_integral(const struct tensor *t, enum distribution d, struct data_recipe *r, struct error *err) {
    if (d != DIST_SMALL_INTEGERS || t->fill.domain == DOMAIN_INDEX) return refuse(t, d, err);
    if (t->fill.domain == DOMAIN_MASK || t->fill.domain == DOMAIN_UNIT)
        set_integers(r, 0, 1);
    else
        set_integers(r, t->fill.domain == DOMAIN_POSITIVE ? 1 : -SMALL_INTEGER, SMALL_INTEGER);
    return 0;
}

static int make_real(const struct bound *b, int tensor, enum distribution d, struct data_recipe *r, struct error *err) {
    const struct tensor *t = &b->tensor[tensor];
    double size = t->fill.domain == DOMAIN_UNIT ? 1.0 : amplitude(t);
    bool real = t->fill.domain == DOMAIN_REAL, positive = t->fill.domain == DOMAIN_POSITIVE;
    switch (d) {
        case DIST_SIGNED_UNIFORM:
            if (!real) return refuse(t, d, err);
            set_uniform(r, -size, size);
            return 0;
        case DIST_WIDE_NORMAL:
            if (!real) return refuse(t, d, err);
            set_normal(r, 0.0, t->role == TENSOR_WEIGHT ? size : WIDE_FACTOR * size);
            return 0;
        case DIST_HEAVY_TAIL:
            if (!real && !positive) return refuse(t, d, err);
            set_heavy(size, positive, r);
            return 0;
        case DIST_NEEDLE:
            set_needle(b, tensor, size, !real, r);
            return 0;
        case DIST_PRECISION_PROBE:
            set_probe(b, tensor, size, !real, r);
            return positive && r->p[2] > 1 ? refuse(t, d, err) : 0; /* zeros are not positive */
        default: {
            struct reduction reduction = reduction_of(b, tensor);
            /* Few different addends behind exp() or a square: their roundings in a long sum do not average out. */
            if (reduction.axis >= 0 && !reduction.plain_sum) return refuse(t, d, err);
            return make_integral(t, d, r, err);
        }
    }
}

static void set_structure(const struct tensor *t, struct data_recipe *r) {
    r->structure = t->fill.structure;
    if (r->structure == STRUCTURE_NONE) return;
    r->rows = t->shape.dim[t->shape.rank - 2];
    r->columns = t->shape.dim[t->shape.rank - 1];
}

int data_recipe_make(const struct bound *b, int tensor, enum distribution d, struct data_recipe *ret,
                     struct error *err) {
    const struct tensor *t = &b->tensor[tensor];
    *ret = (struct data_recipe){.dist = d};
    set_structure(t, ret);
    if (t->role != TENSOR_INPUT && t->role != TENSOR_WEIGHT)
        return error_set(err, ERR_INVALID, "'%s' is no input and no weight", t->name);
    if ((unsigned)d >= DIST_COUNT) return error_set(err, ERR_INVALID, "no distribution has number %d", (int)d);
    if (d == DIST_DECLARED) return set_declared(t, ret, err);
    bool integral = t->dtype == DTYPE_I32 || t->fill.domain == DOMAIN_INDEX || t->fill.domain == DOMAIN_MASK;
    return integral ? make_integral(t, d, ret, err) : make_real(b, tensor, d, ret, err);
}
