/* A chain of multiply-adds, v = v * 1 + 0 with the 1 and the 0 from outside: no compiler can shorten it, and the answer
 * is the input. Run n, 2n and 4n steps long in turns, many times; single rounds are off by more than is allowed a
 * quarter of the time, their median is not. */
#include "agent-node/worker/timing/selftest.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/build.h"
#include "agent-node/worker/group.h"
#include "agent-node/worker/timing/busy.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/fileio.h"
#include "common/stats.h"

#define VERSION 1 /* raise when the test changes: it is then made again */
#define MAX_FILE 4096
#define ATTEMPTS 3
#define LAUNCHES 8 /* of one kind in a row: some milliseconds */
#define WARM_ROUNDS 3
#define FOREIGN_MAX 0.03
#define GUARD ((size_t)4096)
#define RUN_LIMIT_MS 20000

/* Below 65,536 turns of the loop in all, which is where one driver (Mesa's rusticl 22.3) stops without a word. */
static const char PROBLEM[] =
    "problem: self-test\n"
    "level: 1\n"
    "origin: portolan\n"
    "sizes:\n"
    "  n1: {W: 1, N: 12000}\n"
    "  n2: {W: 1, N: 24000}\n"
    "  n4: {W: 1, N: 48000}\n"
    "inputs:\n"
    "  x: {dtype: f32, shape: [W], fill: 'uniform(1, 2)'}\n"
    "graph:\n"
    "  - y = relu(x)\n"
    "outputs: [y]\n";
static const char KERNEL[] =
    "kernel: self-test\n"
    "problem: self-test\n"
    "language: opencl-c\n"
    "source: self-test.cl\n"
    "launches:\n"
    "  - {kernel: chain, args: [x, y, N, {float: 1.0}, {float: 0.0}], global: [W]}\n";
static const char SOURCE[] =
    "__kernel void chain(__global const float *x, __global float *y, int n, float a, float b) {\n"
    "    float v = x[get_global_id(0)];\n"
    "    for (int i = 0; i < n; i++) {\n"
    "        v = v * a + b; v = v * a + b; v = v * a + b; v = v * a + b;\n"
    "        v = v * a + b; v = v * a + b; v = v * a + b; v = v * a + b;\n"
    "    }\n"
    "    y[get_global_id(0)] = v;\n"
    "}\n";
static const char *const SIZES[3] = {"n1", "n2", "n4"};

struct chain {
    struct trial t;
    struct rec_task task;
    struct subject s;
    struct runner *r;
    struct group group[3];
    int set[3];
    double foreign; /* share of the machine that others used meanwhile; 0 when unknown */
    double ns[SELFTEST_ROUNDS][3];
};

double selftest_ratio(const double (*ns)[3], size_t n) {
    double ratio[SELFTEST_ROUNDS];
    size_t good = 0;
    for (size_t i = 0; i < n && i < SELFTEST_ROUNDS; i++)
        if (ns[i][1] > ns[i][0]) ratio[good++] = (ns[i][2] - ns[i][1]) / (ns[i][1] - ns[i][0]);
    return 2 * good >= n ? stats_median(ratio, good) : (double)NAN;
}

bool selftest_passes(double ratio) {
    return fabs(ratio / 2 - 1) <= SELFTEST_TOLERANCE; /* false for NaN */
}

/* --- building and loading --------------------------------------------------------------------- */
static void chain_done(struct chain *c) {
    for (int i = 0; i < 3; i++) group_done(&c->group[i]);
    runner_free(c->r);
    subject_done(&c->s);
    kernel_free(c->t.kernel);
    bound_free(c->t.bound);
    problem_free(c->t.problem);
    rec_task_done(&c->task);
}

static void chain_init(struct chain *c, struct trial *t) {
    *c = (struct chain){.t = {.worker = t->worker, .task = &c->task, .hooks = t->hooks}};
    rec_task_init(&c->task);
    rec_set(&c->task.size, SIZES[0]);
    for (int i = 1; i < 3; i++) rec_list_string_push(&c->task.policy.held_out_sizes, SIZES[i]);
}

static int chain_build(struct chain *c, struct finding *f) {
    struct error err = ERROR_INIT;
    struct tune_point point;
    CLEANUP(compiler_done) struct compiler compiler = {.trial = &c->t};
    c->t.problem = problem_parse(PROBLEM, sizeof PROBLEM - 1, "self-test.yaml", &err);
    if (c->t.problem) c->t.bound = problem_bind(c->t.problem, SIZES[0], &err);
    if (c->t.bound)
        c->t.kernel = kernel_parse(KERNEL, sizeof KERNEL - 1, "self-test.yaml", SOURCE, sizeof SOURCE - 1, &err);
    if (!c->t.kernel || kernel_default_point(c->t.kernel, c->t.bound, &point, &err) != 0)
        return finding_error(f, &err, "self-test");
    if (subject_candidate(&c->t, &point, false, &c->s, f) != 0) return -1;
    c->s.trusted = true;
    return build(&compiler, &c->s, f);
}

