/* Sweeps: what is due when, what a run measures where, and what becomes of times that nobody could keep. */
#include "coordinator/schedule/cancel.h"
#include "coordinator/schedule/why.h"
#include "coordinator/sweep/run.h"
#include "coordinator/sweep/sweep.h"
#include "tests/unit/coordinator/fixture.h"

#define SWEEP "sweep: nightly\ncron: \"30 1 * * *\"\ntargets: [alpha]\n"
#define NIGHT_S INT64_C(86400)
#define FIRST_S (INT64_C(1790000000) / NIGHT_S * NIGHT_S + NIGHT_S + 5400) /* 01:30 UTC after the fixture's day */

/* --- what happens ----------------------------------------------------------------------------- */
/* Its live attempt comes back with this verdict, and where it is correct a time this much longer than usual. */
static void answer_slower(struct fixture *f, struct task *task, const char *verdict, double factor) {
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
    fixture_outcome(&sent, "verdict", verdict, &attempt);
    rec_set(&attempt.driver_version, "1.2");
    for (size_t i = 0; i < attempt.measured.count; i++) {
        struct rec_measured *m = &attempt.measured.items[i];
        if (strcmp(m->role, "candidate") == 0) m->time_ns_p50 *= factor;
        m->time_ns_p10 = m->time_ns_p50 * 0.999;
        m->time_ns_p90 = m->time_ns_p50 * 1.001;
        m->has_time_ns_p10 = m->has_time_ns_p90 = true;
    }
    must(accept_attempt(f->core, &attempt, &source, &err), &err);
    rec_attempt_done(&attempt);
    rec_task_done(&sent);
    fixture_settle(f, NULL);
}

static void answer(struct fixture *f, struct task *task, const char *verdict) {
    answer_slower(f, task, verdict, 1);
}

/* A campaign on `target` confirms a kernel of this name. */
static void promote(struct fixture *f, const char *kernel, const char *target) {
    struct error err = ERROR_INIT;
    struct plan_summary summary;
    char text[512];
    const char *kernels[] = {strcmp(kernel, "one") == 0 ? KERNEL_YAML("one", "") : KERNEL_YAML("two", "")};
    snprintf(text, sizeof text,
             "campaign: test\nproblems: [act]\ntargets: [%s]\nsize: small\nstrategies: [human]\nkernels: [k]\n"
             "promote: true\n",
             target);
    must(fixture_try_submit(f, text, kernels, 1, &summary, &err), &err);
    fixture_settle(f, NULL);
    struct campaign *c = core_campaign(f->core, summary.campaign);
    answer(f, c->tasks[0], "correct");
    assert_int_equal(c->task_count, 2);
    answer(f, c->tasks[1], "correct");
    assert_string_equal(c->tasks[0]->result->status, "confirmed");
}

static int try_add(struct fixture *f, const char *text, bool replace, json_t *warnings, struct sweep **ret,
                   struct error *err) {
    struct sweep_file *file = sweep_file_parse(text, strlen(text), "nightly.yaml", err);
    return file ? sweep_add(f->core, file, "nightly.yaml", replace, warnings, ret, err) : -1;
}

static struct sweep *add(struct fixture *f, const char *text) {
    struct error err = ERROR_INIT;
    struct sweep *sweep = NULL;
    json_t *warnings = json_array();
    must(try_add(f, text, false, warnings, &sweep, &err), &err);
    json_decref(warnings);
    return sweep;
}

static void work(struct fixture *f) {
    struct error err = ERROR_INIT;
    must(sweeps_work(f->core, &err), &err);
    fixture_settle(f, NULL);
}

static void work_at(struct fixture *f, int64_t at_s) {
    f->mono_ms += at_s * 1000 - f->wall_ms;
    f->wall_ms = at_s * 1000;
    work(f);
}

static struct campaign *open_run(struct fixture *f) {
    struct sweep *sweep = f->core->sweeps->items[0];
    return sweep->open ? core_campaign(f->core, sweep->run.campaign) : NULL;
}

static void answer_all(struct fixture *f, struct campaign *c) {
    assert_non_null(c);
    for (size_t i = 0; i < c->task_count; i++) answer(f, c->tasks[i], "correct");
    assert_int_equal(c->row.state, CAMPAIGN_COMPLETE);
}

/* --- the history, newest first ---------------------------------------------------------------- */
struct history {
    struct row_sweep_run rows[64];
    size_t count;
};

