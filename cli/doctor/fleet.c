/* The fleet as the coordinator sees it, beside the inventory. */
#include <string.h>

#include "cli/client.h"
#include "cli/doctor/doctor.h"
#include "cli/fleet_hosts.h"
#include "cli/render.h"
#include "common/buf.h"

/* --- coordinator ------------------------------------------------------------------------------ */
static void judge_coordinator(struct findings *f, const json_t *health) {
    const char *version = json_text(health, "version");
    const json_t *broker = json_object_get(health, "broker");
    if (strcmp(json_text(broker, "state"), "connected") != 0)
        findings_add(f, AREA_FLEET, "coordinator", HEALTH_MISSING, "portolan doctor --only broker, on its machine",
                     "version %s has no connection to Kafka at %s: %s", version, json_text(broker, "bootstrap"),
                     json_text(broker, "last_error"));
    else
        findings_add(f, AREA_FLEET, "coordinator", HEALTH_OK, NULL, "version %s, %lld nodes in service", version,
                     json_count(json_object_get(health, "nodes"), "in_service"));
    if (strcmp(version, PORTOLAN_VERSION) != 0)
        findings_add(f, AREA_FLEET, "versions", HEALTH_WARNING, "apt-get install --only-upgrade portolan",
                     "this program is version " PORTOLAN_VERSION ", the coordinator %s", version);
}

/* --- nodes ------------------------------------------------------------------------------------ */
/* States that somebody should do something about. `mend` has one %s, the node's name. */
static const struct {
    const char *state, *mend;
    enum health health;
} states[] = {
    {"absent", "ssh %s sudo systemctl restart portolan-agent", HEALTH_MISSING},
    {"left", "ssh %s sudo systemctl start portolan-agent", HEALTH_WARNING},
    {"pending", "portolan node approve %s", HEALTH_WARNING},
    {"refused", "portolan node approve %s, or upgrade its agent when the reason is its version", HEALTH_WARNING},
    {"quarantined", "portolan node resume %s --force, when what it failed for is mended", HEALTH_WARNING},
    {"trouble", "ssh %s df -h /var/lib/portolan-agent /var/cache/portolan-agent", HEALTH_WARNING},
    {"starting", "ssh %s journalctl -u portolan-agent -n 20, if it stays so", HEALTH_WARNING},
};

/* True when there was something to say. */
static bool judge_state(struct findings *f, const json_t *node) {
    const char *state = json_text(node, "state"), *name = json_text(node, "node"), *reason = json_text(node, "reason");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (strcmp(states[i].state, state) != 0) continue;
        const char *place = strstr(states[i].mend, "%s");
        CLEANUP_FREE char *mend =
            xasprintf("%.*s%s%s", (int)(place - states[i].mend), states[i].mend, name, place + strlen("%s"));
        findings_add(f, AREA_FLEET, "nodes", states[i].health, mend, "%s is %s%s%s", name, state, *reason ? ": " : "",
                     reason);
        return true;
    }
    return false;
}

static bool judge_devices_of(struct findings *f, const json_t *node) {
    const char *name = json_text(node, "node");
    const json_t *device;
    size_t i, before = f->count;
    CLEANUP_FREE char *resume = xasprintf("portolan node resume %s --force, when what it failed for is mended", name);
    CLEANUP_FREE char *look = xasprintf("ssh %s portolan-agent devices", name);
    json_array_foreach(json_object_get(node, "devices"), i,
                       device) if (!strcmp(json_text(device, "state"), "quarantined"))
        findings_add(f, AREA_FLEET, "devices", HEALTH_WARNING, resume, "%s of %s is quarantined: %s",
                     json_text(device, "id"), name, json_text(device, "reason"));
    json_array_foreach(json_object_get(node, "failing"), i, device)
        findings_add(f, AREA_FLEET, "devices", HEALTH_WARNING, look, "%s of %s does not work: %s",
                     json_text(device, "id"), name, json_text(device, "reason"));
    return f->count != before;
}

static bool judge_node_version(struct findings *f, const json_t *node, const char *version) {
    const char *name = json_text(node, "node"), *own = json_text(node, "agent_version");
    if (strcmp(own, version) == 0) return false;
    CLEANUP_FREE char *mend = xasprintf("ansible-playbook ansible/upgrade.yml --limit %s", name);
    findings_add(f, AREA_FLEET, "versions", HEALTH_WARNING, mend, "the agent of %s is version %s, the coordinator %s",
                 name, own, version);
    return true;
}

