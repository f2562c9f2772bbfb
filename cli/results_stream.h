/* Reading results as they come, over restarts of the coordinator.
 *
 * From the API's stream and not from the topic: it needs a token and no credentials to Kafka, the store has what a
 * topic may have dropped, a broker's outage does not touch it, and its cursor is exact: a result's revision only grows,
 * so "those above the last one that I printed" gives each result once in each revision that was still the latest. */
#pragma once
#include "cli/client.h"

/* `line` for each result of `path` ("/v1/results?...") with a revision above those seen; non-zero ends it. With
 * `follow` it waits for more: until the campaign that `campaign` names ends (NULL: for ever), and over restarts of the
 * coordinator, each of which is told on stderr once. A coordinator that cannot be reached from the beginning is an
 * error, and so is everything but a broken connection later. */
int results_stream(const struct options *opts, const char *path, const char *campaign, bool follow,
                   client_line_fn *line, void *context, struct error *err);
