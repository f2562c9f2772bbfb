/* The queue's order, and that it stays cheap when it is long. */
#include "common/clock.h"
#include "coordinator/schedule/backoff.h"
#include "tests/unit/coordinator/queued.h"

#define MANY 100000
#define SOON_MS                                                                                          \
    20000 /* what MANY steps may take on a loaded machine; where one step walks the queue, it is minutes \
           */

static void a_try_goes_before_campaigns_and_these_before_sweeps_whatever_their_priority(void **state) {
    struct fixture *f = *state;
    struct campaign *sweep = queued_campaign(f, "sweep", 100, 1), *low = queued_campaign(f, "campaign", -1, 1);
    struct campaign *high = queued_campaign(f, "campaign", 1, 1), *tried = queued_campaign(f, "try", -100, 1);
    struct campaign *order[] = {tried, high, low, sweep};
    double charged = 0;
    queued_task(f, sweep, "t"), queued_task(f, low, "t"), queued_task(f, high, "t"), queued_task(f, tried, "t");
    for (size_t i = 0; i < 4; i++) assert_ptr_equal(queued_take(f, "t", &charged)->campaign, order[i]);
    assert_null(queued_take(f, "t", &charged));
    assert_int_equal(queue_length(queue_of(f->core, "t")), 0);
}

static void a_campaigns_tasks_go_in_the_order_of_planning_also_when_they_come_back(void **state) {
    struct fixture *f = *state;
    struct campaign *c = queued_campaign(f, "campaign", 0, 1);
    struct task *tasks[5];
    double charged = 0;
    for (int i = 0; i < 5; i++) tasks[i] = queued_task(f, c, "t");
    assert_ptr_equal(queued_take(f, "t", &charged), tasks[0]);
    assert_ptr_equal(queued_take(f, "t", &charged), tasks[1]);
    queue_remove(f->core, tasks[3]);
    strcpy(tasks[0]->row.avoid, "n1/d"); /* it failed there: another lane, the same order */
    queue_add(f->core, tasks[0]);
    queue_add(f->core, tasks[0]);
    assert_int_equal(queue_length(queue_of(f->core, "t")), 3);
    assert_ptr_equal(queued_take(f, "t", &charged), tasks[0]);
    assert_ptr_equal(queued_take(f, "t", &charged), tasks[2]);
    assert_ptr_equal(queued_take(f, "t", &charged), tasks[4]);
}

static void targets_have_queues_of_their_own(void **state) {
    struct fixture *f = *state;
    struct campaign *c = queued_campaign(f, "campaign", 0, 1);
    struct task *a = queued_task(f, c, "a"), *b = queued_task(f, c, "b");
    double charged = 0;
    assert_ptr_equal(queued_take(f, "b", &charged), b);
    assert_null(queued_take(f, "b", &charged));
    assert_ptr_equal(queued_take(f, "a", &charged), a);
}

static int asked;
static bool not_avoiding(void *context, const struct task *task) {
    (void)context;
    asked++;
    return !*task->row.avoid;
}

static bool not_campaign(void *context, struct campaign *campaign) {
    return campaign != context;
}

static void what_does_not_fit_keeps_its_place_and_is_asked_about_once_for_all_that_are_alike(void **state) {
    struct fixture *f = *state;
    struct campaign *c = queued_campaign(f, "campaign", 0, 1), *d = queued_campaign(f, "campaign", 0, 1);
    struct task *first = NULL;
    double charged = 0;
    for (int i = 0; i < 1000; i++) {
        struct task *task = queued_task(f, c, "t");
        queue_remove(f->core, task);
        strcpy(task->row.avoid, i % 2 ? "n1/d" : "n2/d");
        queue_add(f->core, task);
        if (!first) first = task;
    }
    struct task *other = queued_task(f, d, "t");
    const struct queue_wish wish = {.last = QUEUE_SWEEP, .takes_task = not_avoiding};
    asked = 0;
    assert_ptr_equal(queue_take(queue_of(f->core, "t"), &wish, &charged), other);
    assert_int_equal(asked, 3);
    assert_null(queue_take(queue_of(f->core, "t"), &wish, &charged));
    const struct queue_wish others = {.last = QUEUE_SWEEP, .takes_campaign = not_campaign, .context = c};
    assert_null(queue_take(queue_of(f->core, "t"), &others, &charged));
    const struct queue_wish tries = {.last = QUEUE_TRY};
    assert_null(queue_take(queue_of(f->core, "t"), &tries, &charged));
    assert_ptr_equal(queued_take(f, "t", &charged), first);
    assert_int_equal(queue_length(queue_of(f->core, "t")), 999);
}

