/* What a lying node says beside the truth. Each lie names what it must come to: the coordinator accepts none of them.
 */
#include <stdio.h>
#include <string.h>

#include "fleet/bus/topics.h"
#include "tests/sim/plane.h"
#include "tests/sim/sim.h"

/* Whether the script has it told now; counts it. */
static bool tells(struct sim_node *node, const struct sim_job *job, enum sim_lie lie) {
    if (node->group->lie[lie] <= 0 || sim_draw(node, &job->task, sim_lie_name(lie)) >= node->group->lie[lie])
        return false;
    node->group->stats.lies[lie]++;
    report_trace(node, &job->task, sim_lie_name(lie));
    return true;
}

static void send(struct sim_node *node, const struct rec_attempt *attempt) {
    plane_send(node->sim->plane, TOPIC_ATTEMPTS, attempt->task_id, &rec_attempt_desc, attempt, NULL);
}

static void send_garbage(struct sim_node *node, const struct sim_job *job) {
    uint8_t bytes[64];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(256 * sim_next(node));
    bytes[0] = 0xc3; /* the head of the single-object encoding, with the fingerprint of nothing */
    bytes[1] = 0x01;
    plane_send_bytes(node->sim->plane, TOPIC_ATTEMPTS, job->task.task_id, bytes, sizeof bytes, NULL);
}

/* Another's task: the latest that any node got. Told only when there is one. */
static void send_stolen(struct sim_node *node, const struct rec_attempt *truth) {
    const struct rec_task *theirs = &node->sim->last_task;
    struct rec_attempt lie;
    rec_attempt_copy(&lie, truth);
    if (theirs->task_id && *theirs->task_id && strcmp(theirs->node, node->name) != 0) {
        rec_set(&lie.task_id, theirs->task_id);
        rec_set(&lie.attempt_id, theirs->attempt_id);
        lie.attempt = theirs->attempt;
    } else {
        rec_set(&lie.node, "sim-nobody"); /* its own, in a stranger's name */
    }
    send(node, &lie);
    rec_attempt_done(&lie);
}

static void send_held(struct sim_node *node, const struct sim_job *job) {
    struct rec_heartbeat beat;
    rec_heartbeat_init(&beat);
    rec_set(&beat.node, node->name);
    rec_set(&beat.incarnation, node->incarnation);
    beat.sequence = ++node->sequence;
    beat.epoch = node->epoch;
    work_list(node, &beat.attempts);
    const char *ids[] = {"00000000000000000000000000000000.1", "not an id", "", node->sim->last_task.attempt_id};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct rec_held *held = rec_list_held_push(&beat.attempts);
        rec_set(&held->attempt_id, ids[i] ? ids[i] : "");
        rec_set(&held->device, job->task.device);
        rec_set(&held->state, "running");
        held->progress = -1e300;
    }
    plane_send(node->sim->plane, TOPIC_HEARTBEATS, node->name, &rec_heartbeat_desc, &beat, NULL);
    rec_heartbeat_done(&beat);
}

/* One field of a copy of the truth is wrong. */
static void send_altered(struct sim_node *node, const struct rec_attempt *truth, enum sim_lie lie) {
    struct rec_attempt copy;
    rec_attempt_copy(&copy, truth);
    rec_set(&copy.outcome, "verdict");
    rec_set(&copy.verdict, "wrong_output");
    if (lie == LIE_IDS) copy.attempt += 7;
    if (lie == LIE_UNKNOWN) {
        char id[33];
        for (int i = 0; i < 32; i++) id[i] = "0123456789abcdef"[(int)(16 * sim_next(node))];
        id[32] = 0;
        rec_set(&copy.task_id, id);
        rec_setf(&copy.attempt_id, "%s.%d", id, (int)copy.attempt);
    }
    if (lie == LIE_INCARNATION) rec_set(&copy.incarnation, "00000000000000000000000000000000");
    if (lie == LIE_EPOCH) copy.epoch++;
    if (lie == LIE_VERDICT) rec_set(&copy.verdict, "excellent");
    send(node, &copy);
    rec_attempt_done(&copy);
}

void lies_before(struct sim_node *node, const struct sim_job *job, const struct rec_attempt *truth) {
    static const enum sim_lie altered[] = {LIE_IDS, LIE_UNKNOWN, LIE_INCARNATION, LIE_EPOCH, LIE_VERDICT};
    if (tells(node, job, LIE_GARBAGE)) send_garbage(node, job);
    if (tells(node, job, LIE_STOLEN)) send_stolen(node, truth);
    if (tells(node, job, LIE_HELD)) send_held(node, job);
    if (tells(node, job, LIE_FOREIGN))
        plane_send(node->sim->plane, TOPIC_ATTEMPTS, job->task.task_id, &rec_task_desc, &job->task, NULL);
    for (size_t i = 0; i < sizeof altered / sizeof *altered; i++)
        if (tells(node, job, altered[i])) send_altered(node, truth, altered[i]);
}

void lies_after(struct sim_node *node, const struct sim_job *job, const struct rec_attempt *truth) {
    if (tells(node, job, LIE_DUPLICATE)) send(node, truth);
    if (strcmp(truth->outcome, "verdict") != 0 || !tells(node, job, LIE_CONTRADICTION)) return;
    struct rec_attempt copy;
    rec_attempt_copy(&copy, truth);
    rec_set(&copy.verdict, strcmp(truth->verdict, "correct") == 0 ? "wrong_output" : "correct");
    send(node, &copy);
    rec_attempt_done(&copy);
}
