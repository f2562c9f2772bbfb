/* One side of the timed window. */
#include "agent-node/worker/timing/lane.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/timing/lane_check.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/random.h"
#include "common/stats.h"
#include "problems/graph/pieces.h"

#define REPEATS_MAX 64
#define ROUND_TRIPS 9
#define FIRST_SETS 4 /* launches in a window before anything is known */
#define FLUSH_CACHES 2.25
#define CACHE_MOST ((int64_t)1 << 30) /* what reports more has no cache, or no idea */
/* A stopped process uses no processor time; its counters may still be settling when they are read. */
#define STOPPED_CPU_MAX_NS 3000000
/* Processor time after "done": this part of what the runs took (1 to 3 % on PoCL and Intel's), and this long for each
 * of a driver's threads (Intel's: 25 us). */
#define LATE_CPU_SHARE 8
#define AWAKE_NS 200000

static size_t set_bytes(const struct subject *s) {
    return layout_plan_need(s->cases[0].plan, LANE_GUARD);
}

/* As many sets as are more than twice the last-level cache; 0 where that is not the way. */
static int flush_sets(size_t bytes_of_set, const struct rec_device *d) {
    if (d->host_memory || d->cache_bytes <= 0 || d->cache_bytes > CACHE_MOST) return 0;
    double sets = ceil(FLUSH_CACHES * (double)d->cache_bytes / (double)bytes_of_set);
    return sets < LANE_SETS_MAX ? (int)sets : LANE_SETS_MAX;
}

int lane_flush_sets(const struct pace *p, size_t bytes_of_set, const struct rec_device *d) {
    int sets = flush_sets(bytes_of_set, d) - p->n - 1;
    return sets > 0 ? sets : 0;
}

size_t lane_arena_bytes(const struct subject *s, const struct rec_device *d) {
    size_t one = set_bytes(s), need = (size_t)fmax(2, flush_sets(one, d)) * one;
    return (need > LANE_BYTES ? need : LANE_BYTES) + one; /* and the one that is left out */
}

static double sets_that_fit(const struct subject *s) {
    return set_bytes(s) * 2 > LANE_BYTES ? 1 : (double)(LANE_BYTES / set_bytes(s));
}

struct pace pace_first(const struct subject *s) {
    double fit = sets_that_fit(s);
    return (struct pace){.n = fit < FIRST_SETS ? (int)fit : FIRST_SETS, .repeats = 1};
}

struct pace pace_for(const struct subject *s, double launch_ns, double window_ns) {
    double fit = sets_that_fit(s), wanted = ceil(window_ns / (launch_ns > 1 ? launch_ns : 1));
    double n = wanted < fit ? wanted : fit;
    n = n < 1 ? 1 : n > LANE_SETS_MAX ? LANE_SETS_MAX : n;
    double repeats = ceil(wanted / n);
    return (struct pace){.n = (int)n, .repeats = repeats > REPEATS_MAX ? REPEATS_MAX : (int)repeats};
}

static int judge_within(struct lane *l, enum runner_status status, const struct error *err, const char *doing,
                        int64_t limit_ms) {
    struct runner_event e = {.status = status,
                             .runner = l->r,
                             .err = err,
                             .who = l->s->name,
                             .doing = doing,
                             .limit_ms = limit_ms,
                             .trusted = l->s->trusted};
    return trial_judge_runner(l->t, &e, l->f);
}

static int judge(struct lane *l, enum runner_status status, const struct error *err) {
    return judge_within(l, status, err, "timed runs", trial_policy(l->t)->run_timeout_ms);
}

/* --- stop and go ------------------------------------------------------------------------------ */
static int stop(struct lane *l) {
    struct error err = ERROR_INIT;
    if (l->is_stopped) return 0;
    if (runner_pause(l->r, &err) != 0) {
        if (!runner_alive(l->r)) return judge(l, RUNNER_CRASHED, &err);
        return finding_error(l->f, &err, "cannot stop a runner");
    }
    l->is_stopped = true;
    l->stopped_cpu_ns = runner_cpu_ns(l->r);
    return 0;
}

