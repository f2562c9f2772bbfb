/* What the store keeps, and for how long. Once a day, or when asked to, the coordinator takes out what is older: a
 * little in each turn of the loop, so that nobody notices. Never touched: what is open, what waits to be published,
 * results of promotions that were confirmed (with their tasks, campaign and texts), and everything that is public. */
#pragma once
#include "coordinator/core.h"
#include "coordinator/store/gc.h"

#define RETENTION_LEAST_MS INT64_C(3600000)
#define RETENTION_FOREVER 0

/* "90d", "12h", "forever". ERR_USAGE, which names `what`. */
int retention_parse(const char *text, const char *what, int64_t *ret_ms, struct error *err);

struct gc_report {
    bool running, dry;
    int64_t runs; /* that have ended */
    struct gc_counts counts;
    int64_t duration_ms;
};
/* Begin a run. `dry`: only count. ERR_BUSY: one is under way. */
int gc_start(struct core *core, bool dry, struct error *err);
/* The run under way, else the latest one. */
void gc_report(const struct core *core, struct gc_report *ret);
/* A step if one is due, and the beginning of the daily run. On the loop's thread, in each turn. */
int gc_work(struct core *core, struct error *err);
/* How long until there is something to do; -1: nothing is under way. */
int64_t gc_wait_ms(const struct core *core);
void gc_free(struct gc *gc); /* accepts NULL */
