/* Kafka: is it there, does it let us in, are the topics as they should be, may we do what our role needs? */
#include <string.h>

#include "cli/client.h"
#include "cli/doctor/doctor.h"
#include "cli/render.h"
#include "common/buf.h"
#include "common/fileio.h"
#include "fleet/bus/rights.h"

#define TIMEOUT_MS 10000

struct where {
    const struct options *opts;
    bool is_agent;
    char *bootstrap, *node; /* found on this machine; NULL else */
};

static void cleanup_where(struct where *w) {
    free(w->bootstrap);
    free(w->node);
}
static void cleanup_acls(struct acl_list *list) {
    acls_done(list);
}

static bool names_broker(const struct options *opts) {
    return opts && options_string(opts, "bootstrap");
}

/* The broker of the coordinator that runs here, embedded or not. */
static char *local_bootstrap(void) {
    CLEANUP_FREE char *path = runtime_file("coordinator.json", NULL);
    CLEANUP_JSON json_t *root = path ? json_load_file(path, 0, NULL) : NULL;
    const char *address = json_text(root, "kafka");
    return *address ? xstrdup(address) : NULL;
}

static char *node_name(const struct options *opts) {
    const char *given = options_string(opts, "node");
    char host[256] = "";
    if (!given && gethostname(host, sizeof host - 1) == 0) host[strcspn(host, ".")] = 0;
    return xstrdup(given ? given : host);
}

static struct bus *connect_bus(const struct where *w, struct error *err) {
    const char **keys = NULL, **values = NULL;
    size_t n = options_properties(w->opts, "kafka", &keys, &values);
    const char *named = options_string(w->opts, "bootstrap");
    const struct bus_config config = {.bootstrap = named ? named : w->bootstrap,
                                      .prefix = options_string(w->opts, "prefix"),
                                      .keys = keys,
                                      .values = values,
                                      .property_count = n};
    struct bus *bus = bus_new(&config, err);
    if (!bus || bus_wait(bus, TIMEOUT_MS, err) == 0) return bus;
    bus_free(bus);
    return NULL;
}

/* --- topics ----------------------------------------------------------------------------------- */
static void examine_topics(struct findings *f, struct bus *bus) {
    struct error err = ERROR_INIT;
    CLEANUP_FREE struct topic_status *status = NULL;
    size_t count = 0, bad = 0;
    CLEANUP_FREE char *create = xasprintf("portolan topics --bootstrap %s --create", bus_bootstrap(bus));
    CLEANUP_FREE char *look =
        xasprintf("portolan topics --bootstrap %s, and kafka-configs --alter", bus_bootstrap(bus));
    if (topics_check(bus, TIMEOUT_MS, &status, &count, &err) != 0) {
        findings_add_error(f, AREA_BROKER, "topics", err.code == ERR_AUTH ? HEALTH_SKIPPED : HEALTH_WARNING, NULL,
                           &err);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (status[i].exists && !*status[i].problem) continue;
        bad++;
        findings_add(f, AREA_BROKER, "topics", status[i].exists ? HEALTH_WARNING : HEALTH_MISSING,
                     status[i].exists ? look : create, "%s: %s", status[i].full_name,
                     status[i].exists ? status[i].problem : "is not there");
    }
    if (!bad)
        findings_add(f, AREA_BROKER, "topics", HEALTH_OK, NULL, "%zu topics are there, with their settings", count);
}

/* --- rights ----------------------------------------------------------------------------------- */
static void report_rights(struct findings *f, const struct bus *bus, const struct acl_list *list,
                          const struct right_status *rights) {
    size_t granted = 0, unseen = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct acl *acl = &rights[i].acl;
        granted += rights[i].state == RIGHT_GRANTED;
        unseen += rights[i].state == RIGHT_UNSEEN || rights[i].state == RIGHT_NO_TOPIC;
        if (rights[i].state != RIGHT_DENIED) continue;
        size_t used = 0;
        CLEANUP_FREE char *command = acl_command(list, i, bus_bootstrap(bus), &used);
        findings_add(f, AREA_BROKER, "rights", HEALTH_MISSING, command, "%s may not %s %s %s", acl->principal,
                     acl->operation, acl->resource, acl->name);
    }
    if (granted + unseen == list->count)
        findings_add(f, AREA_BROKER, "rights", HEALTH_OK, NULL, "%s has the rights of %s (%zu seen, %zu not)",
                     list->items[0].principal, list->items[0].role == ACL_AGENT ? "an agent" : "the coordinator",
                     granted, unseen);
}

static void examine_rights(struct findings *f, const struct where *w, struct bus *bus) {
    struct error err = ERROR_INIT;
    CLEANUP(cleanup_acls) struct acl_list list = {0};
    CLEANUP_FREE struct right_status *rights = NULL;
    enum acl_role role = w->is_agent ? ACL_AGENT : ACL_COORDINATOR;
    if (acls_add(&list, options_string(w->opts, "prefix"), role, w->node, bus_principal(bus), &err) != 0 ||
        rights_check(bus, &list, TIMEOUT_MS, &rights, &err) != 0) {
        bool none = err.code == ERR_UNSUPPORTED;
        findings_add_error(f, AREA_BROKER, "rights", none ? HEALTH_SKIPPED : HEALTH_WARNING, NULL, &err);
        return;
    }
    report_rights(f, bus, &list, rights);
}

void examine_broker(struct findings *f, const struct options *opts, const struct options *agent) {
    struct error err = ERROR_INIT;
    CLEANUP(cleanup_where) struct where w = {.opts = opts};
    if (!names_broker(opts) && names_broker(agent)) w.opts = agent, w.is_agent = true, w.node = node_name(agent);
    if (!names_broker(w.opts)) w.bootstrap = local_bootstrap();
    if (!names_broker(w.opts) && !w.bootstrap) {
        findings_add(
            f, AREA_BROKER, "reach", HEALTH_MISSING,
            "write `kafka: {bootstrap.servers: HOST:9092}` into /etc/portolan/config.yaml (agents: agent.yaml), or "
            "portolan serve --embedded for a first try",
            "no broker is named, and no coordinator runs on this machine");
        return;
    }
    CLEANUP(cleanup_bus) struct bus *bus = connect_bus(&w, &err);
    if (!bus) {
        const char *mend = strstr(err.text, "hint:") ? NULL
                                                     : "start Kafka at that address, or set kafka: {bootstrap.servers: "
                                                       "HOST:PORT} to where it is, and open the way there";
        findings_add_error(f, AREA_BROKER, "reach", HEALTH_MISSING, mend, &err);
        return;
    }
    bool embedded = bus_is_embedded(bus);
    findings_add(f, AREA_BROKER, "reach", HEALTH_OK, NULL, "%s answers%s", bus_bootstrap(bus),
                 embedded ? ": the embedded broker, which keeps nothing over a restart" : "");
    if (embedded) {
        findings_add(f, AREA_BROKER, "topics", HEALTH_SKIPPED, NULL,
                     "the embedded broker knows neither settings nor rights");
        return;
    }
    if (!w.is_agent) examine_topics(f, bus);
    examine_rights(f, &w, bus);
}
