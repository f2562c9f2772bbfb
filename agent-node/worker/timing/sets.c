/* Fresh sets of runners, quads in each, and what follows from them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/timing/placement.h"
#include "agent-node/worker/timing/quads.h"
#include "agent-node/worker/timing/warmup.h"
#include "agent-node/worker/verify/verify.h"
#include "common/buf.h"
#include "common/clock.h"

#define WARM_LEAST_MS 15.0
#define WARM_MOST_MS 100.0
#define SET_MAX_MS 4000.0     /* of windows; a slow kernel gets fewer quads */
#define PREPARE_MAX_MS 1000.0 /* of writing their data; one that mostly moves data gets fewer, too */
#define QUADS_MIN 2
#define PAGE_BYTES 4096
#define DEALT_BYTES ((size_t)256 << 10)
/* A launch that takes this many times longer in the warm-up than in the windows that count, in every set and beyond
 * what the baseline shows: it knows which is which, and windows were planned for what it showed. */
#define DAWDLE 4.0

enum which { BASELINE, CANDIDATE };
struct measuring {
    struct trial *t;
    const struct subject *subject[2];
    const struct timed_data *data;
    struct timing *m;
    struct finding *f;
    struct pace pace[2];
    double dawdled; /* least over the sets: warm-up's time over the windows', over the same of the baseline */
    bool paced;     /* paces and the number of quads are chosen, in the first set's warm-up */
};
/* One set. */
struct pair {
    struct runner *runner[2];
    struct lane lane[2];
    double round_trip_ns;
    double warm_ns[2]; /* a launch at the end of the warm-up */
};

static void pair_done(struct pair *p) {
    for (int i = 0; i < 2; i++) {
        lane_close(&p->lane[i]);
        runner_free(p->runner[i]);
    }
}

/* Which side comes first: it alternates from set to set. */
static enum which turn(int set, int i) {
    return (i + set) & 1 ? CANDIDATE : BASELINE;
}

static size_t arena_bytes(const struct measuring *x, enum which w) {
    return lane_arena_bytes(x->subject[w], trial_device(x->t));
}

/* Physical memory is dealt out in turns. A process that takes all of its own first gets what is left of many pieces and
 * the next one long stretches, and a copy of 16 MiB ran 4 % slower in whichever had been started first. */
static void deal_memory(const struct measuring *x, const struct pair *p, int set) {
    const size_t bytes[] = {arena_bytes(x, BASELINE), arena_bytes(x, CANDIDATE)};
    for (size_t piece = 0, at = 0; at < bytes[BASELINE] || at < bytes[CANDIDATE]; piece++, at += DEALT_BYTES)
        for (int i = 0; i < 2; i++) {
            enum which w = turn(set + (int)(piece & 1), i);
            volatile uint8_t *arena = runner_arena(p->runner[w]);
            for (size_t page = at; page < at + DEALT_BYTES && page < bytes[w]; page += PAGE_BYTES) arena[page] = 0;
        }
}

/* Everything is done for both sides in turns. */
static int open_pair(struct measuring *x, int set, struct pair *p) {
    int64_t from = clock_mono_ns();
    int status = 0;
    for (int i = 0; i < 2 && status == 0; i++) {
        enum which w = turn(set, i);
        p->runner[w] = trial_runner_start(x->t, RUNNER_MEASURE, arena_bytes(x, w), x->f);
        if (!p->runner[w]) status = -1;
    }
    if (status == 0 && trial_device(x->t)->host_memory) deal_memory(x, p, set);
    for (int i = 0; i < 2 && status == 0; i++) {
        enum which w = turn(set, i);
        status = lane_open(&p->lane[w], x->t, x->subject[w], x->data, p->runner[w], x->f);
        p->lane[w].set_no = set;
        if (status == 0 && x->paced) status = lane_fit(&p->lane[w], x->pace[w]);
    }
    phases_add(&x->t->phases, "time/start", clock_mono_ns() - from);
    return status;
}

static int fit_both(struct measuring *x, struct pair *p, const double ns[2]) {
    for (int w = 0; w < 2; w++) {
        struct pace pace = pace_for(x->subject[w], ns[w], trial_policy(x->t)->window_ms * 1e6);
        if (pace.n == x->pace[w].n && pace.repeats == x->pace[w].repeats) continue;
        x->pace[w] = pace;
        if (lane_fit(&p->lane[w], pace) != 0) return -1;
    }
    return 0;
}

static int at_most(int quads, double quad_ms, double set_ms) {
    return quads * quad_ms > set_ms ? (int)(set_ms / quad_ms) : quads;
}

static void choose_quads(struct measuring *x, const struct pair *p, const double ns[2]) {
    double quad_ms = 0, prepare_ms = 0;
    for (int w = 0; w < 2; w++) {
        quad_ms += 2 * ns[w] * x->pace[w].n * x->pace[w].repeats / 1e6;
        prepare_ms += 2 * (double)p->lane[w].last_prepare_ns * x->pace[w].repeats / 1e6;
    }
    int quads = trial_policy(x->t)->quads;
    if (quads > TIMING_QUADS_MAX) quads = TIMING_QUADS_MAX;
    quads = at_most(at_most(quads, quad_ms, SET_MAX_MS), prepare_ms, PREPARE_MAX_MS);
    x->m->quads = quads < QUADS_MIN ? QUADS_MIN : quads;
    x->m->baseline.pace = x->pace[BASELINE];
    x->m->candidate.pace = x->pace[CANDIDATE];
    x->paced = true;
}

