/* What quarantine.c and quarantine_lift.c share. */
#pragma once
#include "coordinator/schedule/quarantine.h"

/* Of the quarantine number `rounds` since the last success, 1 for the first. */
int64_t health_backoff_ms(int rounds);
/* Among the node's devices in its inventory; NULL when it is not there. */
struct device *health_device(const struct fleet_node *node, const struct health *health);
/* Writes its row, or deletes one that says nothing any more. */
int health_keep(struct core *core, const struct health *health, struct error *err);
int health_lift(struct core *core, struct fleet_node *node, struct health *health, const char *why, struct error *err);
