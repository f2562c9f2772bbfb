/* Sum of two tensors with broadcasting, or of a tensor and a number. */
#include "problems/baseline/emit.h"
#include "problems/ops/elementwise.h"
#include "problems/ops/rounding.h"

#include <math.h>

static void add_block(const struct element_block *k) {
    for (int i = 0; i < k->n; i++) {
        k->y[i] = k->a[i] + k->b[i];
        k->sy[i] = fabs(k->y[i]) * ROUND_BASIC * k->e->one + k->sa[i] + k->sb[i];
    }
}

static void add_eval(const struct op_eval *e, int64_t begin, int64_t end) {
    elementwise_eval(e, begin, end, add_block);
}

static void add_cost(const struct node *n, const struct shape *in, const struct shape *out, struct op_cost *ret) {
    (void)n, (void)in;
    elementwise_cost(out, 1, 200, ret);
}

static int add_element(const struct node *n, const char *const *operands, struct buf *ret) {
    buf_putc(ret, '(');
    elementwise_operand(n, operands, 0, ret);
    buf_puts(ret, " + ");
    elementwise_operand(n, operands, 1, ret);
    buf_putc(ret, ')');
    return 0;
}

static float add_emulate(const struct node *n, const struct arithmetic *a, float x, float y) {
    (void)n, (void)a;
    return x + y;
}

static const struct attr_spec add_attrs[] = {{.name = NULL}};

const struct op op_add = {
    .name = "add",
    .min_inputs = 2,
    .max_inputs = 2,
    .scalar_operand = 1,
    .integers = true,
    .attrs = add_attrs,
    .infer = elementwise_infer,
    .units = elementwise_units,
    .eval = add_eval,
    .cost = add_cost,
    .emulate = elementwise_emulate,
    .emulate_element = add_emulate,
    .emit_plain = emit_elementwise,
    .emit_element = add_element,
};
