#include "coordinator/schedule/nodes.h"

#include <string.h>

#include "common/buf.h"
#include "common/log.h"
#include "coordinator/plan/plan.h"
#include "coordinator/schedule/attempts.h"
#include "coordinator/schedule/node_admin.h"
#include "coordinator/schedule/quarantine.h"
#include "fleet/bus/topics.h"

#define DEVICES_PER_NODE_MAX 256

static void release_devices(struct fleet_node *node) {
    rec_free(&rec_node_desc, node->info);
    free(node->devices);
    node->info = NULL;
    node->devices = NULL;
    node->device_count = 0;
}

void nodes_free_one(struct fleet_node *node) {
    release_devices(node);
    health_free_all(node);
    free(node);
}

static void count_held(struct core *core, struct fleet_node *node) {
    for (size_t i = 0; i < core->open_count; i++) {
        const struct attempt *attempt = core->open[i];
        if (!attempt->holds_slot || strcmp(attempt->row.node, node->row.name) != 0) continue;
        struct device *device = core_device(core, attempt->row.node, attempt->row.device);
        if (device) device->held++;
    }
}

/* The coordinator's rules decide where it has a fleet file; else what the node says by its own. */
static void name_target(const struct core *core, struct device *device) {
    char name[TARGET_NAME_SIZE];
    const char *own = device->info->target;
    if (core->rules || !target_name_valid(own)) {
        target_rules_name(core->rules, device->info, name);
        own = name;
    }
    snprintf(device->target, sizeof device->target, "%s", own);
}

struct fleet_node *nodes_add(struct core *core, const struct row_node *row, struct rec_node *info) {
    struct fleet_node *node = core_node(core, row->name);
    if (node) {
        release_devices(node);
    } else {
        node = xcalloc(1, sizeof *node);
        map_put(core->nodes, row->name, node);
    }
    node->row = *row;
    node->info = info;
    node->device_count = info->devices.count;
    node->devices = xcalloc(node->device_count + 1, sizeof *node->devices);
    for (size_t i = 0; i < node->device_count; i++) {
        struct device *device = &node->devices[i];
        device->node = node;
        device->info = &info->devices.items[i];
        name_target(core, device);
    }
    health_attach(node);
    node->lease_until = core->lease.now_ms + core->config.lease_ms;
    node->heard_mono_ms = core_mono_ms(core);
    count_held(core, node);
    core_fleet_changed(core);
    core->change++;
    return node;
}

/* --- registration ----------------------------------------------------------------------------- */
static int check_record(const struct rec_node *info, char *mailbox, struct error *err) {
    if (topic_mailbox(info->node, mailbox, err) != 0) return -1;
    size_t len = strlen(info->incarnation);
    if (len == 0 || len >= INCARNATION_SIZE)
        return error_set(err, ERR_INVALID, "node %s: its incarnation has %zu characters", info->node, len);
    if (info->devices.count > DEVICES_PER_NODE_MAX)
        return error_set(err, ERR_INVALID, "node %s: %zu devices", info->node, info->devices.count);
    for (size_t i = 0; i < info->devices.count; i++) {
        const char *id = info->devices.items[i].id;
        if (!*id || strlen(id) >= LABEL_SIZE || strpbrk(id, " /"))
            return error_set(err, ERR_INVALID, "node %s: a device has the id `%.64s`", info->node, id);
        for (size_t k = 0; k < i; k++)
            if (strcmp(id, info->devices.items[k].id) == 0)
                return error_set(err, ERR_INVALID, "node %s: two devices have the id %s", info->node, id);
    }
    return 0;
}

static int write_node(struct core *core, const struct row_node *row, const struct rec_node *info, struct error *err) {
    CLEANUP_FREE uint8_t *data = NULL;
    size_t len = 0;
    if (codec_encode(&rec_node_desc, info, CODEC_SINGLE_OBJECT, 0, &data, &len, err) != 0) return -1;
    return store_node_put(core->store, row, data, len, err);
}

static int set_presence(struct core *core, struct fleet_node *node, enum node_presence presence, const char *reason,
                        struct error *err) {
    if (node->row.presence == presence) return 0;
    node->row.presence = presence;
    snprintf(node->row.presence_reason, sizeof node->row.presence_reason, "%s", reason);
    node->row.seen_ms = core_wall_ms(core);
    core->change++;
    core_fleet_changed(core);
    return store_node_update(core->store, &node->row, err);
}

static int on_leaving(struct core *core, const char *name, const char *incarnation, struct error *err) {
    struct fleet_node *node = core_node(core, name);
    if (!node || strcmp(node->row.incarnation, incarnation) != 0) return 0;
    node->heard = false;
    log_info("node %s left", name);
    if (attempts_abandon_node(core, name, NULL, false, "its node left", err) != 0) return -1;
    return set_presence(core, node, NODE_LEFT, "the agent stopped", err);
}

