/* portolan problem list|show: the problems that come with the program, or a file of the user's. */
#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/share.h"
#include "common/buf.h"
#include "common/fileio.h"
#include "common/table.h"
#include "problems/graph/problem.h"
#include "problems/ops/op.h"

DEFINE_CLEANUP(cleanup_table, struct table *, table_free)
DEFINE_CLEANUP(cleanup_problem, struct problem *, problem_free)
DEFINE_CLEANUP(cleanup_bound, struct bound *, bound_free)

static json_t *problem_json(const struct problem *p, const char *path) {
    char hash[65];
    problem_hash(p, hash);
    json_t *sizes = json_array();
    for (size_t i = 0; i < problem_size_count(p); i++) json_array_append_new(sizes, json_string(problem_size_name(p, i)));
    return json_pack("{s:s, s:s, s:i, s:s, s:s, s:o}", "name", problem_name(p), "path", path, "level", problem_level(p), "origin",
                     problem_origin(p), "hash", hash, "sizes", sizes);
}

static int visit_shipped(int (*visit)(void *context, const char *path, struct error *err), void *context, struct error *err) {
    CLEANUP_FREE char *share = share_dir(err);
    if (!share) return -1;
    CLEANUP_FREE char *pattern = path_join(share, "problems/level*/*.yaml");
    CLEANUP(globfree) glob_t found = {0};
    if (glob(pattern, 0, NULL, &found)) return error_set(err, ERR_NOT_FOUND, "no problem files in %s/problems", share);
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (visit(context, found.gl_pathv[i], err)) return -1;
    return 0;
}

struct listing {
    json_t *json;
    struct table *table;
};

static int list_one(void *context, const char *path, struct error *err) {
    struct listing *l = context;
    CLEANUP(cleanup_problem) struct problem *p = problem_load(path, err);
    if (!p) return -1;
    CLEANUP(buf_done) struct buf sizes = BUF_INIT;
    char level[16];
    snprintf(level, sizeof level, "%d", problem_level(p));
    for (size_t i = 0; i < problem_size_count(p); i++) buf_printf(&sizes, "%s%s", i ? " " : "", problem_size_name(p, i));
    table_rowf(l->table, problem_name(p), level, problem_origin(p), sizes.data ? sizes.data : "");
    json_array_append_new(l->json, problem_json(p, path));
    return 0;
}

static int list(const struct options *opts) {
    static const char *const headers[] = {"problem", ">level", "origin", "sizes", NULL};
    struct error err = ERROR_INIT;
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    CLEANUP_JSON json_t *json = json_array();
    struct listing l = {.json = json, .table = table};
    if (visit_shipped(list_one, &l, &err)) return command_failed(&err);
    if (options_flag(opts, "json"))
        json_dumpf(json, stdout, JSON_INDENT(2)), putchar('\n');
    else
        table_print(table, stdout);
    return 0;
}

/* --- show ---------------------------------------------------------------------------------------------------------------- */
struct search {
    const char *name;
    char *path;
};

static int match_one(void *context, const char *path, struct error *err) {
    struct search *s = context;
    CLEANUP(cleanup_problem) struct problem *p = problem_load(path, err);
    if (!p) return -1;
    if (!strcmp(problem_name(p), s->name) && !s->path) s->path = xstrdup(path);
    return 0;
}

static char *find_file(const char *name, struct error *err) {
    if (strchr(name, '/') || access(name, R_OK) == 0) return xstrdup(name);
    struct search s = {.name = name};
    if (visit_shipped(match_one, &s, err)) return NULL;
    if (s.path) return s.path;
    error_set(err, ERR_NOT_FOUND, "no problem is called '%s'", name);
    error_hint(err, "portolan problem list shows those that are shipped; a file is named by its path");
    return NULL;
}

static void print_tensor(const struct tensor *t) {
    static const char *const role[] = {"input", "weight", "intermediate", "output"};
    char shape[160];
    shape_format(&t->shape, shape);
    printf("  %-14s %-20s %s %s\n", role[t->role], t->name, dtype_name(t->dtype), shape);
}

static int print_size(const struct problem *p, const char *size, struct error *err) {
    CLEANUP(cleanup_bound) struct bound *b = problem_bind(p, size, err);
    if (!b) return -1;
    struct cost cost;
    bound_cost(b, &cost);
    printf("\nsize %s:", size);
    for (int i = 0; i < b->n_dims; i++) printf(" %s=%lld", b->dim[i].name, (long long)b->dim[i].value);
    printf("\n  %.4g GFLOP, least traffic %.4g MB, reduction length %lld\n", cost.flops / 1e9, cost.bytes_least / 1e6, (long long)cost.reduction);
    for (int i = 0; i < b->n_tensors; i++) print_tensor(&b->tensor[i]);
    return 0;
}

static int show(const struct options *opts, const char *name) {
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *path = find_file(name, &err);
    CLEANUP(cleanup_problem) struct problem *p = path ? problem_load(path, &err) : NULL;
    if (!p) return command_failed(&err);
    if (options_flag(opts, "json")) {
        CLEANUP_JSON json_t *json = problem_json(p, path);
        json_object_set_new(json, "yaml", json_string(problem_text(p)));
        json_dumpf(json, stdout, JSON_INDENT(2)), putchar('\n');
        return 0;
    }
    printf("%s", problem_text(p));
    for (size_t i = 0; i < problem_size_count(p); i++)
        if (print_size(p, problem_size_name(p, i), &err)) return command_failed(&err);
    return 0;
}

static int run(const struct options *opts) {
    char **args = NULL;
    size_t n = options_args(opts, &args);
    if (n == 1 && !strcmp(args[0], "list")) return list(opts);
    if (n == 2 && !strcmp(args[0], "show")) return show(opts, args[1]);
    fprintf(stderr, "portolan: usage: portolan problem list | portolan problem show NAME-OR-FILE\n");
    return 2;
}

static const struct option_spec options[] = {{"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print as JSON."}, {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_problem = {
    .name = "problem", .usage = "problem list | problem show NAME-OR-FILE", .summary = "list the shipped problems, show one with its sizes and cost",
    .details = "`show` parses and binds the problem at each of its sizes, so it is also how to check a problem file of one's own.\n\n"
               "Example:\n  portolan problem show softmax", .options = options, .run = run};
