/* portolan problem check: can a problem's own check tell a right answer from one that took no work? */
#include <string.h>

#include "cli/chosen.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "common/buf.h"
#include "common/display.h"
#include "common/table.h"
#include "problems/check/admission.h"

DEFINE_CLEANUP(cleanup_admission, struct admission *, admission_free)
DEFINE_CLEANUP(cleanup_table, struct table *, table_free)

struct run {
    struct chosen chosen;
    json_t *json; /* the list, or NULL */
    bool verbose;
    size_t bad;
};

static void run_done(struct run *r) {
    chosen_done(&r->chosen);
    json_decref(r->json);
}

/* --- for people ------------------------------------------------------------------------------- */
static void print_trials(const struct admission *a) {
    static const char *const headers[] = {"answer", "is caught at", "passes at", NULL};
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    for (size_t i = 0; i < a->n_trials; i++)
        table_rowf(table, a->trial[i].name, a->trial[i].caught ? a->trial[i].caught_at : "-", a->trial[i].passes_at);
    table_print(table, stdout);
    for (size_t i = 0; i < a->n_branches; i++)
        printf("line %d: %s takes `%s` %lld times\n", a->branch[i].line, a->branch[i].op, a->branch[i].branch,
               (long long)a->branch[i].count);
    for (size_t i = 0; i < a->n_outputs; i++)
        printf("size %s: `%s` lies within [%.4g, %.4g], mean %.4g, standard deviation %.4g\n", a->output[i].size,
               a->output[i].name, a->output[i].min, a->output[i].max, a->output[i].mean, a->output[i].sd);
}

static void print_complaint(const struct admission_complaint *c, const char *path) {
    const char *word = c->fatal ? "error" : "warning";
    CLEANUP_FREE char *place = c->line > 0 ? xasprintf("%s:%d", path, c->line) : xstrdup(path);
    printf("  %s%s:%s %s\n    %s: %s\n", colour_on(stdout, c->fatal ? COLOUR_RED : COLOUR_YELLOW), word,
           colour_off(stdout), c->what, place, c->remedy);
}

static void print_problem(const struct run *r, const struct problem *p, const char *path, const struct admission *a) {
    const char *exempt = problem_exempt(p);
    enum colour colour = a->admissible ? COLOUR_GREEN : *exempt ? COLOUR_YELLOW : COLOUR_RED;
    printf("%s%s%s: %s%s%s", colour_on(stdout, COLOUR_BOLD), problem_name(p), colour_off(stdout),
           colour_on(stdout, colour), a->admissible ? "admissible" : "not admissible", colour_off(stdout));
    if (!a->admissible && *exempt) printf(", exempt: %s", exempt);
    size_t caught = 0;
    for (size_t i = 0; i < a->n_trials; i++) caught += a->trial[i].caught;
    printf(" (sizes %s; %zu of %zu trivial answers are caught", a->sizes, caught, a->n_trials);
    if (a->n_branches) printf(", %zu branches", a->n_branches);
    puts(")");
    for (size_t i = 0; i < a->n_complaints; i++) print_complaint(&a->complaint[i], path);
    if (r->verbose) print_trials(a);
}

/* --- for programs ----------------------------------------------------------------------------- */
static json_t *trials_json(const struct admission *a) {
    json_t *list = json_array();
    for (size_t i = 0; i < a->n_trials; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:b, s:s, s:s}", "answer", a->trial[i].name, "caught", a->trial[i].caught,
                            "caught_at", a->trial[i].caught_at, "passes_at", a->trial[i].passes_at));
    return list;
}

static json_t *complaints_json(const struct admission *a) {
    json_t *list = json_array();
    for (size_t i = 0; i < a->n_complaints; i++)
        json_array_append_new(
            list, json_pack("{s:b, s:i, s:s, s:s}", "fatal", a->complaint[i].fatal, "line", a->complaint[i].line,
                            "what", a->complaint[i].what, "remedy", a->complaint[i].remedy));
    return list;
}

