/* Parsing canonical form and its fingerprint: Avro 1.11 specification, "Transforming into Parsing Canonical Form" and
 * "Schema Fingerprints". */
#include <string.h>

#include "common/buf.h"
#include "schemas/schema.h"

#define CRC64_EMPTY UINT64_C(0xc15d213aa4d7a795)

uint64_t schema_crc64(const char *text, size_t len) {
    uint64_t crc = CRC64_EMPTY;
    for (size_t i = 0; i < len; i++) {
        uint64_t row = (crc ^ (uint8_t)text[i]) & 0xff;
        for (int bit = 0; bit < 8; bit++) row = (row >> 1) ^ (CRC64_EMPTY & -(row & 1));
        crc = (crc >> 8) ^ row;
    }
    return crc;
}

static void put_quoted(struct buf *b, const char *text) {
    CLEANUP_FREE char *json = NULL;
    json_t *string = json_string(text);
    json = json_dumps(string, JSON_ENCODE_ANY);
    json_decref(string);
    buf_puts(b, json);
}

static bool is_primitive(const char *name) {
    for (enum schema_kind k = SCHEMA_NULL; k <= SCHEMA_STRING; k++)
        if (!strcmp(name, schema_kind_name(k))) return true;
    return false;
}

static void put_type(struct buf *b, const json_t *type, const char *name_space);

static void put_reference(struct buf *b, const char *name, const char *name_space) {
    if (is_primitive(name) || strchr(name, '.') || !*name_space) {
        put_quoted(b, name);
        return;
    }
    CLEANUP_FREE char *full = xasprintf("%s.%s", name_space, name);
    put_quoted(b, full);
}

static void put_fields(struct buf *b, const json_t *fields, const char *name_space) {
    size_t i;
    json_t *field;
    buf_puts(b, ",\"fields\":[");
    json_array_foreach((json_t *)(uintptr_t)fields, i, field) {
        buf_puts(b, i ? ",{\"name\":" : "{\"name\":");
        put_quoted(b, json_string_value(json_object_get(field, "name")));
        buf_puts(b, ",\"type\":");
        put_type(b, json_object_get(field, "type"), name_space);
        buf_putc(b, '}');
    }
    buf_putc(b, ']');
}

/* Record, enum or fixed: attributes in the order name, type, fields, symbols, size. */
static void put_named(struct buf *b, const json_t *type, const char *kind, const char *enclosing) {
    CLEANUP_FREE char *full = schema_full_name(type, enclosing, NULL);
    CLEANUP_FREE char *name_space = schema_namespace(full);
    buf_puts(b, "{\"name\":");
    put_quoted(b, full);
    buf_puts(b, ",\"type\":");
    put_quoted(b, kind);
    if (!strcmp(kind, "record")) put_fields(b, json_object_get(type, "fields"), name_space);
    if (!strcmp(kind, "enum")) {
        size_t i;
        json_t *symbol;
        buf_puts(b, ",\"symbols\":[");
        json_array_foreach(json_object_get(type, "symbols"), i, symbol) {
            if (i) buf_putc(b, ',');
            put_quoted(b, json_string_value(symbol));
        }
        buf_putc(b, ']');
    }
    if (!strcmp(kind, "fixed"))
        buf_printf(b, ",\"size\":%lld", (long long)json_integer_value(json_object_get(type, "size")));
    buf_putc(b, '}');
}

static void put_container(struct buf *b, const char *kind, const char *key, const json_t *item,
                          const char *name_space) {
    buf_printf(b, "{\"type\":\"%s\",\"%s\":", kind, key);
    put_type(b, item, name_space);
    buf_putc(b, '}');
}

static void put_union(struct buf *b, const json_t *branches, const char *name_space) {
    buf_putc(b, '[');
    for (size_t i = 0; i < json_array_size(branches); i++) {
        if (i) buf_putc(b, ',');
        put_type(b, json_array_get(branches, i), name_space);
    }
    buf_putc(b, ']');
}

static void put_type(struct buf *b, const json_t *type, const char *name_space) {
    if (json_is_string(type)) return put_reference(b, json_string_value(type), name_space);
    if (json_is_array(type)) return put_union(b, type, name_space);
    const json_t *inner = json_object_get(type, "type");
    const char *kind = json_string_value(inner);
    if (!kind) return put_type(b, inner, name_space); /* {"type": {...}}: a wrapper that some tools write */
    if (!strcmp(kind, "array")) return put_container(b, kind, "items", json_object_get(type, "items"), name_space);
    if (!strcmp(kind, "map")) return put_container(b, kind, "values", json_object_get(type, "values"), name_space);
    if (!strcmp(kind, "record") || !strcmp(kind, "enum") || !strcmp(kind, "fixed"))
        return put_named(b, type, kind, name_space);
    put_reference(b, kind, name_space); /* {"type": "long", "logicalType": ...} */
}

char *schema_canonical(const json_t *json) {
    struct buf b = BUF_INIT;
    put_type(&b, json, "");
    return buf_take(&b);
}
