/* Encoding and decoding of every record type, and what the decoder does with anything else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <avro.h>
#include <cmocka.h>
#include <string.h>

#include "common/buf.h"
#include "schemas/codec.h"
#include "tests/tools/rec_fill.h"

#define SEEDS 20

static struct codec *codec;

static int setup(void **state) {
    (void)state;
    codec = codec_new();
    for (size_t i = 0; i < rec_top_level_count; i++)
        if (codec_learn_id(codec, (uint32_t)(100 + i), rec_top_level[i]->text, NULL)) return -1;
    return 0;
}
static int teardown(void **state) {
    (void)state;
    codec_free(codec);
    return 0;
}

/* --- round trips ------------------------------------------------------------------------------------------------- */
static void round_trip(size_t type, uint64_t seed, enum codec_framing framing) {
    const struct rec_desc *desc = rec_top_level[type], *got_desc = NULL;
    struct error err = ERROR_INIT;
    void *rec = fill_new(desc, seed), *got = NULL;
    uint8_t *data = NULL;
    size_t len = 0;
    if (codec_encode(desc, rec, framing, (uint32_t)(100 + type), &data, &len, &err)) fail_msg("%s", err.text);
    if (codec_decode(codec, data, len, &got_desc, &got, &err)) fail_msg("%s", err.text);
    assert_ptr_equal(got_desc, desc);
    assert_true(rec_equal(desc, rec, got));
    rec_free(desc, got);
    rec_free(desc, rec);
    free(data);
}

static void every_record_comes_back_as_it_went(void **state) {
    (void)state;
    for (size_t type = 0; type < rec_top_level_count; type++)
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            round_trip(type, seed, CODEC_SINGLE_OBJECT);
            round_trip(type, seed, CODEC_CONFLUENT);
        }
}

/* avro-c reads what we wrote, all of it, and writes the same. */
static void check_by_avro_c(const struct rec_desc *desc, uint64_t seed) {
    const size_t head = 10;
    void *rec = fill_new(desc, seed);
    uint8_t *data = NULL, again[1 << 16];
    size_t len = 0;
    avro_schema_t schema;
    avro_value_t value;
    assert_int_equal(codec_encode(desc, rec, CODEC_SINGLE_OBJECT, 0, &data, &len, NULL), 0);
    assert_int_equal(avro_schema_from_json_length(desc->text, strlen(desc->text), &schema), 0);
    avro_value_iface_t *iface = avro_generic_class_from_schema(schema);
    assert_int_equal(avro_generic_value_new(iface, &value), 0);
    avro_reader_t reader = avro_reader_memory((const char *)data + head, (int64_t)(len - head));
    avro_writer_t writer = avro_writer_memory((char *)again, sizeof again);
    if (avro_value_read(reader, &value)) fail_msg("%s: %s", desc->name, avro_strerror());
    assert_int_equal(avro_value_write(writer, &value), 0);
    assert_int_equal(avro_writer_tell(writer), len - head);
    assert_memory_equal(again, data + head, len - head);
    avro_writer_free(writer);
    avro_reader_free(reader);
    avro_value_decref(&value);
    avro_value_iface_decref(iface);
    avro_schema_decref(schema);
    rec_free(desc, rec);
    free(data);
}

static void avro_c_reads_and_writes_the_same_bytes(void **state) {
    (void)state;
    for (size_t type = 0; type < rec_top_level_count; type++)
        for (uint64_t seed = 0; seed < SEEDS; seed++) check_by_avro_c(rec_top_level[type], seed);
}

static void copies_are_equal_and_independent(void **state) {
    (void)state;
    for (size_t type = 0; type < rec_top_level_count; type++) {
        const struct rec_desc *desc = rec_top_level[type];
        void *rec = fill_new(desc, 7), *copy = malloc(desc->size), *empty = rec_new(desc);
        rec_copy(desc, copy, rec);
        assert_true(rec_equal(desc, rec, copy));
        assert_false(rec_equal(desc, rec, empty));
        rec_free(desc, rec);
        rec_free(desc, copy);
        rec_free(desc, empty);
    }
}

