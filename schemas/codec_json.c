/* Records as JSON: for the HTTP API, --json and tests. See codec.h. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/utf8.h"
#include "schemas/codec.h"
#include "schemas/text.h"

/* --- to JSON ----------------------------------------------------------------------------------------------------- */
static json_t *number_to_json(double x) {
    if (isnan(x)) return json_string("NaN");
    if (isinf(x)) return json_string(x > 0 ? "Infinity" : "-Infinity");
    return json_real(x);
}

static json_t *text_to_json(const char *text) {
    CLEANUP_FREE char *copy = text_repaired(text);
    return json_string(copy ? copy : text);
}

static json_t *bytes_to_json(const struct rec_bytes *bytes) {
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < bytes->len; i++) {
        uint8_t byte = bytes->data[i];
        if (byte >= 0x80) buf_putc(&b, (char)(0xc0 | byte >> 6));
        buf_putc(&b, (char)(byte < 0x80 ? byte : (0x80 | (byte & 0x3f))));
    }
    json_t *json = json_stringn(b.data ? b.data : "", b.len);
    buf_done(&b);
    return json;
}

static json_t *list_to_json(const struct rec_field *field, const struct rec_list *list) {
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        const void *item = (const char *)list->items + i * rec_item_size(field);
        json_array_append_new(array, field->item == REC_STRING ? text_to_json(*(char *const *)item)
                                     : field->item == REC_LONG ? json_integer(*(const int64_t *)item)
                                                               : codec_to_json(field->record, item));
    }
    return array;
}

static json_t *field_to_json(const struct rec_field *field, const void *rec) {
    const void *at = (const char *)rec + field->offset;
    switch (field->kind) {
        case REC_STRING:
            return text_to_json(*(char *const *)at);
        case REC_OPT_STRING:
            return *(char *const *)at ? text_to_json(*(char *const *)at) : json_null();
        case REC_INT:
            return json_integer(*(const int32_t *)at);
        case REC_LONG:
            return json_integer(*(const int64_t *)at);
        case REC_DOUBLE:
            return number_to_json(*(const double *)at);
        case REC_OPT_DOUBLE:
            return *(const bool *)((const char *)rec + field->has_offset) ? number_to_json(*(const double *)at)
                                                                          : json_null();
        case REC_BOOL:
            return json_boolean(*(const bool *)at);
        case REC_BYTES:
            return bytes_to_json(at);
        case REC_LIST:
            return list_to_json(field, at);
        case REC_RECORD:
            return codec_to_json(field->record, at);
    }
    abort();
}

json_t *codec_to_json(const struct rec_desc *desc, const void *rec) {
    json_t *object = json_object();
    for (size_t i = 0; i < desc->field_count; i++)
        json_object_set_new(object, desc->fields[i].name, field_to_json(&desc->fields[i], rec));
    return object;
}

/* --- from JSON --------------------------------------------------------------------------------------------------- */
static int record_from_json(const struct rec_desc *desc, const json_t *json, void *rec, int depth, struct error *err);

static int wrong(const struct rec_field *field, const char *want, struct error *err) {
    return error_set(err, ERR_INVALID, "%s: must be %s", field->name, want);
}

static int text_from_json(const struct rec_field *field, const json_t *json, char **ret, struct error *err) {
    if (!json_is_string(json)) return wrong(field, "a string", err);
    if (strlen(json_string_value(json)) != json_string_length(json)) return wrong(field, "a string without NUL", err);
    if (json_string_length(json) > CODEC_RECORD_MAX_BYTES) return wrong(field, "shorter", err);
    rec_set(ret, json_string_value(json));
    return 0;
}

static int integer_from_json(const struct rec_field *field, const json_t *json, int64_t *ret, struct error *err) {
    bool is_int = field->kind == REC_INT;
    if (!json_is_integer(json)) return wrong(field, "an integer", err);
    *ret = json_integer_value(json);
    if (is_int && (*ret < INT32_MIN || *ret > INT32_MAX)) return wrong(field, "an integer of 32 bits", err);
    return 0;
}

static int number_from_json(const struct rec_field *field, const json_t *json, double *ret, struct error *err) {
    const char *text = json_string_value(json);
    if (json_is_number(json))
        *ret = json_number_value(json);
    else if (text && !strcmp(text, "NaN"))
        *ret = NAN;
    else if (text && !strcmp(text, "Infinity"))
        *ret = INFINITY;
    else if (text && !strcmp(text, "-Infinity"))
        *ret = -INFINITY;
    else
        return wrong(field, "a number", err);
    return 0;
}

