/* Campaign files and their units. */
#include "problems/campaign/campaign.h"

#include "problems/campaign/units.h"
#include "unit/problems/texts.h"

DEFINE_CLEANUP(cleanup_campaign, struct campaign_file *, campaign_free)
#define CAMPAIGN CLEANUP(cleanup_campaign) struct campaign_file *

#define YAML                                                                 \
    "campaign: port-softmax\n"                                               \
    "problems: [softmax, layer-norm, level2/*]\n"                            \
    "targets: [pocl-cpu, mesa-*, {vendor: nvidia, memory: \">= 16 GiB\"}]\n" \
    "size: auto\n"                                                           \
    "strategies: [human, search]\n"                                          \
    "kernels: [kernels/softmax/*.yaml]\n"                                    \
    "baselines: [plain, fused]\n"                                            \
    "budget: {time: 5m, candidates: 500}\n"                                  \
    "promote: true\n"

static struct campaign_file *campaign_of(const char *text) {
    struct error err = ERROR_INIT;
    struct campaign_file *c = campaign_parse(text, strlen(text), "c.yaml", &err);
    if (!c) fail_msg("%s", err.text);
    return c;
}

static void refused(const char *text, enum error_code code, const char *part) {
    struct error err = ERROR_INIT;
    struct campaign_file *c = campaign_parse(text, strlen(text), "c.yaml", &err);
    campaign_free(c);
    if (c) fail_msg("accepted; expected `%s`", part);
    assert_error(&err, code, part);
}

static void change_refused(const char *from, const char *to, enum error_code code, const char *part) {
    TEXT text = with(YAML, from, to);
    refused(text, code, part);
}

static void a_good_file_is_read_whole(void **state) {
    (void)state;
    CAMPAIGN c = campaign_of(YAML);
    assert_string_equal(c->name, "port-softmax");
    assert_int_equal(c->n_problems, 3);
    assert_string_equal(c->problems[2], "level2/*");
    assert_int_equal(c->n_targets, 3);
    assert_string_equal(c->targets[0].name, "pocl-cpu");
    assert_string_equal(c->size, "auto");
    assert_string_equal(c->strategies[1], "search");
    assert_string_equal(c->kernels[0], "kernels/softmax/*.yaml");
    assert_string_equal(c->baselines[1], "fused");
    assert_int_equal(c->budget_ms, 300000);
    assert_int_equal(c->budget_candidates, 500);
    assert_true(c->promote);
    assert_false(c->audit);
    assert_int_equal(c->deadline_ms, 0);
    assert_int_equal(c->sets, 0);
    assert_true(c->weight == 1.0);
    assert_string_equal(c->text, YAML);
}

static void selectors_are_terms_with_plain_numbers(void **state) {
    (void)state;
    TEXT text = with(
        YAML, "{vendor: nvidia, memory: \">= 16 GiB\"}",
        "{vendor: \"!= intel\", name: \"*H200*\", memory: \">= 16 GiB\", extension: [cl_khr_fp16, cl_khr_subgroups],"
        " fp16: true, compute_units: \"< 100\", label: \"~ lab-?\"}");
    CAMPAIGN c = campaign_of(text);
    static const char *const expected[][3] = {
        {"vendor", "!=", "intel"},
        {"name", "~", "*H200*"},
        {"memory", ">=", "17179869184"},
        {"extension", "==", "cl_khr_fp16"},
        {"extension", "==", "cl_khr_subgroups"},
        {"fp16", "==", "true"},
        {"compute_units", "<", "100"},
        {"label", "~", "lab-?"},
    };
    const struct campaign_target *t = &c->targets[2];
    assert_null(t->name);
    assert_int_equal(t->n_terms, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < t->n_terms; i++) {
        assert_string_equal(t->term[i].key, expected[i][0]);
        assert_string_equal(t->term[i].op, expected[i][1]);
        assert_string_equal(t->term[i].value, expected[i][2]);
    }
}

static void left_out_keys_have_defaults(void **state) {
    (void)state;
    CAMPAIGN c = campaign_of("campaign: c\nproblems: [p]\ntargets: [t]\nkernels: [k.yaml]\n");
    assert_string_equal(c->size, "auto");
    assert_int_equal(c->n_strategies, 1);
    assert_string_equal(c->strategies[0], "human");
    assert_int_equal(c->n_baselines, 2);
    assert_int_equal(c->budget_ms, 300000);
    assert_int_equal(c->budget_candidates, 500);
    assert_false(c->promote);
}

static void further_keys_are_read(void **state) {
    (void)state;
    TEXT text = xasprintf("%spriority: -3\nweight: 2.5\naudit: true\ndeadline: 1h30m\nsets: 10\n", YAML);
    CAMPAIGN c = campaign_of(text);
    assert_int_equal(c->priority, -3);
    assert_true(c->weight == 2.5);
    assert_true(c->audit);
    assert_int_equal(c->deadline_ms, 5400000);
    assert_int_equal(c->sets, 10);
}

static void unknown_keys_and_words_are_refused(void **state) {
    (void)state;
    change_refused("targets:", "target:", ERR_INVALID,
                   "c.yaml:3:1: unknown key `target`\nhint: did you mean `targets`?");
    change_refused("{time:", "{times:", ERR_INVALID, "unknown key `times`");
    change_refused("[human, search]", "[humans]", ERR_INVALID, "unknown word `humans`\nhint: did you mean `human`?");
    change_refused("{vendor:", "{vendr:", ERR_INVALID, "unknown key `vendr`");
}

