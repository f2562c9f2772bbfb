/* Admission of the problems that come with a submission: one whose own check accepts trivial answers would make every
 * result about it worthless. Shipped ones are checked where they are made (tests/integration/problem_check.sh). */
#pragma once
#include "coordinator/plan/submission.h"

/* Checks each uploaded problem at its small sizes; needs no state of the coordinator and takes tenths of a second, so
 * it belongs in front of the loop. Problems that say `exempt:`, and those that cannot be checked in ADMIT_SECONDS, give
 * a warning. ERR_INVALID names the problem, what would pass, what to change, and `portolan problem check`. */
#define ADMIT_SECONDS 10
int submission_admit(struct submission *s, struct error *err);
/* The same for the problem in the body of POST /v1/try, if there is one that parses; warnings are dropped. */
int try_admit(const json_t *body, struct error *err);
