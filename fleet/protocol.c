#include "fleet/protocol.h"

void protocol_attempt_of(const struct rec_task *task, struct rec_attempt *ret) {
    rec_attempt_init(ret);
    ret->epoch = task->epoch;
    ret->attempt = task->attempt;
    rec_set(&ret->task_id, task->task_id);
    rec_set(&ret->attempt_id, task->attempt_id);
    rec_set(&ret->campaign, task->campaign);
    rec_set(&ret->node, task->node);
    rec_set(&ret->incarnation, task->incarnation);
    rec_set(&ret->device, task->device);
    rec_set(&ret->target, task->target);
    rec_set(&ret->kernel_hash, task->kernel_hash);
}
