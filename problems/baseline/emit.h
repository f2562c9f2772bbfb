/* Writing baselines: a builder that collects OpenCL C entry points and the launches that use them, and turns them into
 * a plan. Operators' emit_plain and the `fused` baseline write through it.
 *
 * Shapes reach a kernel as arguments, never as text, so that one compilation serves every size; what the text may
 * depend on is rank, attributes that are words, element types and the broadcasting pattern. Kernels of equal text are
 * shared between nodes. No work-item may run more than EMIT_MAX_ITERATIONS loop iterations in all (see below). */
#pragma once
#include "common/buf.h"
#include "problems/graph/problem.h"
#include "problems/kernel/plan.h"

/* Mesa's rusticl 22.3 silently stops a work-item's loops after 65,535 iterations, nested loops counted together. */
#define EMIT_MAX_ITERATIONS 65000
#define EMIT_LOCAL 64 /* work-items of a one-dimensional group in plain kernels */

struct op_emit;

/* `b` is borrowed and must outlive the builder. */
struct op_emit *emit_new(const struct bound *b);
void emit_free(struct op_emit *e); /* accepts NULL */
const struct bound *emit_bound(const struct op_emit *e);
const struct tensor *emit_tensor_of(const struct op_emit *e, int tensor);
const struct shape *emit_shape_of(const struct op_emit *e, int tensor);

/* --- kernels ---------------------------------------------------------------------------------------------------------
 * Defines a kernel from `text`, a whole `__kernel void $E(...) { ... }`, in which
 *   $E  becomes the entry's name, made from `name`;
 *   $0 .. $8  become the dtype names ("f32", "f16") of dtypes[0..n_dtypes), and $Y that of the last one.
 * The source's prelude knows, for each dtype T: T_<T> (element type), LD_<T>(p, i) (element i of p as float) and
 * ST_<T>(p, i, v), V_<T> (the type to compute in: float for f32 and f16). So `__global const T_$0 *restrict x` and
 * `LD_$0(x, i)` serve f32 and f16 alike.
 * Returns the entry's name, owned by the builder; the same text gives the same entry. */
const char *emit_kernel(struct op_emit *e, const char *name, const char *text, const enum dtype *dtypes, int n_dtypes);
/* The common case: $0.. are node n's inputs, $Y its output. `name` is the op's name plus `suffix` ("" or "_max"). */
const char *emit_node_kernel(struct op_emit *e, const struct node *n, const char *suffix, const char *text);

/* --- launches --------------------------------------------------------------------------------- */
enum emit_arg_kind { EMIT_TENSOR, EMIT_SCRATCH, EMIT_I32, EMIT_I64, EMIT_F32, EMIT_LOCAL_BYTES };
struct emit_arg {
    enum emit_arg_kind kind;
    int64_t i; /* tensor index, scratch index, integer or bytes */
    double f;
};
static inline struct emit_arg emit_tensor(int tensor) {
    return (struct emit_arg){EMIT_TENSOR, tensor, 0};
}
static inline struct emit_arg emit_scratch(int scratch) {
    return (struct emit_arg){EMIT_SCRATCH, scratch, 0};
}
static inline struct emit_arg emit_i32(int64_t v) {
    return (struct emit_arg){EMIT_I32, v, 0};
}
static inline struct emit_arg emit_i64(int64_t v) {
    return (struct emit_arg){EMIT_I64, v, 0};
}
static inline struct emit_arg emit_f32(double v) {
    return (struct emit_arg){EMIT_F32, 0, v};
}
static inline struct emit_arg emit_local(int64_t bytes) {
    return (struct emit_arg){EMIT_LOCAL_BYTES, bytes, 0};
}

struct emit_range {
    int dims; /* 1..3 */
    int64_t global[3], local[3];
    bool has_local;
};
/* At least `items` work-items in groups of EMIT_LOCAL: the kernel guards its end. */
struct emit_range emit_range_1d(int64_t items);
/* Global sizes rounded up to multiples of the local ones. */
struct emit_range emit_range_2d(int64_t g0, int64_t g1, int64_t l0, int64_t l1);
struct emit_range emit_range_3d(int64_t g0, int64_t g1, int64_t g2, int64_t l0, int64_t l1, int64_t l2);

/* A buffer of its own, live during the whole plan. Returns its index for emit_scratch(). */
int emit_scratch_new(struct op_emit *e, enum dtype dtype, int64_t elements);

/* Appends a launch. ERR_LIMIT: an I32 that does not fit, too many launches, arguments or buffers. */
int emit_launch(struct op_emit *e, const char *entry, const struct emit_arg *args, size_t n_args,
                struct emit_range range, struct error *err);
#define EMIT_LAUNCH(e, entry, range, err, ...)                        \
    emit_launch((e), (entry), (const struct emit_arg[]){__VA_ARGS__}, \
                sizeof((const struct emit_arg[]){__VA_ARGS__}) / sizeof(struct emit_arg), (range), (err))

/* --- broadcasting, for element-wise kernels
 * ------------------------------------------------------------------------------ The output's index space with axes
 * merged where every operand steps alike, and each operand's strides in it (0 where it is broadcast). Axes of length 1
 * vanish. rank is at least 1. */
struct emit_broadcast {
    int rank, n;
    int64_t dim[TENSOR_MAX_RANK];
    int64_t stride[OP_MAX_INPUTS][TENSOR_MAX_RANK];
};
void emit_broadcast_make(const struct shape *out, const struct shape *const *in, int n, struct emit_broadcast *ret);
/* True when operand `k` is read at the output's own linear index. */
bool emit_broadcast_direct(const struct emit_broadcast *b, int k);
/* Appends to `params` the int parameters ", int d1, ..., int s<k>_<axis>" that the offsets need, to `args` their values
 * (at most EMIT_BROADCAST_ARGS; *n_args grows), and to `body` the declarations "long o<k> = ...;" from the output's
 * linear index `index` (a long variable's name), for each operand that is not direct. `prefix` goes in front of every
 * name made
 * ("" or "b0_"), for kernels with several broadcasts. */
#define EMIT_BROADCAST_ARGS (TENSOR_MAX_RANK * (OP_MAX_INPUTS + 1))
void emit_broadcast_code(const struct emit_broadcast *b, const char *prefix, const char *index, struct buf *params,
                         struct buf *body, struct emit_arg *args, size_t *n_args);

/* emit_plain of every element-wise operator: one kernel around the op's emit_element. */
int emit_elementwise(const struct node *n, struct op_emit *e, struct error *err);
/* A number as an OpenCL float literal that reads back exactly ("0x1.8p+1f"). */
void emit_float(struct buf *out, double v);

/* The plain kernels of node i (in graph order) through its op. Wraps errors with the node's op and line. */
int emit_node(struct op_emit *e, int node, struct error *err);
/* Everything emitted as a plan: buffers are all inputs and weights, the outputs, those intermediates that a launch
 * names, and the scratch. ERR_LIMIT. The caller frees *ret by plan_free; the builder is spent. */
int emit_finish(struct op_emit *e, struct plan **ret, struct error *err);
