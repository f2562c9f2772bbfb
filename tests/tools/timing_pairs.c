/* Two kernels that differ by a known factor, timed against each other as every task is: how often is the truth told?
 *   timing_pairs DEVICE KERNEL FACTOR SETS SECONDS
 * KERNEL is `memory` (a copy of 16 MiB), `compute` (chains of multiply-adds, a few ms a launch) or `short` (the same,
 * about 50 us a launch); FACTOR 1 compares it with itself, 1.05 with one that has 5 % more steps. Goes on for SECONDS,
 * at least once. A line of JSON for each comparison; nothing is hidden: a busy machine is a line too. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "agent-node/worker/discovery.h"
#include "agent-node/worker/measure.h"
#include "agent-node/worker/timing/selftest.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/fileio.h"

/* v * 1 + 0 with the 1 and the 0 from outside: the answer is the input, and no compiler can shorten it. */
static const char SOURCE[] =
    "__kernel void chain(__global const float *x, __global float *y, int n, float a, float b) {\n"
    "    float v = x[get_global_id(0)];\n"
    "    for (int i = 0; i < n; i++) { v = v * a + b; v = v * a + b; v = v * a + b; v = v * a + b; }\n"
    "    y[get_global_id(0)] = v;\n"
    "}\n";
static const struct kind {
    const char *name;
    int64_t elements;
    int steps, vector_steps; /* the latter where the driver puts the elements into one vector */
} KINDS[] = {{"memory", 2 << 20, 1, 1}, {"compute", 1024, 1000, 10000}, {"short", 16, 500, 10000}};

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "timing_pairs: %s\n", what);
    exit(1);
}

static struct worker *start(const char *device) {
    struct error err = ERROR_INIT;
    CLEANUP(discovery_list_done) struct rec_list_device list = {0};
    CLEANUP_FREE char *cache = dir_standard("cache", &err);
    const char *only[] = {device};
    if (!cache) fail(err.text);
    struct discovery_config d = {.cache_dir = cache, .sandbox = true, .measure = true, .only = only, .only_count = 1};
    if (discovery_run(&d, &list, &err) != 0) fail(err.text);
    if (list.count != 1) fail("that name is not that of one device");
    struct worker_config w = {.device = list.items[0], .cache_dir = cache, .sandbox = true};
    struct worker *worker = worker_new(&w, &err);
    if (!worker) fail(err.text);
    return worker;
}

static void parse_problem(struct trial *t, const struct kind *k) {
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *text = xasprintf(
        "problem: pairs\nlevel: 1\norigin: test\nsizes:\n  full: {N: %lld}\n"
        "inputs:\n  x: {dtype: f32, shape: [N], fill: 'uniform(1, 2)'}\ngraph:\n  - y = relu(x)\noutputs: [y]\n",
        (long long)k->elements);
    t->problem = problem_parse(text, strlen(text), "pairs.yaml", &err);
    if (t->problem) t->bound = problem_bind(t->problem, "full", &err);
    if (!t->bound) fail(err.text);
}

/* One of the two, compiled. */
static void make_subject(struct trial *t, const char *name, int steps, struct subject *ret) {
    struct error err = ERROR_INIT;
    struct tune_point point;
    CLEANUP(finding_done) struct finding f = FINDING_INIT;
    CLEANUP(compiler_done) struct compiler c = {.trial = t};
    CLEANUP_FREE char *yaml = xasprintf(
        "kernel: %s\nproblem: pairs\nlanguage: opencl-c\nsource: pairs.cl\nlaunches:\n"
        "  - {kernel: chain, args: [x, y, %d, {float: 1.0}, {float: 0.0}], global: [N]}\n",
        name, steps);
    kernel_free(t->kernel);
    t->kernel = kernel_parse(yaml, strlen(yaml), "pairs.yaml", SOURCE, sizeof SOURCE - 1, &err);
    if (!t->kernel || kernel_default_point(t->kernel, t->bound, &point, &err) != 0) fail(err.text);
    if (subject_candidate(t, &point, true, ret, &f) != 0 || build(&c, ret, &f) != 0) fail(f.text);
}

static json_t *ratios_of(const struct timing *m) {
    json_t *list = json_array();
    for (int i = 0; i < m->sets; i++) json_array_append_new(list, json_real(exp(m->log_ratio[i])));
    return list;
}

static const char *said(const struct timing *m, double margin) {
    return m->speedup.low > 1 + margin ? "faster" : m->speedup.high < 1 - margin ? "slower" : "equal";
}

