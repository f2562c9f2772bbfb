/* Records as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "schemas/codec.h"
#include "tests/tools/rec_fill.h"

static void every_record_comes_back_from_its_json(void **state) {
    (void)state;
    for (size_t type = 0; type < rec_top_level_count; type++)
        for (uint64_t seed = 0; seed < 10; seed++) {
            const struct rec_desc *desc = rec_top_level[type];
            struct error err = ERROR_INIT;
            void *rec = fill_new(desc, seed), *got = malloc(desc->size);
            json_t *sent = codec_to_json(desc, rec);
            char *text = json_dumps(sent, JSON_COMPACT); /* through text: as the API sends it */
            json_t *json = json_loads(text, JSON_ALLOW_NUL, NULL);
            assert_non_null(json);
            if (codec_from_json(desc, json, got, &err)) fail_msg("%s: %s", desc->name, err.text);
            assert_true(rec_equal(desc, rec, got));
            json_decref(json);
            json_decref(sent);
            free(text);
            rec_free(desc, got);
            rec_free(desc, rec);
        }
}

static void absent_is_null_and_never_left_out(void **state) {
    (void)state;
    struct rec_result result;
    rec_result_init(&result);
    json_t *json = codec_to_json(&rec_result_desc, &result);
    assert_int_equal(json_object_size(json), rec_result_desc.field_count);
    assert_true(json_is_null(json_object_get(json, "speedup")));
    assert_true(json_is_null(json_object_get(json, "verdict")));
    json_decref(json);
    result.has_speedup = true;
    result.speedup = 0;
    json = codec_to_json(&rec_result_desc, &result);
    assert_true(json_is_real(json_object_get(json, "speedup"))); /* missing is not zero */
    json_decref(json);
    rec_result_done(&result);
}

static void numbers_that_json_lacks_survive(void **state) {
    (void)state;
    static const double odd[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        struct rec_phase phase, got;
        rec_phase_init(&phase);
        phase.ms = odd[i];
        json_t *json = codec_to_json(&rec_phase_desc, &phase);
        assert_int_equal(codec_from_json(&rec_phase_desc, json, &got, NULL), 0);
        assert_true(rec_equal(&rec_phase_desc, &phase, &got));
        json_decref(json);
        rec_phase_done(&got);
        rec_phase_done(&phase);
    }
}

static void missing_keys_get_their_default(void **state) {
    (void)state;
    struct rec_task task;
    json_t *json = json_pack("{s:s, s:{s:i}}", "task_id", "t1", "policy", "sets", 9);
    assert_int_equal(codec_from_json(&rec_task_desc, json, &task, NULL), 0);
    assert_string_equal(task.task_id, "t1");
    assert_int_equal(task.policy.sets, 9);
    assert_int_equal(task.policy.quads, 8);
    rec_task_done(&task);
    json_decref(json);
}

static void what_does_not_fit_is_refused_with_its_path(void **state) {
    (void)state;
    static const struct {
        const struct rec_desc *desc;
        const char *json, *say;
    } bad[] = {
        {&rec_task_desc, "{\"tusk_id\": 1}", "unknown field tusk_id"},
        {&rec_task_desc, "{\"task_id\": null}", "task_id: must be a string"},
        {&rec_task_desc, "{\"attempt\": 3000000000}", "attempt: must be an integer of 32 bits"},
        {&rec_task_desc, "{\"attempt\": 1.5}", "attempt: must be an integer"},
        {&rec_task_desc, "{\"policy\": {\"audit\": 1}}", "policy: audit: must be true or false"},
        {&rec_task_desc, "{\"policy\": []}", "policy: Policy must be an object"},
        {&rec_task_desc, "{\"baselines\": [\"a\", 1]}", "[1]: baselines: must be a string"},
        {&rec_attempt_desc, "{\"measured\": [{}, {\"speedup\": \"fast\"}]}", "measured[1]: speedup: must be a number"},
        {&rec_dead_letter_desc, "{\"payload\": \"\\u0100\"}", "payload: must be a string of code points 0 to 255"},
        {&rec_task_desc, "[]", "Task must be an object"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = ERROR_INIT;
        void *rec = malloc(bad[i].desc->size);
        json_t *json = json_loads(bad[i].json, 0, NULL);
        assert_int_equal(codec_from_json(bad[i].desc, json, rec, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        assert_string_equal(err.text, bad[i].say);
        json_decref(json);
        free(rec);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_comes_back_from_its_json),
        cmocka_unit_test(absent_is_null_and_never_left_out),
        cmocka_unit_test(numbers_that_json_lacks_survive),
        cmocka_unit_test(missing_keys_get_their_default),
        cmocka_unit_test(what_does_not_fit_is_refused_with_its_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
