#include "cli/render.h"

#include <math.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/table.h"

DEFINE_CLEANUP(cleanup_table, struct table *, table_free)

const char *json_text(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

long long json_count(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

static double number(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void format_number(const json_t *object, const char *key, const char *fmt_suffix, int digits, char out[32]) {
    double x = number(object, key);
    if (isnan(x))
        snprintf(out, 32, "-");
    else
        snprintf(out, 32, "%.*f%s", digits, x, fmt_suffix);
}

void render_speedup(const json_t *cell, char *out, size_t size) {
    double x = number(cell, "speedup"), low = number(cell, "speedup_low"), high = number(cell, "speedup_high");
    *out = '\0';
    if (isnan(x)) return;
    if (isnan(low) || isnan(high))
        snprintf(out, size, "%.2fx", x);
    else
        snprintf(out, size, "%.2fx [%.2f, %.2f]", x, low, high);
}

void render_time_ns(const json_t *value, char *out, size_t size) {
    double ns = json_is_number(value) ? json_number_value(value) : NAN;
    if (isnan(ns))
        snprintf(out, size, "-");
    else if (ns < 1e6)
        snprintf(out, size, "%.3g us", ns / 1e3);
    else if (ns < 1e9)
        snprintf(out, size, "%.3g ms", ns / 1e6);
    else
        snprintf(out, size, "%.3g s", ns / 1e9);
}

static bool is_correct(const json_t *cell) {
    return !strcmp(json_text(cell, "verdict"), "correct");
}

/* The word that says how a cell stands: its verdict, else its outcome, else its state. */
static const char *standing(const json_t *cell) {
    const char *verdict = json_text(cell, "verdict"), *outcome = json_text(cell, "outcome");
    return *verdict ? verdict : *outcome ? outcome : json_text(cell, "state");
}

void render_cell_line(const json_t *cell, FILE *out) {
    char speedup[64], time[32];
    const char *evidence = json_text(cell, "evidence");
    render_speedup(cell, speedup, sizeof speedup);
    render_time_ns(json_object_get(cell, "time_ns_p50"), time, sizeof time);
    enum colour colour = is_correct(cell) ? COLOUR_GREEN : *json_text(cell, "verdict") ? COLOUR_RED : COLOUR_YELLOW;
    fprintf(out, "%-16s %-28s %-44s %s%s%s", json_text(cell, "target"), json_text(cell, "kernel"), json_text(cell, "problem"),
            colour_on(out, colour), standing(cell), colour_off(out));
    if (is_correct(cell) && *speedup)
        fprintf(out, "  %s  %s over %s", time, speedup, json_text(cell, "baseline"));
    else if (*evidence)
        fprintf(out, "  %.*s", (int)strcspn(evidence, "\n"), evidence);
    fputc('\n', out);
}

/* --- matrix ------------------------------------------------------------------------------------------------------------ */
static const json_t *find_cell(const json_t *cells, const char *problem, const char *target) {
    size_t i;
    json_t *cell;
    json_array_foreach(cells, i, cell) {
        if (!strcmp(json_text(cell, "problem"), problem) && !strcmp(json_text(cell, "target"), target)) return cell;
    }
    return NULL;
}

/* "1.76x [1.74, 1.78] vs fused", with '*' for a weak baseline and '=' where the interval does not clear 1. */
static char *matrix_text(const json_t *cell) {
    if (!cell) return xstrdup("");
    if (!is_correct(cell)) return xstrdup(standing(cell));
    char speedup[64];
    render_speedup(cell, speedup, sizeof speedup);
    if (!*speedup) return xstrdup("correct, not timed");
    return xasprintf("%s vs %s%s%s", speedup, json_text(cell, "baseline"), json_is_true(json_object_get(cell, "faster")) ? "" : " =",
                     json_is_true(json_object_get(cell, "weak_baseline")) ? " *" : "");
}

static void print_cells(const json_t *matrix, FILE *out) {
    const json_t *targets = json_object_get(matrix, "targets"), *problems = json_object_get(matrix, "problems");
    size_t n = json_array_size(targets), p, t;
    const char *headers[34] = {"problem"};
    if (n > 32) n = 32;
    for (t = 0; t < n; t++) headers[t + 1] = json_string_value(json_array_get(targets, t));
    headers[n + 1] = NULL;
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    for (p = 0; p < json_array_size(problems); p++) {
        char *text[32];
        const char *row[33] = {json_string_value(json_array_get(problems, p))};
        for (t = 0; t < n; t++) row[t + 1] = text[t] = matrix_text(find_cell(json_object_get(matrix, "cells"), row[0], headers[t + 1]));
        table_row(table, row);
        for (t = 0; t < n; t++) free(text[t]);
    }
    table_print(table, out);
    fprintf(out, "speedup [99 %% interval] vs the fastest baseline;  = not proven faster  * weak baseline (below 25 %% of the speed of light)\n");
}

static void print_scores(const json_t *scores, FILE *out) {
    static const char *const headers[] = {"target", "size", ">correct/planned", ">faster", ">geomean", ">of correct", ">median",
                                          ">fast_1", ">fast_1.5", ">coverage", ">of light", NULL};
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    size_t i;
    json_t *s;
    json_array_foreach(scores, i, s) {
        char count[48], faster[24], cell[7][32];
        const json_t *fast = json_object_get(s, "fast_p");
        snprintf(count, sizeof count, "%lld/%lld", json_count(s, "correct"), json_count(s, "planned"));
        snprintf(faster, sizeof faster, "%lld", json_count(s, "faster"));
        format_number(s, "geomean", "x", 2, cell[0]);
        format_number(s, "geomean_correct", "x", 2, cell[1]);
        format_number(s, "median", "x", 2, cell[2]);
        format_number(fast, "1", "", 2, cell[3]);
        format_number(fast, "1.5", "", 2, cell[4]);
        format_number(s, "coverage", "", 2, cell[5]);
        format_number(s, "speed_of_light", "", 2, cell[6]);
        const char *size = json_text(s, "size");
        table_rowf(table, json_text(s, "target"), *size ? size : "all", count, faster, cell[0], cell[1], cell[2], cell[3], cell[4], cell[5], cell[6]);
    }
    table_print(table, out);
    fprintf(out, "geomean counts wrong and slower kernels as 1.0; \"of correct\" is the value before that; weak baselines are left out\n");
}

void render_matrix(const json_t *matrix, FILE *out) {
    print_cells(matrix, out);
    fputc('\n', out);
    print_scores(json_object_get(matrix, "scores"), out);
    fprintf(out, "\nverdicts:");
    const char *name;
    json_t *n;
    json_object_foreach(json_object_get(matrix, "verdicts"), name, n)
        fprintf(out, "  %s %lld", name, (long long)json_integer_value(n));
    fputc('\n', out);
}

/* --- nodes --------------------------------------------------------------------------------------------------------------- */
static void node_rows(struct table *table, const json_t *node) {
    const json_t *devices = json_object_get(node, "devices");
    char age[32];
    format_number(node, "heartbeat_age_ms", " ms", 0, age);
    if (!json_array_size(devices))
        table_rowf(table, json_text(node, "node"), json_text(node, "state"), age, "-", "-", "-", "-", json_text(node, "reason"));
    size_t i;
    json_t *d;
    json_array_foreach(devices, i, d) {
        const char *running = json_text(d, "running");
        table_rowf(table, i ? "" : json_text(node, "node"), i ? "" : json_text(node, "state"), i ? "" : age, json_text(d, "target"),
                   json_text(d, "name"), json_text(d, "driver_version"), json_text(d, "state"), *running ? running : json_text(node, "reason"));
    }
}

void render_nodes(const json_t *nodes, FILE *out) {
    static const char *const headers[] = {"node", "state", ">heard", "target", "device", "driver", "device is", "running / reason", NULL};
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    size_t i;
    json_t *node;
    json_array_foreach(json_object_get(nodes, "nodes"), i, node) node_rows(table, node);
    table_print(table, out);
}
