/* portolan cancel: end a campaign, or one task, now. */
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "common/buf.h"

#define CAMPAIGN_ID_LENGTH 13 /* a task's is longer */

static json_t *get(struct client *client, const char *kind, const char *id, struct error *err) {
    CLEANUP_FREE char *path = xasprintf("/v1/%s/%s", kind, id);
    return client_get(client, path, err);
}

/* What an id means: "campaigns" or "tasks". Beginnings of both look alike where they begin with c: then both are looked
 * up, and what names two things is refused. NULL with err. */
static const char *kind_of(struct client *client, const char *id, struct error *err) {
    struct error task_err = ERROR_INIT;
    if (strlen(id) > CAMPAIGN_ID_LENGTH) return "tasks";
    if (strcmp(id, "latest") == 0 || *id == 't') return "campaigns";
    if (*id != 'c') return "tasks";
    CLEANUP_JSON json_t *campaign = get(client, "campaigns", id, err);
    if (!campaign && err->code != ERR_NOT_FOUND) return NULL;
    CLEANUP_JSON json_t *task = get(client, "tasks", id, &task_err);
    if (campaign && !task && task_err.code == ERR_NOT_FOUND) return "campaigns";
    if (task && !campaign) return "tasks";
    if (!campaign) return NULL; /* neither: what was said of the campaign */
    error_set(err, ERR_CONFLICT, "`%s` begins the ids of campaign %s and of a task", id,
              json_text(campaign, "campaign"));
    error_hint(err, "give more characters");
    return NULL;
}

static void print(const json_t *answer, const char *kind) {
    if (strcmp(kind, "tasks") == 0)
        printf("task %s of campaign %s is cancelled\n", json_text(answer, "task"), json_text(answer, "campaign"));
    else
        printf("campaign %s is cancelled: %lld cells ended by it\n", json_text(answer, "campaign"),
               json_count(answer, "cancelled"));
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    const char *given =
        command_argument(opts, &command_cancel, "campaign or task (its id or a beginning of it, or `latest`)");
    if (!given) return 2;
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    if (!client) return command_failed(&err);
    const char *reason = options_string(opts, "reason");
    CLEANUP_JSON json_t *body = reason ? json_pack("{s:s}", "reason", reason) : json_object();
    CLEANUP_FREE char *id = client_escape(client, given);
    const char *kind = kind_of(client, id, &err);
    if (!kind) return command_failed(&err);
    CLEANUP_FREE char *path = xasprintf("/v1/%s/%s/cancel", kind, id);
    CLEANUP_JSON json_t *answer = client_post(client, path, body, &err);
    if (!answer) return command_failed(&err);
    if (options_flag(opts, "json"))
        command_print_json(answer);
    else
        print(answer, kind);
    return 0;
}

static const struct option_spec options[] = {
    {"reason", 0, OPTION_STRING, "TEXT", NULL, NULL, "Why; kept with the results."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the coordinator's answer as JSON."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_cancel = {
    .name = "cancel",
    .usage = "cancel CAMPAIGN|TASK [--reason TEXT]",
    .summary = "end a campaign or a task; running attempts are stopped",
    .details =
        "What is done stays; every other cell of the campaign, or the one task, gets the outcome `cancelled`. Both are "
        "named by their id or a beginning of it of at least 4 characters; the latest campaign by `latest`.\n\n"
        "Examples:\n  portolan cancel latest --reason 'wrong size'\n  portolan cancel 9f86d0",
    .options = options,
    .run = run};
