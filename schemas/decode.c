/* Decoder of Avro binary (specification 1.11, "Binary Encoding") by the writer's schema. The data are untrusted. What
 * keeps it bounded: it never reads past the end; a string or block is checked against the bytes that are left before
 * anything is allocated; items are counted over the whole record, also those that take no bytes; so are types entered,
 * because a recursive schema has no depth of its own. */
#include "schemas/decode.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/utf8.h"
#include "schemas/codec.h"

struct reader {
    const uint8_t *at, *end;
    size_t items; /* so far, against CODEC_ITEMS_MAX */
    int depth;    /* against CODEC_NESTING_MAX */
    struct error *err;
};

static int truncated(struct reader *r) {
    error_set(r->err, ERR_INVALID, "the record ends too early");
    return -1; /* written out: gcc then sees that callers read nothing */
}

/* --- primitives ------------------------------------------------------------------------------------------------ */
static int read_bytes(struct reader *r, size_t len, const uint8_t **ret) {
    if ((size_t)(r->end - r->at) < len) return truncated(r);
    *ret = r->at;
    r->at += len;
    return 0;
}

static int read_long(struct reader *r, int64_t *ret) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (r->at == r->end) return truncated(r);
        uint8_t byte = *r->at++;
        if (shift == 63 && byte > 1) break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80) continue;
        *ret = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
        return 0;
    }
    return error_set(r->err, ERR_INVALID, "an integer does not fit 64 bits");
}

static int read_int(struct reader *r, int64_t *ret) {
    if (read_long(r, ret)) return -1;
    if (*ret < INT32_MIN || *ret > INT32_MAX) return error_set(r->err, ERR_INVALID, "an int does not fit 32 bits");
    return 0;
}

static int read_boolean(struct reader *r, bool *ret) {
    const uint8_t *byte;
    if (read_bytes(r, 1, &byte)) return -1;
    if (*byte > 1) return error_set(r->err, ERR_INVALID, "a boolean is neither 0 nor 1");
    *ret = *byte;
    return 0;
}

static int read_floating(struct reader *r, bool is_double, double *ret) {
    const uint8_t *bytes;
    uint64_t bits = 0;
    size_t size = is_double ? 8 : 4;
    if (read_bytes(r, size, &bytes)) return -1;
    for (size_t i = size; i-- > 0;) bits = bits << 8 | bytes[i];
    if (is_double) {
        memcpy(ret, &bits, 8);
    } else {
        uint32_t low = (uint32_t)bits;
        float f;
        memcpy(&f, &low, 4);
        *ret = f;
    }
    return 0;
}

/* A length and as many bytes. */
static int read_block(struct reader *r, const uint8_t **ret, size_t *ret_len) {
    int64_t len;
    if (read_long(r, &len)) return -1;
    if (len < 0) return error_set(r->err, ERR_INVALID, "a length is negative");
    if (len > r->end - r->at) return truncated(r);
    *ret_len = (size_t)len;
    return read_bytes(r, (size_t)len, ret);
}

static int read_branch(struct reader *r, const struct schema_type *type, const struct schema_type **ret) {
    int64_t index;
    if (read_long(r, &index)) return -1;
    if (index < 0 || (uint64_t)index >= type->count)
        return error_set(r->err, ERR_INVALID, "union branch %lld of %zu", (long long)index, type->count);
    *ret = type->branches[index];
    return 0;
}

/* The next block of an array or map: its number of items, 0 at the end. A negative count is followed by the block's
 * size in bytes, which we do not need. */
static int read_count(struct reader *r, size_t *ret) {
    int64_t count, size;
    if (read_long(r, &count)) return -1;
    if (count < 0) {
        if (read_long(r, &size)) return -1;
        if (size < 0) return error_set(r->err, ERR_INVALID, "a length is negative");
        if (count < -CODEC_ITEMS_MAX) count = -CODEC_ITEMS_MAX - 1;
        count = -count;
    }
    if (count > (int64_t)(CODEC_ITEMS_MAX - r->items))
        return error_set(r->err, ERR_INVALID, "more than %d list items", CODEC_ITEMS_MAX);
    r->items += (size_t)count;
    *ret = (size_t)count;
    return 0;
}

static int enter(struct reader *r) {
    if (++r->depth <= CODEC_NESTING_MAX) return 0;
    return error_set(r->err, ERR_INVALID, "nested deeper than %d", CODEC_NESTING_MAX);
}

