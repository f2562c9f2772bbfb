/* portolan submit: send a campaign file with everything it names. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "cli/upload.h"
#include "cli/watch.h"

static void print_accepted(const json_t *answer) {
    size_t i;
    json_t *warning;
    json_array_foreach(json_object_get(answer, "warnings"), i, warning)
        fprintf(stderr, "warning: %s\n", json_string_value(warning));
    printf("campaign %s (%s): %lld tasks for %lld cells\n", json_text(answer, "campaign"), json_text(answer, "name"),
           json_count(answer, "tasks"), json_count(answer, "cells"));
    fflush(stdout);
}

static int watch(struct client *client, const json_t *answer, bool json) {
    struct error err = ERROR_INIT;
    int status = 0;
    if (watch_campaign(client, json_text(answer, "campaign"), json, &status, &err)) return command_failed(&err);
    if (json) return status;
    putchar('\n');
    if (watch_print_matrix(client, json_text(answer, "campaign"), &err)) return command_failed(&err);
    return status;
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    const char *path = command_argument(opts, "campaign file");
    if (!path) return 2;
    CLEANUP_JSON json_t *body = upload_campaign(path, &err);
    if (!body) return command_failed(&err);
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    CLEANUP_JSON json_t *answer = client ? client_post(client, "/v1/campaigns", body, &err) : NULL;
    if (!answer) return command_failed(&err);
    bool json = options_flag(opts, "json");
    if (!json)
        print_accepted(answer);
    else if (!options_flag(opts, "watch"))
        json_dumpf(answer, stdout, JSON_INDENT(2)), putchar('\n');
    return options_flag(opts, "watch") ? watch(client, answer, json) : 0;
}

static const struct option_spec options[] = {
    {"watch", 'w', OPTION_FLAG, NULL, NULL, NULL, "Follow the campaign to its end, then print the matrix; the exit status is the campaign's."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the coordinator's answer (with --watch: its events, one a line) as JSON."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_submit = {
    .name = "submit", .usage = "submit CAMPAIGN.yaml [--watch]", .summary = "start a porting campaign",
    .details = "Reads the campaign file, the kernel files that its patterns match (relative to its folder) and problem files beside it, checks "
               "them, and sends their texts to the coordinator. Problems that are not found here are taken from those that the "
               "coordinator ships.\n\nExample:\n  portolan submit demo/campaign.yaml --watch",
    .options = options, .run = run};
