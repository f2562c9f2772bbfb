/* portolan demo: a real porting campaign on every OpenCL driver of this machine, from nothing, in one command. */
#include <pthread.h>
#include <signal.h>
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
#include "common/display.h"
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

static size_t nodes_ready(struct client *client) {
    CLEANUP_JSON json_t *answer = client_get(client, "/v1/nodes", NULL);
    size_t i, n = 0;
    json_t *node;
    json_array_foreach(json_object_get(answer, "nodes"), i, node) if (json_is_true(json_object_get(node, "ready")) &&
                                                                      !strcmp(json_text(node, "state"), "in_service"))
        n++;
    return n;
}

static int wait_for_nodes(struct client *client, size_t wanted, struct error *err) {
    int64_t until_ms = clock_mono_ms() + NODES_LIMIT_MS;
    struct progress *progress = terminal_colours(stderr) ? progress_new(stderr, "nodes in service") : NULL;
    size_t n = 0;
    while ((n = nodes_ready(client)) < wanted && clock_mono_ms() < until_ms) {
        if (progress) progress_update(progress, (double)n, (double)wanted, "measuring bandwidth and peak");
        usleep(200000);
    }
    if (progress) progress_clear(progress);
    progress_free(progress);
    if (n == wanted) return 0;
    return error_set(err, ERR_TIMEOUT, "%zu of %zu nodes are in service after %d s", n, wanted, NODES_LIMIT_MS / 1000);
}

static char *campaign_path(const char *given, struct error *err) {
    if (given) return xstrdup(given);
    CLEANUP_FREE char *share = share_dir(err);
    return share ? path_join(share, "demo/campaign.yaml") : NULL;
}

static int submit(struct client *client, const char *given, char **ret_campaign, struct error *err) {
    CLEANUP_FREE char *path = campaign_path(given, err);
    CLEANUP_JSON json_t *body = path ? upload_campaign(path, err) : NULL;
    if (body) json_object_set_new(body, "force", json_true()); /* a second demo is to be seen running, too */
    CLEANUP_JSON json_t *answer = body ? client_post(client, "/v1/campaigns", body, err) : NULL;
    if (!answer) return -1;
    *ret_campaign = xstrdup(json_text(answer, "campaign"));
    heading("\nCampaign %s: %lld tasks from %s", *ret_campaign, json_count(answer, "tasks"), path);
    return 0;
}

static bool is_bad_on_purpose(const json_t *cell) {
    return !strncmp(json_text(cell, "kernel"), "bad-", 4);
}

/* The verdict, and the whole evidence below it. */
static void print_refusal(const json_t *cell) {
    CLEANUP_FREE char *evidence = display_line(json_text(cell, "evidence"));
    printf("%s%s%s  %s on %s\n    %s\n", colour_on(stdout, cell_colour(cell)), cell_standing(cell), colour_off(stdout),
           json_text(cell, "kernel"), json_text(cell, "target"), evidence);
}

/* ERR_INTERNAL when one of them was accepted: then the judge is broken. */
static int print_refused(struct client *client, const char *campaign, struct error *err) {
    CLEANUP_FREE char *path = xasprintf("/v1/campaigns/%s", campaign);
    CLEANUP_JSON json_t *answer = client_get(client, path, err);
    if (!answer) return -1;
    size_t i, accepted = 0, count = 0;
    json_t *cell;
    json_array_foreach(json_object_get(answer, "cells"), i, cell) {
        if (!is_bad_on_purpose(cell)) continue;
        if (!count++) heading("\nKernels that are wrong on purpose, and what was found");
        accepted += cell_is_correct(cell);
        print_refusal(cell);
    }
    return accepted ? error_set(err, ERR_INTERNAL, "%zu kernels that are wrong on purpose were accepted", accepted) : 0;
}

