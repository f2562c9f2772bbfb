/* Encoder of Avro binary (specification 1.11, "Binary Encoding"), one walk over our own descriptor: schema and
 * descriptor come from one file, so no schema is looked at here. tests/unit/schemas checks it against avro-c. */
#include "schemas/encode.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "schemas/codec.h"
#include "schemas/text.h"

#define FIRST_BYTES 1024
#define LONG_MAX_BYTES 10

struct writer {
    uint8_t *data;
    size_t len, room;
    bool too_large; /* nothing is written any more */
};

/* Room for `len` more bytes; NULL when the record would be over the limit. */
static uint8_t *reserve_bytes(struct writer *w, size_t len) {
    if (w->room - w->len < len) {
        if (len > CODEC_RECORD_MAX_BYTES || w->len + len > CODEC_RECORD_MAX_BYTES + LONG_MAX_BYTES) w->too_large = true;
        if (w->too_large) return NULL;
        while (w->room - w->len < len) w->room *= 2;
        w->data = xrealloc(w->data, w->room);
    }
    return w->data + w->len;
}

/* --- primitives -------------------------------------------------------------------------------------------------- */
static void put_long(struct writer *w, int64_t value) {
    uint64_t left = (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
    uint8_t *at = reserve_bytes(w, LONG_MAX_BYTES);
    if (!at) return;
    for (; left > 0x7f; left >>= 7) *at++ = (uint8_t)(left | 0x80);
    *at++ = (uint8_t)left;
    w->len = (size_t)(at - w->data);
}

static void put_block(struct writer *w, const void *data, size_t len) {
    put_long(w, (int64_t)len);
    uint8_t *at = reserve_bytes(w, len);
    if (!at) return;
    if (len) memcpy(at, data, len);
    w->len += len;
}

static void put_double(struct writer *w, double value) {
    uint64_t bits;
    uint8_t *at = reserve_bytes(w, 8);
    if (!at) return;
    memcpy(&bits, &value, 8);
    for (int i = 0; i < 8; i++) at[i] = (uint8_t)(bits >> 8 * i);
    w->len += 8;
}

static void put_boolean(struct writer *w, bool value) {
    uint8_t *at = reserve_bytes(w, 1);
    if (!at) return;
    *at = value;
    w->len++;
}

static void put_text(struct writer *w, const char *text) {
    CLEANUP_FREE char *copy = text_repaired(text);
    if (copy) text = copy;
    put_block(w, text, strlen(text));
}

/* --- fields ------------------------------------------------------------------------------------------------------ */
static void put_record(struct writer *w, const struct rec_desc *desc, const void *rec);

/* A union of null and the type: the branch, then its value. */
static void put_optional(struct writer *w, const struct rec_field *field, const void *rec) {
    const void *at = (const char *)rec + field->offset;
    const char *text = field->kind == REC_OPT_STRING ? *(char *const *)at : NULL;
    bool present =
        field->kind == REC_OPT_STRING ? text != NULL : *(const bool *)((const char *)rec + field->has_offset);
    put_long(w, present);
    if (!present) return;
    if (text)
        put_text(w, text);
    else
        put_double(w, *(const double *)at);
}

/* One block of all items, and the empty one that ends a list. */
static void put_list(struct writer *w, const struct rec_field *field, const struct rec_list *list) {
    if (list->count) put_long(w, (int64_t)list->count);
    for (size_t i = 0; i < list->count && !w->too_large; i++) {
        const void *item = (const char *)list->items + i * rec_item_size(field);
        if (field->item == REC_STRING)
            put_text(w, *(char *const *)item);
        else if (field->item == REC_LONG)
            put_long(w, *(const int64_t *)item);
        else
            put_record(w, field->record, item);
    }
    put_long(w, 0);
}

static void put_field(struct writer *w, const struct rec_field *field, const void *rec) {
    const void *at = (const char *)rec + field->offset;
    switch (field->kind) {
        case REC_STRING:
            put_text(w, *(char *const *)at);
            return;
        case REC_INT:
            put_long(w, *(const int32_t *)at);
            return;
        case REC_LONG:
            put_long(w, *(const int64_t *)at);
            return;
        case REC_DOUBLE:
            put_double(w, *(const double *)at);
            return;
        case REC_BOOL:
            put_boolean(w, *(const bool *)at);
            return;
        case REC_BYTES:
            put_block(w, ((const struct rec_bytes *)at)->data, ((const struct rec_bytes *)at)->len);
            return;
        case REC_LIST:
            put_list(w, field, at);
            return;
        case REC_RECORD:
            put_record(w, field->record, at);
            return;
        case REC_OPT_STRING:
        case REC_OPT_DOUBLE:
            put_optional(w, field, rec);
            return;
    }
    abort();
}

static void put_record(struct writer *w, const struct rec_desc *desc, const void *rec) {
    for (size_t i = 0; i < desc->field_count && !w->too_large; i++) put_field(w, &desc->fields[i], rec);
}

int encode_record(const struct rec_desc *desc, const void *rec, size_t reserve, uint8_t **ret, size_t *ret_len,
                  struct error *err) {
    if (!desc->text) return error_set(err, ERR_INVALID, "%s is no record with a schema of its own", desc->name);
    struct writer w = {.data = xcalloc(1, FIRST_BYTES), .len = reserve, .room = FIRST_BYTES};
    put_record(&w, desc, rec);
    if (w.too_large || w.len > CODEC_RECORD_MAX_BYTES) {
        free(w.data);
        return error_set(err, ERR_LIMIT, "a %s record of more than %d bytes, which is the limit", desc->name,
                         CODEC_RECORD_MAX_BYTES);
    }
    *ret = w.data;
    *ret_len = w.len;
    return 0;
}
