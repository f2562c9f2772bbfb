/* The numbers of a fill that depend on the size: kaiming's fan-in, an index's bound. */
#include "problems/graph/ast.h"

/* PyTorch's _calculate_fan_in_and_fan_out (torch/nn/init.py): dim 1 times the receptive field, whichever of the two the
 * layer sums over; so for a transposed convolution's [C, K, kh, kw] as well. */
static int64_t fan_in(const struct shape *s) {
    int64_t n = 1;
    for (int i = 1; i < s->rank; i++) n *= s->dim[i];
    return n;
}

static int index_bind(const struct bound *b, const struct tensor_def *def, struct fill *f, struct error *err) {
    static const int64_t largest[DTYPE_COUNT] = {
        [DTYPE_F32] = (int64_t)1 << 24, [DTYPE_F16] = 1 << 11, [DTYPE_I32] = INT32_MAX};
    const struct yaml_doc *doc = b->problem->doc;
    struct error inner = ERROR_INIT;
    if (expr_eval(def->fill.index_bound, bound_lookup_dim, (void *)(uintptr_t)b, &f->index_bound, &inner) != 0)
        return yaml_error(doc, def->fill.domain_at, err, "size `%s`: domain of `%s`: %s", b->size, def->name,
                          inner.text);
    if (f->index_bound < 1 || f->index_bound > largest[def->dtype])
        return yaml_error(doc, def->fill.domain_at, err,
                          "size `%s`: the bound of index `%s` is %lld; %s allows 1 to %lld", b->size, def->name,
                          (long long)f->index_bound, dtype_name(def->dtype), (long long)largest[def->dtype]);
    if (!def->fill.given) f->b = (double)(f->index_bound - 1);
    double high = def->fill.kind == FILL_CONSTANT ? f->a : f->b;
    if (high > (double)(f->index_bound - 1))
        return yaml_error(doc, def->fill.at, err,
                          "size `%s`: the fill of index `%s` reaches %.0f, its domain only %lld", b->size, def->name,
                          high, (long long)f->index_bound - 1);
    return 0;
}

int fill_bind(const struct bound *b, const struct tensor_def *def, struct tensor *t, struct error *err) {
    t->fill = (struct fill){
        .kind = def->fill.kind, .a = def->fill.a, .b = def->fill.b, .domain = def->fill.domain, .fan_in = 0};
    if (def->fill.kind == FILL_KAIMING) t->fill.fan_in = fan_in(&t->shape);
    if (def->fill.domain == DOMAIN_INDEX) return index_bind(b, def, &t->fill, err);
    return 0;
}
