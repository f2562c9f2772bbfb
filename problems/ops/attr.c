/* Reading a node's attributes with the defaults of its operator's table. */
#include "problems/ops/attr.h"

#include <string.h>

static const struct attr_spec *spec_of(const struct node *n, int slot) {
    return &n->op->attrs[slot];
}

int64_t attr_int(const struct node *n, int slot) {
    const struct attr_value *v = &n->attr[slot];
    return v->is_set ? v->i[0] : (int64_t)spec_of(n, slot)->fallback;
}

int64_t attr_axis_int(const struct node *n, int slot, int axis) {
    const struct attr_value *v = &n->attr[slot];
    if (!v->is_set) return (int64_t)spec_of(n, slot)->fallback;
    return v->i[v->n > axis ? axis : 0];
}

bool attr_bool(const struct node *n, int slot) {
    return attr_int(n, slot) != 0;
}

double attr_float(const struct node *n, int slot) {
    const struct attr_value *v = &n->attr[slot];
    return v->is_set ? v->f : spec_of(n, slot)->fallback;
}

int attr_word(const struct node *n, int slot) {
    const struct attr_value *v = &n->attr[slot];
    if (!v->is_set) return 0;
    const char *p = spec_of(n, slot)->words;
    size_t len = strlen(v->word);
    for (int i = 0;; i++) {
        size_t here = strcspn(p, "|");
        if (here == len && memcmp(p, v->word, len) == 0) return i;
        if (!p[here]) return 0; /* the parser admits listed words only */
        p += here + 1;
    }
}

int attr_axis(const struct node *n, int slot, int rank, int *ret, struct error *err) {
    int64_t axis = attr_int(n, slot);
    if (axis < -rank || axis >= rank)
        return error_set(err, ERR_INVALID, "%s: %s=%lld does not exist in a tensor of %d axes", n->op->name,
                         spec_of(n, slot)->name, (long long)axis, rank);
    *ret = (int)(axis < 0 ? axis + rank : axis);
    return 0;
}

int operands_real(const struct node *n, const struct tensor *in, struct error *err) {
    for (int k = 0; k < n->n_in; k++) {
        if (in[k].dtype == DTYPE_I32)
            return error_set(err, ERR_INVALID, "%s: operand '%s' is i32, but only f32 and f16 can be computed with",
                             n->op->name, in[k].name);
        if (in[k].dtype != in[0].dtype)
            return error_set(err, ERR_INVALID, "%s: operands '%s' (%s) and '%s' (%s) differ in type", n->op->name,
                             in[0].name, dtype_name(in[0].dtype), in[k].name, dtype_name(in[k].dtype));
    }
    return 0;
}