/* How windows are filled: by an estimate from few launches, mended by what windows filled like that take. */
static int choose_pace(struct measuring *x, struct pair *p) {
    struct lane *lanes[] = {&p->lane[0], &p->lane[1]};
    double ns[2];
    for (int w = 0; w < 2; w++)
        if (warm_estimate(lanes[w], &ns[w]) != 0) return -1;
    if (fit_both(x, p, ns) != 0 || warm_up(lanes, 2, WARM_LEAST_MS / 2, WARM_MOST_MS / 4, ns) != 0) return -1;
    if (fit_both(x, p, ns) != 0) return -1;
    choose_quads(x, p, ns);
    return 0;
}

/* Drivers that run on the host: which threads do the work shows in a second warm-up; in the first one others compile.
 */
static int warm_and_place(struct measuring *x, struct pair *p, struct lane *const *lanes) {
    if (!trial_device(x->t)->host_memory) return warm_up(lanes, 2, WARM_LEAST_MS, WARM_MOST_MS, p->warm_ns);
    struct thread_times *before = xcalloc(2, sizeof *before);
    bool placed = false;
    int status = warm_up(lanes, 2, WARM_LEAST_MS / 2, WARM_MOST_MS / 2, p->warm_ns);
    for (int w = 0; w < 2; w++) thread_times_read(runner_pid(p->runner[w]), &before[w]);
    if (status == 0) status = warm_up(lanes, 2, WARM_LEAST_MS, WARM_MOST_MS, p->warm_ns);
    for (int w = 0; w < 2 && status == 0; w++) placed = placement_bind(runner_pid(p->runner[w]), &before[w]) || placed;
    free(before);
    return status == 0 && placed ? warm_up(lanes, 2, WARM_LEAST_MS / 2, WARM_MOST_MS / 2, p->warm_ns) : status;
}

static int warm(struct measuring *x, struct pair *p) {
    struct lane *lanes[] = {&p->lane[0], &p->lane[1]};
    if (!x->paced && choose_pace(x, p) != 0) return -1;
    if (warm_and_place(x, p, lanes) != 0) return -1;
    if (lane_round_trip(&p->lane[BASELINE], &p->round_trip_ns) != 0) return -1;
    for (int w = 0; w < 2; w++) p->warm_ns[w] -= p->round_trip_ns / p->lane[w].pace.n;
    return 0;
}

static void keep_load(const struct measuring *x, const struct lane *l, struct side *side) {
    const struct load_source *source = x->t->worker->load;
    double wall_ns = (double)l->load.wall_ns, span_ns = (double)l->load.span_ns;
    bool known = source && l->load.known && span_ns > 0;
    side->foreign[side->n] = known ? (double)l->load.foreign_ns / (span_ns * source->cores) : (double)NAN;
    side->cpu[side->n] = l->load.cpu_ns > 0 ? (double)l->load.cpu_ns / wall_ns : (double)NAN;
}

/* One window into its side. What asking costs is taken off both sides alike, as the baseline's runner shows it. */
static int window(struct measuring *x, struct pair *p, enum which w, int number, int variant) {
    struct lane *l = &p->lane[w];
    struct side *side = w == BASELINE ? &x->m->baseline : &x->m->candidate;
    int64_t wall_ns;
    int status = lane_window(l, number, variant, &wall_ns);
    if (status != 0 && wall_ns == 0) return -1;
    double ns = (double)wall_ns - l->pace.repeats * p->round_trip_ns, launches = l->pace.n * l->pace.repeats;
    bool nothing = !(ns > 0); /* no longer than asking: it does nothing, or asking was measured at a bad moment */
    if (nothing) ns = l->s->trusted ? (double)wall_ns : 1; /* step 8 has a word for a candidate that is always so */
    keep_load(x, l, side);
    if (nothing && l->s->trusted) side->foreign[side->n] = (double)INFINITY; /* drops the quad */
    side->claimed_ns[side->n] = l->claim_ns / launches;
    side->ns[side->n++] = ns / launches;
    return status;
}

static int measure_quads(struct measuring *x, struct pair *p, int set) {
    int quads = x->m->quads;
    for (int w = 0; w < 2; w++) lane_choose_peeks(&p->lane[w], 2 * quads);
    for (int q = 0; q < quads; q++) {
        enum which outer = (q / 2 + set) & 1 ? CANDIDATE : BASELINE, inner = outer == BASELINE ? CANDIDATE : BASELINE;
        if (window(x, p, outer, 2 * q, q & 1) != 0 || window(x, p, inner, 2 * q, q & 1) != 0 ||
            window(x, p, inner, 2 * q + 1, q & 1) != 0 || window(x, p, outer, 2 * q + 1, q & 1) != 0)
            return -1;
    }
    return 0;
}