static void defaults_are_those_of_the_schema_file(void **state) {
    (void)state;
    struct rec_task task;
    rec_task_init(&task);
    assert_string_equal(task.task_id, "");
    assert_int_equal(task.policy.sets, 10);
    assert_true(task.policy.source_rules);
    assert_true(task.policy.confidence == 0.99);
    assert_int_equal(task.baselines.count, 0);
    rec_task_done(&task);
    struct rec_dead_letter letter;
    rec_dead_letter_init(&letter);
    assert_int_equal(letter.offset, -1);
    assert_null(letter.task_id);
    rec_dead_letter_done(&letter);
}

/* --- other versions of a schema ---------------------------------------------------------------------------------- */
/* A frame for `text` around a body given as bytes. */
static uint8_t *frame(const char *text, const char *body, size_t body_len, size_t *ret_len) {
    uint64_t fingerprint;
    struct error err = ERROR_INIT;
    if (codec_learn(codec, text, &err) || codec_fingerprint(text, &fingerprint, &err)) fail_msg("%s", err.text);
    uint8_t *data = malloc(10 + body_len);
    data[0] = 0xc3, data[1] = 1;
    for (int i = 0; i < 8; i++) data[2 + i] = (uint8_t)(fingerprint >> 8 * i);
    memcpy(data + 10, body, body_len);
    *ret_len = 10 + body_len;
    return data;
}

static int decode_tick(const char *fields, const char *body, size_t body_len, struct rec_tick *tick,
                       struct error *err) {
    CLEANUP_FREE char *text =
        xasprintf("{\"type\":\"record\",\"name\":\"Tick\",\"namespace\":\"io.portolan\",\"fields\":[%s]}", fields);
    size_t len;
    CLEANUP_FREE uint8_t *data = frame(text, body, body_len, &len);
    return codec_decode_as(codec, data, len, &rec_tick_desc, tick, err);
}
#define DECODE_TICK(fields, body, tick, err) decode_tick(fields, body, sizeof(body) - 1, tick, err)

static void fields_that_the_writer_lacks_get_our_defaults(void **state) {
    (void)state;
    struct rec_tick tick;
    assert_int_equal(DECODE_TICK("{\"name\":\"sequence\",\"type\":\"long\"}", "\x54", &tick, NULL), 0);
    assert_int_equal(tick.sequence, 42);
    assert_int_equal(tick.epoch, 0);
    rec_tick_done(&tick);
}

static void fields_that_we_do_not_know_are_skipped_whatever_their_type(void **state) {
    (void)state;
    const char *fields =
        "{\"name\":\"a\",\"type\":\"null\"},{\"name\":\"b\",\"type\":\"boolean\"},{\"name\":\"c\",\"type\":\"float\"},"
        "{\"name\":\"d\",\"type\":{\"type\":\"map\",\"values\":\"string\"}},"
        "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"X\",\"Y\"]}},"
        "{\"name\":\"f\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}},"
        "{\"name\":\"g\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"R\",\"fields\":["
        "{\"name\":\"x\",\"type\":[\"null\",\"R\",\"double\"]}]}}},"
        "{\"name\":\"h\",\"type\":\"bytes\"},{\"name\":\"i\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}},"
        "{\"name\":\"j\",\"type\":\"E\"},{\"name\":\"epoch\",\"type\":\"long\"}";
    /* g: one block with a byte size: two records, the first of them holding another */
    const char body[] =
        "\x01"
        "\0\0\x80\x3f"
        "\x02\x02k\x02v\0"
        "\x02"
        "abc"
        "\x03\x06\x02\0\0\0"
        "\x04hi"
        "\x0c"
        "\0"
        "\x0e";
    struct rec_tick tick;
    struct error err = ERROR_INIT;
    if (DECODE_TICK(fields, body, &tick, &err)) fail_msg("%s", err.text);
    assert_int_equal(tick.epoch, 7);
    rec_tick_done(&tick);
}

