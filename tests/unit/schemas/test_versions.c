/* The version matrix: records of every release that is kept under tests/versions, read by today's code with nothing
 * lost, and today's read with that release's schemas. It fails when a field is removed, renamed, changes its type or
 * loses its default. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <avro.h>
#include <dirent.h>
#include <string.h>

#include "common/buf.h"
#include "common/fileio.h"
#include "schemas/codec.h"
#include "tests/tools/rec_fill.h"

#define FOLDER "tests/versions"
#define TEXT_MAX 262144
#define VERSIONS_MAX 64
#define SEEDS 10

/* --- what is kept ------------------------------------------------------------------------------------------------- */
struct version {
    char name[64];
};
static struct version versions[VERSIONS_MAX];
static size_t version_count;

static int find_versions(void **state) {
    (void)state;
    DIR *dir = opendir(FOLDER); /* unit tests run in the tree's root */
    if (!dir) return -1;
    for (const struct dirent *e; (e = readdir(dir)) != NULL && version_count < VERSIONS_MAX;)
        if (e->d_name[0] != '.') snprintf(versions[version_count++].name, 64, "%.63s", e->d_name);
    closedir(dir);
    return version_count ? 0 : -1;
}

/* "Task" is in task.avsc, "DeadLetter" in deadletter.avsc. The caller frees; NULL: that version had no such record. */
static char *text_of(const char *version, const struct rec_desc *desc) {
    char file[128], *c = file;
    for (const char *n = desc->name; *n; n++) *c++ = (char)(*n | 32);
    strcpy(c, ".avsc");
    CLEANUP_FREE char *path = xasprintf(FOLDER "/%s/%s", version, file);
    return file_read(path, TEXT_MAX, NULL, NULL);
}

typedef void check_fn(const struct rec_desc *desc, const char *text);
static void for_every_kept_schema(check_fn *check) {
    int n = 0;
    for (size_t v = 0; v < version_count; v++)
        for (size_t i = 0; i < rec_top_level_count; i++) {
            CLEANUP_FREE char *text = text_of(versions[v].name, rec_top_level[i]);
            if (text) check(rec_top_level[i], text), n++;
        }
    assert_true(n >= 12); /* the first release had as many */
}

/* --- a record of an older release, full of values that are no defaults, beside what JSON should say of it --- */
static json_t *fill(avro_value_t *value, const struct rec_field *ours, int *n);

static json_t *fill_fields(avro_value_t *value, const struct rec_desc *ours, int *n) {
    size_t count = 0;
    json_t *all = json_object();
    avro_value_get_size(value, &count);
    for (size_t i = 0; i < count; i++) {
        avro_value_t field;
        const char *name;
        avro_value_get_by_index(value, i, &field, &name);
        json_object_set_new(all, name, fill(&field, ours ? rec_find(ours, name) : NULL, n));
    }
    return all;
}

static json_t *fill_items(avro_value_t *value, const struct rec_field *ours, int *n) {
    json_t *all = json_array();
    for (int i = 0; i < 2; i++) {
        avro_value_t item;
        avro_value_append(value, &item, NULL);
        json_array_append_new(all, fill(&item, ours, n));
    }
    return all;
}

static json_t *fill(avro_value_t *value, const struct rec_field *ours, int *n) {
    char text[32];
    avro_value_t branch;
    ++*n;
    snprintf(text, sizeof text, "text %d", *n);
    switch (avro_value_get_type(value)) {
        case AVRO_STRING:
            avro_value_set_string(value, text);
            return json_string(text);
        case AVRO_BYTES:
            avro_value_set_bytes(value, text, strlen(text));
            return json_string(text);
        case AVRO_INT32:
            avro_value_set_int(value, 1000 + *n);
            return json_integer(1000 + *n);
        case AVRO_INT64:
            avro_value_set_long(value, INT64_C(1) << 40 | *n);
            return json_integer(INT64_C(1) << 40 | *n);
        case AVRO_DOUBLE:
            avro_value_set_double(value, *n + 0.25);
            return json_real(*n + 0.25);
        case AVRO_BOOLEAN: {
            bool v = !(ours && ours->kind == REC_BOOL && ours->default_int);
            avro_value_set_boolean(value, v);
            return json_boolean(v);
        }
        case AVRO_UNION: /* null and something */
            avro_value_set_branch(value, 1, &branch);
            return fill(&branch, ours, n);
        case AVRO_ARRAY:
            return fill_items(value, ours, n);
        case AVRO_RECORD:
            return fill_fields(value, ours ? ours->record : NULL, n);
        default:
            fail_msg("a type that our schemas do not use: %d", (int)avro_value_get_type(value));
    }
    return NULL;
}

