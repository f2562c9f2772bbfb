/* The problems that a command is to look at: those named, or the whole suite. */
#pragma once
#include "common/error.h"
#include "common/options.h"
#include "problems/graph/problem.h"

struct chosen {
    size_t n;
    struct problem **problem;
    char **path;
};
/* Each argument is a name or a file, as `portolan problem show` takes them; without arguments all that are shipped. The
 * parsers' errors, ERR_NOT_FOUND. */
int chosen_load(const struct options *opts, struct chosen *ret, struct error *err);
void chosen_done(struct chosen *c);
