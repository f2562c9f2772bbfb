/* The baselines of a task: built, screened, the fastest one found. */
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/measure.h"
#include "agent-node/worker/timing/busy.h"
#include "agent-node/worker/timing/quiet.h"
#include "agent-node/worker/timing/selftest.h"
#include "common/clock.h"
#include "problems/baseline/baseline.h"

#define SCREEN_MS 6.0
#define SCREEN_WINDOWS 5

void baselines_done(struct baselines *b) {
    for (int i = 0; i < b->n; i++) subject_done(&b->subject[i]);
    b->n = 0;
}

static int build_one(struct compiler *c, const char *name, struct baselines *b, struct finding *f) {
    struct subject *s = &b->subject[b->n++];
    if (subject_baseline(c->trial, name, c->trial->task->size, s, f) != 0) return -1;
    return build(c, s, f);
}

int baselines_build(struct trial *t, struct baselines *ret, struct finding *f) {
    CLEANUP(compiler_done) struct compiler c = {.trial = t};
    const struct rec_list_string *asked = &t->task->baselines;
    const char *const *all = baseline_names();
    int64_t from = clock_mono_ns();
    int status = 0;
    ret->n = 0;
    for (size_t i = 0; asked->count ? i < asked->count : all[i] != NULL; i++) {
        if (ret->n == BASELINES_MAX) return finding_infrastructure(f, "over %d baselines", BASELINES_MAX);
        status = build_one(&c, asked->count ? asked->items[i] : all[i], ret, f);
        if (status != 0) break;
    }
    phases_add(&t->phases, "compile", clock_mono_ns() - from);
    return status;
}

int baselines_screen(struct trial *t, const struct timed_data *data, struct baselines *b, struct finding *f) {
    struct screen screen = {.trial = t, .data = data};
    int64_t from = clock_mono_ns();
    int status = 0;
    b->fastest = 0;
    for (int i = 0; i < b->n && status == 0; i++) {
        struct screened s = {0};
        status = screen_one(&screen, &b->subject[i], SCREEN_MS, SCREEN_WINDOWS, &s, f);
        if (status == 0 && finding_any(&s.finding))
            status = finding_infrastructure(f, "%s failed: %s: %s", b->subject[i].name, verdict_name(s.finding.verdict),
                                            s.finding.text);
        finding_done(&s.finding);
        b->screened_ns[i] = s.ns;
        if (status == 0 && s.ns < b->screened_ns[b->fastest]) b->fastest = i;
    }
    screen_done(&screen);
    phases_add(&t->phases, "time/screen", clock_mono_ns() - from);
    return status;
}

/* --- `portolan-agent bench` without a kernel -------------------------------------------------- */
static int time_all(struct trial *t, struct baselines *b, const struct timed_data *data, const struct accuracy *acc,
                    struct finding *f) {
    CLEANUP_FREE struct timing *m = calloc(1, sizeof *m);
    if (!m) return finding_infrastructure(f, "out of memory");
    if (trial_lock(t, DOMAIN_EXCLUSIVE, f) != 0) return -1;
    if (quiet_await(t, f) != 0) {
        if (!busy_take(t, f)) return -1;
        for (int i = 0; i < b->n; i++) attempt_add_baseline(t, &b->subject[i], NULL, NULL, &acc[i]);
        return 0;
    }
    physics_learn(t->worker);
    int64_t from = clock_mono_ns();
    int status = selftest_require(t, f);
    if (status == 0) status = baselines_screen(t, data, b, f);
    for (int i = 0; i < b->n && status == 0; i++) {
        status = timing_run(t, &b->subject[b->fastest], &b->subject[i], data, m, f);
        if (status == 0) status = busy_settle(t, m, "", f);
        if (status == 0) attempt_add_baseline(t, &b->subject[i], &b->subject[b->fastest], m, &acc[i]);
        if (busy_take(t, f)) {
            attempt_add_baseline(t, &b->subject[i], NULL, NULL, &acc[i]);
            attempt_keep_samples(t, m);
            status = 0;
        }
    }
    phases_add(&t->phases, "time", clock_mono_ns() - from);
    return status;
}

int measure_all_baselines(struct trial *t, struct finding *f) {
    CLEANUP(baselines_done) struct baselines b = {0};
    struct accuracy acc[BASELINES_MAX] = {0};
    struct error err = ERROR_INIT;
    int64_t oracle_ns = 0;
    if (trial_lock(t, DOMAIN_SHARED, f) != 0 || baselines_build(t, &b, f) != 0) return -1;
    for (int i = 0; i < b.n; i++)
        if (verify_subject(t, &b.subject[i], &acc[i], f) != 0) return -1;
    if (trial_policy(t)->sets == 0) {
        for (int i = 0; i < b.n; i++) attempt_add_baseline(t, &b.subject[i], NULL, NULL, &acc[i]);
        return 0;
    }
    const struct timed_data *data = seeds_timed(t->seeds, t->bound, trial_cancel(t), &oracle_ns, &err);
    phases_add(&t->phases, "oracle", oracle_ns);
    if (!data) return finding_error(f, &err, "oracle");
    int status = time_all(t, &b, data, acc, f);
    seeds_timed_release(t->seeds, data, false);
    return status;
}