/* The next request continues it, and a run's clock begins before it does. */
static int go(struct lane *l) {
    if (!l->is_stopped) return 0;
    int64_t used_ns = runner_cpu_ns(l->r) - l->stopped_cpu_ns;
    if (used_ns > STOPPED_CPU_MAX_NS && !l->s->trusted)
        return finding_verdict(l->f, VERDICT_IMPLAUSIBLE,
                               "the runner used %.1f ms of processor time while it was stopped", (double)used_ns / 1e6);
    l->is_stopped = false;
    return 0;
}

/* --- buffers ---------------------------------------------------------------------------------- */
static void release_groups(struct lane *l) {
    for (int v = 0; v < 2; v++) {
        for (int i = 0; i < l->groups && l->group[v]; i++) group_done(&l->group[v][i]);
        free(l->group[v]);
        free(l->set[v]);
        l->group[v] = NULL;
        l->set[v] = NULL;
    }
    free(l->check);
    free(l->number);
    free(l->flush);
    l->check = NULL;
    l->number = NULL;
    l->flush = NULL;
    l->n_flush = 0;
    l->groups = 0;
}

int lane_open(struct lane *l, struct trial *t, const struct subject *s, const struct timed_data *data, struct runner *r,
              struct finding *f) {
    struct error err = ERROR_INIT;
    *l = (struct lane){.t = t, .s = s, .data = data, .r = r, .f = f};
    enum runner_status status =
        runner_load(r, s->cases[0].plan, &s->binary, trial_policy(t)->run_timeout_ms, &l->program, &err);
    return judge(l, status, &err) != 0 ? -1 : stop(l);
}

void lane_close(struct lane *l) {
    release_groups(l);
}

static int place_groups(struct lane *l) {
    const struct plan *p = l->s->cases[0].plan;
    struct layout layout = layout_new(lane_arena_bytes(l->s, trial_device(l->t)), LANE_GUARD);
    struct poison guards = poison_new();
    l->group[0] = xcalloc((size_t)l->groups, sizeof *l->group[0]);
    l->group[1] = xcalloc((size_t)l->groups, sizeof *l->group[1]);
    for (int i = 0; i < l->groups; i++) {
        if (group_place(&layout, p, &l->group[0][i]) != 0)
            return finding_infrastructure(l->f, "the timed sets do not fit the arena");
        l->group[0][i].guards = guards;
    }
    for (int i = 0; i < l->groups; i++) {
        const struct group *mine = &l->group[0][i], *other = &l->group[0][l->groups - 1 - i];
        struct group *g = &l->group[1][i];
        *g = (struct group){
            .slot = xcalloc((size_t)p->n_buffers, sizeof *g->slot), .poison = poison_new(), .guards = guards};
        for (int b = 0; b < p->n_buffers; b++)
            g->slot[b] = p->buffer[b].role == PLAN_OUTPUT ? other->slot[b] : mine->slot[b];
    }
    return 0;
}

/* Sets that are uploaded behind those that are run, and never run themselves. */
static int bind_flush(struct lane *l) {
    struct error err = ERROR_INIT;
    const struct plan *p = l->s->cases[0].plan;
    struct layout layout = layout_new(lane_arena_bytes(l->s, trial_device(l->t)), LANE_GUARD);
    layout.used = (size_t)l->groups * set_bytes(l->s);
    l->n_flush = lane_flush_sets(&l->pace, set_bytes(l->s), trial_device(l->t));
    if (l->n_flush > 0) l->flush = xcalloc((size_t)l->n_flush, sizeof *l->flush);
    for (int i = 0; i < l->n_flush; i++) {
        struct group g = {0};
        if (group_place(&layout, p, &g) != 0)
            return finding_infrastructure(l->f, "the sets that flush the cache do not fit the arena");
        enum runner_status status =
            runner_bind(l->r, l->program, g.slot, (size_t)p->n_buffers, LANE_GUARD, &l->flush[i], &err);
        group_done(&g);
        if (judge_within(l, status, &err, "binding buffers that flush the cache", RUNNER_QUICK_MS) != 0) return -1;
    }
    return 0;
}

