/* A problem: a tensor workload as its file states it (docs/file-formats.md), and the same bound to one named size.
 * Everything is immutable after parsing; safe to read from many threads. */
#pragma once
#include "common/error.h"
#include "problems/tensor.h"

#define PROBLEM_MAX_BYTES (128 * 1024)
#define PROBLEM_EXEMPT_MAX 200
#define PROBLEM_MAX_DIMS 32
#define PROBLEM_MAX_TENSORS 512
#define NAME_MAX_LEN 64

struct problem;
struct op;

enum tensor_role { TENSOR_INPUT, TENSOR_WEIGHT, TENSOR_INTERMEDIATE, TENSOR_OUTPUT };
enum fill_kind { FILL_UNIFORM, FILL_NORMAL, FILL_KAIMING, FILL_CONSTANT, FILL_INTEGERS };
enum domain_kind { DOMAIN_REAL, DOMAIN_POSITIVE, DOMAIN_UNIT, DOMAIN_INDEX, DOMAIN_MASK };
/* Over the last two axes, rows and columns: what a kernel may rely on because the file says so. */
enum structure_kind {
    STRUCTURE_NONE,
    STRUCTURE_LOWER,     /* zero where column > row */
    STRUCTURE_UPPER,     /* zero where column < row */
    STRUCTURE_SYMMETRIC, /* [r, c] is [c, r]; square */
    STRUCTURE_DIAGONAL,  /* zero where column != row */
    STRUCTURE_COUNT
};
struct fill {
    enum fill_kind kind;
    double a, b;             /* uniform(a, b), normal(mean a, sd b), constant(a), integers(a..b) */
    int64_t fan_in;          /* kaiming, bound: as PyTorch defines it */
    enum domain_kind domain; /* what data the tensor may hold at all */
    int64_t index_bound;     /* DOMAIN_INDEX */
    enum structure_kind structure;
};
struct tensor {
    char name[NAME_MAX_LEN];
    enum tensor_role role;
    enum dtype dtype;
    struct shape shape;
    int64_t elements;
    size_t bytes;
    struct fill fill; /* inputs and weights */
};
/* The share of a tensor's elements that its structure leaves free; 1 without one. */
double tensor_free_share(const struct tensor *t);
/* Attribute values of one node, in the order of its op's attribute table (problems/ops/op.h). */
#define OP_MAX_ATTRS 8
#define OP_MAX_INPUTS 8
struct attr_value {
    bool is_set;
    int64_t i[3]; /* int attributes, up to three (per-axis) */
    int n;
    double f;      /* float attributes and scalar operands */
    char word[24]; /* word attributes: approximate=tanh */
};
struct node {
    const struct op *op;
    int n_in, in[OP_MAX_INPUTS]; /* indices into tensors; scalar operands are attributes, not inputs */
    int out;
    enum dtype dtype; /* of what it makes */
    struct attr_value attr[OP_MAX_ATTRS];
    int line;
};
/* A problem bound to numbers. */
struct bound {
    const struct problem *problem; /* borrowed: must outlive this */
    char size[NAME_MAX_LEN];
    int n_dims;
    struct {
        char name[NAME_MAX_LEN];
        int64_t value;
    } dim[PROBLEM_MAX_DIMS];
    int n_tensors;
    struct tensor *tensor; /* inputs, weights, then one per node in graph order; outputs have TENSOR_OUTPUT */
    int n_nodes;
    struct node *node;         /* topological order */
    int n_outputs, output[16]; /* tensor indices, in the order of `outputs:` */
};

/* Parse and validate (shapes of every named size included). `filename` for messages. ERR_INVALID "FILE:LINE:COL: key:
 * ...", ERR_LIMIT. */
struct problem *problem_parse(const char *text, size_t len, const char *filename, struct error *err);
struct problem *problem_load(const char *path, struct error *err);
void problem_free(struct problem *p);
const char *problem_name(const struct problem *p);
const char *problem_text(const struct problem *p); /* the file as it came */
int problem_level(const struct problem *p);
const char *problem_origin(const struct problem *p); /* "" when absent */
/* Why its author lets it be used although it is not admissible (problems/check/admission.h); "" when he does not. */
const char *problem_exempt(const struct problem *p);
void problem_hash(const struct problem *p, char out[65]); /* SHA-256 of the text */
size_t problem_size_count(const struct problem *p);
const char *problem_size_name(const struct problem *p, size_t i); /* in file order */

/* Bind a named size (ERR_NOT_FOUND lists the sizes), or explicit dims (same names as the sizes have; `where:` checked).
 */
struct bound *problem_bind(const struct problem *p, const char *size, struct error *err);
struct bound *problem_bind_dims(const struct problem *p, const char *label, const char *const *names,
                                const int64_t *values, size_t n, struct error *err);
void bound_free(struct bound *b);
int bound_find_tensor(const struct bound *b, const char *name); /* index or -1 */
/* Lookup for expr_eval: dims by name. `context` is a const struct bound *. */
bool bound_lookup_dim(void *context, const char *name, int64_t *ret);

/* Cost of one evaluation of the whole graph, from the ops' own cost functions. */
#define ORACLE_FLOPS_PER_CORE_S 2e10
struct cost {
    double flops;        /* useful operations: a multiply-add counts two */
    double flops_least;  /* what is left of them when declared structure is used in every way */
    double bytes_least;  /* inputs, weights and outputs once, of structured ones what is free */
    double oracle_flops; /* what the float64 oracle costs, scale and memory included: over ORACLE_FLOPS_PER_CORE_S,
                            seconds of a core */
    int64_t
        reduction; /* K: longest chain of roundings folded into one element, products of consecutive reductions added */
};
void bound_cost(const struct bound *b, struct cost *ret);
