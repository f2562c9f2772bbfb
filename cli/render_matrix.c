/* The port matrix: one row a problem, one column a target. The common case fits one line a row; where it does not, the
 * interval goes below the speedup, and targets that do not fit either get a table of their own. */
#include <math.h>
#include <string.h>

#include "cli/render.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/display.h"

DEFINE_CLEANUP(cleanup_table, struct table *, table_free)

#define TARGETS_MAX 64
#define NAME_COLUMNS 32 /* a longer problem name is broken where a row has two lines */
#define PIPE_COLUMNS 100

struct view {
    const json_t *matrix, *cells;
    FILE *out;
    size_t first, count; /* the targets shown */
    bool two_lines;
    const char *size; /* that of all cells; NULL when they differ */
    bool any_equal, any_weak, any_reduced, any_confirmed, any_retracted;
};

size_t render_columns(FILE *out) {
    return terminal_columns(out, PIPE_COLUMNS);
}

static const char *item(const json_t *array, size_t i) {
    json_t *value = json_array_get(array, i);
    return json_is_string(value) ? json_shown(value) : NULL;
}

/* The nth cell of a problem on a target: there are several when it was measured at several sizes. */
static const json_t *find_cell(const json_t *cells, const char *problem, const char *target, size_t n) {
    size_t i;
    json_t *cell;
    json_array_foreach(cells, i, cell) {
        if (!strcmp(json_text(cell, "problem"), problem) && !strcmp(json_text(cell, "target"), target) && n-- == 0)
            return cell;
    }
    return NULL;
}

/* --- one cell --------------------------------------------------------------------------------- */
struct cell_text {
    char *main, *below; /* "1.76x vs fused", "[1.74, 1.78] medium"; both may be empty */
    enum colour colour;
};

static void cell_text_done(struct cell_text *t) {
    free(t->main);
    free(t->below);
}

static bool is_status(const json_t *cell, const char *status) {
    return !strcmp(json_text(cell, "status"), status);
}

/* '+' for confirmed by a promotion, '-' for retracted, '=' where the interval does not clear 1, '*' for a weak
 * baseline.
 */
static const char *marks(const json_t *cell, char out[16]) {
    bool equal = !json_is_true(json_object_get(cell, "faster"));
    snprintf(out, 16, "%s%s%s%s", is_status(cell, "confirmed") ? " +" : "", is_status(cell, "retracted") ? " -" : "",
             equal && !is_status(cell, "retracted") ? " =" : "",
             json_is_true(json_object_get(cell, "weak_baseline")) ? " *" : "");
    return out;
}

/* "bf16 3.20x": kernels that declare less precision, beside what is ranked. */
static void add_reduced(const json_t *cell, struct buf *out) {
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(cell, "reduced"), i, item) {
        double x = json_number(item, "speedup");
        buf_printf(out, "%s%s", out->len ? ", " : "", json_text(item, "precision"));
        if (!isnan(x)) buf_printf(out, " %.2fx", x);
    }
}

static struct cell_text text_of(const struct view *v, const json_t *cell) {
    const char *size = cell && !v->size ? json_text(cell, "size") : "";
    double x = json_number(cell, "speedup"), low = json_number(cell, "speedup_low"),
           high = json_number(cell, "speedup_high");
    if (!cell) return (struct cell_text){xstrdup(""), xstrdup(""), COLOUR_NONE};
    if (!cell_is_correct(cell))
        return (struct cell_text){xstrdup(cell_standing(cell)), xstrdup(size), cell_colour(cell)};
    CLEANUP(buf_done) struct buf reduced = BUF_INIT;
    add_reduced(cell, &reduced);
    if (cell_is_reduced(cell))
        return (struct cell_text){xasprintf("%s ~", reduced.data ? reduced.data : ""), xstrdup(size), COLOUR_YELLOW};
    if (isnan(x)) return (struct cell_text){xstrdup("correct, not timed"), xstrdup(size), COLOUR_NONE};
    const char *beside = reduced.len ? reduced.data : "";
    char interval[RENDER_SIZE] = "", mark[16];
    marks(cell, mark);
    if (!isnan(low) && !isnan(high)) snprintf(interval, sizeof interval, " [%.2f, %.2f]", low, high);
    return (struct cell_text){
        .main = xasprintf("%.2fx%s vs %s%s%s%s%s", x, v->two_lines ? "" : interval, json_text(cell, "baseline"), mark,
                          *beside ? " (" : "", beside, *beside ? " ~)" : ""),
        .below = xasprintf("%s%s%s", *interval ? interval + 1 : "", *interval && *size ? " " : "", size),
        .colour = json_is_true(json_object_get(cell, "faster")) ? COLOUR_GREEN : COLOUR_NONE,
    };
}

