/* Planning: what a campaign file comes to. */
#include "coordinator/plan/expand.h"
#include "coordinator/plan/identity.h"
#include "coordinator/plan/selector.h"
#include "coordinator/plan/size.h"
#include "tests/unit/coordinator/fixture.h"

#define CAMPAIGN                                                                                                \
    "campaign: c\nproblems: [act]\ntargets: [alpha, beta]\nsize: small\nstrategies: [human, search]\nkernels: " \
    "['*.yaml']\n"

static void a_tunable_kernel_is_searched_and_any_other_measured_as_it_is(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct plan_summary summary;
    const char *kernels[] = {KERNEL_YAML("fixed", ""), KERNEL_YAML("tuned", TUNE)};
    fixture_join(f, "n1", "i1", "alpha");
    fixture_join(f, "n2", "i2", "beta");
    must(fixture_try_submit(f, CAMPAIGN, kernels, 2, &summary, &err), &err);
    assert_int_equal(summary.tasks, 4); /* two targets x (1 measure + 1 search) */
    assert_int_equal(summary.cells, 4);
    const struct campaign *c = core_campaign(f->core, summary.campaign);
    assert_string_equal(c->tasks[0]->row.target, "alpha");
    assert_string_equal(c->tasks[0]->row.kind, "measure");
    assert_string_equal(c->tasks[0]->row.kernel, "fixed");
    assert_string_equal(c->tasks[1]->row.kind, "search");
    assert_string_equal(c->tasks[1]->row.kernel, "tuned");
}

static void planning_the_same_contents_gives_the_same_ids(void **state) {
    struct fixture *f = *state;
    struct row_task a = {0}, b = {0};
    (void)f;
    strcpy(a.campaign, "c123");
    strcpy(a.kind, "measure");
    strcpy(a.problem_hash, "p");
    strcpy(a.kernel_hash, "k");
    strcpy(a.size, "small");
    strcpy(a.target, "alpha");
    strcpy(a.policy_hash, "q");
    b = a;
    strcpy(b.kernel, "its name does not matter");
    b.ordinal = 7;
    task_identify(&a, "campaign", 0);
    task_identify(&b, "campaign", 0);
    assert_string_equal(a.id, b.id);
    assert_int_equal(strlen(a.id), 32);
    char first[TASK_ID_SIZE];
    strcpy(first, a.id);
    task_identify(&a, "promotion", 0);
    assert_string_not_equal(a.id, first);
    task_identify(&a, "campaign", 1);
    assert_string_not_equal(a.id, first);
    strcpy(a.size, "big");
    task_identify(&a, "campaign", 0);
    assert_string_not_equal(a.id, first);
}

static void the_same_kernel_twice_is_one_task_and_a_warning(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct plan_summary summary;
    const char *kernels[] = {KERNEL_YAML("one", ""), KERNEL_YAML("one", "")};
    fixture_join(f, "n1", "i1", "alpha");
    json_t *body = fixture_body(
        "campaign: c\nproblems: [act]\ntargets: [alpha]\nsize: small\nstrategies: [human]\nkernels: ['*.yaml']\n",
        kernels, 2);
    struct submission *s = submission_from_json(body, &err);
    assert_non_null(s);
    must(plan_submit(f->core, s, false, &summary, &err), &err);
    assert_int_equal(summary.tasks, 1);
    assert_int_equal(json_array_size(s->warnings), 1);
    submission_free(s);
    json_decref(body);
}

static void a_target_that_nothing_serves_is_warned_of_with_the_nearest_name(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct plan_summary summary;
    const char *kernels[] = {KERNEL_YAML("one", "")};
    fixture_join(f, "n1", "i1", "alpha");
    json_t *body = fixture_body(
        "campaign: c\nproblems: [act]\ntargets: [alhpa]\nsize: small\nstrategies: [human]\nkernels: ['*.yaml']\n",
        kernels, 1);
    struct submission *s = submission_from_json(body, &err);
    assert_non_null(s);
    must(plan_submit(f->core, s, false, &summary, &err), &err);
    assert_int_equal(json_array_size(s->warnings), 1);
    const char *warning = json_string_value(json_array_get(s->warnings, 0));
    assert_string_equal(warning, "no device serves the target `alhpa` (did you mean `alpha`?); in service: alpha");
    submission_free(s);
    json_decref(body);
}

static void a_target_without_device_is_no_device_at_once_and_the_campaign_ends_with_status_1(void **state) {
    struct fixture *f = *state;
    const struct campaign *c = fixture_submit(f, "[gamma]");
    assert_int_equal(c->counts[TASK_NO_DEVICE], 1);
    assert_int_equal(c->row.state, CAMPAIGN_COMPLETE);
    assert_int_equal(c->row.exit_status, 1);
    assert_int_equal(fixture_outbox_count(f, TOPIC_RESULTS, NULL), 0);
}

