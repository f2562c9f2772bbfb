/* A progress line. A terminal sees it redrawn at most ten times a second, anything else gets plain lines: at each new
 * label and at most one a second besides, so that a log of a long campaign stays readable. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/display.h"
#include "common/table.h"

#define REDRAW_MS 100
#define PLAIN_MS 1000
#define BAR_COLUMNS 24

struct progress {
    FILE *out;
    char *title, *label;
    bool live, drawn, pending; /* pending: the latest state was not shown for haste */
    double done, total;
    int64_t shown_ms;
};

struct progress *progress_new(FILE *out, const char *title) {
    struct progress *p = xcalloc(1, sizeof *p);
    p->out = out;
    p->title = xstrdup(title);
    p->label = xstrdup("");
    p->live = terminal_colours(out);
    return p;
}

/* Appends what of `text` fits *room columns. Titles and labels have no colours of ours. */
static void append_columns(struct buf *b, const char *text, size_t *room) {
    CLEANUP_FREE char *plain = xstrdup(text);
    for (char *c = strchr(plain, '\x1b'); c; c = strchr(c, '\x1b')) *c = '?';
    CLEANUP_FREE char *part = display_cut(plain, *room);
    buf_puts(b, part);
    *room -= display_width(part);
}

static double fraction(const struct progress *p) {
    if (!(p->total > 0) || !(p->done > 0)) return 0;
    return p->done < p->total ? p->done / p->total : 1;
}

static void append_bar(struct buf *b, double share, size_t *room) {
    if (*room < BAR_COLUMNS + 12) return;
    int filled = (int)lround(share * BAR_COLUMNS);
    buf_puts(b, " [");
    for (int i = 0; i < BAR_COLUMNS; i++) buf_putc(b, i < filled ? '#' : '.');
    buf_putc(b, ']');
    *room -= BAR_COLUMNS + 3;
}

static void show(struct progress *p, int64_t now_ms) {
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    size_t room = p->live ? terminal_columns(p->out, 80) - 1 : 1000;
    append_columns(&b, p->title, &room);
    if (p->live) append_bar(&b, fraction(p), &room);
    char numbers[80];
    snprintf(numbers, sizeof numbers, " %.0f/%.0f (%.0f %%)", p->done, p->total, 100 * fraction(p));
    append_columns(&b, numbers, &room);
    if (p->label[0]) append_columns(&b, "  ", &room);
    append_columns(&b, p->label, &room);
    fprintf(p->out, p->live ? "\r%s\x1b[K" : "%s\n", b.data);
    fflush(p->out);
    p->shown_ms = now_ms;
    p->drawn = true;
    p->pending = false;
}

void progress_update(struct progress *p, double done, double total, const char *label) {
    bool changed = strcmp(p->label, label ? label : "") != 0;
    if (changed) {
        free(p->label);
        p->label = xstrdup(label ? label : "");
    }
    p->done = done;
    p->total = total;
    p->pending = true;
    int64_t now_ms = clock_mono_ms(), since_ms = now_ms - p->shown_ms;
    bool due = !p->drawn || since_ms >= (p->live ? REDRAW_MS : PLAIN_MS) || (changed && !p->live);
    if (due) show(p, now_ms);
}

void progress_clear(struct progress *p) {
    if (!p->live) return;
    if (p->drawn) fputs("\r\x1b[K", p->out);
    fflush(p->out);
    p->drawn = p->pending = false;
}

void progress_free(struct progress *p) {
    if (!p) return;
    if (p->pending) show(p, clock_mono_ms());
    if (p->live && p->drawn) fprintf(p->out, "\n");
    fflush(p->out);
    free(p->title);
    free(p->label);
    free(p);
}
