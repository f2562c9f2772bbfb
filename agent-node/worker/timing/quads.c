/* A quad is two windows of each side: it stands or falls as a whole, so that what drifts takes both sides along. */
#include "agent-node/worker/timing/quads.h"

#include <math.h>
#include <stdio.h>

static size_t first_window(const struct timing *m, int set, int quad) {
    return 2 * ((size_t)set * (size_t)m->quads + (size_t)quad);
}

static bool *is_dropped(struct timing *m, int set, int quad) {
    return &m->dropped[set * m->quads + quad];
}

/* Median over the windows in which nobody else did much. NaN when nothing is known. */
static double typical_cpu(const struct side *s, double grain) {
    double quiet[TIMING_WINDOWS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (isfinite(s->cpu[i]) && !(s->foreign[i] > LOAD_WINDOW_MAX + grain)) quiet[n++] = s->cpu[i];
    return stats_median(quiet, n);
}

static bool any_foreign(const struct side *s, size_t at, double grain) {
    return s->foreign[at] > LOAD_WINDOW_MAX + grain || s->foreign[at + 1] > LOAD_WINDOW_MAX + grain;
}

static bool any_starved(const struct side *s, size_t at, double typical) {
    return s->cpu[at] < LOAD_STARVED * typical || s->cpu[at + 1] < LOAD_STARVED * typical; /* false for NaN */
}

static void judge_quad(struct timing *m, int set, int quad, bool uses_processor, double grain) {
    const struct side *b = &m->baseline, *c = &m->candidate;
    size_t at = first_window(m, set, quad);
    bool foreign = any_foreign(b, at, grain) || any_foreign(c, at, grain);
    bool starved =
        uses_processor && (any_starved(b, at, m->load.cpu_typical[0]) || any_starved(c, at, m->load.cpu_typical[1]));
    m->load.quads++;
    m->load.dropped += foreign || starved;
    m->load.foreign_dropped += foreign;
    *is_dropped(m, set, quad) = foreign || starved;
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
    m->load =
        (struct timing_load){.cpu_typical = {typical_cpu(&m->baseline, grain), typical_cpu(&m->candidate, grain)}};
    sum_foreign(m);
    for (int set = 0; set < m->sets; set++)
        for (int quad = 0; quad < m->quads; quad++) judge_quad(m, set, quad, uses_processor, grain);
}

static double log_ratio(const struct timing *m, int set, int quad) {
    const double *b = m->baseline.ns + first_window(m, set, quad), *c = m->candidate.ns + first_window(m, set, quad);
    return log((b[0] + b[1]) / (c[0] + c[1]));
}

static size_t ratios_of(struct timing *m, int set, bool all, double *out) {
    size_t n = 0;
    for (int quad = 0; quad < m->quads; quad++)
        if (all || !*is_dropped(m, set, quad)) out[n++] = log_ratio(m, set, quad);
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

static int empty_sets(const struct timing *m) {
    int empty = 0;
    for (int set = 0; set < m->sets; set++) {
        int dropped = 0;
        for (int quad = 0; quad < m->quads; quad++) dropped += m->dropped[set * m->quads + quad];
        empty += dropped == m->quads;
    }
    return empty;
}

bool timing_busy(const struct timing *m, char *why, size_t size) {
    const struct timing_load *l = &m->load;
    if (l->foreign > LOAD_RUN_MAX) {
        snprintf(why, size, "others used %.1f %% of the processors during the timed windows (%.0f %% are allowed)",
                 100 * l->foreign, 100 * LOAD_RUN_MAX);
        return true;
    }
    int empty = empty_sets(m);
    if (l->dropped <= LOAD_DROPPED_MAX * l->quads && empty == 0) return false;
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