static int collect(void *context, const struct row_sweep_run *row, struct error *err) {
    struct history *h = context;
    (void)err;
    assert_true(h->count < 64);
    h->rows[h->count++] = *row;
    return 0;
}

static struct history history(struct fixture *f) {
    struct error err = ERROR_INIT;
    struct history h = {0};
    must(store_sweep_runs(f->core->store, "nightly", false, 0, collect, &h, &err), &err);
    return h;
}

static void is_run(const struct row_sweep_run *run, enum sweep_run_state state, const char *cause, int64_t due_s) {
    assert_string_equal(sweep_run_state_name(run->state), sweep_run_state_name(state));
    assert_string_equal(run->cause, cause);
    assert_int_equal(run->due_s, due_s);
}

/* A promoted kernel, a device, and a sweep. */
static struct sweep *begin(struct fixture *f, const char *text) {
    fixture_join(f, "n1", "i1", "alpha");
    promote(f, "one", "alpha");
    return add(f, text);
}

/* --- a run ------------------------------------------------------------------------------------ */
static void a_due_run_measures_a_promoted_kernel_on_each_device_of_its_target(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n2", "i1", "alpha");
    fixture_join(f, "n3", "i1", "beta");
    struct sweep *sweep = begin(f, SWEEP "priority: 7\n");
    assert_int_equal(sweep->next_s, FIRST_S);
    work_at(f, FIRST_S - 1);
    assert_null(open_run(f));
    work_at(f, FIRST_S);
    struct campaign *c = open_run(f);
    assert_non_null(c);
    assert_string_equal(c->row.purpose, "sweep");
    assert_string_equal(c->row.name, "nightly");
    assert_int_equal(c->row.priority, 7);
    assert_int_equal(c->task_count, 2);
    assert_string_equal(c->tasks[0]->row.wanted, "n1/dev0");
    assert_string_equal(c->tasks[1]->row.wanted, "n2/dev0");
    assert_string_not_equal(c->tasks[0]->row.id, c->tasks[1]->row.id);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(c->tasks[i]->row.purpose, "sweep");
        assert_int_equal(strncmp(c->tasks[i]->row.wanted, c->tasks[i]->attempts->row.node, 2), 0);
    }
    answer_all(f, c);
    assert_false(sweep->open);
    struct history h = history(f);
    assert_int_equal(h.count, 1);
    is_run(&h.rows[0], SWEEP_RUN_COMPLETE, "schedule", FIRST_S);
    assert_int_equal(h.rows[0].planned, 2);
    assert_int_equal(h.rows[0].measured, 2);
    assert_int_equal(h.rows[0].wrong, 0);
    assert_int_equal(sweep->next_s, FIRST_S + NIGHT_S);
    work_at(f, FIRST_S + 60);
    assert_int_equal(history(f).count, 1);
}

static void a_task_of_a_run_says_what_it_is_and_has_fresh_data(void **state) {
    struct fixture *f = *state;
    struct rec_task task;
    struct error err = ERROR_INIT;
    begin(f, SWEEP "sets: 4\nbusy: note\n");
    f->wall_ms = FIRST_S * 1000;
    must(sweeps_work(f->core, &err), &err);
    assert_int_equal(fixture_settle(f, &task), 1);
    assert_string_equal(task.purpose, "sweep");
    assert_string_equal(task.kind, "measure");
    assert_string_equal(task.kernel, "one");
    assert_string_equal(task.size, "small");
    assert_string_equal(task.seeds, "");
    assert_int_equal(task.policy.sets, 4);
    assert_string_equal(task.policy.busy, "note");
    assert_false(task.policy.promote);
    assert_int_equal(task.baselines.count, 2);
    rec_task_done(&task);
}