static int bind_groups(struct lane *l) {
    struct error err = ERROR_INIT;
    const struct plan *p = l->s->cases[0].plan;
    for (int v = 0; v < 2; v++) {
        l->set[v] = xcalloc((size_t)l->groups, sizeof *l->set[v]);
        for (int i = 0; i < l->groups; i++) {
            enum runner_status status = runner_bind(l->r, l->program, l->group[v][i].slot, (size_t)p->n_buffers,
                                                    LANE_GUARD, &l->set[v][i], &err);
            if (judge_within(l, status, &err, "binding buffers for timed runs", RUNNER_QUICK_MS) != 0) return -1;
        }
    }
    return bind_flush(l);
}

struct preparation {
    struct lane *l;
    int variant;
};

/* Which group launch `position` of a window uses: all in their order but the one that is left out. */
static int group_at(const struct lane *l, int position) {
    return position < l->idle ? position : position + 1;
}

/* Item i is one buffer of one group: an input that the runner has not seen, or poison. */
static void prepare_some(void *context, int64_t begin, int64_t end) {
    const struct preparation *p = context;
    struct lane *l = p->l;
    const struct plan *plan = l->s->cases[0].plan;
    uint8_t *arena = runner_arena(l->r);
    for (int64_t i = begin; i < end; i++) {
        int at = (int)(i / plan->n_buffers), b = (int)(i % plan->n_buffers),
            tensor = plan_buffer_source(&plan->buffer[b]);
        struct group *g = &l->group[p->variant][at];
        void *to = arena + g->slot[b].offset;
        if (tensor < 0) {
            group_write_poison_in(g, plan, b, arena);
        } else if (l->check[at] >= 0) {
            stream_copy(to, data_set_input(timed_check(l->data, l->check[at]), tensor), plan->buffer[b].bytes);
            stream_fence();
        } else {
            timed_assemble(l->data, tensor, l->number[at], to);
        }
    }
}

static void prepare(struct lane *l, int window, int repeat, int variant) {
    int64_t from = clock_mono_ns();
    random_bytes(l->number, (size_t)l->groups * sizeof *l->number);
    l->idle = (int)random_below((uint64_t)l->groups);
    for (int i = 0; i < l->groups; i++) {
        l->check[i] = -1;
        l->group[variant][i].poison = poison_new();
    }
    for (int k = 0; k < timed_checks(l->data) && window >= 0; k++)
        if (l->peek[k].window == window && l->peek[k].repeat == repeat) l->check[group_at(l, l->peek[k].position)] = k;
    struct preparation p = {.l = l, .variant = variant};
    pieces_run((int64_t)l->groups * l->s->cases[0].plan->n_buffers, 1, l->t->worker->threads, NULL, prepare_some, &p);
    l->last_prepare_ns = clock_mono_ns() - from;
    l->prepare_ns += l->last_prepare_ns;
}

int lane_fit(struct lane *l, struct pace pace) {
    if (go(l) != 0) return -1;
    runner_unbind_all(l->r);
    release_groups(l);
    l->pace = pace;
    l->groups = pace.n + 1;
    l->check = xcalloc((size_t)l->groups, sizeof *l->check);
    l->number = xcalloc((size_t)l->groups, sizeof *l->number);
    if (place_groups(l) != 0 || bind_groups(l) != 0 || stop(l) != 0) return -1;
    const struct plan *p = l->s->cases[0].plan;
    for (int i = 0; i < l->groups; i++) group_write_guards(&l->group[0][i], p, runner_arena(l->r), LANE_GUARD);
    prepare(l, -1, 0, 0);
    return 0;
}

