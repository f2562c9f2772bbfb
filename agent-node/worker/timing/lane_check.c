/* Step 7. Only the worker knows which of the timed sets have known answers; it reads their outputs from memory while
 * the runner stands still, so that nothing can be computed for the occasion. */
#include "agent-node/worker/timing/lane_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/verify/verify.h"

/* Of a device's own clock, against the worker's: less than this share of the time is not a rounding matter but a lie,
 * or a clock that cannot be used. Launch overheads are taken off before. */
#define CLAIM_MIN 0.5
#define CLAIM_MAX 1.05
#define CLAIM_LEAST_NS 10e6
#define CLAIM_CPU_MAX 2.0 /* of processor time over what a claim accounts for */

static int download(struct lane *l, int set) {
    struct error err = ERROR_INIT;
    int buffers[PLAN_MAX_BUFFERS], n = l->s->cases[0].plan->n_buffers;
    for (int i = 0; i < n; i++) buffers[i] = i;
    if (runner_resume(l->r, &err) != 0) return finding_error(l->f, &err, "cannot continue a runner");
    enum runner_status status =
        runner_download(l->r, set, buffers, (size_t)n, trial_policy(l->t)->run_timeout_ms, &err);
    struct runner_event e = {.status = status,
                             .runner = l->r,
                             .err = &err,
                             .who = l->s->name,
                             .doing = "reading timed outputs",
                             .limit_ms = trial_policy(l->t)->run_timeout_ms,
                             .trusted = l->s->trusted};
    if (trial_judge_runner(l->t, &e, l->f) != 0) return -1;
    if (runner_pause(l->r, &err) != 0) return finding_error(l->f, &err, "cannot stop a runner");
    l->stopped_cpu_ns = runner_cpu_ns(l->r);
    return 0;
}

static int look(struct lane *l, int variant, int group) {
    const struct data_set *known[POOL_CHECKS];
    char when[64];
    int n_known = timed_checks(l->data);
    for (int k = 0; k < n_known; k++) known[k] = timed_check(l->data, k);
    if (!runner_in_place(l->r) && download(l, l->set[variant][group]) != 0) return -1;
    snprintf(when, sizeof when, "timed launch %d of a window in set %d", group < l->idle ? group + 1 : group,
             l->set_no + 1);
    struct inspection in = {.trial = l->t,
                            .at = &l->s->cases[0],
                            .arena = runner_arena(l->r),
                            .guard = LANE_GUARD,
                            .group = &l->group[variant][group],
                            .data = known[l->check[group]],
                            .precision = l->s->precision,
                            .when = when,
                            .earlier = known,
                            .n_earlier = (size_t)n_known};
    if (!l->s->trusted) return inspect(&in, &l->acc, l->f);
    CLEANUP(finding_done) struct finding mine = FINDING_INIT;
    if (inspect(&in, &l->acc, &mine) == 0) return 0;
    return finding_infrastructure(l->f, "%s failed: %s: %s", l->s->name, verdict_name(mine.verdict), mine.text);
}

/* How many elements of buffer `i` of the set that was left out are still what was put there: poison, or the input that
 * an output is computed in place of, which is made again to be compared. */
static int64_t elements_left(const struct lane *l, int variant, int i) {
    const struct plan_buffer *b = &l->s->cases[0].plan->buffer[i];
    const struct group *g = &l->group[variant][l->idle];
    const uint8_t *now = runner_arena(l->r) + g->slot[i].offset;
    size_t width = dtype_bytes(b->dtype);
    int64_t n = (int64_t)(b->bytes / width), left = 0;
    if (plan_buffer_source(b) < 0) {
        struct poison poison = group_poison(g, i);
        if (poison_intact(&poison, b->dtype, now, b->bytes)) return n;
        return poison_left(&poison, b->dtype, now, n, NULL);
    }
    uint8_t *before = aligned_alloc(64, (b->bytes + 63) / 64 * 64);
    if (!before) abort();
    timed_assemble(l->data, b->source, l->number[l->idle], before);
    if (memcmp(now, before, b->bytes) == 0)
        left = n;
    else
        for (int64_t k = 0; k < n; k++) left += memcmp(now + (size_t)k * width, before + (size_t)k * width, width) == 0;
    free(before);
    return left;
}

/* A window has buffers for one launch more than it launches, and which ones it leaves out is drawn anew for each. What
 * is written there was written by a launch on other buffers: one that computes for several, so that the rest find their
 * work done. The baseline is looked at like the candidate: what the worker reads between two launches is what the next
 * one does not find in the cache (a copy of 16 MiB took 5 % longer against itself where only one side was read). */
