/* The write side of a Schema Registry (Confluent's API, which Apicurio, Karapace and Redpanda answer too), over
 * libcurl: register a schema and get its id. One request at a time, from one thread; nothing is retried here. Each
 * request has limits in time and size, follows no redirect (the credentials would go along) and ends soon after
 * registry_cancel().
 *
 * Errors, all naming the registry's address: ERR_NETWORK (cannot be reached, HTTP 5xx, 429), ERR_TIMEOUT, ERR_AUTH
 * (HTTP 401, 403, or a certificate that is not trusted), ERR_CONFLICT (the schema is not compatible with those of the
 * subject), ERR_NOT_FOUND (no such thing, or no registry at this path), ERR_INVALID (it refuses the schema, or answers
 * what no registry answers), ERR_LIMIT (an answer over REGISTRY_ANSWER_MAX), ERR_CANCELLED. */
#pragma once
#include <stdint.h>

#include "common/cleanup.h"
#include "common/error.h"

#define REGISTRY_ANSWER_MAX (1024 * 1024)
#define REGISTRY_CONNECT_TIMEOUT_MS 5000
#define REGISTRY_TIMEOUT_MS 15000 /* of a whole request */

struct registry_config {
    const char *url;           /* with the path, such as http://registry:8080/apis/ccompat/v7 */
    const char *user;          /* NULL: no credentials */
    const char *password_file; /* of the user; only its owner may read it */
    const char *ca_file;       /* NULL: the system's */
    int timeout_ms;            /* 0: REGISTRY_TIMEOUT_MS */
};

struct registry;
/* Reads the password; asks nothing. ERR_INVALID: not an http:// or https:// address, or a user without a password;
 * ERR_AUTH: the file is open to others, or credentials would go over plain HTTP to another machine. */
struct registry *registry_new(const struct registry_config *config, struct error *err);
void registry_free(struct registry *registry); /* accepts NULL */
DEFINE_CLEANUP(cleanup_registry, struct registry *, registry_free)
const char *registry_url(const struct registry *registry);
/* The request that runs and all later ones end with ERR_CANCELLED. From any thread. */
void registry_cancel(struct registry *registry);
/* The id of this text under this subject, in *ret_id; registering what is there already gives the same one. */
int registry_register(struct registry *registry, const char *subject, const char *text, int32_t *ret_id,
                      struct error *err);
