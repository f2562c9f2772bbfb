/* Trivial answers: which there are, and whether one is accepted. */
#include "problems/check/trivial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"

#define OTHER_SET 1 /* of the same seed: other keys, so other data */

/* --- which ------------------------------------------------------------------------------------ */
struct list {
    const struct bound *bound;
    struct trivial *item;
    size_t n;
};

static struct trivial *push(struct list *l, enum trivial_kind kind, int output) {
    l->item = xrealloc(l->item, (l->n + 1) * sizeof *l->item);
    struct trivial *t = &l->item[l->n++];
    *t = (struct trivial){.kind = kind, .output = output, .tensor = -1};
    return t;
}

static bool is_given(const struct tensor *t) {
    return t->role == TENSOR_INPUT || t->role == TENSOR_WEIGHT;
}

static const struct tensor *output_of(const struct bound *b, int output) {
    return &b->tensor[b->output[output]];
}

static void name(const struct list *l, struct trivial *t, const char *text, const char *tensor) {
    char where[NAME_MAX_LEN + 8] = "";
    if (t->output >= 0 && l->bound->n_outputs > 1)
        snprintf(where, sizeof where, " as `%s`", output_of(l->bound, t->output)->name);
    if (tensor)
        snprintf(t->name, sizeof t->name, "%s `%s`%s", text, tensor, where);
    else
        snprintf(t->name, sizeof t->name, "%s%s", text, where);
}

static void add_copies(struct list *l, int output, int tensor) {
    const struct tensor *x = &l->bound->tensor[tensor], *y = output_of(l->bound, output);
    if (x->dtype != y->dtype) return;
    struct trivial *t = push(l, TRIVIAL_COPY, output);
    t->tensor = tensor;
    name(l, t,
         x->elements == y->elements  ? "a copy of"
         : x->elements > y->elements ? "the first elements of"
                                     : "repetitions of",
         x->name);
    if (x->elements > y->elements) {
        t = push(l, TRIVIAL_TAIL, output);
        t->tensor = tensor;
        name(l, t, "the last elements of", x->name);
    }
    int rank = x->shape.rank;
    if (x->elements != y->elements || rank < 2 || x->shape.dim[rank - 1] == 1 || x->shape.dim[rank - 2] == 1) return;
    t = push(l, TRIVIAL_TRANSPOSED, output);
    t->tensor = tensor;
    name(l, t, "a transposed copy of", x->name);
}

static void add_rounded(struct list *l, int output) {
    static const struct {
        enum number_format format;
        const char *text;
    } FORMATS[] = {{NUMBER_F16, "everything rounded to f16"}, {NUMBER_BF16, "everything rounded to bf16"}};
    enum dtype dtype = output_of(l->bound, output)->dtype;
    for (size_t i = 0; i < 2; i++) {
        if (dtype == DTYPE_I32 || (dtype == DTYPE_F16 && FORMATS[i].format == NUMBER_F16)) continue;
        struct trivial *t = push(l, TRIVIAL_ROUNDED, output);
        t->format = FORMATS[i].format;
        name(l, t, FORMATS[i].text, NULL);
    }
}

static void add_output(struct list *l, int output) {
    const struct shape *s = &output_of(l->bound, output)->shape;
    name(l, push(l, TRIVIAL_ZEROS, output), "zeros", NULL);
    name(l, push(l, TRIVIAL_CONSTANT, output), "a constant", NULL);
    for (int axis = 0; axis < s->rank; axis++) {
        if (s->dim[axis] < 2) continue;
        char text[64];
        snprintf(text, sizeof text, "its first slice repeated along axis %d", axis);
        struct trivial *t = push(l, TRIVIAL_SLICE, output);
        t->axis = axis;
        name(l, t, text, NULL);
    }
    for (int i = 0; i < l->bound->n_tensors; i++)
        if (is_given(&l->bound->tensor[i])) add_copies(l, output, i);
    name(l, push(l, TRIVIAL_OTHER_SEED, output), "another seed's answer", NULL);
    add_rounded(l, output);
}

