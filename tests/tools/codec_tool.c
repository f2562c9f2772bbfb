/* Our codec for programs in other languages: one JSON object a line in, one out.
 *   {"op": "schemas"}                                    -> {"schemas": [{"name", "text", "fingerprint", "canonical"}]}
 *   {"op": "sample", "type", "seed"}                     -> {"record"}: something in every field
 *   {"op": "learn", "text", "id"?}                       -> {"fingerprint", "canonical"}
 *   {"op": "encode", "type", "framing", "id", "record"}  -> {"hex"}; framing: single or confluent
 *   {"op": "decode", "hex"}                              -> {"type", "record"}
 * A failure is {"error": text, "code": name}. */
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/hash.h"
#include "schemas/codec.h"
#include "tests/tools/rec_fill.h"

static const char *text_of(const json_t *request, const char *key) {
    const char *text = json_string_value(json_object_get(request, key));
    return text ? text : "";
}

static const struct rec_desc *type_of(const json_t *request, struct error *err) {
    for (size_t i = 0; i < rec_top_level_count; i++)
        if (!strcmp(rec_top_level[i]->name, text_of(request, "type"))) return rec_top_level[i];
    error_set(err, ERR_NOT_FOUND, "no record type %s", text_of(request, "type"));
    return NULL;
}

static json_t *describe(const char *text, struct error *err) {
    uint64_t fingerprint;
    char hex[17];
    CLEANUP_FREE char *canonical = codec_canonical(text, err);
    if (!canonical || codec_fingerprint(text, &fingerprint, err)) return NULL;
    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)fingerprint);
    return json_pack("{s:s, s:s}", "fingerprint", hex, "canonical", canonical);
}

static json_t *list_schemas(struct error *err) {
    json_t *list = json_array();
    for (size_t i = 0; i < rec_top_level_count; i++) {
        json_t *one = describe(rec_top_level[i]->text, err);
        if (!one) return NULL;
        json_object_set_new(one, "name", json_string(rec_top_level[i]->name));
        json_object_set_new(one, "text", json_string(rec_top_level[i]->text));
        json_array_append_new(list, one);
    }
    return json_pack("{s:o}", "schemas", list);
}

static json_t *sample(const json_t *request, struct error *err) {
    const struct rec_desc *desc = type_of(request, err);
    if (!desc) return NULL;
    void *rec = fill_new(desc, (uint64_t)json_integer_value(json_object_get(request, "seed")));
    json_t *answer = json_pack("{s:o}", "record", codec_to_json(desc, rec));
    rec_free(desc, rec);
    return answer;
}

static json_t *learn(struct codec *codec, const json_t *request, struct error *err) {
    const json_t *id = json_object_get(request, "id");
    const char *text = text_of(request, "text");
    int failed =
        id ? codec_learn_id(codec, (uint32_t)json_integer_value(id), text, err) : codec_learn(codec, text, err);
    return failed ? NULL : describe(text, err);
}

static json_t *encode(const json_t *request, struct error *err) {
    const struct rec_desc *desc = type_of(request, err);
    if (!desc) return NULL;
    CLEANUP_FREE void *rec = xmalloc(desc->size);
    CLEANUP_FREE uint8_t *data = NULL;
    size_t len;
    enum codec_framing framing =
        strcmp(text_of(request, "framing"), "confluent") ? CODEC_SINGLE_OBJECT : CODEC_CONFLUENT;
    if (codec_from_json(desc, json_object_get(request, "record"), rec, err)) return NULL;
    int failed = codec_encode(desc, rec, framing, (uint32_t)json_integer_value(json_object_get(request, "id")), &data,
                              &len, err);
    rec_done(desc, rec);
    if (failed) return NULL;
    CLEANUP_FREE char *hex = xmalloc(2 * len + 1);
    hex_encode(data, len, hex);
    return json_pack("{s:s}", "hex", hex);
}

static json_t *decode(struct codec *codec, const json_t *request, struct error *err) {
    const struct rec_desc *desc;
    void *rec;
    const char *hex = text_of(request, "hex");
    size_t len = strlen(hex) / 2;
    CLEANUP_FREE uint8_t *data = xmalloc(len + 1);
    if (hex_decode(hex, data, len)) {
        error_set(err, ERR_INVALID, "not hexadecimal");
        return NULL;
    }
    if (codec_decode(codec, data, len, &desc, &rec, err)) return NULL;
    json_t *answer = json_pack("{s:s, s:o}", "type", desc->name, "record", codec_to_json(desc, rec));
    rec_free(desc, rec);
    return answer;
}

static json_t *answer_to(struct codec *codec, const json_t *request, struct error *err) {
    const char *op = text_of(request, "op");
    if (!strcmp(op, "schemas")) return list_schemas(err);
    if (!strcmp(op, "sample")) return sample(request, err);
    if (!strcmp(op, "learn")) return learn(codec, request, err);
    if (!strcmp(op, "encode")) return encode(request, err);
    if (!strcmp(op, "decode")) return decode(codec, request, err);
    error_set(err, ERR_INVALID, "unknown op %s", op);
    return NULL;
}

int main(void) {
    struct codec *codec = codec_new();
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        struct error err = ERROR_INIT;
        json_t *request = json_loads(line, JSON_ALLOW_NUL, NULL);
        json_t *answer = request ? answer_to(codec, request, &err) : NULL;
        if (!request) error_set(&err, ERR_INVALID, "not JSON");
        if (!answer) answer = json_pack("{s:s, s:s}", "error", err.text, "code", error_name(err.code));
        json_dumpf(answer, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(answer);
        json_decref(request);
    }
    free(line);
    codec_free(codec);
    return 0;
}
