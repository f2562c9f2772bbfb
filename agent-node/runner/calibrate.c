#include "agent-node/runner/calibrate.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/stats.h"

/* The loop counts stay far below 65,535: Mesa's rusticl stops a work-item's loops there without a word. The products
 * are kept alive by a store that never happens, on a condition the compiler cannot see through, and differ by
 * work-item: what is uniform over a group is computed once by some compilers. mad() rather than fma(): where the
 * hardware has no fused one, fma() is emulated and says nothing about the peak. */
static const char source[] =
    "kernel void portolan_empty(global float *p) { (void)p; }\n"
    "kernel void portolan_copy4(global const float4 *a, global float4 *b, int n) {\n"
    "  int i = (int)get_global_id(0);\n"
    "  if (i < n) b[i] = a[i];\n"
    "}\n"
    "kernel void portolan_copy16(global const float16 *a, global float16 *b, int n) {\n"
    "  int i = (int)get_global_id(0);\n"
    "  if (i < n) b[i] = a[i];\n"
    "}\n"
    "kernel void portolan_copy_block(global const float16 *a, global float16 *b, int n) {\n"
    "  int begin = (int)get_global_id(0) * n;\n"
    "  for (int i = begin; i < begin + n; i++) b[i] = a[i];\n"
    "}\n"
    "#define PEAK(T)                                                                       \\\n"
    "  kernel void portolan_peak_##T(global float *p, float m, int n) {                    \\\n"
    "    T x0 = (T)(p[0] + (float)get_global_id(0)), x1 = x0 + 1.0f, x2 = x0 + 2.0f;       \\\n"
    "    T x3 = x0 + 3.0f, x4 = x0 + 4.0f, x5 = x0 + 5.0f, x6 = x0 + 6.0f, x7 = x0 + 7.0f; \\\n"
    "    T c = (T)(m), k = (T)(0.25f);                                                     \\\n"
    "    for (int i = 0; i < n; i++) {                                                     \\\n"
    "      x0 = mad(x0, c, k); x1 = mad(x1, c, k); x2 = mad(x2, c, k); x3 = mad(x3, c, k); \\\n"
    "      x4 = mad(x4, c, k); x5 = mad(x5, c, k); x6 = mad(x6, c, k); x7 = mad(x7, c, k); \\\n"
    "    }                                                                                 \\\n"
    "    T s = ((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7));                          \\\n"
    "    if (any(isequal(s, (T)(12345.0f)))) p[1] = 1.0f;                                  \\\n"
    "  }\n"
    "PEAK(float4)\n"
    "PEAK(float8)\n"
    "PEAK(float16)\n";

#define COPY_BYTES                                                                                     \
    ((size_t)256 << 20) /* several times any cache; half of it on CPUs, some of whose drivers are slow \
                         */
#define BEST_OF 40
#define BUDGET_NS 400000000 /* of one figure, after two launches to warm up */
#define PEAK_STEPS 4096
#define PEAK_CHAINS 8
#define TARGET_NS 5000000 /* of one timed batch: short ones fit between a neighbour's bursts */
#define LAUNCHES 200

struct bench {
    const struct device_backend *b;
    struct backend_device *device;
    struct backend_program *program;
    struct backend_buffer *from, *to, *little;
    size_t copy_bytes;
};

static void bench_done(struct bench *t) {
    t->b->buffer_free(t->from);
    t->b->buffer_free(t->to);
    t->b->buffer_free(t->little);
    if (t->program) t->b->program_free(t->program);
}

/* Time `n` launches of one call on `buffers`, by the wall. */
static int time_calls(struct bench *t, struct backend_call *c, struct backend_buffer *const *buffers, int n,
                      int64_t *ret_ns, struct error *err) {
    int64_t begin = clock_mono_ns();
    for (int i = 0; i < n; i++)
        if (t->b->enqueue(c, buffers, err) < 0) return -1;
    if (t->b->finish(t->device, err) < 0) return -1;
    *ret_ns = clock_mono_ns() - begin;
    return 0;
}