void lane_choose_peeks(struct lane *l, int windows) {
    const struct pace *p = &l->pace;
    for (int k = 0; k < POOL_CHECKS; k++) {
        struct peek *peek = &l->peek[k];
        *peek = (struct peek){.window = (int)random_below((uint64_t)windows),
                              .repeat = (int)random_below((uint64_t)p->repeats),
                              .position = (int)random_below((uint64_t)p->n)};
        /* The ends are looked at in half of the sets: where two answers are all that is known, a runner that computed
         * the first and the last launch only would never be found out if those were always the ones. */
        if (k > 1 || random_below(2)) continue;
        *peek = (struct peek){0};
        if (k == 1) *peek = (struct peek){.window = windows - 1, .repeat = p->repeats - 1, .position = p->n - 1};
    }
}

/* --- windows ---------------------------------------------------------------------------------- */
/* The first `n` launches of a window; returns `sets`. */
static const int *launches(const struct lane *l, int variant, int n, int sets[LANE_SETS_MAX]) {
    for (int i = 0; i < n; i++) sets[i] = l->set[variant][group_at(l, i)];
    return sets;
}

/* Runs the first `n` launches of a variant. The lane is stopped afterwards. */
static int run(struct lane *l, int variant, int n, int64_t *ret_wall_ns) {
    struct error err = ERROR_INIT;
    int sets[LANE_SETS_MAX];
    enum runner_status status = runner_run(l->r, launches(l, variant, n, sets), (size_t)n,
                                           trial_policy(l->t)->run_timeout_ms, ret_wall_ns, &err);
    if (judge(l, status, &err) != 0) return -1;
    int64_t before_ns = l->stopped_cpu_ns;
    l->is_stopped = true;
    l->stopped_cpu_ns = runner_cpu_ns(l->r);
    l->run_cpu_ns += l->stopped_cpu_ns - before_ns;
    l->runs++;
    return 0;
}

static int take_claim(struct lane *l) {
    struct error err = ERROR_INIT;
    struct run_claim claim = {0};
    int64_t before_ns = l->stopped_cpu_ns;
    if (go(l) != 0) return -1;
    enum runner_status status = runner_claim(l->r, &claim, &err);
    if (judge_within(l, status, &err, "the claim after timed runs", RUNNER_CLAIM_MS) != 0 || stop(l) != 0) return -1;
    l->late_cpu_ns += l->stopped_cpu_ns - before_ns;
    l->claimed_ns += (double)claim.span_ns;
    return 0;
}

/* A moment around a window, with the runner stopped or about to be continued. */
struct moment {
    int64_t at_ns, machine_ns, own_ns, cpu_ns;
};

static struct moment moment_now(const struct lane *l) {
    const struct load_source *s = l->t->worker->load;
    struct moment m = {.cpu_ns = runner_cpu_ns(l->r), .machine_ns = -1};
    if (s) {
        m.own_ns = s->self_ns(s->context);
        m.machine_ns = s->machine_ns(s->context);
        m.at_ns = s->now_ns(s->context);
    }
    return m;
}

static void add_load(struct lane *l, const struct moment *before, const struct moment *after, int64_t wall_ns) {
    struct window_load *load = &l->load;
    int64_t cpu_ns = after->cpu_ns - before->cpu_ns;
    load->known &= before->machine_ns >= 0 && after->machine_ns >= 0;
    load->cpu_ns += cpu_ns;
    load->wall_ns += wall_ns;
    load->span_ns += after->at_ns - before->at_ns;
    load->foreign_ns += after->machine_ns - before->machine_ns - cpu_ns - (after->own_ns - before->own_ns);
}

