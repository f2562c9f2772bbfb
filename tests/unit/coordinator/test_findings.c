/* From the rows of a night to findings that are kept and one digest that is queued: what is measured again, told once,
 * muted, accepted, taken back; and the rows themselves. */
#include "coordinator/sweep/findings.h"
#include "coordinator/sweep/webhook.h"
#include "tests/unit/coordinator/fixture.h"

#define DAY INT64_C(86400)
#define NIGHTS 20
#define TONIGHT ((int64_t)NIGHTS * DAY)

/* Noise of one per cent that follows no pattern and needs no seed. */
static double noise(int i) {
    static const double step[] = {0.3, -0.8, 0.6, -0.2, 1.1, -0.5, 0.1, -1.2, 0.7, -0.1, 0.9, -0.6, 0.2};
    return 1 + 0.01 * step[(i * 5 + i / 13) % 13];
}

static int64_t series_of(struct fixture *f, const char *kernel, const char *node, const char *role) {
    struct error err = ERROR_INIT;
    struct row_series row = {.device = "dev0", .target = "alpha", .size = "small", .problem = "act"};
    snprintf(row.kernel, sizeof row.kernel, "%s", kernel);
    snprintf(row.node, sizeof row.node, "%s", node);
    snprintf(row.role, sizeof row.role, "%s", role);
    must(store_series_put(f->core->store, "nightly", &row, &err), &err);
    assert_true(row.id > 0);
    return row.id;
}

static void put(struct fixture *f, int64_t series, int64_t night_s, int repetition, double time_ns) {
    struct error err = ERROR_INIT;
    struct row_point row = {.series = series,
                            .night_s = night_s,
                            .repetition = repetition,
                            .time_ns = time_ns,
                            .low_ns = time_ns,
                            .high_ns = time_ns,
                            .driver = "1",
                            .text_hash = "h",
                            .flags = repetition ? POINT_AGAIN : 0};
    must(store_point_put(f->core->store, &row, &err), &err);
}

/* What happens to kernel `slow` on node n1 in one night: both measurements. */
static void night(struct fixture *f, int n, double factor) {
    static const char *const nodes[] = {"n1", "n2"};
    for (int d = 0; d < 2; d++) {
        put(f, series_of(f, "slow", nodes[d], "candidate"), n * DAY, 0, 1e6 * noise(n + d) * (d == 0 ? factor : 1));
        put(f, series_of(f, "other", nodes[d], "candidate"), n * DAY, 0, 2e6 * noise(n + 3 + d));
        put(f, series_of(f, "fused", nodes[d], "baseline"), n * DAY, 0, 3e6 * noise(n + 5 + d));
    }
}

static void nights_before(struct fixture *f) {
    for (int n = 0; n < NIGHTS; n++) night(f, n, 1);
}

static struct findings_run run_of(int n, char campaign[CAMPAIGN_ID_SIZE]) {
    snprintf(campaign, CAMPAIGN_ID_SIZE, "c%d", n);
    return (struct findings_run){.sweep = "nightly",
                                 .run = campaign,
                                 .title = "nightly, tonight",
                                 .night_s = n * DAY,
                                 .planned = 4,
                                 .measured = 4,
                                 .judge = judge_defaults,
                                 .notify = {.webhook = "team"}};
}

/* Judge, measure again what is asked for (`factor` for the slow one), conclude. */
static struct findings_summary conclude(struct fixture *f, int n, double factor, size_t *ret_again) {
    struct error err = ERROR_INIT;
    char campaign[CAMPAIGN_ID_SIZE];
    struct findings_run run = run_of(n, campaign);
    struct findings_summary summary;
    struct series_key *keys = NULL;
    size_t count = 0;
    must(findings_judge(f->core, &run, &keys, &count, &err), &err);
    for (size_t i = 0; i < count; i++) {
        double time_ns = strcmp(keys[i].kernel, "slow") == 0 ? 1e6 * factor : 2e6;
        assert_string_equal(keys[i].role, "candidate");
        put(f, series_of(f, keys[i].kernel, keys[i].node, "candidate"), n * DAY, 1, time_ns);
    }
    free(keys);
    must(findings_conclude(f->core, &run, &summary, &err), &err);
    if (ret_again) *ret_again = count;
    return summary;
}

