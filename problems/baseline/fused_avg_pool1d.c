/* `fused` for average pooling: sixteen neighbouring outputs at a time by shifted vector loads where the stride is one
 * and the window lies inside the row, one by one elsewhere. */
#include "problems/baseline/fused_group.h"

#include "common/cleanup.h"
#include "problems/ops/attr.h"

static const char *const HEAD =
    "static float $E_window(__global const float *restrict x, int length, int from, int window)\n{\n"
    "    const int end = min(from + window, length);\n"
    "    float s = 0.0f;\n"
    "    for (int j = max(from, 0); j < end; j++) s += x[j];\n"
    "    return s;\n}\n"
    "__kernel void $E(__global const float *restrict x, int rows, int length, int out_length, int window, int stride,\n"
    "    int padding, float scale%s)\n{\n";

static const char *const SIXTEEN =
    "    const int at = get_global_id(0) * 16, row = get_global_id(1);\n"
    "    if (at >= out_length) return;\n"
    "    const int from = at * stride - padding, left = min(out_length - at, 16);\n"
    "    const long i = (long)row * out_length + at;\n"
    "    x += (long)row * length;\n"
    "    if (stride == 1 && from >= 0 && from + 15 + window <= length && left == 16) {\n"
    "        float16 s = vload16(0, x + from);\n"
    "        for (int j = 1; j < window; j++) s += vload16(0, x + from + j);\n"
    "        $E_16(s * scale, i%s);\n"
    "    } else {\n"
    "        for (int l = 0; l < left; l++) $E_1($E_window(x, length, from + l * stride, window) * scale, i + l%s);\n"
    "    }\n"
    "}\n";

static const char *const ONE =
    "    const int at = get_global_id(0), row = get_global_id(1);\n"
    "    if (at >= out_length) return;\n"
    "    x += (long)row * length;\n"
    "    $E_1($E_window(x, length, at * stride - padding, window) * scale, (long)row * out_length + at%s);\n"
    "}\n";

int fused_avg_pool1d(const struct fused *f, int g, bool *ret_done, struct error *err) {
    const struct node *n = &f->b->node[f->group[g].node[0]];
    const struct shape *x = &f->b->tensor[n->in[0]].shape, *y = &f->b->tensor[n->out].shape;
    int64_t length = x->dim[x->rank - 1], out_length = y->dim[y->rank - 1], rows = shape_elements(y) / out_length;
    int64_t window = attr_int(n, fused_slot(n, "kernel")), padding = attr_int(n, fused_slot(n, "padding"));
    int64_t stride = n->attr[fused_slot(n, "stride")].is_set ? attr_int(n, fused_slot(n, "stride")) : window;
    bool fits = out_length * stride + window < INT32_MAX && (window + 1) * FUSED_VECTOR < EMIT_MAX_ITERATIONS;
    if (!fits || (padding > 0 && !attr_bool(n, fused_slot(n, "count_include_pad")))) return 0;
    CLEANUP(tail_done) struct tail t = {0};
    if (tail_make(f, g, &t, err) != 0) return -1;
    *ret_done = true;
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    buf_printf(&text, HEAD, t.params.data);
    if (f->d->is_cpu)
        buf_printf(&text, SIXTEEN, t.names.data, t.names.data);
    else
        buf_printf(&text, ONE, t.names.data);
    const struct emit_arg args[] = {
        emit_tensor(n->in[0]), emit_i32(rows),   emit_i32(length),  emit_i32(out_length),
        emit_i32(window),      emit_i32(stride), emit_i32(padding), emit_f32(1.0 / (double)window)};
    int64_t lanes = f->d->is_cpu ? FUSED_VECTOR : 1;
    struct emit_range range = emit_range_2d((out_length + lanes - 1) / lanes, rows, f->d->is_cpu ? FUSED_LOCAL : 64, 1);
    return tail_launch(f, &t, "fused_avg_pool", text.data, args, 8, range, err);
}
