/* Attributes and numbers of a bound node: expressions get their values, unset ones their defaults. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "problems/graph/ast.h"
#include "problems/graph/flow.h"

struct binding {
    const struct bound *b;
    const struct node_def *def;
    struct error *err;
};

static int value_error(const struct binding *x, const struct number_def *v, const char *name, const char *text) {
    struct yaml_node at = flow_at(x->def->at, v->offset);
    return yaml_error(x->b->problem->doc, &at, x->err, "size `%s`: `%s` of `%s`: %s", x->b->size, name,
                      x->def->op->name, text);
}

static int eval(const struct binding *x, const struct number_def *v, const char *name, int64_t *ret) {
    struct error inner = ERROR_INIT;
    if (v->form == NUMBER_LITERAL) return *ret = (int64_t)v->literal, 0;
    if (expr_eval(v->e, bound_lookup_dim, (void *)(uintptr_t)x->b, ret, &inner) != 0)
        return value_error(x, v, name, inner.text);
    return 0;
}

static int int_value(const struct binding *x, const struct number_def *v, const struct attr_spec *spec, int64_t *ret) {
    bool unbounded = spec->min == 0 && spec->max == 0;
    int64_t min = unbounded || spec->min < -GRAPH_INT_MAX ? -GRAPH_INT_MAX : spec->min;
    int64_t max = unbounded || spec->max > GRAPH_INT_MAX ? GRAPH_INT_MAX : spec->max;
    char text[120];
    if (v->form == NUMBER_LITERAL && fabs(v->literal) > 0x1p62)
        return value_error(x, v, spec->name, "the number is out of range");
    if (eval(x, v, spec->name, ret) != 0) return -1;
    if (*ret >= min && *ret <= max) return 0;
    snprintf(text, sizeof text, "%lld does not lie between %lld and %lld", (long long)*ret, (long long)min,
             (long long)max);
    return value_error(x, v, spec->name, text);
}

static int float_value(const struct binding *x, const struct number_def *v, const char *name, double *ret) {
    int64_t i = 0;
    if (v->form == NUMBER_LITERAL) return *ret = v->literal, 0;
    if (eval(x, v, name, &i) != 0) return -1;
    if (v->form == NUMBER_RSQRT && i < 1) return value_error(x, v, name, "rsqrt() needs a positive number");
    *ret = v->form == NUMBER_RSQRT ? 1.0 / sqrt((double)i) : (double)i;
    return 0;
}

static void attr_default(const struct attr_spec *spec, struct attr_value *ret) {
    ret->f = spec->fallback;
    ret->n = 1;
    for (int i = 0; i < GRAPH_MAX_ATTR_VALUES && spec->kind != ATTR_FLOAT; i++) ret->i[i] = (int64_t)spec->fallback;
    if (spec->kind != ATTR_WORD) return;
    size_t len = strcspn(spec->words, "|");
    memcpy(ret->word, spec->words, len < sizeof ret->word ? len : sizeof ret->word - 1);
}

static int attr_bind(const struct binding *x, const struct attr_spec *spec, const struct attr_def *def,
                     struct attr_value *ret) {
    attr_default(spec, ret);
    if (!def->is_set) return 0;
    ret->is_set = true;
    switch (spec->kind) {
        case ATTR_WORD:
            memcpy(ret->word, def->word, sizeof ret->word);
            return 0;
        case ATTR_BOOL:
            for (int i = 0; i < GRAPH_MAX_ATTR_VALUES; i++) ret->i[i] = strcmp(def->word, "true") == 0;
            ret->f = (double)ret->i[0];
            return 0;
        case ATTR_FLOAT:
            return float_value(x, &def->value[0], spec->name, &ret->f);
        case ATTR_INT:
        case ATTR_INTS:
            break;
    }
    ret->n = def->n;
    for (int i = 0; i < def->n; i++)
        if (int_value(x, &def->value[i], spec, &ret->i[i]) != 0) return -1;
    /* one value stands for every axis */
    for (int i = def->n; i < GRAPH_MAX_ATTR_VALUES; i++) ret->i[i] = def->n == 1 ? ret->i[0] : 0;
    ret->f = (double)ret->i[0];
    return 0;
}

int attrs_bind(const struct bound *b, const struct node_def *def, struct node *ret, struct error *err) {
    struct binding x = {.b = b, .def = def, .err = err};
    const struct attr_spec *specs = def->op->attrs;
    for (int i = 0; specs && specs[i].name && i < OP_SCALAR; i++)
        if (attr_bind(&x, &specs[i], &def->attr[i], &ret->attr[i]) != 0) return -1;
    if (!def->attr[OP_SCALAR].is_set) return 0;
    ret->attr[OP_SCALAR].is_set = true;
    ret->attr[OP_SCALAR].n = 1;
    return float_value(&x, &def->attr[OP_SCALAR].value[0], "the number", &ret->attr[OP_SCALAR].f);
}
