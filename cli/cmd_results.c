/* portolan results: accepted results and their measurements, from the coordinator's store, once or as they come. */
#include <errno.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "cli/results_csv.h"
#include "cli/results_stream.h"
#include "cli/when.h"
#include "common/buf.h"
#include "common/clock.h"
#include "records.h"

#define TABLE_MAX 10000 /* rows of a table: it is laid out as a whole */

enum form { FORM_TEXT, FORM_NDJSON, FORM_CSV };
struct printing {
    enum form form;
    const struct rec_desc *desc; /* of what is asked for */
    struct cell_layout layout;
};

static int on_result(void *context, json_t *result) {
    struct printing *p = context;
    switch (p->form) {
        case FORM_NDJSON:
            json_dumpf(result, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
            putchar('\n');
            break;
        case FORM_CSV:
            results_csv_line(p->desc, result, stdout);
            break;
        case FORM_TEXT: /* a promotion's outcome: the second thing that is said of the same task */
            fputs(json_is_string(json_object_get(result, "promotion")) ? "revised  " : "new      ", stdout);
            render_cell_line(result, &p->layout, stdout);
            break;
    }
    fflush(stdout);
    return ferror(stdout);
}

/* --- the question ----------------------------------------------------------------------------- */
static void add_filter(struct buf *path, const struct options *opts, const char *name) {
    const char *value = options_string(opts, name);
    if (!value) return;
    CLEANUP_FREE char *escaped = client_escape(NULL, value);
    buf_printf(path, "&%s=%s", name, escaped);
}

static int add_time(struct buf *path, const struct options *opts, const char *name, const char *argument,
                    int64_t *ret_ms, struct error *err) {
    const char *text = options_string(opts, name);
    CLEANUP_FREE char *option = xasprintf("--%s", name);
    if (!text) return 0;
    if (when_parse(text, option, clock_wall_ms(), ret_ms, err) != 0) return -1;
    buf_printf(path, "&%s=%lld", argument, (long long)*ret_ms);
    return 0;
}

static int add_times(struct buf *path, const struct options *opts, struct error *err) {
    int64_t from_ms = 0, until_ms = INT64_MAX;
    if (add_time(path, opts, "since", "from_ms", &from_ms, err) != 0 ||
        add_time(path, opts, "until", "until_ms", &until_ms, err) != 0)
        return -1;
    if (from_ms < until_ms) return 0;
    return error_set(err, ERR_USAGE, "--until is not after --since");
}

static int add_limit(struct buf *path, const struct options *opts, const struct printing *p, struct error *err) {
    long long limit = options_int(opts, "limit");
    if (limit < 0) return error_set(err, ERR_USAGE, "--limit is %lld; it counts lines", limit);
    if (p->form == FORM_TEXT && (limit == 0 || limit > TABLE_MAX)) limit = TABLE_MAX;
    if (limit > 0) buf_printf(path, "&limit=%lld", limit);
    return 0;
}

static int build_path(struct buf *path, const struct options *opts, const struct printing *p, bool follow,
                      struct error *err) {
    static const char *const filters[] = {"campaign", "problem", "target", "kernel", "verdict", "status", "purpose"};
    const char *what = p->desc == &rec_measurement_desc ? "measurements" : "results";
    buf_printf(path, "/v1/%s?follow=%d&brief=%d", what, follow, p->form != FORM_NDJSON);
    if (p->form != FORM_TEXT) buf_puts(path, "&format=ndjson");
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) add_filter(path, opts, filters[i]);
    if (add_times(path, opts, err) != 0) return -1;
    return follow ? 0 : add_limit(path, opts, p, err);
}

/* --- the answer ------------------------------------------------------------------------------- */
static int print_table(const struct options *opts, const char *path, struct error *err) {
    CLEANUP(cleanup_client) struct client *client = client_new(opts, err);
    CLEANUP_JSON json_t *results = client ? client_get(client, path, err) : NULL;
    if (!results) return -1;
    if (json_array_size(results)) render_results(results, stdout);
    if (!json_array_size(results)) fputs("no results\n", stderr);
    if (json_array_size(results) == TABLE_MAX)
        fprintf(stderr, "the first %d; --csv and --json have no such limit\n", TABLE_MAX);
    return 0;
}

