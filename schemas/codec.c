/* Frames, and the writer schemas that are known. See codec.h. */
#include "schemas/codec.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "schemas/decode.h"
#include "schemas/encode.h"
#include "schemas/schema.h"

#define SINGLE_OBJECT_HEAD 10 /* C3 01 and the fingerprint */
#define CONFLUENT_HEAD 5      /* 00 and the id */

struct known_id {
    uint32_t id;
    const struct schema *schema;
};
struct codec {
    pthread_rwlock_t lock;
    struct schema **schemas; /* never removed, so that readers need the lock for the look-up only */
    size_t schema_count;
    struct known_id *ids;
    size_t id_count;
};

/* --- fingerprints of our own ------------------------------------------------------------------------------------- */
static uint64_t *own_fingerprints; /* in the order of rec_top_level */
static pthread_once_t own_once = PTHREAD_ONCE_INIT;

int codec_fingerprint(const char *text, uint64_t *ret, struct error *err) {
    CLEANUP(cleanup_schema) struct schema *schema = schema_parse(text, err);
    if (!schema) return -1;
    *ret = schema->fingerprint;
    return 0;
}

char *codec_canonical(const char *text, struct error *err) {
    CLEANUP(cleanup_schema) struct schema *schema = schema_parse(text, err);
    return schema ? TAKE(schema->canonical) : NULL;
}

static void fingerprint_own(void) {
    own_fingerprints = xcalloc(rec_top_level_count, sizeof *own_fingerprints);
    for (size_t i = 0; i < rec_top_level_count; i++)
        if (codec_fingerprint(rec_top_level[i]->text, &own_fingerprints[i], NULL))
            abort(); /* built in: cannot happen */
}

/* 0 for a record without a schema of its own. */
static uint64_t own_fingerprint(const struct rec_desc *desc) {
    pthread_once(&own_once, fingerprint_own);
    for (size_t i = 0; i < rec_top_level_count; i++)
        if (rec_top_level[i] == desc) return own_fingerprints[i];
    return 0;
}

void codec_fingerprint_hex(const struct rec_desc *desc, char out[17]) {
    snprintf(out, 17, "%016llx", (unsigned long long)own_fingerprint(desc));
}

/* --- encoding ---------------------------------------------------------------------------------------------------- */
int codec_encode(const struct rec_desc *desc, const void *rec, enum codec_framing framing, uint32_t schema_id,
                 uint8_t **ret, size_t *ret_len, struct error *err) {
    bool single = framing == CODEC_SINGLE_OBJECT;
    if (encode_record(desc, rec, single ? SINGLE_OBJECT_HEAD : CONFLUENT_HEAD, ret, ret_len, err)) return -1;
    uint8_t *head = *ret;
    if (single) {
        uint64_t fingerprint = own_fingerprint(desc);
        head[0] = 0xc3, head[1] = 0x01;
        for (int i = 0; i < 8; i++) head[2 + i] = (uint8_t)(fingerprint >> (8 * i));
    } else {
        head[0] = 0;
        for (int i = 0; i < 4; i++) head[1 + i] = (uint8_t)(schema_id >> (8 * (3 - i)));
    }
    return 0;
}

/* --- known schemas ----------------------------------------------------------------------------------------------- */
static struct schema *find_schema(const struct codec *codec, uint64_t fingerprint) {
    for (size_t i = 0; i < codec->schema_count; i++)
        if (codec->schemas[i]->fingerprint == fingerprint) return codec->schemas[i];
    return NULL;
}

/* With the write lock held. The result belongs to the codec. */
static const struct schema *remember(struct codec *codec, const char *text, struct error *err) {
    CLEANUP(cleanup_schema) struct schema *schema = schema_parse(text, err);
    if (!schema) return NULL;
    struct schema *known = find_schema(codec, schema->fingerprint);
    if (known) return known;
    if (codec->schema_count == CODEC_SCHEMAS_MAX) {
        error_set(err, ERR_LIMIT, "more than %d schemas", CODEC_SCHEMAS_MAX);
        return NULL;
    }
    codec->schemas = xrealloc(codec->schemas, (codec->schema_count + 1) * sizeof *codec->schemas);
    known = TAKE(schema);
    codec->schemas[codec->schema_count++] = known;
    return known;
}

struct codec *codec_new(void) {
    struct codec *codec = xcalloc(1, sizeof *codec);
    pthread_rwlock_init(&codec->lock, NULL);
    for (size_t i = 0; i < rec_top_level_count; i++)
        if (!remember(codec, rec_top_level[i]->text, NULL)) abort(); /* built in: cannot happen */
    return codec;
}

void codec_free(struct codec *codec) {
    if (!codec) return;
    for (size_t i = 0; i < codec->schema_count; i++) schema_free(codec->schemas[i]);
    free(codec->schemas);
    free(codec->ids);
    pthread_rwlock_destroy(&codec->lock);
    free(codec);
}

