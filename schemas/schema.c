/* Parser of writers' schemas. A schema is untrusted: sizes, depth and every key are checked here, so that the decoder
 * and the canonical form may rely on what they walk. */
#include "schemas/schema.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "schemas/codec.h"

#define NAME_MAX_BYTES 256
#define FIXED_MAX_BYTES CODEC_RECORD_MAX_BYTES

const char *schema_kind_name(enum schema_kind kind) {
    static const char *const names[] = {"null",   "boolean", "int",  "long",  "float", "double", "bytes",
                                        "string", "record",  "enum", "array", "map",   "union",  "fixed"};
    return names[kind];
}

struct parser {
    struct schema *schema;
    size_t types; /* types and fields so far */
    struct error *err;
};

static struct schema_type *new_type(struct parser *p, enum schema_kind kind) {
    struct schema_type *type = xcalloc(1, sizeof *type);
    type->kind = kind;
    type->next = p->schema->all;
    p->schema->all = type;
    return type;
}

static int count_type(struct parser *p) {
    if (++p->types <= CODEC_SCHEMA_MAX_TYPES) return 0;
    return error_set(p->err, ERR_INVALID, "schema has more than %d types and fields", CODEC_SCHEMA_MAX_TYPES);
}

/* --- names ----------------------------------------------------------------------------------------------------- */
static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(const char *text, bool dots) {
    bool start = true;
    size_t n = 0;
    for (; text[n]; n++) {
        char c = text[n];
        if (start ? !is_letter(c) : !(is_letter(c) || (c >= '0' && c <= '9') || (dots && c == '.'))) return false;
        start = c == '.';
    }
    return !start && n > 0 && n <= NAME_MAX_BYTES;
}

char *schema_full_name(const json_t *type, const char *enclosing_namespace, struct error *err) {
    const char *name = json_string_value(json_object_get(type, "name"));
    const json_t *given = json_object_get(type, "namespace");
    const char *name_space = given ? json_string_value(given) : enclosing_namespace;
    if (!name || !is_name(name, true)) {
        error_set(err, ERR_INVALID, "schema has a type without a proper name");
        return NULL;
    }
    if (strchr(name, '.')) return xstrdup(name);
    if (!name_space || (*name_space && !is_name(name_space, true))) {
        error_set(err, ERR_INVALID, "type %s has a malformed namespace", name);
        return NULL;
    }
    return *name_space ? xasprintf("%s.%s", name_space, name) : xstrdup(name);
}

char *schema_namespace(const char *full_name) {
    const char *dot = strrchr(full_name, '.');
    return dot ? xstrndup(full_name, (size_t)(dot - full_name)) : xstrdup("");
}

static const struct schema_type *find_named(const struct parser *p, const char *name, const char *name_space) {
    CLEANUP_FREE char *full = NULL;
    if (!strchr(name, '.') && *name_space) full = xasprintf("%s.%s", name_space, name);
    for (const struct schema_type *t = p->schema->all; t; t = t->next)
        if (t->full_name && !strcmp(t->full_name, full ? full : name)) return t;
    return NULL;
}

/* Ours of the same unqualified name: that is what Avro's resolution compares. */
static const struct rec_desc *our_record(const char *full_name) {
    const char *dot = strrchr(full_name, '.');
    const char *name = dot ? dot + 1 : full_name;
    for (size_t i = 0; i < rec_all_count; i++)
        if (!strcmp(rec_all[i]->name, name)) return rec_all[i];
    return NULL;
}

/* --- types ----------------------------------------------------------------------------------------------------- */
static const struct schema_type *parse_type(struct parser *p, const json_t *json, const char *name_space, int depth);

