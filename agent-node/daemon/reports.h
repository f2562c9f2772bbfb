/* Reports of attempts on their way to the broker: each is kept until its delivery is acknowledged, and sent again after
 * a failure or over a new connection. In memory; a spool on disk is to come (docs/operations.md). Thread-safe. */
#pragma once
#include "agent-node/daemon/jobs.h"
#include "fleet/bus/bus.h"

struct reports;
struct reports *reports_new(struct jobs *jobs);
void reports_free(struct reports *reports);
DEFINE_CLEANUP(cleanup_reports, struct reports *, reports_free)

/* Use this producer from now on and send everything that is still unacknowledged through it; NULL: hold everything back
 * (the producer that was attached must be freed after this call, so that no delivery of its is outstanding). */
void reports_attach(struct reports *reports, struct bus_producer *producer);
/* The producer's delivery callback hands over here; `token` is what reports_add() sent with. */
void reports_delivered(struct reports *reports, const struct bus_delivery *delivery);
/* Take over a finished attempt of `job` (which becomes REPORTING and is freed at its delivery) and send it. */
void reports_add(struct reports *reports, struct job *job, const struct rec_attempt *attempt);
/* Send again what failed. Called by the session about once a second. */
void reports_retry(struct reports *reports);
size_t reports_waiting(struct reports *reports);