size_t trivial_list(const struct bound *b, struct trivial **ret) {
    struct list l = {.bound = b};
    int given = 0, weights = 0;
    for (int i = 0; i < b->n_outputs; i++) add_output(&l, i);
    for (int i = 0; i < b->n_tensors; i++) {
        given += is_given(&b->tensor[i]);
        weights += b->tensor[i].role == TENSOR_WEIGHT;
    }
    if (weights > 0) name(&l, push(&l, TRIVIAL_OTHER_WEIGHTS, -1), "other weights' answer", NULL);
    for (int i = 0; i < b->n_tensors && given > 1; i++) {
        if (!is_given(&b->tensor[i])) continue;
        if (weights == 1 && b->tensor[i].role == TENSOR_WEIGHT) continue; /* the same as other weights */
        struct trivial *t = push(&l, TRIVIAL_OTHER_TENSOR, -1);
        t->tensor = i;
        name(&l, t, "the answer for another", b->tensor[i].name);
    }
    *ret = l.item;
    return l.n;
}

/* --- what else is needed of a case ------------------------------------------------------------ */
static void free_all(void **items, int n) {
    for (int i = 0; items && i < n; i++) free(items[i]);
    free(items);
}

void trivial_case_done(struct trivial_case *c) {
    free_all(c->other, c->right->bound->n_outputs);
    free_all(c->other_data, c->right->bound->n_tensors);
    c->other = c->other_data = NULL;
}

static int need_other_data(struct trivial_case *c, struct error *err) {
    const struct bound *b = c->right->bound;
    if (c->other_data) return 0;
    c->other_data = xcalloc((size_t)b->n_tensors, sizeof *c->other_data);
    for (int t = 0; t < b->n_tensors; t++)
        if (is_given(&b->tensor[t])) c->other_data[t] = xmalloc(b->tensor[t].bytes > 0 ? b->tensor[t].bytes : 1);
    return data_fill_all(b, &c->seed, OTHER_SET, c->right->dist, c->other_data, err);
}

static int need_other(struct trivial_case *c, struct error *err) {
    if (c->other) return 0;
    if (need_other_data(c, err) != 0) return -1;
    c->other = xcalloc((size_t)c->right->bound->n_outputs, sizeof *c->other);
    return outputs_of(c->right->bound, (const void *const *)c->other_data, c->cancel, c->other, err);
}

/* --- the answers ------------------------------------------------------------------------------ */
/* Copies of `elements` numbers to the output by a rule that says from where. */
struct copy {
    const struct tensor *from, *to;
    const uint8_t *data;
    uint8_t *out;
    size_t width;
};

static void copy_one(const struct copy *c, int64_t to, int64_t from) {
    memcpy(c->out + (size_t)to * c->width, c->data + (size_t)from * c->width, c->width);
}

static void copy_tensor(const struct trivial *t, const struct copy *c) {
    int64_t n = c->from->elements, shift = t->kind == TRIVIAL_TAIL ? n - c->to->elements : 0;
    const struct shape *s = &c->from->shape;
    for (int64_t i = 0; i < c->to->elements; i++) {
        int64_t from = (i + shift) % n;
        if (t->kind == TRIVIAL_TRANSPOSED) {
            int64_t rows = s->dim[s->rank - 2], columns = s->dim[s->rank - 1], at = i % (rows * columns);
            from = i - at + at % rows * columns + at / rows;
        }
        copy_one(c, i, from);
    }
}

/* The right answer's slice 0 along an axis, over and over. */
static void repeat_slice(const struct trivial *t, const struct answers *a, void *out) {
    const struct tensor *y = output_of(a->bound, t->output);
    int64_t inner = 1, length = y->shape.dim[t->axis];
    for (int i = t->axis + 1; i < y->shape.rank; i++) inner *= y->shape.dim[i];
    for (int64_t i = 0; i < y->elements; i++)
        output_set(y->dtype, out, i, a->expected[t->output].value[i / (inner * length) * (inner * length) + i % inner]);
}

static double mean_of(enum dtype dtype, const void *data, int64_t n) {
    double sum = 0;
    int64_t counted = 0;
    for (int64_t i = 0; i < n; i++) {
        double v = element_value(dtype, data, i);
        if (!isfinite(v)) continue;
        sum += v;
        counted++;
    }
    return counted > 0 ? sum / (double)counted : 0;
}

