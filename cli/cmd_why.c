/* portolan why: one task: what it is waiting for, or how it ended, and who tried it. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "common/buf.h"

DEFINE_CLEANUP(cleanup_table, struct table *, table_free)

static void print_attempts(const json_t *attempts) {
    static const char *const headers[] = {"attempt", "node", "device", "state", "outcome", ">took", "reason", NULL};
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    size_t i;
    json_t *a;
    json_array_foreach(attempts, i, a) {
        char number[24], took[RENDER_SIZE];
        const char *verdict = json_text(a, "verdict");
        snprintf(number, sizeof number, "%zu", i + 1);
        render_duration_ms(json_number(a, "duration_ms"), took);
        table_rowf(table, number, json_text(a, "node"), json_text(a, "device"), json_text(a, "state"),
                   *verdict ? verdict : json_text(a, "outcome"), took, json_text(a, "reason"));
    }
    putchar('\n');
    table_cut(table);
    table_print(table, stdout);
}

static void print(const json_t *task, bool with_log) {
    const json_t *attempts = json_object_get(task, "attempt_list");
    printf("%s: %s\n", json_text(task, "why_code"), json_text(task, "why"));
    render_cell_whole(task, task, with_log, stdout);
    if (json_array_size(attempts)) print_attempts(attempts);
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    const char *task = command_argument(opts, &command_why, "task (its id or a beginning of it)");
    if (!task) return 2;
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    if (!client) return command_failed(&err);
    CLEANUP_FREE char *id = client_escape(client, task);
    CLEANUP_FREE char *path = xasprintf("/v1/tasks/%s", id);
    CLEANUP_JSON json_t *answer = client_get(client, path, &err);
    if (!answer) return command_failed(&err);
    if (options_flag(opts, "json"))
        command_print_json(answer);
    else
        print(answer, options_flag(opts, "verbose"));
    return 0;
}

static const struct option_spec options[] = {
    {"verbose", 'v', OPTION_FLAG, NULL, NULL, NULL, "Print the compiler's log of a correct kernel too."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print as JSON: result, what was measured, log and attempts."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_why = {
    .name = "why",
    .usage = "why TASK",
    .summary = "why a task is not running, or how it ended, with the evidence",
    .details =
        "The first line is the reason: a word from a fixed list, which docs/operations.md has with its meanings "
        "(why_code "
        "in JSON), and what it is about.\n\n"
        "Tasks are listed by `portolan status CAMPAIGN`; 4 characters or more of an id are enough.\n\n"
        "Example:\n  portolan why 9f86d0",
    .options = options,
    .run = run};