static int check_idle(struct lane *l, int variant) {
    const struct plan *p = l->s->cases[0].plan;
    if (!runner_in_place(l->r)) return 0; /* else it would have to be brought here after each window */
    for (int i = 0; i < p->n_buffers; i++) {
        const struct plan_buffer *b = &p->buffer[i];
        if (b->role == PLAN_INPUT) continue;
        int64_t n = (int64_t)(b->bytes / dtype_bytes(b->dtype)), left = elements_left(l, variant, i);
        if (left == n) continue;
        if (l->s->trusted)
            return finding_infrastructure(l->f, "%s wrote outside `%s` of its launch", l->s->name, b->name);
        return finding_verdict(l->f, VERDICT_OUT_OF_BOUNDS,
                               "size %s, timed runs: wrote into `%s` of a set of buffers that it was not launched "
                               "on, %lld of its %lld elements: a launch may only write to its own",
                               l->s->cases[0].label, b->name, (long long)(n - left), (long long)n);
    }
    return 0;
}

int lane_check(struct lane *l, int variant) {
    for (int i = 0; i < l->groups; i++)
        if (l->check[i] >= 0 && look(l, variant, i) != 0) return -1;
    return check_idle(l, variant);
}

int lane_check_guards(struct lane *l) {
    const struct plan *p = l->s->cases[0].plan;
    if (!runner_in_place(l->r)) return 0; /* those that were downloaded were checked */
    for (int i = 0; i < l->groups; i++)
        for (int b = 0; b < p->n_buffers; b++) {
            const struct slot *s = &l->group[0][i].slot[b];
            int64_t at = 0;
            if (group_check_guards(&l->group[0][i], b, runner_arena(l->r), LANE_GUARD, &at) == 0) continue;
            long long off = at < 0 ? -at : at - (int64_t)s->bytes;
            const char *side = at < 0 ? "in front of its start" : "behind its end";
            if (l->s->trusted)
                return finding_infrastructure(l->f, "%s wrote outside `%s`", l->s->name, p->buffer[b].name);
            return finding_verdict(l->f, VERDICT_OUT_OF_BOUNDS,
                                   "size %s, timed runs: wrote outside `%s` (%zu bytes): byte %lld %s",
                                   l->s->cases[0].label, p->buffer[b].name, s->bytes, off, side);
        }
    return 0;
}

/* Whether it is the machine that the worker's clock has seen: on a processor that others want, a runner waits between
 * what it does, and the clock goes on (so it does while the agent itself is stopped). Then its processor time is no
 * more than its claim accounts for, on all units of the device. A runner that computes for longer than it says has used
 * more. */
static bool was_kept_waiting(const struct lane *l) {
    const struct rec_device *d = trial_device(l->t);
    double units = d->compute_units > 0 ? d->compute_units : 1;
    if (!d->host_memory || l->run_cpu_ns <= 0) return false; /* not a device that uses the processor */
    return (double)l->run_cpu_ns < CLAIM_CPU_MAX * (units * l->claimed_ns + l->overhead_ns); /* one thread launches */
}

int lane_check_claims(struct lane *l) {
    double measured_ns = (double)l->window_ns;
    if (l->s->trusted || !trial_device(l->t)->event_times || measured_ns < CLAIM_LEAST_NS) return 0;
    if (l->claimed_ns > measured_ns * CLAIM_MAX)
        return finding_verdict(l->f, VERDICT_IMPLAUSIBLE,
                               "the runner claims %.4g ms of device time within %.4g ms by the worker's clock",
                               l->claimed_ns / 1e6, measured_ns / 1e6);
    if (l->claimed_ns >= CLAIM_MIN * (measured_ns - l->overhead_ns)) return 0;
    if (was_kept_waiting(l))
        return finding_busy(l->f,
                            "timed windows took %.4g ms, the runner claims %.4g ms of device time "
                            "and had %.4g ms of processor time",
                            measured_ns / 1e6, l->claimed_ns / 1e6, (double)l->run_cpu_ns / 1e6);
    return finding_verdict(
        l->f, VERDICT_IMPLAUSIBLE,
        "the runner claims %.4g ms of device time, the worker's clock says %.4g ms (at most %.3g ms of "
        "it overhead)",
        l->claimed_ns / 1e6, measured_ns / 1e6, l->overhead_ns / 1e6);
}
