/* A search: configurations of a kernel's tuning space are compiled, screened in short windows within one runner, each
 * with one answer checked, and the best few get the whole verification; the best that is correct is timed like any
 * candidate. Screening chooses and claims nothing. Compilation and screening go in batches, so that a waiting `try`
 * need not wait for the end. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/measure.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"

#define BATCH 8
#define COMPILERS_MAX 8
#define SCREEN_MS 4.0
#define SCREEN_WINDOWS 3
#define FINAL_MS 8.0
#define FINAL_WINDOWS 7
#define FINALISTS 3
#define DEFAULT_BUDGET_MS 120000

struct configuration {
    struct tune_point point;
    struct subject subject; /* timed size only, until it is a finalist */
    struct screened screened;
    bool tried;
};
struct search {
    struct trial *t;
    struct finding *f;
    struct configuration *config;
    size_t n;
    const struct timed_data *data;
    struct screen screen;
    int64_t deadline_ns;
};

static void search_done(struct search *s) {
    for (size_t i = 0; i < s->n; i++) {
        subject_done(&s->config[i].subject);
        finding_done(&s->config[i].screened.finding);
    }
    free(s->config);
    screen_done(&s->screen);
    seeds_timed_release(s->t->seeds, s->data, s->f->kind == FINDING_VERDICT);
}

/* --- which configurations --------------------------------------------------------------------- */
/* A random choice that keeps the first, which is the default. */
static void shuffle(struct tune_point *p, size_t n) {
    for (size_t i = 1; i + 1 < n; i++) {
        size_t k = i + (size_t)random_below(n - i);
        struct tune_point keep = p[i];
        p[i] = p[k];
        p[k] = keep;
    }
}

static int choose(struct search *s) {
    struct error err = ERROR_INIT;
    struct tune_point *points = NULL;
    size_t n = 0, most = trial_policy(s->t)->candidates > 0 ? (size_t)trial_policy(s->t)->candidates : 1;
    if (kernel_enumerate(s->t->kernel, s->t->bound, KERNEL_MAX_CONFIGS, &points, &n, &err) != 0 || n == 0) {
        free(points);
        return finding_verdict(s->f, VERDICT_BAD_KERNEL_FILE, "%s",
                               err.code ? err.text : "no configuration satisfies the constraints at this size");
    }
    if (n > most) {
        shuffle(points, n);
        n = most;
    }
    s->config = xcalloc(n, sizeof *s->config);
    s->n = n;
    for (size_t i = 0; i < n; i++) s->config[i].point = points[i];
    free(points);
    return 0;
}

/* --- compiling a batch ------------------------------------------------------------------------ */
struct compile_job {
    struct search *s;
    size_t begin, end;
    size_t next;
    pthread_mutex_t mutex;
};

static void *compile_some(void *argument) {
    struct compile_job *job = argument;
    CLEANUP(compiler_done) struct compiler c = {.trial = job->s->t};
    for (;;) {
        pthread_mutex_lock(&job->mutex);
        size_t i = job->next++;
        pthread_mutex_unlock(&job->mutex);
        if (i >= job->end) return NULL;
        struct configuration *g = &job->s->config[i];
        g->tried = true;
        if (subject_candidate(job->s->t, &g->point, true, &g->subject, &g->screened.finding) == 0)
            build(&c, &g->subject, &g->screened.finding);
    }
}

/* As many compile runners as cores; each belongs to one thread. */
static void compile_batch(struct search *s, size_t begin, size_t end) {
    struct compile_job job = {.s = s, .begin = begin, .end = end, .next = begin};
    pthread_t thread[COMPILERS_MAX];
    size_t started = 0, wanted = (size_t)(s->t->worker->threads > 1 ? s->t->worker->threads - 1 : 0);
    if (wanted > COMPILERS_MAX) wanted = COMPILERS_MAX;
    if (wanted >= end - begin) wanted = end - begin - 1;
    pthread_mutex_init(&job.mutex, NULL);
    int64_t from = clock_mono_ns();
    while (started < wanted && pthread_create(&thread[started], NULL, compile_some, &job) == 0) started++;
    compile_some(&job);
    for (size_t i = 0; i < started; i++) pthread_join(thread[i], NULL);
    pthread_mutex_destroy(&job.mutex);
    phases_add(&s->t->phases, "compile", clock_mono_ns() - from);
}