static void a_cell_waits_for_its_deadline_and_is_planned_when_a_device_joins(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct plan_summary summary;
    const char *kernels[] = {KERNEL_YAML("one", "")};
    must(fixture_try_submit(f,
                            "campaign: c\nproblems: [act]\ntargets: [alpha, beta]\nstrategies: [human]\nkernels: "
                            "['*.yaml']\ndeadline: 10m\n",
                            kernels, 1, &summary, &err),
         &err);
    struct campaign *c = core_campaign(f->core, summary.campaign);
    assert_int_equal(c->counts[TASK_WAITING], 2);
    fixture_join(f, "n1", "i1", "alpha");
    assert_int_equal(c->counts[TASK_WAITING], 1);
    assert_int_equal(c->counts[TASK_QUEUED], 1);
    f->wall_ms += 11 * 60 * 1000; /* a clock that jumps is no time that passes */
    must(plan_deadlines(f->core, &err), &err);
    assert_int_equal(c->counts[TASK_WAITING], 1);
    f->mono_ms += 11 * 60 * 1000;
    must(plan_deadlines(f->core, &err), &err);
    assert_int_equal(c->counts[TASK_WAITING], 0);
    assert_int_equal(c->counts[TASK_NO_DEVICE], 1);
    assert_int_equal(c->row.state, CAMPAIGN_RUNNING);
}

static void nothing_is_no_device_before_the_nodes_could_be_heard(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    f->core->linked = false;
    const struct campaign *c = fixture_submit(f, "[alpha]");
    assert_int_equal(c->counts[TASK_WAITING], 1);
    f->core->linked = true;
    f->core->config.settle_ms = 5000;
    f->core->linked_mono_ms = f->mono_ms;
    must(plan_deadlines(f->core, &err), &err);
    assert_int_equal(c->counts[TASK_WAITING], 1);
    f->mono_ms += 5000;
    must(plan_deadlines(f->core, &err), &err);
    assert_int_equal(c->counts[TASK_NO_DEVICE], 1);
}

static void selectors_become_target_names_and_again_when_a_device_joins(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct plan_summary summary;
    const char *kernels[] = {KERNEL_YAML("one", "")};
    fixture_join(f, "n1", "i1", "alpha");
    must(fixture_try_submit(f,
                            "campaign: c\nproblems: [act]\ntargets: [{memory: '>= 4 GiB'}, {node: n9}]\nstrategies: "
                            "[human]\nkernels: ['*.yaml']\ndeadline: 1h\n",
                            kernels, 1, &summary, &err),
         &err);
    struct campaign *c = core_campaign(f->core, summary.campaign);
    assert_int_equal(c->task_count, 2);
    assert_string_equal(c->tasks[0]->row.target, "alpha");
    assert_string_equal(c->tasks[1]->row.target, "{node==n9}");
    fixture_join(f, "n9", "i9", "beta");
    assert_int_equal(c->task_count, 2); /* the placeholder gave way to beta */
    assert_string_equal(c->tasks[1]->row.target, "beta");
    assert_int_equal(c->counts[TASK_WAITING], 0);
}

static void wrong_submissions_are_refused_with_file_and_reason_and_leave_nothing(void **state) {
    struct fixture *f = *state;
    struct plan_summary summary;
    const char *good[] = {KERNEL_YAML("one", "")},
               *unbound[] = {
                   "kernel: k\nproblem: act\nlanguage: opencl-c\nsource: act.cl\nlaunches:\n"
                   "  - {kernel: act, args: [x, nowhere, N], global: [N]}\n"};
    const struct {
        const char *campaign;
        const char *const *kernels;
        const char *says;
    } cases[] = {
        {"campaign: c\nproblems: [actt]\ntargets: [alpha]\nstrategies: [human]\nkernels: ['*.yaml']\n", good,
         "did you mean `act`"},
        {"campaign: c\nproblems: [act]\ntargets: [alpha]\nstrategies: [human]\nkernels: ['*.yaml']\nsise: small\n",
         good, "c.yaml:6"},
        {"campaign: c\nproblems: [act]\ntargets: [alpha]\nsize: huge\nstrategies: [human]\nkernels: ['*.yaml']\n", good,
         "huge"},
        {"campaign: c\nproblems: [act]\ntargets: [alpha]\nsize: small\nstrategies: [search]\nkernels: ['*.yaml']\n",
         good, "plans no task"},
        {"campaign: c\nproblems: [act]\ntargets: [alpha]\nsize: small\nstrategies: [human]\nkernels: ['*.yaml']\n",
         unbound, "nowhere"}};
    fixture_join(f, "n1", "i1", "alpha");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = ERROR_INIT;
        if (fixture_try_submit(f, cases[i].campaign, cases[i].kernels, 1, &summary, &err) == 0)
            fail_msg("case %zu was accepted", i);
        if (!strstr(err.text, cases[i].says)) fail_msg("case %zu says: %s", i, err.text);
        assert_false(core_is_broken(&err));
    }
    assert_int_equal(map_count(f->core->campaigns), 0);
}

