/* Tables: widths are found over all cells when printing. Cells may hold colour sequences (from colour_on), which take
 * no width; other control characters are shown as '?', since cells quote what drivers and kernels say. */
#include "common/table.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/display.h"

#define COLUMN_GAP 2

struct table {
    size_t columns, rows;
    char **cells; /* headers first, then the rows; `columns` to each line */
    bool *right;  /* by column */
    bool cut;     /* at a terminal's edge */
};

static void add_cell(struct table *t, size_t column, const char *text) {
    t->cells[t->rows * t->columns + column] = display_line(text ? text : "");
}

static void add_line(struct table *t) {
    t->rows++;
    t->cells = xrealloc(t->cells, (t->rows + 1) * t->columns * sizeof *t->cells);
}

struct table *table_new(const char *const *headers) {
    struct table *t = xcalloc(1, sizeof *t);
    while (headers[t->columns]) t->columns++;
    t->right = xcalloc(t->columns, sizeof *t->right);
    t->cells = xcalloc(t->columns, sizeof *t->cells);
    for (size_t i = 0; i < t->columns; i++) {
        t->right[i] = headers[i][0] == '>';
        add_cell(t, i, headers[i] + t->right[i]);
    }
    return t;
}

void table_row(struct table *t, const char *const *cells) {
    add_line(t);
    for (size_t i = 0; i < t->columns; i++) add_cell(t, i, cells[i]);
}

void table_rowf(struct table *t, ...) {
    va_list ap;
    va_start(ap, t);
    add_line(t);
    for (size_t i = 0; i < t->columns; i++) add_cell(t, i, va_arg(ap, const char *));
    va_end(ap);
}

static void print_line(const struct table *t, size_t line, const size_t *widths, struct buf *out) {
    for (size_t i = 0; i < t->columns; i++) {
        const char *text = t->cells[line * t->columns + i];
        size_t padding = widths[i] - display_width(text);
        if (i > 0) buf_printf(out, "%*s", COLUMN_GAP, "");
        if (t->right[i]) buf_printf(out, "%*s", (int)padding, "");
        buf_puts(out, text);
        if (!t->right[i] && i + 1 < t->columns) buf_printf(out, "%*s", (int)padding, "");
    }
}

/* By column, over all lines. Caller frees. */
static size_t *column_widths(const struct table *t) {
    size_t *widths = xcalloc(t->columns, sizeof *widths);
    for (size_t i = 0; i < (t->rows + 1) * t->columns; i++) {
        size_t width = display_width(t->cells[i]);
        if (width > widths[i % t->columns]) widths[i % t->columns] = width;
    }
    return widths;
}

size_t table_width(const struct table *t) {
    CLEANUP_FREE size_t *widths = column_widths(t);
    size_t sum = (t->columns - 1) * COLUMN_GAP;
    for (size_t i = 0; i < t->columns; i++) sum += widths[i];
    return sum;
}

void table_cut(struct table *t) {
    t->cut = true;
}

void table_print(const struct table *t, FILE *out) {
    CLEANUP_FREE size_t *widths = column_widths(t);
    size_t edge = t->cut ? terminal_columns(out, SIZE_MAX) : SIZE_MAX;
    for (size_t line = 0; line <= t->rows; line++) {
        CLEANUP(buf_done) struct buf b = BUF_INIT;
        print_line(t, line, widths, &b);
        while (b.len > 0 && b.data[b.len - 1] == ' ') b.data[--b.len] = 0; /* an empty last cell */
        CLEANUP_FREE char *text = display_cut(b.data ? b.data : "", edge);
        if (line == 0)
            fprintf(out, "%s%s%s\n", colour_on(out, COLOUR_BOLD), text, colour_off(out));
        else
            fprintf(out, "%s\n", text);
    }
}

void table_free(struct table *t) {
    if (!t) return;
    for (size_t i = 0; i < (t->rows + 1) * t->columns; i++) free(t->cells[i]);
    free(t->cells);
    free(t->right);
    free(t);
}

bool terminal_colours(FILE *out) {
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    if (no_color && no_color[0]) return false; /* no-color.org: when set and not empty */
    int fd = fileno(out);
    return fd >= 0 && isatty(fd) && !(term && strcmp(term, "dumb") == 0);
}

const char *colour_on(FILE *out, enum colour c) {
    static const char *const sequences[] = {
        [COLOUR_NONE] = "",           [COLOUR_GREEN] = "\x1b[32m", [COLOUR_RED] = "\x1b[31m",
        [COLOUR_YELLOW] = "\x1b[33m", [COLOUR_BLUE] = "\x1b[34m",  [COLOUR_DIM] = "\x1b[2m",
        [COLOUR_BOLD] = "\x1b[1m"};
    return terminal_colours(out) ? sequences[c] : "";
}

const char *colour_off(FILE *out) {
    return terminal_colours(out) ? "\x1b[0m" : "";
}
