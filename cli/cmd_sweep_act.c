/* portolan sweep run, pause, resume, remove. */
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render_sweep.h"
#include "cli/watch.h"
#include "common/buf.h"

static json_t *post(struct client *client, const char *name, const char *action, json_t *body, struct error *err) {
    CLEANUP_FREE char *escaped = client_escape(client, name);
    CLEANUP_FREE char *path = xasprintf("/v1/sweeps/%s/%s", escaped, action);
    return client_post(client, path, body, err);
}

/* The one sweep that is named, and what the coordinator answers; NULL with the message printed and *ret_status set. */
static json_t *act(const struct options *opts, const struct command *cmd, const char *action, int *ret_status) {
    struct error err = ERROR_INIT;
    const char *name = command_argument(opts, cmd, "sweep's name");
    *ret_status = 2;
    if (!name) return NULL;
    const char *reason = strcmp(action, "pause") == 0 ? options_string(opts, "reason") : NULL;
    CLEANUP_JSON json_t *body = json_object();
    if (reason) json_object_set_new(body, "reason", json_string(reason));
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    json_t *answer = client ? post(client, name, action, body, &err) : NULL;
    *ret_status = answer ? 0 : command_failed(&err);
    return answer;
}

static int say(const struct options *opts, const json_t *answer, const char *what) {
    if (options_flag(opts, "json"))
        command_print_json(answer);
    else
        printf("sweep %s %s\n", json_text(answer, "sweep"), what);
    return 0;
}

/* --- run -------------------------------------------------------------------------------------- */
static int follow(const struct options *opts, const char *campaign) {
    struct error err = ERROR_INIT;
    int status = 0;
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    if (!client || watch_campaign(client, campaign, options_flag(opts, "json"), &status, &err) != 0)
        return command_failed(&err);
    return status;
}

static int start(const struct options *opts) {
    int status;
    CLEANUP_JSON json_t *answer = act(opts, &command_sweep_run, "run", &status);
    if (!answer) return status;
    const json_t *open = json_object_get(answer, "open"), *last = json_object_get(answer, "last");
    const char *campaign = json_text(open, "campaign");
    bool json = options_flag(opts, "json"), watch = options_flag(opts, "watch");
    if (json && !watch) {
        command_print_json(answer);
    } else if (!json) {
        if (*campaign)
            printf("sweep %s: run %s with %lld tasks\n", json_text(answer, "sweep"), campaign,
                   json_count(open, "tasks"));
        else
            printf("sweep %s: the run is %s: %s\n", json_text(answer, "sweep"), json_text(last, "state"),
                   json_text(last, "reason"));
        fflush(stdout);
    }
    if (!*campaign) return 1;
    return watch ? follow(opts, campaign) : 0;
}

static const struct option_spec run_options[] = {
    {"watch", 'w', OPTION_FLAG, NULL, NULL, NULL, "Follow it to its end; the exit status is the run's."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the sweep (with --watch: the run's events) as JSON."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_sweep_run = {
    .name = "sweep run",
    .usage = "sweep run NAME [--watch]",
    .summary = "run a sweep now, whatever its schedule says",
    .details =
        "Paused ones, too. There is one run of a sweep at a time: while one is open, this is refused. The exit "
        "status is 1 when there was nothing to measure.",
    .options = run_options,
    .run = start};

/* --- pause, resume, remove -------------------------------------------------------------------- */
static int pause_sweep(const struct options *opts) {
    int status;
    CLEANUP_JSON json_t *answer = act(opts, &command_sweep_pause, "pause", &status);
    if (!answer) return status;
    bool open = json_is_object(json_object_get(answer, "open"));
    return say(opts, answer, open ? "is paused; its open run goes on" : "is paused");
}

static const struct option_spec pause_options[] = {
    {"reason", 0, OPTION_STRING, "TEXT", NULL, NULL, "Why; shown wherever the sweep is."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the sweep as JSON."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_sweep_pause = {
    .name = "sweep pause",
    .usage = "sweep pause NAME [--reason TEXT]",
    .summary = "let a sweep's times pass",
    .details = "Until `sweep resume`, over restarts of the coordinator. What passes meanwhile is not made up for.",
    .options = pause_options,
    .run = pause_sweep};

static const struct option_spec act_options[] = {
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the answer as JSON."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};

static int resume_sweep(const struct options *opts) {
    int status;
    CLEANUP_JSON json_t *answer = act(opts, &command_sweep_resume, "resume", &status);
    if (!answer) return status;
    const char *next = json_text(json_object_get(answer, "next"), "local");
    CLEANUP_FREE char *what = xasprintf("goes on; next run %s", *next ? next : "-");
    return say(opts, answer, what);
}

const struct command command_sweep_resume = {.name = "sweep resume",
                                             .usage = "sweep resume NAME",
                                             .summary = "end a sweep's pause",
                                             .details = "The next run is the next time of its schedule.",
                                             .options = act_options,
                                             .run = resume_sweep};

static int remove_sweep(const struct options *opts) {
    int status;
    CLEANUP_JSON json_t *answer = act(opts, &command_sweep_remove, "remove", &status);
    return answer ? say(opts, answer, "is removed") : status;
}

const struct command command_sweep_remove = {
    .name = "sweep remove",
    .usage = "sweep remove NAME",
    .summary = "remove a sweep and the list of its runs",
    .details =
        "Its open run is cancelled. Results and measurements stay, and a sweep of the same name that is added "
        "later goes on with what is known of its kernels.",
    .options = act_options,
    .run = remove_sweep};
