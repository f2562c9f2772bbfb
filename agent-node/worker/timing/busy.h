/* What becomes of a task whose times cannot be believed, because of others on the machine or because the device is not
 * what it was. No verdict is lost over it: it goes back while the coordinator still has patience, and in the end the
 * verdict stands, without times or with times that say what was wrong. */
#pragma once
#include "agent-node/worker/timing/timing.h"

enum busy_answer {
    BUSY_AGAIN,         /* back into the queue */
    BUSY_WITHOUT_TIMES, /* the verdict alone */
    BUSY_NOTED          /* times are kept, and what was wrong stands beside them */
};
/* By the task's policy, by how often it may still go back, and by what the machine's owner said. */
enum busy_answer busy_answer(const struct trial *t);
/* After timing: what was wrong with it, if anything, becomes a finding (busy), or is noted in the attempt and the
 * return value is 0. `drift` ("" for none) is what the device's history says. */
int busy_settle(struct trial *t, const struct timing *m, const char *drift, struct finding *f);
/* A finding of kind busy, which leaves no times to be kept, when the task may not go back any more: moved into the
 * attempt. True when that was done, and `f` is empty then. */
bool busy_take(struct trial *t, struct finding *f);