/* --- comparing ---------------------------------------------------------------------------------------------------- */
static void assert_same(const json_t *old, const json_t *now, const struct rec_desc *desc, const char *path);

static void assert_same_field(const json_t *old, const json_t *now, const struct rec_field *field, const char *path) {
    if (!now) fail_msg("%s is lost", path);
    if (json_is_object(old)) {
        assert_same(old, now, field->record, path);
    } else if (json_is_array(old) && field->record) {
        assert_int_equal(json_array_size(old), json_array_size(now));
        for (size_t i = 0; i < json_array_size(old); i++)
            assert_same(json_array_get(old, i), json_array_get(now, i), field->record, path);
    } else if (!json_equal(old, now)) {
        CLEANUP_FREE char *a = json_dumps(old, JSON_ENCODE_ANY), *b = json_dumps(now, JSON_ENCODE_ANY);
        fail_msg("%s: %s became %s", path, a, b);
    }
}

/* Everything in `old` stands in `now`; what only `now` has is as in a new record. */
static void assert_same(const json_t *old, const json_t *now, const struct rec_desc *desc, const char *path) {
    const char *name;
    const json_t *value;
    void *fresh = rec_new(desc);
    json_t *defaults = codec_to_json(desc, fresh);
    json_object_foreach((json_t *)(uintptr_t)old, name, value) {
        CLEANUP_FREE char *at = xasprintf("%s.%s", path, name);
        const struct rec_field *field = rec_find(desc, name);
        if (!field) fail_msg("%s is lost", at);
        assert_same_field(value, json_object_get(now, name), field, at);
    }
    json_object_foreach((json_t *)(uintptr_t)now, name, value) {
        if (json_object_get(old, name)) continue;
        if (!json_equal(value, json_object_get(defaults, name))) fail_msg("%s.%s has not its default", path, name);
    }
    json_decref(defaults);
    rec_free(desc, fresh);
}

/* --- older to newer --------------------------------------------------------------------------- */
static void encode_generic(avro_value_t *value, const char *text, uint8_t *out, size_t size, size_t *ret_len) {
    uint64_t fingerprint;
    struct error err = ERROR_INIT;
    if (codec_fingerprint(text, &fingerprint, &err)) fail_msg("%s", err.text);
    out[0] = 0xc3, out[1] = 1;
    for (int i = 0; i < 8; i++) out[2 + i] = (uint8_t)(fingerprint >> 8 * i);
    avro_writer_t writer = avro_writer_memory((char *)out + 10, (int64_t)size - 10);
    if (avro_value_write(writer, value)) fail_msg("avro-c: %s", avro_strerror());
    *ret_len = 10 + (size_t)avro_writer_tell(writer);
    avro_writer_free(writer);
}

static avro_value_t generic(const char *text, avro_schema_t *ret_schema) {
    avro_value_t value;
    if (avro_schema_from_json_length(text, strlen(text), ret_schema)) fail_msg("avro-c: %s", avro_strerror());
    avro_value_iface_t *iface = avro_generic_class_from_schema(*ret_schema);
    avro_generic_value_new(iface, &value);
    avro_value_iface_decref(iface);
    return value;
}

static void read_by_todays_code(const struct rec_desc *desc, const char *text) {
    static uint8_t data[65536];
    avro_schema_t schema;
    size_t len;
    int n = 0;
    struct error err = ERROR_INIT;
    const struct rec_desc *got_desc = NULL;
    void *got = NULL;
    avro_value_t value = generic(text, &schema);
    json_t *expected = fill_fields(&value, desc, &n);
    encode_generic(&value, text, data, sizeof data, &len);
    CLEANUP(cleanup_codec) struct codec *codec = codec_new();
    if (codec_learn(codec, text, &err) || codec_decode(codec, data, len, &got_desc, &got, &err))
        fail_msg("%s: %s", desc->name, err.text);
    assert_ptr_equal(got_desc, desc);
    json_t *read = codec_to_json(desc, got);
    assert_same(expected, read, desc, desc->name);
    json_decref(read);
    json_decref(expected);
    rec_free(desc, got);
    avro_value_decref(&value);
    avro_schema_decref(schema);
}

static void todays_code_reads_every_record_of_every_release_that_is_kept(void **state) {
    (void)state;
    for_every_kept_schema(read_by_todays_code);
}

