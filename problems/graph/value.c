/* Numbers and attributes of a graph line, as written: 2, 0.5, N / 4, rsqrt(D), [2, 1], tanh, true. */
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/number.h"
#include "problems/graph/ast.h"
#include "problems/graph/flow.h"

int number_parse(const struct problem *p, const struct yaml_node *line, struct span s, struct number_def *ret,
                 struct error *err) {
    CLEANUP_FREE char *text = xstrndup(line->text + s.start, s.len);
    struct yaml_node at = flow_at(line, s.start);
    struct span name, args;
    const char *why = NULL;
    size_t where = 0;
    ret->offset = s.start;
    switch (number_double(text, &ret->literal)) {
        case NUMBER_OK:
            ret->form = NUMBER_LITERAL;
            return 0;
        case NUMBER_RANGE:
            return yaml_error(p->doc, &at, err, "`%.60s` is out of range", text);
        case NUMBER_MALFORMED:
            break;
    }
    ret->form = NUMBER_EXPR;
    if (span_call(text, (struct span){0, s.len}, &name, &args, &why, &where) == 0 && span_is(text, name, "rsqrt")) {
        ret->form = NUMBER_RSQRT;
        memmove(text, text + args.start, args.len);
        text[args.len] = 0;
    }
    ret->e = problem_expr(p, &at, text, err);
    return ret->e ? 0 : -1;
}

/* A whole number: literals with a fraction are refused here, those of expressions cannot have one. */
static int int_parse(const struct problem *p, const struct yaml_node *line, const struct attr_spec *spec, struct span s,
                     struct number_def *ret, struct error *err) {
    if (number_parse(p, line, s, ret, err) != 0) return -1;
    bool whole = ret->form == NUMBER_EXPR ||
                 (ret->form == NUMBER_LITERAL && !memchr(line->text + s.start, '.', s.len) &&
                  !memchr(line->text + s.start, 'e', s.len) && !memchr(line->text + s.start, 'E', s.len));
    struct yaml_node at = flow_at(line, s.start);
    if (!whole) return yaml_error(p->doc, &at, err, "`%s` must be a whole number", spec->name);
    return 0;
}

static int ints_parse(const struct problem *p, const struct yaml_node *line, const struct attr_spec *spec,
                      struct span s, struct attr_def *ret, struct error *err) {
    const char *text = line->text, *why = "";
    struct span part[GRAPH_MAX_ATTR_VALUES];
    bool list = s.len >= 2 && (text[s.start] == '[' || text[s.start] == '(') &&
                text[s.start + s.len - 1] == (text[s.start] == '[' ? ']' : ')');
    struct span inside = list ? (struct span){s.start + 1, s.len - 2} : s;
    size_t where = s.start;
    int n = span_split(text, inside, part, GRAPH_MAX_ATTR_VALUES, &why, &where);
    /* `(a + b) * (c + d)` begins and ends with parentheses and is no list */
    if (list && text[s.start] == '(' && n < 0) part[0] = s, n = 1;
    if (n <= 0) {
        struct yaml_node at = flow_at(line, where);
        return yaml_error(p->doc, &at, err, "`%s`: %s", spec->name, n < 0 ? why : "a value is missing");
    }
    for (int i = 0; i < n; i++) {
        if (int_parse(p, line, spec, part[i], &ret->value[i], err) != 0) return -1;
        ret->n = i + 1;
    }
    return 0;
}

static bool word_listed(const char *words, const char *text, struct span s) {
    for (const char *w = words; w;) {
        size_t len = strcspn(w, "|");
        if (len == s.len && memcmp(w, text + s.start, len) == 0) return true;
        w = w[len] ? w + len + 1 : NULL;
    }
    return false;
}

static int word_parse(const struct problem *p, const struct yaml_node *line, const char *name, const char *words,
                      struct span s, struct attr_def *ret, struct error *err) {
    if (s.len < sizeof ret->word && word_listed(words, line->text, s)) {
        memcpy(ret->word, line->text + s.start, s.len);
        return 0;
    }
    struct yaml_node at = flow_at(line, s.start);
    return yaml_error(p->doc, &at, err, "`%s` must be one of %s, not `%.*s`", name, words,
                      (int)(s.len < 60 ? s.len : 60), line->text + s.start);
}

int attr_parse(const struct problem *p, const struct yaml_node *line, const struct attr_spec *spec, struct span s,
               struct attr_def *ret, struct error *err) {
    struct yaml_node at = flow_at(line, s.start);
    if (ret->is_set) return yaml_error(p->doc, &at, err, "`%s` is given twice", spec->name);
    if (s.len == 0) return yaml_error(p->doc, &at, err, "`%s` has no value", spec->name);
    ret->is_set = true;
    switch (spec->kind) {
        case ATTR_INT:
            ret->n = 1;
            return int_parse(p, line, spec, s, &ret->value[0], err);
        case ATTR_INTS:
            return ints_parse(p, line, spec, s, ret, err);
        case ATTR_FLOAT:
            ret->n = 1;
            return number_parse(p, line, s, &ret->value[0], err);
        case ATTR_BOOL:
            return word_parse(p, line, spec->name, "true|false", s, ret, err);
        case ATTR_WORD:
            return word_parse(p, line, spec->name, spec->words, s, ret, err);
    }
    return error_set(err, ERR_INTERNAL, "attribute `%s` has no kind", spec->name);
}

void node_def_done(struct node_def *n) {
    for (int a = 0; a < OP_MAX_ATTRS; a++)
        for (int i = 0; i < GRAPH_MAX_ATTR_VALUES; i++) expr_free(n->attr[a].value[i].e);
}
