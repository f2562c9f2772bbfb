/* portolan cancel: end a campaign now. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "common/buf.h"

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    const char *campaign = command_argument(opts, &command_cancel, "campaign (its id, a beginning of it, or `latest`)");
    if (!campaign) return 2;
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    if (!client) return command_failed(&err);
    const char *reason = options_string(opts, "reason");
    CLEANUP_JSON json_t *body = reason ? json_pack("{s:s}", "reason", reason) : json_object();
    CLEANUP_FREE char *id = client_escape(client, campaign);
    CLEANUP_FREE char *path = xasprintf("/v1/campaigns/%s/cancel", id);
    CLEANUP_JSON json_t *answer = client_post(client, path, body, &err);
    if (!answer) return command_failed(&err);
    if (options_flag(opts, "json"))
        command_print_json(answer);
    else
        printf("campaign %s is cancelled: %lld cells ended by it\n", json_text(answer, "campaign"),
               json_count(answer, "cancelled"));
    return 0;
}

static const struct option_spec options[] = {
    {"reason", 0, OPTION_STRING, "TEXT", NULL, NULL, "Why; kept with the results."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the coordinator's answer as JSON."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_cancel = {
    .name = "cancel",
    .usage = "cancel CAMPAIGN [--reason TEXT]",
    .summary = "end a campaign; running attempts are stopped",
    .details =
        "What is done stays; every other cell gets the outcome `cancelled`. The campaign is named by its id, a "
        "beginning "
        "of it of at least 4 characters, or `latest`.\n\nExample:\n  portolan cancel latest --reason 'wrong size'",
    .options = options,
    .run = run};
