/* Reads a probe's answer. */
#include "fleet/probe/probe.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/number.h"
#include "common/utf8.h"

#define HEADER "portolan-probe 1"

struct answer {
    json_t *probe;
    struct buf devices; /* JSON */
    bool complete;
};

static json_t *text_value(const char *text) {
    char out[PROBE_MAX_TEXT];
    utf8_copy(out, sizeof out, text);
    utf8_clean(out);
    return json_string(out);
}

static void add(json_t *probe, const char *list, json_t *item) {
    json_t *items = json_object_get(probe, list);
    if (json_array_size(items) < PROBE_MAX_ITEMS)
        json_array_append_new(items, item);
    else
        json_decref(item);
}

static json_t *whole(const char *text) {
    int64_t value;
    return text && number_int(text, &value) == NUMBER_OK && value >= 0 ? json_integer(value) : json_null();
}

/* --- lines ------------------------------------------------------------------------------------ */
static void read_disk(json_t *probe, char *value) {
    char *size = strsep(&value, " "), *left = strsep(&value, " ");
    if (value)
        add(probe, "disks",
            json_pack("{s:o, s:o, s:o}", "path", text_value(value), "size_kib", whole(size), "free_kib", whole(left)));
}

static void read_icd(json_t *probe, char *value) {
    char *file = strsep(&value, " ");
    if (value)
        add(probe, "opencl_drivers", json_pack("{s:o, s:o}", "icd", text_value(file), "library", text_value(value)));
}

static void read_node(json_t *probe, char *value) {
    char *mode = strsep(&value, " "), *owner = strsep(&value, " "), *group = strsep(&value, " ");
    if (value)
        add(probe, "device_nodes",
            json_pack("{s:o, s:o, s:o, s:o}", "path", text_value(value), "mode", text_value(mode), "owner",
                      text_value(owner), "group", text_value(group)));
}

static void read_pci(json_t *probe, char *value) {
    char *address = strsep(&value, " "), *vendor = strsep(&value, " "), *device = strsep(&value, " ");
    if (device)
        add(probe, "pci",
            json_pack("{s:o, s:o, s:o, s:o}", "address", text_value(address), "vendor", text_value(vendor), "device",
                      text_value(device), "driver", value && *value ? text_value(value) : json_null()));
}

static char *comma_field(char **rest) {
    char *field = strsep(rest, ",");
    return field ? field + strspn(field, " ") : NULL;
}

static void read_cuda(json_t *probe, char *value) {
    char *name = comma_field(&value), *driver = comma_field(&value), *memory = comma_field(&value);
    if (memory)
        add(probe, "cuda",
            json_pack("{s:o, s:o, s:o}", "name", text_value(name), "driver", text_value(driver), "memory_mib",
                      whole(memory)));
}

/* busybox's date knows no fractions and prints what it does not know. */
static void read_time(json_t *probe, char *value) {
    char *dot = strchr(value, '.');
    bool fraction = dot && dot[1] && dot[1 + strspn(dot + 1, "0123456789")] == 0;
    double time_s;
    if (dot && !fraction) *dot = 0;
    if (number_double(value, &time_s) != NUMBER_OK || time_s < 0 || time_s > 1e11) return;
    json_object_set_new(probe, "time_s", json_real(time_s));
    json_object_set_new(probe, "time_resolution_s", json_real(fraction ? 0 : 1));
}

static json_t *agent(json_t *probe) {
    json_t *a = json_object_get(probe, "agent");
    if (json_is_object(a)) return a;
    json_object_set_new(probe, "agent", json_pack("{s:n, s:n, s:n}", "path", "version", "devices_status"));
    return json_object_get(probe, "agent");
}

static void read_version(json_t *probe, const char *value) {
    const char *space = strchr(value, ' '); /* "portolan-agent 0.1.0" */
    json_object_set_new(agent(probe), "version", text_value(space ? space + 1 : value));
}

static void read_number(json_t *probe, const char *key, const char *value) {
    double number;
    if (number_double(value, &number) == NUMBER_OK && number >= 0) json_object_set_new(probe, key, json_real(number));
}

