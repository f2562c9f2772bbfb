/* Whether this node takes work, and if not, why: what the coordinator wants of it (the desired state), and what it has
 * to say against itself (trouble). Thread-safe. */
#pragma once
#include <stdbool.h>

#include "common/cleanup.h"

/* What the agent itself has against new work. Each is told once when it begins and once when it ends. */
enum duty_trouble { TROUBLE_SPOOL, TROUBLE_CACHE, TROUBLE_LOG, TROUBLE_ENDING, TROUBLE_COUNT };
struct duty;

/* `changed` is called, from whichever thread, when the text of duty_trouble() is another. May be NULL. */
struct duty *duty_new(void (*changed)(void *context), void *context);
void duty_free(struct duty *duty); /* accepts NULL */
DEFINE_CLEANUP(cleanup_duty, struct duty *, duty_free)

/* `text` says in words what stands against new work (it ends up in the node's record), NULL when nothing does any more.
 * The beginning is logged, as an error or, for TROUBLE_ENDING, as what was asked for; so is the end. */
void duty_set_trouble(struct duty *duty, enum duty_trouble which, const char *text);
/* All there is, joined by "; ", or "". The caller frees. */
char *duty_trouble(struct duty *duty);

/* The desired state as it came, logged when it is another. */
void duty_set_desired(struct duty *duty, const char *state, const char *reason);
/* NULL: work is taken. Else why what is queued goes back, in words; the caller frees. Cordoned nodes do what they were
 * given. */
char *duty_refusal(struct duty *duty);
