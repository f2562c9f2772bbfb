/* portolan nodes: the fleet as the coordinator sees it. */
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "common/buf.h"

static json_t *find(const json_t *list, const char *name) {
    size_t i;
    json_t *node;
    json_array_foreach(list, i, node) if (!strcmp(json_text(node, "node"), name)) return node;
    return NULL;
}

/* Those that were named, in the order of the names; -1 for one that is not there. */
static int choose(json_t *nodes, char *const *names, size_t n, bool filtered, struct error *err) {
    json_t *chosen = json_array();
    const json_t *all = json_object_get(nodes, "nodes");
    for (size_t i = 0; i < n; i++) {
        json_t *node = find(all, names[i]);
        if (node) json_array_append(chosen, node);
        if (node || filtered) continue;
        json_decref(chosen);
        error_set(err, ERR_NOT_FOUND, "there is no node `%s`", names[i]);
        return error_hint(err, "`portolan nodes` without a name lists those that have registered");
    }
    json_object_set_new(nodes, "nodes", chosen);
    return 0;
}

static json_t *ask(struct client *client, const char *state, struct error *err) {
    if (!state) return client_get(client, "/v1/nodes", err);
    CLEANUP_FREE char *word = client_escape(client, state);
    CLEANUP_FREE char *path = xasprintf("/v1/nodes?state=%s", word);
    return client_get(client, path, err);
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    char **names = NULL;
    size_t n = options_args(opts, &names);
    const char *state = options_string(opts, "state");
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    CLEANUP_JSON json_t *nodes = client ? ask(client, state, &err) : NULL;
    if (!nodes || (n && choose(nodes, names, n, state != NULL, &err) != 0)) return command_failed(&err);
    if (options_flag(opts, "json"))
        command_print_json(nodes);
    else if (json_array_size(json_object_get(nodes, "nodes")))
        render_nodes(nodes, stdout);
    else if (state)
        fprintf(stderr, "no node is %s\n", state);
    else
        fputs("no node has registered yet; `portolan-agent run` on a machine with a device starts one\n", stderr);
    return 0;
}

static const struct option_spec options[] = {
    {"state", 0, OPTION_STRING, "STATE", NULL, NULL, "Only nodes in this state."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the nodes as JSON."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_nodes = {
    .name = "nodes",
    .usage = "nodes [NAME...] [--state STATE]",
    .summary = "show nodes, devices, what they run and why they do not",
    .details =
        "A line for each node, and below it one for each of its devices: what it runs and for how long, and how many "
        "attempts it holds of those that it may hold.\n\n"
        "A node is `in_service`; or `starting` (registered, not ready), `absent` (silent for longer than a lease) or "
        "`left`; "
        "`cordoned`, `draining`, `drained`, in `maintenance`, `refused` or `pending` as an operator decided "
        "(`portolan node --help`); `quarantined` after infrastructure failures in a row, until a health check passes; "
        "in "
        "`trouble` when its agent asks for no work. Targets are what campaigns and --on name.\n\n"
        "Example:\n  portolan nodes --state quarantined",
    .options = options,
    .run = run};