static void bodies_of_the_wrong_shape_are_refused(void **state) {
    (void)state;
    static const char *const bodies[] = {"[]", "{}", "{\"campaign\": 3}",
                                         "{\"campaign\": \"campaign: c\\n\", \"problems\": {}}",
                                         "{\"campaign\": \"a\\u0000b\"}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct error err = ERROR_INIT;
        json_t *body = json_loads(bodies[i], JSON_ALLOW_NUL, NULL);
        assert_null(submission_from_json(body, &err));
        assert_true(err.code == ERR_USAGE || err.code == ERR_INVALID);
        json_decref(body);
    }
}

static void auto_takes_the_largest_size_that_suits_and_never_a_reserved_one(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    char size[LABEL_SIZE];
    static const char yaml[] =
        "problem: mm\nlevel: 1\nsizes:\n  huge: {N: 16384}\n  mid: {N: 256}\n  tiny: {N: 16}\n  held1: {N: 300}\n  "
        "check: {N: 7}\ninputs:\n"
        "  a: {dtype: f32, shape: [N, N], fill: \"uniform(-1, 1)\"}\n  b: {dtype: f32, shape: [N, N], fill: "
        "\"uniform(-1, 1)\"}\n"
        "graph:\n  - y = matmul(a, b)\noutputs: [y]\n";
    struct problem *p = problem_parse(yaml, strlen(yaml), "mm.yaml", &err);
    if (!p) fail_msg("%s", err.text);
    fixture_join(f, "n1", "i1", "alpha");
    struct device *device = core_device(f->core, "n1", "dev0");
    const struct device *devices[] = {device};
    must(size_auto(p, devices, 1, size, &err), &err);
    assert_string_equal(size, "mid"); /* 16384^3 products are too much for the oracle */
    ((struct rec_device *)(uintptr_t)device->info)->memory_bytes = 8192; /* not even mid */
    must(size_auto(p, devices, 1, size, &err), &err);
    assert_string_equal(size, "tiny");
    ((struct rec_device *)(uintptr_t)device->info)->memory_bytes = 16;
    must(size_auto(p, devices, 1, size, &err), &err);
    assert_string_equal(size, "tiny"); /* none suits: the smallest */
    problem_free(p);
}

static void a_budget_is_shared_by_the_searches_of_a_problem_and_target(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    static const char text[] =
        "campaign: c\nproblems: [act]\ntargets: [a]\nstrategies: [search]\nkernels: ['*.yaml']\nbudget: {time: 4m, "
        "candidates: 100}\nbaselines: [plain]\n";
    struct campaign_file *file = campaign_parse(text, strlen(text), "c.yaml", &err);
    struct problem *p = problem_parse(PROBLEM_YAML, strlen(PROBLEM_YAML), "p.yaml", &err);
    assert_non_null(file);
    assert_non_null(p);
    struct rec_task task;
    rec_task_init(&task);
    char *policy = policy_text(file, p, 2);
    must(policy_apply(policy, &task, &err), &err);
    assert_int_equal(task.policy.budget_ms, 120000);
    assert_int_equal(task.policy.candidates, 50);
    assert_int_equal(task.policy.held_out_sizes.count, 1);
    assert_string_equal(task.policy.held_out_sizes.items[0], "held1");
    assert_int_equal(task.baselines.count, 1);
    rec_task_done(&task);
    free(policy);
    problem_free(p);
    campaign_free(file);
}

static void a_plan_survives_a_crash_with_its_tasks(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    fixture_join(f, "n1", "i1", "alpha");
    char id[CAMPAIGN_ID_SIZE], task[TASK_ID_SIZE];
    const struct campaign *c = fixture_submit(f, "[alpha]");
    strcpy(id, c->row.id);
    strcpy(task, c->tasks[0]->row.id);
    must(store_commit(f->core->store, &err), &err);
    fixture_crash(f);
    c = core_campaign(f->core, id);
    assert_non_null(c);
    assert_int_equal(c->task_count, 1);
    assert_string_equal(c->tasks[0]->row.id, task);
    assert_int_equal(c->tasks[0]->row.state, TASK_QUEUED);
    assert_non_null(core_node(f->core, "n1"));
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_tunable_kernel_is_searched_and_any_other_measured_as_it_is),
        T(planning_the_same_contents_gives_the_same_ids),
        T(the_same_kernel_twice_is_one_task_and_a_warning),
        T(a_target_that_nothing_serves_is_warned_of_with_the_nearest_name),
        T(a_target_without_device_is_no_device_at_once_and_the_campaign_ends_with_status_1),
        T(a_cell_waits_for_its_deadline_and_is_planned_when_a_device_joins),
        T(nothing_is_no_device_before_the_nodes_could_be_heard),
        T(selectors_become_target_names_and_again_when_a_device_joins),
        T(wrong_submissions_are_refused_with_file_and_reason_and_leave_nothing),
        T(bodies_of_the_wrong_shape_are_refused),
        T(auto_takes_the_largest_size_that_suits_and_never_a_reserved_one),
        T(a_budget_is_shared_by_the_searches_of_a_problem_and_target),
        T(a_plan_survives_a_crash_with_its_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
