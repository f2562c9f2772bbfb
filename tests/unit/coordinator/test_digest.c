/* The one message of a run: what it says, in which order, and that it stays small and harmless whatever is in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "coordinator/sweep/cause.h"
#include "coordinator/sweep/digest.h"

#define SLACK_BLOCKS_MAX 50    /* of a message */
#define SLACK_SECTION_MAX 3000 /* characters */

static struct digest_item item(int64_t id, const char *kernel, double effect) {
    struct digest_item i = {.finding = {.id = id, .effect = effect, .faster = effect < 0},
                            .cause_text = cause_text(CAUSE_NODE),
                            .series_count = 1};
    snprintf(i.finding.kernel, sizeof i.finding.kernel, "softmax/%s", kernel);
    strcpy(i.finding.device, "lab3/dev0");
    strcpy(i.finding.cause, cause_name(CAUSE_NODE));
    struct digest_series *s = &i.series[0];
    strcpy(s->series.problem, "softmax");
    snprintf(s->series.kernel, sizeof s->series.kernel, "%s", kernel);
    strcpy(s->series.size, "large");
    strcpy(s->series.node, "lab3");
    strcpy(s->series.device, "dev0");
    s->effect = effect;
    s->norm_ns = 1.2e6;
    s->band = 0.031;
    return i;
}

static struct digest digest_of(struct digest_item *items, size_t count) {
    return (struct digest){.sweep = "nightly",
                           .title = "nightly, 2026-11-21 02:00 CET",
                           .planned = 42,
                           .measured = 40,
                           .items = items,
                           .count = count,
                           .open = 3,
                           .again = 5,
                           .dropped = 4};
}

static void says(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("`%s` is not in: %s", part, text);
}

static void it_names_kernel_device_size_cause_and_how_much(void **state) {
    (void)state;
    struct digest_item items[] = {item(17, "rows", 0.0712)};
    strcpy(items[0].finding.note, "driver 2.1, before 2.0");
    struct digest digest = digest_of(items, 1);
    CLEANUP_FREE char *text = digest_text(&digest);
    says(text,
         "nightly, 2026-11-21 02:00 CET: 1 slower; 40 of 42 measured, 5 series measured again and 4 of those in order "
         "then; 3 open in all\n");
    says(text, "#17 softmax/rows on lab3/dev0: 7.1 % slower\n  likely: one node only (");
    says(text, "\n  driver 2.1, before 2.0\n");
    says(text, "softmax/rows at large on lab3/dev0: 7.1 % slower, 1.2 ms -> 1.29 ms (noise of a night 3.1 %)");
    says(text, "portolan sweep ack nightly ID");
}

static void slower_comes_first_then_what_recovered_then_faster_the_largest_first(void **state) {
    (void)state;
    struct digest_item items[] = {item(1, "a", -0.5), item(2, "b", 0.03), item(3, "c", -0.4), item(4, "d", 0.2),
                                  item(5, "e", 0.2)};
    items[2].recovery = true;
    digest_sort(items, 5);
    const int64_t order[] = {4, 5, 2, 3, 1};
    for (int i = 0; i < 5; i++) assert_int_equal(items[i].finding.id, order[i]);
    struct digest digest = digest_of(items, 5);
    CLEANUP_FREE char *text = digest_text(&digest);
    says(text, "3 slower, 1 recovered, 1 faster;");
    says(text, "40.0 % faster, back at its old norm");
    digest_sort(NULL, 0);
}

static void what_is_much_slower_is_told_as_a_multiple(void **state) {
    (void)state;
    struct digest_item items[] = {item(1, "rows", 13.777)};
    struct digest digest = digest_of(items, 1);
    CLEANUP_FREE char *text = digest_text(&digest);
    says(text, "softmax/rows on lab3/dev0: takes 14.8 times as long\n");
}

static void a_night_without_findings_says_so(void **state) {
    (void)state;
    struct digest digest = digest_of(NULL, 0);
    digest.open = digest.again = digest.dropped = 0;
    CLEANUP_FREE char *text = digest_text(&digest);
    assert_string_equal(text, "nightly, 2026-11-21 02:00 CET: nothing changed; 40 of 42 measured\n");
}