static int choose_form(const struct options *opts, struct printing *p, struct error *err) {
    bool csv = options_flag(opts, "csv"), json = options_flag(opts, "json") || options_flag(opts, "ndjson");
    bool measurements = options_flag(opts, "measurements");
    p->form = csv ? FORM_CSV : json ? FORM_NDJSON : FORM_TEXT;
    p->desc = measurements ? &rec_measurement_desc : &rec_result_desc;
    if (csv && json) return error_set(err, ERR_USAGE, "--csv and --json exclude each other");
    if (!measurements || p->form != FORM_TEXT) return 0;
    error_set(err, ERR_USAGE, "--measurements are many columns: they are written with --json or --csv");
    return error_hint(err, "portolan results --measurements --csv");
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    struct printing p = {0};
    CLEANUP(buf_done) struct buf path = BUF_INIT;
    bool follow = options_flag(opts, "follow");
    if (command_no_arguments(opts, &command_results)) return 2;
    if (choose_form(opts, &p, &err) != 0 || build_path(&path, opts, &p, follow, &err) != 0) return command_failed(&err);
    if (!follow && p.form == FORM_TEXT) return print_table(opts, path.data, &err) ? command_failed(&err) : 0;
    if (p.form == FORM_CSV) results_csv_header(p.desc, stdout);
    if (results_stream(opts, path.data, options_string(opts, "campaign"), follow, on_result, &p, &err) != 0)
        return command_failed(&err);
    if (fflush(stdout) == 0 && !ferror(stdout)) return 0;
    error_errno(&err, ERR_IO, errno, "cannot write the results");
    return command_failed(&err);
}

static const struct option_spec options[] = {
    {"follow", 'f', OPTION_FLAG, NULL, NULL, NULL,
     "Go on as results are accepted and revised, over restarts of coordinator and broker (with --campaign: until it "
     "ends)."},
    {"measurements", 'm', OPTION_FLAG, NULL, NULL, NULL,
     "The rows of the measurements topic instead: all of each result that the other options choose. With --json or "
     "--csv."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "One JSON object a line, with every field of the topic."},
    {"ndjson", 0, OPTION_FLAG, NULL, NULL, NULL, "The same, by the name of the format."},
    {"csv", 0, OPTION_FLAG, NULL, NULL, NULL,
     "CSV with a header: every field but the texts of a replay; null is an empty field, an empty text is \"\"."},
    {"since", 's', OPTION_STRING, "TIME", NULL, NULL,
     "Only results accepted from then on: 2026-11-21, 2026-11-21T06:30 (local, or UTC with a Z), or ago: 12h, 7d."},
    {"until", 'u', OPTION_STRING, "TIME", NULL, NULL, "Only results accepted before then."},
    {"campaign", 'c', OPTION_STRING, "ID", NULL, NULL,
     "Only results of this campaign (id, its beginning, or `latest`)."},
    {"problem", 'p', OPTION_STRING, "NAME", NULL, NULL, "Only results for this problem."},
    {"target", 't', OPTION_STRING, "NAME", NULL, NULL, "Only results of this target."},
    {"kernel", 'k', OPTION_STRING, "NAME", NULL, NULL, "Only results of this kernel."},
    {"verdict", 'v', OPTION_STRING, "NAME", NULL, NULL, "Only these: a verdict, `gave_up` or `cancelled`."},
    {"status", 0, OPTION_STRING, "NAME", NULL, NULL, "Only `provisional`, `confirmed` or `retracted` ones."},
    {"purpose", 0, OPTION_STRING, "NAME", NULL, NULL, "Only those of a `campaign`, a `try` or a `sweep`."},
    {"limit", 'n', OPTION_INT, "N", NULL, "0", "At most so many lines, the oldest first; 0 for all."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_results = {
    .name = "results",
    .usage = "results [--follow] [--measurements] [--json | --csv] [--since TIME] [FILTER]...",
    .summary = "show, export and follow accepted results",
    .details =
        "The latest revision of each task's result, oldest revision first, from the coordinator's store: also what the "
        "`results` topic no longer holds. A result that is revised while --follow runs (a promotion confirmed or "
        "retracted it) comes again with its new revision. The same records are on the public `results` topic for any "
        "other tool to read.\n\n"
        "Examples:\n  portolan results --campaign latest --follow --json\n"
        "  portolan results --since 2026-11-01 --until 2026-12-01 --verdict correct --csv >november.csv\n"
        "  portolan results --measurements --since 30d --problem softmax --csv >softmax.csv\n"
        "  portolan results --problem softmax --json | jq -r '[.target, .kernel, .speedup] | @tsv'",
    .options = options,
    .run = run};
