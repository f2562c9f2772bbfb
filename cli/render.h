/* How cells, campaigns, matrices, scores and nodes look to a person. Input is the JSON of docs/api.md; numbers that are
 * absent show as '-'. What comes from kernels and drivers is cleaned before it reaches a terminal. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/table.h"

/* A text as it may reach a terminal: what terminals obey is replaced, in the JSON itself. "" for anything else.
 * Borrowed. */
const char *json_shown(json_t *value);
/* The same of an object's key; "" when absent or null. */
const char *json_text(const json_t *object, const char *key);
long long json_count(const json_t *object, const char *key);
/* NAN when absent or null. */
double json_number(const json_t *object, const char *key);

#define RENDER_SIZE 64 /* of the buffers below */
/* "1.76x [1.74, 1.78]"; "" when there is no speedup. */
void render_speedup(const json_t *cell, char out[RENDER_SIZE]);
/* ", confirmed (first 1.80x)", ", retracted (first 1.80x)"; "" for what is provisional. */
void render_promotion(const json_t *cell, char out[RENDER_SIZE]);
/* "812 us", "1.43 ms"; "-" for NAN. */
void render_time_ns(double ns, char out[RENDER_SIZE]);
/* "480 ms", "2.3 s", "4 min 10 s". */
void render_duration_ms(double ms, char out[RENDER_SIZE]);
/* "0.61" as "61 %"; "-" for NAN. */
void render_percent(double share, char out[RENDER_SIZE]);

/* --- cells (render_cell.c) -------------------------------------------------------------------- */
bool cell_is_correct(const json_t *cell);
/* Declared in less precision than the problem has: correct in its own tier. */
bool cell_is_reduced(const json_t *cell);
/* Done, given up, cancelled, or without a device. */
bool cell_has_ended(const json_t *cell);
/* The word that says how a cell stands: its verdict, else its outcome, else its state. Borrowed. */
const char *cell_standing(const json_t *cell);
enum colour cell_colour(const json_t *cell);

/* Widths of the columns of render_cell_line. Zeroed, it grows with the cells that pass. */
struct cell_layout {
    size_t target, kernel, size;
};
void cell_layout_fit(struct cell_layout *layout, const json_t *cell);
/* One line for a cell or result that has ended: standing, target, kernel, size, then time, speedup and baseline, or the
 * evidence. Cut at the terminal's edge; whole in a pipe, but one line always. */
void render_cell_line(const json_t *cell, struct cell_layout *layout, FILE *out);
/* The `result` event of POST /v1/try or an answer of GET /v1/tasks/ID, at length. `with_log` prints the log of correct
 * kernels too. */
void render_cell_whole(const json_t *cell, const json_t *event, bool with_log, FILE *out);

/* The answer of GET /v1/nodes: a line for each node and each device, and their numbers (render_nodes.c). */
void render_nodes(const json_t *nodes, FILE *out);

/* --- lists (render_lists.c) ------------------------------------------------------------------- */
void render_campaigns(const json_t *campaigns, FILE *out);
/* The answer of GET /v1/campaigns/ID: a summary line and a table of its cells. */
void render_campaign(const json_t *campaign, FILE *out);
/* Results (GET /v1/results) as a table. */
void render_results(const json_t *results, FILE *out);
/* "correct 8, wrong_output 1"; caller frees. */
char *render_verdicts(json_t *verdicts);

/* --- matrix (render_matrix.c) ----------------------------------------------------------------- */
/* Problem x target with speedup, interval and baseline; then the scores and the verdicts counted (GET /v1/matrix). A
 * row takes one line where that fits `columns`, else two. */
void render_matrix(const json_t *matrix, size_t columns, FILE *out);
/* Columns to lay a matrix out for. */
size_t render_columns(FILE *out);