/* --- newer to older --------------------------------------------------------------------------- */
static json_t *to_json(avro_value_t *value) {
    size_t n = 0;
    int32_t i = 0;
    int64_t l = 0;
    double d = 0;
    int b = 0;
    const char *s = NULL;
    const void *bytes = NULL;
    avro_value_t at;
    json_t *all;
    switch (avro_value_get_type(value)) {
        case AVRO_STRING:
            avro_value_get_string(value, &s, &n);
            return json_stringn_nocheck(s, n - 1);
        case AVRO_BYTES: {
            struct buf text = BUF_INIT;
            avro_value_get_bytes(value, &bytes, &n);
            for (size_t k = 0; k < n; k++) {
                unsigned c = ((const uint8_t *)bytes)[k];
                if (c < 0x80)
                    buf_putc(&text, (char)c);
                else
                    buf_printf(&text, "%c%c", (char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f)));
            }
            all = json_stringn_nocheck(text.data ? text.data : "", text.len);
            buf_done(&text);
            return all;
        }
        case AVRO_INT32:
            avro_value_get_int(value, &i);
            return json_integer(i);
        case AVRO_INT64:
            avro_value_get_long(value, &l);
            return json_integer(l);
        case AVRO_DOUBLE:
            avro_value_get_double(value, &d);
            return json_real(d);
        case AVRO_BOOLEAN:
            avro_value_get_boolean(value, &b);
            return json_boolean(b);
        case AVRO_NULL:
            return json_null();
        case AVRO_UNION:
            avro_value_get_current_branch(value, &at);
            return to_json(&at);
        case AVRO_ARRAY:
        case AVRO_RECORD:
            all = avro_value_get_type(value) == AVRO_ARRAY ? json_array() : json_object();
            avro_value_get_size(value, &n);
            for (size_t k = 0; k < n; k++) {
                avro_value_get_by_index(value, k, &at, &s);
                if (json_is_array(all))
                    json_array_append_new(all, to_json(&at));
                else
                    json_object_set_new(all, s, to_json(&at));
            }
            return all;
        default:
            fail_msg("a type that our schemas do not use");
    }
    return NULL;
}

/* What `part` has stands in `whole`. */
static void assert_part(const json_t *part, const json_t *whole, const char *path) {
    const char *name;
    const json_t *value;
    if (json_is_object(part)) {
        json_object_foreach((json_t *)(uintptr_t)part, name, value) {
            CLEANUP_FREE char *at = xasprintf("%s.%s", path, name);
            if (!json_object_get(whole, name)) fail_msg("%s is not written any more", at);
            assert_part(value, json_object_get(whole, name), at);
        }
    } else if (json_is_array(part)) {
        assert_int_equal(json_array_size(part), json_array_size(whole));
        for (size_t i = 0; i < json_array_size(part); i++)
            assert_part(json_array_get(part, i), json_array_get(whole, i), path);
    } else if (!json_equal(part, whole)) {
        CLEANUP_FREE char *a = json_dumps(part, JSON_ENCODE_ANY), *b = json_dumps(whole, JSON_ENCODE_ANY);
        fail_msg("%s: %s was written, %s is read", path, b, a);
    }
}

static void read_one(const struct rec_desc *desc, avro_schema_t today, avro_schema_t old, uint64_t seed) {
    struct error err = ERROR_INIT;
    size_t len;
    void *rec = fill_new(desc, seed);
    CLEANUP_FREE uint8_t *data = NULL;
    if (codec_encode(desc, rec, CODEC_SINGLE_OBJECT, 0, &data, &len, &err)) fail_msg("%s", err.text);
    avro_value_iface_t *target = avro_generic_class_from_schema(old), *resolver = avro_resolved_writer_new(today, old);
    if (!resolver) fail_msg("%s: an older reader cannot make sense of it: %s", desc->name, avro_strerror());
    avro_value_t value, through;
    avro_generic_value_new(target, &value);
    avro_resolved_writer_new_value(resolver, &through);
    avro_resolved_writer_set_dest(&through, &value);
    avro_reader_t reader = avro_reader_memory((const char *)data + 10, (int64_t)len - 10);
    if (avro_value_read(reader, &through)) fail_msg("%s: %s", desc->name, avro_strerror());
    json_t *written = codec_to_json(desc, rec), *read = to_json(&value);
    assert_part(read, written, desc->name);
    json_decref(written);
    json_decref(read);
    avro_reader_free(reader);
    avro_value_decref(&through);
    avro_value_decref(&value);
    avro_value_iface_decref(resolver);
    avro_value_iface_decref(target);
    rec_free(desc, rec);
}

static void read_by_an_older_reader(const struct rec_desc *desc, const char *text) {
    avro_schema_t today, old;
    if (avro_schema_from_json_length(desc->text, strlen(desc->text), &today) ||
        avro_schema_from_json_length(text, strlen(text), &old))
        fail_msg("avro-c: %s", avro_strerror());
    for (uint64_t seed = 0; seed < SEEDS; seed++) read_one(desc, today, old, seed);
    avro_schema_decref(today);
    avro_schema_decref(old);
}

static void every_release_that_is_kept_reads_what_is_written_today(void **state) {
    (void)state;
    for_every_kept_schema(read_by_an_older_reader);
}

