/* portolan demo: a real porting campaign on every OpenCL driver of this machine, from nothing, in one command. */
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/demo_fleet.h"
#include "cli/render.h"
#include "cli/share.h"
#include "cli/upload.h"
#include "cli/watch.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/fileio.h"
#include "common/table.h"

#define NODES_LIMIT_MS 120000

static void heading(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void heading(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fputs(colour_on(stdout, COLOUR_BOLD), stdout);
    vprintf(fmt, ap);
    fputs(colour_off(stdout), stdout);
    putchar('\n');
    fflush(stdout);
    va_end(ap);
}

/* The campaign's `targets:` line is replaced by the targets of this machine. */
static char *with_targets(const char *text, const char *const *targets) {
    struct buf out = BUF_INIT;
    bool replaced = false;
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        if (!replaced && !strncmp(line, "targets:", 8)) {
            buf_puts(&out, "targets: [");
            for (size_t i = 0; targets[i]; i++) buf_printf(&out, "%s%s", i ? ", " : "", targets[i]);
            buf_puts(&out, "]\n");
            replaced = true;
        } else {
            buf_append(&out, line, len);
            buf_putc(&out, '\n');
        }
        line += len + (line[len] == '\n');
    }
    return buf_take(&out);
}

static size_t nodes_ready(struct client *client) {
    CLEANUP_JSON json_t *answer = client_get(client, "/v1/nodes", NULL);
    size_t i, n = 0;
    json_t *node;
    json_array_foreach(json_object_get(answer, "nodes"), i, node)
        if (json_is_true(json_object_get(node, "ready")) && !strcmp(json_text(node, "state"), "in_service")) n++;
    return n;
}

static int wait_for_nodes(struct client *client, size_t wanted, struct error *err) {
    int64_t until_ms = clock_mono_ms() + NODES_LIMIT_MS;
    struct progress *progress = progress_new(stderr, "nodes in service");
    size_t n = 0;
    while ((n = nodes_ready(client)) < wanted && clock_mono_ms() < until_ms) {
        progress_update(progress, (double)n, (double)wanted, "measuring bandwidth and peak");
        usleep(200000);
    }
    progress_free(progress);
    if (n == wanted) return 0;
    return error_set(err, ERR_TIMEOUT, "%zu of %zu nodes are in service after %d s", n, wanted, NODES_LIMIT_MS / 1000);
}

static int submit(struct client *client, const char *const *targets, char **ret_campaign, struct error *err) {
    CLEANUP_FREE char *share = share_dir(err);
    if (!share) return -1;
    CLEANUP_FREE char *path = path_join(share, "demo/campaign.yaml");
    CLEANUP_JSON json_t *body = upload_campaign(path, err);
    if (!body) return -1;
    CLEANUP_FREE char *text = with_targets(json_text(body, "campaign"), targets);
    json_object_set_new(body, "campaign", json_string(text));
    CLEANUP_JSON json_t *answer = client_post(client, "/v1/campaigns", body, err);
    if (!answer) return -1;
    *ret_campaign = xstrdup(json_text(answer, "campaign"));
    heading("campaign %s: %lld tasks from %s", *ret_campaign, json_count(answer, "tasks"), path);
    return 0;
}

static bool is_bad_on_purpose(const json_t *cell) {
    return !strncmp(json_text(cell, "kernel"), "bad-", 4);
}

static int print_refused(struct client *client, const char *campaign, struct error *err) {
    CLEANUP_FREE char *path = xasprintf("/v1/campaigns/%s", campaign);
    CLEANUP_JSON json_t *answer = client_get(client, path, err);
    if (!answer) return -1;
    heading("\nKernels that are wrong on purpose, and what was found:");
    size_t i, accepted = 0;
    json_t *cell;
    json_array_foreach(json_object_get(answer, "cells"), i, cell) {
        if (!is_bad_on_purpose(cell)) continue;
        if (!strcmp(json_text(cell, "verdict"), "correct")) accepted++;
        render_cell_line(cell, stdout);
    }
    return accepted ? error_set(err, ERR_INTERNAL, "%zu kernels that are wrong on purpose were accepted", accepted) : 0;
}

static void print_where_next(const char *dir, const char *api) {
    heading("\nWhere to look next");
    printf("  logs, store and results of this demo   %s\n"
           "  the same with a broker of your own     portolan serve --kafka bootstrap.servers=HOST:PORT; portolan-agent run\n"
           "  one kernel here, without any daemon    portolan-agent check problems/level1/softmax.yaml kernels/softmax/*.yaml\n"
           "  writing problems and kernels           docs/file-formats.md\n"
           "  what each verdict means                docs/verification.md\n"
           "The coordinator was at %s and stops now.\n",
           dir, api);
}

static int campaign(struct client *client, const char *const *targets, int *ret_exit, struct error *err) {
    CLEANUP_FREE char *id = NULL;
    if (submit(client, targets, &id, err)) return -1;
    if (watch_campaign(client, id, false, ret_exit, err)) return -1;
    heading("\nThe port matrix");
    if (watch_print_matrix(client, id, err)) return -1;
    return print_refused(client, id, err);
}

static char *demo_dir(const struct options *opts, struct error *err) {
    const char *given = options_string(opts, "dir");
    if (given) return dir_make(given, 0700, err) ? NULL : realpath(given, NULL);
    const char *tmp = getenv("TMPDIR");
    char *dir = xasprintf("%s/portolan-demo-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (mkdtemp(dir)) return dir;
    error_set(err, ERR_IO, "cannot make a folder %s", dir);
    free(dir);
    return NULL;
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    int64_t start_ms = clock_mono_ms();
    CLEANUP_FREE char *dir = demo_dir(opts, &err);
    if (!dir) return command_failed(&err);
    heading("Starting a coordinator with the embedded broker (in memory, loopback only) in %s", dir);
    CLEANUP(cleanup_demo_fleet) struct demo_fleet *fleet = demo_fleet_start(dir, &err);
    CLEANUP(cleanup_client) struct client *client = fleet ? client_open(demo_fleet_api(fleet), demo_fleet_token_file(fleet), &err) : NULL;
    if (!client) return command_failed(&err);
    const char *const *targets = demo_fleet_add_agents(fleet, &err);
    if (!targets) return command_failed(&err);
    size_t n = 0;
    while (targets[n]) n++;
    heading("Starting an agent for each of %zu OpenCL drivers", n);
    if (wait_for_nodes(client, n, &err)) return command_failed(&err);
    CLEANUP_JSON json_t *nodes = client_get(client, "/v1/nodes", NULL);
    render_nodes(nodes, stdout);
    int status = 1;
    if (campaign(client, targets, &status, &err)) return command_failed(&err);
    print_where_next(dir, demo_fleet_api(fleet));
    printf("demo: %lld s\n", (long long)(clock_mono_ms() - start_ms) / 1000);
    return status;
}

static const struct option_spec options[] = {
    {"dir", 0, OPTION_STRING, "DIR", NULL, NULL, "Where to keep the demo's state and logs; a new folder under TMPDIR when not given."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_demo = {
    .name = "demo", .usage = "demo [--dir DIR]", .summary = "run a real porting campaign on every OpenCL driver of this machine",
    .details = "Starts a coordinator with the embedded broker and an agent per OpenCL driver, submits the demo campaign, shows its progress and the port "
               "matrix, and stops everything. Three kernels are wrong on purpose. Nothing outside the demo's folder is written.",
    .options = options, .run = run};
