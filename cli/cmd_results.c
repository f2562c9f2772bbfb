/* portolan results: accepted results, from the coordinator's store, once or as they come. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "common/buf.h"

struct printing {
    bool json;
    struct cell_layout layout;
};

static int on_result(void *context, json_t *result) {
    struct printing *p = context;
    if (p->json) {
        json_dumpf(result, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        putchar('\n');
    } else {
        render_cell_line(result, &p->layout, stdout);
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

static void print_once(struct printing *p, const json_t *results) {
    size_t i;
    json_t *result;
    if (!p->json && json_array_size(results)) render_results(results, stdout);
    if (!p->json && !json_array_size(results)) fputs("no results\n", stderr);
    if (!p->json) return;
    json_array_foreach(results, i, result) on_result(p, result);
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    if (command_no_arguments(opts, &command_results)) return 2;
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    if (!client) return command_failed(&err);
    struct printing p = {.json = options_flag(opts, "json")};
    bool follow = options_flag(opts, "follow");
    CLEANUP(buf_done) struct buf path = BUF_INIT;
    buf_printf(&path, "/v1/results?follow=%d&brief=%d", follow, !p.json);
    add_filter(&path, client, opts, "campaign");
    add_filter(&path, client, opts, "problem");
    add_filter(&path, client, opts, "target");
    if (follow) return client_stream(client, path.data, NULL, on_result, &p, &err) ? command_failed(&err) : 0;
    CLEANUP_JSON json_t *results = client_get(client, path.data, &err);
    if (!results) return command_failed(&err);
    print_once(&p, results);
    return 0;
}

static const struct option_spec options[] = {
    {"follow", 'f', OPTION_FLAG, NULL, NULL, NULL, "Go on as results are accepted (with --campaign: until it ends)."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "One JSON object a line, with every field of the results topic."},
    {"campaign", 'c', OPTION_STRING, "ID", NULL, NULL,
     "Only results of this campaign (id, its beginning, or `latest`)."},
    {"problem", 'p', OPTION_STRING, "NAME", NULL, NULL, "Only results for this problem."},
    {"target", 't', OPTION_STRING, "NAME", NULL, NULL, "Only results of this target."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_results = {
    .name = "results",
    .usage = "results [--follow] [--json] [--campaign ID]",
    .summary = "show accepted results",
    .details =
        "The latest revision of each task's result, oldest acceptance first. The same records are on the public "
        "`results` "
        "topic for any other tool to read.\n\n"
        "Examples:\n  portolan results --campaign latest --follow --json\n"
        "  portolan results --problem softmax --json | jq -r '[.target, .kernel, .speedup] | @tsv'",
    .options = options,
    .run = run};
