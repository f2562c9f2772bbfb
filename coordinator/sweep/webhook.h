/* Telling people: digests go to webhooks by a thread of its own (libcurl), from a bounded queue in the store. A hook
 * that is slow, refuses or hangs harms nothing but its own digests: they wait, are tried again with back-off, and are
 * dropped when there are too many. The URL is a secret (who has it can post): it comes from a file, is read at each
 * try, and stands in no log line and no answer. */
#pragma once
#include <jansson.h>

#include "coordinator/core.h"

#define WEBHOOKS_MAX 16
#define WEBHOOK_QUEUE_MAX 64                /* digests of all webhooks; beyond, the oldest is dropped */
#define WEBHOOK_AGE_MAX_MS (72 * 3600000LL) /* older news is none */

/* From the configuration: `webhooks: [team=/etc/portolan/team.url]`. */
struct webhook_config {
    const char *const *specs; /* NAME=FILE; the first line of the file, which only its owner can read, is the URL */
    size_t count;
    int64_t timeout_ms; /* of one try; 0: 15,000 */
    int64_t backoff_ms; /* before the second try; doubled up to an hour. 0: 10,000 */
};
/* ERR_INVALID: not NAME=FILE, or a name twice; ERR_LIMIT: too many. Files are looked at when they are needed. */
int webhook_config_check(const struct webhook_config *config, struct error *err);

/* On the loop's thread, in its transaction: queue a digest. ERR_IO. */
int webhook_queue(struct core *core, const char *webhook, const char *sweep, const char *body, struct error *err);

struct loop;
struct webhooks;
/* Copies the configuration and starts the thread, which asks `loop` for what waits. Ended before the loop is freed,
 * after loop_stop(). NULL with err. */
struct webhooks *webhooks_start(const struct webhook_config *config, struct loop *loop, struct error *err);
void webhooks_free(struct webhooks *webhooks); /* accepts NULL; waits for the try in progress, which is broken off */
/* What is known of one webhook since the start. */
struct webhook_status {
    char name[LABEL_SIZE];
    int64_t sent, failed, waiting; /* digests delivered, tries that failed, digests in the queue */
    char last_error[256];          /* of the latest try; "" when it went well. Never has the URL */
};
/* From any thread; returns how many there are. 0 for NULL. */
size_t webhooks_status(struct webhooks *webhooks, struct webhook_status ret[WEBHOOKS_MAX]);
/* From any thread: the one of this name; false where none is configured so, and for NULL. */
bool webhooks_find(struct webhooks *webhooks, const char *name, struct webhook_status *ret);
/* {name, state: ok or failing, sent, failed, waiting, last_error}. New reference. */
json_t *webhook_json(const struct webhook_status *status);
/* A list of these for /v1/health. New reference; an empty array for NULL. */
json_t *webhooks_json(struct webhooks *webhooks);
