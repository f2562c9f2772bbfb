/* A campaign as it goes on: a progress line and a line for each cell that ends, until the end. */
#pragma once
#include <stdbool.h>
#include <stdio.h>

#include "cli/client.h"

/* Follows a campaign to its end, reconnecting while the coordinator is away. `json` prints the events themselves
 * instead. *ret_exit is the campaign's exit status. ERR_NETWORK when the coordinator is away for a minute. */
int watch_campaign(struct client *c, const char *campaign, bool json, int *ret_exit, struct error *err);
/* GET /v1/matrix for the campaign (NULL: the best of all) and print it. */
int watch_print_matrix(struct client *c, const char *campaign, struct error *err);

/* What watch_campaign shows, event by event (docs/api.md, GET /v1/campaigns/ID/events). Ended cells are printed to
 * `out`, each once however often the snapshot comes again; how far it is goes to `status`: a line redrawn in place on a
 * terminal, else a line every ten seconds of the campaign's time. */
struct watch_view;
struct watch_view *watch_view_new(const char *campaign, bool json, FILE *out, FILE *status);
/* Returns 1 when the event is the campaign's end. */
int watch_view_event(struct watch_view *view, const json_t *event);
int watch_view_exit_status(const struct watch_view *view);
void watch_view_free(struct watch_view *view); /* accepts NULL */