static void only_the_best_of_a_cell_is_measured_or_all_where_that_is_asked_for(void **state) {
    struct fixture *f = *state;
    begin(f, SWEEP);
    promote(f, "two", "alpha"); /* as fast, and later */
    work_at(f, FIRST_S);
    struct campaign *c = open_run(f);
    assert_int_equal(c->task_count, 1);
    assert_string_equal(c->tasks[0]->row.kernel, "two");
    answer_all(f, c);
    struct error err = ERROR_INIT;
    struct sweep *sweep = NULL;
    json_t *warnings = json_array();
    must(try_add(f, SWEEP "promoted: all\n", true, warnings, &sweep, &err), &err);
    work_at(f, FIRST_S + NIGHT_S);
    assert_int_equal(open_run(f)->task_count, 2);
    answer_all(f, open_run(f));
    must(try_add(f, SWEEP "promoted: all\nkernels: [one]\nproblems: ['a*']\n", true, warnings, &sweep, &err), &err);
    work_at(f, FIRST_S + 2 * NIGHT_S);
    assert_int_equal(open_run(f)->task_count, 1);
    assert_string_equal(open_run(f)->tasks[0]->row.kernel, "one");
    assert_int_equal(json_array_size(warnings), 0);
    json_decref(warnings);
}

static void a_verdict_that_is_not_correct_is_counted(void **state) {
    struct fixture *f = *state;
    begin(f, SWEEP);
    work_at(f, FIRST_S);
    answer(f, open_run(f)->tasks[0], "wrong_output");
    struct history h = history(f);
    is_run(&h.rows[0], SWEEP_RUN_COMPLETE, "schedule", FIRST_S);
    assert_int_equal(h.rows[0].measured, 1);
    assert_int_equal(h.rows[0].wrong, 1);
}

static void a_task_waits_for_its_own_device_and_why_says_so(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    char why[WHY_SIZE];
    fixture_join(f, "n2", "i1", "alpha");
    begin(f, SWEEP);
    must(nodes_on_record(f->core, fixture_node("n1", "i2", "starting", "alpha"), true, &err), &err);
    work_at(f, FIRST_S);
    struct task *task = open_run(f)->tasks[0];
    assert_string_equal(task->row.wanted, "n1/dev0");
    assert_int_equal(task->row.state, TASK_QUEUED); /* n2 is free, and will not do */
    assert_int_equal(open_run(f)->tasks[1]->row.state, TASK_PUBLISHED);
    task_why(f->core, task, why);
    assert_non_null(strstr(why, "n1/dev0"));
    must(nodes_on_record(f->core, fixture_node("n1", "i2", "ready", "alpha"), true, &err), &err);
    fixture_settle(f, NULL);
    assert_int_equal(task->row.state, TASK_PUBLISHED);
    assert_string_equal(task->attempts->row.node, "n1");
}

static void a_run_with_nothing_to_measure_says_why(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    json_t *warnings = json_array();
    struct sweep *sweep = NULL;
    must(try_add(f, SWEEP, false, warnings, &sweep, &err), &err);
    assert_int_equal(json_array_size(warnings), 2); /* nothing promoted, no device */
    json_decref(warnings);
    work_at(f, FIRST_S);
    struct history h = history(f);
    is_run(&h.rows[0], SWEEP_RUN_EMPTY, "schedule", FIRST_S);
    assert_non_null(strstr(h.rows[0].reason, "no device of its targets"));
    fixture_join(f, "n1", "i1", "alpha");
    work_at(f, FIRST_S + NIGHT_S);
    h = history(f);
    assert_non_null(strstr(h.rows[0].reason, "nothing was promoted"));
    fixture_join(f, "n2", "i1", "beta");
    promote(f, "one", "beta");
    work_at(f, FIRST_S + 2 * NIGHT_S);
    h = history(f);
    assert_non_null(strstr(h.rows[0].reason, "for the targets of its devices"));
    assert_int_equal(h.count, 3);
}

