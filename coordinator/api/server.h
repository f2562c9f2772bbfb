/* The HTTP API of docs/api.md. A thread per connection; requests run on the loop's thread and see committed state only.
 */
#pragma once
#include "coordinator/loop.h"

struct api_config {
    const char *address;            /* loopback, or with TLS any */
    const char *tls_cert, *tls_key; /* files; NULL: plain HTTP */
    int port;                       /* 0: the kernel's choice */
    const char *token;              /* of the operator's file */
    struct store *store;            /* the further tokens are read from it; used during the call only */
    struct loop *loop;
};
struct api;
/* Bind and serve. ERR_BUSY: the port is in use; ERR_UNSUPPORTED: neither a loopback address nor TLS; and
 * what api_tls_read() says. */
struct api *api_start(const struct api_config *config, struct error *err);
int api_port(const struct api *api);
/* Where programs of this machine reach it: "http://127.0.0.1:7070"; the caller frees. */
char *api_url(const struct api *api);
/* The loop must be stopping: open streams end then. Accepts NULL. */
void api_stop(struct api *api);