/* --- rows ------------------------------------------------------------------------------------- */
static char *coloured(FILE *out, enum colour colour, const char *text) {
    return *text ? xasprintf("%s%s%s", colour_on(out, colour), text, colour_off(out)) : xstrdup("");
}

/* Where a long name is broken: after the last dash that fits. */
static size_t break_of(const char *name) {
    size_t len = strlen(name), at = NAME_COLUMNS;
    if (len <= NAME_COLUMNS) return len;
    while (at && name[at - 1] != '-') at--;
    return at ? at : len;
}

/* The nth row of a problem; false when no target has an nth cell. */
static bool add_row(const struct view *v, struct table *table, const char *problem, size_t n) {
    const char *row[TARGETS_MAX + 1], *below[TARGETS_MAX + 1];
    char *kept[2 * TARGETS_MAX];
    size_t t, at = v->two_lines ? break_of(problem) : strlen(problem);
    bool any = false, any_below = problem[at] != '\0';
    CLEANUP_FREE char *name = n ? xstrdup("") : xstrndup(problem, at);
    row[0] = name;
    below[0] = n ? "" : problem + at;
    for (t = 0; t < v->count; t++) {
        const json_t *cell = find_cell(v->cells, problem, item(json_object_get(v->matrix, "targets"), v->first + t), n);
        struct cell_text text = text_of(v, cell);
        any |= cell != NULL;
        CLEANUP_FREE char *one = !v->two_lines && !v->size && *text.main
                                     ? xasprintf("%s %s", text.main, json_text(cell, "size"))
                                     : xstrdup(text.main);
        row[t + 1] = kept[2 * t] = coloured(v->out, text.colour, one);
        below[t + 1] = kept[2 * t + 1] = coloured(v->out, COLOUR_DIM, text.below);
        any_below |= *text.below != '\0';
        cell_text_done(&text);
    }
    if (any || !n) table_row(table, row);
    if ((any || !n) && v->two_lines && any_below) table_row(table, below);
    for (t = 0; t < 2 * v->count; t++) free(kept[t]);
    return any;
}

static struct table *make_table(const struct view *v) {
    const json_t *targets = json_object_get(v->matrix, "targets"), *problems = json_object_get(v->matrix, "problems");
    const char *headers[TARGETS_MAX + 2];
    CLEANUP_FREE char *first = v->size ? xasprintf("problem (size %s)", v->size) : xstrdup("problem");
    headers[0] = first;
    for (size_t t = 0; t < v->count; t++) headers[t + 1] = item(targets, v->first + t);
    headers[v->count + 1] = NULL;
    struct table *table = table_new(headers);
    for (size_t p = 0; p < json_array_size(problems); p++)
        for (size_t n = 0; add_row(v, table, item(problems, p), n); n++) continue;
    return table;
}

/* The widest form that fits: one line, two lines, fewer targets at a time. */
static struct table *fitting_table(struct view *v, size_t columns) {
    for (;;) {
        struct table *table = make_table(v);
        if (table_width(table) <= columns || (v->two_lines && v->count <= 1)) return table;
        table_free(table);
        if (v->two_lines)
            v->count--;
        else
            v->two_lines = true;
    }
}

static void print_legend(const struct view *v) {
    fputs(colour_on(v->out, COLOUR_DIM), v->out);
    fputs("over the fastest baseline [interval: 94 % from 5 fresh sets of runners, 99 % from 8 on]\n", v->out);
    if (v->any_equal) fputs("=  not proven faster: the interval does not clear 1.005\n", v->out);
    if (v->any_reduced) fputs("~  by kernels that declare less precision: held to that, ranked apart\n", v->out);
    if (v->any_confirmed) fputs("+  confirmed: measured again with fresh data and more sets of runners\n", v->out);
    if (v->any_retracted) fputs("-  retracted: found no faster when measured again; counts as 1.0\n", v->out);
    if (v->any_weak) fputs("*  weak baseline: below 25 % of the speed of light; left out of the scores\n", v->out);
    fputs(colour_off(v->out), v->out);
}

static void look_through(struct view *v) {
    size_t i;
    json_t *cell;
    v->size = item(v->cells, 0);
    json_array_foreach(v->cells, i, cell) {
        const char *size = json_text(cell, "size");
        v->size = i == 0 ? size : v->size && !strcmp(v->size, size) ? size : NULL;
        v->any_reduced |= json_array_size(json_object_get(cell, "reduced")) > 0;
        if (!cell_is_correct(cell) || cell_is_reduced(cell) || isnan(json_number(cell, "speedup"))) continue;
        v->any_confirmed |= is_status(cell, "confirmed");
        v->any_retracted |= is_status(cell, "retracted");
        v->any_equal |= !json_is_true(json_object_get(cell, "faster")) && !is_status(cell, "retracted");
        v->any_weak |= json_is_true(json_object_get(cell, "weak_baseline"));
    }
}

