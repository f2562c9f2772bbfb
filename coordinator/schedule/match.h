/* Tasks to devices. */
#pragma once
#include "coordinator/core.h"
/* Fill every device's window with tasks of its target, the emptiest devices first. Each task handed out becomes an
 * attempt: a row, and a record to send after the commit. */
int schedule_tasks(struct core *core, struct error *err);
/* Milliseconds until a task that backs off may start; -1 when none does. */
int64_t schedule_wait_ms(struct core *core);
/* Queued tasks whose target had no device for absent_ms of lease time are given up. */
int schedule_give_up_absent(struct core *core, struct error *err);
/* Whether a device with room takes the task, for why.c: MATCH_NONE when none has room. */
enum match_fit { MATCH_NONE, MATCH_TAKES, MATCH_ELSEWHERE /* it is where the task failed */, MATCH_WANTED };
enum match_fit match_best(struct core *core, const struct task *task);
