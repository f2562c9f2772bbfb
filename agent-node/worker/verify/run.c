/* Steps 3 to 6: a subject at all its sizes in one runner. At each size as many data sets as fit are run together,
 * twice: the second time with other poison, in other places (each set where its neighbour was) and in the reverse
 * order. So the same contents come at new addresses and new contents at the same ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/verify/verify.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/random.h"

#define GUARD ((size_t)16 << 10)
#define ARENA_MAX ((size_t)1 << 30) /* more sets than fit are run one batch after the other */
#define EDGE_PAGES 16               /* at both ends: what writes a little outside is to be named, and not to die */
#define SKIP_MAX 8                  /* pages left out at random, so that places differ between runs */

struct checker {
    struct trial *t;
    const struct subject *s;
    struct accuracy *acc;
    struct finding *f;
    struct runner *r;
    size_t arena_bytes;
};

/* A batch of sets at one size. */
struct batch {
    const struct size_case *at;
    int program, n;
    const struct data_set *data[DIST_COUNT];
    struct group group[DIST_COUNT + 1]; /* one more than sets: places rotate */
    int set[DIST_COUNT + 1];
    uint8_t *first[DIST_COUNT]; /* what the first pass gave, all outputs of a set in a row */
    bool bad[DIST_COUNT];
};

static void batch_done(struct checker *c, struct batch *b) {
    for (int i = 0; i <= b->n; i++) group_done(&b->group[i]);
    for (int i = 0; i < b->n; i++) {
        free(b->first[i]);
        seeds_release(c->t->seeds, b->data[i], b->bad[i]);
    }
}

static int judge(struct checker *c, enum runner_status status, const struct error *err, const struct size_case *at) {
    char doing[160];
    snprintf(doing, sizeof doing, "running size %s", at->label);
    struct runner_event e = {.status = status,
                             .runner = c->r,
                             .err = err,
                             .who = c->s->name,
                             .doing = doing,
                             .limit_ms = trial_policy(c->t)->run_timeout_ms,
                             .trusted = c->s->trusted};
    return trial_judge_runner(c->t, &e, c->f);
}

static int bind_groups(struct checker *c, struct batch *b) {
    struct error err = ERROR_INIT;
    struct layout l = layout_new(c->arena_bytes, GUARD);
    const struct plan *p = b->at->plan;
    runner_unbind_all(c->r);
    layout_skip(&l, EDGE_PAGES);
    for (int i = 0; i <= b->n; i++) {
        layout_skip(&l, random_below(SKIP_MAX));
        if (group_place(&l, p, &b->group[i]) != 0)
            return finding_infrastructure(c->f, "size %s: the arena is full", b->at->label);
        enum runner_status status =
            runner_bind(c->r, b->program, b->group[i].slot, (size_t)p->n_buffers, GUARD, &b->set[i], &err);
        if (judge(c, status, &err, b->at) != 0) return -1;
    }
    return 0;
}

static int download_all(struct checker *c, const struct batch *b, int group) {
    struct error err = ERROR_INIT;
    int buffers[PLAN_MAX_BUFFERS];
    for (int i = 0; i < b->at->plan->n_buffers; i++) buffers[i] = i;
    enum runner_status status = runner_download(c->r, b->set[group], buffers, (size_t)b->at->plan->n_buffers,
                                                trial_policy(c->t)->run_timeout_ms, &err);
    return judge(c, status, &err, b->at);
}

/* Which group set `i` uses in `pass`. */
static int place(int pass, int i) {
    return pass == 0 ? i : i + 1;
}