/* --- skipping -------------------------------------------------------------------------------------------------- */
static int skip(struct reader *r, const struct schema_type *type);

static int skip_items(struct reader *r, const struct schema_type *type) {
    size_t count, len;
    const uint8_t *key;
    do {
        if (read_count(r, &count)) return -1;
        for (size_t i = 0; i < count; i++) {
            if (type->kind == SCHEMA_MAP && read_block(r, &key, &len)) return -1;
            if (skip(r, type->branches[0])) return -1;
        }
    } while (count);
    return 0;
}

static int skip_nested(struct reader *r, const struct schema_type *type) {
    const struct schema_type *branch;
    if (type->kind == SCHEMA_UNION) return read_branch(r, type, &branch) ? -1 : skip(r, branch);
    if (type->kind != SCHEMA_RECORD) return skip_items(r, type);
    for (size_t i = 0; i < type->count; i++)
        if (skip(r, type->fields[i].type)) return -1;
    return 0;
}

static int skip(struct reader *r, const struct schema_type *type) {
    const uint8_t *bytes;
    size_t len;
    int64_t number;
    bool truth;
    int result = 0;
    switch (type->kind) {
        case SCHEMA_NULL:
            return 0;
        case SCHEMA_BOOLEAN:
            return read_boolean(r, &truth);
        case SCHEMA_INT:
        case SCHEMA_ENUM:
            return read_int(r, &number);
        case SCHEMA_LONG:
            return read_long(r, &number);
        case SCHEMA_FLOAT:
            return read_bytes(r, 4, &bytes);
        case SCHEMA_DOUBLE:
            return read_bytes(r, 8, &bytes);
        case SCHEMA_FIXED:
            return read_bytes(r, type->size, &bytes);
        case SCHEMA_BYTES:
        case SCHEMA_STRING:
            return read_block(r, &bytes, &len);
        case SCHEMA_RECORD:
        case SCHEMA_ARRAY:
        case SCHEMA_MAP:
        case SCHEMA_UNION:
            result = enter(r) ? -1 : skip_nested(r, type);
            r->depth--;
            return result;
    }
    return result;
}

/* --- into our fields ------------------------------------------------------------------------------------------- */
static int read_record(struct reader *r, const struct schema_type *type, const struct rec_desc *desc, void *rec);

static int mismatch(struct reader *r, const struct schema_type *type, const char *want) {
    return error_set(r->err, ERR_INVALID, "the writer has %s where we read %s", schema_kind_name(type->kind), want);
}

static int read_text(struct reader *r, const struct schema_type *type, char **field) {
    const uint8_t *bytes;
    size_t len;
    uint32_t character;
    int64_t index;
    if (type->kind == SCHEMA_ENUM) { /* written by a later version that made an enum of it */
        if (read_int(r, &index)) return -1;
        if (index < 0 || (uint64_t)index >= type->count) return error_set(r->err, ERR_INVALID, "unknown enum symbol");
        rec_set(field, type->symbols[index]);
        return 0;
    }
    if (type->kind != SCHEMA_STRING && type->kind != SCHEMA_BYTES) return mismatch(r, type, "a string");
    if (read_block(r, &bytes, &len)) return -1;
    if (memchr(bytes, 0, len)) return error_set(r->err, ERR_INVALID, "a string contains a NUL byte");
    for (size_t i = utf8_ascii((const char *)bytes, len), n; i < len; i += n)
        if (!(n = utf8_decode((const char *)bytes + i, len - i, &character)))
            return error_set(r->err, ERR_INVALID, "a string is not UTF-8 at byte %zu", i);
    free(*field);
    *field = xstrndup((const char *)bytes, len);
    return 0;
}

static int read_integer(struct reader *r, const struct schema_type *type, bool want_long, int64_t *ret) {
    if (type->kind == SCHEMA_INT) return read_int(r, ret);
    if (type->kind == SCHEMA_LONG && want_long) return read_long(r, ret);
    return mismatch(r, type, want_long ? "a long" : "an int");
}

static int read_number(struct reader *r, const struct schema_type *type, double *ret) {
    int64_t whole;
    if (type->kind == SCHEMA_FLOAT || type->kind == SCHEMA_DOUBLE)
        return read_floating(r, type->kind == SCHEMA_DOUBLE, ret);
    if (type->kind != SCHEMA_INT && type->kind != SCHEMA_LONG) return mismatch(r, type, "a double");
    if (read_integer(r, type, true, &whole)) return -1;
    *ret = (double)whole;
    return 0;
}

