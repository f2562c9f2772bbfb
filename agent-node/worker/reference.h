/* The trusted device reference of step 4, where the oracle is too slow for every element: the plain kernels, in a
 * runner that no candidate ever enters, after they were verified by the oracle at the problem's smaller sizes. */
#pragma once
#include "agent-node/worker/trial.h"

#define REFERENCE_ORACLE_LIMIT_S 20.0 /* as `size: auto` has it */

struct reference_run {
    struct trial *trial;
    bool verified;
};
/* For pool_set_reference(), while `run` lives. */
struct reference reference_of(struct reference_run *run);
