/* What a device has to show before anything is run or timed on it: the known-answer check, and the clock's self-test.
 * The known-answer check is a tiny problem with the plain baseline in the candidate's place, through compile runner,
 * measure runner and judge, as every task goes. What it says of a device, it says before any task does. */
#include <stdio.h>
#include <string.h>

#include "agent-node/worker/measure.h"
#include "agent-node/worker/timing/selftest.h"
#include "common/clock.h"

static const char PROBLEM[] =
    "problem: known-answer\n"
    "level: 1\n"
    "origin: portolan\n"
    "sizes:\n"
    "  check: {M: 33, K: 65, N: 17}\n"
    "inputs:\n"
    "  a: {dtype: f32, shape: [M, K], fill: 'uniform(-1, 1)'}\n"
    "  b: {dtype: f32, shape: [K, N], fill: 'uniform(-1, 1)'}\n"
    "graph:\n"
    "  - c = matmul(a, b)\n"
    "  - y = relu(c)\n"
    "outputs: [y]\n";

static int check(struct trial *t, struct finding *f) {
    struct error err = ERROR_INIT;
    struct accuracy acc = {0};
    CLEANUP(subject_done) struct subject s = {0};
    CLEANUP(compiler_done) struct compiler c = {.trial = t};
    t->problem = problem_parse(PROBLEM, sizeof PROBLEM - 1, "known-answer.yaml", &err);
    if (!t->problem) return finding_error(f, &err, "known answer");
    t->bound = problem_bind(t->problem, t->task->size, &err);
    if (!t->bound) return finding_error(f, &err, "known answer");
    if (trial_lock(t, DOMAIN_SHARED, f) != 0 || subject_baseline(t, "plain", t->task->size, &s, f) != 0 ||
        build(&c, &s, f) != 0)
        return -1;
    return verify_subject(t, &s, &acc, f);
}

int worker_health_check(struct worker *w, struct error *err) {
    CLEANUP(finding_done) struct finding f = FINDING_INIT;
    struct rec_task task;
    rec_task_init(&task);
    rec_set(&task.size, "check");
    struct trial t = {.worker = w, .task = &task, .seeds = seeds_new(w->pool, false, "", NULL)};
    enum domain_mode before = domain_lock_mode(w->domain);
    check(&t, &f);
    if (before == DOMAIN_FREE) domain_lock_set(w->domain, DOMAIN_FREE, NULL, NULL, NULL);
    seeds_free(t.seeds);
    bound_free(t.bound);
    problem_free(t.problem);
    rec_task_done(&task);
    if (!finding_any(&f)) return 0;
    if (f.kind == FINDING_VERDICT)
        return error_set(err, ERR_DEVICE, "the known-answer check failed: %s: %s", verdict_name(f.verdict), f.text);
    return error_set(err, ERR_DEVICE, "the known-answer check failed: %s", f.text);
}

int worker_self_test(struct worker *w, char *ret_text, size_t size, struct error *err) {
    CLEANUP(finding_done) struct finding f = FINDING_INIT;
    struct rec_task task;
    struct rec_attempt out; /* nobody reads it */
    rec_task_init(&task);
    rec_attempt_init(&out);
    struct trial t = {.worker = w, .task = &task, .out = &out};
    if (trial_lock(&t, DOMAIN_EXCLUSIVE, &f) == 0) selftest_require(&t, &f);
    domain_lock_set(w->domain, DOMAIN_FREE, NULL, NULL, NULL);
    rec_attempt_done(&out);
    rec_task_done(&task);
    selftest_remembered(w->cache_dir, trial_device(&t)->fingerprint, ret_text, size);
    if (!finding_any(&f)) return 0;
    snprintf(ret_text, size, "failed: %s", f.text);
    return error_set(err, f.kind == FINDING_BUSY ? ERR_BUSY : ERR_DEVICE, "%s", f.text);
}

void worker_self_test_remembered(const char *cache_dir, const struct rec_device *d, char *ret_text, size_t size) {
    selftest_remembered(cache_dir, d->fingerprint, ret_text, size);
}
