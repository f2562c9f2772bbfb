/* A campaign as it goes on: a progress line and a line for each cell that ends, until the end. */
#pragma once
#include <stdbool.h>

#include "cli/client.h"

/* Follows a campaign to its end, reconnecting while the coordinator is away. `json` prints the events themselves instead.
 * *ret_exit is the campaign's exit status. */
int watch_campaign(struct client *c, const char *campaign, bool json, int *ret_exit, struct error *err);
/* GET /v1/matrix for the campaign and print it. */
int watch_print_matrix(struct client *c, const char *campaign, struct error *err);
