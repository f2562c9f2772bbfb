#include "coordinator/publish/wire.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/number.h"
#include "coordinator/publish/schemas.h"

#define META_KIND "schema_ids" /* whose ids are on the topics: own or external */
#define META_ID "schema_ids.%d"
#define FRAME_BYTES 5

struct entry {
    int32_t own, external; /* external: -1 while unknown */
    char *subject, *text;
    bool asked; /* the registry has given, or confirmed, the id since this start */
    bool tell;  /* wire_learned() */
};
struct wire {
    struct registry *registry;
    pthread_mutex_t mutex; /* of the entries, and of who asks the registry */
    struct entry *entries;
    size_t count;
    int32_t in_use[2]; /* own ids of what is written now */
};

/* --- from the store --------------------------------------------------------------------------- */
static int known_external(struct store *store, int32_t own, int32_t *ret, struct error *err) {
    char key[40];
    int64_t value = -1;
    snprintf(key, sizeof key, META_ID, own);
    CLEANUP_FREE char *text = store_meta_get(store, key, err);
    if (!text) return -1;
    if (*text && (number_int(text, &value) != NUMBER_OK || value < 0 || value > INT32_MAX))
        return error_set(err, ERR_IO, "the store's `%s` is not an id", key);
    *ret = (int32_t)value;
    return 0;
}

static int add(void *context, const struct row_schema *row, struct error *err) {
    struct wire *wire = context;
    (void)err;
    if (strncmp(row->subject, SCHEMA_INTERNAL, strlen(SCHEMA_INTERNAL)) == 0) return 0;
    wire->entries = xrealloc(wire->entries, (wire->count + 1) * sizeof *wire->entries);
    wire->entries[wire->count++] =
        (struct entry){.own = row->id, .external = -1, .subject = xstrdup(row->subject), .text = xstrdup(row->text)};
    return 0;
}

static int load(struct wire *wire, struct core *core, struct error *err) {
    if (store_schemas(core->store, add, wire, err) != 0) return -1;
    for (size_t i = 0; i < wire->count; i++)
        if (known_external(core->store, wire->entries[i].own, &wire->entries[i].external, err) != 0) return -1;
    wire->in_use[0] = core->schema_result;
    wire->in_use[1] = core->schema_measurement;
    return 0;
}

/* Both kinds of ids on one topic could not be told apart by any consumer. */
static int check_kind(struct core *core, bool external, struct error *err) {
    const char *wanted = external ? "external" : "own";
    CLEANUP_FREE char *kind = store_meta_get(core->store, META_KIND, err);
    if (!kind) return -1;
    bool used = store_result_count(core->store) > 0;
    const char *found = *kind ? kind : used ? "own" : wanted;
    if (strcmp(found, wanted) != 0 && used) {
        error_set(err, ERR_CONFLICT, "the topics under `%s` hold schema ids of %s, and %s", core->config.prefix,
                  external ? "this coordinator's own registry" : "an external registry",
                  external ? "schema_registry names an external one" : "no schema_registry is configured");
        return error_hint(err,
                          "another registry means new topics: leave schema_registry as it was, or begin anew with "
                          "another --prefix and --state-dir");
    }
    return store_meta_put(core->store, META_KIND, wanted, err);
}

struct wire *wire_new(struct core *core, struct registry *registry, struct error *err) {
    struct wire *wire = xcalloc(1, sizeof *wire);
    pthread_mutex_init(&wire->mutex, NULL);
    wire->registry = registry;
    if (check_kind(core, registry != NULL, err) == 0 && load(wire, core, err) == 0 &&
        store_commit(core->store, err) == 0)
        return wire;
    wire->registry = NULL; /* the caller's still */
    wire_free(wire);
    return NULL;
}

void wire_free(struct wire *wire) {
    if (!wire) return;
    for (size_t i = 0; i < wire->count; i++) {
        free(wire->entries[i].subject);
        free(wire->entries[i].text);
    }
    free(wire->entries);
    registry_free(wire->registry);
    pthread_mutex_destroy(&wire->mutex);
    free(wire);
}

bool wire_is_external(const struct wire *wire) {
    return wire->registry != NULL;
}

void wire_cancel(struct wire *wire) {
    if (wire && wire->registry) registry_cancel(wire->registry);
}

int wire_keep(struct core *core, const struct wire_id *id, struct error *err) {
    char key[40], value[16];
    snprintf(key, sizeof key, META_ID, id->own);
    snprintf(value, sizeof value, "%d", id->external);
    return store_meta_put(core->store, key, value, err);
}

