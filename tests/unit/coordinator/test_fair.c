/* Fair share, over a simulated run: devices that are always busy, tasks of uneven length, time that is only counted. */
#include "tests/unit/coordinator/queued.h"

#define DEVICES 4
#define SHARES_MAX 8

struct share {
    struct campaign *campaign;
    double short_ms, long_ms; /* lengths of its tasks are drawn between these */
    double used_ms;
};
struct run {
    struct fixture *f;
    struct share share[SHARES_MAX];
    int shares;
    uint64_t random;
    double now_ms;
    struct busy {
        struct task *task;
        double from_ms, until_ms, charged_ms;
    } device[DEVICES];
};

static double drawn(struct run *r, double from, double to) {
    r->random = r->random * 6364136223846793005u + 1442695040888963407u;
    return from + (to - from) * (double)(r->random >> 40) / (double)(1 << 24);
}

static struct share *joins(struct run *r, double weight, double short_ms, double long_ms, int tasks) {
    struct share *s = &r->share[r->shares++];
    *s = (struct share){queued_campaign(r->f, "campaign", 0, weight), short_ms, long_ms, 0};
    for (int i = 0; i < tasks; i++) queued_task(r->f, s->campaign, "t");
    return s;
}

static struct share *share_of(struct run *r, const struct task *task) {
    struct share *s = r->share;
    while (s->campaign != task->campaign) s++;
    return s;
}

static void begin(struct run *r, struct busy *device) {
    device->task = queued_take(r->f, "t", &device->charged_ms);
    device->from_ms = r->now_ms;
    if (!device->task) return;
    const struct share *s = share_of(r, device->task);
    double length_ms = drawn(r, s->short_ms, s->long_ms);
    device->until_ms = r->now_ms + (length_ms > 0 ? length_ms : 0); /* below 0: its node gave it back */
}

/* The device that is done first. */
static struct busy *next_done(struct run *r) {
    struct busy *next = NULL;
    for (int i = 0; i < DEVICES; i++)
        if (r->device[i].task && (!next || r->device[i].until_ms < next->until_ms)) next = &r->device[i];
    return next;
}

static void advance(struct run *r, double ms) {
    double until_ms = r->now_ms + ms;
    struct busy *device;
    for (int i = 0; i < DEVICES; i++)
        if (!r->device[i].task) begin(r, &r->device[i]);
    while ((device = next_done(r)) && device->until_ms <= until_ms) {
        double took_ms = device->until_ms - device->from_ms;
        r->now_ms = device->until_ms;
        share_of(r, device->task)->used_ms += took_ms;
        queue_settle(device->task, device->charged_ms, took_ms);
        begin(r, device);
    }
    r->now_ms = until_ms;
}

static void forget_used(struct run *r) {
    for (int i = 0; i < r->shares; i++) r->share[i].used_ms = 0;
}

static void about(double value, double expected) {
    if (value < 0.95 * expected || value > 1.05 * expected) fail_msg("%g is not about %g", value, expected);
}

#define HOUR_MS 3.6e6

static void twice_the_weight_gets_twice_the_device_time_whatever_the_tasks_take(void **state) {
    struct run r = {.f = *state, .random = 1};
    struct share *twice = joins(&r, 2, 1000, 20000, 20000), *once = joins(&r, 1, 50, 900, 200000);
    advance(&r, 10 * HOUR_MS);
    assert_true(once->campaign->flows && twice->campaign->flows);
    about(twice->used_ms / once->used_ms, 2);
    about(twice->used_ms + once->used_ms, DEVICES * 10 * HOUR_MS);
}

static void weights_may_be_fractions(void **state) {
    struct run r = {.f = *state, .random = 2};
    struct share *small = joins(&r, 0.25, 100, 2000, 50000), *large = joins(&r, 1.5, 3000, 9000, 50000);
    advance(&r, 10 * HOUR_MS);
    about(large->used_ms / small->used_ms, 6);
}

static void one_who_comes_late_gets_its_share_from_then_on_and_no_more(void **state) {
    struct run r = {.f = *state, .random = 3};
    struct share *first = joins(&r, 1, 1000, 5000, 60000);
    advance(&r, 5 * HOUR_MS);
    about(first->used_ms, DEVICES * 5 * HOUR_MS);
    struct share *late = joins(&r, 1, 500, 8000, 60000);
    forget_used(&r);
    advance(&r, 5 * HOUR_MS);
    about(late->used_ms / first->used_ms, 1);
}

/* It had the devices alone, which was nobody's loss; nor may it save up for later while it has nothing to run. */
static void one_who_was_away_comes_back_as_if_it_were_new(void **state) {
    struct run r = {.f = *state, .random = 4};
    struct share *away = joins(&r, 1, 1000, 3000, 500), *steady = joins(&r, 1, 1000, 3000, 100000);
    advance(&r, 5 * HOUR_MS);
    assert_true(steady->used_ms > 10 * away->used_ms);
    for (int i = 0; i < 60000; i++) queued_task(r.f, away->campaign, "t");
    forget_used(&r);
    advance(&r, 2 * HOUR_MS);
    about(away->used_ms / steady->used_ms, 1);
}

static void nobody_waits_much_longer_than_its_turn(void **state) {
    struct run r = {.f = *state, .random = 5};
    struct share *many[SHARES_MAX];
    for (int i = 0; i < SHARES_MAX; i++) many[i] = joins(&r, 1, 900, 1100, 20000);
    for (int minute = 0; minute < 30; minute++) {
        forget_used(&r);
        advance(&r, 60000);
        for (int i = 0; i < SHARES_MAX; i++) {
            double turn = DEVICES * 60000.0 / SHARES_MAX;
            if (many[i]->used_ms < turn - 5000 || many[i]->used_ms > turn + 5000)
                fail_msg("in minute %d campaign %d had %g ms instead of %g", minute, i, many[i]->used_ms, turn);
        }
    }
}

static void what_never_ran_costs_nothing(void **state) {
    struct run r = {.f = *state, .random = 6};
    struct share *unlucky = joins(&r, 1, -3000, 3000, 50000), *other = joins(&r, 1, 1000, 3000, 50000);
    advance(&r, 2 * HOUR_MS);
    about(unlucky->used_ms / other->used_ms, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(twice_the_weight_gets_twice_the_device_time_whatever_the_tasks_take),
        T(weights_may_be_fractions),
        T(one_who_comes_late_gets_its_share_from_then_on_and_no_more),
        T(one_who_was_away_comes_back_as_if_it_were_new),
        T(nobody_waits_much_longer_than_its_turn),
        T(what_never_ran_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
