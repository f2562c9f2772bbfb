/* Admission: trivial answers, branches, and the spread of the output, at the small sizes. */
#include "problems/check/admission.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "problems/check/advice.h"
#include "problems/check/distributions.h"
#include "problems/check/sizes.h"

DEFINE_CLEANUP(cleanup_admission, struct admission *, admission_free)
DEFINE_CLEANUP(cleanup_answers, struct answers *, answers_free)
DEFINE_CLEANUP(cleanup_bound, struct bound *, bound_free)

/* An evaluation at a size that costs more is not worth waiting for; without a cheaper size the problem needs one. */
#define SIZE_CORE_S_MAX 4.0
/* A device that is fast today, by whose measure a size is too small to be worth timing. */
#define FAST_BYTES_PER_S 4e12
#define FAST_FLOPS_PER_S 5e13
#define FAST_LAUNCH_S 5e-6
static const struct data_seed SEED = {{'a', 'd', 'm', 'i', 't'}}; /* nothing to hide: no kernel is judged by it */

struct state {
    const struct problem *problem;
    const struct admission_options *o;
    struct admission *a;
    char **remedy; /* per trial: why it passed, at the last size where it did */
    int *line;
};
/* One size. */
struct look {
    struct state *state;
    const struct bound *bound;
    struct sighting sighting;
    struct trivial *trivial;
    size_t n_trivial;
    enum distribution *caught; /* per trivial; DIST_COUNT: not yet */
};

/* --- complaints ------------------------------------------------------------------------------- */
static void complain(struct admission *a, bool fatal, int line, char *what, char *remedy) {
    a->complaint = xrealloc(a->complaint, (a->n_complaints + 1) * sizeof *a->complaint);
    a->complaint[a->n_complaints++] = (struct admission_complaint){fatal, line, what, remedy};
    if (fatal) a->admissible = false;
}

static size_t trial_of(struct state *s, const struct trivial *t) {
    const char *name = t->name;
    struct admission *a = s->a;
    for (size_t i = 0; i < a->n_trials; i++)
        if (strcmp(a->trial[i].name, name) == 0) return i;
    size_t n = a->n_trials++;
    a->trial = xrealloc(a->trial, (n + 1) * sizeof *a->trial);
    s->remedy = xrealloc(s->remedy, (n + 1) * sizeof *s->remedy);
    s->line = xrealloc(s->line, (n + 1) * sizeof *s->line);
    a->trial[n] = (struct admission_trial){.kind = t->kind};
    snprintf(a->trial[n].name, sizeof a->trial[n].name, "%s", name);
    s->remedy[n] = NULL;
    s->line[n] = 0;
    return n;
}

static void append_word(char *list, size_t size, const char *word) {
    size_t len = strlen(list);
    snprintf(list + len, size - len, "%s%s", len ? ", " : "", word);
}

/* --- one data set ----------------------------------------------------------------------------- */
static void see_node(struct look *l, const struct answers *a, int i, const double *value) {
    const struct node *n = &l->bound->node[i];
    int64_t elements = l->bound->tensor[n->out].elements;
    if (!isfinite(l->sighting.value[i])) l->sighting.value[i] = value[0];
    for (int64_t k = 0; k < elements && l->sighting.same[i]; k++)
        l->sighting.same[i] = value[k] == l->sighting.value[i];
    if (!a->oracle.branch[i]) return;
    if (!l->sighting.branch[i]) l->sighting.branch[i] = xcalloc(OP_MAX_BRANCHES, sizeof(int64_t));
    for (int k = 0; n->op->branches[k]; k++) l->sighting.branch[i][k] += a->oracle.branch[i][k];
}

static void see_nodes(struct look *l, const struct answers *a) {
    for (int i = 0; i < l->bound->n_nodes; i++) {
        const double *value = a->oracle.value[l->bound->node[i].out];
        for (int k = 0; k < l->bound->n_outputs; k++)
            if (l->bound->output[k] == l->bound->node[i].out) value = a->expected[k].value;
        see_node(l, a, i, value);
    }
}