static void print_where_next(const char *dir, const char *share) {
    heading("\nWhere to look next");
    printf(
        "  logs and store of this demo          %s\n"
        "  the same, to stay                    portolan serve --embedded, portolan-agent run, portolan submit FILE "
        "--watch\n"
        "  with a Kafka of your own             portolan serve --bootstrap HOST:PORT\n"
        "  one kernel here, without any daemon  portolan-agent check %s/problems/level1/gelu.yaml "
        "%s/kernels/gelu/rational.yaml\n"
        "  writing problems and kernels         %s/docs/file-formats.md\n"
        "  what each verdict means              %s/docs/verification.md\n",
        dir, share, share, share, share);
}

static int campaign(struct client *client, const char *file, int *ret_exit, struct error *err) {
    CLEANUP_FREE char *id = NULL;
    if (submit(client, file, &id, err)) return -1;
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

/* --- interruption ----------------------------------------------------------------------------- */
static void *end_on_signal(void *context) {
    sigset_t *set = context;
    int number = 0;
    sigwait(set, &number);
    fprintf(stderr, "\ninterrupted: the demo's coordinator and agents are ending\n");
    demo_fleet_end_all();
    _exit(128 + number);
}

/* Blocked before any thread exists: the one made here takes them. Our children are not born with them blocked. */
static void watch_signals(void) {
    static sigset_t set;
    static pthread_t thread;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (pthread_create(&thread, NULL, end_on_signal, &set) == 0) pthread_detach(thread);
}

/* --- the whole -------------------------------------------------------------------------------- */
static int show_fleet(struct client *client, size_t wanted, struct error *err) {
    if (wait_for_nodes(client, wanted, err)) return -1;
    CLEANUP_JSON json_t *nodes = client_get(client, "/v1/nodes", err);
    if (!nodes) return -1;
    render_nodes(nodes, stdout);
    return 0;
}

static int demo(const char *dir, const char *file, int *ret_exit, struct error *err) {
    heading("Starting a coordinator with the embedded broker (in memory, loopback only)");
    CLEANUP(cleanup_demo_fleet) struct demo_fleet *fleet = demo_fleet_start(dir, err);
    if (!fleet) return -1;
    CLEANUP(cleanup_client)
    struct client *client = client_open(demo_fleet_api(fleet), demo_fleet_token_file(fleet), err);
    if (!client) return -1;
    heading("Starting an agent for each OpenCL driver; a new device is measured first");
    size_t n = demo_fleet_add_agents(fleet, err);
    return !n || show_fleet(client, n, err) || campaign(client, file, ret_exit, err) ? -1 : 0;
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    int64_t start_ms = clock_mono_ms();
    int status = 1;
    char took[RENDER_SIZE];
    if (command_no_arguments(opts, &command_demo)) return 2;
    watch_signals();
    CLEANUP_FREE char *dir = demo_dir(opts, &err), *share = dir ? share_dir(&err) : NULL;
    if (!share || demo(dir, options_string(opts, "campaign"), &status, &err)) return command_failed(&err);
    print_where_next(dir, share);
    render_duration_ms((double)(clock_mono_ms() - start_ms), took);
    printf("\nThe demo took %s; its coordinator and agents have stopped.\n", took);
    return status;
}

static const struct option_spec options[] = {
    {"campaign", 'c', OPTION_STRING, "FILE", NULL, NULL, "Run this campaign file in place of the demo's."},
    {"dir", 0, OPTION_STRING, "DIR", NULL, NULL,
     "Where to keep the demo's state and logs; a new folder under TMPDIR when not given."},
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_demo = {
    .name = "demo",
    .usage = "demo [--dir DIR]",
    .summary = "run a real porting campaign on every OpenCL driver of this machine",
    .details =
        "Starts a coordinator with the embedded broker and an agent per OpenCL driver, submits the demo campaign, "
        "shows "
        "its progress, the port matrix, scores and verdicts, and stops everything. Some kernels (bad-...) are wrong on "
        "purpose: each must be refused for its own reason. Nothing outside the demo's folder is written.",
    .options = options,
    .run = run};