/* Warm-up's time over that of this set's windows. */
static double drift(const struct side *s, double warm_ns, int quads) {
    size_t n = 2 * (size_t)quads;
    double ns = stats_median(s->ns + s->n - n, n);
    return ns > 0 ? warm_ns / ns : 0;
}

static void note_drift(struct measuring *x, const struct pair *p, int set) {
    double machine = drift(&x->m->baseline, p->warm_ns[BASELINE], x->m->quads);
    double d = drift(&x->m->candidate, p->warm_ns[CANDIDATE], x->m->quads) / (machine > 1 ? machine : 1);
    if (set == 0 || d < x->dawdled) x->dawdled = d;
}

static int judge_drift(const struct measuring *x) {
    if (x->subject[CANDIDATE]->trusted || x->dawdled < DAWDLE) return 0;
    return finding_verdict(x->f, VERDICT_IMPLAUSIBLE,
                           "a launch took at least %.3g times longer while warming up than in the windows that count, "
                           "beyond what the baseline did: the kernel tells the two apart",
                           x->dawdled);
}

static void keep_accuracy(const struct lane *l, struct accuracy *acc) {
    if (l->acc.worst > acc->worst) acc->worst = l->acc.worst;
    if (l->acc.rms > acc->rms) acc->rms = l->acc.rms;
    acc->elements += l->acc.elements;
}

/* Readings are taken while both runners stand still, right before and behind the windows. */
static void read_sensors(struct measuring *x, int set, int when) {
    struct sensors *s = x->t->worker->sensors;
    if (s) sensors_read(s, &x->m->reading[set][when]);
}

static int run_set(struct measuring *x, int set) {
    struct pair p = {0};
    int status = open_pair(x, set, &p);
    if (status == 0) status = warm(x, &p);
    read_sensors(x, set, 0);
    if (status == 0) status = measure_quads(x, &p, set);
    read_sensors(x, set, 1);
    if (status == 0) note_drift(x, &p, set);
    for (int w = 0; w < 2; w++) {
        if (status == 0) status = lane_finish(&p.lane[w]);
        phases_add(&x->t->phases, "time/prepare", p.lane[w].prepare_ns);
        phases_add(&x->t->phases, "time/kernels", p.lane[w].window_ns);
    }
    keep_accuracy(&p.lane[CANDIDATE], &x->m->acc);
    pair_done(&p);
    return status;
}

/* What one reading of a coarse counter may be off, as a share of a window. */
static double grain_of(const struct trial *t) {
    const struct load_source *source = t->worker->load;
    return source ? source->grain_ns / (trial_policy(t)->window_ms * 1e6 * source->cores) : 0;
}

static int estimate(struct trial *t, struct timing *m, struct finding *f) {
    quads_judge(m, trial_device(t)->host_memory, grain_of(t));
    quads_ratios(m);
    double confidence = trial_policy(t)->confidence;
    struct interval i = stats_hodges_lehmann(m->log_ratio, (size_t)m->sets, confidence);
    m->speedup = (struct interval){
        .estimate = exp(i.estimate), .low = exp(i.low), .high = exp(i.high), .confidence = i.confidence};
    if (isfinite(m->speedup.low) && isfinite(m->speedup.high)) return 0;
    return finding_infrastructure(f, "the times of %d sets give no interval", m->sets);
}

static int64_t stolen_ns(const struct trial *t) {
    const struct load_source *s = t->worker->load;
    return s && s->stolen_ns ? s->stolen_ns(s->context) : -1;
}

static double stolen_share(const struct trial *t, int64_t from_ns, int64_t stolen_before_ns) {
    int64_t now_ns = stolen_ns(t), took_ns = clock_mono_ns() - from_ns;
    if (stolen_before_ns < 0 || now_ns < stolen_before_ns || took_ns <= 0) return 0;
    return (double)(now_ns - stolen_before_ns) / ((double)took_ns * t->worker->load->cores);
}

int timing_run(struct trial *t, const struct subject *baseline, const struct subject *candidate,
               const struct timed_data *data, struct timing *ret, struct finding *f) {
    struct measuring x = {.t = t, .subject = {baseline, candidate}, .data = data, .m = ret, .f = f};
    int sets = trial_policy(t)->sets;
    int64_t from_ns = clock_mono_ns(), stolen_before_ns = stolen_ns(t);
    memset(ret, 0, sizeof *ret);
    if (sets > TIMING_SETS_MAX) sets = TIMING_SETS_MAX;
    if (t->worker->sensors) ret->sensors = sensors_source(t->worker->sensors);
    for (int i = 0; i < sets; i++) {
        trial_progress(t, "time", (double)i / sets, candidate->name);
        if (run_set(&x, i) != 0) return -1;
        ret->sets++;
    }
    if (judge_drift(&x) != 0) return -1;
    ret->load.stolen = stolen_share(t, from_ns, stolen_before_ns);
    ret->rotating_bytes = (size_t)ret->candidate.pace.n * layout_plan_need(candidate->cases[0].plan, 0);
    return estimate(t, ret, f);
}
