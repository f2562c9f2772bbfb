#include "cli/render_sweep.h"

#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(cleanup_table, struct table *, table_free)

/* "2026-11-22 01:30 CET"; "-" when there is none. */
static const char *local(const json_t *object, const char *key) {
    const char *text = json_text(json_object_get(object, key), "local");
    return *text ? text : "-";
}

/* "40 of 42", with what needs a look. */
static char *measured(const json_t *run) {
    long long wrong = json_count(run, "wrong"), planned = json_count(run, "planned");
    if (planned == 0) return xstrdup("-");
    char *text = xasprintf("%lld of %lld", json_count(run, "measured"), planned);
    if (wrong == 0) return text;
    char *more = xasprintf("%s, %lld WRONG", text, wrong);
    free(text);
    return more;
}

static char *findings(const json_t *run) {
    long long confirmed = json_count(run, "confirmed"), recovered = json_count(run, "recovered");
    const char *state = json_text(run, "state");
    bool judged = strcmp(state, "complete") == 0 || strcmp(state, "overdue") == 0;
    if (!judged) return xstrdup("-");
    if (recovered == 0) return confirmed ? xasprintf("%lld slower", confirmed) : xstrdup("none");
    return xasprintf("%lld slower, %lld recovered", confirmed, recovered);
}

static void took(const json_t *run, char out[RENDER_SIZE]) {
    double ms = json_number(run, "finished_ms") - json_number(run, "started_ms");
    snprintf(out, RENDER_SIZE, "-");
    if (ms >= 0) render_duration_ms(ms, out);
}

/* --- list ------------------------------------------------------------------------------------- */
/* "complete, 40 of 42", or how far the open one is. */
static char *latest(const json_t *sweep) {
    const json_t *open = json_object_get(sweep, "open"), *last = json_object_get(sweep, "last");
    if (json_is_object(open))
        return xasprintf("running, %lld of %lld tasks", json_count(open, "ended"), json_count(open, "tasks"));
    if (!json_is_object(last)) return xstrdup("none yet");
    CLEANUP_FREE char *what = measured(last);
    bool counted = json_count(last, "planned") > 0;
    return xasprintf("%s%s%s, due %s", json_text(last, "state"), counted ? ", " : "", counted ? what : "",
                     local(last, "due"));
}

void render_sweeps(const json_t *sweeps, FILE *out) {
    static const char *const headers[] = {"sweep", "is", "schedule", "time zone", "next", "latest run", NULL};
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    const json_t *list = json_object_get(sweeps, "sweeps");
    size_t i;
    json_t *sweep;
    json_array_foreach(list, i, sweep) {
        CLEANUP_FREE char *last = latest(sweep);
        const char *next = json_is_true(json_object_get(sweep, "paused")) ? "paused" : local(sweep, "next");
        table_rowf(table, json_text(sweep, "sweep"), json_text(sweep, "state"), json_text(sweep, "cron"),
                   json_text(sweep, "time_zone"), next, last);
    }
    if (i == 0) {
        fprintf(out, "there is no sweep; `portolan sweep add FILE` adds one\n");
        return;
    }
    table_cut(table);
    table_print(table, out);
}

/* --- one -------------------------------------------------------------------------------------- */
static void print_rules(const json_t *sweep, FILE *out) {
    const json_t *rules = json_object_get(sweep, "rules");
    char deadline[RENDER_SIZE];
    long long limit = json_count(rules, "catch_up_limit");
    const char *webhook = json_text(rules, "webhook");
    render_duration_ms(json_number(rules, "deadline_ms"), deadline);
    fprintf(out, "rules: deadline %s, overlap %s, catch-up %s", deadline, json_text(rules, "overlap"),
            json_text(rules, "catch_up"));
    if (limit > 0) fprintf(out, " (%lld at most)", limit);
    fprintf(out, ", promoted %s, webhook %s\n", json_text(rules, "promoted"), *webhook ? webhook : "none");
}

