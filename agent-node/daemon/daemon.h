/* The node daemon: finds devices, starts a worker for each, keeps a session with the broker until told to stop. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "records.h"

struct daemon_config {
    const char *node;                        /* [a-z0-9-]{1,63}; NULL for the host's name made to fit */
    const char *bootstrap;                   /* NULL: the address in the coordinator's runtime file on this machine */
    const char *prefix;                      /* NULL for the default */
    const char *const *keys, *const *values; /* librdkafka properties */
    size_t property_count;
    const char *const *drivers; /* only devices whose id or .icd contains one of these; none: all */
    size_t driver_count;
    const char *const *labels;
    size_t label_count;
    const char *const *only; /* labels: takes work only of campaigns that select by one of them; none: of all */
    size_t only_count;
    const char *const *refuse; /* purposes whose work it does not take */
    size_t refuse_count;
    bool sandbox;
    bool notes_load;         /* times are kept on a busy machine, whatever a task's policy says */
    int64_t health_every_ms; /* while a device is idle; 0: never */
    int64_t for_ms;          /* ends by itself after so long, in time for that moment; 0: never */
    int64_t idle_ms;         /* ends by itself after having been idle for so long; 0: never */
    int64_t spool_bytes;     /* most on disk; 0 for the default */
};
/* Runs until SIGTERM or SIGINT, or its end by the configuration. ERR_NOT_FOUND: no device, or no address; ERR_FENCED:
 * another agent took the name, or the coordinator refuses this one; ERR_BUSY: another agent of this name runs with the
 * same state folder; ERR_INVALID: not a node's name. */
int daemon_run(const struct daemon_config *config, struct error *err);
/* Make a node name of any text: lower case, what does not fit becomes '-'. */
void daemon_node_name(const char *text, char out[64]);