/* The row that follows from a record; what an operator decided stays over a restart of the agent. */
static void next_row(struct core *core, const struct rec_node *info, const char *mailbox, struct row_node *row) {
    const struct fleet_node *old = core_node(core, info->node);
    memset(row, 0, sizeof *row);
    snprintf(row->name, sizeof row->name, "%s", info->node);
    snprintf(row->incarnation, sizeof row->incarnation, "%s", info->incarnation);
    snprintf(row->mailbox, sizeof row->mailbox, "%s", mailbox);
    row->seen_ms = core_wall_ms(core);
    row->presence = strcmp(info->state, "ready") == 0 ? NODE_READY : NODE_STARTING;
    node_admin_inherit(core, old, row);
}

static void say_registered(const struct fleet_node *node) {
    char text[256];
    log_info("node %s registered with %zu devices (%s)", node->row.name, node->device_count, node->row.incarnation);
    if (node_outdated(node, text, sizeof text)) log_warn("node %s is refused: %s", node->row.name, text);
    if (node->row.admin == NODE_PENDING)
        log_warn("node %s is not known: it waits for `portolan node approve %s`", node->row.name, node->row.name);
}

/* What was known of the incarnation before, and is no longer so. */
static int replaced(struct core *core, struct fleet_node *node, struct error *err) {
    health_new_incarnation(core, node);
    int status = attempts_abandon_node(core, node->row.name, node->row.incarnation, true, "its node started anew", err);
    node->loss_counted = false;
    return status;
}

static void say_trouble(const struct fleet_node *node, const char *before) {
    const char *now = node->info->trouble;
    if (strcmp(now, before) == 0) return;
    if (*now)
        log_warn("node %s drains itself: %s", node->row.name, now);
    else
        log_info("node %s takes work again", node->row.name);
}

static int registered(struct core *core, struct rec_node *info, const char *mailbox, bool live, struct error *err) {
    struct row_node row;
    const struct fleet_node *old = core_node(core, info->node);
    bool same = old && strcmp(old->row.incarnation, info->incarnation) == 0;
    bool heard = live || (same && old->heard), ready_mailbox = same && old->mailbox_ready;
    bool starting = strcmp(info->state, "ready") != 0, known = old != NULL;
    char over[INCARNATION_SIZE] = "";
    if (old && !same) snprintf(over, sizeof over, "%s", old->row.incarnation);
    CLEANUP_FREE char *trouble = xstrdup(old ? old->info->trouble : "");
    next_row(core, info, mailbox, &row);
    if (write_node(core, &row, info, err) != 0) return -1;
    struct fleet_node *node = nodes_add(core, &row, info);
    node->heard = heard;
    node->mailbox_ready = ready_mailbox;
    if (!same) node->beat_sequence = 0;
    if (!same) say_registered(node);
    say_trouble(node, trouble);
    if (*over && store_incarnation_end(core->store, row.name, over, err) != 0) return -1;
    if (!same && known && replaced(core, node, err) != 0) return -1;
    if (health_on_record(core, node, err) != 0) return -1;
    if (starting || !ready_mailbox) core_want_mailbox(core, row.name);
    core_fleet_changed(core);
    core->plan_wanted = true;
    return 0;
}

/* Why a record is not news: a repeated or delayed one must not undo what came after it. NULL when it is news. */
static const char *outdated(struct core *core, const struct rec_node *info, struct error *err) {
    const struct fleet_node *node = core_node(core, info->node);
    if (!node) return NULL;
    if (strcmp(node->row.incarnation, info->incarnation) != 0) {
        int ended = store_incarnation_ended(core->store, info->node, info->incarnation, err);
        return ended > 0 ? "of an incarnation that is over" : NULL;
    }
    if (node->row.presence == NODE_LEFT) return "of a node that has left";
    if (info->sequence > 0 && info->sequence <= node->info->sequence) return "older than what is known";
    bool starting = strcmp(info->state, "starting") == 0;
    return starting && strcmp(node->info->state, "ready") == 0 ? "of a node that is ready" : NULL;
}

int nodes_on_record(struct core *core, struct rec_node *info, bool live, struct error *err) {
    char mailbox[BUS_TOPIC_MAX + 1];
    bool leaving = strcmp(info->state, "leaving") == 0;
    int status = check_record(info, mailbox, err);
    if (status == 0 && !core_node(core, info->node) && map_count(core->nodes) >= NODES_MAX)
        status = error_set(err, ERR_INVALID, "node %s: there are %d nodes already", info->node, NODES_MAX);
    const char *why = status == 0 ? outdated(core, info, err) : NULL;
    if (status == 0 && core_is_broken(err)) status = -1;
    if (why) log_info("node %s: a record is dropped, it is %s (%s)", info->node, why, info->incarnation);
    if (status == 0 && !why && leaving) status = on_leaving(core, info->node, info->incarnation, err);
    if (status == 0 && !why && !leaving) return registered(core, info, mailbox, live, err);
    rec_free(&rec_node_desc, info);
    return status;
}

