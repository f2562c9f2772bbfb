/* `fill:` and `domain:` as written: uniform(a, b), normal(mean, sd), kaiming, constant(c), integers(a, b); real,
 * positive, unit, index(n), mask. What depends on the shape or on index(n) is checked in fill_bind.c. */
#include <math.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/number.h"
#include "problems/graph/ast.h"
#include "problems/graph/flow.h"

static const struct {
    const char *name;
    enum fill_kind kind;
    int args;
} FILLS[] = {
    {"uniform", FILL_UNIFORM, 2},   {"normal", FILL_NORMAL, 2},     {"kaiming", FILL_KAIMING, 0},
    {"constant", FILL_CONSTANT, 1}, {"integers", FILL_INTEGERS, 2},
};

static const struct {
    const char *name;
    enum domain_kind kind;
    bool has_bound;
} DOMAINS[] = {
    {"real", DOMAIN_REAL, false},  {"positive", DOMAIN_POSITIVE, false}, {"unit", DOMAIN_UNIT, false},
    {"index", DOMAIN_INDEX, true}, {"mask", DOMAIN_MASK, false},
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* `name` or `name(args)`. */
static int name_and_args(const struct problem *p, const struct yaml_node *n, const char *text, struct span *ret_name,
                         struct span *ret_args, struct error *err) {
    struct span whole = span_trim(text, (struct span){0, strlen(text)});
    *ret_name = whole;
    *ret_args = (struct span){0};
    if (!strchr(text, '(')) return 0;
    const char *why = "";
    size_t where = 0;
    if (span_call(text, whole, ret_name, ret_args, &why, &where) == 0) return 0;
    struct yaml_node at = flow_at(n, where);
    return yaml_error(p->doc, &at, err, "`%.80s`: %s", text, why);
}

static int fill_number(const struct problem *p, const struct yaml_node *n, const char *text, struct span s, double *ret,
                       struct error *err) {
    CLEANUP_FREE char *number = xstrndup(text + s.start, s.len);
    if (number_double(number, ret) == NUMBER_OK) return 0;
    struct yaml_node at = flow_at(n, s.start);
    return yaml_error(p->doc, &at, err, "`%.80s`: `%.40s` is not a finite number", text, number);
}

static int check_fill(const struct problem *p, const struct tensor_def *t, const char *text, struct error *err) {
    const struct fill_def *f = &t->fill;
    static const double largest[DTYPE_COUNT] = {[DTYPE_F32] = 3e38, [DTYPE_F16] = 65504.0, [DTYPE_I32] = 2147483647.0};
    static const double largest_integer[DTYPE_COUNT] = {
        [DTYPE_F32] = 16777216.0, [DTYPE_F16] = 2048.0, [DTYPE_I32] = 2147483647.0};
    bool integral = f->kind == FILL_INTEGERS || (f->kind == FILL_CONSTANT && t->dtype == DTYPE_I32);
    double limit = integral ? largest_integer[t->dtype] : largest[t->dtype];
    if (fabs(f->a) > limit || fabs(f->b) > limit)
        return yaml_error(p->doc, f->at, err, "`%.80s`: %s holds %s up to %.0f only", text, dtype_name(t->dtype),
                          integral ? "integers" : "values", limit);
    if (integral && (f->a != floor(f->a) || f->b != floor(f->b)))
        return yaml_error(p->doc, f->at, err, "`%.80s`: whole numbers are expected", text);
    if (t->dtype == DTYPE_I32 && !integral)
        return yaml_error(p->doc, f->at, err, "`%.80s`: an i32 tensor takes integers(a, b) or constant(c)", text);
    if (f->kind == FILL_UNIFORM && !(f->a < f->b))
        return yaml_error(p->doc, f->at, err, "`%.80s`: the first bound must be below the second", text);
    if (f->kind == FILL_INTEGERS && f->a > f->b)
        return yaml_error(p->doc, f->at, err, "`%.80s`: the first bound is above the second", text);
    if (f->kind == FILL_NORMAL && !(f->b > 0))
        return yaml_error(p->doc, f->at, err, "`%.80s`: the standard deviation must be positive", text);
    if (f->kind == FILL_KAIMING && t->rank < 2)
        return yaml_error(p->doc, f->at, err, "`%s`: kaiming needs a tensor of two dims or more, to have a fan-in",
                          t->name);
    return 0;
}

static int fill_text(const struct problem *p, struct tensor_def *t, const struct yaml_node *n, struct error *err) {
    const char *text = yaml_string(p->doc, n, "fill", err);
    struct span name, args, part[3];
    if (!text || name_and_args(p, n, text, &name, &args, err) != 0) return -1;
    size_t k = 0, where = 0;
    while (k < COUNT(FILLS) && !span_is(text, name, FILLS[k].name)) k++;
    if (k == COUNT(FILLS)) {
        yaml_error(p->doc, n, err, "unknown fill `%.80s`", text);
        return error_hint(err, "there are uniform(a, b), normal(mean, sd), kaiming, constant(c) and integers(a, b)");
    }
    const char *why = "";
    int given = span_split(text, args, part, 3, &why, &where);
    if (given != FILLS[k].args)
        return yaml_error(p->doc, n, err, "`%.80s`: %s takes %d number%s", text, FILLS[k].name, FILLS[k].args,
                          FILLS[k].args == 1 ? "" : "s");
    t->fill.given = true;
    t->fill.kind = FILLS[k].kind;
    if (given > 0 && fill_number(p, n, text, part[0], &t->fill.a, err) != 0) return -1;
    if (given > 1 && fill_number(p, n, text, part[1], &t->fill.b, err) != 0) return -1;
    return check_fill(p, t, text, err);
}

static int domain_text(const struct problem *p, struct tensor_def *t, const struct yaml_node *n, struct error *err) {
    const char *text = yaml_string(p->doc, n, "domain", err);
    struct span name, args;
    if (!text || name_and_args(p, n, text, &name, &args, err) != 0) return -1;
    size_t k = 0;
    while (k < COUNT(DOMAINS) && !span_is(text, name, DOMAINS[k].name)) k++;
    if (k == COUNT(DOMAINS)) {
        yaml_error(p->doc, n, err, "unknown domain `%.80s`", text);
        return error_hint(err, "there are real, positive, unit, index(n) and mask");
    }
    t->fill.domain = DOMAINS[k].kind;
    if (DOMAINS[k].has_bound != (args.len > 0))
        return yaml_error(p->doc, n, err, "`%.80s`: %s", text,
                          args.len > 0 ? "this domain takes no argument" : "index needs its bound, as index(N)");
    if (args.len == 0) return 0;
    CLEANUP_FREE char *bound = xstrndup(text + args.start, args.len);
    t->fill.index_bound = problem_expr(p, n, bound, err);
    return t->fill.index_bound ? 0 : -1;
}

/* Without `fill:`, what the domain suggests. */
static void fill_default(struct tensor_def *t) {
    bool integral = t->dtype == DTYPE_I32 || t->fill.domain == DOMAIN_INDEX || t->fill.domain == DOMAIN_MASK;
    t->fill.kind = integral ? FILL_INTEGERS : FILL_UNIFORM;
    t->fill.a = t->fill.domain == DOMAIN_REAL ? (integral ? -16.0 : -1.0) : 0.0;
    t->fill.b = integral && t->fill.domain != DOMAIN_MASK ? 16.0 : 1.0;
    if (t->fill.domain == DOMAIN_POSITIVE) t->fill.a = integral ? 1.0 : 0x1p-6;
    if (t->fill.domain == DOMAIN_UNIT) t->fill.b = 1.0;
}

static int check_domain(const struct problem *p, const struct tensor_def *t, struct error *err) {
    const struct fill_def *f = &t->fill;
    const struct yaml_node *at = f->at ? f->at : f->domain_at;
    bool bounded = f->kind == FILL_UNIFORM || f->kind == FILL_INTEGERS || f->kind == FILL_CONSTANT;
    double low = f->a, high = f->kind == FILL_CONSTANT ? f->a : f->b;
    if (f->domain == DOMAIN_REAL) return 0;
    if (!bounded)
        return yaml_error(p->doc, at, err, "`%s`: normal and kaiming reach beyond its domain; use uniform or integers",
                          t->name);
    if (f->domain == DOMAIN_POSITIVE && !(low > 0))
        return yaml_error(p->doc, at, err, "`%s`: its domain is positive, but its fill reaches down to %g", t->name,
                          low);
    if (f->domain == DOMAIN_UNIT && (low < 0 || high > 1))
        return yaml_error(p->doc, at, err, "`%s`: its domain is unit, 0 to 1, but its fill is %g to %g", t->name, low,
                          high);
    bool whole = low == floor(low) && high == floor(high) && f->kind != FILL_UNIFORM;
    if (f->domain == DOMAIN_MASK && (!whole || low < 0 || high > 1))
        return yaml_error(p->doc, at, err, "`%s`: a mask holds 0 and 1; its fill must be integers(0, 1)", t->name);
    if (f->domain == DOMAIN_INDEX && (!whole || low < 0))
        return yaml_error(p->doc, at, err, "`%s`: an index needs integers from 0 on", t->name);
    return 0;
}

int fill_parse(struct problem *p, struct tensor_def *t, const struct yaml_node *fill, const struct yaml_node *domain,
               struct error *err) {
    t->fill.at = fill;
    t->fill.domain_at = domain;
    if (domain && domain_text(p, t, domain, err) != 0) return -1;
    if (fill && fill_text(p, t, fill, err) != 0) return -1;
    if (!fill) fill_default(t);
    return check_domain(p, t, err);
}

void fill_def_done(struct fill_def *f) {
    expr_free(f->index_bound);
}
