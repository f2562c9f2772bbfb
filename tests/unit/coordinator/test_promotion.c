/* Promotion: who is measured again, where, and what becomes of the result. */
#include "coordinator/accept/result.h"
#include "coordinator/plan/promotion.h"
#include "coordinator/schedule/cancel.h"
#include "coordinator/schedule/why.h"
#include "tests/unit/coordinator/fixture.h"

#define PROMOTING                                                                                         \
    "campaign: test\nproblems: [act]\ntargets: [alpha]\nsize: small\nstrategies: [human]\nkernels: [k]\n" \
    "sets: 5\npromote: true\n"

static struct campaign *submit(struct fixture *f, const char *text, size_t kernels) {
    struct error err = ERROR_INIT;
    struct plan_summary summary;
    const char *all[] = {KERNEL_YAML("one", ""), KERNEL_YAML("two", ""), KERNEL_YAML("three", ""),
                         KERNEL_YAML("four", ""), KERNEL_YAML("five", "")};
    must(fixture_try_submit(f, text, all, kernels, &summary, &err), &err);
    fixture_settle(f, NULL);
    return core_campaign(f->core, summary.campaign);
}

static struct task *task_of(struct campaign *c, const char *kernel, bool promotion) {
    for (size_t i = c->task_count; i-- > 0;)
        if (strcmp(c->tasks[i]->row.kernel, kernel) == 0 && task_is_promotion(c->tasks[i]) == promotion)
            return c->tasks[i];
    return NULL;
}

/* Its live attempt comes back with this verdict; a correct one with a speedup, an interval of 5 % around it, and a time
 * that fits. */
static void answer(struct fixture *f, struct task *task, const char *verdict, double speedup) {
    struct error err = ERROR_INIT;
    struct rec_attempt attempt;
    struct rec_task sent;
    struct record_source source = {.topic = "attempts", .offset = 1};
    assert_non_null(task);
    assert_non_null(task->attempts);
    const struct row_attempt row = task->attempts->row;
    rec_task_init(&sent);
    sent.epoch = row.epoch;
    sent.attempt = row.n;
    rec_set(&sent.task_id, row.task);
    rec_setf(&sent.attempt_id, "%s.%d", row.task, row.n);
    rec_set(&sent.node, row.node);
    rec_set(&sent.incarnation, row.incarnation);
    rec_set(&sent.device, row.device);
    rec_set(&sent.size, "small");
    rec_set(&sent.kernel, task->row.kernel);
    fixture_outcome(&sent, verdict ? "verdict" : "infrastructure", verdict, &attempt);
    if (!verdict) rec_set(&attempt.infrastructure, "driver lost");
    rec_set(&attempt.evidence, verdict && strcmp(verdict, "correct") != 0 ? "y[3] is 0" : "");
    rec_set(&attempt.seeds, "{\"sets\":[]}");
    for (size_t i = 0; i < attempt.measured.count; i++) {
        struct rec_measured *m = &attempt.measured.items[i];
        if (strcmp(m->role, "candidate") != 0) continue;
        if (speedup == 0 && verdict) { /* right, and the machine too busy to time it on */
            m->has_speedup = m->has_speedup_low = m->has_speedup_high = m->has_time_ns_p50 = false;
            rec_set(&attempt.busy, "others used 40 % of the processors");
        }
        m->speedup = speedup;
        m->speedup_low = speedup * 0.95;
        m->speedup_high = speedup * 1.05;
        m->time_ns_p50 = 3000 / speedup;
    }
    must(accept_attempt(f->core, &attempt, &source, &err), &err);
    rec_attempt_done(&attempt);
    rec_task_done(&sent);
    fixture_settle(f, NULL);
}

static void the_winner_is_measured_again_once_its_cell_is_complete(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = submit(f, PROMOTING, 2);
    answer(f, task_of(c, "two", false), "correct", 1.5);
    assert_null(task_of(c, "two", true)); /* the other one may be faster */
    answer(f, task_of(c, "one", false), "correct", 1.2);
    struct task *p = task_of(c, "two", true);
    assert_non_null(p);
    assert_null(task_of(c, "one", true));
    assert_int_equal(p->row.state, TASK_PUBLISHED);
    assert_string_equal(p->row.parent, task_of(c, "two", false)->row.id);
    assert_int_equal(c->row.state, CAMPAIGN_RUNNING);
    assert_int_equal(c->row.finished_ms, 0);
    answer(f, p, "correct", 1.4);
    assert_int_equal(c->row.state, CAMPAIGN_COMPLETE);
    assert_int_equal(c->row.exit_status, 0);
    assert_int_equal(c->task_count, 3);
    assert_string_equal(task_of(c, "two", false)->result->status, "confirmed");
    assert_string_equal(task_of(c, "one", false)->result->status, "provisional");
    assert_int_equal(store_result_count(f->core->store), 2); /* a promotion has no result of its own */
}

