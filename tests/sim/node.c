/* A virtual node's life: registration, heartbeats, death, return. What it does with tasks is in work.c. */
#include <math.h>
#include <string.h>

#include "agent-node/daemon/inventory.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "fleet/bus/topics.h"
#include "tests/sim/plane.h"
#include "tests/sim/sim.h"

#define HEARTBEAT_LEAST_MS 200
#define HEARTBEAT_MOST_MS 3000
#define HEARTBEAT_TRY_MS 300
#define LEASE_DEFAULT_MS 30000
#define LEAVE_TIMEOUT_MS 5000
#define REPEAT_MS 1000

/* --- chance ----------------------------------------------------------------------------------- */
uint64_t sim_hash(uint64_t h, const char *text) { /* FNV-1a */
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) h = (h ^ *c) * UINT64_C(1099511628211);
    return (h ^ 0xff) * UINT64_C(1099511628211);
}

static uint64_t mix(uint64_t z) { /* finaliser of splitmix64 (Steele, Lea & Flood, 2014) */
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double to_unit(uint64_t z) {
    return (double)(z >> 11) * 0x1p-53;
}

double sim_draw(const struct sim_node *node, const struct rec_task *task, const char *what) {
    uint64_t h = sim_hash(node->sim->seed ^ UINT64_C(14695981039346656037), what);
    const char *texts[] = {node->name, task->device, task->kernel, task->problem, task->target, task->size};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) h = sim_hash(h, texts[i]);
    return to_unit(mix(h + (uint64_t)task->attempt));
}

double sim_next(struct sim_node *node) {
    return to_unit(mix(node->rng += UINT64_C(0x9e3779b97f4a7c15)));
}

double sim_wait_s(struct sim_node *node, double mean_s) {
    return -mean_s * log(1 - sim_next(node));
}

/* --- small things ----------------------------------------------------------------------------- */
static void set_timer(struct sim_node *node, enum timer_kind kind, double after_ms, uint64_t number) {
    timers_add(&node->sim->timers, (struct timer){.due_ms = clock_mono_ms() + (int64_t)after_ms,
                                                  .kind = kind,
                                                  .node = node->index,
                                                  .lives = node->lives,
                                                  .number = number});
}

static void script_next(struct sim_node *node, enum timer_kind kind, double every_s) {
    if (every_s > 0) set_timer(node, kind, 1000 * sim_wait_s(node, every_s), 0);
}

static void fill_device(const struct sim_node *node, const struct sim_device *device, struct rec_device *ret) {
    rec_set(&ret->id, device->id);
    rec_set(&ret->target, device->target);
    rec_set(&ret->backend, "scripted");
    rec_set(&ret->platform, "simulated");
    rec_set(&ret->vendor, "portolan");
    rec_setf(&ret->name, "simulated %s", device->target);
    rec_set(&ret->driver_version, PORTOLAN_VERSION);
    rec_set(&ret->device_version, "OpenCL 3.0 simulated");
    rec_set(&ret->language_version, "OpenCL C 3.0");
    rec_set(&ret->kind, "gpu");
    ret->memory_bytes = INT64_C(16) << 30;
    ret->max_alloc_bytes = INT64_C(4) << 30;
    ret->local_memory_bytes = 64 * 1024;
    ret->cache_bytes = 32 * 1024 * 1024;
    ret->compute_units = 64;
    ret->max_work_group_size = 1024;
    ret->fp16 = ret->fp64 = ret->event_times = true;
    rec_set(&ret->self_test, "passed");
    ret->copy_gbps = 500;
    ret->fma_gflops = 20000;
    ret->launch_us = 5;
    rec_setf(&ret->domain, "%s-%s", node->name, device->id);
    rec_setf(&ret->fingerprint, "sim-%s-%s", device->target, PORTOLAN_VERSION);
    rec_set(&ret->sandbox, "simulated");
    ret->health_checks = device->health_checks;
}

/* What fails its check is named, and not offered. */
static void fill_either(const struct sim_device *device, const struct sim_node *node, struct rec_node *rec) {
    if (!device->failing) {
        fill_device(node, device, rec_list_device_push(&rec->devices));
        return;
    }
    struct rec_failing_device *failing = rec_list_failing_device_push(&rec->failing);
    rec_set(&failing->id, device->id);
    rec_set(&failing->target, device->target);
    rec_set(&failing->reason, "the known-answer check fails: scripted");
    failing->since_ms = device->failing_since_ms;
}

