/* portolan sweep findings, ack, mute. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "common/buf.h"
#include "coordinator/retention.h"

#define IDS_MAX 1000

static json_t *post(struct client *client, const char *name, const char *action, json_t *body, struct error *err) {
    CLEANUP_FREE char *escaped = client_escape(client, name);
    CLEANUP_FREE char *path = xasprintf("/v1/sweeps/%s/%s", escaped, action);
    return client_post(client, path, body, err);
}

/* --- findings --------------------------------------------------------------------------------- */
static void print_series(const json_t *series) {
    double norm = json_number(series, "norm_ns"), effect = json_number(series, "effect");
    char before[RENDER_SIZE], after[RENDER_SIZE];
    render_duration_ms(norm / 1e6, before);
    render_duration_ms(norm * (1 + effect) / 1e6, after);
    printf("    %s/%s at %s on %s/%s: %+.1f %%, %s -> %s (noise of a night %.1f %%)\n", json_text(series, "problem"),
           json_text(series, "kernel"), json_text(series, "size"), json_text(series, "node"),
           json_text(series, "device"), 100 * effect, before, after, 100 * json_number(series, "band"));
}

static void print_finding(const json_t *finding) {
    const char *kernel = json_text(finding, "kernel"), *device = json_text(finding, "device");
    const char *note = json_text(finding, "note");
    double effect = json_number(finding, "effect");
    size_t i;
    json_t *series;
    printf("#%lld  %s  %s%s%s: %.1f %% %s\n", json_count(finding, "id"), json_text(finding, "state"), kernel,
           *kernel && *device ? " on " : "", device, 100 * fabs(effect), effect < 0 ? "faster" : "slower");
    printf("    likely: %s (%s)\n", json_text(finding, "cause"), json_text(finding, "cause_text"));
    if (*note) printf("    %s\n", note);
    json_array_foreach(json_object_get(finding, "series"), i, series) print_series(series);
}

static int print_findings(const json_t *answer, bool all) {
    const json_t *findings = json_object_get(answer, "findings");
    size_t i;
    json_t *item;
    json_array_foreach(findings, i, item) print_finding(item);
    if (json_array_size(findings) == 0)
        printf("sweep %s: no %sfindings\n", json_text(answer, "sweep"), all ? "" : "open ");
    json_array_foreach(json_object_get(answer, "muted"), i, item)
        printf("muted: %s%s%s\n", json_text(item, "pattern"), *json_text(item, "reason") ? ": " : "",
               json_text(item, "reason"));
    return 0;
}

static int findings(const struct options *opts) {
    struct error err = ERROR_INIT;
    const char *name = command_argument(opts, &command_sweep_findings, "sweep's name");
    if (!name) return 2;
    bool all = options_flag(opts, "all");
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    if (!client) return command_failed(&err);
    CLEANUP_FREE char *escaped = client_escape(client, name);
    CLEANUP_FREE char *path = xasprintf("/v1/sweeps/%s/findings%s", escaped, all ? "" : "?open=true");
    CLEANUP_JSON json_t *answer = client_get(client, path, &err);
    if (!answer) return command_failed(&err);
    if (!options_flag(opts, "json")) return print_findings(answer, all);
    command_print_json(answer);
    return 0;
}

