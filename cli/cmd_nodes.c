/* portolan nodes: the fleet as the coordinator sees it. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    if (command_no_arguments(opts, &command_nodes)) return 2;
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    CLEANUP_JSON json_t *nodes = client ? client_get(client, "/v1/nodes", &err) : NULL;
    if (!nodes) return command_failed(&err);
    if (options_flag(opts, "json"))
        command_print_json(nodes);
    else if (json_array_size(json_object_get(nodes, "nodes")))
        render_nodes(nodes, stdout);
    else
        fputs("no node has registered yet; `portolan-agent run` on a machine with a device starts one\n", stderr);
    return 0;
}

static const struct option_spec options[] = {{"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the nodes as JSON."},
                                             CLIENT_OPTIONS,
                                             {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_nodes = {
    .name = "nodes",
    .usage = "nodes",
    .summary = "show nodes, devices and what they run",
    .details =
        "One line a device. A node is `starting` (registered, not ready), `in_service`, `drained`, `quarantined`, "
        "`refused`, `absent` (silent for longer than a lease) or `left`. Targets are what campaigns and --on name.",
    .options = options,
    .run = run};
