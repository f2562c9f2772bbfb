/* Step 10: a winner is measured again, with data that were drawn after the kernel was fixed and with more sets of
 * runners. On which device that happens is the coordinator's choice. */
#include "agent-node/worker/verify/verify.h"

#define PROMOTION_SETS 16

bool promotion_wants_fresh(const struct rec_policy *p) {
    return p->promote;
}

int promotion_sets(const struct rec_policy *p) {
    return p->promote && p->sets < PROMOTION_SETS ? PROMOTION_SETS : p->sets;
}