/* --- asking; with the mutex held -------------------------------------------------------------- */
static int settle(struct wire *wire, struct entry *entry, int32_t id, struct error *err) {
    if (entry->external >= 0 && entry->external != id) {
        error_set(err, ERR_CONFLICT,
                  "schema registry %s gives the schema of %s the id %d, and the topic's records say %d",
                  registry_url(wire->registry), entry->subject, id, entry->external);
        return error_hint(err,
                          "is it another registry, or was it emptied? Restore it or name the one of before; a new "
                          "registry means new topics");
    }
    if (entry->external < 0)
        log_info("schema registry %s: %s has id %d", registry_url(wire->registry), entry->subject, id);
    entry->tell = entry->external != id;
    entry->external = id;
    entry->asked = true;
    return 0;
}

/* The id that the entry is to be written with. A registry that is away is asked again with the next start. */
static int resolve(struct wire *wire, struct entry *entry, struct error *err) {
    int32_t id = -1;
    struct error problem = ERROR_INIT;
    if (entry->asked) return 0;
    if (registry_register(wire->registry, entry->subject, entry->text, &id, &problem) == 0)
        return settle(wire, entry, id, err);
    if (entry->external >= 0 && (problem.code == ERR_NETWORK || problem.code == ERR_TIMEOUT)) {
        log_warn("%s; the ids that it gave before are used", problem.text);
        for (size_t i = 0; i < wire->count; i++) wire->entries[i].asked |= wire->entries[i].external >= 0;
        return 0;
    }
    if (err) *err = problem;
    return -1;
}

/* --- the frame -------------------------------------------------------------------------------- */
static int32_t frame_id(const uint8_t *value) {
    return (int32_t)((uint32_t)value[1] << 24 | (uint32_t)value[2] << 16 | (uint32_t)value[3] << 8 | value[4]);
}

static void set_frame_id(uint8_t *value, int32_t id) {
    for (int i = 0; i < 4; i++) value[1 + i] = (uint8_t)((uint32_t)id >> (24 - 8 * i));
}

static bool is_framed(const uint8_t *value, size_t len) {
    return len >= FRAME_BYTES && value[0] == 0;
}

int wire_register(struct wire *wire, struct error *err) {
    int status = 0;
    if (!wire->registry) return 0;
    pthread_mutex_lock(&wire->mutex);
    for (size_t i = 0; i < wire->count && status == 0; i++)
        if (wire->entries[i].own == wire->in_use[0] || wire->entries[i].own == wire->in_use[1])
            status = resolve(wire, &wire->entries[i], err);
    pthread_mutex_unlock(&wire->mutex);
    return status;
}

int wire_out(struct wire *wire, uint8_t *value, size_t len, struct error *err) {
    int status = -1;
    struct entry *found = NULL;
    if (!wire->registry) return 0;
    if (!is_framed(value, len)) return error_set(err, ERR_INTERNAL, "a public record without a frame");
    int32_t own = frame_id(value);
    pthread_mutex_lock(&wire->mutex);
    for (size_t i = 0; i < wire->count; i++)
        if (wire->entries[i].own == own) found = &wire->entries[i];
    if (!found)
        error_set(err, ERR_INTERNAL, "a public record with schema id %d, which is none of ours", own);
    else if (resolve(wire, found, err) == 0)
        status = 0;
    if (status == 0) set_frame_id(value, found->external);
    pthread_mutex_unlock(&wire->mutex);
    return status;
}

int wire_in(struct wire *wire, uint8_t *value, size_t len, struct error *err) {
    bool found = false;
    if (!wire->registry) return 0;
    if (!is_framed(value, len)) return error_set(err, ERR_INVALID, "not in the Confluent wire format");
    int32_t external = frame_id(value);
    pthread_mutex_lock(&wire->mutex);
    for (size_t i = 0; i < wire->count && !found; i++) {
        if (wire->entries[i].external != external) continue;
        set_frame_id(value, wire->entries[i].own);
        found = true;
    }
    pthread_mutex_unlock(&wire->mutex);
    return found ? 0 : error_set(err, ERR_NOT_FOUND, "schema id %d is none of ours", external);
}

bool wire_learned(struct wire *wire, struct wire_id *ret) {
    bool found = false;
    pthread_mutex_lock(&wire->mutex);
    for (size_t i = 0; i < wire->count && !found; i++) {
        if (!wire->entries[i].tell) continue;
        *ret = (struct wire_id){.own = wire->entries[i].own, .external = wire->entries[i].external};
        wire->entries[i].tell = false;
        found = true;
    }
    pthread_mutex_unlock(&wire->mutex);
    return found;
}
