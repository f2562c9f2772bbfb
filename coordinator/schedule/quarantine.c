/* Counting failures, and what follows from them. Lifting is in quarantine_lift.c. */
#include "coordinator/schedule/quarantine.h"

#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "coordinator/schedule/attempts.h"
#include "coordinator/schedule/node_admin.h"
#include "coordinator/schedule/quarantine_internal.h"

#define TASK_SHOWN 12 /* characters of a task's id: enough to name it */

/* --- the entries of a node -------------------------------------------------------------------- */
static struct health *add(struct fleet_node *node, const char *device) {
    struct health *health = xcalloc(1, sizeof *health), **link = &node->health;
    snprintf(health->row.node, sizeof health->row.node, "%s", node->row.name);
    snprintf(health->row.device, sizeof health->row.device, "%s", device);
    while (*link) link = &(*link)->next;
    return *link = health;
}

static struct health *find(struct fleet_node *node, const char *device) {
    struct health *health = node->health;
    while (health && strcmp(health->row.device, device) != 0) health = health->next;
    return health ? health : add(node, device);
}

/* Devices that are gone are remembered only while there is something against them. */
static void prune(struct fleet_node *node) {
    for (struct health **link = &node->health->next, *health; (health = *link);) {
        bool empty = health->row.streak == 0 && health->row.rounds == 0 && !health->row.quarantined;
        if (!empty || health_device(node, health)) {
            link = &health->next;
            continue;
        }
        *link = health->next;
        free(health);
    }
}

void health_attach(struct fleet_node *node) {
    find(node, "");
    for (size_t i = 0; i < node->device_count; i++) node->devices[i].health = find(node, node->devices[i].info->id);
    prune(node);
}

void health_free_all(struct fleet_node *node) {
    for (struct health *next; node->health; node->health = next) {
        next = node->health->next;
        free(node->health);
    }
}

void health_load(struct core *core, const struct row_health *row) {
    struct fleet_node *node = core_node(core, row->node);
    if (!node) return;
    struct health *health = find(node, row->device);
    health->row = *row;
    if (row->quarantined) health->over_at = core->lease.now_ms + health_backoff_ms(row->rounds);
}

int health_keep(struct core *core, const struct health *health, struct error *err) {
    const struct row_health *row = &health->row;
    core->change++;
    if (row->streak == 0 && row->rounds == 0 && !row->quarantined)
        return store_health_delete(core->store, row->node, row->device, err);
    return store_health_put(core->store, row, err);
}

/* --- who is to blame: "task@device task+task@ ..." -------------------------------------------- */
static void remember(struct row_health *row, const char *task, const char *device) {
    char joined[HEALTH_BLAME_SIZE + TASK_ID_SIZE + LABEL_SIZE + 4];
    snprintf(joined, sizeof joined, "%s%s%s@%s", row->blame, *row->blame ? " " : "", task, device);
    const char *from = joined;
    while (strlen(from) >= sizeof row->blame) from = strchr(from, ' ') + 1;
    snprintf(row->blame, sizeof row->blame, "%s", from);
}

/* One more task that ran when the node was lost; what does not fit is not remembered. */
static void remember_too(struct row_health *row, const char *task) {
    size_t len = strlen(row->blame);
    if (len == 0 || row->blame[len - 1] != '@' || len + TASK_ID_SIZE + 2 > sizeof row->blame) return;
    snprintf(row->blame + len - 1, sizeof row->blame - len + 1, "+%s@", task);
}

/* Devices that the failures were on; a lost node speaks for all of them. */
static int blamed_devices(const struct row_health *row) {
    const char *first = NULL;
    size_t first_len = 0;
    for (const char *at = row->blame; (at = strchr(at, '@'));) {
        size_t len = strcspn(++at, " ");
        if (len == 0 || (first && (len != first_len || memcmp(at, first, len) != 0))) return 2;
        first = at;
        first_len = len;
    }
    return first ? 1 : 0;
}

/* Takes out the failures that `task` had a part in; returns their number. */
static int forget(struct row_health *row, const char *task, bool *ret_last) {
    char kept[sizeof row->blame] = "";
    int removed = 0;
    size_t len = 0;
    *ret_last = false;
    for (const char *at = row->blame; *at;) {
        size_t n = strcspn(at, " ");
        const char *hit = strstr(at, task);
        *ret_last = hit && hit < at + n;
        if (*ret_last)
            removed++;
        else
            len += (size_t)snprintf(kept + len, sizeof kept - len, "%s%.*s", len ? " " : "", (int)n, at);
        at += n + (at[n] == ' ');
    }
    memcpy(row->blame, kept, sizeof kept);
    return removed;
}

/* --- quarantine ------------------------------------------------------------------------------- */
static void say_why(const struct core *core, struct row_health *row, const struct row_attempt *last,
                    const char *reason) {
    char at[32];
    clock_iso8601(core_wall_ms(core), at);
    snprintf(row->reason, sizeof row->reason, "%d failures in a row, last: %.140s on task %.*s%s%.40s (%.24s)",
             row->streak, reason, TASK_SHOWN, last->task, *row->device ? "" : " on ", *row->device ? "" : last->device,
             at);
}