static void print_line(const struct trial *t, const char *kind, double factor, const struct timing *m, double seconds,
                       const struct finding *f) {
    char why[256] = "";
    bool busy = f->kind == FINDING_BUSY || timing_busy(m, why, sizeof why);
    bool done = !finding_any(f);
    json_t *o = json_pack("{s:s, s:s, s:f, s:i, s:f, s:b, s:s}", "device", trial_device(t)->id, "kernel", kind,
                          "factor", factor, "sets", m->sets, "seconds", seconds, "busy", (int)busy, "why",
                          finding_any(f) ? f->text : why);
    json_object_set_new(o, "said", json_string(done ? said(m, trial_policy(t)->margin) : "invalid"));
    json_object_set_new(o, "ratios", ratios_of(m));
    if (done) {
        json_object_set_new(o, "estimate", json_real(m->speedup.estimate));
        json_object_set_new(o, "low", json_real(m->speedup.low));
        json_object_set_new(o, "high", json_real(m->speedup.high));
        json_object_set_new(o, "foreign", json_real(m->load.foreign));
        json_object_set_new(o, "quads", json_integer(m->load.quads));
        json_object_set_new(o, "dropped", json_integer(m->load.dropped));
        json_object_set_new(o, "launch_us", json_real(stats_median(m->baseline.ns, m->baseline.n) / 1e3));
    }
    if (m->baseline.n > 0)
        json_object_set_new(o, "span_over_clock",
                            json_real(stats_median(m->baseline.claimed_ns, m->baseline.n) /
                                      stats_median(m->baseline.ns, m->baseline.n)));
    json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    fputc('\n', stdout);
    fflush(stdout);
    json_decref(o);
}

static void compare(struct trial *t, const char *kind, double factor, const struct subject *a,
                    const struct subject *b) {
    CLEANUP(finding_done) struct finding f = FINDING_INIT;
    CLEANUP_FREE struct timing *m = xcalloc(1, sizeof *m);
    struct error err = ERROR_INIT;
    const struct timed_data *data = pool_timed(t->worker->pool, t->bound, &(struct pool_wish){0}, NULL, NULL, &err);
    if (!data) fail(err.text);
    if (trial_lock(t, DOMAIN_EXCLUSIVE, &f) == 0 && selftest_require(t, &f) == 0) {
        int64_t from = clock_mono_ns();
        timing_run(t, a, b, data, m, &f);
        print_line(t, kind, factor, m, (double)(clock_mono_ns() - from) / 1e9, &f);
    }
    if (f.kind == FINDING_INFRASTRUCTURE) fail(f.text);
    pool_timed_release(t->worker->pool, data, false);
    trial_lock(t, DOMAIN_FREE, &f);
    t->phases = (struct phases){0};
}

static const struct kind *find_kind(const char *name) {
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (strcmp(KINDS[i].name, name) == 0) return &KINDS[i];
    fail("the kernel is memory, compute or short");
}

int main(int argc, char **argv) {
    struct subject a = {0}, b = {0};
    struct rec_task task;
    struct rec_attempt out;
    if (argc != 6) fail("usage: timing_pairs DEVICE memory|compute|short FACTOR SETS SECONDS");
    prctl(PR_SET_PDEATHSIG, 15);
    const struct kind *kind = find_kind(argv[2]);
    double factor = strtod(argv[3], NULL), seconds = strtod(argv[5], NULL);
    if (!(factor >= 1 && factor <= 2)) fail("FACTOR is 1 to 2");
    rec_task_init(&task);
    rec_attempt_init(&out);
    rec_set(&task.size, "full");
    task.policy.sets = (int32_t)strtol(argv[4], NULL, 10);
    struct trial t = {.worker = start(argv[1]), .task = &task, .out = &out};
    parse_problem(&t, kind);
    int steps = strncmp(argv[1], "intel", 5) == 0 ? kind->vector_steps : kind->steps;
    make_subject(&t, "first", steps, &a);
    make_subject(&t, "second", (int)lround(steps * factor), &b);
    a.trusted = true; /* as a baseline is */
    int64_t until = clock_mono_ns() + (int64_t)(seconds * 1e9);
    do compare(&t, kind->name, factor, &a, &b);
    while (clock_mono_ns() < until);
    subject_done(&a);
    subject_done(&b);
    kernel_free(t.kernel);
    bound_free(t.bound);
    problem_free(t.problem);
    worker_free(t.worker);
    rec_attempt_done(&out);
    rec_task_done(&task);
    return 0;
}
