/* portolan fleet push: a file to many hosts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/fleet_reach.h"
#include "common/buf.h"

DEFINE_CLEANUP(cleanup_table, struct table *, table_free)

struct pushing {
    struct fleet_run run;
    uint64_t *bytes, total_bytes, file_bytes;
};

static void on_tick(void *context) {
    struct pushing *p = context;
    double done = 0;
    for (size_t i = 0; i < p->run.hosts.n; i++) done += (double)p->bytes[i];
    CLEANUP_FREE char *label =
        xasprintf("%zu of %zu hosts, %zu failed", p->run.n_over, p->run.hosts.n, p->run.n_failed);
    if (p->run.progress) progress_update(p->run.progress, done / 1024, (double)p->total_bytes / 1024, label);
}

static void on_copied(void *context, size_t i, uint64_t bytes, uint64_t total_bytes) {
    (void)total_bytes;
    ((struct pushing *)context)->bytes[i] = bytes;
}

static void on_ended(void *context, size_t i, const struct reach_result *result) {
    struct pushing *p = context;
    p->bytes[i] = p->file_bytes; /* also of those that failed: nothing of them is to come */
    (void)result;
}

static int read_mode(const struct options *opts, const struct stat *file, unsigned *ret, struct error *err) {
    const char *text = options_string(opts, "mode");
    *ret = file->st_mode & 0777;
    if (!text) return 0;
    char *end = NULL;
    unsigned long mode = strtoul(text, &end, 8);
    if (!*text || *end || text[0] == '-' || mode > 07777)
        return error_set(err, ERR_USAGE, "--mode `%.40s` is no mode in octal, as in 0644", text);
    *ret = (unsigned)mode;
    return 0;
}

static int check_file(const char *path, struct stat *ret, struct error *err) {
    if (stat(path, ret) != 0) return error_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "%s", path);
    if (S_ISREG(ret->st_mode)) return 0;
    error_set(err, ERR_INVALID, "%s is no regular file", path);
    return error_hint(err, "one file at a time is copied; pack a folder with tar");
}

static void print_table(const struct pushing *p) {
    static const char *const headers[] = {"host", "is", ">ms", "why not", NULL};
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    for (size_t i = 0; i < p->run.hosts.n; i++) {
        const struct reach_result *r = &p->run.result[i];
        char ms[32];
        CLEANUP_FREE char *reason = fleet_result_reason(r);
        snprintf(ms, sizeof ms, "%lld", (long long)r->total_ms);
        table_rowf(table, fleet_run_name(&p->run, i), reach_end_name(r->end), ms, reason);
    }
    table_cut(table);
    table_print(table, stdout);
    fleet_print_failures(&p->run, true);
}

static void print_json(const struct pushing *p) {
    CLEANUP_JSON json_t *json = json_pack("{s:[], s:I}", "hosts", "failed", (json_int_t)p->run.n_failed);
    for (size_t i = 0; i < p->run.hosts.n; i++)
        json_array_append_new(json_object_get(json, "hosts"), fleet_result_json(&p->run, i));
    command_print_json(json);
}

static void pushing_done(struct pushing *p) {
    free(p->bytes);
    fleet_run_done(&p->run);
}

static int push(const struct options *opts, const char *local, const char *remote) {
    struct error err = ERROR_INIT;
    struct stat file;
    unsigned mode = 0;
    CLEANUP(pushing_done) struct pushing p = {0};
    if (check_file(local, &file, &err) != 0 || read_mode(opts, &file, &mode, &err) != 0 ||
        fleet_run_init(opts, &p.run, &err) != 0)
        return command_failed(&err);
    p.bytes = xcalloc(p.run.hosts.n, sizeof *p.bytes);
    p.file_bytes = (uint64_t)file.st_size;
    p.total_bytes = p.file_bytes * p.run.hosts.n;
    for (size_t i = 0; i < p.run.hosts.n; i++) {
        p.run.job[i].local = local;
        p.run.job[i].remote = remote;
        p.run.job[i].mode = mode;
    }
    p.run.events = (struct reach_events){.context = &p, .copied = on_copied, .ended = on_ended, .tick = on_tick};
    p.run.title = "copying (KiB)";
    p.run.own_progress = true;
    if (fleet_run_go(&p.run, &err) != 0) return command_failed(&err);
    (options_flag(opts, "json") ? print_json : print_table)(&p);
    return fleet_exit_status(p.run.n_failed);
}

static int run(const struct options *opts) {
    char **args = NULL;
    if (options_args(opts, &args) == 2) return push(opts, args[0], args[1]);
    struct error err = ERROR_INIT;
    error_set(&err, ERR_USAGE, "give a file and where it goes");
    error_hint(&err, "usage: portolan %s", command_fleet_push.usage);
    return command_failed(&err);
}

static const struct option_spec options[] = {FLEET_HOST_OPTIONS,
                                             {"mode", 'm', OPTION_STRING, "MODE", NULL, NULL,
                                              "Mode of the copy in octal, as 0644; the file's own when not given."},
                                             FLEET_REACH_OPTIONS,
                                             FLEET_TIMEOUT_OPTION("30s", "Most time for a host without progress."),
                                             FLEET_JSON_OPTION("Print each host's result as JSON."),
                                             {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_fleet_push = {
    .name = "fleet push",
    .usage = "fleet push [-i INVENTORY] [--limit PATTERN] FILE REMOTE",
    .summary = "copy a file to many hosts",
    .details =
        "Copies by SFTP to a hidden name beside REMOTE, syncs it, sets its mode and renames it: whoever reads there "
        "sees "
        "the old file or the new one, never a part. A REMOTE that is a folder gets the file under its own "
        "name.\n\n" FLEET_STATUS_TEXT
        "\n\nExample:\n  portolan fleet push --limit gpus agent.yaml /etc/portolan/agent.yaml --mode 0640",
    .options = options,
    .run = run};
