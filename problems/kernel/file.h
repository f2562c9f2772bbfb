/* What parsing leaves of a kernel file. Internal to problems/kernel/. */
#pragma once
#include "common/expr.h"
#include "common/yaml.h"
#include "problems/kernel/kernel.h"

#define KERNEL_MAX_CONSTRAINTS 64
/* Constraints are evaluated for each point of the tuning space, by the coordinator too: names, numbers and operators in
 * all of them, and that times the number of points. */
#define KERNEL_MAX_CONSTRAINT_TERMS 2048
#define KERNEL_MAX_CONSTRAINT_COST ((int64_t)5000000)
#define KERNEL_MAX_SCRATCH 64
#define KERNEL_MAX_EXTENSIONS 32
#define KERNEL_MAX_OPTIONS 8
#define KERNEL_MAX_IN_PLACE 16
#define KERNEL_MAX_LOCAL_BYTES ((int64_t)1 << 30) /* of one argument; the device's own limit is lower */
#define KERNEL_MAX_GLOBAL ((int64_t)1 << 40)      /* work-items of a launch, and of one of its dimensions */
#define KERNEL_MAX_GROUP ((int64_t)1 << 16)       /* work-items of a group */

/* An expression over dims and tunables, and where it stands. */
struct kernel_expr {
    struct expr *e;
    const struct yaml_node *at;
};

struct tune_def {
    char name[NAME_MAX_LEN];
    int n;
    int64_t value[KERNEL_MAX_VALUES];
    const struct yaml_node *at;
};

struct scratch_def {
    char name[NAME_MAX_LEN];
    enum dtype dtype;
    int rank;
    struct kernel_expr dim[TENSOR_MAX_RANK];
    const struct yaml_node *at;
    bool used;
};

struct dim_def { /* of `specialised:` */
    char name[NAME_MAX_LEN];
    int64_t value;
    const struct yaml_node *at;
};

struct in_place_def { /* `output` is computed in the buffer of `input` */
    char output[NAME_MAX_LEN], input[NAME_MAX_LEN];
    const struct yaml_node *at;
};

enum arg_form { ARG_NAME, ARG_INT, ARG_LONG, ARG_FLOAT, ARG_LOCAL };
struct arg_def {
    enum arg_form form;
    char name[NAME_MAX_LEN]; /* ARG_NAME: tensor, scratch, dim or tunable */
    struct expr *e;          /* ARG_INT, ARG_LONG, ARG_LOCAL */
    float f;
    const struct yaml_node *at;
};

struct launch_def {
    char entry[NAME_MAX_LEN];
    int n_args;
    struct arg_def *arg;
    int dims;
    bool has_local;
    struct kernel_expr global[3], local[3];
    const struct yaml_node *at;
};

struct kernel {
    struct yaml_doc *doc;
    char *yaml, *source;
    size_t yaml_len, source_len;
    char name[NAME_MAX_LEN], problem[NAME_MAX_LEN], language[16];
    const char *source_file; /* owned by doc */
    bool relaxed, atomics;
    enum precision precision;
    char *options;
    const char *extension[KERNEL_MAX_EXTENSIONS + 1]; /* owned by doc */
    int64_t subgroup, local_memory;
    int n_tune;
    struct tune_def *tune;
    int n_constraints;
    struct kernel_expr *constraint;
    int n_scratch;
    struct scratch_def *scratch;
    int n_specialised;
    struct dim_def *specialised;
    int n_in_place;
    struct in_place_def *in_place;
    int n_launches;
    struct launch_def *launch;
};

/* What expressions are evaluated over. */
struct kernel_point {
    const struct kernel *k;
    const struct bound *b;
    const struct tune_point *t; /* NULL: only dims are known */
};
bool kernel_point_lookup(void *context, const char *name, int64_t *ret);

/* --- parts of the parser ---------------------------------------------------------------------- */
struct expr *kernel_expr_parse(const struct kernel *k, const struct yaml_node *at, const char *text, struct error *err);
int kernel_limit(struct error *err); /* sets ERR_LIMIT; returns -1 */
int tune_parse(struct kernel *k, const struct yaml_node *n, struct error *err);
int constraints_parse(struct kernel *k, const struct yaml_node *n, struct error *err);
int scratch_parse(struct kernel *k, const struct yaml_node *n, struct error *err);
int specialised_parse(struct kernel *k, const struct yaml_node *n, struct error *err);
int requires_parse(struct kernel *k, const struct yaml_node *n, struct error *err);
int in_place_parse(struct kernel *k, const struct yaml_node *n, struct error *err);
int options_list_parse(struct kernel *k, const struct yaml_node *n, struct error *err); /* after `precision` */
int launches_parse(struct kernel *k, const struct yaml_node *n, struct error *err);
bool kernel_launches_name(const struct kernel *k, const char *name); /* some launch takes `name` as an argument */
int kernel_find_tune(const struct kernel *k, const char *name);      /* index or -1 */
int kernel_find_scratch(const struct kernel *k, const char *name);   /* index or -1 */
const struct in_place_def *kernel_in_place_of(const struct kernel *k, const char *output); /* NULL: it has a buffer of
                                                                                            * its own */
/* `in_place:` against a bound problem (in_place.c). */
int in_place_check(const struct kernel *k, const struct bound *b, struct error *err);
/* Launches against the source's entry points (launch_source.c). */
int launches_check_source(const struct kernel *k, struct error *err);
