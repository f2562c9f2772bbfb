#include "cli/watch.h"

#include <string.h>
#include <unistd.h>

#include "cli/render.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/table.h"

#define AWAY_LIMIT_MS 60000

struct watch {
    bool json, ended, seen_any;
    int exit_status;
    struct progress *progress;
    json_t *printed; /* tasks whose end was shown */
    long long done, total;
    char label[160];
};

static bool has_ended(const char *state) {
    return !strcmp(state, "done") || !strcmp(state, "gave_up") || !strcmp(state, "cancelled") || !strcmp(state, "no_device");
}

static void on_counts(struct watch *w, const json_t *counts) {
    w->total = json_count(counts, "cells");
    w->done = json_count(counts, "done") + json_count(counts, "gave_up") + json_count(counts, "cancelled") + json_count(counts, "no_device");
    if (w->progress) progress_update(w->progress, (double)w->done, (double)w->total, w->label);
}

static void on_cell(struct watch *w, const json_t *cell) {
    const char *task = json_text(cell, "task"), *state = json_text(cell, "state");
    if (has_ended(state)) {
        if (json_object_get(w->printed, task)) return;
        json_object_set_new(w->printed, task, json_true());
        if (terminal_colours(stderr)) fputs("\r\033[K", stderr);
        render_cell_line(cell, stdout);
        fflush(stdout);
    } else if (!strcmp(state, "running")) {
        snprintf(w->label, sizeof w->label, "%s %s on %s", json_text(cell, "phase"), json_text(cell, "kernel"), json_text(cell, "target"));
    }
}

static int on_line(void *context, json_t *event) {
    struct watch *w = context;
    const char *kind = json_text(event, "event");
    w->seen_any = true;
    if (w->json) {
        json_dumpf(event, stdout, JSON_COMPACT);
        fputc('\n', stdout);
        fflush(stdout);
    } else if (!strcmp(kind, "cell")) {
        on_cell(w, json_object_get(event, "cell"));
    } else if (!strcmp(kind, "campaign")) {
        on_counts(w, json_object_get(json_object_get(event, "campaign"), "counts"));
    } else if (!strcmp(kind, "summary")) {
        on_counts(w, json_object_get(event, "counts"));
    }
    if (strcmp(kind, "end") != 0) return 0;
    if (!w->json) on_counts(w, json_object_get(event, "counts"));
    w->ended = true;
    w->exit_status = (int)json_count(event, "exit_status");
    return 1;
}

int watch_campaign(struct client *c, const char *campaign, bool json, int *ret_exit, struct error *err) {
    struct watch w = {.json = json, .printed = json_object(), .progress = json ? NULL : progress_new(stderr, campaign)};
    CLEANUP_FREE char *path = xasprintf("/v1/campaigns/%s/events", campaign);
    int64_t away_since_ms = 0;
    int rc = 0;
    while (!w.ended && !rc) {
        struct error one = ERROR_INIT;
        w.seen_any = false;
        int stream = client_stream(c, path, NULL, on_line, &w, &one);
        if (w.ended) break;
        int64_t now_ms = clock_mono_ms();
        if (w.seen_any || !away_since_ms) away_since_ms = now_ms;
        if (stream && !error_retriable(one.code)) {
            *err = one;
            rc = -1;
        } else if (now_ms - away_since_ms > AWAY_LIMIT_MS) {
            rc = error_set(err, ERR_NETWORK, "the coordinator has been away for %d s; the campaign goes on without this view", AWAY_LIMIT_MS / 1000);
            error_hint(err, "portolan status %s shows it when the coordinator is back", campaign);
        } else {
            usleep(200000); /* there is no event for a peer coming back */
        }
    }
    progress_free(w.progress);
    json_decref(w.printed);
    *ret_exit = w.exit_status;
    return rc;
}

int watch_print_matrix(struct client *c, const char *campaign, struct error *err) {
    CLEANUP_FREE char *path = xasprintf("/v1/matrix?campaign=%s", campaign);
    CLEANUP_JSON json_t *matrix = client_get(c, path, err);
    if (!matrix) return -1;
    render_matrix(matrix, stdout);
    return 0;
}
