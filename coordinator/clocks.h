/* Durations that go on over restarts of the coordinator, from monotonic clocks: the wall clock may jump.
 *
 *   up time       goes while a coordinator runs: deadlines of campaigns
 *   service time  goes while it runs and the broker is there (lease time): time in the queue
 *
 * Both are kept in the store every CLOCKS_SAVE_MS, so a crash sets them back by that much at most: time is given, never
 * taken. */
#pragma once
#include "coordinator/core.h"

#define CLOCKS_SAVE_MS 10000

int64_t clocks_up_ms(const struct core *core);
int64_t clocks_service_ms(const struct core *core);
/* At the coordinator's start, before lease time goes. */
int clocks_load(struct core *core, struct error *err);
/* Write them if it is time. */
int clocks_save(struct core *core, struct error *err);
