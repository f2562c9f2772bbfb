/* The element-wise tail of a group as three functions: for one element, for sixteen, for a part of sixteen. */
#include "problems/baseline/fused_group.h"

#include "common/cleanup.h"
#include "problems/ops/op.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* What is being written: the offsets and the two forms of the chain. */
struct writer {
    const struct fused *f;
    int g;
    struct tail *tail;
    struct buf offsets, scalar, vector;
    int n_pointers;
};

static void writer_done(struct writer *w) {
    buf_done(&w->offsets);
    buf_done(&w->scalar);
    buf_done(&w->vector);
}

static void add_pointer(struct writer *w, const char *qualifiers, const char *name, int tensor) {
    buf_printf(&w->tail->params, ", __global %sfloat *restrict %s", qualifiers, name);
    w->tail->arg[w->tail->n_args++] = emit_tensor(tensor);
}

/* Loads operand k of the node from memory and names it. */
static void load_operand(struct writer *w, const struct node *n, const struct emit_broadcast *map, int k,
                         const char *prefix, char name[32]) {
    char pointer[16], at[64];
    snprintf(pointer, sizeof pointer, "p%d", w->n_pointers++);
    add_pointer(w, "const ", pointer, n->in[k]);
    if (emit_broadcast_direct(map, k))
        snprintf(at, sizeof at, "i");
    else
        snprintf(at, sizeof at, "%so%d", prefix, k);
    snprintf(name, 32, "x%s", pointer);
    bool splat = map->stride[k][map->rank - 1] == 0;
    buf_printf(&w->scalar, "    const float %s = %s[%s];\n", name, pointer, at);
    if (splat)
        buf_printf(&w->vector, "    const float16 %s = (float16)(%s[%s]);\n", name, pointer, at);
    else
        buf_printf(&w->vector, "    const float16 %s = vload16(0, %s + %s);\n", name, pointer, at);
}

static int write_node(struct writer *w, int member, struct error *err) {
    const struct bound *b = w->f->b;
    const struct node *n = &b->node[w->f->group[w->g].node[member]];
    const struct shape *in[OP_MAX_INPUTS];
    char names[OP_MAX_INPUTS][32], prefix[16];
    const char *operand[OP_MAX_INPUTS];
    for (int k = 0; k < n->n_in; k++) in[k] = &b->tensor[n->in[k]].shape;
    struct emit_broadcast map;
    emit_broadcast_make(&b->tensor[n->out].shape, in, n->n_in, &map);
    snprintf(prefix, sizeof prefix, "b%d_", member);
    emit_broadcast_code(&map, prefix, "i", &w->tail->params, &w->offsets, w->tail->arg, &w->tail->n_args);
    for (int k = 0; k < n->n_in; k++) {
        int p = w->f->producer[n->in[k]];
        if (p >= 0 && w->f->group_of[p] == w->g)
            snprintf(names[k], sizeof names[k], "v%d", n->in[k]);
        else
            load_operand(w, n, &map, k, prefix, names[k]);
        operand[k] = names[k];
    }
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    if (n->op->emit_element(n, operand, &text) != 0)
        return error_set(err, ERR_UNSUPPORTED, "%s at line %d cannot be fused", n->op->name, n->line);
    buf_printf(&w->scalar, "    const float v%d = %s;\n", n->out, text.data);
    buf_printf(&w->vector, "    const float16 v%d = %s;\n", n->out, text.data);
    return 0;
}

static void write_stores(struct writer *w) {
    const struct group *g = &w->f->group[w->g];
    for (int k = 0; k < g->n; k++) {
        int t = w->f->b->node[g->node[k]].out;
        if (!fused_is_stored(w->f, w->g, t)) continue;
        char name[16];
        snprintf(name, sizeof name, "y%d", k);
        add_pointer(w, "", name, t);
        buf_printf(&w->scalar, "    %s[i] = v%d;\n", name, t);
        buf_printf(&w->vector, "    vstore16(v%d, 0, %s + i);\n", t, name);
        snprintf(w->tail->store, sizeof w->tail->store, "%s", name);
    }
    assert(w->tail->store[0]); /* the parser refuses nodes whose value nobody uses */
}

