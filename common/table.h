/* Tables and progress for people: columns aligned by display width, colours and live redraw only on a terminal. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
struct table;
struct table *table_new(const char *const *headers); /* NULL-terminated; a header starting with '>' is right-aligned */
void table_row(struct table *t, const char *const *cells); /* as many cells as headers; copied */
void table_rowf(struct table *t, ...);                     /* as many const char * as headers */
void table_print(const struct table *t, FILE *out);
/* Columns of the widest line as it would be printed. */
size_t table_width(const struct table *t);
/* Lines that are wider than a terminal are cut there (free text in the last column); in a pipe they stay whole. */
void table_cut(struct table *t);
void table_free(struct table *t);
enum colour { COLOUR_NONE, COLOUR_GREEN, COLOUR_RED, COLOUR_YELLOW, COLOUR_BLUE, COLOUR_DIM, COLOUR_BOLD };
/* True for a terminal, unless NO_COLOR is set or TERM is dumb. */
bool terminal_colours(FILE *out);
const char *colour_on(FILE *out, enum colour c); /* "" where no colours */
const char *colour_off(FILE *out);
/* A progress line: redrawn in place on a terminal, else printed as plain lines (at most one a second and at changes of
 * `label`). */
struct progress;
struct progress *progress_new(FILE *out, const char *title);
void progress_update(struct progress *p, double done, double total, const char *label);
/* Takes the line off a terminal, so that something else can be printed there; the next update draws it again. */
void progress_clear(struct progress *p);
void progress_free(struct progress *p); /* ends the line */
