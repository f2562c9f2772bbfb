/* The positive part of x. */
#include "problems/baseline/emit.h"
#include "problems/ops/elementwise.h"
#include "problems/ops/rounding.h"

#include <math.h>

static void relu_block(const struct element_block *k) {
    uint32_t positive = 0, negative = 0;
    for (int i = 0; i < k->n; i++) {
        double x = k->a[i], s = k->sa[i];
        k->y[i] = x > 0 || isnan(x) ? x : 0.0;
        /* Near the kink the sign itself is uncertain. */
        k->sy[i] = x < -KINK_UNITS * k->e->u * s ? 0.0 : s;
        positive += x > 0;
        negative += x < 0; /* 0 itself comes out as it was */
    }
    if (k->e->branch) {
        k->e->branch[0] += positive;
        k->e->branch[1] += negative;
    }
}

static void relu_eval(const struct op_eval *e, int64_t begin, int64_t end) {
    elementwise_eval(e, begin, end, relu_block);
}

static void relu_cost(const struct node *n, const struct shape *in, const struct shape *out, struct op_cost *ret) {
    (void)n, (void)in;
    elementwise_cost(out, 1, 250, ret);
}

static int relu_element(const struct node *n, const char *const *operands, struct buf *ret) {
    /* Not fmax(): that would turn a NaN into 0. */
    if (n->dtype == DTYPE_I32)
        buf_printf(ret, "max(%s, 0)", operands[0]);
    else
        buf_printf(ret, "(%s <= 0.0f ? 0.0f : %s)", operands[0], operands[0]);
    return 0;
}

static float relu_emulate(const struct node *n, const struct arithmetic *a, float x, float y) {
    (void)n, (void)a, (void)y;
    return x <= 0.0f ? 0.0f : x;
}

static const struct attr_spec relu_attrs[] = {{.name = NULL}};
static const char *const relu_branches[] = {"positive", "negative", NULL};

const struct op op_relu = {
    .name = "relu",
    .min_inputs = 1,
    .max_inputs = 1,
    .scalar_operand = -1,
    .integers = true,
    .attrs = relu_attrs,
    .branches = relu_branches,
    .infer = elementwise_infer,
    .units = elementwise_units,
    .eval = relu_eval,
    .cost = relu_cost,
    .emulate = elementwise_emulate,
    .emulate_element = relu_emulate,
    .emit_plain = emit_elementwise,
    .emit_element = relu_element,
};