/* --- screening -------------------------------------------------------------------------------- */
static bool is_candidate(const struct configuration *g) {
    return g->tried && !finding_any(&g->screened.finding);
}

static int screen_batch(struct search *s, size_t begin, size_t end, double window_ms, int windows) {
    if (trial_lock(s->t, DOMAIN_EXCLUSIVE, s->f) != 0) return -1;
    int64_t from = clock_mono_ns();
    int status = 0;
    for (size_t i = begin; i < end && status == 0; i++)
        if (is_candidate(&s->config[i]))
            status = screen_one(&s->screen, &s->config[i].subject, window_ms, windows, &s->config[i].screened, s->f);
    phases_add(&s->t->phases, "search", clock_mono_ns() - from);
    return status != 0 ? -1 : trial_lock(s->t, DOMAIN_SHARED, s->f);
}

/* Infrastructure or a cancel in any configuration ends the search. */
static int take_fatal(struct search *s, size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++)
        if (finding_fatal(&s->config[i].screened.finding)) {
            finding_merge(s->f, &s->config[i].screened.finding);
            return -1;
        }
    return 0;
}

/* A `try` that waits runs now, on the same worker: our lock is given up meanwhile. */
static int let_others_in(struct search *s) {
    if (!s->t->hooks || !s->t->hooks->between) return 0;
    int64_t from = clock_mono_ns();
    if (trial_lock(s->t, DOMAIN_FREE, s->f) != 0) return -1;
    s->t->hooks->between(s->t->hooks->context);
    int64_t spent = clock_mono_ns() - from;
    s->deadline_ns += spent;
    phases_add(&s->t->phases, "between", spent);
    return trial_lock(s->t, DOMAIN_SHARED, s->f);
}

static int try_all(struct search *s) {
    char detail[64];
    for (size_t i = 0; i < s->n; i += BATCH) {
        size_t end = i + BATCH < s->n ? i + BATCH : s->n;
        if (i > 0 && clock_mono_ns() > s->deadline_ns) break;
        snprintf(detail, sizeof detail, "configuration %zu of %zu", i + 1, s->n);
        trial_progress(s->t, "search", (double)i / (double)s->n, detail);
        compile_batch(s, i, end);
        if (take_fatal(s, i, end) != 0 || screen_batch(s, i, end, SCREEN_MS, SCREEN_WINDOWS) != 0) return -1;
        if (let_others_in(s) != 0) return -1;
    }
    return 0;
}

/* --- the best --------------------------------------------------------------------------------- */
static int by_time(const void *a, const void *b) {
    const struct configuration *x = a, *y = b;
    bool cx = is_candidate(x), cy = is_candidate(y);
    if (cx != cy) return cx ? -1 : 1;
    return x->screened.ns < y->screened.ns ? -1 : x->screened.ns > y->screened.ns;
}

/* The best few again, in longer windows, so that the order among them means something. */
static int rank(struct search *s) {
    size_t n = 0;
    if (s->n > 1) qsort(s->config, s->n, sizeof *s->config, by_time);
    while (n < s->n && n < FINALISTS && is_candidate(&s->config[n])) n++;
    if (n < 2) return 0;
    if (screen_batch(s, 0, n, FINAL_MS, FINAL_WINDOWS) != 0) return -1;
    qsort(s->config, n, sizeof *s->config, by_time);
    return 0;
}

/* Whole verification and timing of a configuration that came out well. What is wrong with it then is its own finding.
 */
