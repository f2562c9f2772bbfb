/* What parsing leaves of a problem file, before a size gives it numbers. Internal to problems/graph/. */
#pragma once
#include "common/expr.h"
#include "common/yaml.h"
#include "problems/graph/problem.h"
#include "problems/ops/op.h"

#define PROBLEM_MAX_SIZES 32
#define PROBLEM_MAX_WHERE 64
#define PROBLEM_MAX_WHERE_TERMS 2048 /* names, numbers and operators in all of them: they are evaluated often */
#define PROBLEM_MAX_OUTPUTS 16
#define GRAPH_LINE_MAX 1024
#define GRAPH_MAX_ATTR_VALUES 3          /* struct attr_value holds as many */
#define GRAPH_INT_MAX ((int64_t)1 << 20) /* any attribute: so that operators' products with dims (2^40) fit 64 bits */

struct size_def {
    char name[NAME_MAX_LEN];
    int64_t value[PROBLEM_MAX_DIMS]; /* in the order of problem.dim */
};

/* `where:`, a shape's dimension: an expression and where it stands. */
struct located_expr {
    struct expr *e;
    const struct yaml_node *at;
};

/* `fill:` and `domain:` as written. */
struct fill_def {
    bool given;
    enum fill_kind kind;
    double a, b;
    enum domain_kind domain;
    struct expr *index_bound; /* of domain: index(n) */
    enum structure_kind structure;
    const struct yaml_node *at, *domain_at, *structure_at;
};

/* An input or a weight. */
struct tensor_def {
    char name[NAME_MAX_LEN];
    enum tensor_role role;
    enum dtype dtype;
    int rank;
    struct located_expr dim[TENSOR_MAX_RANK];
    struct fill_def fill;
    const struct yaml_node *at; /* its key */
    bool used;
};

/* A number in a graph line: 2, 0.5, N / 4, rsqrt(D). */
enum number_form { NUMBER_LITERAL, NUMBER_EXPR, NUMBER_RSQRT };
struct number_def {
    enum number_form form;
    double literal;
    struct expr *e;
    size_t offset; /* in the line */
};

struct attr_def {
    bool is_set;
    int n;
    struct number_def value[GRAPH_MAX_ATTR_VALUES];
    char word[sizeof((struct attr_value *)0)->word];
};

/* One line of the graph. */
struct node_def {
    char name[NAME_MAX_LEN];
    const struct op *op;
    int n_in, in[OP_MAX_INPUTS]; /* tensor indices: declared ones first, then one per line */
    struct attr_def attr[OP_MAX_ATTRS];
    const struct yaml_node *at;
    size_t op_offset; /* of the operator's name in the line */
    bool used, is_output;
};

struct problem {
    struct yaml_doc *doc;
    char *text;
    size_t text_len;
    char name[NAME_MAX_LEN];
    int level;
    const char *origin, *exempt; /* owned by doc */
    int n_dims;
    char dim[PROBLEM_MAX_DIMS][NAME_MAX_LEN];
    size_t n_sizes;
    struct size_def *size;
    size_t n_where;
    struct located_expr *where;
    int n_defs; /* inputs, then weights */
    struct tensor_def *def;
    int n_nodes;
    struct node_def *node;
    int n_outputs, output[PROBLEM_MAX_OUTPUTS]; /* tensor indices */
};

/* --- helpers (ast.c) --------------------------------------------------------------------------------------------- */
int problem_find_dim(const struct problem *p, const char *name);    /* index or -1 */
int problem_find_tensor(const struct problem *p, const char *name); /* declared ones and lines so far; index or -1 */
const char *problem_tensor_name(const struct problem *p, int tensor);
/* Completes `err`, if a known dim or tensor is near to `name`, by a hint. Returns -1. */
int problem_hint_dim(const struct problem *p, const char *name, struct error *err);
int problem_hint_tensor(const struct problem *p, const char *name, struct error *err);
/* Checks that a tensor's or dim's name is fit and not taken yet. */
int problem_check_name(const struct problem *p, const struct yaml_node *at, const char *name, bool is_dim,
                       struct error *err);
/* Parses `text`, an expression over the dims; errors point at `at`. Returns NULL with err. */
struct expr *problem_expr(const struct problem *p, const struct yaml_node *at, const char *text, struct error *err);
/* Sets ERR_LIMIT in place of the ERR_INVALID that yaml_error() sets. Returns -1. */
int ast_limit(struct error *err);

/* --- pieces of a text (span.c) ---------------------------------------------------------------- */
struct span {
    size_t start, len;
};
struct span span_trim(const char *text, struct span s);
bool span_is(const char *text, struct span s, const char *word);
/* `name(args)` with nothing after it. -1 with a static reason and the place of the fault. */
int span_call(const char *text, struct span s, struct span *ret_name, struct span *ret_args, const char **ret_why,
              size_t *ret_where);
/* The parts between top-level commas, trimmed; returns how many (0 for a blank text), or -1 as above. Empty parts are
 * faults, and so are more than `max`. */
int span_split(const char *text, struct span s, struct span *ret, int max, const char **ret_why, size_t *ret_where);

/* --- parts of the parser ------------------------------------------------------------------------------------------ */
/* `sizes:`, `where:` (sizes.c); fills name, dims, sizes, where. */
int sizes_parse(struct problem *p, const struct yaml_node *n, struct error *err);
int where_parse(struct problem *p, const struct yaml_node *n, struct error *err);
/* `inputs:` and `weights:` (tensors.c), both in one go as p->def is one array. Either node may be NULL. */
int tensors_parse(struct problem *p, const struct yaml_node *inputs, const struct yaml_node *weights,
                  struct error *err);
/* `fill:` and `domain:` (fill.c). Either node may be NULL. */
int fill_parse(struct problem *p, struct tensor_def *t, const struct yaml_node *fill, const struct yaml_node *domain,
               struct error *err);
/* `structure:` (structure.c), after the fill; `n` may be NULL. */
int structure_parse(struct problem *p, struct tensor_def *t, const struct yaml_node *n, struct error *err);
/* Whether the structure fits a tensor whose shape is bound. */
int structure_bind(const struct bound *b, const struct tensor_def *def, struct tensor *t, struct error *err);
void fill_def_done(struct fill_def *f);
/* Completes `t->fill` of a tensor whose shape is bound (fill_bind.c). */
int fill_bind(const struct bound *b, const struct tensor_def *def, struct tensor *t, struct error *err);
/* `graph:` (line.c): parses one line into p->node[p->n_nodes] and counts it. */
int line_parse(struct problem *p, const struct yaml_node *n, struct error *err);
/* A number or attribute within a line (value.c). [start, start + len) of the line's text. */
int number_parse(const struct problem *p, const struct yaml_node *line, struct span s, struct number_def *ret,
                 struct error *err);
int attr_parse(const struct problem *p, const struct yaml_node *line, const struct attr_spec *spec, struct span s,
               struct attr_def *ret, struct error *err);
void node_def_done(struct node_def *n);
/* Values of a bound node's attributes and number (attrs.c). */
int attrs_bind(const struct bound *b, const struct node_def *def, struct node *ret, struct error *err);
