/* portolan-agent devices: what this machine has to offer. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent-node/commands/commands.h"
#include "agent-node/commands/local.h"
#include "agent-node/worker/discovery.h"
#include "agent-node/worker/worker.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "common/table.h"
#include "schemas/codec.h"

static const char *number(double v, char out[32]) {
    if (!(v > 0)) return "-";
    snprintf(out, 32, "%.4g", v);
    return out;
}

static void print_table(const struct rec_list_device *devices) {
    static const char *const headers[] = {"device", "target",  "kind",       "name",     "driver",
                                          ">units", ">memory", ">copy GB/s", ">GFLOP/s", ">launch us",
                                          "fp16",   "domain",  "sandbox",    "clock",    NULL};
    struct table *table = table_new(headers);
    for (size_t i = 0; i < devices->count; i++) {
        const struct rec_device *d = &devices->items[i];
        char units[32], memory[32], copy[32], fma[32], launch[32];
        snprintf(units, sizeof units, "%d", d->compute_units);
        snprintf(memory, sizeof memory, "%.1f GiB", (double)d->memory_bytes / (1 << 30));
        table_rowf(table, d->id, d->target, d->kind, d->name, d->driver_version, units, memory,
                   number(d->copy_gbps, copy), number(d->fma_gflops, fma), number(d->launch_us, launch),
                   d->fp16 ? "yes" : "no", d->domain, d->sandbox, d->self_test[0] ? d->self_test : "-");
    }
    table_print(table, stdout);
    table_free(table);
}

static void print_json(const struct rec_list_device *devices) {
    json_t *list = json_array();
    for (size_t i = 0; i < devices->count; i++)
        json_array_append_new(list, codec_to_json(&rec_device_desc, &devices->items[i]));
    json_dumpf(list, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(list);
}

/* The clock's self-test: as it is remembered, or made now. */
static void test_clocks(struct rec_list_device *devices, const char *cache, bool measure) {
    for (size_t i = 0; i < devices->count; i++) {
        struct rec_device *d = &devices->items[i];
        struct worker_config c = {.device = *d, .cache_dir = cache, .sandbox = true};
        struct error err = ERROR_INIT;
        char text[400] = "";
        struct worker *w = measure ? worker_new(&c, &err) : NULL;
        if (w)
            worker_self_test(w, text, sizeof text, &err);
        else
            worker_self_test_remembered(cache, d, text, sizeof text);
        worker_free(w);
        rec_set(&d->self_test, text);
    }
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    CLEANUP(discovery_list_done) struct rec_list_device devices = {0};
    CLEANUP_FREE char *cache = dir_standard("cache", &err);
    const char *const *only = NULL;
    size_t n = options_list(opts, "device", &only);
    struct discovery_config c = {
        .cache_dir = cache, .sandbox = true, .measure = options_flag(opts, "measure"), .only = only, .only_count = n};
    if (!cache || discovery_run(&c, &devices, &err) != 0) return program_fail(PROGRAM, &err);
    test_clocks(&devices, cache, options_flag(opts, "measure"));
    if (options_flag(opts, "json"))
        print_json(&devices);
    else if (devices.count)
        print_table(&devices);
    if (devices.count) return 0;
    error_set(&err, ERR_NOT_FOUND, "no device found");
    error_hint(&err,
               "OpenCL drivers are found by the .icd files in /etc/OpenCL/vendors, or in the folder that "
               "OCL_ICD_VENDORS names");
    return program_fail(PROGRAM, &err);
}

static const struct option_spec options[] = {
    {"device", 'd', OPTION_LIST, "NAME", NULL, NULL, "Only devices whose id or driver contains NAME; may be repeated."},
    {"json", 'j', OPTION_FLAG, NULL, NULL, NULL, "Print all that is known of them as JSON."},
    {"measure", 'm', OPTION_FLAG, NULL, NULL, NULL,
     "Measure bandwidth, peak and launch time, and test the clock, unless that was done before for the driver."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};

const struct command command_devices = {
    .name = "devices",
    .usage = "devices [--measure] [--json]",
    .summary = "list the devices of this machine",
    .details =
        "Each driver is loaded in a sandboxed process of its own.\n\nExample:\n  portolan-agent devices --measure",
    .options = options,
    .run = run};
