/* Collects kernels and launches. */
#include "common/cleanup.h"
#include "problems/baseline/emit_internal.h"
#include "problems/ops/op.h"

#include <string.h>

/* How each element type is stored and read, and what it is computed with. vload_half and vstore_half need no extension.
 */
static const char PRELUDE[] =
    "#define T_f32 float\n"
    "#define V_f32 float\n"
    "#define LD_f32(p, i) ((p)[i])\n"
    "#define ST_f32(p, i, v) ((p)[i] = (v))\n"
    "#define T_f16 half\n"
    "#define V_f16 float\n"
    "#define LD_f16(p, i) vload_half((i), (p))\n"
    "#define ST_f16(p, i, v) vstore_half((v), (i), (p))\n"
    "#define T_i32 int\n"
    "#define V_i32 int\n"
    "#define LD_i32(p, i) ((p)[i])\n"
    "#define ST_i32(p, i, v) ((p)[i] = (v))\n";

struct op_emit *emit_new(const struct bound *b) {
    struct op_emit *e = xcalloc(1, sizeof *e);
    e->bound = b;
    buf_puts(&e->source, PRELUDE);
    return e;
}

void emit_free(struct op_emit *e) {
    if (!e) return;
    for (int i = 0; i < e->n_kernels; i++) {
        free(e->kernel[i].entry);
        free(e->kernel[i].key);
    }
    for (int i = 0; i < e->n_launches; i++) free(e->launch[i].arg);
    free(e->kernel);
    free(e->launch);
    free(e->scratch);
    buf_done(&e->source);
    free(e);
}

const struct bound *emit_bound(const struct op_emit *e) {
    return e->bound;
}

const struct tensor *emit_tensor_of(const struct op_emit *e, int tensor) {
    return &e->bound->tensor[tensor];
}

const struct shape *emit_shape_of(const struct op_emit *e, int tensor) {
    return &e->bound->tensor[tensor].shape;
}

/* Appends `text` with $E, $0.. and $Y replaced. */
static void expand(struct buf *out, const char *text, const char *entry, const enum dtype *dtypes, int n) {
    for (const char *p = text; *p; p++) {
        if (*p != '$') {
            buf_putc(out, *p);
            continue;
        }
        p++;
        int k = *p == 'Y' ? n - 1 : *p - '0';
        if (*p == 'E')
            buf_puts(out, entry);
        else if (k >= 0 && k < n)
            buf_puts(out, dtype_name(dtypes[k]));
        else
            abort(); /* a mistake in an operator's kernel text */
    }
}

static char *make_key(const char *name, const char *text, const enum dtype *dtypes, int n) {
    struct buf key = BUF_INIT;
    buf_puts(&key, name);
    for (int i = 0; i < n; i++) buf_printf(&key, " %s", dtype_name(dtypes[i]));
    buf_putc(&key, '\n');
    buf_puts(&key, text);
    return buf_take(&key);
}

static bool entry_taken(const struct op_emit *e, const char *entry) {
    for (int i = 0; i < e->n_kernels; i++)
        if (strcmp(e->kernel[i].entry, entry) == 0) return true;
    return false;
}

static char *make_entry(const struct op_emit *e, const char *name) {
    char *entry = xasprintf("p_%s", name); /* p_: OpenCL C has functions called tanh and softmax's like */
    for (int i = 2; entry_taken(e, entry); i++) {
        free(entry);
        entry = xasprintf("p_%s_%d", name, i);
    }
    return entry;
}

/* dtypes[n - 1] is also $Y. */
const char *emit_kernel(struct op_emit *e, const char *name, const char *text, const enum dtype *dtypes, int n_dtypes) {
    CLEANUP_FREE char *key = make_key(name, text, dtypes, n_dtypes);
    for (int i = 0; i < e->n_kernels; i++)
        if (strcmp(e->kernel[i].key, key) == 0) return e->kernel[i].entry;
    char *entry = make_entry(e, name);
    expand(&e->source, text, entry, dtypes, n_dtypes);
    e->kernel = xrealloc(e->kernel, ((size_t)e->n_kernels + 1) * sizeof *e->kernel);
    e->kernel[e->n_kernels++] = (struct emitted_kernel){entry, TAKE(key)};
    return entry;
}