static void print_cells(const json_t *matrix, size_t columns, FILE *out) {
    struct view v = {.matrix = matrix, .cells = json_object_get(matrix, "cells"), .out = out};
    size_t n = json_array_size(json_object_get(matrix, "targets"));
    if (n > TARGETS_MAX) n = TARGETS_MAX;
    look_through(&v);
    if (!n) fputs("no cells yet\n", out);
    for (v.first = 0; v.first < n; v.first += v.count) {
        if (v.first) fputc('\n', out);
        v.count = n - v.first;
        CLEANUP(cleanup_table) struct table *table = fitting_table(&v, columns);
        table_print(table, out);
    }
    if (n) print_legend(&v);
}

/* --- scores ----------------------------------------------------------------------------------- */
static void format_ratio(const json_t *object, const char *key, const char *suffix, char out[RENDER_SIZE]) {
    double x = json_number(object, key);
    if (isnan(x))
        snprintf(out, RENDER_SIZE, "-");
    else
        snprintf(out, RENDER_SIZE, "%.2f%s", x, suffix);
}

static void add_scores(struct table *table, const json_t *s) {
    char covered[48], correct[24], faster[24], x[3][RENDER_SIZE], p[2][RENDER_SIZE], light[RENDER_SIZE];
    const json_t *fast = json_object_get(s, "fast_p");
    const char *size = json_text(s, "size");
    snprintf(covered, sizeof covered, "%lld/%lld", json_count(s, "measured"), json_count(s, "planned"));
    snprintf(correct, sizeof correct, "%lld", json_count(s, "correct"));
    snprintf(faster, sizeof faster, "%lld", json_count(s, "faster"));
    format_ratio(s, "geomean", "x", x[0]);
    format_ratio(s, "geomean_correct", "x", x[1]);
    format_ratio(s, "median", "x", x[2]);
    format_ratio(fast, "1", "", p[0]);
    format_ratio(fast, "1.5", "", p[1]);
    render_percent(json_number(s, "speed_of_light"), light);
    table_rowf(table, json_text(s, "target"), *size ? size : "all", covered, correct, faster, x[0], x[1], x[2], p[0],
               p[1], light);
}

/* A target with one size has the same scores over all: they are shown once. */
static bool is_repeated(const json_t *scores, const json_t *s) {
    size_t i, sizes = 0;
    json_t *other;
    json_array_foreach(scores, i, other) sizes +=
        !strcmp(json_text(other, "target"), json_text(s, "target")) && *json_text(other, "size");
    return !*json_text(s, "size") && sizes == 1;
}

static void print_scores(const json_t *scores, FILE *out) {
    static const char *const headers[] = {"target",     "size",    ">covered", ">correct",  ">faster", ">geomean",
                                          ">unclipped", ">median", ">fast_1",  ">fast_1.5", ">light",  NULL};
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    size_t i;
    json_t *s;
    if (!json_array_size(scores)) return;
    fputc('\n', out);
    json_array_foreach(scores, i, s) {
        if (!is_repeated(scores, s)) add_scores(table, s);
    }
    table_print(table, out);
    fprintf(out,
            "%sgeomean, median: wrong and slower kernels count as 1.0; unclipped: correct ones as measured\n"
            "fast_p: share of cells correct and over p times the baseline; light: share of the speed of light%s\n",
            colour_on(out, COLOUR_DIM), colour_off(out));
}

static void print_promotions(const json_t *promotions, FILE *out) {
    long long confirmed = json_count(promotions, "confirmed"), retracted = json_count(promotions, "retracted");
    double curse = json_number(promotions, "winners_curse");
    if (confirmed + retracted == 0) return;
    fprintf(out, "promotions: %lld confirmed, %lld retracted", confirmed, retracted);
    if (!isnan(curse)) fprintf(out, "; winner's curse %.3f (first speedup over second, geometric mean)", curse);
    fputc('\n', out);
}

void render_matrix(const json_t *matrix, size_t columns, FILE *out) {
    CLEANUP_FREE char *verdicts = render_verdicts(json_object_get(matrix, "verdicts"));
    print_cells(matrix, columns, out);
    print_scores(json_object_get(matrix, "scores"), out);
    fprintf(out, "\nverdicts: %s\n", *verdicts ? verdicts : "none yet");
    print_promotions(json_object_get(matrix, "promotions"), out);
}
