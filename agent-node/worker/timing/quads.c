/* A quad is two windows of each side: it stands or falls as a whole, so that what drifts takes both sides along. */
#include "agent-node/worker/timing/quads.h"

#include <math.h>
#include <stdio.h>

static size_t first_window(const struct timing *m, int set, int quad) {
    return 2 * ((size_t)set * (size_t)m->quads + (size_t)quad);
}

static enum quad_fate fate(const struct timing *m, int set, int quad) {
    return (enum quad_fate)m->dropped[set * m->quads + quad];
}

/* The runner's processor time over wall time in those of the windows from `at` on in which nobody else did much. */
static size_t quiet_cpu(const struct side *s, size_t at, size_t n, double grain, double *out) {
    size_t found = 0;
    for (size_t i = at; i < at + n && i < s->n; i++)
        if (isfinite(s->cpu[i]) && !(s->foreign[i] > LOAD_WINDOW_MAX + grain)) out[found++] = s->cpu[i];
    return found;
}

/* A runner is compared with itself: what a process uses depends on it, too. `ret_typical`: per set; NaN when unknown.
 */
static void typical_cpu(const struct timing *m, const struct side *s, double grain, double *ret_typical) {
    double quiet[TIMING_WINDOWS_MAX] = {0};
    size_t n = 2 * (size_t)m->quads;
    for (int set = 0; set < m->sets; set++)
        ret_typical[set] = stats_median(quiet, quiet_cpu(s, first_window(m, set, 0), n, grain, quiet));
}

/* The part of the typical that is still a window like the others. Launches that wait for memory use more of the
 * processor in one window and less in the next without anybody's doing: where the upper half of the windows is spread
 * like that, the lower half may be, too. */
static double least_part(const struct timing *m, const struct side *s, const double *typical) {
    double part[TIMING_WINDOWS_MAX] = {0};
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        double p = s->cpu[i] / typical[i / (2 * (size_t)m->quads)];
        if (isfinite(p)) part[n++] = p;
    }
    if (n == 0) return 0;
    double spread = (stats_quantile(part, n, 0.75) - stats_median(part, n)) / 0.6745; /* a normal's deviation */
    return fmax(LOAD_STARVED_LEAST, fmin(LOAD_STARVED, 1 - LOAD_STARVED_SPREADS * spread));
}

static bool any_foreign(const struct side *s, size_t at, double grain) {
    return s->foreign[at] > LOAD_WINDOW_MAX + grain || s->foreign[at + 1] > LOAD_WINDOW_MAX + grain;
}

static bool any_starved(const struct side *s, size_t at, double least) {
    return s->cpu[at] < least || s->cpu[at + 1] < least; /* false for NaN */
}

static void judge_quad(struct timing *m, int set, int quad, const double least[2], double grain) {
    const struct side *b = &m->baseline, *c = &m->candidate;
    size_t at = first_window(m, set, quad);
    bool foreign = any_foreign(b, at, grain) || any_foreign(c, at, grain);
    bool starved = any_starved(b, at, least[0]) || any_starved(c, at, least[1]);
    m->load.quads++;
    m->load.dropped += foreign || starved;
    m->load.foreign_dropped += foreign;
    m->dropped[set * m->quads + quad] = foreign ? QUAD_FOREIGN : starved ? QUAD_STARVED : QUAD_KEPT;
}

/* Windows are of about one length, so the mean of their shares is the share of them all. A single reading may come out
 * below nothing; the sum must not lose that. */
static void sum_foreign(struct timing *m) {
    double sum = 0;
    size_t n = 0;
    for (int w = 0; w < 2; w++) {
        const struct side *s = w ? &m->candidate : &m->baseline;
        for (size_t i = 0; i < s->n; i++) {
            if (!isfinite(s->foreign[i])) continue;
            sum += s->foreign[i];
            n++;
        }
    }
    m->load.known = n > 0;
    m->load.foreign = n > 0 && sum > 0 ? sum / (double)n : 0;
}

void quads_judge(struct timing *m, bool uses_processor, double grain) {
    const struct side *side[2] = {&m->baseline, &m->candidate};
    double typical[2][TIMING_SETS_MAX], part[2];
    m->load = (struct timing_load){.fine = !(grain > 0), .stolen = m->load.stolen};
    for (int w = 0; w < 2; w++) {
        typical_cpu(m, side[w], grain, typical[w]);
        part[w] = uses_processor ? least_part(m, side[w], typical[w]) : 0;
        m->load.cpu_typical[w] = stats_median(typical[w], (size_t)m->sets);
    }
    sum_foreign(m);
    for (int set = 0; set < m->sets; set++) {
        const double least[2] = {part[0] * typical[0][set], part[1] * typical[1][set]};
        for (int quad = 0; quad < m->quads; quad++) judge_quad(m, set, quad, least, grain);
    }
}

static double log_ratio(const struct timing *m, int set, int quad) {
    const double *b = m->baseline.ns + first_window(m, set, quad), *c = m->candidate.ns + first_window(m, set, quad);
    return log((b[0] + b[1]) / (c[0] + c[1]));
}

static size_t ratios_of(struct timing *m, int set, bool all, double *out) {
    size_t n = 0;
    for (int quad = 0; quad < m->quads; quad++)
        if (all || fate(m, set, quad) == QUAD_KEPT) out[n++] = log_ratio(m, set, quad);
    return n;
}

void quads_ratios(struct timing *m) {
    double ratio[TIMING_QUADS_MAX];
    for (int set = 0; set < m->sets; set++) {
        size_t n = ratios_of(m, set, false, ratio);
        if (n == 0) n = ratios_of(m, set, true, ratio);
        m->log_ratio[set] = stats_median(ratio, n);
    }
}

static int empty_sets(const struct timing *m, enum quad_fate least) {
    int empty = 0;
    for (int set = 0; set < m->sets; set++) {
        int disturbed = 0;
        for (int quad = 0; quad < m->quads; quad++) disturbed += fate(m, set, quad) >= least;
        empty += disturbed == m->quads;
    }
    return empty;
}

static bool takes_too_much(const char *who, double share, char *why, size_t size) {
    if (!(share > LOAD_RUN_MAX)) return false;
    snprintf(why, size, "%s used %.1f %% of the processors during the timed windows (%.0f %% are allowed)", who,
             100 * share, 100 * LOAD_RUN_MAX);
    return true;
}

bool timing_busy(const struct timing *m, char *why, size_t size) {
    const struct timing_load *l = &m->load;
    if (takes_too_much("others", l->foreign, why, size)) return true;
    if (takes_too_much("the virtual machine's host", l->stolen, why, size)) return true;
    /* Where each window shows who else was there, and nobody was, it is the driver that left the processor alone. */
    bool seen = l->known && l->fine;
    int disturbed = seen ? l->foreign_dropped : l->dropped;
    int empty = empty_sets(m, seen ? QUAD_FOREIGN : QUAD_STARVED);
    if (disturbed <= LOAD_DROPPED_MAX * l->quads && empty == 0) return false;
    snprintf(why, size,
             "%d of %d quads were disturbed: %d by others' work, %d by a runner that was kept from the processor%s",
             l->dropped, l->quads, l->foreign_dropped, l->dropped - l->foreign_dropped,
             empty ? "; a set has none left" : "");
    return true;
}

size_t timing_kept(const struct timing *m, const struct side *s, double *out) {
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (!m->dropped[i / 2]) out[n++] = s->ns[i];
    if (n > 0) return n;
    for (; n < s->n; n++) out[n] = s->ns[n];
    return n;
}
