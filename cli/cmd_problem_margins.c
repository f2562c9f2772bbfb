/* portolan problem margins: where the tolerance lies between honest and dishonest arithmetic. */
#include <math.h>
#include <string.h>

#include "cli/chosen.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "common/buf.h"
#include "common/table.h"
#include "problems/check/margins.h"

DEFINE_CLEANUP(cleanup_table, struct table *, table_free)

#define SEED_BYTE 4 /* the same data each time: the tables in the documents can be made again */

struct run {
    struct chosen chosen;
    struct margin *margin; /* [problem][evaluation] */
};

static void run_done(struct run *r) {
    chosen_done(&r->chosen);
    free(r->margin);
}

static const struct margin *margin_of(const struct run *r, size_t problem, size_t evaluation) {
    return &r->margin[problem * evaluation_count() + evaluation];
}

/* How many do not come out as they should. */
static size_t count_bad(const struct run *r) {
    size_t bad = 0;
    for (size_t i = 0; i < r->chosen.n * evaluation_count(); i++)
        bad += r->margin[i].concerns && !r->margin[i].as_it_should;
    return bad;
}

static void format_ratio(double x, char out[24]) {
    if (isinf(x))
        snprintf(out, 24, "inf");
    else if (x >= 999.5 || (x > 0 && x < 0.001))
        snprintf(out, 24, "%.0e", x);
    else
        snprintf(out, 24, x < 10 ? "%.2g" : "%.0f", x);
}

/* --- for people ------------------------------------------------------------------------------- */
static void print_problem(const struct run *r, size_t problem) {
    static const char *const headers[] = {"evaluation", ">element", ">class", "is", "at", NULL};
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    for (size_t k = 0; k < evaluation_count(); k++) {
        const struct margin *m = margin_of(r, problem, k);
        const struct evaluation *e = evaluation_at(k);
        char element[24], class_rms[24];
        if (!m->concerns) continue;
        bool honest = e->kind == EVALUATION_HONEST;
        const char *word = honest ? (m->as_it_should ? "accepted" : "REFUSED") : m->as_it_should ? "caught" : "MISSED";
        CLEANUP_FREE char *at = xasprintf("%s, %s", m->size, distribution_name(m->dist));
        CLEANUP_FREE char *is = xasprintf("%s%s%s", colour_on(stdout, m->as_it_should ? COLOUR_GREEN : COLOUR_RED),
                                          word, colour_off(stdout));
        format_ratio(m->element, element);
        format_ratio(m->class_rms, class_rms);
        table_rowf(table, e->name, element, class_rms, is, at);
    }
    printf("%s%s%s%s\n", problem ? "\n" : "", colour_on(stdout, COLOUR_BOLD), problem_name(r->chosen.problem[problem]),
           colour_off(stdout));
    table_print(table, stdout);
}

/* --- for documents: a row an evaluation, a column a problem ----------------------------------- */
static void print_markdown(const struct run *r) {
    printf("| evaluation |");
    for (size_t i = 0; i < r->chosen.n; i++) printf(" %s |", problem_name(r->chosen.problem[i]));
    printf("\n|---|");
    for (size_t i = 0; i < r->chosen.n; i++) printf("---|");
    putchar('\n');
    for (size_t k = 0; k < evaluation_count(); k++) {
        bool any = false;
        for (size_t i = 0; i < r->chosen.n; i++) any |= margin_of(r, i, k)->concerns;
        if (!any) continue;
        bool honest = evaluation_at(k)->kind == EVALUATION_HONEST;
        printf("| %s%s%s |", honest ? "**" : "", evaluation_at(k)->name, honest ? "**" : "");
        for (size_t i = 0; i < r->chosen.n; i++) {
            const struct margin *m = margin_of(r, i, k);
            char element[24], class_rms[24];
            format_ratio(m->element, element);
            format_ratio(m->class_rms, class_rms);
            if (m->concerns)
                printf(" %s%s / %s |", m->as_it_should ? "" : "(!) ", element, class_rms);
            else
                printf(" |");
        }
        putchar('\n');
    }
}

