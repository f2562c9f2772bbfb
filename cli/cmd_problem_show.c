/* portolan problem show: one problem, shipped or a file of the user's, with its shapes and cost at each size. */
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/shipped.h"
#include "common/buf.h"
#include "problems/ops/op.h"

DEFINE_CLEANUP(cleanup_problem, struct problem *, problem_free)
DEFINE_CLEANUP(cleanup_bound, struct bound *, bound_free)

static const char *const role_name[] = {"input", "weight", "intermediate", "output"};

/* A number of bytes or operations as people say it: "67.1 MB". */
static void format_amount(double x, const char *unit, char out[32]) {
    static const char *const prefix[] = {"", "k", "M", "G", "T", "P"};
    size_t i = 0;
    while (x >= 999.5 && i < 5) x /= 1000, i++;
    snprintf(out, 32, "%.3g %s%s", x, prefix[i], unit);
}

static void print_size(const struct bound *b, const char *size) {
    struct cost cost;
    char flops[32], bytes[32];
    bound_cost(b, &cost);
    format_amount(cost.flops, "FLOP", flops);
    format_amount(cost.bytes_least, "B", bytes);
    printf("\nsize %s:", size);
    for (int i = 0; i < b->n_dims; i++) printf(" %s=%lld", b->dim[i].name, (long long)b->dim[i].value);
    printf("\n  %s, least traffic %s, reduction length %lld\n", flops, bytes, (long long)cost.reduction);
    for (int i = 0; i < b->n_tensors; i++) {
        char shape[160];
        shape_format(&b->tensor[i].shape, shape);
        printf("  %-12s  %-12s  %s %s\n", role_name[b->tensor[i].role], b->tensor[i].name,
               dtype_name(b->tensor[i].dtype), shape);
    }
}

static json_t *size_json(const struct bound *b, const char *size) {
    struct cost cost;
    bound_cost(b, &cost);
    json_t *dims = json_object(), *tensors = json_array();
    for (int i = 0; i < b->n_dims; i++) json_object_set_new(dims, b->dim[i].name, json_integer(b->dim[i].value));
    for (int i = 0; i < b->n_tensors; i++) {
        const struct tensor *t = &b->tensor[i];
        json_t *shape = json_array();
        for (int d = 0; d < t->shape.rank; d++) json_array_append_new(shape, json_integer(t->shape.dim[d]));
        json_array_append_new(tensors, json_pack("{s:s, s:s, s:s, s:o}", "name", t->name, "role", role_name[t->role],
                                                 "dtype", dtype_name(t->dtype), "shape", shape));
    }
    return json_pack("{s:s, s:o, s:f, s:f, s:I, s:o}", "size", size, "dims", dims, "flops", cost.flops, "bytes_least",
                     cost.bytes_least, "reduction", (json_int_t)cost.reduction, "tensors", tensors);
}

/* Binds every size: prints it, or with `list` adds it there. */
static int each_size(const struct problem *p, json_t *list, struct error *err) {
    for (size_t i = 0; i < problem_size_count(p); i++) {
        const char *size = problem_size_name(p, i);
        CLEANUP(cleanup_bound) struct bound *b = problem_bind(p, size, err);
        if (!b) return -1;
        if (list)
            json_array_append_new(list, size_json(b, size));
        else
            print_size(b, size);
    }
    return 0;
}

static int show_json(const struct problem *p, const char *path, struct error *err) {
    CLEANUP_JSON json_t *json = problem_json(p, path);
    json_t *bound = json_array();
    json_object_set_new(json, "yaml", json_string(problem_text(p)));
    json_object_set_new(json, "bound", bound);
    if (each_size(p, bound, err)) return -1;
    command_print_json(json);
    return 0;
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    const char *name = command_argument(opts, &command_problem_show, "problem's name or file");
    if (!name) return 2;
    CLEANUP_FREE char *path = shipped_find(name, &err);
    CLEANUP(cleanup_problem) struct problem *p = path ? problem_load(path, &err) : NULL;
    if (!p) return command_failed(&err);
    if (options_flag(opts, "json")) return show_json(p, path, &err) ? command_failed(&err) : 0;
    printf("%s", problem_text(p));
    return each_size(p, NULL, &err) ? command_failed(&err) : 0;
}

static const struct option_spec options[] = {
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL,
     "Print as JSON: the file's text, and dims, tensors and cost at each size."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_problem_show = {
    .name = "problem show",
    .usage = "problem show NAME | FILE.yaml",
    .summary = "show a problem with its shapes and cost at each size",
    .details =
        "The problem is parsed, and bound at each of its sizes, so this also checks a problem file of one's own: what "
        "is "
        "wrong is named with line and column. docs/file-formats.md describes the file. Needs no coordinator.\n\n"
        "Examples:\n  portolan problem show softmax\n  portolan problem show ./my-problem.yaml",
    .options = options,
    .run = run};
