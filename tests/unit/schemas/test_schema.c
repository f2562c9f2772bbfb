/* Writers' schemas: parsing, canonical form, fingerprint. fastavro agrees with ours in tests/foreign. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "common/buf.h"
#include "schemas/codec.h"
#include "schemas/schema.h"

static void the_fingerprint_is_that_of_the_specification(void **state) {
    (void)state;
    /* Avro's own test vectors (share/test/data/schema-tests.txt): the canonical forms "int" and "string" */
    assert_true(schema_crc64("\"int\"", 5) == UINT64_C(0x7275d51a3f395c8f));
    assert_true(schema_crc64("\"string\"", 8) == UINT64_C(0x8f014872634503c7));
}

static void what_does_not_change_the_data_does_not_change_the_fingerprint(void **state) {
    (void)state;
    uint64_t a, b;
    const char *plain =
        "{\"type\":\"record\",\"name\":\"Tick\",\"namespace\":\"io.portolan\",\"fields\":[{\"name\":\"epoch\",\"type\":"
        "\"long\"}]}";
    const char *adorned =
        "{ \"name\": \"io.portolan.Tick\", \"doc\": \"x\", \"aliases\": [\"T\"], \"fields\": [ {\"default\": 3, "
        "\"doc\": \"y\", "
        "\"type\": {\"type\": \"long\", \"logicalType\": \"timestamp-millis\"}, \"name\": \"epoch\"} ], \"type\": "
        "\"record\" }";
    assert_int_equal(codec_fingerprint(plain, &a, NULL), 0);
    assert_int_equal(codec_fingerprint(adorned, &b, NULL), 0);
    assert_true(a == b);
    CLEANUP_FREE char *canonical = codec_canonical(adorned, NULL);
    assert_string_equal(
        canonical,
        "{\"name\":\"io.portolan.Tick\",\"type\":\"record\",\"fields\":[{\"name\":\"epoch\",\"type\":\"long\"}]}");
}

static void what_is_no_proper_schema_is_refused_with_a_reason(void **state) {
    (void)state;
    static const struct {
        const char *text, *say;
    } bad[] = {
        {"{", "schema is not JSON"},
        {"[\"string\"]", "top is not a record"},
        {"{\"type\":\"record\",\"fields\":[]}", "without a proper name"},
        {"{\"type\":\"record\",\"name\":\"1x\",\"fields\":[]}", "without a proper name"},
        {"{\"type\":\"record\",\"name\":\"X\",\"namespace\":\"a..b\",\"fields\":[]}", "malformed namespace"},
        {"{\"type\":\"record\",\"name\":\"X\"}", "has no fields"},
        {"{\"type\":\"record\",\"name\":\"X\",\"fields\":[{\"type\":\"int\"}]}", "no proper name"},
        {"{\"type\":\"record\",\"name\":\"X\",\"fields\":[{\"name\":\"a\",\"type\":\"Y\"}]}", "type Y is not defined"},
        {"{\"type\":\"record\",\"name\":\"X\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"a\",\"type\":"
         "\"int\"}]}",
         "two fields a"},
        {"{\"type\":\"record\",\"name\":\"X\",\"fields\":[{\"name\":\"a\",\"type\":[[\"int\"]]}]}",
         "union directly within"},
        {"{\"type\":\"record\",\"name\":\"X\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"fixed\",\"name\":\"F\","
         "\"size\":-1}}]}",
         "no proper size"},
        {"{\"type\":\"record\",\"name\":\"X\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"enum\",\"name\":\"E\","
         "\"symbols\":[]}}]}",
         "no symbols"},
        {"{\"type\":\"record\",\"name\":\"X\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"record\",\"name\":\"X\","
         "\"fields\":[]}}]}",
         "defined twice"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = ERROR_INIT;
        uint64_t fingerprint;
        assert_int_equal(codec_fingerprint(bad[i].text, &fingerprint, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        if (!strstr(err.text, bad[i].say)) fail_msg("%s: %s", bad[i].say, err.text);
    }
}

static void limits_hold_for_schemas_too(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    uint64_t fingerprint;
    struct buf deep = BUF_INIT, wide = BUF_INIT;
    buf_puts(&deep, "{\"type\":\"record\",\"name\":\"X\",\"fields\":[{\"name\":\"a\",\"type\":");
    for (int i = 0; i < 100; i++) buf_puts(&deep, "{\"type\":\"array\",\"items\":");
    buf_puts(&deep, "\"int\"");
    for (int i = 0; i < 100; i++) buf_putc(&deep, '}');
    buf_puts(&deep, "}]}");
    assert_int_equal(codec_fingerprint(deep.data, &fingerprint, &err), -1);
    assert_non_null(strstr(err.text, "nested deeper"));
    buf_puts(&wide, "{\"type\":\"record\",\"name\":\"X\",\"fields\":[{\"name\":\"a\",\"type\":[");
    for (int i = 0; i < 5000; i++) buf_puts(&wide, i ? ",\"int\"" : "\"int\"");
    buf_puts(&wide, "]}]}");
    assert_int_equal(codec_fingerprint(wide.data, &fingerprint, &err), -1);
    assert_non_null(strstr(err.text, "more than"));
    buf_done(&deep);
    buf_done(&wide);
}

static void a_codec_remembers_so_many_schemas_and_no_more(void **state) {
    (void)state;
    struct codec *codec = codec_new();
    struct error err = ERROR_INIT;
    int i = 0;
    for (; i < CODEC_SCHEMAS_MAX + 1; i++) {
        CLEANUP_FREE char *text = xasprintf("{\"type\":\"record\",\"name\":\"X%d\",\"fields\":[]}", i);
        if (codec_learn(codec, text, &err)) break;
    }
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(i + rec_top_level_count, CODEC_SCHEMAS_MAX);
    assert_int_equal(codec_learn(codec, rec_tick_desc.text, &err), 0); /* a known one is still fine */
    codec_free(codec);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fingerprint_is_that_of_the_specification),
        cmocka_unit_test(what_does_not_change_the_data_does_not_change_the_fingerprint),
        cmocka_unit_test(what_is_no_proper_schema_is_refused_with_a_reason),
        cmocka_unit_test(limits_hold_for_schemas_too),
        cmocka_unit_test(a_codec_remembers_so_many_schemas_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