/* Twelve quiet nights, a little noise; then one in which the kernel is half as slow again. */
static void a_suspect_is_measured_again_in_the_same_run_and_told_when_it_is_one_still(void **state) {
    struct fixture *f = *state;
    struct sweep *sweep = begin(f, SWEEP);
    int64_t night_s = FIRST_S;
    for (int night = 0; night < 12; night++, night_s += NIGHT_S) {
        work_at(f, night_s);
        answer_slower(f, open_run(f)->tasks[0], "correct", 1 + 0.002 * (night % 3));
        assert_null(open_run(f));
    }
    work_at(f, night_s);
    struct campaign *c = open_run(f);
    answer_slower(f, c->tasks[0], "correct", 1.5);
    assert_true(sweep->open);
    assert_true(sweep->run.again);
    assert_int_equal(c->row.state, CAMPAIGN_RUNNING);
    assert_int_equal(c->task_count, 2);
    const struct row_task *first = &c->tasks[0]->row, *again = &c->tasks[1]->row;
    assert_string_equal(again->parent, first->id);
    assert_string_not_equal(again->id, first->id);
    assert_string_equal(again->wanted, first->wanted);
    assert_string_equal(again->policy_hash, first->policy_hash);
    fixture_crash(f); /* between the two */
    fixture_join(f, "n1", "i2", "alpha");
    fixture_settle(f, NULL);
    c = open_run(f);
    assert_int_equal(c->task_count, 2);
    answer_slower(f, c->tasks[1], "correct", 1.5);
    struct history h = history(f);
    is_run(&h.rows[0], SWEEP_RUN_COMPLETE, "schedule", night_s);
    assert_int_equal(h.rows[0].suspects, 1);
    assert_int_equal(h.rows[0].confirmed, 1);
    assert_int_equal(h.rows[0].planned, 1);
    assert_int_equal(h.rows[0].measured, 1);
    for (size_t i = 1; i < h.count; i++) assert_int_equal(h.rows[i].confirmed, 0);
}

static void a_suspect_that_is_as_fast_as_ever_the_second_time_is_nobodys_business(void **state) {
    struct fixture *f = *state;
    begin(f, SWEEP);
    int64_t night_s = FIRST_S;
    for (int night = 0; night < 12; night++, night_s += NIGHT_S) {
        work_at(f, night_s);
        answer_slower(f, open_run(f)->tasks[0], "correct", 1 + 0.002 * (night % 3));
    }
    work_at(f, night_s);
    struct campaign *c = open_run(f);
    answer_slower(f, c->tasks[0], "correct", 1.5);
    assert_int_equal(c->task_count, 2);
    answer_slower(f, c->tasks[1], "correct", 1.002);
    struct history h = history(f);
    is_run(&h.rows[0], SWEEP_RUN_COMPLETE, "schedule", night_s);
    assert_int_equal(h.rows[0].suspects, 1);
    assert_int_equal(h.rows[0].confirmed, 0);
}

/* --- once, whatever happens ------------------------------------------------------------------- */
static void a_crash_plans_a_due_run_again_or_not_but_never_twice(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    begin(f, SWEEP);
    fixture_settle(f, NULL);
    f->wall_ms = FIRST_S * 1000;
    must(sweeps_work(f->core, &err), &err); /* not committed */
    assert_non_null(open_run(f));
    fixture_crash(f);
    assert_null(open_run(f));
    assert_int_equal(history(f).count, 0);
    fixture_join(f, "n1", "i2", "alpha");
    work(f); /* committed */
    assert_int_equal(history(f).count, 1);
    char id[CAMPAIGN_ID_SIZE];
    strcpy(id, open_run(f)->row.id);
    fixture_crash(f);
    work(f);
    assert_int_equal(history(f).count, 1);
    assert_string_equal(open_run(f)->row.id, id);
    assert_int_equal(open_run(f)->task_count, 1);
    fixture_join(f, "n1", "i3", "alpha");
    fixture_settle(f, NULL);
    answer(f, open_run(f)->tasks[0], "correct");
    is_run(&history(f).rows[0], SWEEP_RUN_COMPLETE, "schedule", FIRST_S);
}

static void a_clock_that_is_set_back_makes_nothing_due_again(void **state) {
    struct fixture *f = *state;
    begin(f, SWEEP);
    work_at(f, FIRST_S);
    answer_all(f, open_run(f));
    f->wall_ms -= 7200000;
    work(f);
    work_at(f, FIRST_S + 1);
    assert_int_equal(history(f).count, 1);
}

/* --- overlap, deadline ------------------------------------------------------------------------ */
static void a_run_that_is_due_while_one_is_open_is_skipped(void **state) {
    struct fixture *f = *state;
    struct sweep *sweep = begin(f, SWEEP "deadline: 2d\n");
    work_at(f, FIRST_S);
    struct campaign *c = open_run(f);
    work_at(f, FIRST_S + NIGHT_S);
    assert_ptr_equal(open_run(f), c);
    struct history h = history(f);
    assert_int_equal(h.count, 2);
    is_run(&h.rows[0], SWEEP_RUN_SKIPPED, "schedule", FIRST_S + NIGHT_S);
    assert_non_null(strstr(h.rows[0].reason, c->row.id));
    assert_int_equal(sweep->next_s, FIRST_S + 2 * NIGHT_S);
    answer_all(f, c);
    work_at(f, FIRST_S + NIGHT_S + 60);
    assert_int_equal(history(f).count, 2); /* and is not made up for */
}

