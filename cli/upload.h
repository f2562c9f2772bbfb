/* What `submit` and `try` send: the texts of a campaign, its kernels and problems, read and checked here first so that
 * errors name the user's own files. */
#pragma once
#include <jansson.h>

#include "common/error.h"

/* The body of POST /v1/campaigns for a campaign file: kernels by its patterns (relative to its folder; a pattern that
 * matches nothing is an error), and problem files that its `problems:` patterns match relative to its folder. New
 * reference or NULL. */
json_t *upload_campaign(const char *path, struct error *err);
/* {"path", "yaml", "source"} of one kernel file. *ret_problem (caller frees, may be NULL) gets the problem it names. */
json_t *upload_kernel(const char *path, char **ret_problem, struct error *err);
/* {"name", "path", "yaml"} of one problem file. */
json_t *upload_problem(const char *path, struct error *err);
