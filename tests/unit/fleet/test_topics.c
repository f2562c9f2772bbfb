/* The table of topics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/bus/topics.h"
#include "tests/tools/under_tsan.h"

static void control_topics_have_one_partition(void **state) {
    (void)state;
    size_t count;
    const struct topic_spec *specs = topic_table(&count);
    assert_int_equal(count, 10);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(specs[i].cleanup_policy, "compact") && !specs[i].is_public)
            assert_int_equal(specs[i].partitions, 1);
}

static void topics_are_found_by_name_and_mailboxes_by_their_prefix(void **state) {
    (void)state;
    assert_string_equal(topic_find("results")->cleanup_policy, "compact");
    assert_string_equal(topic_find("tasks.gpu-7")->name, TOPIC_MAILBOX);
    assert_null(topic_find("other"));
}

static void a_mailbox_takes_proper_node_names_only(void **state) {
    (void)state;
    char name[BUS_TOPIC_MAX + 1], longest[TOPIC_NODE_NAME_MAX + 2];
    struct error err = ERROR_INIT;
    assert_int_equal(topic_mailbox("gpu-7", name, &err), 0);
    assert_string_equal(name, "tasks.gpu-7");
    memset(longest, 'a', sizeof longest);
    longest[TOPIC_NODE_NAME_MAX + 1] = 0;
    assert_int_equal(topic_mailbox(longest, name, &err), -1);
    longest[TOPIC_NODE_NAME_MAX] = 0;
    assert_int_equal(topic_mailbox(longest, name, &err), 0);
    assert_int_equal(topic_mailbox("", name, &err), -1);
    assert_int_equal(topic_mailbox("GPU.7", name, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
}

static void the_embedded_broker_gets_all_topics(void **state) {
    (void)state;
    if (UNDER_TSAN) skip();
    struct error err = ERROR_INIT;
    struct topic_status *status;
    size_t count;
    struct bus_embedded *embedded = bus_embedded_start(&err);
    struct bus *bus = bus_new(&(struct bus_config){.embedded = embedded}, &err);
    if (topics_create(bus, -1, 10000, &err)) fail_msg("%s", err.text);
    if (topics_create(bus, -1, 10000, &err)) fail_msg("%s", err.text); /* again: they are there */
    if (topic_create_mailbox(bus, "gpu-7", -1, 10000, &err)) fail_msg("%s", err.text);
    if (topics_check(bus, 10000, &status, &count, &err)) fail_msg("%s", err.text);
    assert_int_equal(count, 9);
    for (size_t i = 0; i < count; i++) {
        assert_true(status[i].exists);
        assert_int_equal(status[i].partitions, status[i].spec->partitions);
        assert_string_equal(status[i].problem, "");
    }
    free(status);
    bus_free(bus);
    bus_embedded_stop(embedded);
}

static void the_listing_names_every_topic_and_who_may_do_what(void **state) {
    (void)state;
    json_t *json = topics_json("acme.", NULL, 0);
    assert_int_equal(json_array_size(json_object_get(json, "topics")), 10);
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(json, "topics"), 1), "topic")),
                        "acme.attempts");
    size_t i, n = 0;
    json_t *rule;
    json_array_foreach(json_object_get(json, "acls"), i,
                       rule) if (!strcmp(json_string_value(json_object_get(rule, "role")), "consumer")) n++;
    assert_int_equal(n, 3); /* two topics, and its groups */
    json_decref(json);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    topics_print("acme.", NULL, 0, out);
    fclose(out);
    assert_non_null(strstr(text, "acme.measurements"));
    assert_non_null(strstr(text, "User:<agent>"));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_topics_have_one_partition),
        cmocka_unit_test(topics_are_found_by_name_and_mailboxes_by_their_prefix),
        cmocka_unit_test(a_mailbox_takes_proper_node_names_only),
        cmocka_unit_test(the_embedded_broker_gets_all_topics),
        cmocka_unit_test(the_listing_names_every_topic_and_who_may_do_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