/* --- for programs ----------------------------------------------------------------------------- */
static json_t *margin_json(const struct margin *m, const struct evaluation *e) {
    json_t *json = json_pack("{s:s, s:b, s:s, s:b}", "evaluation", e->name, "honest", e->kind == EVALUATION_HONEST,
                             "declared", precision_name(e->declared), "as_it_should", m->as_it_should);
    json_object_set_new(json, "element", isfinite(m->element) ? json_real(m->element) : json_null());
    json_object_set_new(json, "class", isfinite(m->class_rms) ? json_real(m->class_rms) : json_null());
    json_object_set_new(json, "size", json_string(m->size));
    json_object_set_new(json, "data", json_string(distribution_name(m->dist)));
    return json;
}

static void print_json(const struct run *r) {
    CLEANUP_JSON json_t *json = json_pack("{s:[]}", "problems");
    for (size_t i = 0; i < r->chosen.n; i++) {
        json_t *list = json_array();
        for (size_t k = 0; k < evaluation_count(); k++)
            if (margin_of(r, i, k)->concerns)
                json_array_append_new(list, margin_json(margin_of(r, i, k), evaluation_at(k)));
        json_array_append_new(json_object_get(json, "problems"),
                              json_pack("{s:s, s:o}", "problem", problem_name(r->chosen.problem[i]), "margins", list));
    }
    command_print_json(json);
}

static int compute(struct run *r, const struct options *opts, struct error *err) {
    const char *const *sizes = NULL;
    size_t n = options_list(opts, "size", &sizes);
    CLEANUP_FREE const char **list = xcalloc(n + 1, sizeof *list);
    if (n > 0) memcpy(list, sizes, n * sizeof *list);
    struct margins_options o = {
        .seed = {{SEED_BYTE}}, .sizes = n ? list : NULL, .progress = chosen_progress, .context = &r->chosen};
    r->margin = xcalloc(r->chosen.n * evaluation_count() + 1, sizeof *r->margin);
    for (r->chosen.now = 0; r->chosen.now < r->chosen.n; r->chosen.now++)
        if (margins_compute(r->chosen.problem[r->chosen.now], &o, &r->margin[r->chosen.now * evaluation_count()],
                            err) != 0)
            return -1;
    if (r->chosen.progress) progress_clear(r->chosen.progress);
    return 0;
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    CLEANUP(run_done) struct run r = {0};
    if (chosen_load(opts, &r.chosen, &err) != 0) return command_failed(&err);
    chosen_show_progress(&r.chosen, "margins");
    if (compute(&r, opts, &err) != 0) return command_failed(&err);
    if (options_flag(opts, "json"))
        print_json(&r);
    else if (options_flag(opts, "markdown"))
        print_markdown(&r);
    for (size_t i = 0; i < r.chosen.n && !options_flag(opts, "json") && !options_flag(opts, "markdown"); i++)
        print_problem(&r, i);
    return count_bad(&r) > 0;
}

static const struct option_spec options[] = {
    {"size", 's', OPTION_LIST, "SIZE", NULL, NULL,
     "At this size only; may be repeated. By default `check`, the held-out ones and `small`."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print as JSON."},
    {"markdown", 0, OPTION_FLAG, NULL, NULL, NULL, "Print one table of all problems, as docs/margins.md has it."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_problem_margins = {
    .name = "problem margins",
    .usage = "problem margins [NAME | FILE.yaml]...",
    .summary = "show where the tolerance lies between honest and dishonest arithmetic",
    .details =
        "Emulates ways to compute a problem on the host: float32 sums in order, as trees, in tiles, with fused "
        "multiply-adds; and inputs, operands, sums or results in TF32, half or bfloat16. Each is judged by the code "
        "that judges kernels, at the sizes and on the data of verification. Of an honest evaluation the worst place "
        "is shown, of a dishonest one the size that shows it least: the largest error in units of the tolerance, and "
        "the root mean square in units of the class limit. Over 1 means refused.\n\n"
        "Without arguments: the whole suite. The exit status is 1 when an honest evaluation is refused or a dishonest "
        "one missed. Needs no coordinator and no device. docs/tolerance.md explains it.\n\n"
        "Examples:\n  portolan problem margins softmax\n  portolan problem margins ./my-problem.yaml --size full",
    .options = options,
    .run = run};
