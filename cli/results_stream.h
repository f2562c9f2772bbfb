/* Reading results as they come, over restarts of the coordinator.
 *
 * From the API's stream and not from the topic: it needs a token and no credentials to Kafka, the store has what a
 * topic may have dropped, a broker's outage does not touch it, and its cursor is exact: a result's revision only grows,
 * so "those above the last one that I printed" gives each result once in each revision that was still the latest. */
#pragma once
#include "cli/client.h"

/* Where a stream is, of which a connection may be cut at any line. Lines come by rising revision; measurements are
 * several of one revision. */
struct results_cursor {
    int64_t seen;    /* all lines up to this revision came */
    int64_t current; /* the last line's revision */
    size_t lines;    /* of `current` that came */
    size_t skip;     /* of them that this connection still has to repeat */
};
/* A new connection begins: what to ask for, "above this revision". */
int64_t results_cursor_begin(struct results_cursor *at);
/* Is this line new? */
bool results_cursor_take(struct results_cursor *at, int64_t revision);

/* `line` once for each record of `path` ("/v1/results?..." or "/v1/measurements?..."); non-zero ends it. With
 * `follow` it waits for more: until the campaign that `campaign` names ends (NULL: for ever), and over restarts of the
 * coordinator, each of which is told on stderr once. A coordinator that cannot be reached from the beginning is an
 * error, and so is everything but a broken connection later. */
int results_stream(const struct options *opts, const char *path, const char *campaign, bool follow,
                   client_line_fn *line, void *context, struct error *err);