static void see_output(struct look *l, const struct answers *a, int i) {
    const struct expected *e = &a->expected[i];
    struct admission_output o = {.min = INFINITY, .max = -INFINITY, .elements = e->n};
    double sum = 0, squares = 0, n = 0;
    for (int64_t k = 0; k < e->n; k++) {
        double v = e->value[k];
        if (!isfinite(v)) {
            o.not_finite++;
            continue;
        }
        o.min = fmin(o.min, v);
        o.max = fmax(o.max, v);
        sum += v;
        n += 1;
    }
    o.mean = n > 0 ? sum / n : 0;
    for (int64_t k = 0; k < e->n; k++)
        if (isfinite(e->value[k])) squares += (e->value[k] - o.mean) * (e->value[k] - o.mean);
    o.sd = n > 0 ? sqrt(squares / n) : 0;
    snprintf(o.name, sizeof o.name, "%s", l->bound->tensor[l->bound->output[i]].name);
    snprintf(o.size, sizeof o.size, "%s", l->bound->size);
    struct admission *to = l->state->a;
    to->output = xrealloc(to->output, (to->n_outputs + 1) * sizeof *to->output);
    to->output[to->n_outputs++] = o;
}

static int try_all(struct look *l, const struct answers *a, struct error *err) {
    CLEANUP(trivial_case_done) struct trivial_case c = {.right = a, .seed = SEED, .cancel = l->state->o->cancel};
    for (size_t i = 0; i < l->n_trivial; i++) {
        bool passes = false;
        if (l->caught[i] != DIST_COUNT) continue;
        if (trivial_passes(&l->trivial[i], &c, &passes, err) != 0) return -1;
        if (!passes) l->caught[i] = a->dist;
    }
    return 0;
}

static bool all_seen(const struct look *l) {
    for (size_t i = 0; i < l->n_trivial; i++)
        if (l->caught[i] == DIST_COUNT) return false;
    for (int i = 0; i < l->bound->n_nodes; i++)
        for (int k = 0; l->sighting.branch[i] && l->bound->node[i].op->branches[k]; k++)
            if (l->sighting.branch[i][k] == 0) return false;
    return true;
}

/* --- one size --------------------------------------------------------------------------------- */
static int look_at_data(struct look *l, bool timed, double done, double share, struct error *err) {
    enum distribution dist[DIST_COUNT];
    const struct admission_options *o = l->state->o;
    int n = distributions_for(l->bound, timed, dist);
    for (int i = 0; i < n && (i == 0 || !all_seen(l)); i++) {
        char label[160];
        snprintf(label, sizeof label, "size %s, %s", l->bound->size, distribution_name(dist[i]));
        if (o->progress) o->progress(o->context, done + share * i / n, label);
        CLEANUP(cleanup_answers)
        struct answers *a = answers_new(l->bound, &SEED, 0, dist[i], true, o->cancel, err);
        if (!a) return -1;
        see_nodes(l, a);
        for (int k = 0; k < l->bound->n_outputs && dist[i] == DIST_DECLARED; k++) see_output(l, a, k);
        if (try_all(l, a, err) != 0) return -1;
    }
    return 0;
}

static void keep_trials(struct look *l) {
    struct state *s = l->state;
    for (size_t i = 0; i < l->n_trivial; i++) {
        size_t at = trial_of(s, &l->trivial[i]);
        struct admission_trial *t = &s->a->trial[at];
        if (l->caught[i] != DIST_COUNT) {
            if (!t->caught)
                snprintf(t->caught_at, sizeof t->caught_at, "%s, %s", l->bound->size, distribution_name(l->caught[i]));
            t->caught = true;
            continue;
        }
        struct buf remedy = BUF_INIT;
        append_word(t->passes_at, sizeof t->passes_at, l->bound->size);
        s->line[at] = advice_for_trivial(&l->trivial[i], &l->sighting, &remedy);
        free(s->remedy[at]);
        s->remedy[at] = buf_take(&remedy);
    }
}

static void keep_branches(struct look *l) {
    struct admission *a = l->state->a;
    size_t at = 0;
    for (int i = 0; i < l->bound->n_nodes; i++) {
        const struct node *n = &l->bound->node[i];
        for (int k = 0; l->sighting.branch[i] && n->op->branches[k]; k++, at++) {
            if (at == a->n_branches) { /* the first size: nodes are the same at all of them */
                a->branch = xrealloc(a->branch, (a->n_branches + 1) * sizeof *a->branch);
                a->branch[a->n_branches++] =
                    (struct admission_branch){.op = n->op->name, .branch = n->op->branches[k], .line = n->line};
                snprintf(a->branch[at].node, sizeof a->branch[at].node, "%s", l->bound->tensor[n->out].name);
            }
            a->branch[at].count += l->sighting.branch[i][k];
        }
    }
}

