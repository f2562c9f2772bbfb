/* Why a task is not running, or what became of it: a code of a fixed list, and one line. */
#pragma once
#include "coordinator/core.h"

enum why {
#define WHY(name, code, meaning) WHY_##name,
#include "coordinator/schedule/why.def"
#undef WHY
    WHY_COUNT
};
const char *why_code(enum why why);
const char *why_meaning(enum why why);

#define WHY_SIZE 512
/* The line goes into `out`. Looks at what the scheduler looks at: it costs what the queue of the target costs. */
enum why task_why(struct core *core, const struct task *task, char out[WHY_SIZE]);
