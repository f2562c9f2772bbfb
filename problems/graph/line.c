/* One line of the graph: NAME = OPERATOR(OPERAND, ..., ATTRIBUTE=VALUE, ...). An operand is a tensor; where the
 * operator allows it, the last one may be a number. Faults are reported at their column. */
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/suggest.h"
#include "problems/graph/ast.h"
#include "problems/graph/flow.h"
#include "problems/graph/names.h"

#define ARGS_MAX (OP_MAX_INPUTS + OP_MAX_ATTRS)

struct line {
    struct problem *p;
    const struct yaml_node *n;
    struct node_def *node;
    int operands, attrs;
    struct error *err;
};

#define line_error(l, offset, ...)                            \
    ({                                                        \
        struct yaml_node at_ = flow_at((l)->n, (offset));     \
        yaml_error((l)->p->doc, &at_, (l)->err, __VA_ARGS__); \
    })

static int op_name(struct line *l, struct span s) {
    CLEANUP_FREE char *name = xstrndup(l->n->text + s.start, s.len);
    l->node->op_offset = s.start;
    l->node->op = op_find(name);
    if (l->node->op) return 0;
    line_error(l, s.start, "unknown operator `%.60s`", name);
    const char *nearest = op_nearest(name);
    return nearest ? error_hint(l->err, "did you mean `%s`?", nearest) : -1;
}

static int unknown_attr(struct line *l, size_t offset, const char *name) {
    const char *known[OP_MAX_ATTRS + 1] = {NULL};
    CLEANUP(buf_done) struct buf list = BUF_INIT;
    for (int i = 0; l->node->op->attrs && l->node->op->attrs[i].name && i < OP_MAX_ATTRS; i++) {
        known[i] = l->node->op->attrs[i].name;
        buf_printf(&list, "%s%s", i ? ", " : "", known[i]);
    }
    line_error(l, offset, "`%s` has no attribute `%.60s`", l->node->op->name, name);
    const char *nearest = suggest_nearest(name, known);
    if (nearest) return error_hint(l->err, "did you mean `%s`?", nearest);
    return list.len > 0 ? error_hint(l->err, "it has %s", list.data) : -1;
}

/* `s` is `NAME=VALUE`, `equals` the position of the sign. */
static int attribute(struct line *l, struct span s, size_t equals) {
    const char *text = l->n->text;
    struct span key = span_trim(text, (struct span){s.start, equals - s.start});
    struct span value = span_trim(text, (struct span){equals + 1, s.start + s.len - equals - 1});
    CLEANUP_FREE char *name = xstrndup(text + key.start, key.len);
    const struct attr_spec *specs = l->node->op->attrs;
    l->attrs++;
    for (int i = 0; specs && specs[i].name && i < OP_SCALAR; i++)
        if (strcmp(specs[i].name, name) == 0)
            return attr_parse(l->p, l->n, &specs[i], value, &l->node->attr[i], l->err);
    return unknown_attr(l, key.start, name);
}

static int operand(struct line *l, struct span s) {
    const struct op *op = l->node->op;
    CLEANUP_FREE char *text = xstrndup(l->n->text + s.start, s.len);
    int index = l->operands++;
    if (l->attrs > 0) return line_error(l, s.start, "operand `%.60s` stands after an attribute", text);
    if (l->operands > op->max_inputs || l->operands > OP_MAX_INPUTS)
        return line_error(l, s.start, "`%s` takes at most %d operand%s; `%.60s` is one too many", op->name,
                          op->max_inputs, op->max_inputs == 1 ? "" : "s", text);
    int tensor = problem_find_tensor(l->p, text);
    if (tensor >= 0) {
        l->node->in[l->node->n_in++] = tensor;
        if (tensor < l->p->n_defs)
            l->p->def[tensor].used = true;
        else
            l->p->node[tensor - l->p->n_defs].used = true;
        return 0;
    }
    bool is_name = name_is_identifier(text), is_dim = problem_find_dim(l->p, text) >= 0;
    if (index == op->scalar_operand && (!is_name || is_dim)) {
        struct attr_def *number = &l->node->attr[OP_SCALAR];
        number->is_set = true;
        number->n = 1;
        return number_parse(l->p, l->n, s, &number->value[0], l->err);
    }
    if (!is_name)
        return line_error(l, s.start, "operand %d of `%s` must be a tensor, not `%.60s`", index + 1, op->name, text);
    line_error(l, s.start, "`%.60s` is no tensor known at this line", text);
    return problem_hint_tensor(l->p, text, l->err);
}

/* The position of an attribute's `=`, or 0 for an operand. A comparison's `==` is none. */
static size_t find_equals(const char *text, struct span s) {
    for (size_t i = s.start; i < s.start + s.len; i++) {
        if (strchr("([<>!", text[i])) return 0;
        if (text[i] == '=') return text[i + 1] == '=' ? 0 : i;
    }
    return 0;
}

static int check_complete(struct line *l, size_t end) {
    const struct op *op = l->node->op;
    if (l->operands < op->min_inputs)
        return line_error(l, end, "`%s` takes at least %d operand%s, and %d %s given", op->name, op->min_inputs,
                          op->min_inputs == 1 ? "" : "s", l->operands, l->operands == 1 ? "is" : "are");
    for (int i = 0; op->attrs && op->attrs[i].name && i < OP_SCALAR; i++)
        if (op->attrs[i].required && !l->node->attr[i].is_set)
            return line_error(l, end, "`%s` needs its attribute `%s`", op->name, op->attrs[i].name);
    return 0;
}

/* OPERATOR(...), the part right of the line's first `=`. */
static int call(struct line *l, struct span s) {
    const char *text = l->n->text, *why = "";
    struct span name, args, part[ARGS_MAX];
    size_t where = s.start;
    if (span_call(text, s, &name, &args, &why, &where) != 0)
        return line_error(l, where, "%s; a line reads `y = operator(x, attribute=value)`", why);
    if (op_name(l, name) != 0) return -1;
    int n = span_split(text, args, part, ARGS_MAX, &why, &where);
    if (n < 0) return line_error(l, where, "%s", why);
    for (int i = 0; i < n; i++) {
        size_t equals = find_equals(text, part[i]);
        if ((equals ? attribute(l, part[i], equals) : operand(l, part[i])) != 0) return -1;
    }
    return check_complete(l, args.start + args.len);
}

int line_parse(struct problem *p, const struct yaml_node *n, struct error *err) {
    if (n->kind != YAML_SCALAR)
        return yaml_error(p->doc, n, err, "a line of the graph reads `y = operator(x, attribute=value)`");
    size_t len = strlen(n->text);
    struct line l = {.p = p, .n = n, .node = &p->node[p->n_nodes], .err = err};
    if (len > GRAPH_LINE_MAX) {
        yaml_error(p->doc, n, err, "a line of %zu characters; at most %d are allowed", len, GRAPH_LINE_MAX);
        return ast_limit(err);
    }
    size_t equals = strcspn(n->text, "=(");
    if (n->text[equals] != '=')
        return line_error(&l, equals, "`=` is expected here; a line reads `y = operator(x, attribute=value)`");
    struct span name = span_trim(n->text, (struct span){0, equals});
    CLEANUP_FREE char *text = xstrndup(n->text + name.start, name.len);
    struct yaml_node at = flow_at(n, name.start);
    if (problem_check_name(p, &at, text, false, err) != 0) return -1;
    l.node->at = n;
    if (call(&l, span_trim(n->text, (struct span){equals + 1, len - equals - 1})) != 0) return -1;
    memcpy(l.node->name, text, name.len + 1);
    p->n_nodes++;
    return 0;
}
