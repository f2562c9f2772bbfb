/* The HTTP API of docs/api.md. A thread per connection; requests run on the loop's thread and see committed state only.
 */
#pragma once
#include "coordinator/loop.h"

struct api_config {
    const char *address; /* loopback */
    int port;            /* 0: the kernel's choice */
    const char *token;   /* of the operator's file */
    struct store *store; /* the further tokens are read from it; used during the call only */
    struct loop *loop;
};
struct api;
/* Bind and serve. ERR_BUSY: the port is in use; ERR_UNSUPPORTED: not a loopback address. */
struct api *api_start(const struct api_config *config, struct error *err);
int api_port(const struct api *api);
/* The loop must be stopping: open streams end then. Accepts NULL. */
void api_stop(struct api *api);