static void a_promotion_has_more_sets_its_own_purpose_and_the_winners_configuration(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct plan_summary summary;
    struct rec_task task;
    const char *kernels[] = {KERNEL_YAML("one", TUNE)};
    fixture_join(f, "n1", "i1", "alpha");
    must(fixture_try_submit(f,
                            "campaign: test\nproblems: [act]\ntargets: [alpha]\nsize: small\nstrategies: [search]\n"
                            "kernels: [k]\nsets: 5\npromote: true\naudit: true\n",
                            kernels, 1, &summary, &err),
         &err);
    assert_int_equal(fixture_settle(f, &task), 1);
    assert_string_equal(task.purpose, "campaign");
    assert_string_equal(task.kind, "search");
    assert_int_equal(task.policy.sets, 5);
    assert_false(task.policy.audit); /* the promotion is what is audited */
    struct rec_attempt attempt;
    struct record_source source = {.topic = "attempts"};
    fixture_outcome(&task, "verdict", "correct", &attempt);
    rec_set(&attempt.config, "{\"WG\":128}");
    must(accept_attempt(f->core, &attempt, &source, &err), &err);
    rec_attempt_done(&attempt);
    char parent[TASK_ID_SIZE];
    snprintf(parent, sizeof parent, "%s", task.task_id);
    rec_task_done(&task);
    assert_int_equal(fixture_settle(f, &task), 1);
    assert_string_equal(task.purpose, "promotion");
    assert_string_equal(task.parent, parent);
    assert_string_equal(task.kind, "measure");
    assert_string_equal(task.config, "{\"WG\":128}");
    assert_int_equal(task.policy.sets, PROMOTION_SETS);
    assert_true(task.policy.audit);
    assert_string_equal(task.seeds, ""); /* drawn by the node, when the kernel is fixed */
    rec_task_done(&task);
}

static void it_goes_to_a_second_device_where_there_is_one(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n1", "i1", "alpha");
    fixture_join(f, "n2", "i1", "alpha");
    struct campaign *c = submit(f, PROMOTING, 1);
    struct task *t = task_of(c, "one", false);
    char first[LABEL_SIZE];
    strcpy(first, t->attempts->row.node);
    answer(f, t, "correct", 1.5);
    struct task *p = task_of(c, "one", true);
    assert_string_not_equal(p->attempts->row.node, first);
    answer(f, p, "correct", 1.4);
    assert_string_equal(t->result->promotion_device, "another");
    assert_string_equal(t->result->first_node, first);
    assert_string_not_equal(t->result->node, first);
    assert_non_null(strstr(t->result->promotion_evidence, "on another device"));
}

static void it_stays_on_the_same_device_where_there_is_no_other_and_says_so(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n1", "i1", "alpha");
    fixture_join(f, "n2", "i1", "beta");
    struct campaign *c = submit(f, PROMOTING, 1);
    answer(f, task_of(c, "one", false), "correct", 1.5);
    struct task *p = task_of(c, "one", true);
    assert_string_equal(p->attempts->row.node, "n1");
    answer(f, p, "correct", 1.4);
    const struct rec_result *r = task_of(c, "one", false)->result;
    assert_string_equal(r->status, "confirmed");
    assert_string_equal(r->promotion_device, "same");
    assert_non_null(strstr(r->promotion_evidence, "on the same device (n1/dev0)"));
}

static void a_confirmed_result_has_the_second_figures_and_keeps_the_first(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct fixture_outbox o;
    struct rec_result r;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = submit(f, PROMOTING, 1);
    struct task *t = task_of(c, "one", false);
    answer(f, t, "correct", 1.5);
    int64_t revision = t->result->revision;
    answer(f, task_of(c, "one", true), "correct", 1.2);
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, &o), 2);
    must(codec_decode_as(f->core->codec, o.value, o.len, &rec_result_desc, &r, &err), &err);
    free(o.value);
    assert_string_equal(r.task_id, t->row.id);
    assert_true(r.revision > revision);
    assert_string_equal(r.status, "confirmed");
    assert_true(r.has_speedup && r.speedup == 1.2);
    assert_true(r.has_first_speedup && r.first_speedup == 1.5);
    assert_true(r.has_winners_curse && r.winners_curse > 1.249 && r.winners_curse < 1.251);
    assert_true(r.has_first_time_ns_p50 && r.first_time_ns_p50 == 2000);
    char id[80];
    snprintf(id, sizeof id, "%s.1", t->row.id);
    assert_string_equal(r.result_id, id);
    snprintf(id, sizeof id, "%s.1", task_of(c, "one", true)->row.id);
    assert_string_equal(r.promotion_id, id);
    assert_non_null(strstr(r.kernel_source, "__kernel void act"));
    assert_non_null(strstr(r.policy, "\"sets\":16"));
    rec_result_done(&r);
}