static void what_nothing_runs_yet_is_unsupported(void **state) {
    (void)state;
    change_refused("[human, search]", "[llm]", ERR_UNSUPPORTED, "c.yaml:5:14: `strategies`: `llm` cannot be run yet");
    change_refused("[plain, fused]", "[plain, eager]", ERR_UNSUPPORTED, "`baselines`: `eager` cannot be run yet");
}

static void required_lists_must_be_there(void **state) {
    (void)state;
    change_refused("problems: [softmax, layer-norm, level2/*]\n", "", ERR_INVALID, "`problems` must be a list");
    change_refused("[softmax, layer-norm, level2/*]", "[]", ERR_INVALID, "at least one");
    change_refused("[softmax, layer-norm, level2/*]", "[softmax, softmax]", ERR_INVALID, "lists `softmax` twice");
    change_refused("kernels: [kernels/softmax/*.yaml]\n", "", ERR_INVALID,
                   "hint: the strategies human and search take");
    change_refused("pocl-cpu", "\"pocl cpu\"", ERR_INVALID, "is no name of a target");
    change_refused("{vendor: nvidia, memory: \">= 16 GiB\"}", "{}", ERR_INVALID, "at least one term");
}

static void selector_values_are_checked(void **state) {
    (void)state;
    change_refused(">= 16 GiB", ">= 16 gigs", ERR_INVALID, "`memory`: `16 gigs`: the unit must be");
    change_refused(">= 16 GiB", "~ 16", ERR_INVALID, "`memory` is a number");
    change_refused("vendor: nvidia", "vendor: \"> nvidia\"", ERR_INVALID, "`vendor` is a text");
    change_refused("vendor: nvidia", "fp16: maybe", ERR_INVALID, "`fp16` must be true or false");
    change_refused("vendor: nvidia", "subgroup: 16 KiB", ERR_INVALID, "must be a number without a unit");
}

static void numbers_are_checked(void **state) {
    (void)state;
    change_refused("5m", "5", ERR_INVALID, "the unit must be ms, s, m, h or d");
    change_refused("5m", "0s", ERR_INVALID, "must be more than nothing");
    change_refused("candidates: 500", "candidates: 0", ERR_INVALID, "must lie between 1 and 1000000");
    change_refused("promote: true", "promote: maybe", ERR_INVALID, "true or false");
    change_refused("promote: true", "weight: 0", ERR_INVALID, "`weight` must be above 0");
    change_refused("promote: true", "sets: 65", ERR_INVALID, "must lie between 1 and 64");
}

static void long_lists_are_refused(void **state) {
    (void)state;
    CLEANUP(buf_done) struct buf list = BUF_INIT;
    for (int i = 0; i < CAMPAIGN_MAX_LIST + 1; i++) buf_printf(&list, "%sp%d", i ? ", " : "[", i);
    buf_puts(&list, "]");
    change_refused("[softmax, layer-norm, level2/*]", list.data, ERR_LIMIT, "at most 1024 are allowed");
    change_refused("[pocl-cpu, mesa-*, {vendor: nvidia, memory: \">= 16 GiB\"}]", list.data, ERR_LIMIT, "at most 256");
}

static void durations_add_up(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"500ms", 500},     {"90s", 90000},   {"5m", 300000},
                {"1h30m", 5400000}, {"1d", 86400000}, {"1m500ms", 60500}};
    static const char *const bad[] = {"",    "5",   "m", "5 m", "5x", "1m1h", "1m1m", "400d", "99999999999999999999s",
                                      "-5m", "1.5h"};
    const char *why = NULL;
    int64_t ms = 0;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(units_duration(good[i].text, &ms, &why), 0);
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (units_duration(bad[i], &ms, &why) == 0) fail_msg("accepted `%s`", bad[i]);
}

static void bytes_have_units(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } good[] = {{"0", 0}, {"4096", 4096}, {"64 KiB", 65536}, {"16GiB", 17179869184}, {"2 GB", 2000000000}, {"7 B", 7}};
    static const char *const bad[] = {"", "GiB", "1 gib", "1.5 GiB", "1 GiB x", "99999999999 TiB", "-1"};
    const char *why = NULL;
    int64_t bytes = 0;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(units_bytes(good[i].text, &bytes, &why), 0);
        assert_int_equal(bytes, good[i].bytes);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (units_bytes(bad[i], &bytes, &why) == 0) fail_msg("accepted `%s`", bad[i]);
}

static void an_entry_is_found_again_for_messages(void **state) {
    (void)state;
    char where[CAMPAIGN_POSITION_SIZE];
    CAMPAIGN c = campaign_of(YAML);
    campaign_position(c, "c.yaml", "problems", "layer-norm", where);
    assert_string_equal(where, "c.yaml:2:21");
    campaign_position(c, "c.yaml", "size", NULL, where);
    assert_string_equal(where, "c.yaml:4:7");
    campaign_position(c, "c.yaml", "problems", "not in it", where);
    assert_string_equal(where, "c.yaml:2:11");
    campaign_position(c, "c.yaml", "deadline", NULL, where);
    assert_string_equal(where, "c.yaml");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_is_read_whole),
        cmocka_unit_test(selectors_are_terms_with_plain_numbers),
        cmocka_unit_test(left_out_keys_have_defaults),
        cmocka_unit_test(further_keys_are_read),
        cmocka_unit_test(unknown_keys_and_words_are_refused),
        cmocka_unit_test(what_nothing_runs_yet_is_unsupported),
        cmocka_unit_test(required_lists_must_be_there),
        cmocka_unit_test(selector_values_are_checked),
        cmocka_unit_test(numbers_are_checked),
        cmocka_unit_test(long_lists_are_refused),
        cmocka_unit_test(durations_add_up),
        cmocka_unit_test(bytes_have_units),
        cmocka_unit_test(an_entry_is_found_again_for_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