int codec_learn(struct codec *codec, const char *text, struct error *err) {
    pthread_rwlock_wrlock(&codec->lock);
    const struct schema *schema = remember(codec, text, err);
    pthread_rwlock_unlock(&codec->lock);
    return schema ? 0 : -1;
}

static const struct schema *find_id(const struct codec *codec, uint32_t id) {
    for (size_t i = 0; i < codec->id_count; i++)
        if (codec->ids[i].id == id) return codec->ids[i].schema;
    return NULL;
}

static int bind_id(struct codec *codec, uint32_t id, const struct schema *schema, struct error *err) {
    const struct schema *bound = find_id(codec, id);
    if (bound == schema) return 0;
    if (bound) return error_set(err, ERR_CONFLICT, "schema id %u names another schema already", id);
    if (codec->id_count == CODEC_SCHEMAS_MAX)
        return error_set(err, ERR_LIMIT, "more than %d schema ids", CODEC_SCHEMAS_MAX);
    codec->ids = xrealloc(codec->ids, (codec->id_count + 1) * sizeof *codec->ids);
    codec->ids[codec->id_count++] = (struct known_id){.id = id, .schema = schema};
    return 0;
}

int codec_learn_id(struct codec *codec, uint32_t id, const char *text, struct error *err) {
    pthread_rwlock_wrlock(&codec->lock);
    const struct schema *schema = remember(codec, text, err);
    int failed = schema ? bind_id(codec, id, schema, err) : -1;
    pthread_rwlock_unlock(&codec->lock);
    return failed;
}

/* --- decoding ---------------------------------------------------------------------------------------------------- */
static const struct schema *schema_by_fingerprint(struct codec *codec, const uint8_t *bytes, struct error *err) {
    uint64_t fingerprint = 0;
    for (int i = 8; i-- > 0;) fingerprint = fingerprint << 8 | bytes[i];
    pthread_rwlock_rdlock(&codec->lock);
    const struct schema *schema = find_schema(codec, fingerprint);
    pthread_rwlock_unlock(&codec->lock);
    if (!schema) error_set(err, ERR_NOT_FOUND, "schema %016llx is not known", (unsigned long long)fingerprint);
    return schema;
}

static const struct schema *schema_by_id(struct codec *codec, const uint8_t *bytes, struct error *err) {
    uint32_t id = 0;
    for (int i = 0; i < 4; i++) id = id << 8 | bytes[i];
    pthread_rwlock_rdlock(&codec->lock);
    const struct schema *schema = find_id(codec, id);
    pthread_rwlock_unlock(&codec->lock);
    if (!schema) error_set(err, ERR_NOT_FOUND, "schema id %u is not known", id);
    return schema;
}

/* The writer's schema and the length of the frame's head. */
static const struct schema *read_head(struct codec *codec, const uint8_t *data, size_t len, size_t *ret_head,
                                      struct error *err) {
    if (len > CODEC_RECORD_MAX_BYTES) {
        error_set(err, ERR_INVALID, "a record of %zu bytes; %d is the limit", len, CODEC_RECORD_MAX_BYTES);
    } else if (len >= SINGLE_OBJECT_HEAD && data[0] == 0xc3 && data[1] == 0x01) {
        *ret_head = SINGLE_OBJECT_HEAD;
        return schema_by_fingerprint(codec, data + 2, err);
    } else if (len >= CONFLUENT_HEAD && data[0] == 0) {
        *ret_head = CONFLUENT_HEAD;
        return schema_by_id(codec, data + 1, err);
    } else {
        error_set(err, ERR_INVALID, "%zu bytes that begin like no Avro record", len);
    }
    return NULL;
}

int codec_decode(struct codec *codec, const void *data, size_t len, const struct rec_desc **ret_desc, void **ret_rec,
                 struct error *err) {
    size_t head;
    const struct schema *schema = read_head(codec, data, len, &head, err);
    if (!schema) return -1;
    const struct rec_desc *desc = schema->root->desc;
    if (!desc || !desc->text) return error_set(err, ERR_INVALID, "%s is no record of ours", schema->root->full_name);
    CLEANUP_FREE void *rec = xmalloc(desc->size);
    if (decode_record(schema, (const uint8_t *)data + head, len - head, desc, rec, err)) return -1;
    *ret_desc = desc;
    *ret_rec = TAKE(rec);
    return 0;
}

int codec_decode_as(struct codec *codec, const void *data, size_t len, const struct rec_desc *want, void *rec,
                    struct error *err) {
    size_t head;
    const struct schema *schema = read_head(codec, data, len, &head, err);
    if (!schema) return -1;
    if (schema->root->desc != want)
        return error_set(err, ERR_INVALID, "a record %s where %s is expected", schema->root->full_name,
                         want->full_name);
    return decode_record(schema, (const uint8_t *)data + head, len - head, want, rec, err);
}
