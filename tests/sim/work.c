/* What a virtual node does with tasks and commands. */
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "fleet/bus/topics.h"
#include "schemas/codec.h"
#include "tests/sim/plane.h"
#include "tests/sim/sim.h"

#define RETRY_MS 1000
#define JOBS_MAX 4096

/* --- the list --------------------------------------------------------------------------------- */
static struct sim_job *find(const struct sim_node *node, uint64_t serial) {
    struct sim_job *job = node->first;
    while (job && job->serial != serial) job = job->next;
    return job;
}

static void job_free(struct sim_job *job) {
    rec_task_done(&job->task);
    free(job->report);
    free(job);
}

static void forget(struct sim_node *node, struct sim_job *job) {
    struct sim_job **at = &node->first;
    while (*at != job) at = &(*at)->next;
    *at = job->next;
    for (int64_t i = 0; i < node->group->devices; i++)
        if (node->devices[i].running == job) node->devices[i].running = NULL;
    node->sim->held--;
    node->sim->busy_ms = clock_mono_ms();
    job_free(job);
}

void work_drop(struct sim_node *node) {
    while (node->first) forget(node, node->first);
}

static struct sim_device *device_of(struct sim_node *node, const char *id) {
    for (int64_t i = 0; i < node->group->devices; i++)
        if (strcmp(node->devices[i].id, id) == 0) return &node->devices[i];
    return NULL;
}

void work_list(const struct sim_node *node, struct rec_list_held *list) {
    static const char *const names[] = {"queued", "running", "reporting"};
    int64_t now_ms = clock_mono_ms();
    for (const struct sim_job *job = node->first; job; job = job->next) {
        if (job->unlisted) continue;
        struct rec_held *held = rec_list_held_push(list);
        rec_set(&held->attempt_id, job->task.attempt_id);
        rec_set(&held->task_id, job->task.task_id);
        rec_set(&held->device, job->task.device);
        rec_set(&held->state, names[job->state]);
        held->held_ms = (int64_t)((double)(now_ms - job->since_ms) * node->sim->speed);
        if (job->state != SIM_RUNNING) continue;
        rec_set(&held->phase, "measure");
        double share = job->run_ms > 0 ? (double)(now_ms - job->since_ms) / (double)job->run_ms : 0;
        held->progress = job->silent ? 0 : share < 1 ? share : 1;
        held->steps = job->silent ? 0 : now_ms - job->since_ms;
    }
}

/* --- reports ---------------------------------------------------------------------------------- */
static void send_report(struct sim_node *node, struct sim_job *job) {
    struct plane_token token = {.node = node->index, .lives = node->lives, .number = job->serial};
    node->group->stats.sent++;
    if (plane_send_bytes(node->sim->plane, TOPIC_ATTEMPTS, job->task.task_id, job->report, job->report_len, &token))
        return;
    timers_add(&node->sim->timers, (struct timer){.due_ms = clock_mono_ms() + RETRY_MS,
                                                  .kind = TIMER_RETRY,
                                                  .node = node->index,
                                                  .lives = node->lives,
                                                  .number = job->serial});
}

static void report(struct sim_node *node, struct sim_job *job, const char *outcome, const char *verdict,
                   const char *reason) {
    struct rec_attempt attempt;
    struct error err = ERROR_INIT;
    attempt_fill(node, job, outcome, verdict, reason, &attempt);
    lies_before(node, job, &attempt);
    job->state = SIM_REPORTING;
    if (codec_encode(&rec_attempt_desc, &attempt, CODEC_SINGLE_OBJECT, 0, &job->report, &job->report_len, &err) != 0)
        log_error("%s: %s", node->name, err.text);
    report_trace(node, &job->task, verdict ? verdict : outcome);
    send_report(node, job);
    lies_after(node, job, &attempt);
    rec_attempt_done(&attempt);
}

void work_on_delivered(struct sim_node *node, uint64_t serial, bool good) {
    struct sim_job *job = find(node, serial);
    if (!job) return;
    if (!good) {
        node->group->stats.undelivered++;
        work_on_retry(node, serial);
        return;
    }
    node->group->stats.delivered++;
    forget(node, job);
    node_check_left(node);
}

void work_on_retry(struct sim_node *node, uint64_t serial) {
    struct sim_job *job = find(node, serial);
    if (!job || job->state != SIM_REPORTING) return;
    node->group->stats.resent++;
    send_report(node, job);
}

void work_return(struct sim_node *node, const char *outcome, const char *reason, bool running_too) {
    for (struct sim_job *job = node->first; job; job = job->next) {
        if (job->state == SIM_REPORTING || (job->state == SIM_RUNNING && !running_too)) continue;
        if (job->state == SIM_RUNNING) device_of(node, job->task.device)->running = NULL;
        node->group->stats.returned++;
        report(node, job, outcome, NULL, reason);
    }
}

