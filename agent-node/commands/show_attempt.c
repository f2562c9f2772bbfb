/* An attempt for a person. */
#include "agent-node/commands/show_attempt.h"

#include <string.h>

#include "agent-node/worker/verdict.h"
#include "common/table.h"
#include "common/utf8.h"

void show_time(double ns, char out[32]) {
    const char *unit = ns >= 1e9 ? "s" : ns >= 1e6 ? "ms" : ns >= 1e3 ? "us" : "ns";
    double value = ns >= 1e9 ? ns / 1e9 : ns >= 1e6 ? ns / 1e6 : ns >= 1e3 ? ns / 1e3 : ns;
    snprintf(out, 32, "%.4g %s", value, unit);
}

static const struct rec_measured *find_row(const struct rec_attempt *a, const char *role, const char *kernel) {
    for (size_t i = 0; i < a->measured.count; i++) {
        const struct rec_measured *m = &a->measured.items[i];
        if (strcmp(m->role, role) == 0 && (!kernel || strcmp(m->kernel, kernel) == 0)) return m;
    }
    return NULL;
}

/* "1.83 x as fast as", or "not distinguishable from", by the interval and the margin. */
static void show_speedup(const struct rec_task *task, const struct rec_attempt *a, const struct rec_measured *m,
                         FILE *out) {
    char base_time[32] = "?";
    const struct rec_measured *base = m->baseline ? find_row(a, "baseline", m->baseline) : NULL;
    double margin = task->policy.margin;
    if (!m->has_speedup || !m->baseline) return;
    if (base && base->has_time_ns_p50) show_time(base->time_ns_p50, base_time);
    enum colour c = m->speedup_low > 1 + margin    ? COLOUR_GREEN
                    : m->speedup_high < 1 - margin ? COLOUR_RED
                                                   : COLOUR_YELLOW;
    const char *word = c == COLOUR_GREEN ? "faster than" : c == COLOUR_RED ? "slower than" : "no clear difference to";
    fprintf(out, "  %s%.3fx%s, %s baseline %s (%s); %.4g %% interval %.3f to %.3f\n", colour_on(out, c), m->speedup,
            colour_off(out), word, m->baseline, base_time, 100 * m->speedup_confidence, m->speedup_low,
            m->speedup_high);
}

static void show_times(const struct rec_task *task, const struct rec_attempt *a, const struct rec_measured *m,
                       FILE *out) {
    char p10[32], p50[32], p90[32];
    if (!m->has_time_ns_p50) return;
    show_time(m->time_ns_p10, p10);
    show_time(m->time_ns_p50, p50);
    show_time(m->time_ns_p90, p90);
    fprintf(out, "  time %s (p10 %s, p90 %s) over %d sets, %d windows", p50, p10, p90, m->sets, m->windows);
    if (m->has_gflops && m->flops > 0) fprintf(out, "; %.4g GFLOP/s, %.4g GB/s", m->gflops, m->gbps);
    if (m->has_speed_of_light) fprintf(out, ", %.0f %% of the speed of light", 100 * m->speed_of_light);
    fputc('\n', out);
    show_speedup(task, a, m, out);
}

#define LINES_MAX 20

static void show_lines(const char *text, const char *before, FILE *out) {
    int lines = 0;
    for (const char *at = text; *at && lines < LINES_MAX; lines++) {
        int len = (int)strcspn(at, "\n");
        fprintf(out, "%s%.*s\n", before, len, at);
        at += len;
        at += *at == '\n';
    }
}

/* An empty launch takes launch_us here: a baseline near it says more of the driver than of the problem. */
#define LAUNCHES_LEAST 4
static void show_launch_bound(const struct rec_device *d, const struct rec_attempt *a, const struct rec_measured *m,
                              FILE *out) {
    const struct rec_measured *base = m->baseline ? find_row(a, "baseline", m->baseline) : NULL;
    if (!base || !base->has_time_ns_p50 || !(d->launch_us > 0)) return;
    if (base->time_ns_p50 >= LAUNCHES_LEAST * 1e3 * d->launch_us) return;
    char time[32], launch[32];
    show_time(base->time_ns_p50, time);
    show_time(1e3 * d->launch_us, launch);
    fprintf(out, "  %sthe size is too small to time here: baseline %s takes %s, an empty launch %s%s\n",
            colour_on(out, COLOUR_YELLOW), m->baseline, time, launch, colour_off(out));
}

