/* portolan matrix: problem x target. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "cli/watch.h"
#include "common/buf.h"

static int print_json(struct client *client, const char *campaign, struct error *err) {
    CLEANUP_FREE char *id = client_escape(client, campaign ? campaign : "");
    CLEANUP_FREE char *path = campaign ? xasprintf("/v1/matrix?campaign=%s", id) : xstrdup("/v1/matrix");
    CLEANUP_JSON json_t *matrix = client_get(client, path, err);
    if (!matrix) return -1;
    command_print_json(matrix);
    return 0;
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    const char *campaign = NULL;
    if (command_optional(opts, &command_matrix, "campaign", &campaign)) return 2;
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    if (!client) return command_failed(&err);
    int rc =
        options_flag(opts, "json") ? print_json(client, campaign, &err) : watch_print_matrix(client, campaign, &err);
    return rc ? command_failed(&err) : 0;
}

static const struct option_spec options[] = {{"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the matrix as JSON."},
                                             CLIENT_OPTIONS,
                                             {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_matrix = {.name = "matrix",
                                       .usage = "matrix [CAMPAIGN]",
                                       .summary = "problem x target: speedup, interval, verdict and baseline",
                                       .details =
                                           "Shows the best correct kernel of each cell against the fastest baseline "
                                           "measured beside it on the same device, "
                                           "and the scores per target. Without an argument: the best of all "
                                           "campaigns.\n\nExample:\n  portolan matrix latest",
                                       .options = options,
                                       .run = run};