static void what_is_beyond_the_limits_is_counted(void **state) {
    (void)state;
    struct digest_item items[] = {item(1, "a", 0.1)};
    items[0].series_count = DIGEST_SERIES_MAX + 7;
    for (int i = 1; i < DIGEST_SERIES_MAX; i++) items[0].series[i] = items[0].series[0];
    struct digest digest = digest_of(items, 1);
    digest.more = 31;
    CLEANUP_FREE char *text = digest_text(&digest);
    says(text, "1 slower, 31 more;");
    says(text, "and 7 more series");
    says(text, "and 31 more findings: portolan sweep findings nightly");
}

static const char *section(const json_t *message, size_t i) {
    const json_t *block = json_array_get(json_object_get(message, "blocks"), i);
    assert_string_equal(json_string_value(json_object_get(block, "type")), "section");
    return json_string_value(json_object_get(json_object_get(block, "text"), "text"));
}

static void slack_gets_a_text_and_a_section_for_each_finding(void **state) {
    (void)state;
    struct digest_item items[] = {item(1, "a", 0.1), item(2, "b", 0.05)};
    struct digest digest = digest_of(items, 2);
    json_t *message = digest_slack(&digest);
    says(json_string_value(json_object_get(message, "text")), "2 slower");
    assert_int_equal(json_array_size(json_object_get(message, "blocks")), 4);
    says(section(message, 1), "softmax/a on lab3/dev0");
    says(section(message, 2), "softmax/b on lab3/dev0");
    says(section(message, 3), "portolan sweep ack");
    json_decref(message);
}

/* Kernel names are tame, but drivers say what they like. */
static void what_a_driver_says_cannot_mention_link_or_break_the_message(void **state) {
    (void)state;
    struct digest_item items[] = {item(1, "a", 0.1), item(2, "b", 0.1)};
    strcpy(items[0].finding.note, "driver <!channel> & <http://evil|click>\n*, before \"1\"");
    strcpy(items[1].finding.note, "driver \xff\xfe, before 1");
    struct digest digest = digest_of(items, 2);
    json_t *message = digest_slack(&digest);
    says(section(message, 1), "&lt;!channel&gt; &amp; &lt;http://evil|click&gt;");
    assert_null(strchr(section(message, 1), '<'));
    assert_string_equal(section(message, 2), "(a text that is not UTF-8)");
    CLEANUP_FREE char *whole = json_dumps(message, 0);
    assert_non_null(whole);
    json_decref(message);
}

static void the_largest_message_stays_below_slacks_limits(void **state) {
    (void)state;
    struct digest_item items[DIGEST_ITEMS_MAX];
    char name[LABEL_SIZE];
    memset(name, '&', sizeof name - 1); /* each becomes five characters */
    name[sizeof name - 1] = 0;
    for (int i = 0; i < DIGEST_ITEMS_MAX; i++) {
        items[i] = item(i + 1, "a", 0.1);
        items[i].series_count = 1000;
        memset(items[i].finding.note, '<', sizeof items[i].finding.note - 1);
        for (int k = 0; k < DIGEST_SERIES_MAX; k++) {
            items[i].series[k] = items[i].series[0];
            memcpy(items[i].series[k].series.kernel, name, sizeof name);
            memcpy(items[i].series[k].series.problem, name, sizeof name);
            memcpy(items[i].series[k].series.size, name, sizeof name);
        }
    }
    struct digest digest = digest_of(items, DIGEST_ITEMS_MAX);
    digest.more = 990;
    json_t *message = digest_slack(&digest);
    size_t count = json_array_size(json_object_get(message, "blocks"));
    assert_true(count <= SLACK_BLOCKS_MAX);
    for (size_t i = 0; i < count; i++) assert_true(strlen(section(message, i)) <= SLACK_SECTION_MAX);
    json_decref(message);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_names_kernel_device_size_cause_and_how_much),
        cmocka_unit_test(slower_comes_first_then_what_recovered_then_faster_the_largest_first),
        cmocka_unit_test(what_is_much_slower_is_told_as_a_multiple),
        cmocka_unit_test(a_night_without_findings_says_so),
        cmocka_unit_test(what_is_beyond_the_limits_is_counted),
        cmocka_unit_test(slack_gets_a_text_and_a_section_for_each_finding),
        cmocka_unit_test(what_a_driver_says_cannot_mention_link_or_break_the_message),
        cmocka_unit_test(the_largest_message_stays_below_slacks_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
