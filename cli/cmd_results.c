/* portolan results: accepted results, from the coordinator's store, once or as they come. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "common/buf.h"

static int on_result(void *context, json_t *result) {
    const bool *json = context;
    if (*json) {
        json_dumpf(result, stdout, JSON_COMPACT);
        putchar('\n');
    } else {
        render_cell_line(result, stdout);
    }
    fflush(stdout);
    return 0;
}

static void add_filter(struct buf *path, struct client *client, const struct options *opts, const char *name) {
    const char *value = options_string(opts, name);
    if (!value) return;
    CLEANUP_FREE char *escaped = client_escape(client, value);
    buf_printf(path, "&%s=%s", name, escaped);
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    if (!client) return command_failed(&err);
    bool json = options_flag(opts, "json"), follow = options_flag(opts, "follow");
    CLEANUP(buf_done) struct buf path = BUF_INIT;
    buf_printf(&path, "/v1/results?%s", follow ? "follow=1" : "follow=0");
    add_filter(&path, client, opts, "campaign");
    add_filter(&path, client, opts, "problem");
    add_filter(&path, client, opts, "target");
    if (follow) return client_stream(client, path.data, NULL, on_result, &json, &err) ? command_failed(&err) : 0;
    CLEANUP_JSON json_t *results = client_get(client, path.data, &err);
    if (!results) return command_failed(&err);
    size_t i;
    json_t *result;
    json_array_foreach(results, i, result) on_result(&json, result);
    return 0;
}

static const struct option_spec options[] = {
    {"follow", 'f', OPTION_FLAG, NULL, NULL, NULL, "Go on as results are accepted (with --campaign: until it ends)."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "One JSON object a line, with every field of the results topic."},
    {"campaign", 'c', OPTION_STRING, "ID", NULL, NULL, "Only results of this campaign (id, its beginning, or `latest`)."},
    {"problem", 0, OPTION_STRING, "NAME", NULL, NULL, "Only results for this problem."},
    {"target", 0, OPTION_STRING, "NAME", NULL, NULL, "Only results of this target."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_results = {
    .name = "results", .usage = "results [--follow] [--json] [--campaign ID]", .summary = "show accepted results",
    .details = "The latest revision of each task's result, oldest acceptance first. The same records are on the public `results` topic for any other "
               "tool to read.\n\nExample:\n  portolan results --campaign latest --follow --json",
    .options = options, .run = run};
