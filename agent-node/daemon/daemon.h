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
    bool sandbox;
    bool notes_load; /* times are kept on a busy machine, whatever a task's policy says */
};
/* Runs until SIGTERM or SIGINT. ERR_NOT_FOUND: no device, or no address; ERR_FENCED: another agent took the name. */
int daemon_run(const struct daemon_config *config, struct error *err);
/* Make a node name of any text: lower case, what does not fit becomes '-'. */
void daemon_node_name(const char *text, char out[64]);