/* Write, run all, and stop the runner, so that nothing changes while it is looked at. */
static int run_pass(struct checker *c, struct batch *b, int pass) {
    struct error err = ERROR_INIT;
    int order[DIST_COUNT];
    for (int i = 0; i < b->n; i++) {
        group_write(&b->group[place(pass, i)], b->at->plan, runner_arena(c->r), GUARD, b->data[i]);
        order[pass == 0 ? i : b->n - 1 - i] = b->set[place(pass, i)];
    }
    int64_t limit_ms = trial_policy(c->t)->run_timeout_ms, wall_ns = 0;
    enum runner_status status = runner_upload(c->r, order, (size_t)b->n, limit_ms, &err);
    if (status == RUNNER_OK) status = runner_run(c->r, order, (size_t)b->n, limit_ms, &wall_ns, &err);
    if (judge(c, status, &err, b->at) != 0) return -1;
    for (int i = 0; i < b->n; i++)
        if (!runner_in_place(c->r) && download_all(c, b, place(pass, i)) != 0) return -1;
    if (runner_pause(c->r, &err) != 0) return finding_error(c->f, &err, "cannot stop a runner");
    return 0;
}

static size_t output_bytes(const struct plan *p) {
    size_t sum = 0;
    for (int i = 0; i < p->n_buffers; i++) sum += p->buffer[i].role == PLAN_OUTPUT ? p->buffer[i].bytes : 0;
    return sum;
}

static uint8_t *copy_outputs(const struct batch *b, const struct group *g, const uint8_t *arena) {
    uint8_t *copy = xmalloc(output_bytes(b->at->plan) + 1), *at = copy;
    for (int i = 0; i < b->at->plan->n_buffers; i++) {
        const struct plan_buffer *o = &b->at->plan->buffer[i];
        if (o->role != PLAN_OUTPUT) continue;
        memcpy(at, arena + g->slot[i].offset, o->bytes);
        at += o->bytes;
    }
    return copy;
}

/* For the second pass, and for a replay, to compare with. */
static uint8_t *keep_answer(struct checker *c, const struct batch *b, int i, const uint8_t *arena) {
    uint8_t *copy = copy_outputs(b, &b->group[place(0, i)], arena);
    if (!c->s->trusted) seeds_answer(c->t->seeds, b->data[i], copy, output_bytes(b->at->plan));
    return copy;
}

/* Step 6: the second pass gave the first one's bits. */
static int compare_passes(struct checker *c, struct batch *b, int i) {
    const struct group *g = &b->group[place(1, i)];
    const uint8_t *before = b->first[i], *arena = runner_arena(c->r);
    for (int k = 0; k < b->at->plan->n_buffers; k++) {
        const struct plan_buffer *o = &b->at->plan->buffer[k];
        if (o->role != PLAN_OUTPUT) continue;
        const uint8_t *now = arena + g->slot[k].offset;
        if (memcmp(now, before, o->bytes) != 0) {
            size_t at = 0, width = dtype_bytes(o->dtype);
            char where[400], element[120];
            while (now[at] == before[at]) at++;
            describe_where(b->at, b->data[i], "", where, sizeof where);
            describe_element(&b->at->bound->tensor[o->tensor], (int64_t)(at / width), element, sizeof element);
            return finding_verdict(c->f, VERDICT_NONDETERMINISTIC, "%s: run twice, %s was %.9g and then %.9g", where,
                                   element, element_value(o->dtype, before, (int64_t)(at / width)),
                                   element_value(o->dtype, now, (int64_t)(at / width)));
        }
        before += o->bytes;
    }
    return 0;
}

static void look(struct checker *c, struct batch *b, int pass) {
    for (int i = 0; i < b->n; i++) {
        const struct group *g = &b->group[place(pass, i)];
        struct inspection in = {.trial = c->t,
                                .at = b->at,
                                .arena = runner_arena(c->r),
                                .guard = GUARD,
                                .group = g,
                                .data = b->data[i],
                                .precision = c->s->precision,
                                .when = "",
                                .earlier = b->data,
                                .n_earlier = (size_t)b->n};
        if (inspect(&in, c->acc, c->f) != 0) b->bad[i] = true;
        if (pass == 0)
            b->first[i] = keep_answer(c, b, i, in.arena);
        else if (!c->s->allows_atomics && compare_passes(c, b, i) != 0)
            b->bad[i] = true;
    }
}

