/* portolan submit: send a campaign file with everything it names. */
#include <signal.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "cli/upload.h"
#include "cli/watch.h"

#define INTERRUPTED 130 /* 128 + SIGINT, as shells count */

static void print_accepted(const json_t *answer) {
    size_t i;
    json_t *warning;
    json_array_foreach(json_object_get(answer, "warnings"), i, warning)
        fprintf(stderr, "%swarning:%s %s\n", colour_on(stderr, COLOUR_YELLOW), colour_off(stderr), json_shown(warning));
    long long tasks = json_count(answer, "tasks"), lost = json_count(answer, "cells") - tasks;
    printf("campaign %s (%s): %lld task%s", json_text(answer, "campaign"), json_text(answer, "name"), tasks,
           tasks == 1 ? "" : "s");
    if (lost > 0) printf(", %lld cell%s without a device", lost, lost == 1 ? "" : "s");
    putchar('\n');
    long long known = json_count(answer, "known");
    if (known > 0)
        printf(
            "%lld of %lld cells known already (same kernel, problem, size, target, driver and policy; --force measures "
            "them again)\n",
            known, json_count(answer, "cells"));
    fflush(stdout);
}

/* Ctrl-C ends the view, not the campaign: said before leaving. */
static char goodbye[256];
static void on_interrupt(int number) {
    (void)number;
    if (write(STDERR_FILENO, goodbye, strlen(goodbye)) < 0) _exit(1);
    _exit(INTERRUPTED);
}

static void say_goodbye_on_interrupt(const char *campaign) {
    snprintf(goodbye, sizeof goodbye,
             "\nthe campaign goes on: `portolan status %s` shows it, `portolan cancel %s` ends it\n", campaign,
             campaign);
    signal(SIGINT, on_interrupt);
}

static int watch(struct client *client, const json_t *answer, bool json) {
    struct error err = ERROR_INIT;
    const char *campaign = json_text(answer, "campaign");
    int status = 0;
    say_goodbye_on_interrupt(campaign);
    if (watch_campaign(client, campaign, json, &status, &err)) return command_failed(&err);
    if (json) return status;
    putchar('\n');
    return watch_print_matrix(client, campaign, &err) ? command_failed(&err) : status;
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    const char *path = command_argument(opts, &command_submit, "campaign file");
    if (!path) return 2;
    CLEANUP_JSON json_t *body = upload_campaign(path, &err);
    if (!body) return command_failed(&err);
    if (options_flag(opts, "force")) json_object_set_new(body, "force", json_true());
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    CLEANUP_JSON json_t *answer = client ? client_post(client, "/v1/campaigns", body, &err) : NULL;
    if (!answer) return command_failed(&err);
    bool json = options_flag(opts, "json"), follow = options_flag(opts, "watch");
    if (!json)
        print_accepted(answer);
    else if (!follow)
        command_print_json(answer);
    return follow ? watch(client, answer, json) : 0;
}

static const struct option_spec options[] = {
    {"watch", 'w', OPTION_FLAG, NULL, NULL, NULL,
     "Follow the campaign to its end, then print the matrix; the exit status is the campaign's."},
    {"force", 0, OPTION_FLAG, NULL, NULL, NULL, "Measure everything, also what is known already."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL,
     "Print the coordinator's answer (with --watch: its events, one a line) as JSON."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_submit = {
    .name = "submit",
    .usage = "submit CAMPAIGN.yaml [--watch]",
    .summary = "start a porting campaign",
    .details =
        "Reads the campaign file, the kernel files that its patterns match (relative to its folder) and problem files "
        "beside it, checks them, and sends their texts to the coordinator. Problems that are not found here are taken "
        "from those that the coordinator ships. docs/file-formats.md describes the files.\n\n"
        "With --watch: a line for each cell as it ends, then the matrix. Interrupting the view does not end the "
        "campaign. The exit status is 0, 1 when a cell had no device, was given up or was cancelled by itself, 16 when "
        "the campaign was cancelled.\n\n"
        "What is known is not measured again: a cell whose kernel, problem, size, target, driver and policy are those "
        "of "
        "an accepted result gets that result at once, unless --force is given.\n\n"
        "Examples:\n  portolan submit demo/campaign.yaml --watch\n"
        "  portolan submit demo/campaign.yaml --watch --json | jq -c 'select(.event == \"cell\") | .cell.verdict'",
    .options = options,
    .run = run};