static void look_done(struct look *l) {
    for (int i = 0; l->sighting.branch && i < l->bound->n_nodes; i++) free(l->sighting.branch[i]);
    free(l->sighting.branch);
    free(l->sighting.same);
    free(l->sighting.value);
    free(l->trivial);
    free(l->caught);
}

static int look_at_size(struct state *s, const struct bound *b, double done, double share, struct error *err) {
    struct cost cost;
    size_t nodes = (size_t)b->n_nodes;
    bound_cost(b, &cost);
    CLEANUP(look_done) struct look l = {.state = s, .bound = b, .sighting = {.bound = b, .reduction = cost.reduction}};
    l.n_trivial = trivial_list(b, &l.trivial);
    l.caught = xcalloc(l.n_trivial + 1, sizeof *l.caught);
    l.sighting.same = xcalloc(nodes + 1, sizeof *l.sighting.same);
    l.sighting.value = xcalloc(nodes + 1, sizeof *l.sighting.value);
    l.sighting.branch = xcalloc(nodes + 1, sizeof *l.sighting.branch);
    for (size_t i = 0; i < l.n_trivial; i++) l.caught[i] = DIST_COUNT;
    for (size_t i = 0; i < nodes; i++) l.sighting.same[i] = true, l.sighting.value[i] = NAN;
    if (look_at_data(&l, !size_is_held_out(b->size), done, share, err) != 0) return -1;
    keep_trials(&l);
    keep_branches(&l);
    append_word(s->a->sizes, sizeof s->a->sizes, b->size);
    return 0;
}

/* --- what it comes to ------------------------------------------------------------------------- */
static bool passes(const struct admission *a, enum trivial_kind kind) {
    for (size_t i = 0; i < a->n_trials; i++)
        if (a->trial[i].kind == kind && !a->trial[i].caught) return true;
    return false;
}

/* Where a constant passes, its slices and roundings do too: they need no remedy of their own. */
static bool follows(const struct admission *a, enum trivial_kind kind) {
    if (kind != TRIVIAL_ROUNDED && kind != TRIVIAL_SLICE) return false;
    return passes(a, TRIVIAL_CONSTANT) || passes(a, TRIVIAL_ZEROS);
}

/* Trivial answers that pass for one reason are one complaint. */
static void conclude_trials(struct state *s) {
    struct admission *a = s->a;
    for (size_t i = 0; i < a->n_trials; i++) {
        if (a->trial[i].caught || !s->remedy[i] || follows(a, a->trial[i].kind)) continue;
        struct buf what = BUF_INIT;
        buf_puts(&what, a->trial[i].name);
        for (size_t k = i + 1; k < a->n_trials; k++) {
            if (a->trial[k].caught || !s->remedy[k] || strcmp(s->remedy[i], s->remedy[k]) != 0) continue;
            buf_printf(&what, "; %s", a->trial[k].name);
            free(s->remedy[k]);
            s->remedy[k] = NULL;
        }
        buf_printf(&what, ": would pass on all data (size%s %s)", strchr(a->trial[i].passes_at, ',') ? "s" : "",
                   a->trial[i].passes_at);
        complain(a, true, s->line[i], buf_take(&what), TAKE(s->remedy[i]));
    }
}

/* A copy that passes because of an idle branch has said so. */
static bool is_said(const struct admission *a, int line) {
    for (size_t i = 0; i < a->n_complaints; i++)
        if (a->complaint[i].line == line) return true;
    return false;
}

static void conclude_branches(struct state *s, const struct bound *b) {
    for (size_t i = 0; i < s->a->n_branches; i++) {
        const struct admission_branch *at = &s->a->branch[i];
        if (at->count > 0 || is_said(s->a, at->line)) continue;
        struct buf remedy = BUF_INIT;
        for (int k = 0; k < b->n_nodes; k++)
            if (strcmp(b->tensor[b->node[k].out].name, at->node) == 0)
                advice_for_branch(b, &b->node[k], at->branch, &remedy);
        complain(s->a, true, at->line,
                 xasprintf("`%s`: no element takes the branch `%s` of %s on any data", at->node, at->branch, at->op),
                 buf_take(&remedy));
    }
}