/* --- what is kept ----------------------------------------------------------------------------- */
struct kept {
    struct row_finding rows[16];
    size_t count;
};
static int add_finding(void *context, const struct row_finding *row, struct error *err) {
    struct kept *kept = context;
    (void)err;
    assert_true(kept->count < 16);
    kept->rows[kept->count++] = *row;
    return 0;
}
static struct kept kept_of(struct fixture *f, bool open_only) {
    struct error err = ERROR_INIT;
    struct kept kept = {0};
    must(store_findings(f->core->store, "nightly", open_only, 0, add_finding, &kept, &err), &err);
    return kept;
}

struct hooks {
    int count;
    char *last;
};
static int add_hook(void *context, const struct row_hook *row, struct error *err) {
    struct hooks *hooks = context;
    (void)err;
    assert_string_equal(row->webhook, "team");
    hooks->count++;
    free(hooks->last);
    hooks->last = xstrdup(row->body);
    return 0;
}
/* How many digests wait; the latest must have `part` in it. */
static int digests(struct fixture *f, const char *part) {
    struct error err = ERROR_INIT;
    struct hooks hooks = {0};
    must(store_hooks(f->core->store, add_hook, &hooks, &err), &err);
    if (part && (!hooks.last || !strstr(hooks.last, part))) fail_msg("`%s` is not in %s", part, hooks.last);
    free(hooks.last);
    return hooks.count;
}

/* --- tests ------------------------------------------------------------------------------------ */
static void what_is_slow_twice_is_kept_and_told_once(void **state) {
    struct fixture *f = *state;
    size_t again = 0;
    nights_before(f);
    night(f, NIGHTS, 1.2);
    struct findings_summary summary = conclude(f, NIGHTS, 1.2, &again);
    assert_int_equal(again, 1);
    assert_int_equal(summary.confirmed, 1);
    assert_int_equal(summary.dropped, 0);
    assert_int_equal(summary.open, 1);
    assert_true(summary.told);
    struct kept kept = kept_of(f, true);
    assert_int_equal(kept.count, 1);
    assert_string_equal(kept.rows[0].kernel, "act/slow");
    assert_string_equal(kept.rows[0].device, "n1/dev0");
    assert_string_equal(kept.rows[0].cause, "one node only");
    assert_true(kept.rows[0].effect > 0.18 && kept.rows[0].effect < 0.22);
    assert_int_equal(digests(f, "act/slow on n1/dev0: "), 1);
    assert_int_equal(digests(f, "likely: one node only"), 1);
}

static void what_is_in_order_when_measured_again_is_told_to_nobody(void **state) {
    struct fixture *f = *state;
    size_t again = 0;
    nights_before(f);
    night(f, NIGHTS, 1.2);
    struct findings_summary summary = conclude(f, NIGHTS, 1.0, &again);
    assert_int_equal(again, 1);
    assert_int_equal(summary.suspects, 1);
    assert_int_equal(summary.dropped, 1);
    assert_int_equal(summary.confirmed, 0);
    assert_false(summary.told);
    assert_int_equal(kept_of(f, false).count, 0);
    assert_int_equal(digests(f, NULL), 0);
}

static void concluding_a_run_again_changes_nothing(void **state) {
    struct fixture *f = *state;
    nights_before(f);
    night(f, NIGHTS, 1.2);
    conclude(f, NIGHTS, 1.2, NULL);
    struct findings_summary summary = conclude(f, NIGHTS, 1.2, NULL);
    assert_false(summary.told);
    assert_int_equal(kept_of(f, false).count, 1);
    assert_int_equal(digests(f, NULL), 1);
}

