#include "agent-node/worker/reference.h"

#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/build.h"
#include "agent-node/worker/group.h"
#include "agent-node/worker/verify/verify.h"
#include "common/buf.h"

#define GUARD ((size_t)16 << 10)
#define EDGE_PAGES 1
#define BASELINE "plain"

static int as_error(const struct finding *f, struct error *err) {
    enum error_code code = f->kind == FINDING_CANCELLED ? ERR_CANCELLED : ERR_DEVICE;
    return error_set(err, code, "the reference of the plain kernels: %s",
                     f->kind == FINDING_CANCELLED ? "cancelled" : f->text);
}

static int build_baseline(struct trial *t, const char *size, struct subject *s, struct finding *f) {
    CLEANUP(compiler_done) struct compiler c = {.trial = t};
    return subject_baseline(t, BASELINE, size, s, f) != 0 ? -1 : build(&c, s, f);
}

/* At every size that the oracle does in time. */
static int verify_small(struct trial *t, const struct cost *whole, struct finding *f) {
    int verified = 0;
    for (size_t i = 0; i < problem_size_count(t->problem); i++) {
        const char *size = problem_size_name(t->problem, i);
        struct bound *b = problem_bind(t->problem, size, NULL);
        struct cost cost = {0};
        if (b) bound_cost(b, &cost);
        bound_free(b);
        if (!b || cost.oracle_flops * 16 > whole->oracle_flops) continue;
        CLEANUP(subject_done) struct subject s = {0};
        struct accuracy acc = {0};
        if (build_baseline(t, size, &s, f) != 0 || verify_subject(t, &s, &acc, f) != 0) return -1;
        verified++;
    }
    return verified ? 0 : finding_infrastructure(f, "the problem has no smaller size to verify them at");
}

static int judge(const struct trial *t, struct runner *r, enum runner_status status, const struct error *err,
                 struct finding *f) {
    struct runner_event e = {.status = status,
                             .runner = r,
                             .err = err,
                             .who = "baseline " BASELINE,
                             .doing = "computing the reference",
                             .limit_ms = t->task->policy.run_timeout_ms,
                             .trusted = true};
    return trial_judge_runner(t, &e, f);
}

/* One group of buffers, written, run and left in the arena. */
static int run_set(const struct trial *t, struct runner *r, const struct subject *s, struct group *g,
                   const struct data_set *d, struct finding *f) {
    struct error err = ERROR_INIT;
    const struct plan *p = s->cases[0].plan;
    int64_t limit_ms = t->task->policy.run_timeout_ms, wall_ns = 0;
    int program = 0, set = 0, buffers[PLAN_MAX_BUFFERS];
    struct layout l = layout_new(layout_plan_need(p, GUARD) + 2 * EDGE_PAGES * LAYOUT_PAGE, GUARD);
    layout_skip(&l, EDGE_PAGES);
    if (group_place(&l, p, g) != 0) return finding_infrastructure(f, "the reference does not fit the arena");
    for (int i = 0; i < p->n_buffers; i++) buffers[i] = i;
    if (judge(t, r, runner_load(r, p, &s->binary, limit_ms, &program, &err), &err, f) != 0 ||
        judge(t, r, runner_bind(r, program, g->slot, (size_t)p->n_buffers, GUARD, &set, &err), &err, f) != 0)
        return -1;
    group_write(g, p, runner_arena(r), GUARD, d);
    enum runner_status status = runner_upload(r, &set, 1, limit_ms, &err);
    if (status == RUNNER_OK) status = runner_run(r, &set, 1, limit_ms, &wall_ns, &err);
    if (status == RUNNER_OK && !runner_in_place(r))
        status = runner_download(r, set, buffers, (size_t)p->n_buffers, limit_ms, &err);
    return judge(t, r, status, &err, f);
}

static int compute(struct trial *t, const struct bound *b, const struct data_set *d, void **ret, struct finding *f) {
    CLEANUP(subject_done) struct subject s = {0};
    CLEANUP(group_done) struct group g = {0};
    if (build_baseline(t, t->task->size, &s, f) != 0) return -1;
    const struct plan *p = s.cases[0].plan;
    size_t arena = layout_plan_need(p, GUARD) + 2 * EDGE_PAGES * LAYOUT_PAGE;
    struct runner *r = trial_runner_start(t, RUNNER_MEASURE, arena, f);
    int status = r ? run_set(t, r, &s, &g, d, f) : -1;
    for (int i = 0; i < b->n_outputs && status == 0; i++)
        for (int k = 0; k < p->n_buffers; k++) {
            if (p->buffer[k].role != PLAN_OUTPUT || p->buffer[k].tensor != b->output[i]) continue;
            ret[i] = xmalloc(p->buffer[k].bytes);
            memcpy(ret[i], (const uint8_t *)runner_arena(r) + g.slot[k].offset, p->buffer[k].bytes);
        }
    runner_free(r);
    return status;
}

static bool is_timed_size(const struct trial *t, const struct bound *b) {
    for (int i = 0; i < b->n_dims; i++)
        if (b->dim[i].value != t->bound->dim[i].value) return false;
    return true;
}

static int run(void *context, const struct bound *b, const struct data_set *d, void **ret_outputs, struct error *err) {
    struct reference_run *run = context;
    struct trial *t = run->trial;
    if (!t->bound || !is_timed_size(t, b))
        return error_set(err, ERR_UNSUPPORTED, "the reference is for the timed size alone");
    CLEANUP(finding_done) struct finding f = FINDING_INIT;
    if (!run->verified && verify_small(t, &t->cost, &f) != 0) return as_error(&f, err);
    run->verified = true;
    return compute(t, b, d, ret_outputs, &f) == 0 ? 0 : as_error(&f, err);
}

/* For tests of what a large size does, at a small one. */
static double oracle_limit_s(const struct trial *t) {
    const char *text = t->test_hooks ? getenv("PORTOLAN_TEST_ORACLE_LIMIT_S") : NULL;
    double asked = text ? strtod(text, NULL) : 0;
    return asked > 0 ? asked : REFERENCE_ORACLE_LIMIT_S;
}

struct reference reference_of(struct reference_run *ref) {
    return (struct reference){.run = run, .context = ref, .oracle_limit_s = oracle_limit_s(ref->trial)};
}
