/* portolan sweep add, list, show, history. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render_sweep.h"
#include "common/buf.h"
#include "common/fileio.h"
#include "coordinator/sweep/file.h"

static const struct option_spec look_options[] = {{"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print as JSON."},
                                                  CLIENT_OPTIONS,
                                                  {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};

static int print(const struct options *opts, const json_t *answer, void (*render)(const json_t *json, FILE *out)) {
    if (options_flag(opts, "json"))
        command_print_json(answer);
    else
        render(answer, stdout);
    return 0;
}

static json_t *get(struct client *client, const char *name, const char *more, struct error *err) {
    CLEANUP_FREE char *escaped = client_escape(client, name);
    CLEANUP_FREE char *path = xasprintf("/v1/sweeps/%s%s", escaped, more);
    return client_get(client, path, err);
}

/* --- add -------------------------------------------------------------------------------------- */
/* Read and checked here already: a slip is said without a coordinator. */
static json_t *read_definition(const char *path, struct error *err) {
    size_t len = 0;
    CLEANUP_FREE char *text = file_read(path, SWEEP_FILE_MAX_BYTES, &len, err);
    if (!text) return NULL;
    CLEANUP(cleanup_sweep_file) struct sweep_file *file = sweep_file_parse(text, len, path, err);
    return file ? json_pack("{s:s, s:s}", "filename", path, "definition", file->text) : NULL;
}

static void say_added(const json_t *answer) {
    const char *next = json_text(json_object_get(answer, "next"), "local");
    size_t i;
    json_t *warning;
    printf("sweep %s: %s %s; %s%s\n", json_text(answer, "sweep"), json_text(answer, "cron"),
           json_text(answer, "time_zone"), *next ? "next run " : "paused", next);
    fflush(stdout);
    json_array_foreach(json_object_get(answer, "warnings"), i, warning)
        fprintf(stderr, "portolan: warning: %s\n", json_shown(warning));
}

static int add(const struct options *opts) {
    struct error err = ERROR_INIT;
    const char *path = command_argument(opts, &command_sweep_add, "sweep file");
    if (!path) return 2;
    CLEANUP_JSON json_t *body = read_definition(path, &err);
    if (!body) return command_failed(&err);
    if (options_flag(opts, "replace")) json_object_set_new(body, "replace", json_true());
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    CLEANUP_JSON json_t *answer = client ? client_post(client, "/v1/sweeps", body, &err) : NULL;
    if (!answer) return command_failed(&err);
    if (options_flag(opts, "json"))
        command_print_json(answer);
    else
        say_added(answer);
    return 0;
}

static const struct option_spec add_options[] = {
    {"replace", 0, OPTION_FLAG, NULL, NULL, NULL,
     "Change the sweep of this name; its history and what is known of its kernels stay."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the sweep, with warnings, as JSON."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_sweep_add = {
    .name = "sweep add",
    .usage = "sweep add SWEEP.yaml [--replace]",
    .summary = "measure promoted kernels again at set times",
    .details =
        "The file names the sweep, its schedule and the devices:\n\n"
        "  sweep: nightly\n  cron: \"30 1 * * *\"          # minute, hour, day of month, month, day of week; or "
        "@nightly\n"
        "  time_zone: Europe/Berlin\n  targets: [pocl-cpu, {vendor: nvidia}]\n  deadline: 6h\n\n"
        "Each run measures every kernel that a campaign has promoted, with its baselines, on each device of the "
        "targets, behind tries and campaigns. docs/sweep.md has the other keys and the rules for daylight saving, "
        "overlap and downtime. A schedule that never comes and names that nothing promoted has are refused.\n\n"
        "Example:\n  portolan sweep add nightly.yaml && portolan sweep show nightly",
    .options = add_options,
    .run = add};

/* --- list, show, history ---------------------------------------------------------------------- */
static int list(const struct options *opts) {
    struct error err = ERROR_INIT;
    if (command_no_arguments(opts, &command_sweep_list)) return 2;
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    CLEANUP_JSON json_t *answer = client ? client_get(client, "/v1/sweeps", &err) : NULL;
    return answer ? print(opts, answer, render_sweeps) : command_failed(&err);
}

const struct command command_sweep_list = {.name = "sweep list",
                                           .usage = "sweep list",
                                           .summary = "list the sweeps, their next times and latest runs",
                                           .details = "Times are in each sweep's own time zone.",
                                           .options = look_options,
                                           .run = list};

static int show(const struct options *opts) {
    struct error err = ERROR_INIT;
    const char *name = command_argument(opts, &command_sweep_show, "sweep's name");
    if (!name) return 2;
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    CLEANUP_JSON json_t *answer = client ? get(client, name, "", &err) : NULL;
    return answer ? print(opts, answer, render_sweep) : command_failed(&err);
}

const struct command command_sweep_show = {
    .name = "sweep show",
    .usage = "sweep show NAME",
    .summary = "show a sweep: rules, next times, and what it would measure where",
    .details =
        "What is measured is looked up at each run: kernels promoted meanwhile and devices that joined are in it.",
    .options = look_options,
    .run = show};

static int history(const struct options *opts) {
    struct error err = ERROR_INIT;
    const char *name = command_argument(opts, &command_sweep_history, "sweep's name");
    if (!name) return 2;
    CLEANUP_FREE char *more = xasprintf("/runs?limit=%lld", (long long)options_int(opts, "limit"));
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    CLEANUP_JSON json_t *answer = client ? get(client, name, more, &err) : NULL;
    return answer ? print(opts, answer, render_sweep_runs) : command_failed(&err);
}

static const struct option_spec history_options[] = {
    {"limit", 'n', OPTION_INT, "N", NULL, "30", "The latest N runs; 1000 are kept."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print as JSON."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_sweep_history = {
    .name = "sweep history",
    .usage = "sweep history NAME [-n N]",
    .summary = "list the runs of a sweep, also those that did not come to be",
    .details =
        "complete: all was measured or given up. overdue: the deadline ended it. cancelled: somebody did, or the "
        "next run (`overlap: replace`). empty: there was nothing to measure. skipped: the run before was still "
        "open. missed: coordinator or broker was away. pending: made up for when the open one has ended.\n\n"
        "`portolan status CAMPAIGN` shows a run's measurements.",
    .options = history_options,
    .run = history};
