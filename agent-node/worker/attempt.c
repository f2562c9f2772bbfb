/* What a task leaves in its attempt. Absent numbers stay absent: nothing here is zero for want of a measurement. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/measure.h"

static struct rec_measured *add_row(struct trial *t, const struct subject *s, const char *role, enum verdict v) {
    struct rec_measured *row = rec_list_measured_push(&t->out->measured);
    const char *name = s->trusted && strncmp(s->name, "baseline ", 9) == 0 ? s->name + 9 : s->name;
    rec_set(&row->candidate, s->hash);
    rec_set(&row->kernel, name);
    rec_set(&row->config, s->config);
    if (!s->trusted) rec_set(&row->precision, kernel_precision(t->kernel));
    rec_set(&row->size, s->cases[0].bound->size);
    rec_set(&row->role, role);
    rec_set(&row->verdict, verdict_name(v));
    row->flops = t->cost.flops_least; /* what is left where structure is declared: else rates would beat the device */
    row->bytes_least = t->cost.bytes_least;
    return row;
}

static void set_double(double *to, bool *has, double v) {
    *has = isfinite(v);
    *to = *has ? v : 0;
}

/* From a time: rates and the share of the speed of light. */
static void add_rates(const struct trial *t, struct rec_measured *row) {
    if (!row->has_time_ns_p50) return;
    double floor_ns = physics_floor_ns(t->worker, &t->cost);
    set_double(&row->gflops, &row->has_gflops, row->flops / row->time_ns_p50);
    set_double(&row->gbps, &row->has_gbps, t->cost.bytes_least / row->time_ns_p50);
    if (floor_ns > 0) set_double(&row->speed_of_light, &row->has_speed_of_light, floor_ns / row->time_ns_p50);
}

static void add_side(const struct trial *t, const struct timing *m, const struct side *s, struct rec_measured *row) {
    double kept[TIMING_WINDOWS_MAX];
    size_t n = timing_kept(m, s, kept);
    set_double(&row->time_ns_p10, &row->has_time_ns_p10, stats_quantile(kept, n, 0.1));
    set_double(&row->time_ns_p50, &row->has_time_ns_p50, stats_median(kept, n));
    set_double(&row->time_ns_p90, &row->has_time_ns_p90, stats_quantile(kept, n, 0.9));
    set_double(&row->foreign_share, &row->has_foreign_share, m->load.known ? m->load.foreign : (double)NAN);
    row->quads_dropped = m->load.dropped;
    row->sets = m->sets;
    row->windows = (int32_t)n;
    add_rates(t, row);
}

static void add_accuracy(const struct accuracy *acc, struct rec_measured *row) {
    if (acc->elements == 0) return;
    set_double(&row->error_max, &row->has_error_max, acc->worst);
    set_double(&row->error_rms, &row->has_error_rms, acc->rms);
}

void attempt_add_candidate(struct trial *t, const struct subject *s, enum verdict v, const struct accuracy *acc) {
    struct rec_measured *row = add_row(t, s, "candidate", v);
    if (acc) add_accuracy(acc, row);
}

static void add_speedup(const struct timing *m, const struct subject *baseline, struct rec_measured *row) {
    set_double(&row->speedup, &row->has_speedup, m->speedup.estimate);
    set_double(&row->speedup_low, &row->has_speedup_low, m->speedup.low);
    set_double(&row->speedup_high, &row->has_speedup_high, m->speedup.high);
    row->speedup_confidence = m->speedup.confidence;
    rec_set(&row->baseline, baseline->name + strlen("baseline "));
}

void attempt_keep_samples(struct trial *t, const struct timing *m) {
    CLEANUP_FREE char *samples = timing_json(m);
    rec_set(&t->out->samples, samples);
}

void attempt_add_baseline(struct trial *t, const struct subject *s, const struct subject *fastest,
                          const struct timing *m, const struct accuracy *acc) {
    struct rec_measured *row = add_row(t, s, "baseline", VERDICT_CORRECT);
    add_accuracy(acc, row);
    if (!m) return;
    add_side(t, m, &m->candidate, row);
    add_speedup(m, fastest, row);
    attempt_keep_samples(t, m);
}

void attempt_add_timing(struct trial *t, const struct subject *s, const struct baselines *b, const struct timing *m,
                        const struct accuracy *acc) {
    struct rec_measured *row = add_row(t, s, "candidate", VERDICT_CORRECT);
    add_side(t, m, &m->candidate, row);
    add_accuracy(acc, row);
    add_speedup(m, &b->subject[b->fastest], row);
    for (int i = 0; i < b->n; i++) {
        row = add_row(t, &b->subject[i], "baseline", VERDICT_CORRECT);
        if (i == b->fastest) {
            add_side(t, m, &m->baseline, row);
            continue;
        }
        set_double(&row->time_ns_p50, &row->has_time_ns_p50, b->screened_ns[i]); /* screened only: one set, no spread */
        row->sets = 1;
        add_rates(t, row);
    }
}

void attempt_add_sizes(struct trial *t, const struct subject *s) {
    rec_set(&t->out->generality, s->generality);
    for (int i = 0; i < s->n_cases; i++) rec_list_string_push(&t->out->sizes_checked, s->cases[i].label);
}

void attempt_count(struct trial *t, enum verdict v) {
    struct rec_list_verdict_count *counts = &t->out->counts;
    for (size_t i = 0; i < counts->count; i++)
        if (strcmp(counts->items[i].verdict, verdict_name(v)) == 0) {
            counts->items[i].n++;
            return;
        }
    struct rec_verdict_count *c = rec_list_verdict_count_push(counts);
    rec_set(&c->verdict, verdict_name(v));
    c->n = 1;
}