static int measure_one(struct search *s, struct configuration *g, struct finding *mine) {
    CLEANUP(subject_done) struct subject whole = {0};
    CLEANUP(compiler_done) struct compiler c = {.trial = s->t};
    if (subject_candidate(s->t, &g->point, false, &whole, mine) != 0) return -1;
    int64_t from = clock_mono_ns();
    int status = build(&c, &whole, mine);
    phases_add(&s->t->phases, "compile", clock_mono_ns() - from);
    if (status != 0 || measure_candidate(s->t, &whole, mine) != 0) return -1;
    rec_set(&s->t->out->config, whole.config);
    attempt_add_sizes(s->t, &whole);
    return 0;
}

static void count_all(struct search *s) {
    for (size_t i = 0; i < s->n; i++) {
        const struct configuration *g = &s->config[i];
        if (g->tried)
            attempt_count(s->t, finding_any(&g->screened.finding) ? g->screened.finding.verdict : VERDICT_CORRECT);
    }
}

/* The first configuration that passes everything; else the verdict of the default one. */
static int measure_best(struct search *s, const struct tune_point *first) {
    bool found = false;
    for (size_t i = 0, tries = 0; i < s->n && tries < FINALISTS && !found; i++) {
        struct finding mine = FINDING_INIT;
        if (!is_candidate(&s->config[i])) continue;
        tries++;
        found = measure_one(s, &s->config[i], &mine) == 0;
        if (finding_fatal(&mine) || mine.kind == FINDING_BUSY) {
            finding_merge(s->f, &mine);
            return -1;
        }
        finding_merge(&s->config[i].screened.finding, &mine);
    }
    count_all(s);
    if (found) return 0;
    seeds_forget(s->t->seeds); /* they are those of the last one tried, not of the one that is reported */
    struct configuration *worst = &s->config[0];
    for (size_t i = 0; i < s->n; i++)
        if (memcmp(&s->config[i].point, first, sizeof *first) == 0 && finding_any(&s->config[i].screened.finding))
            worst = &s->config[i];
    tune_point_format(s->t->kernel, &worst->point, worst->subject.config, sizeof worst->subject.config);
    rec_set(&s->t->out->config, worst->subject.config);
    finding_merge(s->f, &worst->screened.finding);
    if (!finding_any(s->f))
        finding_infrastructure(s->f, "the search's budget ended before any configuration was measured");
    return -1;
}

static int prepare(struct search *s) {
    struct error err = ERROR_INIT;
    int64_t oracle_ns = 0, budget_ms = trial_policy(s->t)->budget_ms;
    if (trial_lock(s->t, DOMAIN_SHARED, s->f) != 0 || choose(s) != 0) return -1;
    trial_progress(s->t, "oracle", 0, s->t->bound->size);
    s->data = seeds_timed(s->t->seeds, s->t->bound, trial_cancel(s->t), &oracle_ns, &err);
    if (!s->data) return finding_error(s->f, &err, "oracle");
    int status = pool_timed_declare(s->t->worker->pool, s->t->bound, s->data, kernel_declares(s->t->kernel),
                                    trial_cancel(s->t), &oracle_ns, &err);
    phases_add(&s->t->phases, "oracle", oracle_ns);
    if (status != 0) return finding_error(s->f, &err, "declared precision");
    s->screen = (struct screen){.trial = s->t, .data = s->data};
    s->deadline_ns = clock_mono_ns() + (budget_ms > 0 ? budget_ms : DEFAULT_BUDGET_MS) * 1000000;
    return 0;
}

int search_run(struct trial *t, struct finding *f) {
    CLEANUP(search_done) struct search s = {.t = t, .f = f};
    if (prepare(&s) != 0) return -1;
    struct tune_point first = s.config[0].point;
    if (try_all(&s) != 0 || rank(&s) != 0) return -1;
    screen_done(&s.screen);
    return measure_best(&s, &first);
}
