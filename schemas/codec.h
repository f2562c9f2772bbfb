/* Records to bytes and back: Avro binary in the single-object encoding (internal topics) or in the Confluent wire
 * format (public topics), and JSON.
 *
 * Decoding reads with the *writer's* schema, found by the fingerprint or id in front of the data, and maps its fields
 * to ours by name: fields that the writer does not have get our default, fields that we do not have are skipped; int
 * widens to long and double, long and float to double. Data come from outside: every length, count and depth has a
 * limit below, and a record that breaks one is refused with ERR_INVALID and the reason, never read past its end.
 * Sources: Avro 1.11 specification ("Single-object encoding", "Parsing Canonical Form", "Schema Resolution"). */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "records.h"
#include "schemas/record.h"

#define CODEC_RECORD_MAX_BYTES 900000 /* encoded record with its frame, before compression */
#define CODEC_ITEMS_MAX 10000         /* list and map items in one record, over all its lists */
#define CODEC_NESTING_MAX 16          /* records, lists and unions within each other */
#define CODEC_SCHEMA_MAX_BYTES 262144 /* text of a writer's schema */
#define CODEC_SCHEMA_MAX_TYPES 4096   /* types and fields in a writer's schema */
#define CODEC_SCHEMAS_MAX 1024        /* schemas, and ids, that one codec remembers */

enum codec_framing {
    CODEC_SINGLE_OBJECT, /* C3 01, CRC-64-AVRO fingerprint (little endian), body */
    CODEC_CONFLUENT,     /* 00, schema id (big endian, 32 bits), body */
};

/* Encode `rec`, a record of type `desc` that has a schema file of its own. `schema_id` is used by CODEC_CONFLUENT only.
 * Text that is not UTF-8 is written with U+FFFD in place of what is wrong, so that every consumer can read it.
 * The caller frees *ret. ERR_LIMIT: larger than CODEC_RECORD_MAX_BYTES; ERR_INVALID: `desc` is a nested record.
 * Thread-safe. */
int codec_encode(const struct rec_desc *desc, const void *rec, enum codec_framing framing, uint32_t schema_id,
                 uint8_t **ret, size_t *ret_len, struct error *err);

/* The writer schemas that are known: all of our own from the start, others as they are learned. Thread-safe. */
struct codec;
struct codec *codec_new(void);
void codec_free(struct codec *codec);
DEFINE_CLEANUP(cleanup_codec, struct codec *, codec_free)

/* Remember a writer's schema (from the `schemas` topic). Known ones are a no-op. ERR_INVALID: not an Avro schema, or
 * over a limit; ERR_LIMIT: too many. */
int codec_learn(struct codec *codec, const char *text, struct error *err);
/* Same, and `id` in the Confluent wire format names it from now on. ERR_CONFLICT: `id` names another schema already. */
int codec_learn_id(struct codec *codec, uint32_t id, const char *text, struct error *err);

/* Decode either framing (told apart by the first bytes). On success *ret_desc is the type and *ret_rec a record of it
 * that the caller releases with rec_free(). ERR_NOT_FOUND: fingerprint or id is not known (yet): wait for the schema,
 * or dead-letter. ERR_INVALID: anything wrong with the data, or a schema of a record that is none of ours. */
int codec_decode(struct codec *codec, const void *data, size_t len, const struct rec_desc **ret_desc, void **ret_rec,
                 struct error *err);
/* Same into `rec`, uninitialised memory for a record of type `want`; ERR_INVALID when it is of another type. On failure
 * `rec` holds nothing. */
int codec_decode_as(struct codec *codec, const void *data, size_t len, const struct rec_desc *want, void *rec,
                    struct error *err);

/* CRC-64-AVRO of a schema's parsing canonical form. ERR_INVALID as codec_learn(). */
int codec_fingerprint(const char *text, uint64_t *ret, struct error *err);
/* Fingerprint of one of our own, as 16 hexadecimal digits (big endian, as fastavro prints the number). */
void codec_fingerprint_hex(const struct rec_desc *desc, char out[17]);
/* The parsing canonical form; the caller frees. NULL with ERR_INVALID. */
char *codec_canonical(const char *text, struct error *err);

/* As a JSON object, fields in the schema's order. Absent optional fields are null, never left out; bytes are a string
 * of code points 0 to 255 (Avro's JSON encoding); non-finite numbers are "NaN", "Infinity", "-Infinity". New reference.
 */
json_t *codec_to_json(const struct rec_desc *desc, const void *rec);
/* The reverse, into uninitialised memory. Missing keys get their default; unknown keys and wrong types are ERR_INVALID
 * with the path of the field, and `rec` holds nothing then. */
int codec_from_json(const struct rec_desc *desc, const json_t *json, void *rec, struct error *err);