static void numbers_widen_and_never_narrow(void **state) {
    (void)state;
    struct rec_tick tick;
    struct error err = ERROR_INIT;
    assert_int_equal(DECODE_TICK("{\"name\":\"epoch\",\"type\":\"int\"}", "\x0e", &tick, NULL), 0);
    assert_int_equal(tick.epoch, 7);
    rec_tick_done(&tick);
    assert_int_equal(DECODE_TICK("{\"name\":\"epoch\",\"type\":\"double\"}", "\0\0\0\0\0\0\0\0", &tick, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_string_equal(err.text, "Tick: epoch: the writer has double where we read a long");
    static const struct {
        const char *type, *body;
        size_t len;
        double want;
    } wide[] = {{"int", "\x06", 1, 3},
                {"long", "\x05", 1, -3},
                {"float", "\0\0\x80\x3f", 4, 1},
                {"[\"null\",\"double\"]", "\x02\0\0\0\0\0\0\xf0\x3f", 9, 1}};
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        CLEANUP_FREE char *text = xasprintf(
            "{\"type\":\"record\",\"name\":\"io.portolan.Heartbeat\",\"fields\":[{\"name\":\"load_1m\",\"type\":%s%s%s}"
            "]}",
            *wide[i].type == '[' ? "" : "\"", wide[i].type, *wide[i].type == '[' ? "" : "\"");
        size_t len;
        CLEANUP_FREE uint8_t *data = frame(text, wide[i].body, wide[i].len, &len);
        struct rec_heartbeat beat;
        if (codec_decode_as(codec, data, len, &rec_heartbeat_desc, &beat, &err)) fail_msg("%s", err.text);
        assert_true(beat.load_1m == wide[i].want);
        rec_heartbeat_done(&beat);
    }
}

static void null_where_we_need_a_value_is_refused(void **state) {
    (void)state;
    struct rec_tick tick;
    struct error err = ERROR_INIT;
    assert_int_equal(DECODE_TICK("{\"name\":\"epoch\",\"type\":[\"null\",\"long\"]}", "\0", &tick, &err), -1);
    assert_string_equal(err.text, "Tick: epoch: the writer has null where we read a value that is always there");
}

static void a_wrong_union_branch_is_refused(void **state) {
    (void)state;
    static const char *const branches[] = {"\x04", "\x01", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"};
    for (size_t i = 0; i < 3; i++) {
        struct rec_tick tick;
        struct error err = ERROR_INIT;
        assert_int_equal(decode_tick("{\"name\":\"epoch\",\"type\":[\"null\",\"long\"]}", branches[i],
                                     strlen(branches[i]), &tick, &err),
                         -1);
        assert_int_equal(err.code, ERR_INVALID);
        assert_non_null(strstr(err.text, "union branch"));
    }
}

/* --- malformed data ---------------------------------------------------------------------------------------------- */
static void a_record_cut_anywhere_is_refused(void **state) {
    (void)state;
    for (size_t type = 0; type < rec_top_level_count; type++) {
        const struct rec_desc *desc = rec_top_level[type], *got_desc;
        void *rec = fill_new(desc, 3), *got;
        uint8_t *data;
        size_t len;
        assert_int_equal(codec_encode(desc, rec, CODEC_SINGLE_OBJECT, 0, &data, &len, NULL), 0);
        for (size_t cut = 0; cut < len; cut++) {
            struct error err = ERROR_INIT;
            uint8_t *part = malloc(cut + 1); /* of its own, so that a sanitizer sees a read past the end */
            memcpy(part, data, cut);
            part = realloc(part, cut ? cut : 1);
            assert_int_equal(codec_decode(codec, part, cut, &got_desc, &got, &err), -1);
            assert_int_equal(err.code, ERR_INVALID);
            assert_true(*err.text);
            free(part);
        }
        free(data);
        rec_free(desc, rec);
    }
}

static void a_flipped_byte_never_crashes(void **state) {
    (void)state;
    for (size_t type = 0; type < rec_top_level_count; type++) {
        const struct rec_desc *desc = rec_top_level[type], *got_desc;
        void *rec = fill_new(desc, 5), *got;
        uint8_t *data;
        size_t len;
        assert_int_equal(codec_encode(desc, rec, CODEC_SINGLE_OBJECT, 0, &data, &len, NULL), 0);
        for (size_t i = 10; i < len; i++)
            for (int flip = 1; flip < 256; flip += 51) {
                data[i] ^= (uint8_t)flip;
                if (!codec_decode(codec, data, len, &got_desc, &got, NULL)) rec_free(got_desc, got);
                data[i] ^= (uint8_t)flip;
            }
        free(data);
        rec_free(desc, rec);
    }
}

static void trailing_bytes_are_refused(void **state) {
    (void)state;
    struct rec_tick tick;
    struct error err = ERROR_INIT;
    assert_int_equal(DECODE_TICK("{\"name\":\"epoch\",\"type\":\"long\"}", "\x02\x02", &tick, &err), -1);
    assert_string_equal(err.text, "Tick: 1 bytes follow the record");
}

static void bad_scalars_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *field, *body;
        size_t len;
        const char *say;
    } bad[] = {
        {"{\"name\":\"epoch\",\"type\":\"long\"}", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10,
         "does not fit 64 bits"},
        {"{\"name\":\"epoch\",\"type\":\"int\"}", "\xff\xff\xff\xff\x1f", 5, "does not fit 32 bits"},
        {"{\"name\":\"x\",\"type\":\"string\"}", "\x01", 1, "a length is negative"},
        {"{\"name\":\"x\",\"type\":\"string\"}", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, "ends too early"},
        {"{\"name\":\"x\",\"type\":\"boolean\"}", "\x02", 1, "neither 0 nor 1"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rec_tick tick;
        struct error err = ERROR_INIT;
        assert_int_equal(decode_tick(bad[i].field, bad[i].body, bad[i].len, &tick, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        if (!strstr(err.text, bad[i].say)) fail_msg("%s", err.text);
    }
}

static void text_with_nul_or_without_utf8_is_refused(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "\x04"
        "a\0",
        "\x04"
        "a\xff",
        "\x06\xed\xa0\x80"};
    const char *text =
        "{\"type\":\"record\",\"name\":\"io.portolan.Command\",\"fields\":[{\"name\":\"reason\",\"type\":\"string\"}]}";
    for (size_t i = 0; i < 3; i++) {
        size_t len;
        CLEANUP_FREE uint8_t *data = frame(text, bodies[i], i == 2 ? 4 : 3, &len);
        struct rec_command command;
        struct error err = ERROR_INIT;
        assert_int_equal(codec_decode_as(codec, data, len, &rec_command_desc, &command, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
    }
}

static void lists_of_nothing_cannot_grow_without_limit(void **state) {
    (void)state;
    /* 2^62 items that take no byte each, once where we skip them and once where each would become a record of ours */
    struct rec_tick tick;
    struct error err = ERROR_INIT;
    const char huge[] = "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    assert_int_equal(
        DECODE_TICK("{\"name\":\"x\",\"type\":{\"type\":\"array\",\"items\":\"null\"}}", huge, &tick, &err), -1);
    assert_non_null(strstr(err.text, "list items"));
    const char *text =
        "{\"type\":\"record\",\"name\":\"io.portolan.Attempt\",\"fields\":[{\"name\":\"counts\",\"type\":{\"type\":"
        "\"array\",\"items\":"
        "{\"type\":\"record\",\"name\":\"VerdictCount\",\"fields\":[]}}}]}";
    size_t len;
    CLEANUP_FREE uint8_t *data = frame(text, huge, sizeof huge - 1, &len);
    struct rec_attempt attempt;
    assert_int_equal(codec_decode_as(codec, data, len, &rec_attempt_desc, &attempt, &err), -1);
    assert_non_null(strstr(err.text, "list items"));
}

static void deep_nesting_is_refused(void **state) {
    (void)state;
    const char *field =
        "{\"name\":\"x\",\"type\":{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"l\",\"type\":[\"null\","
        "\"L\"]}]}}";
    char body[100];
    struct rec_tick tick;
    struct error err = ERROR_INIT;
    memset(body, 2, sizeof body);
    body[99] = 0;
    assert_int_equal(decode_tick(field, body, sizeof body, &tick, &err), -1);
    assert_non_null(strstr(err.text, "nested deeper"));
}

static void what_is_not_framed_is_refused(void **state) {
    (void)state;
    const struct rec_desc *desc;
    void *rec;
    struct error err = ERROR_INIT;
    assert_int_equal(codec_decode(codec, "", 0, &desc, &rec, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_int_equal(codec_decode(codec, "{\"json\": 1}", 11, &desc, &rec, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
}

static void unknown_schemas_are_told_apart_so_that_one_can_wait_for_them(void **state) {
    (void)state;
    const struct rec_desc *desc;
    void *rec;
    struct error err = ERROR_INIT;
    assert_int_equal(codec_decode(codec, "\xc3\x01\x01\x02\x03\x04\x05\x06\x07\x08\0", 11, &desc, &rec, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_string_equal(err.text, "schema 0807060504030201 is not known");
    assert_int_equal(codec_decode(codec, "\0\0\0\x03\xe7\0", 6, &desc, &rec, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_string_equal(err.text, "schema id 999 is not known");
}

static void a_record_of_another_type_is_refused(void **state) {
    (void)state;
    struct rec_tick tick;
    struct rec_task task;
    struct error err = ERROR_INIT;
    uint8_t *data;
    size_t len;
    rec_tick_init(&tick);
    assert_int_equal(codec_encode(&rec_tick_desc, &tick, CODEC_SINGLE_OBJECT, 0, &data, &len, NULL), 0);
    assert_int_equal(codec_decode_as(codec, data, len, &rec_task_desc, &task, &err), -1);
    assert_string_equal(err.text, "a record io.portolan.Tick where io.portolan.Task is expected");
    free(data);
    rec_tick_done(&tick);
}

static void a_record_over_the_limit_is_refused_both_ways(void **state) {
    (void)state;
    struct rec_task task;
    struct error err = ERROR_INIT;
    uint8_t *data = calloc(1, CODEC_RECORD_MAX_BYTES + 1);
    const struct rec_desc *desc;
    size_t len;
    void *rec;
    assert_int_equal(codec_decode(codec, data, CODEC_RECORD_MAX_BYTES + 1, &desc, &rec, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    memset(data, 'x', CODEC_RECORD_MAX_BYTES);
    rec_task_init(&task);
    rec_set(&task.kernel_source, (char *)data);
    free(data);
    assert_int_equal(codec_encode(&rec_task_desc, &task, CODEC_SINGLE_OBJECT, 0, &data, &len, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    rec_task_done(&task);
}

static void text_that_is_not_utf8_is_repaired_when_written(void **state) {
    (void)state;
    struct rec_command command, got;
    uint8_t *data;
    size_t len;
    rec_command_init(&command);
    rec_set(&command.reason, "ok \xff\xfe end");
    assert_int_equal(codec_encode(&rec_command_desc, &command, CODEC_SINGLE_OBJECT, 0, &data, &len, NULL), 0);
    assert_int_equal(codec_decode_as(codec, data, len, &rec_command_desc, &got, NULL), 0);
    assert_string_equal(got.reason, "ok \xef\xbf\xbd\xef\xbf\xbd end");
    rec_command_done(&got);
    rec_command_done(&command);
    free(data);
}

static void an_id_names_one_schema_for_good(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    assert_int_equal(codec_learn_id(codec, 5000, rec_tick_desc.text, &err), 0);
    assert_int_equal(codec_learn_id(codec, 5000, rec_tick_desc.text, &err), 0);
    assert_int_equal(codec_learn_id(codec, 5000, rec_task_desc.text, &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_comes_back_as_it_went),
        cmocka_unit_test(avro_c_reads_and_writes_the_same_bytes),
        cmocka_unit_test(copies_are_equal_and_independent),
        cmocka_unit_test(defaults_are_those_of_the_schema_file),
        cmocka_unit_test(fields_that_the_writer_lacks_get_our_defaults),
        cmocka_unit_test(fields_that_we_do_not_know_are_skipped_whatever_their_type),
        cmocka_unit_test(numbers_widen_and_never_narrow),
        cmocka_unit_test(null_where_we_need_a_value_is_refused),
        cmocka_unit_test(a_wrong_union_branch_is_refused),
        cmocka_unit_test(a_record_cut_anywhere_is_refused),
        cmocka_unit_test(a_flipped_byte_never_crashes),
        cmocka_unit_test(trailing_bytes_are_refused),
        cmocka_unit_test(bad_scalars_are_refused),
        cmocka_unit_test(text_with_nul_or_without_utf8_is_refused),
        cmocka_unit_test(lists_of_nothing_cannot_grow_without_limit),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(what_is_not_framed_is_refused),
        cmocka_unit_test(unknown_schemas_are_told_apart_so_that_one_can_wait_for_them),
        cmocka_unit_test(a_record_of_another_type_is_refused),
        cmocka_unit_test(a_record_over_the_limit_is_refused_both_ways),
        cmocka_unit_test(text_that_is_not_utf8_is_repaired_when_written),
        cmocka_unit_test(an_id_names_one_schema_for_good),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
