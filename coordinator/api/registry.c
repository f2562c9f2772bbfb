/* The read side of the Schema Registry API (Confluent's paths and error codes) for the schemas of the public topics.
 * With an external registry configured it has nothing: the ids on the topics are that one's, and ours would name
 * others. */
#include <string.h>

#include "common/number.h"
#include "coordinator/api/internal.h"
#include "coordinator/publish/schemas.h"

#define CONTENT_TYPE "application/vnd.schemaregistry.v1+json"
#define NO_SUBJECT 40401
#define NO_VERSION 40402
#define NO_SCHEMA 40403

struct asking {
    int64_t id;          /* by id; else -1 */
    const char *subject; /* NULL: all */
    int64_t version;     /* 0: all, -1: latest */
    json_t *found;       /* array of {subject, version, id, schema}, in the order of ids */
    char elsewhere[256]; /* address of the external registry, which is to be asked in our place; or "" */
};

static int collect(void *context, const struct row_schema *row, struct error *err) {
    struct asking *asking = context;
    (void)err;
    if (strncmp(row->subject, SCHEMA_INTERNAL, strlen(SCHEMA_INTERNAL)) == 0) return 0;
    if (asking->id >= 0 && row->id != asking->id) return 0;
    if (asking->subject && strcmp(row->subject, asking->subject) != 0) return 0;
    if (asking->version > 0 && row->version != asking->version) return 0;
    json_t *json = json_object();
    json_object_set_new(json, "subject", json_string(row->subject));
    json_object_set_new(json, "version", json_integer(row->version));
    json_object_set_new(json, "id", json_integer(row->id));
    json_object_set_new(json, "schema", json_string(row->text));
    json_array_append_new(asking->found, json);
    return 0;
}

static int look(struct core *core, void *context, struct error *err) {
    struct asking *asking = context;
    asking->found = json_array();
    snprintf(asking->elsewhere, sizeof asking->elsewhere, "%s", core->registry.url);
    if (*asking->elsewhere) return 0;
    return store_schemas(core->store, collect, asking, err);
}

static enum MHD_Result refuse(struct request *request, int code, const char *text) {
    json_t *json = json_object();
    json_object_set_new(json, "error_code", json_integer(code));
    json_object_set_new(json, "message", json_string(text));
    char *dump = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    enum MHD_Result result = api_text(request, MHD_HTTP_NOT_FOUND, CONTENT_TYPE, dump ? dump : "{}");
    free(dump);
    return result;
}

/* Steals the array. */
static enum MHD_Result send_json(struct request *request, json_t *json) {
    char *dump = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    enum MHD_Result result = api_text(request, MHD_HTTP_OK, CONTENT_TYPE, dump ? dump : "null");
    free(dump);
    return result;
}

static bool ask(struct request *request, struct asking *asking, enum MHD_Result *ret) {
    struct error err = ERROR_INIT;
    if (loop_call(request->api->loop, look, asking, &err) == 0 && !*asking->elsewhere) return true;
    json_decref(asking->found);
    if (*asking->elsewhere) {
        char text[400];
        snprintf(text, sizeof text, "the schemas of these topics are in the registry at %s", asking->elsewhere);
        *ret = refuse(request, asking->id >= 0 ? NO_SCHEMA : NO_SUBJECT, text);
    } else {
        *ret = api_error(request, &err);
    }
    return false;
}

/* The values of one key of all found, each once; steals nothing. */
static json_t *values(const json_t *found, const char *key) {
    json_t *list = json_array(), *item, *known;
    size_t i, k;
    json_array_foreach(found, i, item) {
        json_t *value = json_object_get(item, key);
        bool seen = false;
        json_array_foreach(list, k, known) {
            seen |= json_equal(known, value);
        }
        if (!seen) json_array_append(list, value);
    }
    return list;
}

enum MHD_Result api_schema_by_id(struct request *request) {
    enum MHD_Result result = MHD_NO;
    struct asking asking = {.id = -1};
    if (number_int(request->id, &asking.id) != NUMBER_OK || asking.id < 0)
        return refuse(request, NO_SCHEMA, "Schema not found");
    if (!ask(request, &asking, &result)) return result;
    const char *schema = json_string_value(json_object_get(json_array_get(asking.found, 0), "schema"));
    json_t *json = json_object();
    if (schema) json_object_set_new(json, "schema", json_string(schema));
    json_decref(asking.found);
    if (schema) return send_json(request, json);
    json_decref(json);
    return refuse(request, NO_SCHEMA, "Schema not found");
}

enum MHD_Result api_subjects(struct request *request) {
    enum MHD_Result result = MHD_NO;
    struct asking asking = {.id = -1};
    if (!ask(request, &asking, &result)) return result;
    json_t *subjects = values(asking.found, "subject");
    json_decref(asking.found);
    return send_json(request, subjects);
}

enum MHD_Result api_subject_versions(struct request *request) {
    enum MHD_Result result = MHD_NO;
    struct asking asking = {.id = -1, .subject = request->id};
    if (!ask(request, &asking, &result)) return result;
    bool none = json_array_size(asking.found) == 0;
    json_t *versions = values(asking.found, "version");
    json_decref(asking.found);
    if (!none) return send_json(request, versions);
    json_decref(versions);
    return refuse(request, NO_SUBJECT, "Subject not found");
}

enum MHD_Result api_subject_version(struct request *request) {
    enum MHD_Result result = MHD_NO;
    struct asking asking = {.id = -1, .subject = request->id, .version = -1};
    bool latest = strcmp(request->id2, "latest") == 0;
    if (!latest && (number_int(request->id2, &asking.version) != NUMBER_OK || asking.version < 1))
        return refuse(request, NO_VERSION, "Version not found");
    if (!ask(request, &asking, &result)) return result;
    size_t n = json_array_size(asking.found);
    json_t *last = n ? json_incref(json_array_get(asking.found, n - 1)) : NULL;
    json_decref(asking.found);
    return last ? send_json(request, last)
                : refuse(request, latest ? NO_SUBJECT : NO_VERSION, latest ? "Subject not found" : "Version not found");
}