/* ", int a, __global float *restrict y" gives ", a, y". */
static void names_of(const char *params, struct buf *ret) {
    for (const char *p = params; *p;) {
        const char *end = strchr(p + 1, ',');
        if (!end) end = p + strlen(p);
        const char *start = end;
        while (start > p && (isalnum((unsigned char)start[-1]) || start[-1] == '_')) start--;
        buf_puts(ret, ", ");
        buf_append(ret, start, (size_t)(end - start));
        p = end;
    }
}

static void write_functions(const struct writer *w, bool anchored) {
    struct tail *t = w->tail;
    struct buf *out = &t->functions;
    const char *params = t->params.data, *offsets = w->offsets.data ? w->offsets.data : "";
    char value[32] = "";
    if (anchored) snprintf(value, sizeof value, " v%d, ", w->f->b->node[w->f->group[w->g].node[0]].out);
    buf_printf(out, "static void $E_1(%s%slong i%s)\n{\n%s%s}\n", anchored ? "float" : "", value, params, offsets,
               w->scalar.data);
    buf_printf(out, "static void $E_16(%s%slong i%s)\n{\n%s%s}\n", anchored ? "float16" : "", value, params, offsets,
               w->vector.data);
    buf_printf(out,
               "static void $E_part(%slong i, int n%s)\n{\n    if (n >= 16) {\n        $E_16(%si%s);\n        "
               "return;\n    }\n",
               anchored ? "float16 v, " : "", params, anchored ? "v, " : "", t->names.data);
    if (anchored)
        buf_printf(out,
                   "    float each[16];\n    vstore16(v, 0, each);\n    for (int j = 0; j < n; j++) $E_1(each[j], i + "
                   "j%s);\n}\n",
                   t->names.data);
    else
        buf_printf(out, "    for (int j = 0; j < n; j++) $E_1(i + j%s);\n}\n", t->names.data);
}

int tail_make(const struct fused *f, int g, struct tail *ret, struct error *err) {
    CLEANUP(writer_done) struct writer w = {.f = f, .g = g, .tail = ret};
    const struct group *group = &f->group[g];
    for (int k = group->has_anchor; k < group->n; k++)
        if (write_node(&w, k, err) != 0) return -1;
    write_stores(&w);
    names_of(ret->params.data, &ret->names);
    write_functions(&w, group->has_anchor);
    return 0;
}

void tail_done(struct tail *t) {
    buf_done(&t->functions);
    buf_done(&t->params);
    buf_done(&t->names);
}

int tail_launch(const struct fused *f, const struct tail *t, const char *name, const char *text,
                const struct emit_arg *args, size_t n_args, struct emit_range range, struct error *err) {
    CLEANUP(buf_done) struct buf whole = BUF_INIT;
    buf_puts(&whole, t->functions.data);
    buf_puts(&whole, text);
    struct emit_arg all[PLAN_MAX_ARGS];
    if (n_args + t->n_args > PLAN_MAX_ARGS)
        return error_set(err, ERR_LIMIT, "fused kernel %s needs %zu arguments, %d are allowed", name,
                         n_args + t->n_args, PLAN_MAX_ARGS);
    memcpy(all, args, n_args * sizeof *args);
    memcpy(all + n_args, t->arg, t->n_args * sizeof *t->arg);
    const char *entry = emit_kernel(f->e, name, whole.data, NULL, 0);
    return emit_launch(f->e, entry, all, n_args + t->n_args, range, err);
}

void fused_gather(struct buf *out, const char *pointer, const char *n) {
    buf_printf(out, "(float16)(%s[0]", pointer);
    for (int j = 1; j < FUSED_VECTOR; j++) buf_printf(out, ", %s[min(%d, %s - 1)]", pointer, j, n);
    buf_putc(out, ')');
}