static void its_measurements_are_published_as_a_promotions(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct fixture_outbox o;
    struct rec_measurement m;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = submit(f, PROMOTING, 1);
    answer(f, task_of(c, "one", false), "correct", 1.5);
    assert_int_equal(fixture_outbox_count(f, TOPIC_MEASUREMENTS, NULL), 2);
    answer(f, task_of(c, "one", true), "correct", 1.4);
    assert_int_equal(fixture_outbox_count(f, TOPIC_MEASUREMENTS, &o), 4);
    must(codec_decode_as(f->core->codec, o.value, o.len, &rec_measurement_desc, &m, &err), &err);
    assert_string_equal(m.purpose, "promotion");
    assert_string_equal(m.task_id, task_of(c, "one", false)->row.id);
    assert_true(m.speedup == 1.4);
    rec_measurement_done(&m);
    free(o.value);
    must(store_outbox_clear(f->core->store, 0, INT64_MAX, &err), &err);
    must(results_publish_again(f->core, &err), &err); /* of both attempts */
    assert_int_equal(fixture_outbox_count(f, TOPIC_MEASUREMENTS, NULL), 4);
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, NULL), 1);
}

static void who_did_not_win_is_not_promoted(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = submit(f, PROMOTING, 3);
    answer(f, task_of(c, "one", false), "correct", 1.02); /* its interval reaches below 1.005 */
    answer(f, task_of(c, "two", false), "wrong_output", 9);
    answer(f, task_of(c, "three", false), "correct", 0.8);
    assert_int_equal(c->task_count, 3);
    assert_int_equal(c->row.state, CAMPAIGN_COMPLETE);
}

static void nobody_is_promoted_unless_the_campaign_asks_for_it(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = fixture_submit(f, "[alpha]");
    fixture_settle(f, NULL);
    answer(f, task_of(c, "one", false), "correct", 2);
    assert_int_equal(c->task_count, 1);
    assert_int_equal(c->row.state, CAMPAIGN_COMPLETE);
}

static void a_winner_that_is_wrong_on_fresh_data_is_retracted_and_the_next_one_tried(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = submit(f, PROMOTING, 2);
    answer(f, task_of(c, "one", false), "correct", 1.5);
    answer(f, task_of(c, "two", false), "correct", 1.3);
    answer(f, task_of(c, "one", true), "wrong_output", 0);
    const struct rec_result *r = task_of(c, "one", false)->result;
    assert_string_equal(r->status, "retracted");
    assert_string_equal(r->verdict, "wrong_output");
    assert_string_equal(r->evidence, "y[3] is 0");
    assert_false(r->has_speedup || r->has_time_ns_p50 || r->has_winners_curse);
    assert_true(r->has_first_speedup && r->first_speedup == 1.5);
    assert_int_equal(c->row.state, CAMPAIGN_RUNNING);
    struct task *p = task_of(c, "two", true);
    assert_non_null(p);
    answer(f, p, "correct", 1.25);
    assert_string_equal(task_of(c, "two", false)->result->status, "confirmed");
    assert_int_equal(c->row.state, CAMPAIGN_COMPLETE);
    assert_int_equal(c->row.exit_status, 0);
}

static void a_winner_that_is_no_longer_faster_is_retracted_with_its_figures(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = submit(f, PROMOTING, 1);
    answer(f, task_of(c, "one", false), "correct", 1.1);
    answer(f, task_of(c, "one", true), "correct", 1.01);
    const struct rec_result *r = task_of(c, "one", false)->result;
    assert_string_equal(r->status, "retracted");
    assert_string_equal(r->verdict, "correct");
    assert_true(r->has_speedup && r->speedup == 1.01);
    assert_non_null(strstr(r->promotion_evidence, "no longer faster: 1.010x [0.9"));
    assert_int_equal(c->row.state, CAMPAIGN_COMPLETE);
}

