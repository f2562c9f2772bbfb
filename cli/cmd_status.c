/* portolan status: campaigns, one campaign's cells, or one task. */
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "common/buf.h"
#include "common/table.h"

DEFINE_CLEANUP(cleanup_table, struct table *, table_free)

static void print_campaigns(const json_t *answer) {
    static const char *const headers[] = {"campaign", "name", "state", ">done", ">running", ">waiting", ">problems", ">targets", NULL};
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    size_t i;
    json_t *c;
    json_array_foreach(json_object_get(answer, "campaigns"), i, c) {
        const json_t *counts = json_object_get(c, "counts");
        char done[48], running[24], waiting[24], problems[24], targets[24];
        snprintf(done, sizeof done, "%lld/%lld", json_count(counts, "done"), json_count(counts, "cells"));
        snprintf(running, sizeof running, "%lld", json_count(counts, "running"));
        snprintf(waiting, sizeof waiting, "%lld", json_count(counts, "queued") + json_count(counts, "published") + json_count(counts, "waiting"));
        snprintf(problems, sizeof problems, "%lld", json_count(c, "problems"));
        snprintf(targets, sizeof targets, "%lld", json_count(c, "targets"));
        table_rowf(table, json_text(c, "campaign"), json_text(c, "name"), json_text(c, "state"), done, running, waiting, problems, targets);
    }
    table_print(table, stdout);
}

static void print_cells(const json_t *campaign) {
    static const char *const headers[] = {"task", "problem", "target", "size", "kernel", "state", "phase / verdict", "speedup", NULL};
    printf("campaign %s (%s): %s\n", json_text(campaign, "campaign"), json_text(campaign, "name"), json_text(campaign, "state"));
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    size_t i;
    json_t *cell;
    json_array_foreach(json_object_get(campaign, "cells"), i, cell) {
        char task[13], speedup[64];
        snprintf(task, sizeof task, "%.12s", json_text(cell, "task"));
        render_speedup(cell, speedup, sizeof speedup);
        const char *verdict = json_text(cell, "verdict");
        table_rowf(table, task, json_text(cell, "problem"), json_text(cell, "target"), json_text(cell, "size"), json_text(cell, "kernel"),
                   json_text(cell, "state"), *verdict ? verdict : json_text(cell, "phase"), speedup);
    }
    table_print(table, stdout);
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    char **args = NULL;
    size_t n = options_args(opts, &args);
    if (n > 1) return command_argument(opts, "campaign") ? 0 : 2;
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    if (!client) return command_failed(&err);
    CLEANUP_FREE char *path = n ? xasprintf("/v1/campaigns/%s", args[0]) : xstrdup("/v1/campaigns");
    CLEANUP_JSON json_t *answer = client_get(client, path, &err);
    if (!answer) return command_failed(&err);
    if (options_flag(opts, "json"))
        json_dumpf(answer, stdout, JSON_INDENT(2)), putchar('\n');
    else if (n)
        print_cells(answer);
    else
        print_campaigns(answer);
    return 0;
}

static const struct option_spec options[] = {{"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the coordinator's answer as JSON."},
                                             CLIENT_OPTIONS,
                                             {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_status = {
    .name = "status", .usage = "status [CAMPAIGN]", .summary = "show campaigns, or one campaign's cells",
    .details = "Without an argument: the campaigns, newest first. With a campaign's id, a unique beginning of it, or `latest`: every "
               "cell with its state.\n\nExample:\n  portolan status latest",
    .options = options, .run = run};
