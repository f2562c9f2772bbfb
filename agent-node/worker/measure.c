/* Verification and timing of one built candidate. */
#include "agent-node/worker/measure.h"

#include "agent-node/worker/timing/busy.h"
#include "agent-node/worker/timing/history.h"
#include "agent-node/worker/timing/quiet.h"
#include "agent-node/worker/timing/selftest.h"
#include "agent-node/worker/timing/span.h"
#include "common/clock.h"

/* The candidate's time a launch, for the speed of light. */
static double typical_ns(const struct timing *m) {
    double kept[TIMING_WINDOWS_MAX];
    return stats_median(kept, timing_kept(m, &m->candidate, kept));
}

/* Can these times be believed? Looks at the load, and at what the baseline took before. */
static int believe(struct trial *t, const struct subject *baseline, const struct timing *m, struct finding *f) {
    char load[256], drift[256];
    history_check(t, baseline, m, timing_busy(m, load, sizeof load), drift, sizeof drift);
    return busy_settle(t, m, drift, f);
}

static int time_it(struct trial *t, const struct subject *s, struct baselines *b, const struct timed_data *data,
                   struct accuracy *acc, struct finding *f) {
    CLEANUP_FREE struct timing *m = calloc(1, sizeof *m);
    if (!m) return finding_infrastructure(f, "out of memory");
    if (trial_lock(t, DOMAIN_EXCLUSIVE, f) != 0) return -1;
    if (quiet_await(t, f) != 0) {
        trial_lock(t, DOMAIN_SHARED, f);
        return -1;
    }
    int64_t from = clock_mono_ns();
    physics_learn(t->worker);
    int status = selftest_require(t, f);
    if (status == 0) status = baselines_screen(t, data, b, f);
    if (status == 0) status = timing_run(t, &b->subject[b->fastest], s, data, m, f);
    phases_add(&t->phases, "time", clock_mono_ns() - from);
    if (m->candidate.n > 0) attempt_keep_samples(t, m); /* whatever comes of it: times and claims are evidence */
    if (trial_lock(t, DOMAIN_SHARED, f) != 0 || status != 0) return -1;
    /* On a busy machine asking may have seemed to take longer than running did; nothing else gets faster there. */
    char busy[256];
    if (typical_ns(m) <= 1 && timing_busy(m, busy, sizeof busy))
        return finding_busy(f, "launches seemed to take no longer than asking for them: %s", busy);
    if (physics_check(t, typical_ns(m), m->rotating_bytes, f) != 0) return -1;
    if (!s->trusted && span_check(t, m, f) != 0) return -1;
    if (believe(t, &b->subject[b->fastest], m, f) != 0) return -1;
    if (m->acc.worst > acc->worst) acc->worst = m->acc.worst;
    if (m->acc.rms > acc->rms) acc->rms = m->acc.rms;
    attempt_add_timing(t, s, b, m, acc);
    return 0;
}

static int beside_baselines(struct trial *t, const struct subject *s, struct accuracy *acc, struct finding *f) {
    CLEANUP(baselines_done) struct baselines b = {0};
    struct error err = ERROR_INIT;
    int64_t oracle_ns = 0;
    trial_progress(t, "compile", 0, "baselines");
    if (baselines_build(t, &b, f) != 0) return -1;
    trial_progress(t, "oracle", 0, t->bound->size);
    const struct timed_data *data = seeds_timed(t->seeds, t->bound, trial_cancel(t), &oracle_ns, &err);
    if (!data) return finding_error(f, &err, "oracle");
    int status = pool_timed_declare(t->worker->pool, t->bound, data, s->precision, trial_cancel(t), &oracle_ns, &err);
    phases_add(&t->phases, "oracle", oracle_ns);
    if (status != 0)
        finding_error(f, &err, "declared precision");
    else
        status = time_it(t, s, &b, data, acc, f);
    seeds_timed_release(t->seeds, data, f->kind == FINDING_VERDICT);
    return status;
}

int measure_candidate(struct trial *t, const struct subject *s, struct finding *f) {
    struct accuracy acc = {0};
    if (trial_lock(t, DOMAIN_SHARED, f) != 0) return -1;
    trial_progress(t, "verify", 0, s->name);
    int status = verify_subject(t, s, &acc, f);
    /* It may find what outranks a wrong answer, and why the answer is wrong. */
    if (audit_run(t, s, f) != 0 || status != 0) return -1;
    if (trial_policy(t)->sets > 0 && (beside_baselines(t, s, &acc, f) == 0 || !busy_take(t, f)))
        return finding_any(f) ? -1 : 0;
    attempt_add_candidate(t, s, VERDICT_CORRECT, &acc);
    return 0;
}