static bool read_list_line(json_t *probe, const char *key, char *value) {
    static const struct {
        const char *key;
        void (*read)(json_t *probe, char *value);
    } kinds[] = {{"disk", read_disk}, {"icd", read_icd},   {"node", read_node},
                 {"pci", read_pci},   {"cuda", read_cuda}, {"time", read_time}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(key, kinds[i].key) == 0) return kinds[i].read(probe, value), true;
    return false;
}

static void read_line(struct answer *a, char *line) {
    char *value = line, *key = strsep(&value, " ");
    json_t *probe = a->probe;
    if (strcmp(key, "end") == 0 && !value) a->complete = true;
    if (!value || read_list_line(probe, key, value)) return;
    if (strcmp(key, "kernel") == 0 || strcmp(key, "os") == 0 || strcmp(key, "agent_state") == 0)
        json_object_set_new(probe, key, text_value(value));
    else if (strcmp(key, "cuda_module") == 0)
        json_object_set_new(probe, "cuda_kernel_module", text_value(value));
    else if (strcmp(key, "cpus") == 0 || strcmp(key, "memory_kib") == 0)
        json_object_set_new(probe, key, whole(value));
    else if (strcmp(key, "load") == 0)
        read_number(probe, "load", value);
    else if (strcmp(key, "uptime") == 0)
        read_number(probe, "uptime_s", value);
    else if (strcmp(key, "agent") == 0)
        json_object_set_new(agent(probe), "path", text_value(value));
    else if (strcmp(key, "agent_version") == 0)
        read_version(probe, value);
    else if (strcmp(key, "devices_status") == 0)
        json_object_set_new(agent(probe), "devices_status", whole(value));
    else if (strcmp(key, "devices") == 0)
        buf_printf(&a->devices, "%s\n", value);
}

/* --- the agent's devices ---------------------------------------------------------------------- */
static json_t *device(const json_t *d) {
    static const char *const texts[] = {"id", "target", "kind", "name", "driver_version", "platform", "fingerprint"};
    json_t *kept = json_object();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *text = json_string_value(json_object_get(d, texts[i]));
        if (text) json_object_set_new(kept, texts[i], text_value(text));
    }
    json_t *memory = json_object_get(d, "memory_bytes");
    if (json_is_integer(memory)) json_object_set(kept, "memory_bytes", memory);
    return kept;
}

static void read_devices(struct answer *a) {
    json_t *list = a->devices.len ? json_loadb(a->devices.data, a->devices.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    size_t i;
    json_t *d;
    if (json_is_array(list)) json_array_foreach(list, i, d) if (json_is_object(d)) add(a->probe, "devices", device(d));
    json_decref(list);
}

/* What login scripts print goes before the header. */
static char *find_header(char *text) {
    for (char *at = text; (at = strstr(at, HEADER "\n")) != NULL; at++)
        if (at == text || at[-1] == '\n') return at + sizeof HEADER;
    return NULL;
}

json_t *probe_parse(const char *text, size_t len, struct error *err) {
    if (len > PROBE_MAX_BYTES) {
        error_set(err, ERR_LIMIT, "the answer is longer than %d bytes", PROBE_MAX_BYTES);
        return NULL;
    }
    CLEANUP_FREE char *copy = xstrndup(text, len);
    char *rest = find_header(copy);
    if (!rest) {
        error_set(err, ERR_INVALID,
                  len ? "the host answers something else than the probe's script" : "the host answers nothing");
        error_hint(err, "the account needs a shell there that runs /bin/sh");
        return NULL;
    }
    struct answer a = {.probe = json_pack("{s:n, s:[], s:[], s:[], s:[], s:[], s:[]}", "agent", "disks", "devices",
                                          "opencl_drivers", "cuda", "device_nodes", "pci")};
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) read_line(&a, line);
    read_devices(&a);
    buf_done(&a.devices);
    if (a.complete) return a.probe;
    json_decref(a.probe);
    error_set(err, ERR_INVALID, "the probe's answer breaks off");
    return NULL;
}