/* Best of several batches, each long enough to be timed: nanoseconds of one launch. */
static int best_time(struct bench *t, struct backend_call *c, struct backend_buffer *const *buffers, double *ret_ns,
                     struct error *err) {
    int64_t ns = 0, span = 0, sum = 0;
    if (time_calls(t, c, buffers, 1, &ns, err) < 0 || time_calls(t, c, buffers, 1, &ns, err) < 0) return -1;
    int n = ns < 1 ? 1000 : (int)(TARGET_NS / ns);
    n = n < 1 ? 1 : n > 1000 ? 1000 : n;
    int64_t end = clock_mono_ns() + BUDGET_NS;
    double best = (double)ns;
    for (int i = 0; i < BEST_OF && clock_mono_ns() < end; i++) {
        if (time_calls(t, c, buffers, n, &ns, err) < 0) return -1;
        if ((double)ns / n < best) best = (double)ns / n;
    }
    t->b->times(t->device, &span, &sum);
    *ret_ns = best;
    return 0;
}

static int call(struct bench *t, const char *entry, const struct backend_arg *arg, int n_args, size_t global,
                size_t local, struct backend_call **ret, struct error *err) {
    struct backend_launch l = {entry, n_args, arg, 1, {global, 1, 1}, {local, 1, 1}, local != 0};
    return t->b->prepare(t->program, &l, ret, err);
}

static size_t local_size(const struct bench *t, size_t want) {
    size_t most = (size_t)t->b->info(t->device)->max_work_group_size;
    return most && want > most ? most : want;
}

/* Ways to copy: small neighbours side by side, as GPUs like it; vectors or a block for each work-item, as CPUs do. */
static const struct copy_way {
    const char *entry;
    size_t element, local;
    size_t blocks; /* 0: an element for each work-item */
} copy_ways[] = {{"portolan_copy4", 16, 128, 0}, {"portolan_copy16", 64, 16, 0}, {"portolan_copy_block", 64, 1, 256}};

static int copy_call(struct bench *t, const struct copy_way *way, struct backend_call **ret, struct error *err) {
    size_t elements = t->copy_bytes / way->element; /* powers of two, all of them */
    struct backend_arg arg[] = {{BACKEND_ARG_BUFFER, 0, 0, 0},
                                {BACKEND_ARG_BUFFER, 1, 0, 0},
                                {BACKEND_ARG_I32, 0, (int64_t)(way->blocks ? elements / way->blocks : elements), 0}};
    return call(t, way->entry, arg, 3, way->blocks ? way->blocks : elements, local_size(t, way->local), ret, err);
}

static int measure_copy(struct bench *t, struct calibration *ret, struct error *err) {
    struct backend_buffer *buffers[] = {t->from, t->to};
    for (size_t way = 0; way < sizeof copy_ways / sizeof *copy_ways; way++) {
        struct backend_call *c = NULL;
        double ns = 0;
        int rc = copy_call(t, &copy_ways[way], &c, err);
        if (rc == 0) rc = best_time(t, c, buffers, &ns, err);
        t->b->call_free(c);
        if (rc < 0) return error_wrap(err, "copy");
        double rate = 2.0 * (double)t->copy_bytes / ns;
        if (rate > ret->copy_gbps) ret->copy_gbps = rate;
    }
    return 0;
}