static void the_same_change_is_not_told_in_the_nights_after(void **state) {
    struct fixture *f = *state;
    nights_before(f);
    for (int n = NIGHTS; n < NIGHTS + 12; n++) {
        night(f, n, 1.2);
        conclude(f, n, 1.2 * noise(n), NULL);
    }
    assert_int_equal(kept_of(f, false).count, 1);
    assert_int_equal(digests(f, NULL), 1);
}

static void a_recovery_ends_a_finding_and_is_told(void **state) {
    struct fixture *f = *state;
    nights_before(f);
    for (int n = NIGHTS; n < NIGHTS + 8; n++) {
        night(f, n, 1.2);
        conclude(f, n, 1.2 * noise(n), NULL);
    }
    struct findings_summary summary = {0};
    for (int n = NIGHTS + 8; n < NIGHTS + 12 && summary.recovered == 0; n++) {
        night(f, n, 1);
        summary = conclude(f, n, 1, NULL);
    }
    assert_int_equal(summary.recovered, 1);
    assert_int_equal(summary.open, 0);
    struct kept kept = kept_of(f, false);
    assert_int_equal(kept.count, 2);
    assert_int_equal(kept.rows[1].state, FINDING_RECOVERED);
    assert_int_equal(kept.rows[0].state, FINDING_TOLD);
    assert_int_equal(digests(f, "back at its old norm"), 2);
}

static void what_is_muted_is_kept_and_not_told(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct row_mute row = {.sweep = "nightly", .pattern = "act/slow@n1/*"};
    nights_before(f);
    must(store_mute_put(f->core->store, &row, &err), &err);
    night(f, NIGHTS, 1.2);
    struct findings_summary summary = conclude(f, NIGHTS, 1.2, NULL);
    assert_int_equal(summary.confirmed, 1);
    assert_false(summary.told);
    assert_int_equal(digests(f, NULL), 0);
    assert_int_equal(kept_of(f, true).count, 1);
}