static int quarantine(struct core *core, struct fleet_node *node, struct health *health, const struct row_attempt *last,
                      const char *reason, struct error *err) {
    struct row_health *row = &health->row;
    say_why(core, row, last, reason);
    row->quarantined = true;
    row->since_ms = core_wall_ms(core);
    health->over_at = core->lease.now_ms + health_backoff_ms(++row->rounds);
    health->asked = false;
    core->metrics.quarantines++;
    core_fleet_changed(core);
    log_warn("%s%s%s is quarantined for %lld s: %s", row->node, *row->device ? "/" : "", row->device,
             (long long)(health_backoff_ms(row->rounds) / 1000), row->reason);
    if (health_keep(core, health, err) != 0) return -1;
    char text[300];
    snprintf(text, sizeof text, "its %s was quarantined", *row->device ? "device" : "node");
    if (attempts_revoke(core, row->node, *row->device ? row->device : NULL, text, err) != 0) return -1;
    return *row->device ? 0 : node_publish_desired(core, node, err);
}

/* --- counting --------------------------------------------------------------------------------- */
static int count(struct core *core, struct health *health, const char *task, const char *device, struct error *err) {
    health->row.streak++;
    remember(&health->row, task, device);
    return health_keep(core, health, err);
}

int health_failed(struct core *core, const struct row_attempt *row, const char *reason, struct error *err) {
    struct fleet_node *node = core_node(core, row->node);
    if (!node || strcmp(node->row.incarnation, row->incarnation) != 0) return 0;
    struct health *whole = node->health, *device = find(node, row->device);
    if (whole->row.quarantined || device->row.quarantined) return 0;
    if (count(core, device, row->task, row->device, err) != 0 || count(core, whole, row->task, row->device, err) != 0)
        return -1;
    log_warn("%s/%s: %s (failure %d in a row there, %d of the node)", row->node, row->device, reason,
             device->row.streak, whole->row.streak);
    bool alone = node->info->devices.count + node->info->failing.count <= 1;
    if (whole->row.streak >= QUARANTINE_STREAK && (alone || blamed_devices(&whole->row) > 1))
        return quarantine(core, node, whole, row, reason, err);
    if (device->row.streak >= QUARANTINE_STREAK) return quarantine(core, node, device, row, reason, err);
    return 0;
}

int health_lost(struct core *core, const struct row_attempt *row, const char *reason, struct error *err) {
    struct fleet_node *node = core_node(core, row->node);
    if (!node || node->health->row.quarantined) return 0;
    struct health *whole = node->health;
    if (node->loss_counted) {
        remember_too(&whole->row, row->task);
        return health_keep(core, whole, err);
    }
    node->loss_counted = true;
    if (count(core, whole, row->task, "", err) != 0) return -1;
    log_warn("node %s was lost: %s (failure %d in a row)", row->node, reason, whole->row.streak);
    return whole->row.streak >= QUARANTINE_STREAK ? quarantine(core, node, whole, row, reason, err) : 0;
}

static int success(struct core *core, struct health *health, struct error *err) {
    if (health->row.quarantined || (health->proven && health->row.streak == 0 && health->row.rounds == 0)) return 0;
    bool counted = health->row.streak > 0 || health->row.rounds > 0;
    health->proven = true;
    health->row.streak = health->row.rounds = 0;
    health->row.blame[0] = 0;
    core->schedule_wanted = true; /* its window is open */
    return counted ? health_keep(core, health, err) : 0;
}

int health_succeeded(struct core *core, const struct row_attempt *row, struct error *err) {
    struct fleet_node *node = core_node(core, row->node);
    if (!node || strcmp(node->row.incarnation, row->incarnation) != 0) return 0;
    if (success(core, node->health, err) != 0) return -1;
    return success(core, find(node, row->device), err);
}

static int pardon(struct core *core, struct fleet_node *node, struct health *health, const char *task, const char *why,
                  struct error *err) {
    struct row_health *row = &health->row;
    bool last = false;
    int removed = forget(row, task, &last);
    if (removed == 0) return 0;
    row->streak = row->streak > removed ? row->streak - removed : 0;
    log_info("%s%s%s: %d failure%s taken back: %s (%.*s)", row->node, *row->device ? "/" : "", row->device, removed,
             removed == 1 ? " is" : "s are", why, TASK_SHOWN, task);
    if (!row->quarantined || (row->streak >= QUARANTINE_STREAK && !last)) return health_keep(core, health, err);
    row->rounds--;
    return health_lift(core, node, health, why, err);
}

int health_heard_again(struct core *core, const struct row_attempt *row, struct error *err) {
    struct fleet_node *node = core_node(core, row->node);
    for (struct health *health = node ? node->health : NULL; health; health = health->next)
        if (pardon(core, node, health, row->task, "its attempt is heard again", err) != 0) return -1;
    return 0;
}

int health_pardon(struct core *core, const char *task, struct error *err) {
    size_t cursor = 0;
    void *value;
    while (map_next(core->nodes, &cursor, NULL, &value)) {
        struct fleet_node *node = value;
        for (struct health *health = node->health; health; health = health->next)
            if (pardon(core, node, health, task, "the task that failed there was the cause", err) != 0) return -1;
    }
    return 0;
}

int health_most(const struct health *health) {
    int left = QUARANTINE_STREAK - health->row.streak;
    if (health->proven && health->row.streak == 0) return -1;
    return left > 1 ? left : 1;
}