/* What keeps digests from people. */
static void print_webhook(const json_t *sweep, FILE *out) {
    const json_t *hook = json_object_get(sweep, "notify");
    const char *name = json_text(hook, "name"), *state = json_text(hook, "state");
    long long waiting = json_count(hook, "waiting");
    if (strcmp(state, "unconfigured") == 0)
        fprintf(out,
                "webhook %s is NOT CONFIGURED: digests are dropped; start the coordinator with `--webhook %s=FILE`\n",
                name, name);
    if (strcmp(state, "failing") == 0)
        fprintf(out, "webhook %s is FAILING, %lld digest%s wait%s: %s\n", name, waiting, waiting == 1 ? "" : "s",
                waiting == 1 ? "s" : "", json_text(hook, "last_error"));
}

static void print_upcoming(const json_t *sweep, FILE *out) {
    size_t i;
    json_t *when;
    if (json_is_true(json_object_get(sweep, "paused"))) {
        const char *reason = json_text(sweep, "reason");
        fprintf(out, "paused%s%s\n", *reason ? ": " : "", reason);
    }
    json_array_foreach(json_object_get(sweep, "upcoming"), i, when)
        fprintf(out, "%s%s", i ? ", " : "next: ", json_text(when, "local"));
    if (i) putc('\n', out);
}

static void print_measures(const json_t *sweep, FILE *out) {
    static const char *const headers[] = {"problem", "size", "kernel", "target", ">speedup", "on", NULL};
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    const json_t *measures = json_object_get(sweep, "measures");
    const char *left_out = json_text(sweep, "left_out");
    size_t i, d, tasks = 0;
    json_t *kernel, *device;
    json_array_foreach(measures, i, kernel) {
        CLEANUP(buf_done) struct buf on = BUF_INIT;
        char speedup[RENDER_SIZE];
        json_array_foreach(json_object_get(kernel, "devices"), d, device)
            buf_printf(&on, "%s%s", d ? ", " : "", json_shown(device));
        tasks += d;
        snprintf(speedup, sizeof speedup, "%.3gx", json_number(kernel, "speedup"));
        table_rowf(table, json_text(kernel, "problem"), json_text(kernel, "size"), json_text(kernel, "kernel"),
                   json_text(kernel, "target"), speedup, on.len ? on.data : "no device now");
    }
    fprintf(out, "\nmeasures %zu promoted kernel%s, %zu measurement%s a run, the baselines beside each\n", i,
            i == 1 ? "" : "s", tasks, tasks == 1 ? "" : "s");
    table_cut(table);
    if (i) table_print(table, out);
    if (*left_out) fprintf(out, "left out: %s\n", left_out);
}

void render_sweep(const json_t *sweep, FILE *out) {
    CLEANUP_FREE char *last = latest(sweep);
    fprintf(out, "sweep %s is %s: %s %s\n", json_text(sweep, "sweep"), json_text(sweep, "state"),
            json_text(sweep, "cron"), json_text(sweep, "time_zone"));
    if (strcmp(json_text(sweep, "state"), "broken") == 0) {
        fprintf(out, "its file is not understood: %s\n", json_text(sweep, "reason"));
        return;
    }
    print_rules(sweep, out);
    print_webhook(sweep, out);
    print_upcoming(sweep, out);
    fprintf(out, "latest run: %s\n", last);
    print_measures(sweep, out);
}

/* --- history ---------------------------------------------------------------------------------- */
void render_sweep_runs(const json_t *runs, FILE *out) {
    static const char *const headers[] = {"due",      "by",          "is",  "campaign", ">took",
                                          "measured", "regressions", "why", NULL};
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    size_t i;
    json_t *run;
    json_array_foreach(json_object_get(runs, "runs"), i, run) {
        CLEANUP_FREE char *what = measured(run), *told = findings(run);
        char time[RENDER_SIZE];
        const char *campaign = json_text(run, "campaign");
        took(run, time);
        table_rowf(table, local(run, "due"), json_text(run, "cause"), json_text(run, "state"),
                   *campaign ? campaign : "-", time, what, told, json_text(run, "reason"));
    }
    if (i == 0) {
        fprintf(out, "sweep %s has not run yet\n", json_text(runs, "sweep"));
        return;
    }
    table_cut(table);
    table_print(table, out);
}
