/* Replay: records that can be run again, and comparing what came out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/hash.h"
#include "fleet/replay/compare.h"
#include "fleet/replay/record.h"
#include "problems/kernel/kernel.h"
#include "schemas/codec.h"

#define PROBLEM                                                                    \
    "problem: act\nlevel: 1\nsizes:\n  small: {N: 64}\n  check: {N: 7}\ninputs:\n" \
    "  x: {dtype: f32, shape: [N], fill: \"uniform(-1, 1)\"}\ngraph:\n  - y = gelu(x)\noutputs: [y]\n"
#define KERNEL                                                                             \
    "kernel: one\nproblem: act\nlanguage: opencl-c\nsource: act.cl\ntune:\n  WG: [1, 2]\n" \
    "launches:\n  - {kernel: act, args: [x, y, N], global: [N]}\n"
#define SOURCE "__kernel void act(__global const float *x, __global float *y, int n) { y[0] = x[0]; }\n"
#define SEEDS                                                                                                          \
    "{\"by\":\"k1\",\"sets\":[{\"size\":\"small\",\"dims\":\"N=64\",\"data\":\"declared\",\"seal\":\"aa\","            \
    "\"answer\":\"01\"},{\"size\":\"check\",\"dims\":\"N=7\",\"data\":\"declared\",\"seed\":\"bb\",\"answer\":\"02\"}" \
    "]}"

static struct rec_result record;

static void fill_record(struct rec_result *r) {
    char hash[65];
    rec_result_init(r);
    rec_set(&r->outcome, "verdict");
    rec_set(&r->verdict, "correct");
    rec_set(&r->problem, "act");
    rec_set(&r->kernel, "one");
    rec_set(&r->size, "small");
    rec_set(&r->target, "alpha");
    rec_set(&r->fingerprint, "f1");
    rec_set(&r->node, "n1");
    rec_set(&r->device, "dev0");
    rec_set(&r->config, "{\"WG\":2}");
    rec_set(&r->policy, "{\"baselines\":[\"fused\"],\"policy\":{\"sets\":7,\"promote\":true},\"audit_promoted\":true}");
    rec_set(&r->seeds, SEEDS);
    rec_set(&r->problem_yaml, PROBLEM);
    rec_set(&r->kernel_yaml, KERNEL);
    rec_set(&r->kernel_source, SOURCE);
    sha256_hex(PROBLEM, strlen(PROBLEM), hash);
    rec_set(&r->problem_hash, hash);
    struct kernel *k = kernel_parse(KERNEL, strlen(KERNEL), "k.yaml", SOURCE, strlen(SOURCE), NULL);
    assert_non_null(k);
    kernel_hash(k, hash);
    kernel_free(k);
    rec_set(&r->kernel_hash, hash);
    r->speedup = 1.5, r->speedup_low = 1.4, r->speedup_high = 1.6, r->time_ns_p50 = 2000.25;
    r->has_speedup = r->has_speedup_low = r->has_speedup_high = r->has_time_ns_p50 = true;
    CLEANUP_FREE char *check = replay_check_make(r);
    rec_set(&r->record_check, check);
}

static int start(void **state) {
    (void)state;
    fill_record(&record);
    return 0;
}
static int end(void **state) {
    (void)state;
    rec_result_done(&record);
    return 0;
}

/* --- records ---------------------------------------------------------------------------------- */
static void a_record_survives_json_and_becomes_a_task(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct rec_result copy;
    struct rec_task task;
    json_t *json = codec_to_json(&rec_result_desc, &record);
    char *text = json_dumps(json, 0);
    json_decref(json);
    json = json_loads(text, 0, NULL);
    json_t *wrapped = json_pack("{s:s, s:o}", "key", "x", "record", json);
    assert_int_equal(replay_record_parse(wrapped, &copy, &err), 0);
    if (replay_task(&copy, &task, &err) != 0) fail_msg("%s", err.text);
    assert_string_equal(task.kind, "measure");
    assert_string_equal(task.purpose, "try");
    assert_string_equal(task.config, "{\"WG\":2}");
    assert_string_equal(task.seeds, SEEDS);
    assert_int_equal(task.policy.sets, 7);
    assert_false(task.policy.promote);
    assert_int_equal(task.baselines.count, 1);
    CLEANUP_FREE char *policy = replay_policy_text(&copy);
    assert_null(strstr(policy, "audit_promoted"));
    assert_non_null(strstr(policy, "\"promote\":false"));
    rec_task_done(&task);
    rec_result_done(&copy);
    json_decref(wrapped);
    free(text);
}

