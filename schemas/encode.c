/* Encoder, through avro-c: a generic value is filled from the struct and written. avro-c owns the binary format; only
 * what we know of our fields is here. */
#include "schemas/encode.h"

#include <avro.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "schemas/codec.h"
#include "schemas/text.h"

/* avro-c's class of each of our top-level records, made once and kept until the process ends. */
struct avro_class {
    const struct rec_desc *desc;
    avro_value_iface_t *iface;
};
static struct avro_class *classes;
static pthread_once_t classes_once = PTHREAD_ONCE_INIT;

static void make_classes(void) {
    classes = xcalloc(rec_top_level_count, sizeof *classes);
    for (size_t i = 0; i < rec_top_level_count; i++) {
        const struct rec_desc *desc = rec_top_level[i];
        avro_schema_t schema = NULL;
        classes[i].desc = desc;
        if (avro_schema_from_json_length(desc->text, strlen(desc->text), &schema)) continue;
        classes[i].iface = avro_generic_class_from_schema(schema);
        avro_schema_decref(schema);
    }
}

static avro_value_iface_t *find_class(const struct rec_desc *desc) {
    pthread_once(&classes_once, make_classes);
    for (size_t i = 0; i < rec_top_level_count; i++)
        if (classes[i].desc == desc) return classes[i].iface;
    return NULL;
}

/* --- strings ----------------------------------------------------------------------------------------------------- */
static int put_text(avro_value_t *value, const char *text) {
    CLEANUP_FREE char *copy = text_repaired(text);
    if (copy) text = copy;
    return avro_value_set_string_len(value, text, strlen(text) + 1);
}

/* --- values ------------------------------------------------------------------------------------------------------ */
static int put_record(avro_value_t *value, const struct rec_desc *desc, const void *rec);

static int put_optional(avro_value_t *value, const struct rec_field *field, const void *rec) {
    const void *at = (const char *)rec + field->offset;
    const char *text = field->kind == REC_OPT_STRING ? *(char *const *)at : NULL;
    bool present =
        field->kind == REC_OPT_STRING ? text != NULL : *(const bool *)((const char *)rec + field->has_offset);
    avro_value_t branch;
    if (avro_value_set_branch(value, present ? 1 : 0, &branch)) return -1;
    if (!present) return avro_value_set_null(&branch);
    return text ? put_text(&branch, text) : avro_value_set_double(&branch, *(const double *)at);
}

static int put_list(avro_value_t *value, const struct rec_field *field, const struct rec_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        const void *item = (const char *)list->items + i * rec_item_size(field);
        avro_value_t element;
        if (avro_value_append(value, &element, NULL)) return -1;
        int failed = field->item == REC_STRING ? put_text(&element, *(char *const *)item)
                     : field->item == REC_LONG ? avro_value_set_long(&element, *(const int64_t *)item)
                                               : put_record(&element, field->record, item);
        if (failed) return -1;
    }
    return 0;
}

/* avro-c takes `void *` for bytes that it only copies. */
static int put_bytes(avro_value_t *value, const struct rec_bytes *bytes) {
    static char nothing;
    return avro_value_set_bytes(value, bytes->len ? (void *)bytes->data : &nothing, bytes->len);
}

static int put_field(avro_value_t *value, const struct rec_field *field, const void *rec) {
    const void *at = (const char *)rec + field->offset;
    switch (field->kind) {
        case REC_STRING:
            return put_text(value, *(char *const *)at);
        case REC_INT:
            return avro_value_set_int(value, *(const int32_t *)at);
        case REC_LONG:
            return avro_value_set_long(value, *(const int64_t *)at);
        case REC_DOUBLE:
            return avro_value_set_double(value, *(const double *)at);
        case REC_BOOL:
            return avro_value_set_boolean(value, *(const bool *)at);
        case REC_BYTES:
            return put_bytes(value, at);
        case REC_LIST:
            return put_list(value, field, at);
        case REC_RECORD:
            return put_record(value, field->record, at);
        case REC_OPT_STRING:
        case REC_OPT_DOUBLE:
            return put_optional(value, field, rec);
    }
    abort();
}

static int put_record(avro_value_t *value, const struct rec_desc *desc, const void *rec) {
    for (size_t i = 0; i < desc->field_count; i++) {
        avro_value_t member;
        /* By position: descriptor and schema come from one file. */
        if (avro_value_get_by_index(value, i, &member, NULL) || put_field(&member, &desc->fields[i], rec)) return -1;
    }
    return 0;
}

static int write_value(avro_value_t *value, const struct rec_desc *desc, size_t reserve, uint8_t **ret, size_t *ret_len,
                       struct error *err) {
    size_t size;
    if (avro_value_sizeof(value, &size)) return error_set(err, ERR_INTERNAL, "%s: %s", desc->name, avro_strerror());
    if (reserve + size > CODEC_RECORD_MAX_BYTES)
        return error_set(err, ERR_LIMIT, "a %s record of %zu bytes; %d is the limit", desc->name, reserve + size,
                         CODEC_RECORD_MAX_BYTES);
    CLEANUP_FREE uint8_t *data = xmalloc(reserve + size + 1);
    memset(data, 0, reserve);
    avro_writer_t writer = avro_writer_memory((char *)data + reserve, (int64_t)size);
    int failed = !writer || avro_value_write(writer, value);
    if (writer) avro_writer_free(writer);
    if (failed) return error_set(err, ERR_INTERNAL, "%s: %s", desc->name, avro_strerror());
    *ret = TAKE(data);
    *ret_len = reserve + size;
    return 0;
}

int encode_record(const struct rec_desc *desc, const void *rec, size_t reserve, uint8_t **ret, size_t *ret_len,
                  struct error *err) {
    avro_value_iface_t *iface = find_class(desc);
    avro_value_t value;
    if (!desc->text) return error_set(err, ERR_INVALID, "%s is no record with a schema of its own", desc->name);
    if (!iface || avro_generic_value_new(iface, &value))
        return error_set(err, ERR_INTERNAL, "%s: avro-c does not take its schema", desc->name);
    int failed = put_record(&value, desc, rec) ? error_set(err, ERR_INTERNAL, "%s: %s", desc->name, avro_strerror())
                                               : write_value(&value, desc, reserve, ret, ret_len, err);
    avro_value_decref(&value);
    return failed ? -1 : 0;
}
