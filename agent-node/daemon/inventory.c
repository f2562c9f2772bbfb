#include "agent-node/daemon/inventory.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "fleet/bus/topics.h"

static void fill_cpu(struct rec_node *node) {
    CLEANUP_FILE FILE *f = fopen("/proc/cpuinfo", "re");
    char line[256];
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        colon[strcspn(colon, "\n")] = '\0';
        rec_set(&node->cpu, colon + 2);
        break;
    }
    node->cores = (int32_t)sysconf(_SC_NPROCESSORS_ONLN);
    node->memory_bytes = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

static void copy_list(const struct rec_list_string *from, struct rec_list_string *to) {
    for (size_t i = 0; from && i < from->count; i++) rec_list_string_push(to, from->items[i]);
}

void inventory_fill(struct rec_node *ret, const struct session_config *config, const char *incarnation,
                    int64_t started_ms) {
    rec_node_init(ret);
    rec_set(&ret->node, config->node);
    rec_set(&ret->incarnation, incarnation);
    rec_set(&ret->agent_version, PORTOLAN_VERSION);
    ret->protocol = PROTOCOL_VERSION;
    struct utsname uts;
    if (!uname(&uts)) {
        rec_set(&ret->host, uts.nodename);
        rec_setf(&ret->os, "%s %s %s", uts.sysname, uts.release, uts.machine);
    }
    fill_cpu(ret);
    copy_list(config->labels, &ret->labels);
    copy_list(config->only, &ret->only);
    copy_list(config->refuse, &ret->refuse);
    devices_list(config->devices, &ret->devices);
    devices_failing(config->devices, &ret->failing);
    CLEANUP_FREE char *trouble = duty_trouble(config->duty);
    rec_set(&ret->trouble, trouble);
    bool level = ret->devices.count && *ret->devices.items[0].sandbox; /* one machine, one level */
    rec_set(&ret->sandbox, level ? ret->devices.items[0].sandbox : config->sandbox ? config->sandbox : "");
    ret->started_ms = started_ms;
}

int inventory_send(struct bus_producer *producer, const char *topic, int32_t partition, const char *key,
                   const struct rec_desc *desc, const void *rec, struct error *err) {
    CLEANUP_FREE uint8_t *data = NULL;
    size_t len = 0;
    if (codec_encode(desc, rec, CODEC_SINGLE_OBJECT, 0, &data, &len, err)) return -1;
    return bus_send(producer, topic, partition, key, data, len, NULL, err);
}

int inventory_publish(struct bus_producer *producer, const struct rec_node *node, int timeout_ms, int64_t *ret_offset,
                      struct error *err) {
    CLEANUP_FREE uint8_t *data = NULL;
    size_t len = 0;
    if (codec_encode(&rec_node_desc, node, CODEC_SINGLE_OBJECT, 0, &data, &len, err)) return -1;
    return bus_send_wait(producer, TOPIC_NODES, 0, node->node, data, len, timeout_ms, ret_offset, err);
}

struct schema_visit {
    struct codec *codec;
    struct rec_list_string known; /* fingerprints on the topic */
};

static int learn(void *context, const struct bus_record *record, struct error *err) {
    struct schema_visit *visit = context;
    struct rec_schema schema;
    (void)err;
    if (!record->value || codec_decode_as(visit->codec, record->value, record->len, &rec_schema_desc, &schema, NULL))
        return 0;
    codec_learn(visit->codec, schema.text, NULL);
    rec_list_string_push(&visit->known, schema.fingerprint);
    rec_schema_done(&schema);
    return 0;
}

static int publish_schema(struct bus_producer *producer, const struct rec_desc *desc, const char *fingerprint,
                          int timeout_ms, struct error *err) {
    struct rec_schema schema;
    rec_schema_init(&schema);
    rec_set(&schema.name, desc->full_name);
    rec_set(&schema.fingerprint, fingerprint);
    rec_set(&schema.text, desc->text);
    CLEANUP_FREE uint8_t *data = NULL;
    size_t len = 0;
    int rc = codec_encode(&rec_schema_desc, &schema, CODEC_SINGLE_OBJECT, 0, &data, &len, err);
    rec_schema_done(&schema);
    return rc ? rc : bus_send_wait(producer, TOPIC_SCHEMAS, 0, fingerprint, data, len, timeout_ms, NULL, err);
}

static void visit_done(struct schema_visit *visit) {
    for (size_t i = 0; i < visit->known.count; i++) free(visit->known.items[i]);
    free(visit->known.items);
}

int inventory_learn_schemas(struct bus *bus, struct codec *codec, int timeout_ms, struct error *err) {
    CLEANUP(visit_done) struct schema_visit visit = {.codec = codec};
    return bus_replay(bus, TOPIC_SCHEMAS, false, timeout_ms, learn, &visit, err);
}

int inventory_publish_schemas(struct bus *bus, struct bus_producer *producer, struct codec *codec, int timeout_ms,
                              struct error *err) {
    static const struct rec_desc *const written[] = {&rec_schema_desc, &rec_node_desc, &rec_heartbeat_desc,
                                                     &rec_attempt_desc, &rec_dead_letter_desc};
    CLEANUP(visit_done) struct schema_visit visit = {.codec = codec};
    int rc = bus_replay(bus, TOPIC_SCHEMAS, false, timeout_ms, learn, &visit, err);
    for (size_t i = 0; !rc && i < sizeof written / sizeof *written; i++) {
        char fingerprint[17];
        codec_fingerprint_hex(written[i], fingerprint);
        if (!rec_list_string_has(&visit.known, fingerprint))
            rc = publish_schema(producer, written[i], fingerprint, timeout_ms, err);
    }
    return rc;
}
