/* 1 / (1 + exp(-x)). */
#include "problems/baseline/emit.h"
#include "problems/ops/elementwise.h"
#include "problems/ops/rounding.h"

#include <math.h>

static void sigmoid_block(const struct element_block *k) {
    for (int i = 0; i < k->n; i++) {
        double x = k->a[i], s = k->sa[i];
        double t = exp(-fabs(x)), y = (x < 0 ? t : 1.0) / (1.0 + t);
        double slope = t / ((1.0 + t) * (1.0 + t));
        k->y[i] = y;
        /* exp's own error reaches y damped by 1 - y; then a sum and a quotient. |f''| / 2 <= 0.05. */
        double own = y * (ROUND_EXP * (1.0 - y) + ROUND_BASIC + ROUND_DIV) * k->e->one;
        k->sy[i] = own + (slope + 0.05 * CURVATURE_UNITS * k->e->u * s) * s;
    }
}

static void sigmoid_eval(const struct op_eval *e, int64_t begin, int64_t end) {
    elementwise_eval(e, begin, end, sigmoid_block);
}

static void sigmoid_cost(const struct node *n, const struct shape *in, const struct shape *out, struct op_cost *ret) {
    (void)n, (void)in;
    elementwise_cost(out, 11, 350, ret);
}

static int sigmoid_element(const struct node *n, const char *const *operands, struct buf *ret) {
    (void)n;
    buf_printf(ret, "(1.0f / (1.0f + exp(-%s)))", operands[0]);
    return 0;
}

static float sigmoid_emulate(const struct node *n, const struct arithmetic *a, float x, float y) {
    (void)n, (void)y;
    return arithmetic_div(a, 1.0f, arithmetic_step(a, 1.0f + arithmetic_exp(a, -x)));
}

static const struct attr_spec sigmoid_attrs[] = {{.name = NULL}};

const struct op op_sigmoid = {
    .name = "sigmoid",
    .min_inputs = 1,
    .max_inputs = 1,
    .scalar_operand = -1,
    .attrs = sigmoid_attrs,
    .infer = elementwise_infer,
    .units = elementwise_units,
    .eval = sigmoid_eval,
    .cost = sigmoid_cost,
    .emulate = elementwise_emulate,
    .emulate_element = sigmoid_emulate,
    .emit_plain = emit_elementwise,
    .emit_element = sigmoid_element,
};