void node_publish(struct sim_node *node, const char *state) {
    struct rec_node rec;
    rec_node_init(&rec);
    rec_set(&rec.node, node->name);
    rec_set(&rec.incarnation, node->incarnation);
    rec_set(&rec.state, state);
    rec.sequence = ++node->node_sequence;
    rec_set(&rec.agent_version, PORTOLAN_VERSION);
    rec.protocol = (int32_t)node->group->protocol;
    rec_set(&rec.trouble, node->group->trouble);
    rec_set(&rec.host, "simulated");
    rec_set(&rec.os, "simulated");
    rec_set(&rec.cpu, "simulated");
    rec.cores = 8;
    rec.memory_bytes = INT64_C(64) << 30;
    rec_list_string_push(&rec.labels, node->group->name);
    rec_set(&rec.sandbox, "simulated");
    rec.started_ms = node->started_ms;
    for (int64_t i = 0; i < node->group->devices; i++) fill_either(&node->devices[i], node, &rec);
    struct plane_token token = {.node = node->index, .lives = node->lives};
    bool asks = strcmp(state, "starting") == 0;
    if (!plane_send(node->sim->plane, TOPIC_NODES, node->name, &rec_node_desc, &rec, asks ? &token : NULL))
        set_timer(node, TIMER_REPEAT, REPEAT_MS, 0);
    rec_node_done(&rec);
}

/* --- starting --------------------------------------------------------------------------------- */
void node_start(struct sim_node *node) {
    static const char digits[] = "0123456789abcdef";
    node->lives++;
    node->life = LIFE_STARTING;
    for (int i = 0; i < SIM_INCARNATION_DIGITS; i++) node->incarnation[i] = digits[(int)(sim_next(node) * 16)];
    node->registered_offset = -1;
    node->sequence = node->node_sequence = node->desired_epoch = node->desired_sequence = 0;
    node->joined = node->beat_soon = node->beat_armed = false;
    node->topic[0] = 0;
    node->frozen_until_ms = 0;
    node->lease_ms = LEASE_DEFAULT_MS;
    node->started_ms = clock_wall_ms();
    for (int64_t i = 0; i < node->group->devices; i++) {
        node->devices[i].health_checks = 1;
        node->devices[i].failing = node->devices[i].checking = node->devices[i].check_asked = false;
    }
    node->group->stats.starts++;
    node_publish(node, "starting");
    script_next(node, TIMER_DEATH, node->group->die_every_s);
    script_next(node, TIMER_FLAP, node->group->flap_every_s);
    script_next(node, TIMER_FREEZE, node->group->freeze_every_s);
}

void node_on_registered(struct sim_node *node, int64_t offset) {
    node->registered_offset = offset;
}

static void end_life(struct sim_node *node, double back_s) {
    if (node->life >= LIFE_READY) node->sim->ready_count--;
    if (node->topic[0]) plane_part(node->sim->plane, node->index, node->topic, node->partition);
    work_drop(node);
    node->life = LIFE_OFF;
    node->lives++;
    if (back_s >= 0 && !node->sim->stopping) set_timer(node, TIMER_BACK, 1000 * back_s, 0);
}

/* A repeated or delayed record must not undo what came after it. */
static bool is_old(struct sim_node *node, const struct rec_desired *desired) {
    if (desired->epoch < node->epoch || desired->epoch < node->desired_epoch) return true;
    bool counted = desired->sequence > 0 && desired->epoch == node->desired_epoch;
    if (counted && desired->sequence <= node->desired_sequence) return true;
    node->desired_epoch = desired->epoch;
    node->desired_sequence = desired->sequence;
    return false;
}

static void go_to_mailbox(struct sim_node *node, const struct rec_desired *desired) {
    if (node->topic[0] && node->partition == desired->mailbox_partition &&
        strcmp(node->topic, desired->mailbox_topic) == 0)
        return;
    if (node->topic[0]) plane_part(node->sim->plane, node->index, node->topic, node->partition);
    snprintf(node->topic, sizeof node->topic, "%s", desired->mailbox_topic);
    node->partition = desired->mailbox_partition;
    plane_join(node->sim->plane, node->index, node->lives, node->topic, node->partition);
}

