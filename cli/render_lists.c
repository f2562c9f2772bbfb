/* Tables of nodes, campaigns, cells and results. */
#include <math.h>
#include <string.h>

#include "cli/render.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/utf8.h"

DEFINE_CLEANUP(cleanup_table, struct table *, table_free)

#define TASK_SHOWN 12 /* characters of a task's id: enough to name it */

static char *coloured(FILE *out, enum colour colour, const char *text) {
    return xasprintf("%s%s%s", colour_on(out, colour), text, colour_off(out));
}

char *render_verdicts(json_t *verdicts) {
    struct buf b = BUF_INIT;
    const char *name;
    json_t *n;
    json_object_foreach(verdicts, name, n)
        buf_printf(&b, "%s%s %lld", b.len ? ", " : "", name, (long long)json_integer_value(n));
    char *text = buf_take(&b);
    utf8_clean(text);
    return text;
}

/* --- campaigns and their cells ---------------------------------------------------------------- */
void render_campaigns(const json_t *campaigns, FILE *out) {
    static const char *const headers[] = {"campaign", "name",      "state",    ">done", ">running",
                                          ">waiting", ">problems", ">targets", ">took", NULL};
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    size_t i;
    json_t *c;
    json_array_foreach(json_object_get(campaigns, "campaigns"), i, c) {
        const json_t *counts = json_object_get(c, "counts");
        char done[48], running[24], waiting[24], problems[24], targets[24], took[RENDER_SIZE];
        snprintf(done, sizeof done, "%lld/%lld", json_count(counts, "done"), json_count(counts, "cells"));
        snprintf(running, sizeof running, "%lld", json_count(counts, "running"));
        snprintf(waiting, sizeof waiting, "%lld",
                 json_count(counts, "queued") + json_count(counts, "published") + json_count(counts, "waiting"));
        snprintf(problems, sizeof problems, "%lld", json_count(c, "problems"));
        snprintf(targets, sizeof targets, "%lld", json_count(c, "targets"));
        render_duration_ms(json_number(c, "elapsed_ms"), took);
        table_rowf(table, json_text(c, "campaign"), json_text(c, "name"), json_text(c, "state"), done, running, waiting,
                   problems, targets, took);
    }
    table_cut(table);
    table_print(table, out);
}

/* What a cell is doing, or its figures, or why it failed (the first line). */
static char *cell_detail(const json_t *cell) {
    char speedup[RENDER_SIZE], promotion[RENDER_SIZE];
    const char *evidence = json_text(cell, "evidence");
    if (!strcmp(json_text(cell, "state"), "running"))
        return xasprintf("%s %.0f %% on %s", json_text(cell, "phase"), 100 * json_number(cell, "progress"),
                         json_text(cell, "node"));
    if (!cell_is_correct(cell)) return xstrndup(evidence, strcspn(evidence, "\n"));
    render_speedup(cell, speedup);
    render_promotion(cell, promotion);
    const char *precision = json_text(cell, "precision"), *in = *precision ? ", declared " : "";
    if (!*speedup) return xasprintf("not timed%s%s", in, precision);
    return xasprintf("%s vs %s%s%s%s", speedup, json_text(cell, "baseline"), in, precision, promotion);
}

static char *kernel_of(const json_t *cell) {
    bool promotion = !strcmp(json_text(cell, "purpose"), "promotion");
    return xasprintf("%s%s", json_text(cell, "kernel"), promotion ? " (promotion)" : "");
}

static void print_cells(const json_t *cells, FILE *out) {
    static const char *const headers[] = {"task", "problem", "target",        "size", "kernel",
                                          "is",   ">time",   "speedup / why", NULL};
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    size_t i;
    json_t *cell;
    json_array_foreach(cells, i, cell) {
        char task[TASK_SHOWN + 1], time[RENDER_SIZE];
        snprintf(task, sizeof task, "%.*s", TASK_SHOWN, json_text(cell, "task"));
        render_time_ns(json_number(cell, "time_ns_p50"), time);
        CLEANUP_FREE char *is = coloured(out, cell_colour(cell), cell_standing(cell)), *detail = cell_detail(cell);
        CLEANUP_FREE char *kernel = kernel_of(cell);
        table_rowf(table, task, json_text(cell, "problem"), json_text(cell, "target"), json_text(cell, "size"), kernel,
                   is, time, detail);
    }
    table_cut(table);
    table_print(table, out);
}

void render_campaign(const json_t *campaign, FILE *out) {
    const json_t *counts = json_object_get(campaign, "counts");
    CLEANUP_FREE char *verdicts = render_verdicts(json_object_get(campaign, "verdicts"));
    char took[RENDER_SIZE];
    render_duration_ms(json_number(campaign, "elapsed_ms"), took);
    fprintf(out, "campaign %s (%s): %s, %lld of %lld cells done after %s%s%s\n", json_text(campaign, "campaign"),
            json_text(campaign, "name"), json_text(campaign, "state"), json_count(counts, "done"),
            json_count(counts, "cells"), took, *verdicts ? "; " : "", verdicts);
    print_cells(json_object_get(campaign, "cells"), out);
}

void render_results(const json_t *results, FILE *out) {
    static const char *const headers[] = {"campaign", "problem", "target",        "size", "kernel",
                                          "verdict",  ">time",   "speedup / why", NULL};
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    size_t i;
    json_t *r;
    json_array_foreach(results, i, r) {
        char time[RENDER_SIZE];
        render_time_ns(json_number(r, "time_ns_p50"), time);
        CLEANUP_FREE char *is = coloured(out, cell_colour(r), cell_standing(r)), *detail = cell_detail(r);
        table_rowf(table, json_text(r, "campaign"), json_text(r, "problem"), json_text(r, "target"),
                   json_text(r, "size"), json_text(r, "kernel"), is, time, detail);
    }
    table_cut(table);
    table_print(table, out);
}
