/* What a baseline took on a device before: one small file per device, problem, size and baseline, kept by the agent.
 * A baseline that takes another time than it used to says that the device is not what it was (clocks, temperature, a
 * neighbour that no counter shows), whatever the ratio beside it says. */
#pragma once
#include "agent-node/worker/timing/timing.h"

#define HISTORY_MAX 15  /* times kept */
#define HISTORY_LEAST 3 /* fewer say nothing */
#define DRIFT_MAX 0.10

struct history {
    size_t n;
    double ns[HISTORY_MAX]; /* a launch, oldest first */
};
/* Empty where there is none, or none that can be read. */
void history_read(const char *path, struct history *ret);
int history_write(const char *path, const struct history *h, struct error *err);
/* The oldest one goes when it is full. */
void history_add(struct history *h, double ns);
/* How far `ns` is from the median of what was: 0.12 for 12 % slower; 0 where too little is known. */
double history_drift(const struct history *h, double ns);

/* The fastest baseline of a run, against its history under the worker's cache folder, to which it is added: so what
 * lasts becomes the rule, after half as many runs as are kept. `drift` says what is wrong, "" for nothing. Nothing is
 * added where the machine was busy. */
void history_check(const struct trial *t, const struct subject *baseline, const struct timing *m, bool busy,
                   char *drift, size_t size);
