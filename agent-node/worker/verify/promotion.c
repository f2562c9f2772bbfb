/* Step 10: a winner is measured again, with data that were drawn after the kernel was fixed. */
#include <string.h>

#include "agent-node/worker/verify/verify.h"

bool promotion_wants_fresh(const struct rec_task *task) {
    return strcmp(task->purpose, "promotion") == 0;
}
