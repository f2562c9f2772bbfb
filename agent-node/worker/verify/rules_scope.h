/* Step 2: what stands at program scope. */
#pragma once
#include "agent-node/worker/finding.h"
#include "agent-node/worker/verify/tokens.h"

/* Refuses writable variables at program scope, static variables in functions, and functions that are declared but not
 * defined (a driver on the host may find them in its process). */
int rules_check_scope(const struct tokens *t, struct finding *ret);
