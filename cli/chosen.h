/* The problems that a command is to look at: those named, or the whole suite. */
#pragma once
#include "common/error.h"
#include "common/options.h"
#include "problems/graph/problem.h"

struct chosen {
    size_t n;
    struct problem **problem;
    char **path;
    size_t now;                /* the one that is being looked at */
    struct progress *progress; /* of them all, on a terminal; NULL elsewhere */
};
/* Each argument is a name or a file, as `portolan problem show` takes them; without arguments all that are shipped. The
 * parsers' errors, ERR_NOT_FOUND. */
int chosen_load(const struct options *opts, struct chosen *ret, struct error *err);
void chosen_done(struct chosen *c);
/* A progress bar on stderr where that is a terminal. */
void chosen_show_progress(struct chosen *c, const char *title);
/* How far the present one is, 0 to 1: fits the `progress` of admission_options and margins_options; `context` is c. */
void chosen_progress(void *context, double done, const char *label);
