/* The problems that come with the program, as `portolan problem` shows them. */
#pragma once
#include <jansson.h>

#include "common/error.h"
#include "problems/graph/problem.h"

/* Calls `visit` with the path of each shipped problem file, by level and name, until it returns non-zero.
 * ERR_NOT_FOUND when they are not beside the program. */
int shipped_each(int (*visit)(void *context, const char *path, struct error *err), void *context, struct error *err);
/* The file of a problem: `name` itself when it is a path, else that of the shipped problem with the name. Caller frees.
 * ERR_NOT_FOUND with the nearest name. */
char *shipped_find(const char *name, struct error *err);
/* {"name", "path", "level", "origin", "hash", "sizes"} (docs/api.md, GET /v1/problems). New reference. */
json_t *problem_json(const struct problem *p, const char *path);
