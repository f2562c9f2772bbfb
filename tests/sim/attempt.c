/* The records that virtual agents report with: complete, as a worker would have filled them. */
#include <string.h>

#include "common/clock.h"
#include "fleet/protocol.h"
#include "tests/sim/sim.h"

#define FLOPS 4e6
#define BYTES 8e6

static void add_times(struct rec_measured *row, double p50_ns, const struct rec_policy *policy) {
    row->time_ns_p10 = 0.97 * p50_ns;
    row->time_ns_p50 = p50_ns;
    row->time_ns_p90 = 1.04 * p50_ns;
    row->has_time_ns_p10 = row->has_time_ns_p50 = row->has_time_ns_p90 = true;
    row->sets = policy->sets;
    row->windows = 2 * policy->sets * policy->quads;
    row->foreign_share = 0.01;
    row->has_foreign_share = true;
    row->gflops = FLOPS / p50_ns;
    row->gbps = BYTES / p50_ns;
    row->speed_of_light = 0.4;
    row->has_gflops = row->has_gbps = row->has_speed_of_light = true;
}

static struct rec_measured *add_row(const struct sim_job *job, const char *role, const char *kernel,
                                    const char *verdict, struct rec_attempt *a) {
    struct rec_measured *row = rec_list_measured_push(&a->measured);
    rec_setf(&row->candidate, "%.32s", strcmp(role, "baseline") == 0 ? "" : job->task.kernel_hash);
    rec_set(&row->kernel, kernel);
    rec_set(&row->config, a->config);
    rec_set(&row->size, job->task.size);
    rec_set(&row->role, role);
    rec_set(&row->verdict, verdict);
    row->flops = FLOPS;
    row->bytes_least = BYTES;
    row->error_max = 0.2;
    row->error_rms = 0.3;
    row->has_error_max = row->has_error_rms = true;
    return row;
}

/* Times of a kernel on a device are always the same: noise is not what is simulated here. */
static void add_timed(const struct sim_node *node, const struct sim_job *job, struct rec_attempt *a) {
    const struct rec_task *task = &job->task;
    double base_ns = 1e5, speedup = 0.8 + 0.6 * sim_draw(node, task, "speedup");
    struct rec_measured *row = add_row(job, "candidate", task->kernel, "correct", a);
    add_times(row, base_ns / speedup, &task->policy);
    row->speedup = speedup;
    row->speedup_low = 0.99 * speedup;
    row->speedup_high = 1.01 * speedup;
    row->has_speedup = row->has_speedup_low = row->has_speedup_high = true;
    row->speedup_confidence = task->policy.confidence;
    rec_set(&row->baseline, task->baselines.count ? task->baselines.items[0] : "plain");
    for (size_t i = 0; i < task->baselines.count; i++) {
        row = add_row(job, "baseline", task->baselines.items[i], "correct", a);
        add_times(row, base_ns * (1 + 0.1 * (double)i), &task->policy);
    }
}

static void add_phases(const struct sim_job *job, double duration_ms, struct rec_attempt *a) {
    static const struct {
        const char *name;
        double share;
    } phases[] = {{"compile", 0.2}, {"verify", 0.3}, {"time", 0.5}};
    (void)job;
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        struct rec_phase *phase = rec_list_phase_push(&a->phases);
        rec_set(&phase->name, phases[i].name);
        phase->ms = duration_ms * phases[i].share;
    }
}

static void add_verdict(const struct sim_node *node, const struct sim_job *job, const char *verdict,
                        struct rec_attempt *a) {
    bool correct = strcmp(verdict, "correct") == 0;
    rec_set(&a->verdict, verdict);
    rec_set(&a->generality, "general");
    rec_set(&a->config, *job->task.config ? job->task.config : "{}");
    rec_list_string_push(&a->sizes_checked, job->task.size);
    rec_list_string_push(&a->sizes_checked, "check");
    if (correct)
        add_timed(node, job, a);
    else
        add_row(job, "candidate", job->task.kernel, verdict, a);
    if (!correct) rec_setf(&a->evidence, "scripted: %s deserves %s", job->task.kernel, verdict);
    if (strcmp(job->task.kind, "search") != 0) return;
    struct rec_verdict_count *count = rec_list_verdict_count_push(&a->counts);
    rec_set(&count->verdict, verdict);
    count->n = job->task.policy.candidates;
}

void attempt_fill(const struct sim_node *node, const struct sim_job *job, const char *outcome, const char *verdict,
                  const char *reason, struct rec_attempt *a) {
    const struct rec_task *task = &job->task;
    bool ran = job->state == SIM_RUNNING;
    protocol_attempt_of(task, a);
    rec_setf(&a->fingerprint, "sim-%s-%s", task->target, PORTOLAN_VERSION);
    rec_setf(&a->device_name, "simulated %s", task->target);
    rec_set(&a->driver_version, PORTOLAN_VERSION);
    rec_set(&a->agent_version, PORTOLAN_VERSION);
    rec_set(&a->sandbox, "simulated");
    rec_set(&a->outcome, outcome);
    rec_set(&a->evidence, reason);
    if (strcmp(outcome, "infrastructure") == 0) rec_set(&a->infrastructure, reason);
    a->finished_ms = clock_wall_ms();
    a->duration_ms = ran ? (double)(clock_mono_ms() - job->since_ms) * node->sim->speed : 0;
    add_phases(job, a->duration_ms, a);
    if (verdict) add_verdict(node, job, verdict, a);
}