static int parse_field(struct parser *p, struct schema_type *record, const json_t *json, const char *name_space,
                       int depth) {
    const char *name = json_string_value(json_object_get(json, "name"));
    if (!name || !is_name(name, false))
        return error_set(p->err, ERR_INVALID, "a field of %s has no proper name", record->full_name);
    for (size_t i = 0; i < record->count; i++)
        if (!strcmp(record->fields[i].name, name))
            return error_set(p->err, ERR_INVALID, "%s has two fields %s", record->full_name, name);
    if (count_type(p)) return -1;
    const struct schema_type *type = parse_type(p, json_object_get(json, "type"), name_space, depth + 1);
    if (!type) return error_wrap(p->err, "field %s", name);
    struct schema_field *field = &record->fields[record->count++];
    field->name = xstrdup(name);
    field->type = type;
    field->ours = record->desc ? rec_find(record->desc, name) : NULL;
    return 0;
}

static int parse_record(struct parser *p, struct schema_type *type, const json_t *json, int depth) {
    const json_t *fields = json_object_get(json, "fields");
    CLEANUP_FREE char *name_space = schema_namespace(type->full_name);
    if (!json_is_array(fields)) return error_set(p->err, ERR_INVALID, "record %s has no fields", type->full_name);
    type->fields = xcalloc(json_array_size(fields) + 1, sizeof *type->fields);
    type->desc = our_record(type->full_name);
    for (size_t i = 0; i < json_array_size(fields); i++)
        if (parse_field(p, type, json_array_get(fields, i), name_space, depth)) return -1;
    return 0;
}

static int parse_enum(struct parser *p, struct schema_type *type, const json_t *json) {
    const json_t *symbols = json_object_get(json, "symbols");
    size_t n = json_array_size(symbols);
    if (n == 0 || n > CODEC_SCHEMA_MAX_TYPES)
        return error_set(p->err, ERR_INVALID, "enum %s has no symbols, or too many", type->full_name);
    type->symbols = xcalloc(n, sizeof *type->symbols);
    for (; type->count < n; type->count++) {
        const char *symbol = json_string_value(json_array_get(symbols, type->count));
        if (!symbol || !is_name(symbol, false))
            return error_set(p->err, ERR_INVALID, "enum %s has a malformed symbol", type->full_name);
        type->symbols[type->count] = xstrdup(symbol);
    }
    return 0;
}

static int parse_fixed(struct parser *p, struct schema_type *type, const json_t *json) {
    const json_t *size = json_object_get(json, "size");
    if (!json_is_integer(size) || json_integer_value(size) < 0 || json_integer_value(size) > FIXED_MAX_BYTES)
        return error_set(p->err, ERR_INVALID, "fixed %s has no proper size", type->full_name);
    type->size = (size_t)json_integer_value(size);
    return 0;
}

static const struct schema_type *parse_named(struct parser *p, enum schema_kind kind, const json_t *json,
                                             const char *name_space, int depth) {
    CLEANUP_FREE char *full_name = schema_full_name(json, name_space, p->err);
    if (!full_name) return NULL;
    if (find_named(p, full_name, "")) {
        error_set(p->err, ERR_INVALID, "type %s is defined twice", full_name);
        return NULL;
    }
    struct schema_type *type = new_type(p, kind);
    type->full_name = TAKE(full_name); /* known from here on: a record may contain itself */
    int failed = kind == SCHEMA_RECORD ? parse_record(p, type, json, depth)
                 : kind == SCHEMA_ENUM ? parse_enum(p, type, json)
                                       : parse_fixed(p, type, json);
    return failed ? NULL : type;
}

static const struct schema_type *parse_container(struct parser *p, enum schema_kind kind, const json_t *item,
                                                 const char *name_space, int depth) {
    const struct schema_type *inner = parse_type(p, item, name_space, depth + 1);
    if (!inner) return NULL;
    struct schema_type *type = new_type(p, kind);
    type->branches = xcalloc(1, sizeof *type->branches);
    type->branches[0] = inner;
    type->count = 1;
    return type;
}