const char *emit_node_kernel(struct op_emit *e, const struct node *n, const char *suffix, const char *text) {
    enum dtype dtypes[OP_MAX_INPUTS + 1];
    for (int i = 0; i < n->n_in; i++) dtypes[i] = emit_tensor_of(e, n->in[i])->dtype;
    dtypes[n->n_in] = emit_tensor_of(e, n->out)->dtype;
    CLEANUP_FREE char *name = xasprintf("%s%s", n->op->name, suffix);
    return emit_kernel(e, name, text, dtypes, n->n_in + 1);
}

static int64_t round_up(int64_t n, int64_t step) {
    return (n + step - 1) / step * step;
}

struct emit_range emit_range_1d(int64_t items) {
    return (struct emit_range){1, {round_up(items, EMIT_LOCAL), 1, 1}, {EMIT_LOCAL, 1, 1}, true};
}

struct emit_range emit_range_2d(int64_t g0, int64_t g1, int64_t l0, int64_t l1) {
    return (struct emit_range){2, {round_up(g0, l0), round_up(g1, l1), 1}, {l0, l1, 1}, true};
}

struct emit_range emit_range_3d(int64_t g0, int64_t g1, int64_t g2, int64_t l0, int64_t l1, int64_t l2) {
    return (struct emit_range){3, {round_up(g0, l0), round_up(g1, l1), round_up(g2, l2)}, {l0, l1, l2}, true};
}

int emit_scratch_new(struct op_emit *e, enum dtype dtype, int64_t elements) {
    e->scratch = xrealloc(e->scratch, ((size_t)e->n_scratch + 1) * sizeof *e->scratch);
    e->scratch[e->n_scratch] = (struct emitted_scratch){dtype, elements};
    return e->n_scratch++;
}

static int check_args(const char *entry, const struct emit_arg *args, size_t n, struct error *err) {
    if (n > PLAN_MAX_ARGS)
        return error_set(err, ERR_LIMIT, "kernel %s has %zu arguments, the limit is %d", entry, n, PLAN_MAX_ARGS);
    for (size_t i = 0; i < n; i++)
        if (args[i].kind == EMIT_I32 && (args[i].i > INT32_MAX || args[i].i < INT32_MIN))
            return error_set(err, ERR_LIMIT, "kernel %s: argument %zu is %lld, more than 32 bits hold", entry, i,
                             (long long)args[i].i);
    return 0;
}

int emit_launch(struct op_emit *e, const char *entry, const struct emit_arg *args, size_t n_args,
                struct emit_range range, struct error *err) {
    if (check_args(entry, args, n_args, err) != 0) return -1;
    if (e->n_launches == PLAN_MAX_LAUNCHES)
        return error_set(err, ERR_LIMIT, "the graph needs more than %d launches", PLAN_MAX_LAUNCHES);
    struct emitted_launch l = {.entry = entry, .n_args = (int)n_args, .range = range};
    l.arg = xmalloc((n_args ? n_args : 1) * sizeof *args);
    memcpy(l.arg, args, n_args * sizeof *args);
    e->launch = xrealloc(e->launch, ((size_t)e->n_launches + 1) * sizeof *e->launch);
    e->launch[e->n_launches++] = l;
    return 0;
}

int emit_node(struct op_emit *e, int node, struct error *err) {
    const struct node *n = &e->bound->node[node];
    if (n->op->emit_plain(n, e, err) == 0) return 0;
    return error_wrap(err, "line %d: %s", n->line, n->op->name);
}