int nodes_on_mailbox(struct core *core, const char *name, struct error *err) {
    struct fleet_node *node = core_node(core, name);
    if (!node || node->row.presence == NODE_LEFT) return 0;
    node->mailbox_ready = true;
    return node_publish_desired(core, node, err);
}

int nodes_on_link(struct core *core, bool new_cluster, struct error *err) {
    size_t cursor = 0;
    void *value;
    core_fleet_changed(core);
    while (map_next(core->nodes, &cursor, NULL, &value)) {
        struct fleet_node *node = value;
        node->heard = false;
        node->mailbox_ready = false;
        node->lease_until = core->lease.now_ms + core->config.lease_ms;
        if (node->row.presence == NODE_LEFT) continue;
        if (!new_cluster)
            core_want_mailbox(core, node->row.name);
        else if (node->row.presence <= NODE_READY &&
                 set_presence(core, node, NODE_ABSENT, "the broker is a new one", err) != 0)
            return -1;
        if (new_cluster &&
            attempts_abandon_node(core, node->row.name, NULL, false, "the broker is a new one", err) != 0)
            return -1;
    }
    for (size_t i = 0; i < core->open_count; i++)
        core->open[i]->lease_until = core->lease.now_ms + core->config.lease_ms;
    return 0;
}

/* --- heartbeats ------------------------------------------------------------------------------- */
int nodes_on_heartbeat(struct core *core, const struct rec_heartbeat *beat, struct error *err) {
    struct fleet_node *node = core_node(core, beat->node);
    /* A foreign incarnation is one that was replaced, or whose registration is still to be read. */
    if (!node || strcmp(node->row.incarnation, beat->incarnation) != 0 || node->row.presence == NODE_LEFT) return 0;
    /* A repeated or delayed one says what was: it must not keep a dead node's leases alive. */
    if (beat->sequence > 0 && beat->sequence <= node->beat_sequence) return 0;
    node->beat_sequence = beat->sequence;
    if (!node->heard) core_fleet_changed(core);
    node->heard = true;
    node->loss_counted = false;
    node->heard_mono_ms = core_mono_ms(core);
    node->load_1m = beat->load_1m;
    node->lease_until = core->lease.now_ms + core->config.lease_ms;
    if (node->row.presence == NODE_ABSENT) {
        /* It was ready before it fell silent, unless it never got that far: then its own record says so again. */
        bool ready = strcmp(node->info->state, "ready") == 0;
        if (set_presence(core, node, ready ? NODE_READY : NODE_STARTING, "", err) != 0) return -1;
        log_info("node %s is heard again", node->row.name);
    }
    for (size_t i = 0; i < beat->attempts.count; i++)
        if (attempt_on_held(core, node, &beat->attempts.items[i], err) != 0) return -1;
    return 0;
}

static int lapse_node(struct core *core, struct fleet_node *node, struct error *err) {
    bool there = node->row.presence == NODE_READY || node->row.presence == NODE_STARTING;
    if (!there || core->lease.now_ms <= node->lease_until) return 0;
    char reason[96];
    snprintf(reason, sizeof reason, "no heartbeat for %lld s", (long long)(core->config.lease_ms / 1000));
    log_warn("node %s: %s", node->row.name, reason);
    node->heard = false;
    return set_presence(core, node, NODE_ABSENT, reason, err);
}

int nodes_on_lease_time(struct core *core, bool gap, struct error *err) {
    size_t cursor = 0;
    void *value;
    core->metrics.ticks++;
    while (map_next(core->nodes, &cursor, NULL, &value)) {
        struct fleet_node *node = value;
        if (gap)
            node->lease_until = core->lease.now_ms + core->config.lease_ms;
        else if (lapse_node(core, node, err) != 0)
            return -1;
    }
    if (attempts_on_lease_time(core, gap, err) != 0) return -1;
    return health_on_lease_time(core, err);
}

/* --- devices ---------------------------------------------------------------------------------- */
void devices_each(struct core *core, bool (*visit)(void *context, struct device *device), void *context) {
    size_t cursor = 0;
    void *value;
    while (map_next(core->nodes, &cursor, NULL, &value)) {
        struct fleet_node *node = value;
        for (size_t i = 0; i < node->device_count; i++)
            if (!visit(context, &node->devices[i])) return;
    }
}

struct names {
    const char **items;
    size_t count;
};

static bool collect_name(void *context, struct device *device) {
    struct names *names = context;
    if (!device_in_service(device)) return true;
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], device->target) == 0) return true;
    names->items = xrealloc(names->items, (names->count + 2) * sizeof *names->items);
    names->items[names->count++] = device->target;
    names->items[names->count] = NULL;
    return true;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **targets_in_service(struct core *core, size_t *ret_count) {
    struct names names = {0};
    names.items = xcalloc(1, sizeof *names.items);
    devices_each(core, collect_name, &names);
    qsort(names.items, names.count, sizeof *names.items, by_name);
    *ret_count = names.count;
    return names.items;
}
