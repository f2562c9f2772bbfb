/* Reports of attempts on their way to the broker: each is kept until its delivery is acknowledged, and sent again after
 * a failure or over a new connection. One that is not acknowledged within about a second, or that is made while the
 * broker is away, goes to the spool, too: so the usual way costs no fsync, and an agent that ends, however it ends,
 * takes no more than the last second with it. Reports that an earlier start left in the spool are sent unchanged.
 * Thread-safe. */
#pragma once
#include "agent-node/daemon/duty.h"
#include "agent-node/daemon/jobs.h"
#include "agent-node/daemon/spool.h"
#include "fleet/bus/bus.h"

#define REPORTS_SPOOL_AFTER_MS 1000

struct reports;
/* Reads what the spool holds. `spool` and `duty` are borrowed; without a spool (NULL) reports are in memory only,
 * `duty` may be NULL then. NULL with err: the spool cannot be read, or no thread. */
struct reports *reports_new(struct jobs *jobs, struct spool *spool, struct duty *duty, struct error *err);
/* What is not acknowledged goes to the spool. Attached producers are freed before. Accepts NULL. */
void reports_free(struct reports *reports);
DEFINE_CLEANUP(cleanup_reports, struct reports *, reports_free)

/* Use this producer from now on and send everything that is still unacknowledged through it; NULL: hold everything back
 * (the producer that was attached must be freed after this call, so that no delivery of its is outstanding). */
void reports_attach(struct reports *reports, struct bus_producer *producer);
/* No broker answers, or one does again. May be called from any thread. */
void reports_away(struct reports *reports, bool away);
/* The producer's delivery callback hands over here; `token` is what reports_add() sent with. */
void reports_delivered(struct reports *reports, const struct bus_delivery *delivery);
/* Take over a finished attempt of `job` (which becomes REPORTING and is freed at its delivery) and send it. */
void reports_add(struct reports *reports, struct job *job, const struct rec_attempt *attempt);
/* Send again what failed. Called by the session about once a second. */
void reports_retry(struct reports *reports);
size_t reports_waiting(struct reports *reports);
