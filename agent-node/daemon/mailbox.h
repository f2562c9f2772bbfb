/* What arrives for a node: decoding with the writer's schema, the checks that keep stale and foreign records out, dead
 * letters. */
#pragma once
#include "agent-node/daemon/devices.h"
#include "agent-node/daemon/duty.h"
#include "agent-node/daemon/jobs.h"
#include "agent-node/daemon/reports.h"
#include "fleet/bus/bus.h"
#include "schemas/codec.h"

struct mailbox {
    const char *node, *incarnation;
    int64_t epoch; /* highest seen; records of lower ones are dropped */
    struct jobs *jobs;
    struct reports *reports;
    struct devices *devices;
    struct duty *duty;
    char *topic; /* NULL before the first desired record */
    int32_t partition;
};
/* The strings and tables are borrowed. */
void mailbox_init(struct mailbox *m, const char *node, const char *incarnation, struct jobs *jobs,
                  struct reports *reports, struct devices *devices, struct duty *duty);
void mailbox_done(struct mailbox *m);
bool mailbox_is_at(const struct mailbox *m, const char *topic, int32_t partition);
/* Note where the mailbox is now; the former place is unassigned. */
void mailbox_move(struct mailbox *m, struct bus_consumer *consumer, const char *topic, int32_t partition);

/* codec_decode, and when the writer's schema is unknown, once more after reading the `schemas` topic again. */
int mailbox_decode(struct bus *bus, struct codec *codec, const struct bus_record *record,
                   const struct rec_desc **ret_desc, void **ret_rec, struct error *err);
/* Publish a record that could not be decoded, with the reason; logged. */
void mailbox_dead_letter(struct bus_producer *producer, const char *node, const struct bus_record *record,
                         const char *reason);

/* A task for this incarnation is queued; one for another, of an old epoch, or given before, is dropped and logged; one
 * for a device that is gone is reported as an infrastructure failure; one that comes while no work is taken goes back.
 */
void mailbox_task(struct mailbox *m, const struct rec_task *task);
/* Give back what waits for devices that are no longer in working order: it may run elsewhere. */
void mailbox_return_unserved(struct mailbox *m);
/* Give back all that is queued when the node takes no work now (duty.h): as `cancelled`, nobody is blamed. */
void mailbox_return_refused(struct mailbox *m);
void mailbox_command(struct mailbox *m, const struct rec_command *command);
/* Report a job that never ran (it is REPORTING). outcome is "cancelled", "infrastructure" or "refused". */
void mailbox_report_unrun(struct mailbox *m, struct job *job, const char *outcome, const char *reason);