static const struct option_spec findings_options[] = {
    {"all", 'a', OPTION_FLAG, NULL, NULL, NULL, "Those that recovered, were acknowledged or told, too; 50 at most."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print as JSON."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_sweep_findings = {
    .name = "sweep findings",
    .usage = "sweep findings NAME [--all]",
    .summary = "what became slower, where, and the likely cause",
    .details =
        "A finding is open until its level is as it was, or the new one is acknowledged (sweep ack). Each was "
        "measured twice in its run.",
    .options = findings_options,
    .run = findings};

/* --- ack -------------------------------------------------------------------------------------- */
/* The IDs after the name; -1 with err. */
static int read_ids(char **args, size_t count, json_t *ids, struct error *err) {
    for (size_t i = 1; i < count; i++) {
        const char *text = args[i][0] == '#' ? args[i] + 1 : args[i];
        char *end;
        long long id = strtoll(text, &end, 10);
        if (*end || end == text || id <= 0)
            return error_set(err, ERR_USAGE, "`%.40s` is not the number of a finding", args[i]);
        json_array_append_new(ids, json_integer(id));
    }
    return 0;
}

static int acknowledge(const struct options *opts) {
    struct error err = ERROR_INIT;
    bool all = options_flag(opts, "all");
    const char *note = options_string(opts, "note");
    char **args;
    size_t count = options_args(opts, &args);
    if (count < 1 || (count > 1) == all || count > IDS_MAX) {
        error_set(&err, ERR_USAGE, "a sweep's name is needed, and either numbers of findings or --all");
        error_hint(&err, "portolan sweep findings NAME shows them");
        return command_failed(&err);
    }
    CLEANUP_JSON json_t *body = json_object();
    if (all)
        json_object_set_new(body, "all", json_true());
    else
        json_object_set_new(body, "ids", json_array());
    if (note) json_object_set_new(body, "note", json_string(note));
    if (!all && read_ids(args, count, json_object_get(body, "ids"), &err) != 0) return command_failed(&err);
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    CLEANUP_JSON json_t *answer = client ? post(client, args[0], "ack", body, &err) : NULL;
    if (!answer) return command_failed(&err);
    if (options_flag(opts, "json"))
        command_print_json(answer);
    else
        printf("sweep %s: %zu acknowledged; their levels are the norm from now on\n", json_text(answer, "sweep"),
               json_array_size(json_object_get(answer, "acknowledged")));
    return 0;
}

static const struct option_spec ack_options[] = {
    {"all", 'a', OPTION_FLAG, NULL, NULL, NULL, "All that are open."},
    {"note", 0, OPTION_STRING, "TEXT", NULL, NULL, "Why the new level is right; kept with the finding."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print as JSON."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_sweep_ack = {
    .name = "sweep ack",
    .usage = "sweep ack NAME ID...|--all [--note TEXT]",
    .summary = "accept a new level: it is the norm from now on",
    .details = "The finding is open no more, and the times from before the change are left out of the norm.",
    .options = ack_options,
    .run = acknowledge};

/* --- mute ------------------------------------------------------------------------------------- */
static int mute(const struct options *opts) {
    struct error err = ERROR_INIT;
    const char *length = options_string(opts, "for"), *reason = options_string(opts, "reason");
    bool off = options_flag(opts, "off");
    int64_t for_ms = 0;
    char **args;
    size_t count = options_args(opts, &args);
    if (count < 1 || count > 2) {
        error_set(&err, ERR_USAGE, "a sweep's name is needed, and which series: \"PROBLEM/KERNEL@NODE/DEVICE\"");
        return command_failed(&err);
    }
    if (length && retention_parse(length, "--for", &for_ms, &err) != 0) return command_failed(&err);
    const char *pattern = count == 2 ? args[1] : "*";
    CLEANUP_JSON json_t *body =
        json_pack("{s:s, s:I, s:b}", "pattern", pattern, "for_ms", (json_int_t)for_ms, "off", off);
    if (reason) json_object_set_new(body, "reason", json_string(reason));
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    CLEANUP_JSON json_t *answer = client ? post(client, args[0], "mute", body, &err) : NULL;
    if (!answer) return command_failed(&err);
    if (options_flag(opts, "json"))
        command_print_json(answer);
    else
        printf("sweep %s: %s is %s\n", json_text(answer, "sweep"), json_text(answer, "pattern"),
               off ? "told of again" : "muted: judged as ever, told to nobody");
    return 0;
}

static const struct option_spec mute_options[] = {
    {"for", 0, OPTION_STRING, "TIME", NULL, NULL, "For how long, as 12h or 14d; until --off when not given."},
    {"off", 0, OPTION_FLAG, NULL, NULL, NULL, "Tell of it again."},
    {"reason", 0, OPTION_STRING, "TEXT", NULL, NULL, "Why; shown by sweep findings."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print as JSON."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_sweep_mute = {
    .name = "sweep mute",
    .usage = "sweep mute NAME [PATTERN] [--for TIME] [--off]",
    .summary = "tell nobody of some series, or of a whole sweep",
    .details =
        "PATTERN is compared with PROBLEM/KERNEL@NODE/DEVICE, * and ? standing for anything: \"softmax/*\", "
        "\"*@node-3/*\". Without one the whole sweep is muted. What is found meanwhile is kept (sweep findings).",
    .options = mute_options,
    .run = mute};
