/* portolan problem list: the problems that come with the program. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/shipped.h"
#include "common/buf.h"
#include "common/table.h"

DEFINE_CLEANUP(cleanup_table, struct table *, table_free)
DEFINE_CLEANUP(cleanup_problem, struct problem *, problem_free)

struct listing {
    json_t *problems;
    struct table *table;
};

static int list_one(void *context, const char *path, struct error *err) {
    struct listing *l = context;
    CLEANUP(cleanup_problem) struct problem *p = problem_load(path, err);
    if (!p) return -1;
    CLEANUP(buf_done) struct buf sizes = BUF_INIT;
    char level[16];
    snprintf(level, sizeof level, "%d", problem_level(p));
    for (size_t i = 0; i < problem_size_count(p); i++)
        buf_printf(&sizes, "%s%s", i ? " " : "", problem_size_name(p, i));
    table_rowf(l->table, problem_name(p), level, problem_origin(p), sizes.data);
    json_array_append_new(l->problems, problem_json(p, path));
    return 0;
}

static int run(const struct options *opts) {
    static const char *const headers[] = {"problem", ">level", "origin", "sizes", NULL};
    struct error err = ERROR_INIT;
    if (command_no_arguments(opts, &command_problem_list)) return 2;
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    CLEANUP_JSON json_t *json = json_pack("{s:[]}", "problems");
    struct listing l = {.problems = json_object_get(json, "problems"), .table = table};
    if (shipped_each(list_one, &l, &err)) return command_failed(&err);
    if (options_flag(opts, "json"))
        command_print_json(json);
    else
        table_print(table, stdout);
    return 0;
}

static const struct option_spec options[] = {
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print as JSON, as GET /v1/problems answers."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_problem_list = {
    .name = "problem list",
    .usage = "problem list",
    .summary = "list the problems that come with the program",
    .details =
        "They lie in problems/ beside the program; PORTOLAN_SHARE names another folder that holds problems/. Needs no "
        "coordinator.",
    .options = options,
    .run = run};
