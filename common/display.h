/* Text on its way to a terminal: what comes from kernels, drivers and files must not steer it, and has to fit. Colour
 * sequences as colour_on (common/table.h) makes them pass and take no width. */
#pragma once
#include <stddef.h>
#include <stdio.h>

/* Columns of the terminal behind `out`; `fallback` where there is none. */
size_t terminal_columns(FILE *out, size_t fallback);
/* Columns that `text` takes; malformed bytes count as one. */
size_t display_width(const char *text);
/* A copy in one line: feeds and tabs become spaces, other control characters and malformed bytes '?'. Caller frees. */
char *display_line(const char *text);
/* The same for a text of several lines: line feeds and tabs stay, carriage returns go. */
char *display_lines(const char *text);
/* A copy in one line of at most `columns` columns; one that is cut ends in "...". Caller frees. */
char *display_cut(const char *text, size_t columns);
