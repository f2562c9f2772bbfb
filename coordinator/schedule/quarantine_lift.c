/* The end of a quarantine: back-off, the health check that is asked for, and its answer in the node's record. */
#include <string.h>

#include "common/log.h"
#include "coordinator/schedule/node_admin.h"
#include "coordinator/schedule/quarantine_internal.h"

int64_t health_backoff_ms(int rounds) {
    int64_t ms = QUARANTINE_FIRST_MS;
    for (int i = 1; i < rounds && ms < QUARANTINE_MOST_MS; i++) ms *= 2;
    return ms < QUARANTINE_MOST_MS ? ms : QUARANTINE_MOST_MS;
}

struct device *health_device(const struct fleet_node *node, const struct health *health) {
    for (size_t i = 0; i < node->device_count; i++)
        if (node->devices[i].health == health) return &node->devices[i];
    return NULL;
}

int64_t health_left_ms(const struct core *core, const struct health *health) {
    if (!health->row.quarantined) return -1;
    int64_t left = health->over_at - core->lease.now_ms;
    return left > 0 ? left : 0;
}

void health_text(const struct core *core, const struct health *health, char *out, size_t size) {
    const struct row_health *row = &health->row;
    int64_t left = health_left_ms(core, health);
    *out = 0;
    if (left > 0)
        snprintf(out, size, "for %lld s more: %s", (long long)((left + 999) / 1000), row->reason);
    else if (left == 0)
        snprintf(out, size, "until its health check passes: %s", row->reason);
    else if (row->streak > 0)
        snprintf(out, size, "on probation: %d failure%s since the last success", row->streak,
                 row->streak == 1 ? "" : "s");
}

int health_lift(struct core *core, struct fleet_node *node, struct health *health, const char *why, struct error *err) {
    struct row_health *row = &health->row;
    row->quarantined = false;
    row->reason[0] = 0;
    health->asked = false;
    core_fleet_changed(core);
    log_info("%s%s%s is out of quarantine: %s", row->node, *row->device ? "/" : "", row->device, why);
    if (health_keep(core, health, err) != 0) return -1;
    return *row->device ? 0 : node_publish_desired(core, node, err);
}

int health_release(struct core *core, struct fleet_node *node, int *ret_count, struct error *err) {
    *ret_count = 0;
    for (struct health *health = node->health; health; health = health->next) {
        bool quarantined = health->row.quarantined;
        if (!quarantined && health->row.streak == 0 && health->row.rounds == 0) continue;
        health->row.streak = health->row.rounds = 0;
        health->row.blame[0] = 0;
        *ret_count += quarantined;
        int status =
            quarantined ? health_lift(core, node, health, "an operator said so", err) : health_keep(core, health, err);
        if (status != 0) return -1;
    }
    return 0;
}

/* --- the check -------------------------------------------------------------------------------- */
static int send_check(struct core *core, const struct fleet_node *node, const struct health *health,
                      struct error *err) {
    struct rec_command command;
    rec_command_init(&command);
    command.epoch = store_epoch(core->store);
    rec_set(&command.node, node->row.name);
    rec_set(&command.incarnation, node->row.incarnation);
    rec_set(&command.command, "health_check");
    rec_set(&command.device, health->row.device);
    rec_set(&command.reason, health->row.reason);
    int status = core_send(core, node->row.mailbox, node->row.mailbox_partition, node->row.name, &rec_command_desc,
                           &command, NULL, err);
    rec_command_done(&command);
    return status;
}

/* What has to be exceeded: the count of each device concerned as it is now. False: the agent counts no checks. */
static bool note_checks(struct fleet_node *node, struct health *health) {
    bool counts = true;
    for (size_t i = 0; i < node->device_count; i++) {
        struct device *device = &node->devices[i];
        if (*health->row.device && device->health != health) continue;
        device->health->checks = device->info->health_checks;
        counts &= device->info->health_checks >= 0;
    }
    return counts;
}

static int ask(struct core *core, struct fleet_node *node, struct health *health, struct error *err) {
    if (!health->row.quarantined || core->lease.now_ms < health->over_at) return 0;
    if (node->row.presence != NODE_READY || !node->heard || !node->mailbox_ready) return 0;
    if (health->asked && core->lease.now_ms - health->asked_at < QUARANTINE_ASK_MS) return 0;
    if (!health->asked && !note_checks(node, health))
        return health_lift(core, node, health, "the back-off is over, and its agent counts no health checks", err);
    health->asked = true;
    health->asked_at = core->lease.now_ms;
    log_info("%s%s%s: the back-off is over, asking for a health check", health->row.node,
             *health->row.device ? "/" : "", health->row.device);
    return send_check(core, node, health, err);
}

int health_on_lease_time(struct core *core, struct error *err) {
    size_t cursor = 0;
    void *value;
    while (map_next(core->nodes, &cursor, NULL, &value)) {
        struct fleet_node *node = value;
        for (struct health *health = node->health; health; health = health->next)
            if (ask(core, node, health, err) != 0) return -1;
    }
    return 0;
}

static bool device_passed(const struct device *device) {
    return device->info->health_checks > device->health->checks;
}

/* Of a whole node all that it offers must have passed: what fails its check is not offered. */
static bool passed(const struct fleet_node *node, const struct health *health) {
    const struct device *device = health_device(node, health);
    if (*health->row.device) return device && device_passed(device);
    for (size_t i = 0; i < node->device_count; i++)
        if (!device_passed(&node->devices[i])) return false;
    return node->device_count > 0;
}

int health_on_record(struct core *core, struct fleet_node *node, struct error *err) {
    for (struct health *health = node->health; health; health = health->next)
        if (health->row.quarantined && health->asked && passed(node, health) &&
            health_lift(core, node, health, "the health check was passed", err) != 0)
            return -1;
    return 0;
}

void health_new_incarnation(struct core *core, struct fleet_node *node) {
    for (struct health *health = node->health; health; health = health->next) {
        health->proven = false;
        health->checks = 0;
        /* The check that each agent makes at its start is as good as one that was asked for. */
        health->asked = health->row.quarantined && core->lease.now_ms >= health->over_at;
        health->asked_at = core->lease.now_ms;
    }
}