static int judge(struct chain *c, enum runner_status status, const struct error *err, const char *doing,
                 struct finding *f) {
    struct runner_event e = {.status = status,
                             .runner = c->r,
                             .err = err,
                             .who = "self-test",
                             .doing = doing,
                             .limit_ms = RUN_LIMIT_MS,
                             .trusted = true};
    return trial_judge_runner(&c->t, &e, f);
}

static const struct size_case *case_of(const struct chain *c, int i) {
    for (int k = 0; k < c->s.n_cases; k++)
        if (strcmp(c->s.cases[k].label, SIZES[i]) == 0) return &c->s.cases[k];
    return NULL;
}

static int load_one(struct chain *c, int i, struct layout *layout, struct finding *f) {
    const struct size_case *at = case_of(c, i);
    struct error err = ERROR_INIT;
    int program = 0;
    if (!at || group_place(layout, at->plan, &c->group[i]) != 0) return finding_infrastructure(f, "self-test: no room");
    enum runner_status status = runner_load(c->r, at->plan, &c->s.binary, RUN_LIMIT_MS, &program, &err);
    if (judge(c, status, &err, "loading", f) != 0) return -1;
    for (int b = 0; b < at->plan->n_buffers; b++) {
        float v = at->plan->buffer[b].role == PLAN_INPUT ? 1.5f : 0;
        memcpy(runner_arena(c->r) + c->group[i].slot[b].offset, &v, sizeof v);
    }
    status = runner_bind(c->r, program, c->group[i].slot, (size_t)at->plan->n_buffers, GUARD, &c->set[i], &err);
    if (judge(c, status, &err, "binding buffers", f) != 0) return -1;
    status = runner_upload(c->r, &c->set[i], 1, RUN_LIMIT_MS, &err);
    return judge(c, status, &err, "uploading", f);
}

static int chain_load(struct chain *c, struct finding *f) {
    size_t need = 3 * layout_plan_need(c->s.cases[0].plan, GUARD);
    struct layout layout = layout_new(need, GUARD);
    c->r = trial_runner_start(&c->t, RUNNER_MEASURE, need, f);
    if (!c->r) return -1;
    for (int i = 0; i < 3; i++)
        if (load_one(c, i, &layout, f) != 0) return -1;
    return 0;
}

/* --- running ---------------------------------------------------------------------------------- */
static int run_one(struct chain *c, int i, double *ret_ns, struct finding *f) {
    struct error err = ERROR_INIT;
    int sets[LAUNCHES];
    int64_t wall_ns = 0;
    for (int k = 0; k < LAUNCHES; k++) sets[k] = c->set[i];
    enum runner_status status = runner_run(c->r, sets, LAUNCHES, RUN_LIMIT_MS, &wall_ns, &err);
    *ret_ns = (double)wall_ns;
    return judge(c, status, &err, "running", f);
}

static int run_rounds(struct chain *c, struct finding *f) {
    for (int round = -WARM_ROUNDS; round < SELFTEST_ROUNDS; round++)
        for (int i = 0; i < 3; i++) {
            int which = (i + round + WARM_ROUNDS) % 3;
            if (run_one(c, which, &c->ns[round < 0 ? 0 : round][which], f) != 0) return -1;
        }
    return 0;
}

static int check_answers(struct chain *c, struct finding *f) {
    struct error err = ERROR_INIT;
    for (int i = 0; i < 3; i++) {
        const struct plan *p = case_of(c, i)->plan;
        for (int b = 0; b < p->n_buffers; b++) {
            float v = 0;
            if (p->buffer[b].role != PLAN_OUTPUT) continue;
            enum runner_status status = runner_download(c->r, c->set[i], &b, 1, RUN_LIMIT_MS, &err);
            if (judge(c, status, &err, "reading the answer", f) != 0) return -1;
            memcpy(&v, runner_arena(c->r) + c->group[i].slot[b].offset, sizeof v);
            if (v != 1.5f)
                return finding_infrastructure(f, "%s is not timed on: of size %s the self-test's answer is %g, not 1.5",
                                              trial_device(&c->t)->id, SIZES[i], (double)v);
        }
    }
    return 0;
}

