#include "coordinator/api/watch.h"

#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "coordinator/api/json.h"

#define SETTLE_MS 30         /* changes of a moment go out together */
#define CELLS_PER_SETTLE 500 /* a millisecond more for so many cells: all of them are looked through each time */
#define CELLS_MOST 1000      /* shown in one look, which holds the loop up */

struct look {
    struct watch *watch;
    struct buf *out;
};

static json_t *event_line(const char *name) {
    json_t *line = json_object();
    json_object_set_new(line, "event", json_string(name));
    return line;
}

/* --- cells ------------------------------------------------------------------------------------ */
static const char *try_event(const struct task *task) {
    if (task_state_ended(task->row.state)) return "result";
    return task->row.state == TASK_RUNNING ? "running" : "queued";
}

static int show_cell(struct core *core, struct look *look, const struct task *task, struct error *err) {
    struct watch *watch = look->watch;
    const char *name = watch->is_try ? try_event(task) : "cell";
    bool result = strcmp(name, "result") == 0;
    if (result && map_get(watch->results, task->row.id)) return 0;
    json_t *line = event_line(name);
    json_object_set_new(line, "cell", json_cell(task));
    if (result && json_add_details(core, task, line, err) != 0) {
        json_decref(line);
        return -1;
    }
    if (result) map_put(watch->results, task->row.id, watch);
    api_line(look->out, line);
    return 0;
}

static void begin(struct core *core, struct look *look, const struct campaign *campaign) {
    json_t *line = event_line(look->watch->is_try ? "planned" : "campaign");
    json_object_set_new(line, "campaign",
                        look->watch->is_try ? json_string(campaign->row.id) : json_summary(core, campaign));
    if (look->watch->is_try) {
        json_t *cells = json_array();
        for (size_t i = 0; i < campaign->task_count; i++) json_array_append_new(cells, json_cell(campaign->tasks[i]));
        json_object_set_new(line, "cells", cells);
    }
    api_line(look->out, line);
    look->watch->begun = true;
}

static void add_totals(struct core *core, const struct campaign *campaign, json_t *line) {
    json_object_set_new(line, "elapsed_ms", json_integer(campaign_elapsed_ms(core, campaign)));
    json_object_set_new(line, "counts", json_counts(campaign));
    json_object_set_new(line, "verdicts", json_verdicts(campaign));
}

static void end(struct core *core, struct look *look, const struct campaign *campaign) {
    json_t *line = event_line("end");
    json_object_set_new(line, "state", json_string(campaign_state_name(campaign->row.state)));
    json_object_set_new(line, "exit_status", json_integer(campaign->row.exit_status));
    add_totals(core, campaign, line);
    api_line(look->out, line);
    look->watch->ended = true;
}

/* Goes on with the pass over the cells; ends it when there are no more. */
static int show_some(struct core *core, struct look *look, const struct campaign *campaign, struct error *err) {
    struct watch *watch = look->watch;
    size_t i = campaign->task_count < watch->cells ? 0 : watch->next; /* some gave way to others: from the start */
    watch->cells = campaign->task_count;
    if (i == 0) watch->pass = core->change;
    for (size_t shown = 0; i < campaign->task_count && (shown < CELLS_MOST || campaign->detached); i++) {
        const struct task *task = campaign->tasks[i];
        if (watch->whole && !campaign->detached && task->changed <= watch->seen) continue;
        if (show_cell(core, look, task, err) != 0) return -1;
        shown++;
    }
    watch->next = i < campaign->task_count ? i : 0;
    if (watch->next > 0) return 0;
    watch->whole = true;
    watch->seen = watch->pass;
    return 0;
}

static int look_now(struct core *core, void *context, struct error *err) {
    struct look *look = context;
    struct watch *watch = look->watch;
    CLEANUP(cleanup_campaign_view) struct campaign *campaign = core_campaign_view(core, watch->campaign, err);
    if (!campaign) return -1;
    bool first = !watch->begun || !watch->whole;
    int64_t now = clock_mono_ms();
    if (!watch->begun) begin(core, look, campaign);
    if (show_some(core, look, campaign, err) != 0) return -1;
    if (watch->next > 0) return 0;
    if (campaign->row.finished_ms) {
        end(core, look, campaign);
    } else if (first || now - watch->summary_mono_ms >= WATCH_SUMMARY_MS) {
        json_t *line = event_line("summary");
        add_totals(core, campaign, line);
        api_line(look->out, line);
        watch->summary_mono_ms = now;
    }
    return 0;
}

bool watch_next(void *context, struct buf *out) {
    struct watch *watch = context;
    struct look look = {.watch = watch, .out = out};
    struct error err = ERROR_INIT;
    if (watch->begun && watch->next == 0) {
        int64_t left = watch->summary_mono_ms + WATCH_SUMMARY_MS - clock_mono_ms();
        uint64_t change = left > 0 ? loop_wait_change(watch->loop, watch->seen, (int)left) : watch->seen;
        /* Let what comes together go out together, and do not keep the loop busy with looking. */
        if (change != watch->seen && !watch->is_try) {
            long ms = SETTLE_MS + (long)(watch->cells / CELLS_PER_SETTLE);
            struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
            nanosleep(&pause, NULL);
        }
    }
    if (loop_call(watch->loop, look_now, &look, &err) == 0) return !watch->ended;
    return false; /* stopping: a stream without `end` says so */
}
