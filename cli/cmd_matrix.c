/* portolan matrix: problem x target. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "common/buf.h"

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    char **args = NULL;
    size_t n = options_args(opts, &args);
    if (n > 1) return command_argument(opts, "campaign") ? 0 : 2;
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    if (!client) return command_failed(&err);
    CLEANUP_FREE char *path = n ? xasprintf("/v1/matrix?campaign=%s", args[0]) : xstrdup("/v1/matrix");
    CLEANUP_JSON json_t *matrix = client_get(client, path, &err);
    if (!matrix) return command_failed(&err);
    if (options_flag(opts, "json"))
        json_dumpf(matrix, stdout, JSON_INDENT(2)), putchar('\n');
    else
        render_matrix(matrix, stdout);
    return 0;
}

static const struct option_spec options[] = {{"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the matrix as JSON."},
                                             CLIENT_OPTIONS,
                                             {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_matrix = {
    .name = "matrix", .usage = "matrix [CAMPAIGN]", .summary = "problem x target: speedup, interval, verdict and baseline",
    .details = "Shows the best correct kernel of each cell against the fastest baseline measured beside it on the same device, and "
               "the scores per target. Without an argument: the best of all campaigns.\n\nExample:\n  portolan matrix latest",
    .options = options, .run = run};
