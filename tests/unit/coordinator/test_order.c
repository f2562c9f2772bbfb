/* Records that come twice, late or in another order: what came after them stays. */
#include "tests/unit/coordinator/fixture.h"

static void node_says(struct fixture *f, const char *incarnation, const char *node_state, const char *target,
                      int64_t sequence) {
    struct error err = ERROR_INIT;
    struct rec_node *node = fixture_node("n1", incarnation, node_state, target);
    node->sequence = sequence;
    must(nodes_on_record(f->core, node, true, &err), &err);
    fixture_settle(f, NULL);
}

static void joins(struct fixture *f, const char *incarnation) {
    node_says(f, incarnation, "starting", "alpha", 1);
    node_says(f, incarnation, "ready", "alpha", 2);
}

static void assert_serves(struct fixture *f, const char *incarnation, const char *target) {
    struct fleet_node *node = core_node(f->core, "n1");
    assert_string_equal(node->row.incarnation, incarnation);
    assert_int_equal(node->row.presence, NODE_READY);
    assert_string_equal(node->devices[0].target, target);
}

static void a_repeated_registration_does_not_put_a_ready_node_back_to_its_start(void **state) {
    struct fixture *f = *state;
    joins(f, "i1");
    node_says(f, "i1", "starting", "alpha", 1);
    assert_serves(f, "i1", "alpha");
    node_says(f, "i1", "starting", "alpha", 0); /* from an agent that does not count */
    assert_serves(f, "i1", "alpha");
}

static void an_earlier_inventory_does_not_replace_a_later_one(void **state) {
    struct fixture *f = *state;
    joins(f, "i1");
    node_says(f, "i1", "ready", "beta", 3);
    node_says(f, "i1", "ready", "alpha", 2);
    assert_serves(f, "i1", "beta");
    node_says(f, "i1", "ready", "alpha", 4);
    assert_serves(f, "i1", "alpha");
}

static void an_incarnation_that_is_over_does_not_come_back(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    joins(f, "i1");
    joins(f, "i2");
    joins(f, "i1");
    assert_serves(f, "i2", "alpha");
    must(store_commit(f->core->store, &err), &err);
    fixture_crash(f); /* nor after a restart of the coordinator */
    joins(f, "i1");
    assert_serves(f, "i2", "alpha");
    joins(f, "i3");
    assert_serves(f, "i3", "alpha");
}

static void a_node_that_left_stays_away_until_it_starts_anew(void **state) {
    struct fixture *f = *state;
    joins(f, "i1");
    node_says(f, "i1", "leaving", "alpha", 3);
    node_says(f, "i1", "ready", "alpha", 2);
    assert_int_equal(core_node(f->core, "n1")->row.presence, NODE_LEFT);
    joins(f, "i2");
    assert_serves(f, "i2", "alpha");
    node_says(f, "i1", "leaving", "alpha", 3);
    assert_serves(f, "i2", "alpha");
}

static int beat(struct fixture *f, const char *incarnation, int64_t sequence, const char *attempt) {
    struct error err = ERROR_INIT;
    struct rec_heartbeat beat;
    rec_heartbeat_init(&beat);
    rec_set(&beat.node, "n1");
    rec_set(&beat.incarnation, incarnation);
    beat.sequence = sequence;
    struct rec_held *held = rec_list_held_push(&beat.attempts);
    rec_set(&held->attempt_id, attempt);
    rec_set(&held->state, "running");
    int status = nodes_on_heartbeat(f->core, &beat, &err);
    rec_heartbeat_done(&beat);
    return status;
}

static void a_repeated_heartbeat_does_not_keep_a_lease_alive(void **state) {
    struct fixture *f = *state;
    struct rec_task task;
    joins(f, "i1");
    assert_int_equal(beat(f, "i1", 7, "none"), 0);
    struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &task), 1);
    assert_int_equal(beat(f, "i1", 8, task.attempt_id), 0);
    for (int i = 0; i < 31; i++) {
        fixture_ticks(f, 1, 1000);
        assert_int_equal(beat(f, "i1", i % 2 ? 7 : 8, task.attempt_id), 0);
    }
    assert_int_equal(c->tasks[0]->row.state, TASK_QUEUED);
    assert_int_equal(core_node(f->core, "n1")->row.presence, NODE_ABSENT);
    assert_int_equal(beat(f, "i1", 9, task.attempt_id), 0); /* but a new one does */
    assert_int_equal(c->tasks[0]->row.state, TASK_RUNNING);
    rec_task_done(&task);
}

static void a_new_incarnation_counts_its_heartbeats_anew(void **state) {
    struct fixture *f = *state;
    joins(f, "i1");
    assert_int_equal(beat(f, "i1", 100, "none"), 0);
    joins(f, "i2");
    f->mono_ms += 5000;
    assert_int_equal(beat(f, "i2", 1, "none"), 0);
    assert_int_equal(core_node(f->core, "n1")->heard_mono_ms, f->mono_ms);
}

/* The lease was wait enough: work of a dead node is to start elsewhere within a second of its end. */
static void a_lapsed_task_starts_elsewhere_without_a_back_off(void **state) {
    struct fixture *f = *state;
    struct rec_task task, second;
    joins(f, "i1");
    struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(fixture_settle(f, &task), 1);
    assert_int_equal(beat(f, "i1", 1, task.attempt_id), 0);
    fixture_join(f, "n2", "j1", "alpha");
    assert_int_equal(fixture_settle(f, NULL), 0);
    for (int i = 0; i < 60 && c->tasks[0]->row.state == TASK_RUNNING; i++) {
        fixture_beat(f, "n2", "j1", NULL, NULL);
        fixture_ticks(f, 1, LEASE_TICK_MS);
    }
    fixture_ticks(f, 1, LEASE_TICK_MS);
    assert_int_equal(fixture_settle(f, &second), 1);
    assert_string_equal(second.node, "n2");
    rec_task_done(&task);
    rec_task_done(&second);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_repeated_registration_does_not_put_a_ready_node_back_to_its_start),
        T(an_earlier_inventory_does_not_replace_a_later_one),
        T(an_incarnation_that_is_over_does_not_come_back),
        T(a_node_that_left_stays_away_until_it_starts_anew),
        T(a_repeated_heartbeat_does_not_keep_a_lease_alive),
        T(a_new_incarnation_counts_its_heartbeats_anew),
        T(a_lapsed_task_starts_elsewhere_without_a_back_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
