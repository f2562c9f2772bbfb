/* The HTTP API of the coordinator (docs/api.md) from the command line's side, over libcurl. Finds the coordinator of
 * this machine by its runtime file; --api, --token-file (PORTOLAN_API, PORTOLAN_TOKEN_FILE) name another. */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/options.h"

/* Rows that every command that talks to the coordinator has in its options table. */
#define CLIENT_OPTIONS                                                                                           \
    {"api",                                                                                                      \
     0,                                                                                                          \
     OPTION_STRING,                                                                                              \
     "URL",                                                                                                      \
     "client.api",                                                                                               \
     NULL,                                                                                                       \
     "Address of the coordinator; found by its runtime file on this machine when not given."},                   \
        {"token-file", 0, OPTION_STRING, "FILE", "client.token_file", NULL, "File that holds the API token."}, { \
        "ca-file", 0, OPTION_STRING, "FILE", "client.ca_file", NULL, "Whom to trust for an https:// address."    \
    }

struct client;
/* ERR_NOT_FOUND: no coordinator runs on this machine and none is named (with a hint); ERR_IO, ERR_AUTH: the token
 * cannot be read. */
struct client *client_new(const struct options *opts, struct error *err);
/* Same for a coordinator whose address and token file are known. */
struct client *client_open(const char *api, const char *token_file, struct error *err);
void client_free(struct client *c);
DEFINE_CLEANUP(cleanup_client, struct client *, client_free)
static inline void cleanup_json(json_t **json) {
    json_decref(*json);
}
#define CLEANUP_JSON CLEANUP(cleanup_json)

/* GET or POST (when `body` is not NULL: borrowed) of a path such as "/v1/nodes". New reference, or NULL with the error
 * that the coordinator gave, or ERR_NETWORK with what was tried, ERR_LIMIT for an answer over 64 MiB. */
json_t *client_get(struct client *c, const char *path, struct error *err);
json_t *client_post(struct client *c, const char *path, json_t *body, struct error *err);
/* NDJSON: `line` is called for each object (borrowed); non-zero ends the stream. Returns 0 when the stream ended by
 * itself or by `line`, -1 with err. ERR_NETWORK: the connection broke (ask again). */
typedef int client_line_fn(void *context, json_t *object);
int client_stream(struct client *c, const char *path, json_t *body, client_line_fn *line, void *context,
                  struct error *err);
/* Percent-encoded for a query; caller frees. `c` may be NULL. */
char *client_escape(struct client *c, const char *text);
const char *client_api(const struct client *c);