static void what_backs_off_stands_aside_until_its_time(void **state) {
    struct fixture *f = *state;
    struct campaign *c = queued_campaign(f, "campaign", 0, 1);
    struct task *tasks[3];
    double charged = 0;
    for (int i = 0; i < 3; i++) tasks[i] = queued_task(f, c, "t");
    for (int i = 0; i < 2; i++) {
        queue_remove(f->core, tasks[i]);
        tasks[i]->not_before_ms = f->mono_ms + (i == 0 ? 5000 : 2000);
        queue_add(f->core, tasks[i]);
    }
    assert_int_equal(queue_length(queue_of(f->core, "t")), 1);
    assert_int_equal(schedule_wait_ms(f->core), 2000);
    assert_non_null(backoff_find(f->core, "t"));
    assert_null(backoff_find(f->core, "u"));
    f->mono_ms += 2000;
    f->core->schedule_wanted = false;
    assert_int_equal(schedule_wait_ms(f->core), 0);
    assert_true(f->core->schedule_wanted);
    backoff_release(f->core);
    assert_int_equal(schedule_wait_ms(f->core), 3000);
    assert_ptr_equal(queued_take(f, "t", &charged), tasks[1]);
    queue_remove(f->core, tasks[0]);
    assert_int_equal(schedule_wait_ms(f->core), -1);
    assert_ptr_equal(queued_take(f, "t", &charged), tasks[2]);
}

/* Cancelling takes them out one by one, the last ones first at worst. */
static void a_hundred_thousand_tasks_are_added_taken_and_removed_without_walking_the_queue(void **state) {
    struct fixture *f = *state;
    struct campaign *c[4];
    double charged = 0;
    for (int i = 0; i < 4; i++) c[i] = queued_campaign(f, "campaign", 0, 1 + i);
    struct task **tasks = xcalloc(MANY, sizeof *tasks);
    int64_t from_ms = clock_mono_ms();
    for (int i = 0; i < MANY; i++) tasks[i] = queued_task(f, c[i % 4], "t");
    for (int i = 0; i < MANY / 2; i++) assert_non_null(queued_take(f, "t", &charged));
    for (int i = MANY; i-- > 0;) queue_remove(f->core, tasks[i]);
    assert_int_equal(queue_length(queue_of(f->core, "t")), 0);
    for (int i = 0; i < MANY; i++) {
        tasks[i]->not_before_ms = f->mono_ms + 1 + i % 1000;
        queue_add(f->core, tasks[i]);
        assert_true(schedule_wait_ms(f->core) > 0);
    }
    for (int i = 0; i < MANY; i++) queue_remove(f->core, tasks[i]);
    assert_true(clock_mono_ms() - from_ms < SOON_MS);
    free(tasks);
}

static void a_thousand_campaigns_are_served_in_turn(void **state) {
    struct fixture *f = *state;
    struct campaign *c[1000];
    double charged = 0;
    for (int i = 0; i < 1000; i++) c[i] = queued_campaign(f, "campaign", 0, 1);
    for (int i = 0; i < MANY; i++) queued_task(f, c[i % 1000], "t");
    int64_t from_ms = clock_mono_ms();
    for (int round = 0; round < MANY / 1000; round++) {
        for (int i = 0; i < 1000; i++) {
            struct task *task = queued_take(f, "t", &charged);
            assert_ptr_equal(task->campaign, c[i]);
            queue_settle(task, charged, 500);
        }
    }
    assert_true(clock_mono_ms() - from_ms < SOON_MS);
}

static void looking_ahead_counts_what_starts_before_a_task_and_names_the_campaign_with_most(void **state) {
    struct fixture *f = *state;
    struct queue_ahead ahead;
    struct campaign *high = queued_campaign(f, "campaign", 1, 1), *c = queued_campaign(f, "campaign", 0, 1);
    struct campaign *twice = queued_campaign(f, "campaign", 0, 2), *sweep = queued_campaign(f, "sweep", 0, 1);
    struct task *last = NULL;
    for (int i = 0; i < 3; i++) queued_task(f, high, "t");
    for (int i = 0; i < 11; i++) last = queued_task(f, c, "t");
    for (int i = 0; i < 100; i++) queued_task(f, twice, "t");
    queued_task(f, sweep, "t");
    queue_look_ahead(last, &ahead);
    assert_int_equal(ahead.tasks, 3 + 10 + 20);
    assert_ptr_equal(ahead.campaign, twice);
    assert_int_equal(ahead.of_campaign, 20);
    queue_look_ahead(high->tasks[0], &ahead);
    assert_int_equal(ahead.tasks, 0);
    assert_null(ahead.campaign);
    queue_look_ahead(sweep->tasks[0], &ahead);
    assert_int_equal(ahead.tasks, 114);
    /* What it says is what happens. */
    double charged = 0;
    for (size_t n = 0;; n++) {
        queue_look_ahead(last, &ahead);
        size_t left = ahead.tasks;
        struct task *task = queued_take(f, "t", &charged);
        if (task == last) {
            assert_int_equal(left, 0);
            assert_int_equal(n, 33);
            break;
        }
        assert_true(left > 0);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_try_goes_before_campaigns_and_these_before_sweeps_whatever_their_priority),
        T(a_campaigns_tasks_go_in_the_order_of_planning_also_when_they_come_back),
        T(targets_have_queues_of_their_own),
        T(what_does_not_fit_keeps_its_place_and_is_asked_about_once_for_all_that_are_alike),
        T(what_backs_off_stands_aside_until_its_time),
        T(a_hundred_thousand_tasks_are_added_taken_and_removed_without_walking_the_queue),
        T(a_thousand_campaigns_are_served_in_turn),
        T(looking_ahead_counts_what_starts_before_a_task_and_names_the_campaign_with_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