static int bytes_from_json(const struct rec_field *field, const json_t *json, struct rec_bytes *ret,
                           struct error *err) {
    const char *text = json_string_value(json);
    size_t len = json_string_length(json);
    struct buf b = BUF_INIT;
    if (!text || len > 2 * CODEC_RECORD_MAX_BYTES) return wrong(field, "a string of code points 0 to 255", err);
    for (size_t i = 0, n; i < len; i += n) {
        uint32_t character;
        n = utf8_decode(text + i, len - i, &character);
        if (!n || character > 255) {
            buf_done(&b);
            return wrong(field, "a string of code points 0 to 255", err);
        }
        buf_putc(&b, (char)character);
    }
    rec_set_bytes(ret, b.data, b.len);
    buf_done(&b);
    return 0;
}

static int list_from_json(const struct rec_field *field, const json_t *json, struct rec_list *list, int depth,
                          struct error *err) {
    if (!json_is_array(json)) return wrong(field, "a list", err);
    if (json_array_size(json) > CODEC_ITEMS_MAX) return wrong(field, "a shorter list", err);
    for (size_t i = 0; i < json_array_size(json); i++) {
        const json_t *value = json_array_get(json, i);
        void *item = rec_list_push_item(field, list);
        int failed = field->item == REC_STRING ? text_from_json(field, value, item, err)
                     : field->item == REC_LONG ? integer_from_json(field, value, item, err)
                                               : record_from_json(field->record, value, item, depth + 1, err);
        if (!failed) continue;
        return field->item == REC_RECORD ? error_wrap(err, "%s[%zu]", field->name, i) : error_wrap(err, "[%zu]", i);
    }
    return 0;
}

static int field_from_json(const struct rec_field *field, const json_t *json, void *rec, int depth, struct error *err) {
    void *at = (char *)rec + field->offset;
    bool optional = field->kind == REC_OPT_STRING || field->kind == REC_OPT_DOUBLE;
    int64_t whole;
    if (optional && json_is_null(json)) return 0;
    switch (field->kind) {
        case REC_STRING:
        case REC_OPT_STRING:
            return text_from_json(field, json, at, err);
        case REC_INT:
            if (integer_from_json(field, json, &whole, err)) return -1;
            *(int32_t *)at = (int32_t)whole;
            return 0;
        case REC_LONG:
            return integer_from_json(field, json, at, err);
        case REC_OPT_DOUBLE:
            *(bool *)((char *)rec + field->has_offset) = true;
            return number_from_json(field, json, at, err);
        case REC_DOUBLE:
            return number_from_json(field, json, at, err);
        case REC_BOOL:
            if (!json_is_boolean(json)) return wrong(field, "true or false", err);
            *(bool *)at = json_is_true(json);
            return 0;
        case REC_BYTES:
            return bytes_from_json(field, json, at, err);
        case REC_LIST:
            return list_from_json(field, json, at, depth, err);
        case REC_RECORD:
            if (record_from_json(field->record, json, at, depth + 1, err)) return error_wrap(err, "%s", field->name);
            return 0;
    }
    abort();
}

/* `rec` is initialised. */
static int record_from_json(const struct rec_desc *desc, const json_t *json, void *rec, int depth, struct error *err) {
    const char *key;
    json_t *value;
    if (!json_is_object(json)) return error_set(err, ERR_INVALID, "%s must be an object", desc->name);
    if (depth > CODEC_NESTING_MAX) return error_set(err, ERR_INVALID, "nested deeper than %d", CODEC_NESTING_MAX);
    json_object_foreach((json_t *)(uintptr_t)json, key, value) {
        const struct rec_field *field = rec_find(desc, key);
        if (!field) return error_set(err, ERR_INVALID, "unknown field %.80s", key);
        if (field_from_json(field, value, rec, depth, err)) return -1;
    }
    return 0;
}

int codec_from_json(const struct rec_desc *desc, const json_t *json, void *rec, struct error *err) {
    rec_init(desc, rec);
    if (!record_from_json(desc, json, rec, 0, err)) return 0;
    rec_done(desc, rec);
    return -1;
}
