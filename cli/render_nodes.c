/* The fleet: a line for each node, and one below it for each of its devices. */
#include <string.h>

#include "cli/render.h"
#include "common/buf.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(cleanup_table, struct table *, table_free)

#define TASK_SHOWN 12 /* characters of a task's id: enough to name it */

static enum colour state_colour(const char *state) {
    static const char *const good[] = {"in_service", "idle", "busy"}, *const bad[] = {"quarantined", "refused",
                                                                                      "absent", "failing", "trouble"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!strcmp(state, good[i])) return COLOUR_GREEN;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!strcmp(state, bad[i])) return COLOUR_RED;
    return COLOUR_YELLOW;
}

static char *coloured(FILE *out, const char *state) {
    enum colour colour = state_colour(state);
    return xasprintf("%s%s%s", colour_on(out, colour), state, colour_off(out));
}

/* What it does, else why it does nothing. */
static char *device_text(const json_t *device) {
    const json_t *runs = json_object_get(device, "runs");
    char took[RENDER_SIZE];
    const char *reason = json_text(device, "reason");
    if (!json_is_object(runs) && json_count(device, "held") && !*reason) return xstrdup("in its mailbox, not begun");
    if (!json_is_object(runs)) return xstrdup(reason);
    render_duration_ms(json_number(runs, "for_ms"), took);
    const char *phase = json_text(runs, "phase");
    return xasprintf("%s of %s: %s %.0f %%%s%s, task %.*s", json_text(runs, "kernel"), json_text(runs, "problem"),
                     *phase ? phase : "begun", 100 * json_number(runs, "progress"), *took == '-' ? "" : ", for ",
                     *took == '-' ? "" : took, TASK_SHOWN, json_text(runs, "task"));
}

/* A device of a node that is out of service has no word of its own. */
static void device_row(struct table *table, const json_t *node, const json_t *device, FILE *out) {
    char held[48];
    const char *own = json_text(device, "state");
    bool same = !strcmp(own, json_text(node, "state"));
    CLEANUP_FREE char *name = xasprintf("  %s", json_text(device, "id"));
    CLEANUP_FREE char *state = same ? xstrdup("-") : coloured(out, own), *text = device_text(device);
    snprintf(held, sizeof held, "%lld/%lld", json_count(device, "held"), json_count(device, "limit"));
    table_rowf(table, name, state, json_text(device, "target"), held, text);
}

static void failing_row(struct table *table, const json_t *device, FILE *out) {
    CLEANUP_FREE char *name = xasprintf("  %s", json_text(device, "id")), *state = coloured(out, "failing");
    const char *reason = json_text(device, "reason");
    CLEANUP_FREE char *line = xstrndup(reason, strcspn(reason, "\n"));
    table_rowf(table, name, state, json_text(device, "target"), "-", line);
}

static void node_rows(struct table *table, const json_t *node, FILE *out) {
    const char *reason = json_text(node, "reason"), *version = json_text(node, "agent_version");
    CLEANUP_FREE char *state = coloured(out, json_text(node, "state"));
    char age[RENDER_SIZE], heard[RENDER_SIZE + 16] = "", held[24];
    render_duration_ms(json_number(node, "heartbeat_age_ms"), age);
    if (*age != '-') snprintf(heard, sizeof heard, "heard %s ago", age);
    snprintf(held, sizeof held, "%lld", json_count(node, "held"));
    CLEANUP_FREE char *agent = xasprintf("agent %s", *version ? version : "?");
    table_rowf(table, json_text(node, "node"), state, agent, held, *reason ? reason : heard);
    size_t i;
    json_t *device;
    json_array_foreach(json_object_get(node, "devices"), i, device) device_row(table, node, device, out);
    json_array_foreach(json_object_get(node, "failing"), i, device) failing_row(table, device, out);
}

struct census {
    size_t devices, failing, quarantined;
};

static void count_devices(const json_t *node, struct census *census) {
    size_t i;
    json_t *device;
    census->failing += json_array_size(json_object_get(node, "failing"));
    json_array_foreach(json_object_get(node, "devices"), i, device) {
        census->devices++;
        census->quarantined += json_is_object(json_object_get(device, "quarantine"));
    }
}

/* "3 nodes: 2 in_service, 1 drained; 4 devices, 1 failing" */
static void print_census(const json_t *nodes, FILE *out) {
    CLEANUP(buf_done) struct buf text = BUF_INIT;
    struct census census = {0};
    json_t *states = json_object(), *node, *n;
    const char *state;
    size_t i;
    json_array_foreach(nodes, i, node) {
        state = json_text(node, "state");
        json_object_set_new(states, state, json_integer(json_count(states, state) + 1));
        count_devices(node, &census);
    }
    json_object_foreach(states, state, n)
        buf_printf(&text, "%s%lld %s", text.len ? ", " : "", (long long)json_integer_value(n), state);
    json_decref(states);
    buf_printf(&text, "; %zu device%s", census.devices, census.devices == 1 ? "" : "s");
    if (census.quarantined) buf_printf(&text, ", %zu quarantined", census.quarantined);
    if (census.failing) buf_printf(&text, ", %zu failing", census.failing);
    fprintf(out, "%zu node%s: %s\n", i, i == 1 ? "" : "s", text.data);
}

void render_nodes(const json_t *nodes, FILE *out) {
    static const char *const headers[] = {"node / device", "is", "agent / target", ">held", "runs / why", NULL};
    CLEANUP(cleanup_table) struct table *table = table_new(headers);
    const json_t *list = json_object_get(nodes, "nodes");
    size_t i;
    json_t *node;
    json_array_foreach(list, i, node) node_rows(table, node, out);
    table_cut(table);
    table_print(table, out);
    print_census(list, out);
}
