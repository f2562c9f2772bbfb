/* A set of parsed problems that campaigns choose from by name or pattern: the shipped ones, or those of a submission.
 */
#pragma once
#include "common/cleanup.h"
#include "problems/graph/problem.h"

#define SUITE_MAX 4096

struct suite_problem {
    struct problem *problem;
    char *path; /* as messages and patterns call it: "level1/softmax.yaml" */
    char hash[65];
};
struct suite {
    struct suite_problem *items;
    size_t count;
};
/* All problem files below `dir` (two levels), sorted by path; a missing folder or NULL gives an empty suite. A file
 * that is wrong is logged and left out: a coordinator must start. */
struct suite *suite_load(const char *dir);
struct suite *suite_new(void);
/* Parse and add; `path` names it in messages. ERR_INVALID, ERR_CONFLICT (the name is taken by another text), ERR_LIMIT.
 */
int suite_add(struct suite *suite, const char *yaml, size_t len, const char *path, struct error *err);
void suite_free(struct suite *suite); /* accepts NULL */
DEFINE_CLEANUP(cleanup_suite, struct suite *, suite_free)
const struct suite_problem *suite_find(const struct suite *suite, const char *name); /* NULL */
/* Whether `pattern` of a campaign file means this problem: its name, or the end of its path (with or without .yaml),
 * with the wildcards of fnmatch(3). "level2/" and a star means all of a folder. */
bool suite_matches(const struct suite_problem *item, const char *pattern);
