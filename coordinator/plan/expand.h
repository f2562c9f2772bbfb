/* The rows that a submission comes to, with the devices as they are. Nothing is stored here. */
#pragma once
#include "coordinator/plan/submission.h"
#include "coordinator/plan/targets.h"

struct expansion {
    struct core *core;
    struct submission *s;
    const struct suite_problem **problems; /* chosen ones, without repeats */
    size_t problem_count;
    const char *campaign, *purpose;
    struct row_task *rows;
    size_t count, room;
    char **policies; /* texts of the policies that the rows name, each once */
    size_t policy_count;
};
/* Resolve the campaign's patterns over uploaded and shipped problems. */
int expand_problems(struct expansion *e, struct error *err);
/* Fill rows for the chosen problems and targets. `skip` (may be NULL) leaves a (problem, target) out. */
typedef bool expand_skip(void *context, const char *problem, const char *target);
int expand_tasks(struct expansion *e, const struct target_choices *targets, expand_skip *skip, void *context,
                 struct error *err);
void expansion_done(struct expansion *e);
