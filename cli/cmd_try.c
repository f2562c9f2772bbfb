/* portolan try: one kernel on the fleet, now. */
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "cli/upload.h"
#include "common/buf.h"
#include "common/table.h"

struct view {
    bool json, verbose;
    int exit_status;
    bool ended;
    char last[256];
};

static void print_result(const struct view *v, const json_t *event) {
    const json_t *cell = json_object_get(event, "cell");
    render_cell_line(cell, stdout);
    const char *evidence = json_text(cell, "evidence"), *rest = strchr(evidence, '\n');
    bool correct = !strcmp(json_text(cell, "verdict"), "correct");
    if (rest && !correct) printf("%s\n", rest + 1);
    const char *log = json_text(event, "log");
    if (*log && (v->verbose || !strcmp(json_text(cell, "verdict"), "compile_error"))) printf("%s\n", log);
}

static void print_progress(struct view *v, const json_t *cell) {
    char line[256];
    snprintf(line, sizeof line, "%s: %s %s", json_text(cell, "target"), json_text(cell, "state"), json_text(cell, "phase"));
    if (!strcmp(line, v->last)) return;
    snprintf(v->last, sizeof v->last, "%s", line);
    fprintf(stderr, "%s%s%s\n", colour_on(stderr, COLOUR_DIM), line, colour_off(stderr));
}

static int on_line(void *context, json_t *event) {
    struct view *v = context;
    const char *kind = json_text(event, "event");
    if (v->json) {
        json_dumpf(event, stdout, JSON_COMPACT);
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

static json_t *request_body(const struct options *opts, const char *path, struct error *err) {
    CLEANUP_FREE char *named = NULL;
    json_t *kernel = upload_kernel(path, &named, err);
    if (!kernel) return NULL;
    const char *problem = options_string(opts, "problem"), *size = options_string(opts, "size");
    const char *const *targets = NULL;
    size_t n = options_list(opts, "on", &targets);
    json_t *body = json_pack("{s:o, s:s, s:I}", "kernel", kernel, "size", size ? size : "auto", "sets", (json_int_t)options_int(opts, "sets"));
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(list, json_string(targets[i]));
    json_object_set_new(body, "targets", list);
    bool is_file = problem && (strchr(problem, '/') || strstr(problem, ".yaml"));
    json_t *what = !problem ? NULL : is_file ? upload_problem(problem, err) : json_string(problem);
    if (what) json_object_set_new(body, "problem", what);
    if (what || !is_file) return body;
    json_decref(body);
    return NULL;
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    const char *path = command_argument(opts, "kernel file");
    if (!path) return 2;
    CLEANUP_JSON json_t *body = request_body(opts, path, &err);
    if (!body) return command_failed(&err);
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    if (!client) return command_failed(&err);
    struct view v = {.json = options_flag(opts, "json"), .verbose = options_flag(opts, "verbose")};
    if (client_stream(client, "/v1/try", body, on_line, &v, &err)) return command_failed(&err);
    if (v.ended) return v.exit_status;
    error_set(&err, ERR_NETWORK, "the coordinator stopped before the try had ended");
    return command_failed(&err);
}

static const struct option_spec options[] = {
    {"problem", 'p', OPTION_STRING, "NAME-OR-FILE", NULL, NULL, "The problem; without it the one that the kernel file names."},
    {"on", 0, OPTION_LIST, "TARGET", NULL, NULL, "Only on this target; may be repeated. Without it: on every target in service."},
    {"size", 0, OPTION_STRING, "SIZE", NULL, NULL, "The timed size; `auto` picks the largest that suits each target."},
    {"sets", 0, OPTION_INT, "N", NULL, "0", "Fresh sets of runners that the time comes from; 0 is the default."},
    {"verbose", 'v', OPTION_FLAG, NULL, NULL, NULL, "Print the compiler's log of every kernel."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the events, one JSON object a line."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_try = {
    .name = "try", .usage = "try KERNEL.yaml [--problem NAME] [--on TARGET]", .summary = "verify and time one kernel on the fleet, now",
    .details = "The verdicts stream back as they come; tries overtake campaigns. The exit status is 0 when every target says `correct`, else the verdict's own.\n\n"
               "Example:\n  portolan try kernels/softmax/rows.yaml --on pocl-cpu",
    .options = options, .run = run};