static int measure_peak(struct bench *t, struct calibration *ret, struct error *err) {
    static const struct {
        const char *entry;
        int width;
    } variant[] = {{"portolan_peak_float4", 4}, {"portolan_peak_float8", 8}, {"portolan_peak_float16", 16}};
    struct backend_buffer *buffers[] = {t->little};
    const struct backend_info *info = t->b->info(t->device);
    size_t local = local_size(t, info->host_memory ? 16 : 128);
    size_t global = (size_t)info->compute_units * local * (info->host_memory ? 4 : 32);
    struct backend_arg arg[] = {
        {BACKEND_ARG_BUFFER, 0, 0, 0}, {BACKEND_ARG_F32, 0, 0, 0.5f}, {BACKEND_ARG_I32, 0, PEAK_STEPS, 0}};
    for (size_t v = 0; v < sizeof variant / sizeof *variant; v++) {
        struct backend_call *c = NULL;
        double ns = 0;
        int rc = call(t, variant[v].entry, arg, 3, global, local, &c, err);
        if (rc == 0) rc = best_time(t, c, buffers, &ns, err);
        t->b->call_free(c);
        if (rc < 0) return error_wrap(err, "peak");
        double flops = 2.0 * PEAK_CHAINS * PEAK_STEPS * variant[v].width * (double)global;
        if (flops / ns > ret->fma_gflops) ret->fma_gflops = flops / ns;
    }
    return 0;
}

static int measure_launch(struct bench *t, struct calibration *ret, struct error *err) {
    struct backend_buffer *buffers[] = {t->little};
    struct backend_arg arg[] = {{BACKEND_ARG_BUFFER, 0, 0, 0}};
    struct backend_call *c = NULL;
    double us[LAUNCHES];
    int rc = call(t, "portolan_empty", arg, 1, 1, 1, &c, err);
    for (int i = 0; i < LAUNCHES && rc == 0; i++) {
        int64_t ns = 0;
        rc = time_calls(t, c, buffers, 1, &ns, err);
        us[i] = (double)ns / 1e3;
    }
    t->b->call_free(c);
    if (rc == 0) ret->launch_us = stats_median(us, LAUNCHES);
    return rc < 0 ? error_wrap(err, "empty launch") : 0;
}

/* Event times are usable when a copy that takes a while spans about as long on them as on the wall. */
static int try_events(struct bench *t, struct calibration *ret, struct error *err) {
    struct backend_buffer *buffers[] = {t->from, t->to};
    struct backend_call *c = NULL;
    int64_t wall = 0, span = 0, sum = 0;
    int rc = copy_call(t, &copy_ways[1], &c, err);
    if (rc == 0) rc = time_calls(t, c, buffers, 4, &wall, err);
    t->b->times(t->device, &span, &sum);
    t->b->call_free(c);
    ret->event_times = rc == 0 && span > wall / 2 && span <= wall + wall / 20;
    return rc;
}

static int prepare(struct bench *t, struct error *err) {
    CLEANUP(buf_done) struct buf log = BUF_INIT;
    const struct backend_info *info = t->b->info(t->device);
    t->copy_bytes = info->host_memory ? COPY_BYTES / 2 : COPY_BYTES;
    while ((int64_t)t->copy_bytes > info->max_alloc_bytes / 2 || (int64_t)t->copy_bytes > info->memory_bytes / 8)
        t->copy_bytes /= 2;
    if (t->b->build(t->device, source, "", &t->program, &log, err) < 0)
        return error_wrap(err, "%.500s", log.data ? log.data : "");
    if (t->b->buffer(t->device, NULL, t->copy_bytes, 0, &t->from, err) < 0) return -1;
    if (t->b->buffer(t->device, NULL, t->copy_bytes, 0, &t->to, err) < 0) return -1;
    return t->b->buffer(t->device, NULL, 4096, 0, &t->little, err);
}

int calibrate(const struct device_backend *b, struct backend_device *d, struct calibration *ret, struct error *err) {
    if (b->calibrate) return b->calibrate(d, ret, err);
    CLEANUP(bench_done) struct bench t = {.b = b, .device = d};
    int64_t span, sum;
    if (prepare(&t, err) < 0) return -1;
    b->times(d, &span, &sum);
    if (measure_copy(&t, ret, err) < 0 || measure_peak(&t, ret, err) < 0 || measure_launch(&t, ret, err) < 0) return -1;
    b->times(d, &span, &sum);
    return try_events(&t, ret, err);
}