static json_t *admission_json(const struct problem *p, const char *path, const struct admission *a) {
    json_t *branches = json_array(), *outputs = json_array();
    for (size_t i = 0; i < a->n_branches; i++)
        json_array_append_new(branches, json_pack("{s:s, s:s, s:s, s:i, s:I}", "tensor", a->branch[i].node, "operator",
                                                  a->branch[i].op, "branch", a->branch[i].branch, "line",
                                                  a->branch[i].line, "elements", (json_int_t)a->branch[i].count));
    for (size_t i = 0; i < a->n_outputs; i++) {
        const struct admission_output *o = &a->output[i];
        json_array_append_new(outputs, json_pack("{s:s, s:s, s:f, s:f, s:f, s:f, s:I}", "tensor", o->name, "size",
                                                 o->size, "min", o->not_finite < o->elements ? o->min : 0, "max",
                                                 o->not_finite < o->elements ? o->max : 0, "mean", o->mean, "sd", o->sd,
                                                 "not_finite", (json_int_t)o->not_finite));
    }
    return json_pack("{s:s, s:s, s:b, s:s, s:s, s:o, s:o, s:o, s:o}", "problem", problem_name(p), "path", path,
                     "admissible", a->admissible, "exempt", problem_exempt(p), "sizes", a->sizes, "complaints",
                     complaints_json(a), "answers", trials_json(a), "branches", branches, "outputs", outputs);
}

static int check_one(struct run *r, struct error *err) {
    const struct problem *p = r->chosen.problem[r->chosen.now];
    const char *path = r->chosen.path[r->chosen.now];
    struct admission_options o = {.progress = chosen_progress, .context = &r->chosen};
    CLEANUP(cleanup_admission) struct admission *a = admission_run(p, &o, err);
    if (!a) return -1;
    if (r->chosen.progress) progress_clear(r->chosen.progress);
    r->bad += !a->admissible && !*problem_exempt(p);
    if (r->json)
        json_array_append_new(r->json, admission_json(p, path, a));
    else
        print_problem(r, p, path, a);
    return 0;
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    CLEANUP(run_done) struct run r = {.verbose = options_flag(opts, "verbose")};
    if (chosen_load(opts, &r.chosen, &err) != 0) return command_failed(&err);
    chosen_show_progress(&r.chosen, "check");
    if (options_flag(opts, "json")) r.json = json_array();
    for (r.chosen.now = 0; r.chosen.now < r.chosen.n; r.chosen.now++)
        if (check_one(&r, &err) != 0) return command_failed(&err);
    if (r.json) {
        CLEANUP_JSON json_t *json = json_pack("{s:O, s:b}", "problems", r.json, "admissible", r.bad == 0);
        command_print_json(json);
    }
    return r.bad > 0;
}

static const struct option_spec options[] = {
    {"verbose", 'v', OPTION_FLAG, NULL, NULL, NULL,
     "Show each trivial answer with the size and data that catch it, the branches taken and the output's range."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print all of that as JSON."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_problem_check = {
    .name = "problem check",
    .usage = "problem check [NAME | FILE.yaml]...",
    .summary = "check that a problem can tell right answers from trivial ones",
    .details =
        "Gives the problem's own check answers that take no work, or less than was asked for: zeros, a constant, the "
        "first slice over and over, copies of each input, another seed's answer, the answer for other weights or for "
        "another input, and the right one with everything rounded to f16 and bf16. Each has to be refused on some of "
        "the data that verification uses. Every branch that an operator's data can take has to be taken. What is "
        "wrong is said with the line of the file and with what to change.\n\n"
        "Without arguments: the whole suite. The exit status is 1 when a problem is not admissible, unless its file "
        "says `exempt:` (docs/file-formats.md). Needs no coordinator and no device. A coordinator refuses campaigns "
        "with such problems.\n\n"
        "Examples:\n  portolan problem check\n  portolan problem check ./my-problem.yaml --verbose",
    .options = options,
    .run = run};
