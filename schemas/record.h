/* Records: what the structs generated from the .avsc files here (records.h, under the build folder) have in common.
 *
 * A record type is described by a static `struct rec_desc` (rec_task_desc, rec_policy_desc, ...): its fields with kind,
 * offset and default. Everything generic - init, done, copy, equality, Avro, JSON - is one walk over that table.
 *
 * Ownership: every string, list and bytes field is heap memory of its own and belongs to its record; assign with
 * rec_set(). A field that is not nullable is never NULL after init. Nothing here fails but by aborting when memory is
 * exhausted (sizes are bounded by the codec's limits). None of it is synchronised: a record belongs to one thread at a
 * time. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rec_kind {
    REC_STRING,     /* char *, never NULL */
    REC_OPT_STRING, /* char * or NULL */
    REC_INT,        /* int32_t */
    REC_LONG,       /* int64_t */
    REC_DOUBLE,     /* double */
    REC_OPT_DOUBLE, /* double x; bool has_x */
    REC_BOOL,       /* bool */
    REC_BYTES,      /* struct rec_bytes */
    REC_LIST,       /* struct rec_list_<item> */
    REC_RECORD,     /* struct rec_<record>, embedded */
};

struct rec_bytes {
    uint8_t *data; /* NULL when empty */
    size_t len;
};
/* Every list has this shape. */
struct rec_list {
    void *items;
    size_t count;
};
struct rec_list_string {
    char **items;
    size_t count;
};
struct rec_list_long {
    int64_t *items;
    size_t count;
};

struct rec_desc;
struct rec_field {
    const char *name;
    const char *doc; /* "" when the .avsc has none */
    enum rec_kind kind;
    enum rec_kind item;            /* REC_LIST: REC_STRING, REC_LONG or REC_RECORD */
    size_t offset;                 /* of the member in the struct */
    size_t has_offset;             /* REC_OPT_DOUBLE: of has_<name> */
    const struct rec_desc *record; /* REC_RECORD, and REC_LIST of records */
    const char *default_text;      /* REC_STRING; NULL in REC_OPT_STRING */
    int64_t default_int;           /* REC_INT, REC_LONG, REC_BOOL */
    double default_double;         /* REC_DOUBLE */
};
struct rec_desc {
    const char *name;      /* "VerdictCount" */
    const char *full_name; /* "io.portolan.VerdictCount" */
    const char *doc;
    size_t size; /* of the struct */
    const struct rec_field *fields;
    size_t field_count;
    const char *text; /* the .avsc exactly as it stands in the tree; NULL for a nested record */
};

/* Set all fields to the defaults of the .avsc; `rec` is uninitialised memory of desc->size bytes. */
void rec_init(const struct rec_desc *desc, void *rec);
/* Release what the fields hold. The record may be init()ed again; until then it is all zero. */
void rec_done(const struct rec_desc *desc, void *rec);
/* Deep copy into uninitialised memory `to`. */
void rec_copy(const struct rec_desc *desc, void *to, const void *from);
/* Same contents; doubles by bit pattern except that 0.0 equals -0.0 and every NaN equals every other. */
bool rec_equal(const struct rec_desc *desc, const void *a, const void *b);
/* A heap record, init()ed; release with rec_free(), which accepts NULL. */
void *rec_new(const struct rec_desc *desc);
void rec_free(const struct rec_desc *desc, void *rec);
/* The field called `name`, or NULL. */
const struct rec_field *rec_find(const struct rec_desc *desc, const char *name);
/* Bytes of one item of a list field. */
size_t rec_item_size(const struct rec_field *field);

/* Replace a string field by a copy of `text`; NULL only for a nullable field. `text` may point into the old value. */
void rec_set(char **field, const char *text);
void rec_setf(char **field, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A nullable number from one record to another that has a field of that name, too. */
#define REC_COPY_OPTIONAL(to, from, field)       \
    do {                                         \
        (to)->field = (from)->field;             \
        (to)->has_##field = (from)->has_##field; \
    } while (0)
void rec_set_bytes(struct rec_bytes *field, const void *data, size_t len);

/* Append; the result points to the new item and is valid until the next push. */
char **rec_list_string_push(struct rec_list_string *list, const char *text); /* copies */
int64_t *rec_list_long_push(struct rec_list_long *list, int64_t value);
void *rec_list_push(struct rec_list *list, const struct rec_desc *desc); /* generated code wraps it, typed */
/* Append an item of a list field's own kind, initialised ("" for strings, 0 for longs). */
void *rec_list_push_item(const struct rec_field *field, struct rec_list *list);
bool rec_list_string_has(const struct rec_list_string *list, const char *text);

/* Generated: every record type with a file of its own (what travels on topics), and all types, nested ones too. */
extern const struct rec_desc *const rec_top_level[];
extern const size_t rec_top_level_count;
extern const struct rec_desc *const rec_all[];
extern const size_t rec_all_count;
