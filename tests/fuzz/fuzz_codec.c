/* Any bytes as a record, in either framing and without one, and as a writer's schema. What is accepted can be written
 * again and read back the same; what is refused says why. The first byte chooses: 0 a record as it is; 1 a schema's
 * text, a NUL and a body that it is the writer's schema of; else a body of one of our own types. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "schemas/codec.h"
#include "schemas/decode.h"
#include "schemas/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) abort();
}

/* All of our types under ids 1, 2, ... too. */
static struct codec *new_codec(void) {
    struct codec *codec = codec_new();
    for (size_t i = 0; i < rec_top_level_count; i++)
        require(!codec_learn_id(codec, (uint32_t)i + 1, rec_top_level[i]->text, NULL));
    return codec;
}

static void check_again(struct codec *codec, const struct rec_desc *desc, const void *rec) {
    struct error err = ERROR_INIT;
    uint8_t *data;
    size_t len;
    void *again = xmalloc(desc->size);
    if (codec_encode(desc, rec, CODEC_SINGLE_OBJECT, 0, &data, &len, &err)) {
        require(err.code == ERR_LIMIT); /* ours can be longer than the writer's: it has fields more */
        free(again);
        return;
    }
    require(!codec_decode_as(codec, data, len, desc, again, NULL));
    require(rec_equal(desc, rec, again));
    rec_free(desc, again);
    free(data);
}

static void try_record(struct codec *codec, const uint8_t *data, size_t size) {
    struct error err = ERROR_INIT;
    const struct rec_desc *desc;
    void *rec;
    if (codec_decode(codec, data, size, &desc, &rec, &err)) {
        require((err.code == ERR_INVALID || err.code == ERR_NOT_FOUND) && *err.text);
        return;
    }
    check_again(codec, desc, rec);
    json_t *json = codec_to_json(desc, rec);
    void *copy = xmalloc(desc->size);
    require(!codec_from_json(desc, json, copy, &err));
    require(rec_equal(desc, rec, copy));
    json_decref(json);
    rec_free(desc, copy);
    rec_free(desc, rec);
}

static void try_own(struct codec *codec, size_t type, const uint8_t *body, size_t size) {
    uint8_t *data = xmalloc(size + 5);
    memcpy(data, (const uint8_t[]){0, 0, 0, 0, (uint8_t)(1 + type % rec_top_level_count)}, 5);
    memcpy(data + 5, body, size);
    try_record(codec, data, size + 5);
    free(data);
}

/* Below the codec, which parses all of our own schemas when it is made: this is a thousand times a second. */
static void try_schema(struct codec *codec, const uint8_t *data, size_t size) {
    struct error err = ERROR_INIT;
    const uint8_t *end = memchr(data, 0, size);
    if (!end) return;
    CLEANUP(cleanup_schema) struct schema *schema = schema_parse((const char *)data, &err);
    if (!schema) {
        require(err.code == ERR_INVALID && *err.text);
        return;
    }
    CLEANUP(cleanup_schema) struct schema *canonical = schema_parse(schema->canonical, &err);
    require(canonical && canonical->fingerprint == schema->fingerprint); /* a canonical form is its own */
    const struct rec_desc *desc = schema->root->desc;
    if (!desc) return;
    void *rec = xmalloc(desc->size);
    if (decode_record(schema, end + 1, size - (size_t)(end + 1 - data), desc, rec, &err)) {
        require(err.code == ERR_INVALID && *err.text);
        free(rec);
        return;
    }
    if (desc->text) check_again(codec, desc, rec);
    rec_free(desc, rec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct codec *codec;
    if (!codec) codec = new_codec();
    if (size == 0) return 0;
    if (data[0] == 0)
        try_record(codec, data + 1, size - 1);
    else if (data[0] == 1)
        try_schema(codec, data + 1, size - 1);
    else
        try_own(codec, data[0] - 2u, data + 1, size - 1);
    return 0;
}
