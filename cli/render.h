/* How cells, matrices, scores and nodes look to a person. Input is the JSON of docs/api.md; absent numbers show as '-'. */
#pragma once
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

/* "1.76x [1.74, 1.78]"; "" when there is no speedup. */
void render_speedup(const json_t *cell, char *out, size_t size);
/* "812 us", "1.43 ms"; "-" for null. */
void render_time_ns(const json_t *value, char *out, size_t size);
/* One line for a cell that has ended: kernel, target, verdict, speedup or the evidence's first line. */
void render_cell_line(const json_t *cell, FILE *out);
/* problem x target with speedup, interval, baseline; then the scores and the verdicts counted (answer of GET /v1/matrix). */
void render_matrix(const json_t *matrix, FILE *out);
void render_nodes(const json_t *nodes, FILE *out);
/* Text of an object's key; "" when absent or null. Borrowed. */
const char *json_text(const json_t *object, const char *key);
long long json_count(const json_t *object, const char *key);
