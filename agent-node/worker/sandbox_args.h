/* The command line and the environment of a runner, by kind of sandbox. Pure text: nothing is started here. */
#pragma once
#include "agent-node/worker/runner_spawn.h"

/* A NULL-terminated list of strings that it owns. */
struct strings {
    char **item;
    size_t n;
};
void strings_add(struct strings *s, const char *text);
void strings_addf(struct strings *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strings_done(struct strings *s);

/* Where a driver's library lies, from its .icd. */
struct driver_place {
    char *icd_text; /* the .icd's contents */
    char
        *folder; /* outside the system's own folders: to be shown to the runner and searched for libraries; else NULL */
    char *real;  /* the folder that the library is really in, where links lead elsewhere; else NULL */
};
int driver_place_find(const char *icd, struct driver_place *ret, struct error *err);
/* Oclgrind's: PORTOLAN_OCLGRIND names its liboclgrind-rt-icd.so where it is not in the usual places. ERR_NOT_FOUND with
 * how to install it. */
int driver_place_simulator(struct driver_place *ret, struct error *err);
void driver_place_done(struct driver_place *p);

/* Descriptors that the child is born with, beside protocol.h's. */
enum { CHILD_FD_PROGRAM = 5, CHILD_FD_ICD = 6, CHILD_FD_COUNT = 7 };
/* `folder` is the private folder of a runner without bubblewrap. */
void sandbox_argv(const struct spawn_request *r, enum sandbox_kind level, const struct driver_place *driver,
                  const char *bwrap, const char *folder, struct strings *ret);
void sandbox_environment(const struct spawn_request *r, enum sandbox_kind level, const struct driver_place *driver,
                         const char *folder, struct strings *ret);
