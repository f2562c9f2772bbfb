/* portolan fleet probe: what each host is, and why one cannot be reached. */
#include <math.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/fleet_reach.h"
#include "common/buf.h"
#include "common/clock.h"
#include "fleet/probe/probe.h"

#define SKEW_SHOWN_MS 1000 /* more than this is worth a colour */

DEFINE_CLEANUP(cleanup_table, struct table *, table_free)

struct seen {
    struct buf answer;
    int64_t asked_ms, answered_ms; /* Unix time */
    double skew_ms, uncertainty_ms;
    json_t *probe;
};

struct probing {
    struct fleet_run run;
    struct seen *seen;
};

static void on_started(void *context, size_t i) {
    ((struct probing *)context)->seen[i].asked_ms = clock_wall_ms();
}

static void on_output(void *context, size_t i, bool is_stderr, const char *data, size_t len) {
    struct seen *seen = &((struct probing *)context)->seen[i];
    if (is_stderr) return;
    if (!seen->answered_ms) seen->answered_ms = clock_wall_ms();
    if (seen->answer.len <= PROBE_MAX_BYTES) buf_append(&seen->answer, data, len);
}

/* The host's clock was read between the question and the first line of the answer. */
static void measure_skew(struct seen *seen) {
    const json_t *time_s = json_object_get(seen->probe, "time_s");
    if (!time_s) return;
    double resolution_ms = 1000 * json_real_value(json_object_get(seen->probe, "time_resolution_s"));
    double asked = (double)seen->asked_ms, answered = (double)seen->answered_ms;
    seen->skew_ms = 1000 * json_real_value(time_s) + resolution_ms / 2 - (asked + answered) / 2;
    seen->uncertainty_ms = (answered - asked + resolution_ms) / 2 + 1;
    json_object_set_new(seen->probe, "clock_skew_ms", json_real(seen->skew_ms));
    json_object_set_new(seen->probe, "clock_uncertainty_ms", json_real(seen->uncertainty_ms));
}

/* A host that gave an answer which is none has failed, whatever its shell's status says. */
static void on_ended(void *context, size_t i, const struct reach_result *result) {
    struct probing *p = context;
    struct reach_result *r = &p->run.result[i];
    struct seen *seen = &p->seen[i];
    if (result->end != REACH_DONE && result->end != REACH_FAILED) return;
    seen->probe = probe_parse(seen->answer.data ? seen->answer.data : "", seen->answer.len, &r->err);
    if (seen->probe) measure_skew(seen);
    r->end = seen->probe ? REACH_DONE : REACH_FAILED;
}

static const char *size_text(long long kib, char out[32]) {
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    double amount = (double)kib;
    size_t unit = 0;
    while (amount >= 1000 && unit < 4) amount /= 1024, unit++;
    snprintf(out, 32, kib < 0 ? "-" : "%.3g %s", amount, units[unit]);
    return out;
}

static const char *skew_text(const struct seen *seen, char out[64]) {
    double ms = seen->skew_ms, size = fabs(ms);
    const char *colour = size > SKEW_SHOWN_MS ? colour_on(stdout, COLOUR_YELLOW) : "";
    const char *off = *colour ? colour_off(stdout) : "";
    if (!json_object_get(seen->probe, "clock_skew_ms"))
        snprintf(out, 64, "-");
    else if (size <= seen->uncertainty_ms)
        snprintf(out, 64, "< %.0f ms", ceil(seen->uncertainty_ms));
    else
        snprintf(out, 64, size < 10000 ? "%s%+.0f ms%s" : "%s%+.3g s%s", colour, size < 10000 ? ms : ms / 1000, off);
    return out;
}

static void add_row(struct table *table, const struct probing *p, size_t i) {
    const struct reach_result *r = &p->run.result[i];
    const struct seen *seen = &p->seen[i];
    const char *name = fleet_run_name(&p->run, i);
    char skew[64], disk[32];
    CLEANUP_FREE char *is = xasprintf("%s%s%s", colour_on(stdout, r->end == REACH_DONE ? COLOUR_GREEN : COLOUR_RED),
                                      reach_end_name(r->end), colour_off(stdout));
    if (r->end != REACH_DONE) {
        CLEANUP_FREE char *reason = fleet_result_reason(r);
        table_rowf(table, name, is, "-", "-", "-", reason);
        return;
    }
    CLEANUP_FREE char *agent = probe_agent_text(seen->probe), *devices = probe_devices_text(seen->probe);
    table_rowf(table, name, is, skew_text(seen, skew), size_text(probe_free_kib(seen->probe), disk), agent, devices);
}

static void print_table(const struct probing *p) {
    static const char *const headers[] = {"host", "is", ">clock", ">disk free", "agent", "devices / why not", NULL};
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    for (size_t i = 0; i < p->run.hosts.n; i++) add_row(table, p, i);
    table_cut(table);
    table_print(table, stdout);
    fleet_print_failures(&p->run, true);
}

static void print_json(const struct probing *p) {
    CLEANUP_JSON json_t *json = json_pack("{s:[], s:I}", "hosts", "failed", (json_int_t)p->run.n_failed);
    for (size_t i = 0; i < p->run.hosts.n; i++) {
        json_t *host = fleet_result_json(&p->run, i);
        json_object_set_new(host, "probe", p->seen[i].probe ? json_incref(p->seen[i].probe) : json_null());
        json_array_append_new(json_object_get(json, "hosts"), host);
    }
    command_print_json(json);
}

static void probing_done(struct probing *p) {
    for (size_t i = 0; p->seen && i < p->run.hosts.n; i++) {
        buf_done(&p->seen[i].answer);
        json_decref(p->seen[i].probe);
    }
    free(p->seen);
    fleet_run_done(&p->run);
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    CLEANUP(probing_done) struct probing p = {0};
    if (command_no_arguments(opts, &command_fleet_probe)) return 2;
    if (fleet_run_init(opts, &p.run, &err) != 0) return command_failed(&err);
    p.seen = xcalloc(p.run.hosts.n, sizeof *p.seen);
    for (size_t i = 0; i < p.run.hosts.n; i++) {
        p.run.job[i].command = "/bin/sh -s";
        p.run.job[i].input = probe_script;
        p.run.job[i].output_max = PROBE_MAX_BYTES;
    }
    p.run.events = (struct reach_events){.context = &p, .started = on_started, .output = on_output, .ended = on_ended};
    p.run.title = "probing";
    if (fleet_run_go(&p.run, &err) != 0) return command_failed(&err);
    (options_flag(opts, "json") ? print_json : print_table)(&p);
    return fleet_exit_status(p.run.n_failed);
}

static const struct option_spec options[] = {FLEET_HOST_OPTIONS,
                                             FLEET_REACH_OPTIONS,
                                             FLEET_TIMEOUT_OPTION("60s", "Most time for the probe's script on a host."),
                                             FLEET_JSON_OPTION("Print all that was found as JSON."),
                                             {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_fleet_probe = {
    .name = "fleet probe",
    .usage = "fleet probe [-i INVENTORY] [--limit PATTERN]",
    .summary = "see which hosts can be reached, their clocks, disks, devices, drivers and agents",
    .details =
        "Runs a script by SSH on all hosts at once; nothing stays there. Devices and drivers are those that "
        "`portolan-agent devices` finds, or, where it is not installed, what nvidia-smi, OpenCL's .icd files, /dev and "
        "the PCI bus show.\n\n" FLEET_STATUS_TEXT "\n\nExample:\n  portolan fleet probe --limit gpus --json",
    .options = options,
    .run = run};
