/* Health of devices and nodes, as the coordinator counts it: infrastructure failures in a row, probation, quarantine.
 *
 *   3 failures in a row --> quarantined: its attempts are revoked and queued elsewhere --> back-off --> `health_check`
 * command --> a record shows that the check was passed --> in service again, on probation until a success
 *
 * A device is quarantined for failures of its own; a node for failures of two or more of its devices, for agents that
 * were lost, and where it has only one device. The back-off is 10 s, doubled at each quarantine since the last success,
 * 10 minutes at most. It runs on lease time: while broker or coordinator are away no check could be asked for either,
 * and nothing may expire then. After a restart of the coordinator it runs in full again.
 *
 * Each failure is remembered with its task, so that it can be taken back when the task proves to be the culprit, or the
 * attempt to have been silent only. */
#pragma once
#include "coordinator/core.h"

#define QUARANTINE_STREAK 3
#define QUARANTINE_FIRST_MS 10000
#define QUARANTINE_MOST_MS 600000
#define QUARANTINE_ASK_MS 30000 /* a health check that is not answered is asked for again */

struct health {
    struct row_health row;
    struct health *next; /* of the same node */
    bool proven;         /* a success in this incarnation */
    int64_t over_at;     /* lease time at which the back-off ends; valid while quarantined */
    bool asked;          /* the back-off is over and a check was asked for */
    int64_t asked_at;    /* lease time */
    int64_t checks;      /* more passed checks than this lift it; of devices */
};

/* --- the registry's side ---------------------------------------------------------------------- */
/* The node's devices were built anew: each finds its health again. */
void health_attach(struct fleet_node *node);
void health_free_all(struct fleet_node *node);
/* A row of the store, of a node that is there. */
void health_load(struct core *core, const struct row_health *row);
/* Another agent runs under the name: nothing is proven, and checks are counted from 0. */
void health_new_incarnation(struct core *core, struct fleet_node *node);
/* A record was read: checks may have been passed. */
int health_on_record(struct core *core, struct fleet_node *node, struct error *err);
/* Lease time advanced: checks are asked for where a back-off is over. */
int health_on_lease_time(struct core *core, struct error *err);

/* --- counting --------------------------------------------------------------------------------- */
/* An attempt failed there by infrastructure. The attempt itself must be off the live ones. */
int health_failed(struct core *core, const struct row_attempt *row, const char *reason, struct error *err);
/* The node fell silent, or started anew, while it ran this attempt: one failure of the node however many ran. */
int health_lost(struct core *core, const struct row_attempt *row, const char *reason, struct error *err);
/* A verdict came from there. */
int health_succeeded(struct core *core, const struct row_attempt *row, struct error *err);
/* An attempt that had lapsed goes on: that was no failure. */
int health_heard_again(struct core *core, const struct row_attempt *row, struct error *err);
/* The task is poison: what it caused is taken back, quarantines that rest on it are lifted. */
int health_pardon(struct core *core, const char *task, struct error *err);
/* An operator lifts all quarantines of the node and forgets the failures. *ret_count: quarantines that were lifted. */
int health_release(struct core *core, struct fleet_node *node, int *ret_count, struct error *err);

/* --- asking ----------------------------------------------------------------------------------- */
/* Attempts that it may hold so that 3 failures in all are the most it can cause; -1: no limit, it is proven. */
int health_most(const struct health *health);
/* What is left of its back-off; 0 when that is over, -1 when it is not quarantined. */
int64_t health_left_ms(const struct core *core, const struct health *health);
/* "for 8 s more: 3 failures in a row, ..." or "on probation: ..."; "" for neither. */
void health_text(const struct core *core, const struct health *health, char *out, size_t size);
