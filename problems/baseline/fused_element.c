/* Element-wise chains of their own: sixteen elements a work-item, along the group's rows. */
#include "problems/baseline/fused_group.h"

#include "common/cleanup.h"

/* A work-item of a GPU takes one element, so that neighbours touch neighbours. */
static int one_each(const struct fused *f, const struct tail *t, int64_t total, struct error *err) {
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    buf_printf(&text,
               "__kernel void $E(long total%s)\n{\n"
               "    const long i = get_global_id(0);\n"
               "    if (i < total) $E_1(i%s);\n}\n",
               t->params.data, t->names.data);
    const struct emit_arg args[] = {emit_i64(total)};
    return tail_launch(f, t, "fused_element", text.data, args, 1, emit_range_1d(total), err);
}

/* Every operand steps through the whole output: no rows to tell apart. */
static int sixteen_flat(const struct fused *f, const struct tail *t, int64_t total, struct error *err) {
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    buf_printf(&text,
               "__kernel void $E(long total%s)\n{\n"
               "    const long i = (long)get_global_id(0) * 16;\n"
               "    if (i < total) $E_part(i, (int)min(total - i, 16L)%s);\n}\n",
               t->params.data, t->names.data);
    const struct emit_arg args[] = {emit_i64(total)};
    return tail_launch(f, t, "fused_element", text.data, args, 1,
                       emit_range_1d((total + FUSED_VECTOR - 1) / FUSED_VECTOR), err);
}

static int sixteen_by_rows(const struct fused *f, const struct tail *t, int64_t total, int64_t run, struct error *err) {
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    buf_printf(&text,
               "__kernel void $E(int chunks, int run, long total%s)\n{\n"
               "    const long item = get_global_id(0), row = item / chunks;\n"
               "    const int from = (int)(item - row * chunks) * 16;\n"
               "    const long i = row * run + from;\n"
               "    if (i < total) $E_part(i, min(run - from, 16)%s);\n}\n",
               t->params.data, t->names.data);
    int64_t chunks = (run + FUSED_VECTOR - 1) / FUSED_VECTOR;
    const struct emit_arg args[] = {emit_i32(chunks), emit_i32(run), emit_i64(total)};
    return tail_launch(f, t, "fused_element_rows", text.data, args, 3, emit_range_1d(total / run * chunks), err);
}

int fused_element(const struct fused *f, int g, bool *ret_done, struct error *err) {
    int64_t total = f->b->tensor[f->b->node[f->group[g].node[0]].out].elements, run = f->group[g].run;
    CLEANUP(tail_done) struct tail t = {0};
    if (tail_make(f, g, &t, err) != 0) return -1;
    *ret_done = true;
    if (!f->d->is_cpu) return one_each(f, &t, total, err);
    return run == total ? sixteen_flat(f, &t, total, err) : sixteen_by_rows(f, &t, total, run, err);
}