static void or_takes_its_place(void **state) {
    struct fixture *f = *state;
    begin(f, SWEEP "deadline: 2d\noverlap: replace\n");
    work_at(f, FIRST_S);
    struct campaign *first = open_run(f);
    work_at(f, FIRST_S + NIGHT_S);
    assert_ptr_not_equal(open_run(f), first);
    assert_int_equal(first->row.state, CAMPAIGN_CANCELLED);
    struct history h = history(f);
    is_run(&h.rows[0], SWEEP_RUN_RUNNING, "schedule", FIRST_S + NIGHT_S);
    is_run(&h.rows[1], SWEEP_RUN_CANCELLED, "schedule", FIRST_S);
    assert_non_null(strstr(h.rows[1].reason, "replaces"));
}

static void a_deadline_ends_a_run_and_keeps_what_was_measured(void **state) {
    struct fixture *f = *state;
    fixture_join(f, "n2", "i1", "alpha");
    begin(f, SWEEP "deadline: 1h\n");
    work_at(f, FIRST_S);
    struct campaign *c = open_run(f);
    answer(f, c->tasks[0], "correct");
    work_at(f, FIRST_S + 3599);
    assert_int_equal(c->row.state, CAMPAIGN_RUNNING);
    work_at(f, FIRST_S + 3600);
    assert_int_equal(c->row.state, CAMPAIGN_CANCELLED);
    assert_int_equal(c->tasks[0]->row.state, TASK_DONE);
    assert_int_equal(c->tasks[1]->row.state, TASK_CANCELLED);
    struct history h = history(f);
    is_run(&h.rows[0], SWEEP_RUN_OVERDUE, "schedule", FIRST_S);
    assert_int_equal(h.rows[0].measured, 1);
    assert_int_equal(h.rows[0].planned, 2);
    assert_null(open_run(f));
}

static void a_deadline_that_passed_while_the_coordinator_was_away_ends_the_run_at_its_start(void **state) {
    struct fixture *f = *state;
    begin(f, SWEEP "deadline: 1h\n");
    work_at(f, FIRST_S);
    fixture_crash(f);
    work_at(f, FIRST_S + 7200);
    is_run(&history(f).rows[0], SWEEP_RUN_OVERDUE, "schedule", FIRST_S);
}

static void a_run_that_somebody_cancels_is_over(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    int64_t cancelled = 0;
    begin(f, SWEEP);
    work_at(f, FIRST_S);
    must(campaign_cancel(f->core, open_run(f), "by hand", &cancelled, &err), &err);
    assert_null(open_run(f));
    is_run(&history(f).rows[0], SWEEP_RUN_CANCELLED, "schedule", FIRST_S);
}

/* --- away ------------------------------------------------------------------------------------- */
/* Down over three nights, back at noon. */
static struct history after_three_nights(struct fixture *f, const char *rules) {
    char text[256];
    snprintf(text, sizeof text, SWEEP "%s", rules);
    begin(f, text);
    fixture_settle(f, NULL);
    fixture_crash(f);
    f->wall_ms = (FIRST_S + 2 * NIGHT_S + 36000) * 1000;
    fixture_join(f, "n1", "i9", "alpha");
    work(f);
    return history(f);
}

static void times_missed_are_told_and_left_where_nothing_is_made_up_for(void **state) {
    struct fixture *f = *state;
    struct history h = after_three_nights(f, "catch_up: none\n");
    assert_int_equal(h.count, 1);
    is_run(&h.rows[0], SWEEP_RUN_MISSED, "schedule", FIRST_S + 2 * NIGHT_S);
    assert_non_null(strstr(h.rows[0].reason, "3 times"));
    assert_null(open_run(f));
    work_at(f, FIRST_S + 3 * NIGHT_S);
    assert_non_null(open_run(f));
}

static void the_latest_is_made_up_for_unless_said_otherwise(void **state) {
    struct fixture *f = *state;
    struct history h = after_three_nights(f, "");
    assert_int_equal(h.count, 2);
    is_run(&h.rows[0], SWEEP_RUN_RUNNING, "catch_up", FIRST_S + 2 * NIGHT_S);
    is_run(&h.rows[1], SWEEP_RUN_MISSED, "schedule", FIRST_S + NIGHT_S);
    assert_non_null(strstr(h.rows[1].reason, "2 times"));
    answer_all(f, open_run(f));
    work_at(f, FIRST_S + 2 * NIGHT_S + 40000);
    assert_null(open_run(f));
    assert_int_equal(history(f).count, 2);
}

