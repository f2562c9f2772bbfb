/* portolan status: campaigns, or one campaign's cells. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "common/buf.h"

static void print(const json_t *answer, bool one) {
    if (one)
        render_campaign(answer, stdout);
    else if (json_array_size(json_object_get(answer, "campaigns")))
        render_campaigns(answer, stdout);
    else
        fputs("no campaign yet; `portolan submit CAMPAIGN.yaml` starts one\n", stderr);
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    const char *campaign = NULL;
    if (command_optional(opts, &command_status, "campaign", &campaign)) return 2;
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    if (!client) return command_failed(&err);
    CLEANUP_FREE char *id = client_escape(client, campaign ? campaign : "");
    CLEANUP_FREE char *path = campaign                      ? xasprintf("/v1/campaigns/%s", id)
                              : options_flag(opts, "tries") ? xstrdup("/v1/campaigns?purpose=try")
                                                            : xstrdup("/v1/campaigns");
    CLEANUP_JSON json_t *answer = client_get(client, path, &err);
    if (!answer) return command_failed(&err);
    if (options_flag(opts, "json"))
        command_print_json(answer);
    else
        print(answer, campaign != NULL);
    return 0;
}

static const struct option_spec options[] = {
    {"tries", 0, OPTION_FLAG, NULL, NULL, NULL, "List what `portolan try` ran, in place of the campaigns."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the coordinator's answer as JSON."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_status = {
    .name = "status",
    .usage = "status [CAMPAIGN]",
    .summary = "show campaigns, or one campaign's cells",
    .details =
        "Without an argument: the campaigns, newest first. With a campaign's id, a beginning of it, or `latest`: every "
        "cell with its state; `portolan why TASK` says more about one of them.\n\nExample:\n  portolan status latest",
    .options = options,
    .run = run};