static int read_octets(struct reader *r, const struct schema_type *type, struct rec_bytes *ret) {
    const uint8_t *bytes;
    size_t len;
    if (type->kind != SCHEMA_BYTES && type->kind != SCHEMA_STRING) return mismatch(r, type, "bytes");
    if (read_block(r, &bytes, &len)) return -1;
    rec_set_bytes(ret, bytes, len);
    return 0;
}

static int read_item(struct reader *r, const struct schema_type *type, const struct rec_field *field, void *item) {
    if (type->kind == SCHEMA_UNION && read_branch(r, type, &type)) return -1;
    if (field->item == REC_STRING) return read_text(r, type, item);
    if (field->item == REC_LONG) return read_integer(r, type, true, item);
    return read_record(r, type, field->record, item);
}

static int read_list(struct reader *r, const struct schema_type *type, const struct rec_field *field, void *list) {
    size_t count;
    if (type->kind != SCHEMA_ARRAY) return mismatch(r, type, "a list");
    do {
        if (read_count(r, &count)) return -1;
        for (size_t i = 0; i < count; i++)
            if (read_item(r, type->branches[0], field, rec_list_push_item(field, list)))
                return error_wrap(r->err, "item %zu", ((struct rec_list *)list)->count - 1);
    } while (count);
    return 0;
}

static int read_value(struct reader *r, const struct schema_type *type, const struct rec_field *field, void *rec) {
    void *at = (char *)rec + field->offset;
    int64_t whole;
    bool optional = field->kind == REC_OPT_STRING || field->kind == REC_OPT_DOUBLE;
    if (type->kind == SCHEMA_UNION && read_branch(r, type, &type)) return -1;
    if (type->kind == SCHEMA_NULL) return optional ? 0 : mismatch(r, type, "a value that is always there");
    switch (field->kind) {
        case REC_STRING:
        case REC_OPT_STRING:
            return read_text(r, type, at);
        case REC_INT:
            if (read_integer(r, type, false, &whole)) return -1;
            *(int32_t *)at = (int32_t)whole;
            return 0;
        case REC_LONG:
            return read_integer(r, type, true, at);
        case REC_OPT_DOUBLE:
            *(bool *)((char *)rec + field->has_offset) = true;
            return read_number(r, type, at);
        case REC_DOUBLE:
            return read_number(r, type, at);
        case REC_BOOL:
            return type->kind == SCHEMA_BOOLEAN ? read_boolean(r, at) : mismatch(r, type, "a boolean");
        case REC_BYTES:
            return read_octets(r, type, at);
        case REC_LIST:
            return read_list(r, type, field, at);
        case REC_RECORD:
            return read_record(r, type, field->record, at);
    }
    abort();
}

/* `rec` is initialised: fields that the writer does not have keep their defaults. */
static int read_record(struct reader *r, const struct schema_type *type, const struct rec_desc *desc, void *rec) {
    if (type->kind != SCHEMA_RECORD) return mismatch(r, type, desc->full_name);
    if (type->desc != desc)
        return error_set(r->err, ERR_INVALID, "the writer has %s where we read %s", type->full_name, desc->full_name);
    if (enter(r)) return -1;
    for (size_t i = 0; i < type->count; i++) {
        const struct schema_field *field = &type->fields[i];
        int failed = field->ours ? read_value(r, field->type, field->ours, rec) : skip(r, field->type);
        if (failed) return error_wrap(r->err, "%s", field->name);
    }
    r->depth--;
    return 0;
}

int decode_record(const struct schema *writer, const void *data, size_t len, const struct rec_desc *desc, void *rec,
                  struct error *err) {
    struct error reason = ERROR_INIT; /* wrapped on the way up, also when the caller wants no text */
    struct reader r = {.at = data, .end = (const uint8_t *)data + len, .err = &reason};
    rec_init(desc, rec);
    int failed = read_record(&r, writer->root, desc, rec);
    if (!failed && r.at != r.end)
        failed = error_set(&reason, ERR_INVALID, "%zu bytes follow the record", (size_t)(r.end - r.at));
    if (!failed) return 0;
    rec_done(desc, rec);
    return error_set(err, reason.code, "%s: %s", desc->name, reason.text);
}
