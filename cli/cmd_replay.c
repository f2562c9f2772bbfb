/* portolan replay: a stored result once more, from its own record. */
#include <string.h>
#include <sys/stat.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "common/buf.h"
#include "common/fileio.h"
#include "fleet/replay/compare.h"
#include "fleet/replay/record.h"

struct view {
    const struct rec_result *recorded;
    struct progress *progress; /* on a terminal */
    json_t *comparison;
    char failure[512]; /* why there is none */
    bool ended;
};

/* --- the record ------------------------------------------------------------------------------- */
static bool is_file(const char *argument) {
    struct stat st;
    return strchr(argument, '/') || strcmp(argument, "-") == 0 || strstr(argument, ".json") || stat(argument, &st) == 0;
}

static json_t *find_record(struct client *client, const char *argument, struct error *err) {
    if (is_file(argument)) return replay_record_read(argument, err);
    CLEANUP_FREE char *id = client_escape(client, argument);
    CLEANUP_FREE char *path = xasprintf("/v1/results/%s", id);
    return client_get(client, path, err);
}

/* --- the replay ------------------------------------------------------------------------------- */
static void take_result(struct view *v, const json_t *event) {
    const json_t *cell = json_object_get(event, "cell");
    struct rec_result now;
    struct error err = ERROR_INIT;
    if (*json_text(cell, "verdict") && replay_record_parse(json_object_get(event, "result"), &now, &err) == 0) {
        v->comparison = replay_compare(v->recorded, &now);
        rec_result_done(&now);
        return;
    }
    snprintf(v->failure, sizeof v->failure, "the replay gave no verdict: %.450s",
             err.code ? err.text : json_text(cell, "evidence"));
}

static int on_line(void *context, json_t *event) {
    struct view *v = context;
    const char *kind = json_text(event, "event");
    const json_t *cell = json_object_get(event, "cell");
    if (!strcmp(kind, "result")) take_result(v, event);
    if (v->progress && cell)
        progress_update(v->progress, json_number(cell, "progress") * 100, 100, json_text(cell, "phase"));
    v->ended = !strcmp(kind, "end");
    return v->ended;
}

static int replay(struct client *client, json_t *record, struct view *v, struct error *err) {
    CLEANUP_JSON json_t *body = json_object();
    const json_t *inner = json_object_get(record, "record");
    json_object_set(body, "record", json_is_object(inner) ? (json_t *)(uintptr_t)inner : record);
    if (terminal_colours(stderr)) v->progress = progress_new(stderr, "replay");
    int rc = client_stream(client, "/v1/replay", body, on_line, v, err);
    if (v->progress) progress_clear(v->progress);
    progress_free(v->progress);
    if (rc != 0) return -1;
    if (v->comparison) return 0;
    return error_set(err, v->ended ? ERR_DEVICE : ERR_NETWORK, "%s",
                     *v->failure ? v->failure : "the coordinator stopped before the replay had ended");
}

static int compare(const struct options *opts, const char *argument, struct error *err) {
    struct rec_result recorded;
    CLEANUP(cleanup_client) struct client *client = client_new(opts, err);
    if (!client) return -1;
    CLEANUP_JSON json_t *record = find_record(client, argument, err);
    if (!record || replay_record_parse(record, &recorded, err) != 0) return -1;
    struct view v = {.recorded = &recorded};
    int status = replay_check(&recorded, err) == 0 ? replay(client, record, &v, err) : -1;
    rec_result_done(&recorded);
    if (status != 0) return -1;
    if (options_flag(opts, "json"))
        command_print_json(v.comparison);
    else
        replay_print(v.comparison, stdout);
    status = json_is_true(json_object_get(v.comparison, "agrees")) ? 0 : 1;
    json_decref(v.comparison);
    return status;
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    const char *argument = command_argument(opts, &command_replay, "result (a task, a result_id, or a file)");
    if (!argument) return 2;
    int status = compare(opts, argument, &err);
    return status < 0 ? command_failed(&err) : status;
}

static const struct option_spec options[] = {
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the comparison as JSON."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_replay = {
    .name = "replay",
    .usage = "replay RESULT",
    .summary = "run a stored result again from its own record, and compare",
    .details =
        "RESULT is a task or result_id (4 characters or more), or a file (or - for standard input) with one record of "
        "the results topic as JSON. Source, data, size, configuration and policy are the record's; it runs on the "
        "device of the record while that is in service, else on another one of its target. Data that their node still "
        "keeps secret can only be made again there; elsewhere they are drawn anew, and the answer says so. The exit "
        "status is 0 when the replay agrees with the record and 1 when it differs.\n\n"
        "Examples:\n  portolan replay 9f86d0\n  portolan results --json | head -n 1 | portolan replay -",
    .options = options,
    .run = run};
