/* portolan nodes: the fleet as the coordinator sees it. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    CLEANUP_JSON json_t *nodes = client ? client_get(client, "/v1/nodes", &err) : NULL;
    if (!nodes) return command_failed(&err);
    if (options_flag(opts, "json"))
        json_dumpf(nodes, stdout, JSON_INDENT(2)), putchar('\n');
    else
        render_nodes(nodes, stdout);
    return 0;
}

static const struct option_spec options[] = {{"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the nodes as JSON."},
                                             CLIENT_OPTIONS,
                                             {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_nodes = {.name = "nodes", .usage = "nodes", .summary = "show nodes, devices and what they run",
                                      .details = NULL, .options = options, .run = run};