/* Output t->output of an answer that needs no evaluation of the graph. */
static int fill_simple(const struct trivial *t, struct trivial_case *c, void *out, struct error *err) {
    const struct answers *a = c->right;
    const struct tensor *y = output_of(a->bound, t->output);
    if (t->kind == TRIVIAL_SLICE) {
        repeat_slice(t, a, out);
        return 0;
    }
    if (t->kind == TRIVIAL_ZEROS) {
        memset(out, 0, y->bytes);
        return 0;
    }
    if (t->kind == TRIVIAL_CONSTANT) {
        if (need_other(c, err) != 0) return -1;
        double mean = mean_of(y->dtype, c->other[t->output], y->elements);
        for (int64_t i = 0; i < y->elements; i++) output_set(y->dtype, out, i, mean);
        return 0;
    }
    struct copy copy = {&a->bound->tensor[t->tensor], y, a->data[t->tensor], out, dtype_bytes(y->dtype)};
    copy_tensor(t, &copy);
    return 0;
}

static void *rounded_copy(const struct tensor *x, const void *data, enum number_format format) {
    void *copy = xmalloc(x->bytes > 0 ? x->bytes : 1);
    memcpy(copy, data, x->bytes);
    for (int64_t i = 0; i < x->elements && x->dtype != DTYPE_I32; i++)
        output_set(x->dtype, copy, i, number_round(format, (float)element_value(x->dtype, data, i)));
    return copy;
}

static bool is_replaced(const struct trivial *t, const struct bound *b, int tensor) {
    if (t->kind == TRIVIAL_OTHER_TENSOR) return tensor == t->tensor;
    return t->kind == TRIVIAL_OTHER_WEIGHTS && b->tensor[tensor].role == TENSOR_WEIGHT;
}

/* The graph on data of which some are others, or rounded: all outputs. */
static int evaluate(const struct trivial *t, struct trivial_case *c, void **got, struct error *err) {
    const struct bound *b = c->right->bound;
    bool rounds = t->kind == TRIVIAL_ROUNDED;
    void **rounded = xcalloc((size_t)b->n_tensors, sizeof *rounded);
    CLEANUP_FREE const void **data = xcalloc((size_t)b->n_tensors, sizeof *data);
    int status = rounds ? 0 : need_other_data(c, err);
    for (int i = 0; i < b->n_tensors && status == 0; i++) {
        if (!is_given(&b->tensor[i])) continue;
        if (rounds) rounded[i] = rounded_copy(&b->tensor[i], c->right->data[i], t->format);
        data[i] = rounds ? rounded[i] : is_replaced(t, b, i) ? c->other_data[i] : c->right->data[i];
    }
    if (status == 0) status = outputs_of(b, data, c->cancel, got, err);
    for (int i = 0; i < b->n_outputs && status == 0 && rounds; i++) {
        const struct tensor *y = output_of(b, i);
        void *exact = got[i];
        got[i] = rounded_copy(y, exact, t->format);
        free(exact);
    }
    free_all(rounded, b->n_tensors);
    return status;
}

static bool accepts(const struct answers *a, int output, const void *got) {
    struct comparison c;
    compare_output(&a->expected[output], &a->tolerance[output], got, NULL, 0, &c);
    return comparison_passes(&c, &a->tolerance[output], a->dist);
}

static bool accepts_all(const struct answers *a, int output, void *const *got) {
    for (int i = 0; i < a->bound->n_outputs; i++)
        if ((output < 0 || output == i) && !accepts(a, i, got[i])) return false;
    return true;
}

int trivial_passes(const struct trivial *t, struct trivial_case *c, bool *ret, struct error *err) {
    const struct bound *b = c->right->bound;
    if (t->kind == TRIVIAL_OTHER_SEED) {
        if (need_other(c, err) != 0) return -1;
        *ret = accepts_all(c->right, t->output, c->other);
        return 0;
    }
    void **got = xcalloc((size_t)b->n_outputs, sizeof *got);
    int status;
    if (t->kind == TRIVIAL_ROUNDED || t->output < 0) {
        status = evaluate(t, c, got, err);
    } else {
        size_t bytes = output_of(b, t->output)->bytes;
        got[t->output] = xmalloc(bytes > 0 ? bytes : 1);
        status = fill_simple(t, c, got[t->output], err);
    }
    if (status == 0) *ret = accepts_all(c->right, t->output, got);
    free_all(got, b->n_outputs);
    return status;
}