static void a_cell_has_so_many_promotions_and_no_more(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {"one", "two", "three", "four", "five"};
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = submit(f, PROMOTING, 5);
    for (int i = 0; i < 5; i++) answer(f, task_of(c, names[i], false), "correct", 2 - 0.1 * i);
    for (int i = 0; i < PROMOTIONS_PER_CELL; i++) {
        assert_int_equal(c->row.state, CAMPAIGN_RUNNING);
        answer(f, task_of(c, names[i], true), "correct", 1);
    }
    assert_int_equal(c->row.state, CAMPAIGN_COMPLETE);
    assert_int_equal(c->task_count, 5 + PROMOTIONS_PER_CELL);
    assert_string_equal(task_of(c, names[PROMOTIONS_PER_CELL], false)->result->status, "provisional");
}

static void a_promotion_that_is_lost_leaves_the_result_provisional_and_says_so(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct fixture_outbox o;
    struct rec_result r;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = submit(f, PROMOTING, 2);
    answer(f, task_of(c, "one", false), "correct", 1.5);
    answer(f, task_of(c, "two", false), "correct", 1.4);
    struct task *p = task_of(c, "one", true);
    for (int i = 0; i < ATTEMPTS_MAX; i++) {
        answer(f, p, NULL, 0);
        f->mono_ms += 100000;
        f->core->schedule_wanted = true;
        fixture_settle(f, NULL);
    }
    assert_int_equal(p->row.state, TASK_GAVE_UP);
    assert_int_equal(c->row.state, CAMPAIGN_COMPLETE);
    assert_int_equal(c->row.exit_status, 1);
    assert_null(task_of(c, "two", true)); /* nothing speaks against the first */
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, &o), 3);
    must(codec_decode_as(f->core->codec, o.value, o.len, &rec_result_desc, &r, &err), &err);
    free(o.value);
    assert_string_equal(r.task_id, task_of(c, "one", false)->row.id);
    assert_string_equal(r.status, "provisional");
    assert_string_equal(r.promotion_outcome, "gave_up");
    assert_non_null(strstr(r.promotion_evidence, "driver lost"));
    assert_true(r.has_speedup && r.speedup == 1.5);
    assert_string_equal(r.seeds, "{\"sets\":[]}"); /* of the attempt that still counts */
    assert_null(r.promotion_id);
    rec_result_done(&r);
}

static void a_promotion_that_could_not_be_timed_leaves_the_result_provisional(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = submit(f, PROMOTING, 1);
    answer(f, task_of(c, "one", false), "correct", 1.5);
    answer(f, task_of(c, "one", true), "correct", 0);
    const struct rec_result *r = task_of(c, "one", false)->result;
    assert_int_equal(task_of(c, "one", true)->row.state, TASK_GAVE_UP);
    assert_string_equal(r->status, "provisional");
    assert_string_equal(r->promotion_outcome, "gave_up");
    assert_non_null(strstr(r->promotion_evidence, "not timed, the machine was busy: others used 40 %"));
    assert_true(r->has_speedup && r->speedup == 1.5);
}

static void what_could_not_be_timed_keeps_its_verdict_and_says_why(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = submit(f, PROMOTING, 1);
    answer(f, task_of(c, "one", false), "correct", 0);
    const struct rec_result *r = task_of(c, "one", false)->result;
    assert_string_equal(r->verdict, "correct");
    assert_string_equal(r->busy, "others used 40 % of the processors");
    assert_false(r->has_speedup || r->has_time_ns_p50);
    assert_null(task_of(c, "one", true));
}

static void a_failed_promotion_is_tried_elsewhere(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n1", "i1", "alpha");
    fixture_join(f, "n2", "i1", "alpha");
    struct campaign *c = submit(f, PROMOTING, 1);
    struct task *t = task_of(c, "one", false);
    char first[LABEL_SIZE];
    strcpy(first, t->attempts->row.node);
    answer(f, t, "correct", 1.5);
    struct task *p = task_of(c, "one", true);
    answer(f, p, NULL, 0); /* fails on the second device */
    f->mono_ms += 100000;
    f->core->schedule_wanted = true;
    fixture_settle(f, NULL);
    assert_int_equal(p->row.state, TASK_PUBLISHED); /* somewhere: both have been seen now */
    answer(f, p, "correct", 1.4);
    assert_string_equal(t->result->status, "confirmed");
}

