/* The life of an attempt after it was published, until its result is accepted. */
#pragma once
#include "coordinator/core.h"

/* Its record was delivered (code ERR_NONE) or not. `name` is "task.n". */
int attempt_on_delivery(struct core *core, const char *name, enum error_code code, const char *text, struct error *err);
/* A heartbeat lists it. Unknown and ended ones are told to stop. */
int attempt_on_held(struct core *core, const struct fleet_node *node, const struct rec_held *held, struct error *err);
int attempts_on_lease_time(struct core *core, bool gap, struct error *err);
/* Give up on attempts of a node whose incarnation is not `except` (NULL: all of them). `counts`: those that were
 * running count as failures. */
int attempts_abandon_node(struct core *core, const char *node, const char *except, bool counts, const char *reason,
                          struct error *err);
/* Why an attempt failed for reasons that are not the kernel's. */
enum failure {
    FAILURE_INFRASTRUCTURE, /* speaks against device and node */
    FAILURE_BUSY,           /* others used the machine: against nobody */
    FAILURE_RECORD          /* its result cannot be published: against nobody, and it counts */
};
/* Drops the attempt, and counts the failure. */
int attempt_failed(struct core *core, struct attempt *attempt, const char *reason, enum failure failure,
                   struct error *err);
/* Revoke the live attempts of a node (`device` NULL: of all its devices), tell it to stop them, and queue their tasks
 * again: nobody is to blame. */
int attempts_revoke(struct core *core, const char *node, const char *device, const char *reason, struct error *err);
/* The node gave it back without a reason against it. Drops the attempt. */
int attempt_returned(struct core *core, struct attempt *attempt, const char *reason, struct error *err);
/* Tell the node to stop it; the caller changes its state. */
int attempt_send_cancel(struct core *core, const struct row_attempt *row, const char *reason, struct error *err);
/* End a task that cannot be done: result `gave_up` and a dead letter. */
int task_give_up(struct core *core, struct task *task, const char *reason, struct error *err);
/* "node/device" is among those that the task failed on. */
bool task_avoids(const struct task *task, const char *node, const char *device);
/* Any device of the node is. */
bool task_avoids_node(const struct task *task, const char *node);
/* Split "task.n"; false when it is none. */
bool attempt_name_split(const char *name, char task[TASK_ID_SIZE], int *ret_n);
