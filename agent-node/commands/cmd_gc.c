/* portolan-agent gc: what agents left on this machine and nobody needs. */
#include <jansson.h>
#include <stdio.h>

#include "agent-node/commands/commands.h"
#include "agent-node/daemon/leftovers.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "problems/campaign/units.h"

#define PROGRAM "portolan-agent"

struct row {
    const char *name, *title;
    const struct leftovers_kind *kind;
};

static int read_duration(const struct options *opts, const char *name, int64_t *ret, struct error *err) {
    const char *why = "";
    if (units_duration(options_string(opts, name), ret, &why) == 0) return 0;
    return error_set(err, ERR_USAGE, "--%s %s: %s", name, options_string(opts, name), why);
}

static int read_limits(const struct options *opts, struct leftovers_limits *ret, struct error *err) {
    const char *why = "", *bytes = options_string(opts, "binaries");
    *ret = (struct leftovers_limits)LEFTOVERS_DEFAULTS;
    if (units_bytes(bytes, &ret->binaries_bytes, &why) != 0)
        return error_set(err, ERR_USAGE, "--binaries %s: %s", bytes, why);
    if (read_duration(opts, "binaries-age", &ret->binaries_age_ms, err) != 0 ||
        read_duration(opts, "measured-age", &ret->measured_age_ms, err) != 0)
        return -1;
    return read_duration(opts, "spool-age", &ret->spool_age_ms, err);
}

static void print_json(const struct row *rows, size_t count, bool dry) {
    json_t *json = json_object();
    json_object_set_new(json, "dry_run", json_boolean(dry));
    for (size_t i = 0; i < count; i++) {
        const struct leftovers_kind *k = rows[i].kind;
        json_object_set_new(
            json, rows[i].name,
            json_pack("{s:I, s:I, s:I, s:I}", "removed", (json_int_t)k->removed, "freed_bytes", (json_int_t)k->bytes,
                      "kept", (json_int_t)k->kept, "kept_bytes", (json_int_t)k->kept_bytes));
    }
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(json);
}

static void print_text(const struct row *rows, size_t count, bool dry) {
    int64_t freed = 0;
    for (size_t i = 0; i < count; i++) {
        const struct leftovers_kind *k = rows[i].kind;
        freed += k->bytes;
        printf("%-28s %6lld %s, %8.1f MB; %6lld kept, %8.1f MB\n", rows[i].title, (long long)k->removed,
               dry ? "would go" : "removed", (double)k->bytes / 1e6, (long long)k->kept, (double)k->kept_bytes / 1e6);
    }
    printf("%s: %.1f MB\n", dry ? "would be freed" : "freed", (double)freed / 1e6);
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    struct leftovers found;
    struct leftovers_limits limits;
    bool dry = options_flag(opts, "dry-run");
    const char *state = options_string(opts, "state-dir");
    if (read_limits(opts, &limits, &err) != 0) return program_fail(PROGRAM, &err);
    CLEANUP_FREE char *cache = dir_standard("cache", &err);
    CLEANUP_FREE char *standard = cache && !state ? dir_standard("state", &err) : NULL;
    if (!cache || (!state && !standard) ||
        leftovers_remove(cache, state ? state : standard, &limits, dry, &found, &err) != 0)
        return program_fail(PROGRAM, &err);
    const struct row rows[] = {{"binaries", "compiled kernels", &found.binaries},
                               {"measurements", "measurements of devices", &found.measurements},
                               {"temporary", "half-written files", &found.temporary},
                               {"scratch", "folders of ended runners", &found.scratch},
                               {"spools", "spools of nodes that are gone", &found.spools}};
    (options_flag(opts, "json") ? print_json : print_text)(rows, sizeof rows / sizeof *rows, dry);
    return 0;
}

static const struct option_spec options[] = {
    {"dry-run", 0, OPTION_FLAG, NULL, NULL, NULL, "Count what would be removed, and remove nothing."},
    {"binaries", 0, OPTION_STRING, "BYTES", NULL, "1 GiB",
     "Most that compiled kernels may take; the longest unused go."},
    {"binaries-age", 0, OPTION_STRING, "TIME", NULL, "30d", "Compiled kernels that were not used for so long go."},
    {"measured-age", 0, OPTION_STRING, "TIME", NULL, "180d", "Measurements of devices that are so old go."},
    {"spool-age", 0, OPTION_STRING, "TIME", NULL, "90d",
     "Spools that no agent holds and nobody wrote to for so long go, with the results in them."},
    {"state-dir", 0, OPTION_STRING, "DIR", "state_dir", NULL,
     "Where the spools are; the standard folder when not given."},
    {"json", 'j', OPTION_FLAG, NULL, NULL, NULL, "Print the counts as JSON."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};

const struct command command_gc = {
    .name = "gc",
    .usage = "gc [--dry-run]",
    .summary = "remove what agents left on this machine and nobody needs",
    .details =
        "Compiled kernels, measurements of devices, half-written files, folders of runners that were killed, and "
        "spools of "
        "nodes that are gone, each by its limit. What is in use stays; agents may run meanwhile. An agent keeps its "
        "cache below 1 GiB by itself.\n\nExamples:\n  portolan-agent gc --dry-run\n  portolan-agent gc --binaries "
        "'200 MiB'",
    .options = options,
    .run = run};