void node_on_desired(struct sim_node *node, const struct rec_desired *desired) {
    static const char *const draining[] = {"draining", "drained", "maintenance"};
    if (node->life == LIFE_OFF || strcmp(desired->incarnation, node->incarnation) != 0 || is_old(node, desired)) return;
    snprintf(node->desired, sizeof node->desired, "%s", desired->state);
    if (strcmp(desired->state, "refused") == 0) {
        node->group->stats.refused++;
        end_life(node, -1);
        return;
    }
    /* A coordinator that has just started gives no work to nodes that it has not heard. */
    if (desired->epoch > node->epoch && node->life == LIFE_READY) node_beat_soon(node);
    node->epoch = desired->epoch;
    node->lease_ms = desired->lease_ms > 0 ? desired->lease_ms : LEASE_DEFAULT_MS;
    go_to_mailbox(node, desired);
    for (size_t i = 0; i < sizeof draining / sizeof *draining; i++)
        if (strcmp(desired->state, draining[i]) == 0 && !node->group->deaf)
            work_return(node, "cancelled", "the node is draining", false);
}

void node_on_joined(struct sim_node *node, uint32_t lives, bool good) {
    if (node->life == LIFE_OFF || node->lives != lives) return;
    if (!good) {
        set_timer(node, TIMER_REPEAT, REPEAT_MS, 1);
        return;
    }
    node->joined = true;
    node_publish(node, "ready");
    if (node->life != LIFE_STARTING) return;
    node->life = LIFE_READY;
    node->group->stats.ready++;
    node->sim->ready_count++;
    if (!node->was_ready) node->sim->joined_count++;
    node->was_ready = true;
    node->beat_ms = 0;
    node_beat_soon(node);
}

void node_on_node(struct sim_node *node, const struct rec_node *record, int64_t offset) {
    if (node->life == LIFE_OFF || strcmp(record->incarnation, node->incarnation) == 0) return;
    if (node->registered_offset < 0 || offset < node->registered_offset) return;
    log_warn("%s: another agent has started under this name", node->name);
    node->group->stats.fenced++;
    end_life(node, -1);
}

/* --- ending ----------------------------------------------------------------------------------- */
void node_die(struct sim_node *node, double back_s) {
    if (node->life == LIFE_OFF) return;
    node->group->stats.deaths++;
    end_life(node, back_s);
}

void node_leave(struct sim_node *node, double back_s) {
    if (node->life == LIFE_OFF || node->life == LIFE_LEAVING) return;
    if (node->life == LIFE_STARTING) {
        end_life(node, back_s);
        return;
    }
    node->group->stats.leaves++;
    node->life = LIFE_LEAVING;
    node->frozen_until_ms = 0;
    work_return(node, "infrastructure", "the node is stopping", true);
    set_timer(node, TIMER_GONE, LEAVE_TIMEOUT_MS, 0);
    node_check_left(node);
}

void node_check_left(struct sim_node *node) {
    if (node->life != LIFE_LEAVING || node->first) return;
    node_publish(node, "leaving");
    end_life(node, node->group->flap_every_s > 0 ? node->group->flap_back_s : -1);
}

/* --- heartbeats ------------------------------------------------------------------------------- */
static bool holds_try(const struct sim_node *node) {
    const struct sim_job *job = node->first;
    while (job && strcmp(job->task.purpose, "try") != 0) job = job->next;
    return job != NULL;
}

static int64_t every_ms(const struct sim_node *node) {
    if (node->beat_soon) return HEARTBEAT_LEAST_MS;
    int64_t every = node->lease_ms / 10, most = holds_try(node) ? HEARTBEAT_TRY_MS : HEARTBEAT_MOST_MS;
    if (every > most) every = most;
    return every < HEARTBEAT_LEAST_MS ? HEARTBEAT_LEAST_MS : every;
}

static void beat(struct sim_node *node, int64_t now_ms) {
    struct rec_heartbeat rec;
    node->beat_ms = now_ms;
    node->beat_soon = false;
    rec_heartbeat_init(&rec);
    rec_set(&rec.node, node->name);
    rec_set(&rec.incarnation, node->incarnation);
    rec.sequence = ++node->sequence;
    rec.epoch = node->epoch;
    rec.sent_ms = clock_wall_ms();
    work_list(node, &rec.attempts);
    node->group->stats.beats++;
    plane_send(node->sim->plane, TOPIC_HEARTBEATS, node->name, &rec_heartbeat_desc, &rec, NULL);
    rec_heartbeat_done(&rec);
}