static int fire(struct lane *l, int variant, int64_t *ret_wall_ns) {
    struct error err = ERROR_INIT;
    int64_t limit_ms = trial_policy(l->t)->run_timeout_ms, wall_ns = 0;
    int sets[2 * LANE_SETS_MAX], n = l->pace.n;
    if (go(l) != 0) return -1;
    launches(l, variant, n, sets);
    if (l->n_flush > 0) memcpy(sets + n, l->flush, (size_t)l->n_flush * sizeof *sets);
    enum runner_status status =
        runner_in_place(l->r) ? RUNNER_OK : runner_upload(l->r, sets, (size_t)(n + l->n_flush), limit_ms, &err);
    if (judge(l, status, &err) != 0) return -1;
    struct moment before = moment_now(l);
    if (run(l, variant, l->pace.n, &wall_ns) != 0) return -1;
    struct moment after = moment_now(l);
    if (wall_ns <= 0)
        return finding_infrastructure(l->f, "the clock says that a window took %lld ns", (long long)wall_ns);
    add_load(l, &before, &after, wall_ns);
    *ret_wall_ns += wall_ns;
    l->window_ns += wall_ns;
    l->overhead_ns += (double)(l->s->cases[0].plan->n_launches * l->pace.n) * trial_device(l->t)->launch_us * 1e3;
    return 0;
}

int lane_window(struct lane *l, int window, int variant, int64_t *ret_wall_ns) {
    bool in_place = runner_in_place(l->r); /* else the outputs come by way of the runner, which has to go on for that */
    bool renewed = plan_is_in_place(l->s->cases[0].plan); /* a second launch would begin where the first one ended */
    double claimed_before_ns = l->claimed_ns;
    *ret_wall_ns = 0;
    l->load = (struct window_load){.known = true};
    int status = 0;
    for (int repeat = 0; repeat < l->pace.repeats && status == 0; repeat++) {
        if (window >= 0 || renewed) prepare(l, window, repeat, variant);
        if (fire(l, variant, ret_wall_ns) != 0) return -1;
        if (window >= 0 && in_place) status = lane_check(l, variant);
        if (take_claim(l) != 0) return -1; /* also of wrong answers: it is evidence */
        if (window >= 0 && !in_place) status = lane_check(l, variant);
    }
    l->claim_ns = l->claimed_ns - claimed_before_ns;
    return status;
}

int lane_round_trip(struct lane *l, double *ret_ns) {
    double ns[ROUND_TRIPS];
    for (int i = 0; i < ROUND_TRIPS; i++) {
        int64_t wall_ns = 0;
        if (stop(l) != 0 || go(l) != 0 || run(l, 0, 0, &wall_ns) != 0 || take_claim(l) != 0) return -1;
        ns[i] = (double)wall_ns;
    }
    *ret_ns = stats_median(ns, ROUND_TRIPS);
    return 0;
}

/* An honest runner has nothing to do after "done" but to read the events of its launches, and its driver's threads stay
 * awake for a moment in case more comes. Over all runs together: now and then a moment is long (8.8 ms of an honest one
 * on Intel's runtime, behind 25 ms of work). */
static int check_late(const struct lane *l) {
    int64_t units = trial_device(l->t)->compute_units > 0 ? trial_device(l->t)->compute_units : 1;
    int64_t most_ns = STOPPED_CPU_MAX_NS + l->run_cpu_ns / LATE_CPU_SHARE + l->runs * units * AWAKE_NS;
    if (l->late_cpu_ns <= most_ns || l->s->trusted) return 0;
    return finding_verdict(
        l->f, VERDICT_IMPLAUSIBLE,
        "the runner used %.1f ms of processor time after it had said that it was done, and %.1f ms before",
        (double)l->late_cpu_ns / 1e6, (double)l->run_cpu_ns / 1e6);
}

int lane_finish(struct lane *l) {
    return lane_check_guards(l) != 0 || check_late(l) != 0 || lane_check_claims(l) != 0 ? -1 : 0;
}