static const struct schema_type *parse_union(struct parser *p, const json_t *json, const char *name_space, int depth) {
    size_t n = json_array_size(json);
    struct schema_type *type = new_type(p, SCHEMA_UNION);
    type->branches = xcalloc(n + 1, sizeof *type->branches);
    for (; type->count < n; type->count++) {
        const json_t *branch = json_array_get(json, type->count);
        if (json_is_array(branch)) {
            error_set(p->err, ERR_INVALID, "a union directly within a union");
            return NULL;
        }
        type->branches[type->count] = parse_type(p, branch, name_space, depth + 1);
        if (!type->branches[type->count]) return NULL;
    }
    return type;
}

static const struct schema_type *parse_name(struct parser *p, const char *name, const char *name_space) {
    for (enum schema_kind k = SCHEMA_NULL; k <= SCHEMA_STRING; k++)
        if (!strcmp(name, schema_kind_name(k))) return new_type(p, k);
    const struct schema_type *known = find_named(p, name, name_space);
    if (!known) error_set(p->err, ERR_INVALID, "type %.80s is not defined", name);
    return known;
}

static const struct schema_type *parse_type(struct parser *p, const json_t *json, const char *name_space, int depth) {
    if (count_type(p)) return NULL;
    if (depth > 2 * CODEC_NESTING_MAX) {
        error_set(p->err, ERR_INVALID, "schema is nested deeper than %d", 2 * CODEC_NESTING_MAX);
        return NULL;
    }
    if (json_is_string(json)) return parse_name(p, json_string_value(json), name_space);
    if (json_is_array(json)) return parse_union(p, json, name_space, depth);
    const json_t *inner = json_object_get(json, "type");
    if (json_is_object(inner) || json_is_array(inner)) return parse_type(p, inner, name_space, depth + 1);
    const char *kind = json_string_value(inner);
    if (!kind) {
        error_set(p->err, ERR_INVALID, "a type is missing or malformed");
        return NULL;
    }
    if (!strcmp(kind, "record")) return parse_named(p, SCHEMA_RECORD, json, name_space, depth);
    if (!strcmp(kind, "enum")) return parse_named(p, SCHEMA_ENUM, json, name_space, depth);
    if (!strcmp(kind, "fixed")) return parse_named(p, SCHEMA_FIXED, json, name_space, depth);
    if (!strcmp(kind, "array"))
        return parse_container(p, SCHEMA_ARRAY, json_object_get(json, "items"), name_space, depth);
    if (!strcmp(kind, "map")) return parse_container(p, SCHEMA_MAP, json_object_get(json, "values"), name_space, depth);
    return parse_name(p, kind, name_space);
}

struct schema *schema_parse(const char *text, struct error *err) {
    json_error_t problem;
    size_t len = strlen(text);
    if (len > CODEC_SCHEMA_MAX_BYTES) {
        error_set(err, ERR_INVALID, "schema is larger than %d bytes", CODEC_SCHEMA_MAX_BYTES);
        return NULL;
    }
    json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &problem);
    if (!json) {
        error_set(err, ERR_INVALID, "schema is not JSON: line %d: %s", problem.line, problem.text);
        return NULL;
    }
    CLEANUP(cleanup_schema) struct schema *schema = xcalloc(1, sizeof *schema);
    struct parser p = {.schema = schema, .err = err};
    schema->root = parse_type(&p, json, "", 0);
    if (schema->root && schema->root->kind != SCHEMA_RECORD) {
        error_set(err, ERR_INVALID, "the schema's top is not a record");
        schema->root = NULL;
    }
    if (schema->root) {
        schema->canonical = schema_canonical(json);
        schema->fingerprint = schema_crc64(schema->canonical, strlen(schema->canonical));
    }
    json_decref(json);
    return schema->root ? TAKE(schema) : NULL;
}

void schema_free(struct schema *schema) {
    if (!schema) return;
    while (schema->all) {
        struct schema_type *type = schema->all;
        schema->all = type->next;
        for (size_t i = 0; i < type->count; i++) {
            if (type->fields) free(type->fields[i].name);
            if (type->symbols) free(type->symbols[i]);
        }
        free(type->full_name);
        free(type->fields);
        free(type->branches);
        free(type->symbols);
        free(type);
    }
    free(schema->canonical);
    free(schema);
}