static void on_beat(struct sim_node *node) {
    int64_t now_ms = clock_mono_ms();
    node->beat_armed = false;
    if (node->life < LIFE_READY) return;
    if (now_ms >= node->frozen_until_ms && now_ms >= node->beat_ms + every_ms(node)) beat(node, now_ms);
    int64_t due_ms = node->beat_ms + every_ms(node);
    if (due_ms < node->frozen_until_ms) due_ms = node->frozen_until_ms;
    node->beat_armed = true;
    set_timer(node, TIMER_BEAT, (double)(due_ms - now_ms), (uint64_t)due_ms);
}

void node_beat_soon(struct sim_node *node) {
    if (node->beat_soon && node->beat_armed) return;
    node->beat_soon = true;
    int64_t due_ms = node->beat_ms + HEARTBEAT_LEAST_MS, now_ms = clock_mono_ms();
    set_timer(node, TIMER_BEAT, due_ms > now_ms ? (double)(due_ms - now_ms) : 0, 0);
    node->beat_armed = true;
}

/* --- alarms ----------------------------------------------------------------------------------- */
static void freeze(struct sim_node *node) {
    if (node->life != LIFE_READY) return;
    node->group->stats.freezes++;
    node->frozen_until_ms = clock_mono_ms() + (int64_t)(1000 * node->group->freeze_s);
    set_timer(node, TIMER_THAW, 1000 * node->group->freeze_s, 0);
    script_next(node, TIMER_FREEZE, node->group->freeze_every_s + node->group->freeze_s);
}

void node_on_timer(struct sim_node *node, const struct timer *timer) {
    if (timer->lives != node->lives) return;
    switch (timer->kind) {
        case TIMER_BEAT:
            on_beat(node);
            break;
        case TIMER_DONE:
            work_on_due(node, timer->number);
            break;
        case TIMER_RETRY:
            work_on_retry(node, timer->number);
            break;
        case TIMER_DEATH:
            node_die(node, node->group->die_back_s);
            break;
        case TIMER_FLAP:
            node_leave(node, node->group->flap_back_s);
            break;
        case TIMER_FREEZE:
            freeze(node);
            break;
        case TIMER_THAW:
            work_start(node);
            break;
        case TIMER_BACK:
            if (!node->sim->stopping) node_start(node);
            break;
        case TIMER_GONE:
            work_drop(node);
            node_check_left(node);
            break;
        case TIMER_HEALTH:
            work_on_checked(node, (size_t)timer->number);
            break;
        case TIMER_REPEAT:
            if (timer->number == 0 && node->life == LIFE_STARTING && !node->joined)
                node_publish(node, "starting");
            else if (node->topic[0] && !node->joined)
                plane_join(node->sim->plane, node->index, node->lives, node->topic, node->partition);
            break;
    }
}

/* --- all of them ------------------------------------------------------------------------------ */
static void make_node(struct sim *sim, struct sim_group *group, int64_t number) {
    struct sim_node *node = &sim->nodes[sim->node_count];
    *node = (struct sim_node){.sim = sim, .group = group, .index = sim->node_count++};
    snprintf(node->name, sizeof node->name, "%.50s-%lld", group->name, (long long)number);
    node->rng = sim_hash(sim->seed ^ UINT64_C(14695981039346656037), node->name);
    node->devices = xcalloc((size_t)group->devices, sizeof *node->devices);
    for (int64_t i = 0; i < group->devices; i++) {
        node->devices[i].target = group->targets[(number * group->devices + i) % (int64_t)group->target_count];
        snprintf(node->devices[i].id, sizeof node->devices[i].id, "sim-%lld", (long long)i);
    }
    map_put(sim->by_name, node->name, node);
}

void nodes_make(struct sim *sim) {
    size_t count = 0;
    for (size_t g = 0; g < sim->group_count; g++) count += (size_t)sim->groups[g].nodes;
    sim->nodes = xcalloc(count + 1, sizeof *sim->nodes);
    sim->by_name = map_new();
    for (size_t g = 0; g < sim->group_count; g++)
        for (int64_t i = 0; i < sim->groups[g].nodes; i++) make_node(sim, &sim->groups[g], i);
}

void nodes_free(struct sim *sim) {
    for (size_t i = 0; i < sim->node_count; i++) {
        work_drop(&sim->nodes[i]);
        free(sim->nodes[i].devices);
    }
    free(sim->nodes);
    map_free(sim->by_name);
}
