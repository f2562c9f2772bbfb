/* portolan try: one kernel on the fleet, now. */
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "cli/upload.h"
#include "common/buf.h"
#include "common/display.h"

#define SETS_MAX 64 /* as in campaign files */

struct view {
    bool json, verbose, ended;
    int exit_status, results;
    struct progress *progress; /* on a terminal */
    char last[512];
};

static void print_result(struct view *v, const json_t *event) {
    if (v->progress) progress_clear(v->progress);
    if (v->results++) putchar('\n');
    render_cell_whole(json_object_get(event, "cell"), event, v->verbose, stdout);
}

/* "pocl-cpu: time", "pocl-cpu: queued: cannot start a runner ...". */
static void describe(const json_t *cell, char *out, size_t size) {
    const char *phase = json_text(cell, "phase"), *state = json_text(cell, "state"),
               *reason = json_text(cell, "reason");
    bool queued = !strcmp(state, "queued") && *reason;
    const char *what = *phase ? phase : !strcmp(state, "published") ? "handed to its node" : state;
    CLEANUP_FREE char *line = xasprintf("%s: %s%s%s", json_text(cell, "target"), what,
                                        queued ? ", after a failure: " : "", queued ? reason : "");
    CLEANUP_FREE char *clean = display_line(line);
    snprintf(out, size, "%s", clean);
}

/* In a pipe a line at each change, on stderr. */
static void print_progress(struct view *v, const json_t *cell) {
    char line[sizeof v->last];
    describe(cell, line, sizeof line);
    if (v->progress) progress_update(v->progress, json_number(cell, "progress") * 100, 100, line);
    if (v->progress || !strcmp(line, v->last)) return;
    memcpy(v->last, line, sizeof line);
    fprintf(stderr, "%s\n", line);
}

static int on_line(void *context, json_t *event) {
    struct view *v = context;
    const char *kind = json_text(event, "event");
    if (v->json) {
        json_dumpf(event, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        putchar('\n');
    } else if (!strcmp(kind, "result")) {
        print_result(v, event);
    } else if (!strcmp(kind, "running") || !strcmp(kind, "queued")) {
        print_progress(v, json_object_get(event, "cell"));
    }
    fflush(stdout);
    if (strcmp(kind, "end") != 0) return 0;
    v->ended = true;
    v->exit_status = (int)json_count(event, "exit_status");
    return 1;
}

/* What --problem says: a file's text, or a shipped problem's name. 0 with *ret NULL when it is not given. */
static int problem_of(const struct options *opts, json_t **ret, struct error *err) {
    const char *problem = options_string(opts, "problem");
    bool is_file = problem && (strchr(problem, '/') || strstr(problem, ".yaml"));
    *ret = !problem ? NULL : is_file ? upload_problem(problem, err) : json_string(problem);
    return problem && !*ret ? -1 : 0;
}

static json_t *request_body(const struct options *opts, const char *path, struct error *err) {
    const char *size = options_string(opts, "size");
    const char *const *targets = NULL, *const *baselines = NULL;
    size_t n_targets = options_list(opts, "on", &targets), n_baselines = options_list(opts, "baseline", &baselines);
    json_t *problem = NULL, *kernel = problem_of(opts, &problem, err) ? NULL : upload_kernel(path, NULL, err);
    if (!kernel) {
        json_decref(problem);
        return NULL;
    }
    json_t *body = json_pack("{s:o, s:s, s:I, s:[]}", "kernel", kernel, "size", size ? size : "auto", "sets",
                             (json_int_t)options_int(opts, "sets"), "targets");
    for (size_t i = 0; i < n_targets; i++)
        json_array_append_new(json_object_get(body, "targets"), json_string(targets[i]));
    if (n_baselines) json_object_set_new(body, "baselines", json_array());
    for (size_t i = 0; i < n_baselines; i++)
        json_array_append_new(json_object_get(body, "baselines"), json_string(baselines[i]));
    if (problem) json_object_set_new(body, "problem", problem);
    if (options_flag(opts, "audit")) json_object_set_new(body, "audit", json_true());
    return body;
}

static int try_kernel(struct client *client, json_t *body, struct view *v, struct error *err) {
    if (!v->json && terminal_colours(stderr)) v->progress = progress_new(stderr, "try");
    int rc = client_stream(client, "/v1/try", body, on_line, v, err);
    if (v->progress) progress_clear(v->progress);
    progress_free(v->progress);
    if (rc) return -1;
    return v->ended ? 0 : error_set(err, ERR_NETWORK, "the coordinator stopped before the try had ended");
}

static int check_sets(long long sets) {
    struct error err = ERROR_INIT;
    if (sets >= 0 && sets <= SETS_MAX) return 0;
    error_set(&err, ERR_USAGE, "--sets is %lld; it must lie between 1 and %d, or be 0 for the default", sets, SETS_MAX);
    return command_failed(&err);
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    const char *path = command_argument(opts, &command_try, "kernel file");
    if (!path || check_sets(options_int(opts, "sets"))) return 2;
    CLEANUP_JSON json_t *body = request_body(opts, path, &err);
    if (!body) return command_failed(&err);
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    if (!client) return command_failed(&err);
    struct view v = {.json = options_flag(opts, "json"), .verbose = options_flag(opts, "verbose")};
    return try_kernel(client, body, &v, &err) ? command_failed(&err) : v.exit_status;
}

static const struct option_spec options[] = {
    {"problem", 'p', OPTION_STRING, "NAME|FILE", NULL, NULL,
     "The problem; without it the one that the kernel file names."},
    {"on", 0, OPTION_LIST, "TARGET", NULL, NULL,
     "Only on this target; may be repeated. Without it: on every target in service."},
    {"size", 0, OPTION_STRING, "SIZE", NULL, NULL,
     "The timed size; `auto`, the default, picks the largest that suits each target."},
    {"sets", 0, OPTION_INT, "N", NULL, "0", "Fresh sets of runners that the time comes from; 0 lets the node choose."},
    {"baseline", 0, OPTION_LIST, "NAME", NULL, NULL,
     "Baseline to time beside it; may be repeated. All of them when not given."},
    {"audit", 0, OPTION_FLAG, NULL, NULL, NULL,
     "Run it under Oclgrind too, where the node has it: races, unwritten values, reads outside buffers."},
    {"verbose", 'v', OPTION_FLAG, NULL, NULL, NULL, "Print the compiler's log of every kernel."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the events, one JSON object a line."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_try = {
    .name = "try",
    .usage = "try KERNEL.yaml [--problem NAME] [--on TARGET]",
    .summary = "verify and time one kernel on the fleet, now",
    .details =
        "The verdicts stream back as they come; tries overtake campaigns, and interrupting a try cancels it. The exit "
        "status is 0 when every target says `correct`, else that of the first other verdict (docs/verification.md "
        "lists them), or 1 when no verdict was reached.\n\n"
        "Examples:\n  portolan try kernels/gelu/rational.yaml --on pocl-cpu\n"
        "  portolan try my.yaml --problem ./my-problem.yaml --size small --json",
    .options = options,
    .run = run};