static int check_batch(struct checker *c, struct batch *b) {
    struct error err = ERROR_INIT;
    if (bind_groups(c, b) != 0) return -1;
    for (int pass = 0; pass < 2; pass++) {
        if (run_pass(c, b, pass) != 0) return -1;
        look(c, b, pass);
        if (runner_resume(c->r, &err) != 0) return finding_error(c->f, &err, "cannot continue a runner");
    }
    return 0;
}

static int fill_batch(struct checker *c, struct batch *b, const enum distribution *dist, int n) {
    struct error err = ERROR_INIT;
    int64_t oracle_ns = 0;
    for (int i = 0; i < n; i++) {
        b->data[i] = seeds_get(c->t->seeds, b->at->bound, dist[i], trial_cancel(c->t), &oracle_ns, &err);
        if (!b->data[i]) {
            finding_error(c->f, &err, "oracle");
            break;
        }
        b->n++;
        if (pool_declare(c->t->worker->pool, b->at->bound, b->data[i], c->s->precision, trial_cancel(c->t), &oracle_ns,
                         &err) == 0)
            continue;
        finding_error(c->f, &err, "declared precision");
        return -1;
    }
    phases_add(&c->t->phases, "oracle", oracle_ns);
    phases_add(&c->t->phases, "verify", -oracle_ns); /* which runs while this one is counted */
    return b->n == n ? 0 : -1;
}

static int check_size(struct checker *c, const struct size_case *at, const enum distribution *dist, int n) {
    struct error err = ERROR_INIT;
    int program = 0;
    enum runner_status status =
        runner_load(c->r, at->plan, &c->s->binary, trial_policy(c->t)->run_timeout_ms, &program, &err);
    if (judge(c, status, &err, at) != 0) return -1;
    size_t need = layout_plan_need(at->plan, GUARD) + SKIP_MAX * LAYOUT_PAGE;
    int together = (int)((c->arena_bytes - 2 * EDGE_PAGES * LAYOUT_PAGE) / need) - 1;
    if (together > n) together = n;
    if (together < 1) return finding_infrastructure(c->f, "size %s does not fit the arena", at->label);
    for (int done = 0; done < n; done += together) {
        struct batch b = {.at = at, .program = program};
        int status_of_batch = fill_batch(c, &b, dist + done, n - done < together ? n - done : together);
        if (status_of_batch == 0) status_of_batch = check_batch(c, &b);
        batch_done(c, &b);
        if (status_of_batch != 0) return -1;
    }
    return 0;
}

static size_t arena_need(const struct subject *s) {
    size_t most = 0;
    for (int i = 0; i < s->n_cases; i++) {
        size_t one = layout_plan_need(s->cases[i].plan, GUARD) + SKIP_MAX * LAYOUT_PAGE, all = one * (DIST_COUNT + 1);
        if (all > ARENA_MAX) all = ARENA_MAX;
        if (all < 2 * one) all = 2 * one;
        if (all > most) most = all;
    }
    return most + 2 * EDGE_PAGES * LAYOUT_PAGE;
}

/* Small sizes first: they are cheap, and what they find is easier to read. */
static int check_all(struct checker *c) {
    enum distribution dist[DIST_COUNT];
    for (int i = c->s->n_cases - 1; i >= 0; i--) {
        const struct size_case *at = &c->s->cases[i];
        trial_progress(c->t, "verify", 1.0 - (double)(i + 1) / (c->s->n_cases + 1), at->label);
        int n = distributions_for(at->bound, i == 0, dist);
        if (check_size(c, at, dist, n) != 0) return -1;
    }
    return 0;
}

int verify_subject(struct trial *t, const struct subject *s, struct accuracy *acc, struct finding *f) {
    struct checker c = {.t = t, .s = s, .acc = acc, .f = f, .arena_bytes = arena_need(s)};
    int64_t from = clock_mono_ns();
    c.r = trial_runner_start(t, RUNNER_MEASURE, c.arena_bytes, f);
    int status = c.r ? check_all(&c) : -1;
    if (c.r && t->out) rec_set(&t->out->sandbox, runner_sandbox_level(c.r));
    runner_free(c.r);
    phases_add(&t->phases, "verify", clock_mono_ns() - from);
    return status != 0 || finding_any(f) ? -1 : 0;
}