static int measure(struct chain *c, struct finding *f) {
    const struct load_source *load = c->t.worker->load;
    int64_t begin = load ? load->now_ns(load->context) : 0;
    int64_t machine_ns = load ? load->machine_ns(load->context) : -1;
    int64_t own_ns = load ? load->self_ns(load->context) + runner_cpu_ns(c->r) : 0;
    if (run_rounds(c, f) != 0) return -1;
    c->foreign = 0;
    if (machine_ns < 0) return 0;
    int64_t others_ns =
        load->machine_ns(load->context) - machine_ns - (load->self_ns(load->context) + runner_cpu_ns(c->r) - own_ns);
    double all_ns = (double)(load->now_ns(load->context) - begin) * load->cores;
    c->foreign = all_ns > 0 ? (double)others_ns / all_ns : 0;
    return 0;
}

static int run_test(struct trial *t, double *ret_ratio, struct finding *f) {
    CLEANUP(chain_done) struct chain c;
    chain_init(&c, t);
    if (chain_build(&c, f) != 0 || chain_load(&c, f) != 0) return -1;
    *ret_ratio = (double)NAN;
    for (int i = 0; i < ATTEMPTS && !selftest_passes(*ret_ratio); i++) {
        if (measure(&c, f) != 0) return -1;
        *ret_ratio = selftest_ratio((const double(*)[3])c.ns, SELFTEST_ROUNDS);
    }
    if (check_answers(&c, f) != 0) return -1;
    if (selftest_passes(*ret_ratio)) return 0;
    if (c.foreign > FOREIGN_MAX)
        return finding_busy(f,
                            "the clock's self-test fails (4n - 2n steps take %.3g times 2n - n, not 2), and others use "
                            "%.0f %% of the processors",
                            *ret_ratio, 100 * c.foreign);
    return finding_infrastructure(f,
                                  "%s is not timed on: in the clock's self-test 4n - 2n steps take %.3g times as long "
                                  "as 2n - n, not 2 within %.0f %%",
                                  trial_device(t)->id, *ret_ratio, 100 * SELFTEST_TOLERANCE);
}

/* --- remembering ------------------------------------------------------------------------------ */
static char *file_of(const char *cache_dir, const char *fingerprint) {
    return xasprintf("%s/devices/%s.clock.json", cache_dir, fingerprint);
}

/* A clock can change with a reboot: another host, another clock source. */
static char *boot_id(void) {
    char *text = file_read("/proc/sys/kernel/random/boot_id", 256, NULL, NULL);
    if (text) text[strcspn(text, "\n")] = 0;
    return text ? text : xstrdup("");
}

static double recall(const char *cache_dir, const char *fingerprint) {
    CLEANUP_FREE char *path = file_of(cache_dir, fingerprint);
    CLEANUP_FREE char *boot = boot_id();
    size_t len = 0;
    CLEANUP_FREE char *text = file_read(path, MAX_FILE, &len, NULL);
    json_t *root = text ? json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const char *then = json_string_value(json_object_get(root, "boot"));
    double ratio = json_number_value(json_object_get(root, "ratio"));
    bool good = json_integer_value(json_object_get(root, "version")) == VERSION && then && strcmp(then, boot) == 0;
    json_decref(root);
    return good && selftest_passes(ratio) ? ratio : (double)NAN;
}

/* Only what passed is remembered: what failed is tried again. */
static void remember(const char *cache_dir, const char *fingerprint, double ratio) {
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *path = file_of(cache_dir, fingerprint);
    CLEANUP_FREE char *folder = path_dirname(path);
    CLEANUP_FREE char *boot = boot_id();
    json_t *root = json_pack("{s:i, s:s, s:f}", "version", VERSION, "boot", boot, "ratio", ratio);
    CLEANUP_FREE char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(6));
    json_decref(root);
    if (text && dir_make(folder, 0755, &err) == 0) file_write_durable(path, text, strlen(text), 0644, &err);
}

void selftest_remembered(const char *cache_dir, const char *fingerprint, char *out, size_t size) {
    double ratio = cache_dir ? recall(cache_dir, fingerprint) : (double)NAN;
    out[0] = 0;
    if (isfinite(ratio)) snprintf(out, size, "passed (%.3f)", ratio);
}

int selftest_require(struct trial *t, struct finding *f) {
    struct worker *w = t->worker;
    const char *fingerprint = trial_device(t)->fingerprint;
    double ratio;
    if (!w->clock_tested && w->cache_dir) w->clock_tested = isfinite(recall(w->cache_dir, fingerprint));
    if (w->clock_tested) return 0;
    int64_t from = clock_mono_ns();
    trial_progress(t, "time", 0, "self-test of the clock");
    int status = run_test(t, &ratio, f);
    phases_add(&t->phases, "time/self-test", clock_mono_ns() - from);
    if (status != 0 && f->kind == FINDING_BUSY && busy_answer(t) == BUSY_NOTED) {
        rec_set(&t->out->busy, f->text);
        finding_done(f);
        return 0;
    }
    if (status != 0) return -1;
    w->clock_tested = true;
    if (w->cache_dir) remember(w->cache_dir, fingerprint, ratio);
    return 0;
}