/* --- running ---------------------------------------------------------------------------------- */
static void set_due(struct sim_node *node, const struct sim_job *job, double after_ms) {
    timers_add(&node->sim->timers, (struct timer){.due_ms = clock_mono_ms() + (int64_t)(after_ms + 0.5),
                                                  .kind = TIMER_DONE,
                                                  .node = node->index,
                                                  .lives = node->lives,
                                                  .number = job->serial});
}

/* How an attempt ends, by the script; NULL: with the kernel's verdict. */
static const char *scripted_failure(struct sim_node *node, const struct sim_job *job) {
    const struct sim_group *group = node->group;
    if (sim_matches(&group->fail_on, job->task.kernel)) return "scripted failure of this kernel";
    if (group->fail > 0 && sim_draw(node, &job->task, "fail") < group->fail) return "scripted failure";
    if (job->task.busy_left > 0 && group->busy > 0 && sim_draw(node, &job->task, "busy") < group->busy)
        return "machine busy: scripted";
    return NULL;
}

static bool chance(const struct sim_node *node, const struct sim_job *job, double p, const char *what) {
    return p > 0 && sim_draw(node, &job->task, what) < p;
}

static void begin(struct sim_node *node, struct sim_device *device, struct sim_job *job) {
    struct sim_group *group = node->group;
    int64_t now_ms = clock_mono_ms();
    latency_add(&group->stats.queued, (double)(now_ms - job->since_ms));
    group->stats.begun++;
    job->state = SIM_RUNNING;
    job->since_ms = now_ms;
    device->running = job;
    node_beat_soon(node);
    report_trace(node, &job->task, "begins");
    bool fails = scripted_failure(node, job) != NULL;
    double ms = group->task_ms[0] + sim_draw(node, &job->task, "task_ms") * (group->task_ms[1] - group->task_ms[0]);
    job->run_ms = fails ? 0 : (int64_t)(ms / node->sim->speed);
    job->silent =
        !fails && (sim_matches(&group->hang_on, job->task.kernel) || chance(node, job, group->silent, "silent"));
    if (job->silent)
        group->stats.silent++;
    else
        set_due(node, job, fails ? 0 : ms / node->sim->speed);
}

static struct sim_job *next_job(const struct sim_node *node, const struct sim_device *device) {
    struct sim_job *best = NULL;
    for (struct sim_job *job = node->first; job; job = job->next) {
        if (job->state != SIM_QUEUED || strcmp(job->task.device, device->id) != 0) continue;
        bool job_try = strcmp(job->task.purpose, "try") == 0;
        bool best_try = best && strcmp(best->task.purpose, "try") == 0;
        if (!best || (job_try && !best_try) || (job_try == best_try && job->task.priority > best->task.priority))
            best = job;
    }
    return best;
}

static void begin_check(struct sim_node *node, size_t i) {
    node->devices[i].check_asked = false;
    node->devices[i].checking = true;
    timers_add(&node->sim->timers,
               (struct timer){.due_ms = clock_mono_ms() + (int64_t)(node->group->health_ms / node->sim->speed),
                              .kind = TIMER_HEALTH,
                              .node = node->index,
                              .lives = node->lives,
                              .number = i});
}

void work_start(struct sim_node *node) {
    if (node->life != LIFE_READY || clock_mono_ms() < node->frozen_until_ms) return;
    for (int64_t i = 0; i < node->group->devices; i++) {
        struct sim_device *device = &node->devices[i];
        if (device->running || device->checking || device->failing) continue;
        if (device->check_asked) {
            begin_check(node, (size_t)i);
            continue;
        }
        struct sim_job *job = next_job(node, device);
        if (!job) continue;
        if (sim_matches(&node->group->die_on, job->task.kernel)) {
            report_trace(node, &job->task, "dies");
            node->group->stats.begun++;
            node_die(node, node->group->die_back_s);
            return;
        }
        begin(node, device, job);
    }
}

/* The next task starts at once; this one's report may come later than its end. */
static void end(struct sim_node *node, struct sim_job *job) {
    struct sim_group *group = node->group;
    const char *failure = scripted_failure(node, job);
    device_of(node, job->task.device)->running = NULL;
    if (failure) {
        *(strncmp(failure, "machine busy", 12) == 0 ? &group->stats.busy : &group->stats.infrastructure) += 1;
        report(node, job, "infrastructure", NULL, failure);
    } else {
        group->stats.verdicts++;
        report(node, job, "verdict", sim_verdict(node->sim, job->task.kernel), "");
    }
}

void work_on_due(struct sim_node *node, uint64_t serial) {
    struct sim_job *job = find(node, serial);
    int64_t now_ms = clock_mono_ms();
    if (!job || job->state == SIM_REPORTING) return;
    if (now_ms < node->frozen_until_ms) {
        set_due(node, job, (double)(node->frozen_until_ms - now_ms));
        return;
    }
    if (!job->unlisted && chance(node, job, node->group->lose, "lose")) {
        node->group->stats.lost++;
        report_trace(node, &job->task, "loses");
        forget(node, job);
    } else if (!job->unlisted && chance(node, job, node->group->late, "late")) {
        node->group->stats.late++;
        report_trace(node, &job->task, "keeps back");
        job->unlisted = true;
        device_of(node, job->task.device)->running = NULL;
        set_due(node, job, 1000 * node->group->late_s);
    } else {
        end(node, job);
    }
    work_start(node);
}