static void expect_named(const char *field) {
    struct error err = ERROR_INIT;
    char quoted[64];
    snprintf(quoted, sizeof quoted, "`%s`", field);
    assert_int_equal(replay_check(&record, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    if (!strstr(err.text, quoted)) fail_msg("%s is not named in: %s", field, err.text);
}

static void a_field_that_was_changed_is_named(void **state) {
    (void)state;
    static const char *const texts[] = {"problem_yaml", "kernel_yaml", "kernel_source", "size",     "config", "policy",
                                        "seeds",        "target",      "fingerprint",   "evidence", "verdict"};
    struct error err = ERROR_INIT;
    assert_int_equal(replay_check(&record, &err), 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct rec_field *f = rec_find(&rec_result_desc, texts[i]);
        char **field = (char **)(void *)((char *)&record + f->offset);
        CLEANUP_FREE char *before = xstrdup(*field);
        CLEANUP_FREE char *after = xasprintf("%s ", before);
        rec_set(field, after);
        expect_named(texts[i]);
        rec_set(field, before);
        assert_int_equal(replay_check(&record, &err), 0);
    }
    record.speedup = 15;
    expect_named("speedup");
    record.speedup = 1.5;
    record.has_speedup_low = false;
    expect_named("speedup_low");
}

static void changed_texts_are_found_by_their_whole_hashes_too(void **state) {
    (void)state;
    rec_set(&record.kernel_source, SOURCE "/* and more */\n");
    CLEANUP_FREE char *check = replay_check_make(&record); /* whoever changed it knew of this */
    rec_set(&record.record_check, check);
    expect_named("kernel_source");
}

static void what_cannot_be_replayed_says_why(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    rec_set(&record.outcome, "gave_up");
    assert_int_equal(replay_check(&record, &err), -1);
    assert_non_null(strstr(err.text, "no verdict"));
    rec_set(&record.outcome, "verdict");
    rec_set(&record.problem_yaml, "");
    err = (struct error)ERROR_INIT;
    assert_int_equal(replay_check(&record, &err), -1);
    assert_non_null(strstr(err.text, "does not hold what a replay needs"));
}

static void a_configuration_that_the_kernel_does_not_have_is_refused(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct rec_task task;
    rec_set(&record.config, "{\"WG\":3}");
    CLEANUP_FREE char *check = replay_check_make(&record);
    rec_set(&record.record_check, check);
    assert_int_equal(replay_task(&record, &task, &err), -1);
    assert_non_null(strstr(err.text, "`config`"));
    rec_task_done(&task);
}

/* --- comparing -------------------------------------------------------------------------------- */
static struct rec_result now;

static int start_comparing(void **state) {
    start(state);
    fill_record(&now);
    return 0;
}
static int end_comparing(void **state) {
    rec_result_done(&now);
    return end(state);
}

/* A member such as "verdict.same"; "agrees" has no dot. */
static bool is_true(const char *path) {
    json_t *c = replay_compare(&record, &now);
    const char *dot = strchr(path, '.');
    CLEANUP_FREE char *first = xstrndup(path, dot ? (size_t)(dot - path) : strlen(path));
    const json_t *member = json_object_get(c, first);
    bool is = json_is_true(dot ? json_object_get(member, dot + 1) : member);
    json_decref(c);
    return is;
}

static long long count(const char *group, const char *key) {
    json_t *c = replay_compare(&record, &now);
    long long n = json_integer_value(json_object_get(json_object_get(c, group), key));
    json_decref(c);
    return n;
}

static void a_record_agrees_with_itself(void **state) {
    (void)state;
    assert_true(is_true("agrees"));
    assert_true(is_true("verdict.same") && is_true("evidence.same") && is_true("device.same"));
    assert_true(is_true("speedup.overlap"));
    assert_int_equal(count("data", "sets"), 2);
    assert_int_equal(count("data", "same"), 2);
    assert_int_equal(count("data", "sealed"), 1);
    assert_int_equal(count("answers", "same"), 2);
}

static void another_verdict_disagrees(void **state) {
    (void)state;
    rec_set(&now.verdict, "wrong_output");
    assert_false(is_true("agrees") || is_true("verdict.same"));
}

static void intervals_that_do_not_overlap_disagree_on_the_same_device_only(void **state) {
    (void)state;
    now.speedup_low = 1.7, now.speedup = 1.75, now.speedup_high = 1.8;
    assert_false(is_true("agrees"));
    rec_set(&now.fingerprint, "f2");
    assert_true(is_true("agrees"));
    assert_false(is_true("device.same"));
}

static void an_interval_that_is_missing_says_nothing(void **state) {
    (void)state;
    now.has_speedup_low = now.has_speedup_high = false;
    now.speedup = 9;
    assert_true(is_true("agrees"));
    assert_false(is_true("speedup.overlap"));
}

static void other_answers_to_the_same_data_disagree_on_the_same_device(void **state) {
    (void)state;
    CLEANUP_FREE char *seeds = xstrdup(SEEDS);
    memcpy(strstr(seeds, "\"02\""), "\"03\"", 4);
    rec_set(&now.seeds, seeds);
    assert_int_equal(count("answers", "compared"), 2);
    assert_int_equal(count("answers", "same"), 1);
    assert_false(is_true("agrees"));
    rec_set(&now.fingerprint, "f2"); /* rounds otherwise */
    assert_true(is_true("agrees"));
}

static void seals_of_another_node_are_other_data(void **state) {
    (void)state;
    CLEANUP_FREE char *seeds = xstrdup(SEEDS);
    memcpy(strstr(seeds, "\"k1\""), "\"k2\"", 4);
    rec_set(&now.seeds, seeds);
    assert_int_equal(count("data", "same"), 1); /* the one whose seed is told */
}

static void evidence_is_compared_by_its_place_where_all_data_are_the_same(void **state) {
    (void)state;
    rec_set(&record.verdict, "wrong_output");
    rec_set(&now.verdict, "wrong_output");
    rec_set(&record.evidence, "size check (N=7), data declared: y[3] is 0.5, expected 0.25");
    rec_set(&now.evidence, "size check (N=7), data declared: y[3] is 0.75, expected 0.25");
    assert_false(is_true("evidence.same"));
    assert_true(is_true("evidence.same_place") && is_true("agrees"));
    rec_set(&now.evidence, "size check (N=7), data declared: y[4] is 0.5, expected 0.25");
    assert_false(is_true("evidence.same_place") || is_true("agrees"));
    rec_set(&now.seeds, "{\"by\":\"k2\",\"sets\":[]}"); /* other data: another place says nothing */
    assert_true(is_true("agrees"));
}

static void a_seal_whose_values_were_seen_on_replay_is_still_the_same_data(void **state) {
    (void)state;
    rec_set(&now.seeds,
            "{\"by\":\"k1\",\"sets\":[{\"size\":\"small\",\"dims\":\"N=64\",\"data\":\"declared\",\"seed\":\"cc\","
            "\"was_seal\":\"aa\"},{\"size\":\"check\",\"dims\":\"N=7\",\"data\":\"declared\",\"seed\":\"bb\"}]}");
    assert_int_equal(count("data", "same"), 2);
    assert_int_equal(count("answers", "compared"), 0);
}

#define R(f) cmocka_unit_test_setup_teardown(f, start, end)
#define C(f) cmocka_unit_test_setup_teardown(f, start_comparing, end_comparing)
int main(void) {
    const struct CMUnitTest tests[] = {
        R(a_record_survives_json_and_becomes_a_task),
        R(a_field_that_was_changed_is_named),
        R(changed_texts_are_found_by_their_whole_hashes_too),
        R(what_cannot_be_replayed_says_why),
        R(a_configuration_that_the_kernel_does_not_have_is_refused),
        C(a_record_agrees_with_itself),
        C(another_verdict_disagrees),
        C(intervals_that_do_not_overlap_disagree_on_the_same_device_only),
        C(an_interval_that_is_missing_says_nothing),
        C(other_answers_to_the_same_data_disagree_on_the_same_device),
        C(seals_of_another_node_are_other_data),
        C(evidence_is_compared_by_its_place_where_all_data_are_the_same),
        C(a_seal_whose_values_were_seen_on_replay_is_still_the_same_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
