/* GELU (Hendrycks & Gimpel, arXiv 1606.08415): x * Phi(x), exact through erf or by the paper's tanh formula. */
#include "problems/baseline/emit.h"
#include "problems/ops/attr.h"
#include "problems/ops/elementwise.h"
#include "problems/ops/rounding.h"

#include <math.h>

#define SLOT_APPROXIMATE 0
#define TANH_CUBIC 0.044715

/* For large negative x both forms subtract nearly equal numbers, 1 + erf or 1 + tanh: an honest float32 evaluation is
 * good to a fraction of |x|, not of y. `f` is erf or tanh at the argument z, `round_f` its own error, `damp` = |f'(z)
 * z| what one rounding of z does to it. |f''| / 2 <= 0.57 for both forms. */
static void finish(const struct element_block *k, int i, double f, double round_f, double damp, double slope) {
    double x = k->a[i], s = k->sa[i], y = 0.5 * x * (1.0 + f);
    double own = 0.5 * fabs(x) * (round_f * fabs(f) + damp + ROUND_BASIC * (1.0 + f)) + ROUND_BASIC * fabs(y);
    k->y[i] = y;
    k->sy[i] = own * k->e->one + (fabs(slope) + 0.57 * CURVATURE_UNITS * k->e->u * s) * s;
}

static void gelu_erf_block(const struct element_block *k) {
    for (int i = 0; i < k->n; i++) {
        double x = k->a[i], z = x * M_SQRT1_2, f = erf(z);
        double density = exp(-z * z) * M_2_SQRTPI; /* erf'(z) */
        /* erfc keeps the oracle itself accurate where 1 + erf cancels. */
        double phi = 0.5 * erfc(-z);
        finish(k, i, f, ROUND_ERF, density * fabs(z), phi + 0.5 * z * density);
        if (x < 0) k->y[i] = x * phi;
    }
}

static void gelu_tanh_block(const struct element_block *k) {
    const double c = M_SQRT2 * M_2_SQRTPI * 0.5; /* sqrt(2 / pi) */
    for (int i = 0; i < k->n; i++) {
        double x = k->a[i], z = c * (x + TANH_CUBIC * x * x * x), f = tanh(z);
        double t = exp(-2.0 * fabs(z)), sech2 = 4.0 * t / ((1.0 + t) * (1.0 + t));
        double dz = c * (1.0 + 3.0 * TANH_CUBIC * x * x);
        /* z is rounded about three times: cube, sum, product. */
        finish(k, i, f, ROUND_TANH, 3.0 * sech2 * fabs(z), 0.5 * (1.0 + f) + 0.5 * x * sech2 * dz);
        if (x < 0) k->y[i] = x * t / (1.0 + t);
    }
}

static void gelu_eval(const struct op_eval *e, int64_t begin, int64_t end) {
    elementwise_eval(e, begin, end, attr_word(e->node, SLOT_APPROXIMATE) ? gelu_tanh_block : gelu_erf_block);
}

static void gelu_cost(const struct node *n, const struct shape *in, const struct shape *out, struct op_cost *ret) {
    (void)n, (void)in;
    elementwise_cost(out, 12, 1000, ret);
}

static int gelu_element(const struct node *n, const char *const *operands, struct buf *ret) {
    const char *x = operands[0];
    if (attr_word(n, SLOT_APPROXIMATE))
        buf_printf(ret, "(0.5f * %s * (1.0f + tanh(0.7978845608028654f * (%s + 0.044715f * %s * %s * %s))))", x, x, x,
                   x, x);
    else
        buf_printf(ret, "(0.5f * %s * (1.0f + erf(%s * 0.7071067811865476f)))", x, x);
    return 0;
}

static float gelu_emulate(const struct node *n, const struct arithmetic *a, float x, float y) {
    (void)y;
    float f;
    if (attr_word(n, SLOT_APPROXIMATE)) {
        float cube = arithmetic_step(a, arithmetic_step(a, x * x) * x);
        float z = arithmetic_step(a, x + arithmetic_step(a, 0.044715f * cube));
        f = arithmetic_tanh(a, arithmetic_step(a, 0.7978845608028654f * z));
    } else {
        f = arithmetic_erf(a, arithmetic_step(a, x * 0.7071067811865476f));
    }
    return arithmetic_step(a, 0.5f * x) * arithmetic_step(a, 1.0f + f);
}

static const struct attr_spec gelu_attrs[] = {
    [SLOT_APPROXIMATE] = {.name = "approximate", .kind = ATTR_WORD, .words = "none|tanh"},
    {.name = NULL},
};

const struct op op_gelu = {
    .name = "gelu",
    .min_inputs = 1,
    .max_inputs = 1,
    .scalar_operand = -1,
    .attrs = gelu_attrs,
    .infer = elementwise_infer,
    .units = elementwise_units,
    .eval = gelu_eval,
    .cost = gelu_cost,
    .emulate = elementwise_emulate,
    .emulate_element = gelu_emulate,
    .emit_plain = emit_elementwise,
    .emit_element = gelu_element,
};