/* --- what comes ------------------------------------------------------------------------------- */
static bool is_stale(struct sim_node *node, int64_t epoch, const char *incarnation) {
    bool stale = node->life < LIFE_READY || epoch < node->epoch || strcmp(incarnation, node->incarnation) != 0;
    if (stale) node->group->stats.stale++;
    return stale;
}

static void remember(struct sim *sim, const struct rec_task *task) {
    rec_task_done(&sim->last_task);
    rec_task_copy(&sim->last_task, task);
    snprintf(sim->last_incarnation, sizeof sim->last_incarnation, "%.32s", task->incarnation);
    snprintf(sim->last_node, sizeof sim->last_node, "%.63s", task->node);
}

static void slim(struct rec_task *task) {
    rec_set(&task->problem_yaml, "");
    rec_set(&task->kernel_yaml, "");
    rec_set(&task->kernel_source, "");
}

static int64_t held_by(const struct sim_node *node, const char *device) {
    int64_t n = 0;
    for (const struct sim_job *job = node->first; job; job = job->next)
        n += strcmp(job->task.device, device) == 0 && job->state != SIM_REPORTING;
    return n;
}

void work_on_task(struct sim_node *node, struct rec_task *task) {
    struct sim_stats *stats = &node->group->stats;
    if (is_stale(node, task->epoch, task->incarnation)) return;
    stats->tasks++;
    node->sim->busy_ms = clock_mono_ms();
    latency_add(&stats->to_node, (double)(clock_wall_ms() - task->published_ms));
    node->epoch = task->epoch;
    for (const struct sim_job *job = node->first; job; job = job->next)
        if (strcmp(job->task.attempt_id, task->attempt_id) == 0) {
            stats->repeated++;
            return;
        }
    if (!device_of(node, task->device)) {
        log_error("%s: a task for device `%s`, which it does not have", node->name, task->device);
        return;
    }
    struct sim_job *job = xcalloc(1, sizeof *job);
    job->task = *task;
    rec_task_init(task); /* the caller frees an empty one */
    slim(&job->task);
    job->serial = ++node->sim->serials;
    job->since_ms = clock_mono_ms();
    struct sim_job **at = &node->first;
    while (*at) at = &(*at)->next;
    *at = job;
    node->sim->held++;
    report_trace(node, &job->task, "receives");
    remember(node->sim, &job->task);
    int64_t held = held_by(node, job->task.device);
    if (held > stats->most_held) stats->most_held = held;
    if (node->life == LIFE_LEAVING) {
        stats->returned++;
        report(node, job, "infrastructure", NULL, "the node is stopping");
    } else {
        work_start(node);
    }
}

static void cancel(struct sim_node *node, const struct rec_command *command) {
    node->group->stats.cancels++;
    for (struct sim_job *job = node->first; job; job = job->next) {
        bool meant = *command->attempt_id ? strcmp(job->task.attempt_id, command->attempt_id) == 0
                                          : strcmp(job->task.task_id, command->task_id) == 0;
        if (!meant || job->state == SIM_REPORTING) continue;
        if (job->state == SIM_RUNNING) device_of(node, job->task.device)->running = NULL;
        node->group->stats.cancelled++;
        report(node, job, "cancelled", NULL, command->reason);
    }
    work_start(node);
}

void work_on_command(struct sim_node *node, const struct rec_command *command) {
    if (is_stale(node, command->epoch, command->incarnation)) return;
    node->epoch = command->epoch;
    node->group->stats.commands++;
    if (node->group->deaf) return;
    if (strcmp(command->command, "cancel") == 0) cancel(node, command);
    if (strcmp(command->command, "health_check") != 0) return;
    for (int64_t i = 0; i < node->group->devices; i++)
        if (!*command->device || strcmp(node->devices[i].id, command->device) == 0) node->devices[i].check_asked = true;
    work_start(node);
}

/* What waited for a device that is not in working order is somebody else's. */
static void return_unserved(struct sim_node *node, const struct sim_device *device) {
    for (struct sim_job *job = node->first; job; job = job->next) {
        if (job->state != SIM_QUEUED || strcmp(job->task.device, device->id) != 0) continue;
        node->group->stats.returned++;
        report(node, job, "infrastructure", NULL, "the device is not in working order on this node");
    }
}

void work_on_checked(struct sim_node *node, size_t i) {
    struct sim_device *device = &node->devices[i];
    node->group->stats.health_checks++;
    report_trace(node, &(struct rec_task){.device = device->id}, "checks");
    device->checking = false;
    device->failing = node->group->unhealthy;
    if (device->failing)
        device->failing_since_ms = clock_wall_ms();
    else
        device->health_checks++;
    node_publish(node, "ready");
    if (device->failing) return_unserved(node, device);
    work_start(node);
}