static bool judge_node_sandbox(struct findings *f, const json_t *node) {
    const char *name = json_text(node, "node"), *level = json_text(node, "sandbox");
    if (!*level || strncmp(level, "bubblewrap", 10) == 0) return false;
    CLEANUP_FREE char *mend = xasprintf("ssh %s portolan doctor --only machine", name);
    findings_add(f, AREA_FLEET, "sandbox", HEALTH_WARNING, mend, "runners of %s are confined by %s only", name, level);
    return true;
}

static const json_t *find_node(const json_t *nodes, const char *host) {
    size_t i;
    json_t *node;
    size_t len = strcspn(host, ".");
    json_array_foreach(nodes, i, node) {
        const char *name = json_text(node, "node");
        if (!strcasecmp(name, host) || !strcasecmp(json_text(node, "host"), host)) return node;
        if (strlen(name) == len && !strncasecmp(name, host, len)) return node;
    }
    return NULL;
}

static void judge_inventory(struct findings *f, const json_t *nodes, const json_t *hosts) {
    size_t i, without = 0;
    json_t *host;
    json_array_foreach(hosts, i, host) {
        const char *name = json_shown(host);
        if (find_node(nodes, name)) continue;
        without++;
        CLEANUP_FREE char *mend = xasprintf(
            "portolan fleet probe --limit %s, then ansible-playbook ansible/agents.yml --limit %s", name, name);
        findings_add(f, AREA_FLEET, "inventory", HEALTH_WARNING, mend, "no node has registered from %s", name);
    }
    if (hosts && !without)
        findings_add(f, AREA_FLEET, "inventory", HEALTH_OK, NULL, "each of its %zu hosts has a node",
                     json_array_size(hosts));
}

void judge_fleet(struct findings *f, const json_t *health, const json_t *nodes, const json_t *hosts) {
    size_t i, well = 0, n = json_array_size(nodes);
    json_t *node;
    judge_coordinator(f, health);
    json_array_foreach(nodes, i, node) {
        bool said = judge_state(f, node);
        said |= judge_devices_of(f, node);
        said |= judge_node_version(f, node, json_text(health, "version"));
        said |= judge_node_sandbox(f, node);
        well += !said;
    }
    if (!n)
        findings_add(f, AREA_FLEET, "nodes", HEALTH_MISSING, "portolan-agent run, on a machine with a device",
                     "no node has registered");
    else if (well)
        findings_add(f, AREA_FLEET, "nodes", HEALTH_OK, NULL, "nothing is wrong with %zu of %zu", well, n);
    judge_inventory(f, nodes, hosts);
}

/* --- asking ----------------------------------------------------------------------------------- */
/* The names of the inventory's hosts; NULL when there is none. */
static json_t *inventory_names(struct findings *f, const struct options *opts) {
    struct error err = ERROR_INIT;
    CLEANUP(fleet_hosts_done) struct fleet_hosts hosts;
    if (fleet_hosts_load(opts, &hosts, &err) != 0) {
        bool none = err.code == ERR_NOT_FOUND && !options_given(opts, "inventory");
        findings_add_error(f, AREA_FLEET, "inventory", none ? HEALTH_SKIPPED : HEALTH_MISSING, NULL, &err);
        return NULL;
    }
    json_t *names = json_array();
    for (size_t i = 0; i < hosts.n; i++) json_array_append_new(names, json_string(inventory_host_name(hosts.host[i])));
    return names;
}

void examine_fleet(struct findings *f, const struct options *opts) {
    struct error err = ERROR_INIT;
    CLEANUP_JSON json_t *hosts = inventory_names(f, opts);
    if (hosts && !options_flag(opts, "no-probe")) examine_hosts(f, opts);
    CLEANUP(cleanup_client) struct client *client = client_new(opts, &err);
    if (!client) {
        bool none = err.code == ERR_NOT_FOUND && !options_given(opts, "api");
        findings_add_error(f, AREA_FLEET, "coordinator", none ? HEALTH_SKIPPED : HEALTH_MISSING, NULL, &err);
        return;
    }
    CLEANUP_JSON json_t *health = client_get(client, "/v1/health", &err);
    CLEANUP_JSON json_t *nodes = health ? client_get(client, "/v1/nodes", &err) : NULL;
    if (!nodes)
        findings_add_error(f, AREA_FLEET, "coordinator", HEALTH_MISSING, NULL, &err);
    else
        judge_fleet(f, health, json_object_get(nodes, "nodes"), hosts);
}
