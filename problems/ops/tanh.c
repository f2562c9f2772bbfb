/* Hyperbolic tangent. */
#include "problems/baseline/emit.h"
#include "problems/ops/elementwise.h"
#include "problems/ops/rounding.h"

#include <math.h>

static void tanh_block(const struct element_block *k) {
    for (int i = 0; i < k->n; i++) {
        double y = tanh(k->a[i]), s = k->sa[i];
        k->y[i] = y;
        /* |f''| / 2 <= 0.39. */
        k->sy[i] = fabs(y) * ROUND_TANH * k->e->one + (1.0 - y * y + 0.39 * CURVATURE_UNITS * k->e->u * s) * s;
    }
}

static void tanh_eval(const struct op_eval *e, int64_t begin, int64_t end) {
    elementwise_eval(e, begin, end, tanh_block);
}

static void tanh_cost(const struct node *n, const struct shape *in, const struct shape *out, struct op_cost *ret) {
    (void)n, (void)in;
    elementwise_cost(out, 8, 600, ret);
}

static int tanh_element(const struct node *n, const char *const *operands, struct buf *ret) {
    (void)n;
    buf_printf(ret, "tanh(%s)", operands[0]);
    return 0;
}

static float tanh_emulate(const struct node *n, const struct arithmetic *a, float x, float y) {
    (void)n, (void)y;
    return arithmetic_tanh(a, x);
}

static const struct attr_spec tanh_attrs[] = {{.name = NULL}};

const struct op op_tanh = {
    .name = "tanh",
    .min_inputs = 1,
    .max_inputs = 1,
    .scalar_operand = -1,
    .attrs = tanh_attrs,
    .infer = elementwise_infer,
    .units = elementwise_units,
    .eval = tanh_eval,
    .cost = tanh_cost,
    .emulate = elementwise_emulate,
    .emulate_element = tanh_emulate,
    .emit_plain = emit_elementwise,
    .emit_element = tanh_element,
};
