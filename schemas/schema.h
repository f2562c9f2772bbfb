/* A writer's schema as the decoder walks it: types resolved, names bound, record fields mapped to ours. Internal to
 * schemas/; users see codec.h. Immutable once made, so threads share it freely. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "schemas/record.h"

enum schema_kind {
    SCHEMA_NULL,
    SCHEMA_BOOLEAN,
    SCHEMA_INT,
    SCHEMA_LONG,
    SCHEMA_FLOAT,
    SCHEMA_DOUBLE,
    SCHEMA_BYTES,
    SCHEMA_STRING,
    SCHEMA_RECORD,
    SCHEMA_ENUM,
    SCHEMA_ARRAY,
    SCHEMA_MAP,
    SCHEMA_UNION,
    SCHEMA_FIXED,
};

struct schema_field {
    char *name;
    const struct schema_type *type;
    const struct rec_field *ours; /* NULL: we have no such field, skip it */
};
struct schema_type {
    enum schema_kind kind;
    char *full_name;                     /* record, enum, fixed */
    struct schema_field *fields;         /* record */
    const struct rec_desc *desc;         /* record: ours of the same unqualified name, or NULL */
    const struct schema_type **branches; /* union; arrays and maps have their item type as the only one */
    char **symbols;                      /* enum */
    size_t count;                        /* of fields, branches or symbols */
    size_t size;                         /* fixed: bytes */
    struct schema_type *next;            /* all types of a schema, for release */
};
struct schema {
    const struct schema_type *root; /* a record */
    struct schema_type *all;
    uint64_t fingerprint;
    char *canonical;
};

/* Parse the text of a schema whose top is a record. NULL with ERR_INVALID: not JSON, not Avro, over a limit of codec.h.
 */
struct schema *schema_parse(const char *text, struct error *err);
void schema_free(struct schema *schema); /* accepts NULL */
DEFINE_CLEANUP(cleanup_schema, struct schema *, schema_free)
const char *schema_kind_name(enum schema_kind kind);

/* Fullname of a named type per the specification ("Names"): a dotted name is full already. Caller frees. NULL with
 * ERR_INVALID when the name is missing or malformed. */
char *schema_full_name(const json_t *type, const char *enclosing_namespace, struct error *err);
/* Namespace of a full name, "" when it has none. Caller frees. */
char *schema_namespace(const char *full_name);

/* Parsing canonical form of a schema that schema_parse() has accepted. Caller frees. */
char *schema_canonical(const json_t *json);
/* CRC-64-AVRO. */
uint64_t schema_crc64(const char *text, size_t len);