static void conclude_outputs(struct state *s) {
    for (size_t i = 0; i < s->a->n_outputs; i++) {
        const struct admission_output *o = &s->a->output[i];
        if (o->not_finite == 0) continue;
        bool all = o->not_finite == o->elements;
        complain(s->a, all, 0,
                 xasprintf("%lld of %lld elements of `%s` are infinite or not a number on the declared data (size %s)",
                           (long long)o->not_finite, (long long)o->elements, o->name, o->size),
                 xstrdup("choose fills that keep every operator inside its domain"));
    }
}

/* The least time of a size on a fast device. */
static double least_s(const struct cost *c) {
    return fmax(c->bytes_least / FAST_BYTES_PER_S, c->flops / FAST_FLOPS_PER_S);
}

static void conclude_sizes(struct state *s) {
    double most = 0;
    const char *largest = "";
    for (size_t i = 0; i < problem_size_count(s->problem); i++) {
        CLEANUP(cleanup_bound) struct bound *b = problem_bind(s->problem, problem_size_name(s->problem, i), NULL);
        struct cost cost = {0};
        if (b) bound_cost(b, &cost);
        if (least_s(&cost) > most) most = least_s(&cost), largest = problem_size_name(s->problem, i);
    }
    if (most >= FAST_LAUNCH_S) return;
    complain(s->a, false, 0,
             xasprintf("no size is worth timing on a fast device: `%s` could take %.2g us there, an empty launch takes "
                       "%.0f us",
                       largest, 1e6 * most, 1e6 * FAST_LAUNCH_S),
             xstrdup("add a larger size"));
}

static bool is_cheap(const struct bound *b) {
    struct cost cost;
    bound_cost(b, &cost);
    return cost.oracle_flops <= SIZE_CORE_S_MAX * ORACLE_FLOPS_PER_CORE_S;
}

static int look_at_all(struct state *s, struct error *err) {
    const char *sizes[PROBLEM_SIZES_ROOM];
    size_t n = 0, looked = 0;
    sizes_for_checking(s->problem, !s->o->quick, sizes);
    while (sizes[n]) n++;
    for (size_t i = 0; i < n; i++) {
        CLEANUP(cleanup_bound) struct bound *b = problem_bind(s->problem, sizes[i], err);
        if (!b) return -1;
        if (!is_cheap(b)) continue;
        if (look_at_size(s, b, (double)i / (double)n, 1.0 / (double)n, err) != 0) return -1;
        looked++;
    }
    if (looked > 0) return 0;
    error_set(err, ERR_LIMIT, "%s: the oracle needs more than %.0f s of a core for its smallest size",
              problem_name(s->problem), SIZE_CORE_S_MAX);
    return error_hint(err, "add a small size called `check`, with odd numbers");
}

static void state_done(struct state *s) {
    for (size_t i = 0; i < s->a->n_trials; i++) free(s->remedy[i]);
    free(s->remedy);
    free(s->line);
}

struct admission *admission_run(const struct problem *p, const struct admission_options *o, struct error *err) {
    CLEANUP(cleanup_admission) struct admission *a = xcalloc(1, sizeof *a);
    struct state s = {.problem = p, .o = o, .a = a};
    a->admissible = true;
    int status = look_at_all(&s, err);
    CLEANUP(cleanup_bound) struct bound *b = status == 0 ? problem_bind(p, problem_size_name(p, 0), err) : NULL;
    if (b) {
        conclude_outputs(&s);
        if (a->admissible) conclude_trials(&s); /* no answer is wrong where the right one is no number */
        conclude_branches(&s, b);
        conclude_sizes(&s);
    }
    state_done(&s);
    return b ? TAKE(a) : NULL;
}

void admission_free(struct admission *a) {
    if (!a) return;
    for (size_t i = 0; i < a->n_complaints; i++) {
        free(a->complaint[i].what);
        free(a->complaint[i].remedy);
    }
    free(a->trial);
    free(a->branch);
    free(a->output);
    free(a->complaint);
    free(a);
}

void admission_reason(const struct admission *a, char *out, size_t size) {
    out[0] = 0;
    for (size_t i = 0; i < a->n_complaints; i++) {
        const struct admission_complaint *c = &a->complaint[i];
        size_t len = strlen(out);
        if (c->fatal) snprintf(out + len, size - len, "%s%s (%s)", len ? "; " : "", c->what, c->remedy);
    }
}
