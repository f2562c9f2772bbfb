#include "agent-node/daemon/mailbox.h"

#include <string.h>

#include "agent-node/daemon/inventory.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "fleet/bus/topics.h"
#include "fleet/protocol.h"

#define DEAD_PAYLOAD_MAX 65536
#define SCHEMAS_TIMEOUT_MS 5000

void mailbox_init(struct mailbox *m, const char *node, const char *incarnation, struct jobs *jobs,
                  struct reports *reports, struct devices *devices, struct duty *duty) {
    *m = (struct mailbox){
        .node = node, .incarnation = incarnation, .jobs = jobs, .reports = reports, .devices = devices, .duty = duty};
}

void mailbox_done(struct mailbox *m) {
    free(m->topic);
    m->topic = NULL;
}

bool mailbox_is_at(const struct mailbox *m, const char *topic, int32_t partition) {
    return m->topic && m->partition == partition && !strcmp(m->topic, topic);
}

void mailbox_move(struct mailbox *m, struct bus_consumer *consumer, const char *topic, int32_t partition) {
    if (m->topic) bus_unassign(consumer, m->topic, m->partition, NULL);
    free(m->topic);
    m->topic = xstrdup(topic);
    m->partition = partition;
}

int mailbox_decode(struct bus *bus, struct codec *codec, const struct bus_record *record,
                   const struct rec_desc **ret_desc, void **ret_rec, struct error *err) {
    struct error first = ERROR_INIT;
    if (!codec_decode(codec, record->value, record->len, ret_desc, ret_rec, &first)) return 0;
    if (first.code == ERR_NOT_FOUND && !inventory_learn_schemas(bus, codec, SCHEMAS_TIMEOUT_MS, NULL))
        return codec_decode(codec, record->value, record->len, ret_desc, ret_rec, err);
    if (err) *err = first;
    return -1;
}

void mailbox_dead_letter(struct bus_producer *producer, const char *node, const struct bus_record *record,
                         const char *reason) {
    log_warn("%s/%d offset %lld cannot be used and goes to the dead letters: %s", record->topic, (int)record->partition,
             (long long)record->offset, reason);
    struct rec_dead_letter dead;
    rec_dead_letter_init(&dead);
    rec_set(&dead.source, "record");
    rec_set(&dead.topic, record->topic);
    dead.partition = record->partition;
    dead.offset = record->offset;
    rec_set(&dead.reason, reason);
    rec_set(&dead.seen_by, node);
    dead.at_ms = clock_wall_ms();
    size_t len = record->len > DEAD_PAYLOAD_MAX ? DEAD_PAYLOAD_MAX : record->len;
    rec_set_bytes(&dead.payload, record->value, len);
    CLEANUP_FREE char *key = xasprintf("%s/%d/%lld", record->topic, (int)record->partition, (long long)record->offset);
    struct error err = ERROR_INIT;
    if (inventory_send(producer, TOPIC_DEADLETTER, BUS_ANY_PARTITION, key, &rec_dead_letter_desc, &dead, &err))
        log_error("dead letter: %s", err.text);
    rec_dead_letter_done(&dead);
}

void mailbox_report_unrun(struct mailbox *m, struct job *job, const char *outcome, const char *reason) {
    const struct rec_task *task = &job->task;
    struct rec_attempt attempt;
    protocol_attempt_of(task, &attempt);
    rec_set(&attempt.agent_version, PORTOLAN_VERSION);
    rec_set(&attempt.outcome, outcome);
    rec_set(&attempt.evidence, reason);
    if (strcmp(outcome, "cancelled") != 0) rec_set(&attempt.infrastructure, reason);
    attempt.finished_ms = clock_wall_ms();
    reports_add(m->reports, job, &attempt);
    rec_attempt_done(&attempt);
}

/* Why a task is not for this node as it is now; NULL when it is. */
static const char *stale(const struct mailbox *m, int64_t epoch, const char *node, const char *incarnation) {
    if (epoch < m->epoch) return "of an older coordinator";
    if (strcmp(node, m->node) != 0) return "for another node";
    if (strcmp(incarnation, m->incarnation) != 0) return "for an earlier incarnation";
    return NULL;
}

static bool served(void *context, const char *device) {
    return devices_has(context, device);
}

void mailbox_return_unserved(struct mailbox *m) {
    struct job *job;
    while ((job = jobs_unserved(m->jobs, served, m->devices)))
        mailbox_report_unrun(m, job, "infrastructure", "the device is not in working order on this node");
}

/* A coordinator that died after it sent this, and was quickly started again, waits for the attempt: told at once, it
 * need not wait for the lease. One that is gone for good has nobody who minds. */
static void give_back(struct mailbox *m, const struct rec_task *task) {
    if (strcmp(task->node, m->node) != 0 || strcmp(task->incarnation, m->incarnation) != 0) return;
    if (jobs_add(m->jobs, task, NULL)) return;
    struct job *job = jobs_cancel(m->jobs, task->attempt_id, "", NULL);
    if (job) mailbox_report_unrun(m, job, "cancelled", "it was sent before the coordinator started anew");
}

static bool none_served(void *context, const char *device) {
    (void)context, (void)device;
    return false;
}

void mailbox_return_refused(struct mailbox *m) {
    CLEANUP_FREE char *why = duty_refusal(m->duty);
    struct job *job;
    int n = 0;
    for (; why && (job = jobs_unserved(m->jobs, none_served, NULL)); n++)
        mailbox_report_unrun(m, job, "cancelled", why);
    if (n) log_info("%d queued attempt%s given back: %s", n, n == 1 ? "" : "s", why);
}

void mailbox_task(struct mailbox *m, const struct rec_task *task) {
    const char *why = stale(m, task->epoch, task->node, task->incarnation);
    struct error err = ERROR_INIT;
    if (why) {
        log_info("task %s is dropped: it is %s", task->attempt_id, why);
        if (task->epoch < m->epoch) give_back(m, task);
        return;
    }
    m->epoch = task->epoch;
    if (jobs_add(m->jobs, task, &err)) {
        log_info("task %s is dropped: %s", task->attempt_id, err.text);
        return;
    }
    mailbox_return_refused(m);
    mailbox_return_unserved(m);
}

static void cancel(struct mailbox *m, const struct rec_command *command) {
    struct job *job;
    int running = 0;
    while ((job = jobs_cancel(m->jobs, command->attempt_id, command->task_id, &running)))
        mailbox_report_unrun(m, job, "cancelled", command->reason);
    log_info("cancel %s: %d running", *command->attempt_id ? command->attempt_id : command->task_id, running);
}

static void health_check(struct mailbox *m, const struct rec_command *command) {
    bool found = devices_ask_check(m->devices, command->device);
    log_info("health check of %s asked for%s%s%s", *command->device ? command->device : "all devices",
             *command->reason ? ": " : "", command->reason, found ? "" : " (there is no such device)");
}

void mailbox_command(struct mailbox *m, const struct rec_command *command) {
    const char *why = stale(m, command->epoch, command->node, command->incarnation);
    if (why) {
        log_info("command %s is dropped: it is %s", command->command, why);
        return;
    }
    m->epoch = command->epoch;
    if (!strcmp(command->command, "cancel"))
        cancel(m, command);
    else if (!strcmp(command->command, "health_check"))
        health_check(m, command);
    else
        log_warn("command %s is not known to this version", command->command);
}