static void show_verdict(const struct rec_device *d, const struct rec_attempt *a, FILE *out) {
    int v = a->verdict ? verdict_from_name(a->verdict) : -1;
    enum colour c = v == VERDICT_CORRECT ? COLOUR_GREEN : COLOUR_RED;
    fprintf(out, "%s%s%s: %s%s%s", colour_on(out, COLOUR_BOLD), d->id, colour_off(out), colour_on(out, c),
            a->verdict ? a->verdict : a->outcome, colour_off(out));
    if (v >= 0 && v != VERDICT_CORRECT) fprintf(out, ": %s", verdict_meaning((enum verdict)v));
    fputc('\n', out);
    if (a->evidence[0]) show_lines(a->evidence, "  ", out);
    if (a->infrastructure) show_lines(a->infrastructure, "  ", out);
}

static const struct rec_measured *find_timed(const struct rec_attempt *a) {
    for (size_t i = 0; i < a->measured.count; i++)
        if (a->measured.items[i].has_speedup) return &a->measured.items[i];
    return NULL;
}

void show_load(const struct rec_attempt *a, FILE *out) {
    const struct rec_measured *m = find_timed(a);
    bool timed = m != NULL;
    if (a->busy[0] && !timed)
        fprintf(
            out,
            "  %snot timed%s, the machine was busy: %s\n  (again when it is quiet; or with `--busy note`, which keeps "
            "the times)\n",
            colour_on(out, COLOUR_YELLOW), colour_off(out), a->busy);
    else if (a->busy[0])
        fprintf(out, "  %sthe machine was busy, so these times are worth little%s: %s\n", colour_on(out, COLOUR_YELLOW),
                colour_off(out), a->busy);
    else if (timed && m->has_foreign_share)
        fprintf(out, "  the machine was quiet: others used %.2g %% of the processors, %d of %d quads dropped\n",
                100 * m->foreign_share, m->quads_dropped, m->quads_dropped + m->windows / 2);
}

/* What is shown of it, fit for a terminal, wherever it comes from. */
static void clean_texts(struct rec_attempt *a) {
    char *const texts[] = {a->outcome, a->verdict, a->evidence, a->infrastructure, a->log,
                           a->config,  a->audit,   a->busy,     a->precision,      a->sandbox};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i]) utf8_clean(texts[i]);
    for (size_t i = 0; i < a->sizes_checked.count; i++) utf8_clean(a->sizes_checked.items[i]);
}

static void show_clean(const struct rec_device *d, const struct rec_task *task, const struct rec_attempt *a,
                       FILE *out) {
    const struct rec_measured *m = find_row(a, "candidate", NULL);
    show_verdict(d, a, out);
    if (a->config[0] && strcmp(a->config, "{}") != 0) fprintf(out, "  configuration %s\n", a->config);
    if (a->counts.count) {
        fputs("  tried:", out);
        for (size_t i = 0; i < a->counts.count; i++)
            fprintf(out, "%s %lld %s", i ? "," : "", (long long)a->counts.items[i].n, a->counts.items[i].verdict);
        fputc('\n', out);
    }
    if (a->verdict && strcmp(a->verdict, "correct") == 0) {
        fprintf(out, "  %s; checked at", a->generality);
        for (size_t i = 0; i < a->sizes_checked.count; i++)
            fprintf(out, "%s %s", i ? "," : "", a->sizes_checked.items[i]);
        if (m && m->has_error_max) fprintf(out, "; largest error %.2g of the tolerance", m->error_max);
        fputc('\n', out);
    } else {
        show_lines(a->log, "  | ", out);
    }
    if (a->precision[0]) fprintf(out, "  precision %s, as the kernel declares\n", a->precision);
    bool said = a->evidence[0] && strstr(a->audit, a->evidence); /* what it found is the evidence already */
    if (a->audit[0] && !said) fprintf(out, "  audit %s\n", a->audit);
    if (m) show_times(task, a, m, out);
    if (m) show_launch_bound(d, a, m, out);
    show_load(a, out);
    if (a->sandbox[0]) fprintf(out, "  %ssandbox %s%s\n", colour_on(out, COLOUR_DIM), a->sandbox, colour_off(out));
}

void show_attempt(const struct rec_device *d, const struct rec_task *task, const struct rec_attempt *a, FILE *out) {
    struct rec_attempt mine;
    rec_copy(&rec_attempt_desc, &mine, a);
    clean_texts(&mine);
    show_clean(d, task, &mine, out);
    rec_attempt_done(&mine);
}

void show_phases(const struct rec_attempt *a, FILE *out) {
    fprintf(out, "  %s%.2f s:", colour_on(out, COLOUR_DIM), a->duration_ms / 1e3);
    for (size_t i = 0; i < a->phases.count; i++)
        fprintf(out, "%s %s %.0f ms", i ? "," : "", a->phases.items[i].name, a->phases.items[i].ms);
    fprintf(out, "%s\n", colour_off(out));
}
