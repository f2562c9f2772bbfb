/* portolan node: what an operator decides of nodes. */
#include <string.h>
#include <time.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "common/buf.h"
#include "coordinator/schedule/node_admin.h"

#define POLL_NS 250000000

struct order {
    struct client *client;
    enum node_action action;
    const char *reason;
    bool force, wait, json;
    json_t *done, *failed; /* arrays, for --json */
    int status;            /* of the first failure */
};

static json_t *post(const struct order *order, const char *name, struct error *err) {
    CLEANUP_FREE char *escaped = client_escape(order->client, name);
    CLEANUP_FREE char *path = xasprintf("/v1/nodes/%s/%s", escaped, node_action_name(order->action));
    CLEANUP_JSON json_t *body = json_object();
    if (order->reason) json_object_set_new(body, "reason", json_string(order->reason));
    if (order->force) json_object_set_new(body, "force", json_true());
    return client_post(order->client, path, body, err);
}

static json_t *ask(const struct order *order, const char *name, struct error *err) {
    CLEANUP_FREE char *escaped = client_escape(order->client, name);
    CLEANUP_FREE char *path = xasprintf("/v1/nodes/%s", escaped);
    return client_get(order->client, path, err);
}

/* Until the node holds nothing any more. Somebody may have decided otherwise meanwhile. Steals `node`. */
static json_t *wait_empty(const struct order *order, json_t *node, const char *name, struct error *err) {
    CLEANUP_FREE char *wanted = xstrdup(json_text(node, "admin"));
    long long shown = -1;
    while (node) {
        const char *admin = json_text(node, "admin");
        long long held = json_count(node, "held");
        if (held == 0 && strcmp(admin, "draining") != 0) return node;
        if (strcmp(admin, wanted) != 0) {
            error_set(err, ERR_CONFLICT, "node %s is %s by now: somebody else has decided so", name, admin);
            break;
        }
        if (held != shown) fprintf(stderr, "node %s: waiting for %lld attempt%s\n", name, held, held == 1 ? "" : "s");
        shown = held;
        nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
        json_decref(node);
        node = ask(order, name, err);
    }
    json_decref(node);
    return NULL;
}

static void note_failure(struct order *order, const char *name, const struct error *err) {
    int status = error_exit_status(err->code);
    if (order->json)
        json_array_append_new(order->failed, json_pack("{s:s, s:s, s:s}", "node", name, "code", error_name(err->code),
                                                       "text", err->text));
    else
        status = command_failed(err);
    if (!order->status) order->status = status;
}

static void say(const json_t *node) {
    long long held = json_count(node, "held");
    const char *reason = json_text(node, "reason");
    printf("node %s is %s", json_text(node, "node"), json_text(node, "state"));
    if (held) printf(", it holds %lld attempt%s", held, held == 1 ? "" : "s");
    printf("%s%s\n", *reason ? ": " : "", reason);
    fflush(stdout);
}

static void act(struct order *order, const char *name) {
    struct error err = ERROR_INIT;
    json_t *node = post(order, name, &err);
    if (node && order->wait) node = wait_empty(order, node, name, &err);
    if (!node) {
        note_failure(order, name, &err);
        return;
    }
    if (!order->json) say(node);
    json_array_append_new(order->done, node);
}

static int check_wait(const struct order *order, struct error *err) {
    if (!order->wait || order->action == NODE_DRAIN || order->action == NODE_MAINTAIN) return 0;
    return error_set(err, ERR_USAGE, "--wait is for drain and maintenance: nothing takes time in `%s`",
                     node_action_name(order->action));
}

static int usage(struct error *err, const char *text) {
    error_set(err, ERR_USAGE, "%s", text);
    return error_hint(err, "usage: portolan %s", command_node.usage);
}

static int read_order(const struct options *opts, char **args, size_t n, struct order *order, struct error *err) {
    if (n == 0) return usage(err, "say what to do, and with which nodes");
    if (node_action_parse(args[0], &order->action, err) != 0) return -1;
    if (n == 1) return usage(err, "name at least one node");
    order->reason = options_string(opts, "reason");
    order->force = options_flag(opts, "force");
    order->wait = options_flag(opts, "wait");
    order->json = options_flag(opts, "json");
    return check_wait(order, err);
}

static int run(const struct options *opts) {
    struct error err = ERROR_INIT;
    struct order order = {0};
    char **args = NULL;
    size_t n = options_args(opts, &args);
    if (read_order(opts, args, n, &order, &err) != 0) return command_failed(&err);
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    if (!client) return command_failed(&err);
    CLEANUP_JSON json_t *done = json_array(), *failed = json_array();
    order.client = client;
    order.done = done;
    order.failed = failed;
    for (size_t i = 1; i < n; i++) act(&order, args[i]);
    if (order.json) {
        CLEANUP_JSON json_t *answer = json_pack("{s:O, s:O}", "nodes", done, "failed", failed);
        command_print_json(answer);
    } else if (order.status && n > 2) {
        fprintf(stderr, "%zu of %zu nodes were not changed\n", n - 1 - json_array_size(done), n - 1);
    }
    return order.status;
}

static const struct option_spec options[] = {
    {"reason", 0, OPTION_STRING, "TEXT", NULL, NULL, "Why; shown wherever the node's state is, and told to its agent."},
    {"force", 0, OPTION_FLAG, NULL, NULL, NULL,
     "With drain and maintenance: stop what runs, it is done elsewhere. With resume: lift quarantines."},
    {"wait", 0, OPTION_FLAG, NULL, NULL, NULL,
     "With drain and maintenance: return when the node holds nothing any more."},
    {"json", 0, OPTION_FLAG, NULL, NULL, NULL, "Print the nodes after it, and what failed, as JSON."},
    CLIENT_OPTIONS,
    {NULL, 0, OPTION_FLAG, NULL, NULL, NULL, NULL}};
const struct command command_node = {
    .name = "node",
    .usage = "node cordon|drain|maintenance|resume|approve|refuse NAME... [options]",
    .summary = "take nodes out of service and back, approve and refuse them",
    .details =
        "cordon: no new tasks; what is in the node's mailbox is done.\n"
        "drain: no new tasks; what only waits is done elsewhere, what runs is finished. Then the node is `drained`.\n"
        "maintenance: a drain for work on the machine. Its tasks wait for it, however long that takes.\n"
        "resume: back into service, from all of these.\n"
        "approve: let a node in that is `pending` (where the configuration asks for approval) or was refused.\n"
        "refuse: its agent is told to end, and gets no work until it is approved.\n\n"
        "A decision stays with the node's name until the next one, over restarts of agent and coordinator. Several "
        "nodes "
        "are changed one by one; each that could not be is named, and the exit status is that of the first.\n\n"
        "Examples:\n  portolan node drain lab1 lab2 --reason 'new power supply' --wait\n  portolan node resume lab1 "
        "lab2",
    .options = options,
    .run = run};
