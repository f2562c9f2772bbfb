/* Parser and evaluator of integer expressions. Nodes stand in one array, children before their parents, so that
 * evaluation is a recursion no deeper than the number of nodes. `&&` and `||` evaluate their right side only when it
 * decides, so that `K != 0 && N / K > 1` is safe. Comparisons do not chain: `a < b < c` would not mean what it says. */
#include "common/expr.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"

#define EXPR_TEXT_MAX 1024
#define EXPR_NODES_MAX 256
#define EXPR_DEPTH_MAX 32

enum op {
    OP_LITERAL,
    OP_NAME,
    OP_NEGATE,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_MOD,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_AND,
    OP_OR,
    OP_CEIL_DIV,
    OP_MIN,
    OP_MAX,
};

struct node {
    enum op op;
    int first, next; /* first child, next sibling; -1 for none */
    int64_t value;   /* OP_LITERAL */
    char *name;      /* OP_NAME */
};

struct expr {
    char *text;
    struct node *nodes;
    int n_nodes, root;
};

struct parser {
    struct expr *e;
    const char *at;
    int depth;
    struct error *err;
};

static int fail(const struct parser *p, enum error_code code, const char *at, const char *what) {
    return error_set(p->err, code, "expression `%.200s`: column %d: %s", p->e->text, (int)(at - p->e->text) + 1, what);
}

static void skip_space(struct parser *p) {
    while (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r') p->at++;
}

static bool is_name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Index of a new node, or -1. */
static int add(struct parser *p, enum op op, int first) {
    struct expr *e = p->e;
    if (e->n_nodes == EXPR_NODES_MAX) return fail(p, ERR_LIMIT, p->at, "too many terms (256 at most)");
    e->nodes[e->n_nodes] = (struct node){.op = op, .first = first, .next = -1};
    return e->n_nodes++;
}

static int add_binary(struct parser *p, enum op op, int left, int right) {
    p->e->nodes[left].next = right;
    return add(p, op, left);
}

static int parse_or(struct parser *p);

static int parse_literal(struct parser *p) {
    const char *start = p->at;
    int64_t value = 0;
    for (; is_digit(*p->at); p->at++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *p->at - '0', &value))
            return fail(p, ERR_INVALID, start, "the number does not fit 64 bits");
    if (is_name_start(*p->at)) return fail(p, ERR_INVALID, p->at, "a letter follows the number");
    int n = add(p, OP_LITERAL, -1);
    if (n >= 0) p->e->nodes[n].value = value;
    return n;
}

static const struct function {
    const char *name;
    enum op op;
    int min_args, max_args;
} FUNCTIONS[] = {
    {"ceil_div", OP_CEIL_DIV, 2, 2}, {"min", OP_MIN, 1, EXPR_NODES_MAX}, {"max", OP_MAX, 1, EXPR_NODES_MAX}};

static const struct function *find_function(const char *name, size_t len) {
    for (size_t i = 0; i < sizeof FUNCTIONS / sizeof *FUNCTIONS; i++)
        if (strlen(FUNCTIONS[i].name) == len && memcmp(FUNCTIONS[i].name, name, len) == 0) return &FUNCTIONS[i];
    return NULL;
}

/* Arguments after "name(", and the ")". `name` is where to complain. */
static int parse_call(struct parser *p, const struct function *f, const char *name) {
    int first = -1, last = -1, count = 0;
    do {
        p->at++; /* '(' or ',' */
        int argument = parse_or(p);
        if (argument < 0) return -1;
        if (last >= 0)
            p->e->nodes[last].next = argument;
        else
            first = argument;
        last = argument;
        count++;
        skip_space(p);
    } while (*p->at == ',');
    if (*p->at != ')') return fail(p, ERR_INVALID, p->at, "`)` or `,` is expected here");
    p->at++;
    if (count < f->min_args || count > f->max_args)
        return fail(p, ERR_INVALID, name, "ceil_div takes two arguments"); /* the others take any number */
    return add(p, f->op, first);
}

static int parse_name(struct parser *p) {
    const char *start = p->at;
    while (is_name_start(*p->at) || is_digit(*p->at)) p->at++;
    size_t len = (size_t)(p->at - start);
    skip_space(p);
    if (*p->at == '(') {
        const struct function *f = find_function(start, len);
        if (!f) return fail(p, ERR_INVALID, start, "unknown function; ceil_div, min and max are known");
        return parse_call(p, f, start);
    }
    int n = add(p, OP_NAME, -1);
    if (n >= 0) p->e->nodes[n].name = xstrndup(start, len);
    return n;
}