static void or_all_one_after_the_other_up_to_a_limit(void **state) {
    struct fixture *f = *state;
    struct history h = after_three_nights(f, "catch_up: all\ncatch_up_limit: 2\n");
    assert_int_equal(h.count, 3);
    is_run(&h.rows[0], SWEEP_RUN_PENDING, "catch_up", FIRST_S + 2 * NIGHT_S);
    is_run(&h.rows[1], SWEEP_RUN_PENDING, "catch_up", FIRST_S + NIGHT_S);
    is_run(&h.rows[2], SWEEP_RUN_MISSED, "schedule", FIRST_S);
    work(f);
    is_run(&history(f).rows[1], SWEEP_RUN_RUNNING, "catch_up", FIRST_S + NIGHT_S);
    work(f);
    is_run(&history(f).rows[0], SWEEP_RUN_PENDING, "catch_up", FIRST_S + 2 * NIGHT_S);
    answer_all(f, open_run(f));
    fixture_crash(f); /* what is put off is remembered */
    fixture_join(f, "n1", "i10", "alpha");
    work(f);
    is_run(&history(f).rows[0], SWEEP_RUN_RUNNING, "catch_up", FIRST_S + 2 * NIGHT_S);
    answer_all(f, open_run(f));
    work(f);
    assert_null(open_run(f));
}

static void a_start_a_little_late_is_on_time(void **state) {
    struct fixture *f = *state;
    begin(f, SWEEP "catch_up: none\n");
    work_at(f, FIRST_S + SWEEP_LATE_S);
    is_run(&history(f).rows[0], SWEEP_RUN_RUNNING, "schedule", FIRST_S);
    answer_all(f, open_run(f));
    work_at(f, FIRST_S + NIGHT_S + SWEEP_LATE_S + 1);
    is_run(&history(f).rows[0], SWEEP_RUN_MISSED, "schedule", FIRST_S + NIGHT_S);
}

static void without_a_broker_nothing_starts_and_the_time_is_kept_for_its_return(void **state) {
    struct fixture *f = *state;
    begin(f, SWEEP);
    f->core->linked = false;
    work_at(f, FIRST_S);
    assert_int_equal(history(f).count, 0);
    f->core->linked = true;
    work_at(f, FIRST_S + 7200);
    is_run(&history(f).rows[0], SWEEP_RUN_RUNNING, "catch_up", FIRST_S);
}

/* A clock that jumps by decades under a schedule of each minute is no endless list. */
static void an_absence_of_years_is_bounded(void **state) {
    struct fixture *f = *state;
    begin(f, "sweep: nightly\ncron: \"* * * * *\"\ntargets: [alpha]\ncatch_up: all\ncatch_up_limit: 30\n");
    f->wall_ms += INT64_C(20) * 366 * NIGHT_S * 1000;
    work(f);
    struct history h = history(f);
    assert_int_equal(h.count, 32); /* 30 missed ones, the one on time, and one row for the others */
    assert_non_null(strstr(h.rows[31].reason, "at least"));
}