static void a_mute_that_is_over_or_of_something_else_mutes_nothing(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct row_mute over = {.sweep = "nightly", .pattern = "*", .until_ms = f->wall_ms};
    struct row_mute other = {.sweep = "nightly", .pattern = "act/other@*"};
    nights_before(f);
    must(store_mute_put(f->core->store, &over, &err), &err);
    must(store_mute_put(f->core->store, &other, &err), &err);
    night(f, NIGHTS, 1.2);
    assert_true(conclude(f, NIGHTS, 1.2, NULL).told);
    assert_int_equal(store_mute_delete(f->core->store, "nightly", "nothing", &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void a_quiet_night_is_told_only_where_it_is_wanted(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    char campaign[CAMPAIGN_ID_SIZE];
    nights_before(f);
    night(f, NIGHTS, 1);
    assert_false(conclude(f, NIGHTS, 1, NULL).told);
    night(f, NIGHTS + 1, 1);
    struct findings_run run = run_of(NIGHTS + 1, campaign);
    struct findings_summary summary;
    run.notify.always = true;
    must(findings_conclude(f->core, &run, &summary, &err), &err);
    assert_true(summary.told);
    assert_int_equal(digests(f, "nothing changed"), 1);
}

static void a_baseline_is_measured_again_by_a_candidate_beside_it(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    char campaign[CAMPAIGN_ID_SIZE];
    struct series_key *keys = NULL;
    size_t count = 0;
    nights_before(f);
    night(f, NIGHTS, 1);
    put(f, series_of(f, "fused", "n2", "baseline"), TONIGHT, 0, 3e6 * 1.3);
    struct findings_run run = run_of(NIGHTS, campaign);
    must(findings_judge(f->core, &run, &keys, &count, &err), &err);
    assert_int_equal(count, 1);
    assert_string_equal(keys[0].role, "candidate");
    assert_string_equal(keys[0].node, "n2");
    free(keys);
}

static void an_open_finding_is_acknowledged_once_and_by_its_own_sweep(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    nights_before(f);
    night(f, NIGHTS, 1.2);
    conclude(f, NIGHTS, 1.2, NULL);
    int64_t id = kept_of(f, true).rows[0].id;
    assert_int_equal(findings_ack(f->core, "weekly", id, NULL, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_int_equal(findings_ack(f->core, "nightly", id + 1, NULL, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    must(findings_ack(f->core, "nightly", id, "a fix of the result", &err), &err);
    assert_int_equal(findings_ack(f->core, "nightly", id, NULL, &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    struct kept kept = kept_of(f, false);
    assert_int_equal(kept.rows[0].state, FINDING_ACKNOWLEDGED);
    assert_string_equal(kept.rows[0].note, "a fix of the result");
    assert_int_equal(kept_of(f, true).count, 0);
}

static void a_machine_that_is_always_busy_is_judged_and_one_busy_night_is_not(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    size_t again = 0;
    nights_before(f);
    night(f, NIGHTS, 1.2);
    int64_t slow = series_of(f, "slow", "n1", "candidate");
    must(store_point_flag(f->core->store, slow, TONIGHT, POINT_BUSY, &err), &err);
    conclude(f, NIGHTS, 1.2, &again);
    assert_int_equal(again, 0);
    const char *const kernels[] = {"slow", "other"};
    for (int n = 0; n < NIGHTS; n++)
        for (int k = 0; k < 2; k++)
            must(store_point_flag(f->core->store, series_of(f, kernels[k], "n1", "candidate"), n * DAY, POINT_BUSY,
                                  &err),
                 &err);
    assert_int_equal(conclude(f, NIGHTS, 1.2, &again).confirmed, 1);
    assert_int_equal(again, 1);
}

/* --- rows ------------------------------------------------------------------------------------- */
static int count_series(void *context, const struct row_series *row, struct error *err) {
    (void)row, (void)err;
    ++*(int *)context;
    return 0;
}
static int all_series(struct fixture *f) {
    struct error err = ERROR_INIT;
    int count = 0;
    must(store_series(f->core->store, "nightly", NULL, NULL, NULL, count_series, &count, &err), &err);
    return count;
}

static void a_point_comes_back_as_it_was_put(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct series_set set;
    int64_t id = series_of(f, "slow", "n1", "candidate");
    assert_int_equal(series_of(f, "slow", "n1", "candidate"), id);
    struct row_point row = {.series = id,
                            .night_s = DAY,
                            .time_ns = 5,
                            .low_ns = 4,
                            .high_ns = 6,
                            .driver = "2.1",
                            .text_hash = "abc",
                            .clocks = CLOCKS_LOW,
                            .clock_mhz = 1410,
                            .flags = POINT_BUSY};
    must(store_point_put(f->core->store, &row, &err), &err);
    must(store_point_flag(f->core->store, id, DAY, POINT_LEVEL, &err), &err);
    must(store_point_put(f->core->store, &row, &err), &err); /* the same attempt again: its marks stay */
    must(series_load(f->core, "nightly", "n1/dev0", "slow", 2 * DAY, 10, &set, &err), &err);
    assert_int_equal(set.count, 1);
    assert_int_equal(set.items[0].count, 1);
    const struct sweep_point *p = &set.items[0].points[0];
    assert_true(p->time_ns == 5 && p->low_ns == 4 && p->high_ns == 6 && p->clock_mhz == 1410);
    assert_string_equal(p->driver, "2.1");
    assert_string_equal(p->text_hash, "abc");
    assert_int_equal(p->clocks, CLOCKS_LOW);
    assert_int_equal(p->flags, POINT_BUSY | POINT_LEVEL);
    series_set_done(&set);
    must(series_load(f->core, "nightly", "no-slash", NULL, 2 * DAY, 10, &set, &err), &err);
    assert_int_equal(set.count, 0);
    must(series_load(f->core, "nightly", NULL, NULL, DAY - 1, 10, &set, &err), &err);
    assert_int_equal(set.count, 0);
    series_set_done(&set);
}

static void the_latest_nights_are_loaded_whole_and_oldest_first(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct series_set set;
    nights_before(f);
    put(f, series_of(f, "slow", "n1", "candidate"), (NIGHTS - 1) * DAY, 1, 1e6);
    must(series_load(f->core, "nightly", NULL, "slow", TONIGHT, 3, &set, &err), &err);
    assert_int_equal(set.count, 2);
    assert_int_equal(set.items[0].count, 4); /* three nights, one of them twice */
    assert_int_equal(set.items[1].count, 3);
    assert_int_equal(set.items[0].points[0].night_s, (NIGHTS - 3) * DAY);
    assert_int_equal(set.items[0].points[3].night_s, (NIGHTS - 1) * DAY);
    assert_int_equal(set.items[0].points[3].flags, POINT_AGAIN);
    series_set_done(&set);
}

static void old_points_and_series_without_any_are_dropped(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct series_set set;
    nights_before(f);
    put(f, series_of(f, "gone", "n1", "candidate"), 0, 0, 1e6);
    assert_int_equal(all_series(f), 7);
    must(store_points_trim(f->core->store, "nightly", 5 * DAY, &err), &err);
    assert_int_equal(all_series(f), 6);
    must(series_load(f->core, "nightly", "n1/dev0", "slow", TONIGHT, 100, &set, &err), &err);
    assert_int_equal(set.items[0].count, NIGHTS - 5);
    series_set_done(&set);
}

static void only_the_latest_nights_of_a_series_are_kept(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct series_set set;
    int64_t slow = series_of(f, "slow", "n1", "candidate");
    nights_before(f);
    put(f, slow, (NIGHTS - 1) * DAY, 1, 1e6);
    must(store_points_keep(f->core->store, slow, 400, &err), &err);
    must(store_points_keep(f->core->store, slow, NIGHTS, &err), &err);
    must(series_load(f->core, "nightly", NULL, "slow", TONIGHT, 100, &set, &err), &err);
    assert_int_equal(set.items[0].count, NIGHTS + 1); /* one night twice */
    series_set_done(&set);
    must(store_points_keep(f->core->store, slow, NIGHTS - 4, &err), &err);
    must(series_load(f->core, "nightly", NULL, "slow", TONIGHT, 100, &set, &err), &err);
    assert_int_equal(set.items[0].count, NIGHTS - 4 + 1); /* one night twice */
    assert_int_equal(set.items[0].points[0].night_s, 4 * DAY);
    assert_int_equal(set.items[1].count, NIGHTS); /* the other node's */
    series_set_done(&set);
}

static void a_sweep_that_is_removed_takes_all_of_its_rows(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    nights_before(f);
    night(f, NIGHTS, 1.2);
    conclude(f, NIGHTS, 1.2, NULL);
    must(store_sweep_history_delete(f->core->store, "nightly", &err), &err);
    assert_int_equal(all_series(f), 0);
    assert_int_equal(kept_of(f, false).count, 0);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(what_is_slow_twice_is_kept_and_told_once),
        T(what_is_in_order_when_measured_again_is_told_to_nobody),
        T(concluding_a_run_again_changes_nothing),
        T(the_same_change_is_not_told_in_the_nights_after),
        T(a_recovery_ends_a_finding_and_is_told),
        T(what_is_muted_is_kept_and_not_told),
        T(a_mute_that_is_over_or_of_something_else_mutes_nothing),
        T(a_quiet_night_is_told_only_where_it_is_wanted),
        T(a_baseline_is_measured_again_by_a_candidate_beside_it),
        T(an_open_finding_is_acknowledged_once_and_by_its_own_sweep),
        T(a_machine_that_is_always_busy_is_judged_and_one_busy_night_is_not),
        T(a_point_comes_back_as_it_was_put),
        T(the_latest_nights_are_loaded_whole_and_oldest_first),
        T(old_points_and_series_without_any_are_dropped),
        T(only_the_latest_nights_of_a_series_are_kept),
        T(a_sweep_that_is_removed_takes_all_of_its_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