static int parse_primary(struct parser *p) {
    if (is_digit(*p->at)) return parse_literal(p);
    if (is_name_start(*p->at)) return parse_name(p);
    if (*p->at != '(') return fail(p, ERR_INVALID, p->at, "a number, a name or `(` is expected here");
    p->at++;
    int n = parse_or(p);
    if (n < 0) return -1;
    skip_space(p);
    if (*p->at != ')') return fail(p, ERR_INVALID, p->at, "`)` is expected here");
    p->at++;
    return n;
}

static int parse_unary(struct parser *p) {
    skip_space(p);
    if (p->depth == EXPR_DEPTH_MAX) return fail(p, ERR_LIMIT, p->at, "nested too deeply (32 at most)");
    p->depth++;
    int n;
    if (*p->at == '-') {
        p->at++;
        n = parse_unary(p);
        if (n >= 0) n = add(p, OP_NEGATE, n);
    } else {
        n = parse_primary(p);
    }
    p->depth--;
    return n;
}

/* Binary operators by rank, loosest first; longer spellings before their prefixes. */
static const struct binary_operator {
    const char *text;
    enum op op;
    int rank;
} OPERATORS[] = {{"||", OP_OR, 0}, {"&&", OP_AND, 1}, {"==", OP_EQ, 2}, {"!=", OP_NE, 2}, {"<=", OP_LE, 2},
                 {">=", OP_GE, 2}, {"<", OP_LT, 2},   {">", OP_GT, 2},  {"+", OP_ADD, 3}, {"-", OP_SUB, 3},
                 {"*", OP_MUL, 4}, {"/", OP_DIV, 4},  {"%", OP_MOD, 4}};
#define RANK_COMPARISON 2
#define RANK_TIGHTEST 4

static const struct binary_operator *operator_at(const char *at, int rank) {
    for (size_t i = 0; i < sizeof OPERATORS / sizeof *OPERATORS; i++)
        if (OPERATORS[i].rank == rank && strncmp(at, OPERATORS[i].text, strlen(OPERATORS[i].text)) == 0)
            return &OPERATORS[i];
    return NULL;
}

static int parse_binary(struct parser *p, int rank) {
    if (rank > RANK_TIGHTEST) return parse_unary(p);
    int left = parse_binary(p, rank + 1);
    for (int count = 0; left >= 0; count++) {
        skip_space(p);
        const struct binary_operator *o = operator_at(p->at, rank);
        if (!o) break;
        if (rank == RANK_COMPARISON && count > 0)
            return fail(p, ERR_INVALID, p->at, "comparisons do not chain; write a < b && b < c");
        p->at += strlen(o->text);
        int right = parse_binary(p, rank + 1);
        if (right < 0) return -1;
        left = add_binary(p, o->op, left, right);
    }
    return left;
}

static int parse_or(struct parser *p) {
    return parse_binary(p, 0);
}

DEFINE_CLEANUP(cleanup_expr, struct expr *, expr_free)

struct expr *expr_parse(const char *text, struct error *err) {
    size_t len = strnlen(text, EXPR_TEXT_MAX + 1);
    if (len > EXPR_TEXT_MAX) {
        error_set(err, ERR_LIMIT, "expression `%.40s...` is longer than %d characters", text, EXPR_TEXT_MAX);
        return NULL;
    }
    CLEANUP(cleanup_expr) struct expr *e = xcalloc(1, sizeof *e);
    e->text = xstrdup(text);
    e->nodes = xcalloc(EXPR_NODES_MAX, sizeof *e->nodes);
    struct parser p = {.e = e, .at = e->text, .err = err};
    e->root = parse_or(&p);
    if (e->root < 0) return NULL;
    skip_space(&p);
    if (*p.at) {
        fail(&p, ERR_INVALID, p.at, "an operator is expected here");
        return NULL;
    }
    e->nodes = xrealloc(e->nodes, (size_t)e->n_nodes * sizeof *e->nodes);
    return TAKE(e);
}

void expr_free(struct expr *e) {
    if (!e) return;
    for (int i = 0; i < e->n_nodes; i++) free(e->nodes[i].name);
    free(e->nodes);
    free(e->text);
    free(e);
}

