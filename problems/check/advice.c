/* Remedies: the first line of the graph that makes the answer trivial, or the tensor whose data do. */
#include "problems/check/advice.h"

#include <string.h>

static const char *tensor_name(const struct bound *b, int tensor) {
    return b->tensor[tensor].name;
}

/* The first input or weight that `tensor` is computed from. */
static int origin(const struct bound *b, int tensor) {
    for (int i = b->n_nodes - 1; i >= 0; i--)
        if (b->node[i].out == tensor) tensor = b->node[i].in[0];
    return tensor;
}

static const char *domain_word(enum domain_kind d) {
    static const char *const WORDS[] = {"real", "positive", "unit", "index", "mask"};
    return WORDS[d];
}

static void both_signs(const struct bound *b, int tensor, struct buf *out) {
    const struct tensor *x = &b->tensor[origin(b, tensor)];
    if (x->fill.domain != DOMAIN_REAL)
        buf_printf(out, "let `%s` take both signs: its `domain: %s` keeps the signed data away", x->name,
                   domain_word(x->fill.domain));
    else
        buf_printf(out, "let what it gets, from `%s` on, take both signs", x->name);
}

void advice_for_branch(const struct bound *b, const struct node *node, const char *branch, struct buf *out) {
    if (strcmp(node->op->name, "relu") == 0) {
        both_signs(b, node->in[0], out);
        return;
    }
    buf_printf(out,
               "let its operand `%s` reach the branch `%s`: by a wider fill, by another domain, or by another bound",
               tensor_name(b, node->in[0]), branch);
}

/* A node whose answer is known without its data, and why. */
static bool known_by_form(const struct bound *b, const struct node *n, struct buf *out) {
    const char *op = n->op->name;
    if (strcmp(op, "softmax") == 0) {
        struct shape in = b->tensor[n->in[0]].shape;
        if (in.dim[n->op->reduced_axis(n, &in, 0)] != 1) return false;
        buf_puts(out, "softmax along an axis of length 1 is 1 for any data: take another axis, or make it longer");
        return true;
    }
    bool has_number = n->op->scalar_operand >= 0 && n->attr[OP_SCALAR].is_set;
    if (strcmp(op, "mul") == 0 && has_number && n->attr[OP_SCALAR].f == 0) {
        buf_puts(out, "a product with 0 is 0 for any data: take another factor");
        return true;
    }
    bool twins = n->n_in == 2 && n->in[0] == n->in[1];
    if (!twins || (strcmp(op, "sub") != 0 && strcmp(op, "div") != 0)) return false;
    buf_printf(out, "`%s` of a tensor and itself is known without its data", op);
    return true;
}

static int constant_line(const struct sighting *s, struct buf *out) {
    const struct bound *b = s->bound;
    for (int i = 0; i < b->n_nodes; i++) {
        const struct node *n = &b->node[i];
        if (!s->same[i]) continue;
        if (known_by_form(b, n, out)) return n->line;
        buf_printf(out,
                   "`%s` (%s) is %.6g for all data, so what follows from it alone is known beforehand: change this "
                   "line, or the data of `%s`",
                   tensor_name(b, n->out), n->op->name, s->value[i], tensor_name(b, origin(b, n->in[0])));
        return n->line;
    }
    return 0;
}

/* An operator of which one side is never taken does nothing on the others. */
static int idle_branch(const struct sighting *s, struct buf *out) {
    for (int i = 0; i < s->bound->n_nodes; i++) {
        const struct node *n = &s->bound->node[i];
        for (int k = 0; s->branch[i] && n->op->branches[k]; k++) {
            if (s->branch[i][k] > 0) continue;
            buf_printf(out, "no element takes the branch `%s` of %s: ", n->op->branches[k], n->op->name);
            advice_for_branch(s->bound, n, n->op->branches[k], out);
            return n->line;
        }
    }
    return 0;
}

static void weak_tensor(const struct bound *b, int tensor, struct buf *out) {
    buf_printf(out,
               "`%s` shows in the answer by less than the tolerance: give it a larger fill, let nothing after it "
               "take it out again, or leave it out",
               tensor_name(b, tensor));
}

static bool all_f16(const struct bound *b) {
    for (int i = 0; i < b->n_tensors; i++)
        if (b->tensor[i].role != TENSOR_INTERMEDIATE && b->tensor[i].dtype != DTYPE_F16) return false;
    return true;
}

static void fallback(const struct trivial *t, const struct sighting *s, struct buf *out) {
    switch (t->kind) {
        case TRIVIAL_COPY:
        case TRIVIAL_TAIL:
        case TRIVIAL_TRANSPOSED:
            buf_printf(out, "the graph changes `%s` by less than the tolerance: give it something to do, or other data",
                       tensor_name(s->bound, t->tensor));
            return;
        case TRIVIAL_OTHER_TENSOR:
            weak_tensor(s->bound, t->tensor, out);
            return;
        case TRIVIAL_OTHER_WEIGHTS:
            buf_puts(out,
                     "the weights show in the answer by less than the tolerance: give them larger fills, or leave "
                     "them out");
            return;
        case TRIVIAL_SLICE:
            buf_printf(out,
                       "along axis %d the answer varies by less than the tolerance: let the data vary along it, or "
                       "drop the axis",
                       t->axis);
            return;
        case TRIVIAL_ROUNDED:
            buf_printf(out,
                       "over a reduction of %lld, %s is within the rounding of the problem's own type: shorten it%s",
                       (long long)s->reduction, number_format_name(t->format),
                       all_f16(s->bound) ? ", or let the data be signed"
                                         : ", let the data be signed, or declare the tensors as f16");
            return;
        default:
            buf_printf(out,
                       "the answer varies by less than the tolerance (reduction length %lld): larger data, a "
                       "shorter reduction, or operators that keep what they get",
                       (long long)s->reduction);
    }
}

int advice_for_trivial(const struct trivial *t, const struct sighting *s, struct buf *out) {
    bool copies = t->kind == TRIVIAL_COPY || t->kind == TRIVIAL_TAIL || t->kind == TRIVIAL_TRANSPOSED;
    int line = 0;
    if (t->kind != TRIVIAL_ROUNDED && !copies) line = constant_line(s, out);
    if (copies) line = idle_branch(s, out);
    if (line == 0) fallback(t, s, out);
    return line;
}
