/* A probe in words. */
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "fleet/probe/probe.h"

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "?";
}

static void join(struct buf *b, const char *text) {
    buf_printf(b, "%s%s", b->len ? "; " : "", text);
}

static void add_named(struct buf *b, const json_t *list, const char *name, const char *driver) {
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) {
        CLEANUP_FREE char *text = xasprintf("%s (%s)", text_of(item, name), text_of(item, driver));
        join(b, text);
    }
}

/* Without an agent: what libraries and nodes promise. */
static void add_signs(struct buf *b, const json_t *probe) {
    const json_t *drivers = json_object_get(probe, "opencl_drivers"), *nodes = json_object_get(probe, "device_nodes"),
                 *pci = json_object_get(probe, "pci");
    size_t i, bare = 0;
    json_t *item;
    CLEANUP(buf_done) struct buf names = BUF_INIT;
    json_array_foreach(drivers, i, item) buf_printf(&names, "%s%s", i ? ", " : "OpenCL drivers ", text_of(item, "icd"));
    if (names.len) join(b, names.data);
    buf_clear(&names);
    json_array_foreach(nodes, i, item) buf_printf(&names, "%s%s", i ? ", " : "", text_of(item, "path"));
    if (names.len) join(b, names.data);
    json_array_foreach(pci, i, item) bare += json_is_null(json_object_get(item, "driver"));
    buf_clear(&names);
    buf_printf(&names, "%zu PCI display device%s without a driver", bare, bare == 1 ? "" : "s");
    if (bare) join(b, names.data);
}

char *probe_devices_text(const json_t *probe) {
    struct buf b = BUF_INIT;
    const json_t *devices = json_object_get(probe, "devices");
    add_named(&b, devices, "name", "driver_version");
    if (!json_array_size(devices)) {
        add_named(&b, json_object_get(probe, "cuda"), "name", "driver");
        add_signs(&b, probe);
    }
    if (!b.len) buf_puts(&b, "none seen");
    return buf_take(&b);
}

char *probe_agent_text(const json_t *probe) {
    const json_t *agent = json_object_get(probe, "agent");
    const char *state = json_string_value(json_object_get(probe, "agent_state"));
    if (!json_is_object(agent)) return xstrdup("not installed");
    return xasprintf("%s %s", text_of(agent, "version"), state && *state ? state : "?");
}

long long probe_free_kib(const json_t *probe) {
    long long best = -1;
    size_t i, len = 0;
    json_t *disk;
    json_array_foreach(json_object_get(probe, "disks"), i, disk) {
        const json_t *left = json_object_get(disk, "free_kib");
        size_t path = strlen(text_of(disk, "path")); /* the deeper, the nearer to the agent's state */
        if (!json_is_integer(left) || path < len) continue;
        len = path;
        best = json_integer_value(left);
    }
    return best;
}