int expr_terms(const struct expr *e) {
    return e->n_nodes;
}

const char *expr_text(const struct expr *e) {
    return e->text;
}

void expr_names(const struct expr *e, void (*visit)(void *context, const char *name), void *context) {
    for (int i = 0; i < e->n_nodes; i++)
        if (e->nodes[i].op == OP_NAME) visit(context, e->nodes[i].name);
}

struct evaluation {
    const struct expr *e;
    expr_lookup *lookup;
    void *context;
    struct error *err;
};

static int eval(const struct evaluation *v, int index, int64_t *ret);

static int eval_error(const struct evaluation *v, const char *what) {
    return error_set(v->err, ERR_INVALID, "expression `%.200s`: %s", v->e->text, what);
}

static int divide(const struct evaluation *v, enum op op, int64_t a, int64_t b, int64_t *ret) {
    if (b == 0) return eval_error(v, op == OP_MOD ? "remainder of a division by zero" : "division by zero");
    if (b == -1) { /* INT64_MIN / -1 traps, and so does its remainder */
        if (op == OP_MOD) return *ret = 0, 0;
        return __builtin_sub_overflow(0, a, ret) ? eval_error(v, "the result does not fit 64 bits") : 0;
    }
    if (op == OP_MOD) return *ret = a % b, 0;
    bool round_up = op == OP_CEIL_DIV && a % b != 0 && (a < 0) == (b < 0);
    return *ret = a / b + round_up, 0;
}

static int apply(const struct evaluation *v, enum op op, int64_t a, int64_t b, int64_t *ret) {
    bool overflow = false;
    switch (op) {
        case OP_ADD:
            overflow = __builtin_add_overflow(a, b, ret);
            break;
        case OP_SUB:
            overflow = __builtin_sub_overflow(a, b, ret);
            break;
        case OP_MUL:
            overflow = __builtin_mul_overflow(a, b, ret);
            break;
        case OP_EQ:
            *ret = a == b;
            break;
        case OP_NE:
            *ret = a != b;
            break;
        case OP_LT:
            *ret = a < b;
            break;
        case OP_LE:
            *ret = a <= b;
            break;
        case OP_GT:
            *ret = a > b;
            break;
        case OP_GE:
            *ret = a >= b;
            break;
        case OP_MIN:
            *ret = a < b ? a : b;
            break;
        case OP_MAX:
            *ret = a > b ? a : b;
            break;
        default:
            return divide(v, op, a, b, ret);
    }
    return overflow ? eval_error(v, "the result does not fit 64 bits") : 0;
}

static int eval_name(const struct evaluation *v, const char *name, int64_t *ret) {
    if (v->lookup && v->lookup(v->context, name, ret)) return 0;
    return error_set(v->err, ERR_INVALID, "expression `%.200s`: unknown name `%.80s`", v->e->text, name);
}

static int eval_logical(const struct evaluation *v, const struct node *n, int64_t *ret) {
    int64_t left = 0, right = 0;
    if (eval(v, n->first, &left) != 0) return -1;
    if ((left != 0) == (n->op == OP_OR)) return *ret = left != 0, 0;
    if (eval(v, v->e->nodes[n->first].next, &right) != 0) return -1;
    return *ret = right != 0, 0;
}

static int eval(const struct evaluation *v, int index, int64_t *ret) {
    const struct node *n = &v->e->nodes[index];
    if (n->op == OP_LITERAL) return *ret = n->value, 0;
    if (n->op == OP_NAME) return eval_name(v, n->name, ret);
    if (n->op == OP_AND || n->op == OP_OR) return eval_logical(v, n, ret);
    int64_t value = 0, operand = 0;
    if (eval(v, n->first, &value) != 0) return -1;
    if (n->op == OP_NEGATE) return apply(v, OP_SUB, 0, value, ret);
    for (int child = v->e->nodes[n->first].next; child >= 0; child = v->e->nodes[child].next)
        if (eval(v, child, &operand) != 0 || apply(v, n->op, value, operand, &value) != 0) return -1;
    return *ret = value, 0;
}

int expr_eval(const struct expr *e, expr_lookup *lookup, void *context, int64_t *ret, struct error *err) {
    struct evaluation v = {e, lookup, context, err};
    int64_t value = 0;
    if (eval(&v, e->root, &value) != 0) return -1;
    return *ret = value, 0; /* untouched on failure */
}