static void cancelling_ends_a_promotion_and_leaves_the_result(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    int64_t n = 0;
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = submit(f, PROMOTING, 1);
    answer(f, task_of(c, "one", false), "correct", 1.5);
    must(campaign_cancel(f->core, c, "enough", &n, &err), &err);
    assert_int_equal(n, 1);
    const struct rec_result *r = task_of(c, "one", false)->result;
    assert_string_equal(r->status, "provisional");
    assert_string_equal(r->verdict, "correct");
    assert_string_equal(r->promotion_outcome, "cancelled");
    assert_string_equal(r->promotion_evidence, "enough");
    assert_int_equal(store_result_count(f->core->store), 1);
}

static void it_is_planned_with_the_last_result_or_not_at_all(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    char id[CAMPAIGN_ID_SIZE];
    struct rec_task task;
    struct rec_attempt attempt;
    struct record_source source = {.topic = "attempts"};
    struct plan_summary summary;
    const char *kernels[] = {KERNEL_YAML("one", "")};
    fixture_join(f, "n1", "i1", "alpha");
    must(fixture_try_submit(f, PROMOTING, kernels, 1, &summary, &err), &err);
    strcpy(id, summary.campaign);
    assert_int_equal(fixture_settle(f, &task), 1);
    fixture_outcome(&task, "verdict", "correct", &attempt);
    must(accept_attempt(f->core, &attempt, &source, &err), &err);
    assert_int_equal(core_campaign(f->core, id)->task_count, 2);
    fixture_crash(f); /* before the commit: neither is there */
    struct campaign *c = core_campaign(f->core, id);
    assert_int_equal(c->task_count, 1);
    assert_int_equal(c->tasks[0]->row.state, TASK_PUBLISHED);
    must(accept_attempt(f->core, &attempt, &source, &err), &err); /* read again */
    must(store_commit(f->core->store, &err), &err);
    fixture_crash(f); /* behind it: both are, and it goes on */
    c = core_campaign(f->core, id);
    assert_non_null(c);
    assert_int_equal(c->task_count, 2);
    assert_string_equal(task_of(c, "one", false)->result->status, "provisional");
    assert_int_equal(task_of(c, "one", true)->row.state, TASK_QUEUED);
    must(nodes_on_link(f->core, false, &err), &err);
    fixture_settle(f, NULL);
    fixture_beat(f, "n1", "i1", NULL, NULL);
    f->core->schedule_wanted = true;
    fixture_settle(f, NULL);
    answer(f, task_of(c, "one", true), "correct", 1.4);
    assert_string_equal(task_of(c, "one", false)->result->status, "confirmed");
    assert_int_equal(c->row.state, CAMPAIGN_COMPLETE);
    rec_attempt_done(&attempt);
    rec_task_done(&task);
}

static void why_names_the_task_that_is_measured_again(void **state) {
    struct fixture *f = *state;
    char why[WHY_SIZE], expected[64];
    fixture_join(f, "n1", "i1", "alpha");
    struct campaign *c = submit(f, PROMOTING, 1);
    answer(f, task_of(c, "one", false), "correct", 1.5);
    task_why(f->core, task_of(c, "one", true), why);
    snprintf(expected, sizeof expected, "promotion of task %.12s", task_of(c, "one", false)->row.id);
    assert_non_null(strstr(why, expected));
    assert_non_null(strstr(why, "in the mailbox of n1"));
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(the_winner_is_measured_again_once_its_cell_is_complete),
        T(a_promotion_has_more_sets_its_own_purpose_and_the_winners_configuration),
        T(it_goes_to_a_second_device_where_there_is_one),
        T(it_stays_on_the_same_device_where_there_is_no_other_and_says_so),
        T(a_confirmed_result_has_the_second_figures_and_keeps_the_first),
        T(its_measurements_are_published_as_a_promotions),
        T(who_did_not_win_is_not_promoted),
        T(nobody_is_promoted_unless_the_campaign_asks_for_it),
        T(a_winner_that_is_wrong_on_fresh_data_is_retracted_and_the_next_one_tried),
        T(a_winner_that_is_no_longer_faster_is_retracted_with_its_figures),
        T(a_cell_has_so_many_promotions_and_no_more),
        T(a_promotion_that_is_lost_leaves_the_result_provisional_and_says_so),
        T(a_promotion_that_could_not_be_timed_leaves_the_result_provisional),
        T(what_could_not_be_timed_keeps_its_verdict_and_says_why),
        T(a_failed_promotion_is_tried_elsewhere),
        T(cancelling_ends_a_promotion_and_leaves_the_result),
        T(it_is_planned_with_the_last_result_or_not_at_all),
        T(why_names_the_task_that_is_measured_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