/* --- what people decide ----------------------------------------------------------------------- */
static void a_pause_lets_times_pass_for_good(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct sweep *sweep = begin(f, SWEEP "catch_up: all\n");
    must(sweep_pause(f->core, sweep, "holidays", &err), &err);
    assert_int_equal(sweep_pause(f->core, sweep, "", &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    work_at(f, FIRST_S);
    fixture_crash(f);
    sweep = f->core->sweeps->items[0];
    assert_true(sweep->row.paused);
    assert_string_equal(sweep->row.reason, "holidays");
    work_at(f, FIRST_S + NIGHT_S + 7200);
    assert_int_equal(history(f).count, 0);
    must(sweep_resume(f->core, sweep, &err), &err);
    assert_int_equal(sweep->next_s, FIRST_S + 2 * NIGHT_S);
    work(f);
    assert_int_equal(history(f).count, 0);
    fixture_join(f, "n1", "i2", "alpha");
    work_at(f, FIRST_S + 2 * NIGHT_S);
    assert_non_null(open_run(f));
}

static void a_run_by_hand_starts_at_once_and_one_at_a_time(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct sweep *sweep = begin(f, SWEEP);
    must(sweep_pause(f->core, sweep, "", &err), &err);
    must(sweep_start(f->core, sweep, &err), &err);
    fixture_settle(f, NULL);
    is_run(&history(f).rows[0], SWEEP_RUN_RUNNING, "manual", f->wall_ms / 1000);
    assert_int_equal(sweep_start(f->core, sweep, &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_non_null(strstr(err.text, open_run(f)->row.id));
    answer_all(f, open_run(f));
    f->core->linked = false;
    err = (struct error)ERROR_INIT;
    assert_int_equal(sweep_start(f->core, sweep, &err), -1);
    assert_int_equal(err.code, ERR_BUSY);
}

static void a_sweep_that_is_removed_takes_its_open_run_with_it(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct sweep *sweep = begin(f, SWEEP);
    work_at(f, FIRST_S);
    struct campaign *c = open_run(f);
    must(sweep_remove(f->core, sweep, &err), &err);
    assert_int_equal(c->row.state, CAMPAIGN_CANCELLED);
    assert_int_equal(f->core->sweeps->count, 0);
    assert_int_equal(history(f).count, 0);
    fixture_settle(f, NULL);
    fixture_crash(f);
    assert_int_equal(f->core->sweeps->count, 0);
    assert_null(sweep_find(f->core, "nightly", &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void a_name_is_taken_once_and_replacing_keeps_the_history(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    json_t *warnings = json_array();
    struct sweep *sweep = begin(f, SWEEP), *again = NULL;
    work_at(f, FIRST_S);
    assert_int_equal(try_add(f, SWEEP, false, warnings, &again, &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    err = (struct error)ERROR_INIT;
    must(try_add(f, "sweep: nightly\ncron: '@hourly'\ntargets: [alpha]\n", true, warnings, &again, &err), &err);
    json_decref(warnings);
    assert_ptr_equal(again, sweep);
    assert_int_equal(sweep->next_s, FIRST_S + 1800);
    assert_int_equal(history(f).count, 1);
    assert_non_null(open_run(f));
    fixture_settle(f, NULL);
    fixture_crash(f);
    assert_string_equal(f->core->sweeps->items[0]->file->cron_text, "@hourly");
    assert_int_equal(f->core->sweeps->items[0]->next_s, FIRST_S + 1800);
}

static void a_name_that_nothing_promoted_has_is_refused_and_a_pattern_may_come_first(void **state) {
    struct fixture *f = *state;
    struct sweep *sweep = NULL;
    json_t *warnings = json_array();
    static const char *const wrong[][2] = {
        {SWEEP "kernels: [on]\n", "nightly.yaml:4:11: `kernels`: nothing of the name `on` was promoted"},
        {SWEEP "kernels: [one, softmax-rows]\n", "nightly.yaml:4:16: `kernels`: nothing of the name `softmax-rows`"},
        {SWEEP "problems: [atc]\n", "nightly.yaml:4:12: `problems`: nothing of the name `atc`"}};
    fixture_join(f, "n1", "i1", "alpha");
    promote(f, "one", "alpha");
    for (size_t i = 0; i < 3; i++) {
        struct error err = ERROR_INIT;
        assert_int_equal(try_add(f, wrong[i][0], false, warnings, &sweep, &err), -1);
        assert_int_equal(err.code, ERR_INVALID);
        if (!strstr(err.text, wrong[i][1])) fail_msg("%s", err.text);
    }
    assert_int_equal(f->core->sweeps->count, 0);
    struct error err = ERROR_INIT;
    must(try_add(f, SWEEP "kernels: ['soft*']\n", false, warnings, &sweep, &err), &err);
    assert_int_equal(json_array_size(warnings), 1);
    json_decref(warnings);
}

/* --- the file --------------------------------------------------------------------------------- */
static void a_file_that_is_wrong_is_refused_with_its_line(void **state) {
    static const char *const wrong[][2] = {
        {"cron: '@daily'\ntargets: [a]\n", "`sweep`"},
        {"sweep: a b\ncron: '@daily'\ntargets: [a]\n", "f.yaml:1:8: the sweep's name `a b`"},
        {"sweep: a\ntargets: [a]\n", "`cron`"},
        {"sweep: a\ncron: 0 25 * * *\ntargets: [a]\n", "f.yaml:2:7: `cron`: column 3: hour 25 is above 23"},
        {"sweep: a\ncron: 0 0 30 2 *\ntargets: [a]\n", "never fires"},
        {"sweep: a\ncron: '@daily'\ntime_zone: Europe/Berln\ntargets: [a]\n", "f.yaml:3:12: `time_zone`: there is no"},
        {"sweep: a\ncron: '@daily'\n", "`targets` must be a list"},
        {"sweep: a\ncron: '@daily'\ntargets: [a]\ndeadline: 5s\n", "f.yaml:4:11: `deadline` must be between"},
        {"sweep: a\ncron: '@daily'\ntargets: [a]\noverlap: skipp\n", "f.yaml:4:10: `overlap` is one of"},
        {"sweep: a\ncron: '@daily'\ntargets: [a]\ncatch_up: some\n", "`catch_up` is one of `none`, `latest`, `all`"},
        {"sweep: a\ncron: '@daily'\ntargets: [a]\ncatch_up_limit: 2\n", "is for `catch_up: all`"},
        {"sweep: a\ncron: '@daily'\ntargets: [a]\ncatch_up: all\ncatch_up_limit: 31\n", "f.yaml:5:17"},
        {"sweep: a\ncron: '@daily'\ntargets: [a]\ncorn: x\n", "f.yaml:4:1"},
        {"sweep: a\ncron: '@daily'\ntargets: [a]\nnotify: {webhook: https://hooks.example/T/B}\n", "not `an address`"},
        {"sweep: a\ncron: '@daily'\ntargets: [a]\njudge: {min_effect: -1}\n", "f.yaml:4:"},
        {"sweep: a\ncron: '@daily'\ntargets: [a]\njudge: {windows: 1}\n", "did you mean `window`"},
        {"sweep: a\ncron: '@daily'\ntargets: [a]\nsets: 0\n", "f.yaml:4:7"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error err = ERROR_INIT;
        struct sweep_file *file = sweep_file_parse(wrong[i][0], strlen(wrong[i][0]), "f.yaml", &err);
        if (file) fail_msg("taken: %s", wrong[i][0]);
        assert_int_equal(err.code, ERR_INVALID);
        if (!strstr(err.text, wrong[i][1]) || !strstr(err.text, "f.yaml:")) fail_msg("%s", err.text);
    }
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_due_run_measures_a_promoted_kernel_on_each_device_of_its_target),
        T(a_task_of_a_run_says_what_it_is_and_has_fresh_data),
        T(only_the_best_of_a_cell_is_measured_or_all_where_that_is_asked_for),
        T(a_verdict_that_is_not_correct_is_counted),
        T(a_task_waits_for_its_own_device_and_why_says_so),
        T(a_run_with_nothing_to_measure_says_why),
        T(a_suspect_is_measured_again_in_the_same_run_and_told_when_it_is_one_still),
        T(a_suspect_that_is_as_fast_as_ever_the_second_time_is_nobodys_business),
        T(a_crash_plans_a_due_run_again_or_not_but_never_twice),
        T(a_clock_that_is_set_back_makes_nothing_due_again),
        T(a_run_that_is_due_while_one_is_open_is_skipped),
        T(or_takes_its_place),
        T(a_deadline_ends_a_run_and_keeps_what_was_measured),
        T(a_deadline_that_passed_while_the_coordinator_was_away_ends_the_run_at_its_start),
        T(a_run_that_somebody_cancels_is_over),
        T(times_missed_are_told_and_left_where_nothing_is_made_up_for),
        T(the_latest_is_made_up_for_unless_said_otherwise),
        T(or_all_one_after_the_other_up_to_a_limit),
        T(a_start_a_little_late_is_on_time),
        T(without_a_broker_nothing_starts_and_the_time_is_kept_for_its_return),
        T(an_absence_of_years_is_bounded),
        T(a_pause_lets_times_pass_for_good),
        T(a_run_by_hand_starts_at_once_and_one_at_a_time),
        T(a_sweep_that_is_removed_takes_its_open_run_with_it),
        T(a_name_is_taken_once_and_replacing_keeps_the_history),
        T(a_name_that_nothing_promoted_has_is_refused_and_a_pattern_may_come_first),
        T(a_file_that_is_wrong_is_refused_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