/* --- the schemas' texts ----------------------------------------------------------------------- */
static void compare(const json_t *old, const json_t *now, const char *path, struct buf *ret);

static const json_t *field_named(const json_t *record, const char *name) {
    size_t i;
    const json_t *field;
    json_array_foreach(json_object_get(record, "fields"), i,
                       field) if (!strcmp(json_string_value(json_object_get(field, "name")), name)) return field;
    return NULL;
}

static void compare_fields(const json_t *old, const json_t *now, const char *path, struct buf *ret) {
    size_t i;
    const json_t *field;
    json_array_foreach(json_object_get(now, "fields"), i, field) if (!json_object_get(field, "default"))
        buf_printf(ret, "%s.%s has no default; ", path, json_string_value(json_object_get(field, "name")));
    json_array_foreach(json_object_get(old, "fields"), i, field) {
        const char *name = json_string_value(json_object_get(field, "name"));
        const json_t *same = field_named(now, name);
        CLEANUP_FREE char *at = xasprintf("%s.%s", path, name);
        if (!same)
            buf_printf(ret, "%s is gone; ", at);
        else
            compare(json_object_get(field, "type"), json_object_get(same, "type"), at, ret);
    }
}

/* What a peer of the older release would miss or misunderstand. */
static void compare(const json_t *old, const json_t *now, const char *path, struct buf *ret) {
    const char *kind = json_string_value(json_object_get(old, "type"));
    const char *kind_now = json_string_value(json_object_get(now, "type"));
    if (!kind || !kind_now || strcmp(kind, kind_now) != 0) {
        if (!json_equal(old, now)) buf_printf(ret, "%s has another type; ", path);
    } else if (!strcmp(kind, "array")) {
        compare(json_object_get(old, "items"), json_object_get(now, "items"), path, ret);
    } else {
        compare_fields(old, now, path, ret);
    }
}

static char *compare_texts(const char *old, const char *now) {
    struct buf found = BUF_INIT;
    json_t *a = json_loads(old, 0, NULL), *b = json_loads(now, 0, NULL);
    compare(a, b, "Record", &found);
    json_decref(a);
    json_decref(b);
    return buf_take(&found);
}

static void has_lost_nothing(const struct rec_desc *desc, const char *text) {
    CLEANUP_FREE char *found = compare_texts(text, desc->text);
    if (*found) fail_msg("%s: %s", desc->name, found);
}

static void no_field_was_removed_or_renamed_or_changed_and_all_have_defaults(void **state) {
    (void)state;
    for_every_kept_schema(has_lost_nothing);
}

/* The comparison itself: each kind of change is found. */
static void every_change_that_breaks_a_peer_is_found(void **state) {
    (void)state;
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type ",\"default\":0}"
#define RECORD(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
    static const char old[] = RECORD(
        FIELD("a", "\"int\"") "," FIELD("b", "{\"type\":\"array\",\"items\":" RECORD(FIELD("c", "\"long\"")) "}"));
    static const struct {
        const char *now, *found;
    } rows[] = {
        {old, ""},
        {RECORD(FIELD("b", "{\"type\":\"array\",\"items\":" RECORD(FIELD("c", "\"long\"") "," FIELD(
                               "d", "\"int\"")) "}") "," FIELD("new", "\"string\"") "," FIELD("a", "\"int\"")),
         ""},
        {RECORD(
             FIELD("z", "\"int\"") "," FIELD("b", "{\"type\":\"array\",\"items\":" RECORD(FIELD("c", "\"long\"")) "}")),
         "Record.a is gone; "},
        {RECORD(FIELD("a", "\"long\"") "," FIELD("b",
                                                 "{\"type\":\"array\",\"items\":" RECORD(FIELD("c", "\"long\"")) "}")),
         "Record.a has another type; "},
        {RECORD(
             FIELD("a", "\"int\"") "," FIELD("b", "{\"type\":\"array\",\"items\":" RECORD(FIELD("x", "\"long\"")) "}")),
         "Record.b.c is gone; "},
        {RECORD("{\"name\":\"a\",\"type\":\"int\"}," FIELD(
             "b", "{\"type\":\"array\",\"items\":" RECORD(FIELD("c", "\"long\"")) "}")),
         "Record.a has no default; "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CLEANUP_FREE char *found = compare_texts(old, rows[i].now);
        assert_string_equal(found, rows[i].found);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(todays_code_reads_every_record_of_every_release_that_is_kept),
        cmocka_unit_test(every_release_that_is_kept_reads_what_is_written_today),
        cmocka_unit_test(no_field_was_removed_or_renamed_or_changed_and_all_have_defaults),
        cmocka_unit_test(every_change_that_breaks_a_peer_is_found),
    };
    return cmocka_run_group_tests(tests, find_versions, NULL);
}
