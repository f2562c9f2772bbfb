#include <math.h>
#include <string.h>

#include "cli/render.h"
#include "cli/watch.h"
#include "common/buf.h"
#include "common/cleanup.h"

#define PLAIN_EVERY_MS 10000

struct watch_view {
    bool json;
    FILE *out, *status;
    char *campaign;
    int exit_status;
    struct progress *progress; /* on a terminal */
    struct cell_layout layout;
    json_t *printed; /* task: true, those whose end was shown */
    json_t *running; /* task: "pocl-cpu: verify softmax-kept" */
    long long done, total;
    double elapsed_ms, plain_ms;
};

struct watch_view *watch_view_new(const char *campaign, bool json, FILE *out, FILE *status) {
    struct watch_view *v = xcalloc(1, sizeof *v);
    v->json = json;
    v->out = out;
    v->status = status;
    v->campaign = xstrdup(campaign);
    v->printed = json_object();
    v->running = json_object();
    if (!json && terminal_colours(status)) v->progress = progress_new(status, campaign);
    return v;
}

void watch_view_free(struct watch_view *v) {
    if (!v) return;
    if (v->progress) progress_clear(v->progress);
    progress_free(v->progress);
    json_decref(v->printed);
    json_decref(v->running);
    free(v->campaign);
    free(v);
}

int watch_view_exit_status(const struct watch_view *v) {
    return v->exit_status;
}

/* "42.0 s  pocl-cpu: time softmax-kept, mesa-llvmpipe: verify gelu-rational" */
static char *label_of(const struct watch_view *v) {
    struct buf b = BUF_INIT;
    char elapsed[RENDER_SIZE];
    const char *task;
    json_t *text;
    bool first = true;
    render_duration_ms(v->elapsed_ms, elapsed);
    buf_puts(&b, elapsed);
    json_object_foreach(v->running, task, text) {
        buf_printf(&b, "%s%s", first ? "  " : ", ", json_string_value(text));
        first = false;
    }
    return buf_take(&b);
}

static void show_progress(struct watch_view *v) {
    CLEANUP_FREE char *label = label_of(v);
    if (v->progress) {
        progress_update(v->progress, (double)v->done, (double)v->total, label);
    } else if (v->elapsed_ms - v->plain_ms >= PLAIN_EVERY_MS) {
        v->plain_ms = v->elapsed_ms;
        fprintf(v->status, "%s %lld/%lld after %s\n", v->campaign, v->done, v->total, label);
        fflush(v->status);
    }
}

static void on_counts(struct watch_view *v, const json_t *holder) {
    const json_t *counts = json_object_get(holder, "counts");
    double elapsed_ms = json_number(holder, "elapsed_ms");
    v->total = json_count(counts, "cells");
    v->done = json_count(counts, "done") + json_count(counts, "gave_up") + json_count(counts, "cancelled") +
              json_count(counts, "no_device");
    if (!isnan(elapsed_ms)) v->elapsed_ms = elapsed_ms;
    show_progress(v);
}

static void on_cell(struct watch_view *v, const json_t *cell) {
    const char *task = json_text(cell, "task"), *given = json_text(cell, "phase"), *phase = *given ? given : "begin";
    cell_layout_fit(&v->layout, cell);
    if (!strcmp(json_text(cell, "state"), "running"))
        json_object_set_new(v->running, task,
                            json_sprintf("%s: %s %s", json_text(cell, "target"), phase, json_text(cell, "kernel")));
    else
        json_object_del(v->running, task);
    if (!cell_has_ended(cell) || json_object_get(v->printed, task)) return;
    json_object_set_new(v->printed, task, json_true());
    if (v->progress) progress_clear(v->progress);
    render_cell_line(cell, &v->layout, v->out);
    fflush(v->out);
}

static void print_end(struct watch_view *v, const json_t *event) {
    CLEANUP_FREE char *verdicts = render_verdicts(json_object_get(event, "verdicts"));
    char took[RENDER_SIZE];
    render_duration_ms(json_number(event, "elapsed_ms"), took);
    if (v->progress) progress_clear(v->progress);
    fprintf(v->out, "campaign %s is %s after %s: %lld of %lld cells%s%s\n", v->campaign, json_text(event, "state"),
            took, json_count(json_object_get(event, "counts"), "done"),
            json_count(json_object_get(event, "counts"), "cells"), *verdicts ? "; " : "", verdicts);
}

int watch_view_event(struct watch_view *v, const json_t *event) {
    const char *kind = json_text(event, "event");
    bool end = !strcmp(kind, "end");
    if (end) v->exit_status = (int)json_count(event, "exit_status");
    if (v->json) {
        json_dumpf(event, v->out, JSON_COMPACT | JSON_ENSURE_ASCII);
        fputc('\n', v->out);
        fflush(v->out);
    } else if (!strcmp(kind, "cell")) {
        on_cell(v, json_object_get(event, "cell"));
    } else if (!strcmp(kind, "campaign")) {
        on_counts(v, json_object_get(event, "campaign"));
    } else if (!strcmp(kind, "summary")) {
        on_counts(v, event);
    } else if (end) {
        print_end(v, event);
    }
    return end;
}
