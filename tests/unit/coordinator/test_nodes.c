/* What operators decide of nodes: transitions, restarts, approval, versions, and what the nodes are told. */
#include "coordinator/schedule/service.h"
#include "tests/unit/coordinator/health.h"

static struct taken taken;

static enum service stands(struct fixture *f, const char *node) {
    return node_service(core_node(f->core, node));
}

static void act(struct fixture *f, const char *node, enum node_action action, const char *reason) {
    struct error err = ERROR_INIT;
    must(node_act(f->core, node, action, reason, false, &err), &err);
}

static void assert_refused(struct fixture *f, const char *node, enum node_action action, enum error_code code,
                           const char *remedy) {
    struct error err = ERROR_INIT;
    enum node_admin before = core_node(f->core, node) ? core_node(f->core, node)->row.admin : NODE_IN_SERVICE;
    assert_int_equal(node_act(f->core, node, action, NULL, false, &err), -1);
    assert_int_equal(err.code, code);
    if (!strstr(err.text, remedy)) fail_msg("no `%s` in: %s", remedy, err.text);
    if (core_node(f->core, node)) assert_int_equal(core_node(f->core, node)->row.admin, before);
}

/* As after `kill -9` of the coordinator, with the agent going on. */
static void restart(struct fixture *f) {
    struct error err = ERROR_INIT;
    must(store_commit(f->core->store, &err), &err);
    fixture_crash(f);
    must(nodes_on_link(f->core, false, &err), &err);
}

/* --- transitions ------------------------------------------------------------------------------ */
static void each_action_leads_where_it_says_or_names_the_remedy(void **state) {
    struct fixture *f = *state;
    static const struct {
        enum node_admin from;
        enum node_admin to[NODE_ACTION_COUNT]; /* NODE_ADMIN_COUNT: refused */
    } rows[] = {
#define NO NODE_ADMIN_COUNT
        /* cordon, drain, maintenance, resume, approve, refuse */
        {NODE_IN_SERVICE, {NODE_CORDONED, NODE_DRAINED, NODE_MAINTENANCE, NODE_IN_SERVICE, NO, NODE_REFUSED}},
        {NODE_CORDONED, {NODE_CORDONED, NODE_DRAINED, NODE_MAINTENANCE, NODE_IN_SERVICE, NO, NODE_REFUSED}},
        {NODE_DRAINED, {NO, NODE_DRAINED, NODE_MAINTENANCE, NODE_IN_SERVICE, NO, NODE_REFUSED}},
        {NODE_MAINTENANCE, {NO, NO, NODE_MAINTENANCE, NODE_IN_SERVICE, NO, NODE_REFUSED}},
        {NODE_PENDING, {NO, NO, NO, NO, NODE_IN_SERVICE, NODE_REFUSED}},
        {NODE_REFUSED, {NO, NO, NO, NO, NODE_IN_SERVICE, NODE_REFUSED}},
    };
    joins(f, "n1", "i1", "alpha", 1);
    struct fleet_node *node = core_node(f->core, "n1");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int a = 0; a < NODE_ACTION_COUNT; a++) {
            struct error err = ERROR_INIT;
            node->row.admin = rows[i].from;
            bool allowed = rows[i].to[a] != NO;
            assert_int_equal(node_act(f->core, "n1", (enum node_action)a, NULL, false, &err), allowed ? 0 : -1);
            assert_int_equal(node->row.admin, allowed ? rows[i].to[a] : rows[i].from);
            if (allowed) continue;
            assert_int_equal(err.code, ERR_CONFLICT);
            assert_non_null(strstr(err.text, "\nhint: "));
        }
}

static void what_cannot_be_done_is_said_with_the_remedy(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    char endless[600];
    joins(f, "n1", "i1", "alpha", 1);
    assert_refused(f, "n9", NODE_DRAIN, ERR_NOT_FOUND, "portolan nodes");
    act(f, "n1", NODE_MAINTAIN, "new disk");
    assert_refused(f, "n1", NODE_DRAIN, ERR_CONFLICT, "portolan node resume n1");
    assert_refused(f, "n1", NODE_APPROVE, ERR_CONFLICT, "pending or refused");
    act(f, "n1", NODE_REFUSE, "");
    assert_refused(f, "n1", NODE_RESUME, ERR_CONFLICT, "portolan node approve n1");
    assert_int_equal(node_act(f->core, "n1", NODE_APPROVE, NULL, true, &err), -1);
    assert_int_equal(err.code, ERR_USAGE);
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = 0;
    err = (struct error)ERROR_INIT;
    assert_int_equal(node_act(f->core, "n1", NODE_REFUSE, endless, false, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
}

static void every_change_is_told_to_the_node_with_its_reason(void **state) {
    struct fixture *f = *state;
    static const struct {
        enum node_action action;
        const char *told;
    } rows[] = {{NODE_CORDON, "cordoned"},   {NODE_RESUME, "in_service"}, {NODE_MAINTAIN, "maintenance"},
                {NODE_RESUME, "in_service"}, {NODE_REFUSE, "refused"},    {NODE_APPROVE, "in_service"}};
    joins(f, "n1", "i1", "alpha", 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        take(f, &taken);
        act(f, "n1", rows[i].action, "because");
        take(f, &taken);
        assert_int_equal(taken.desired_count, 1);
        assert_string_equal(taken.desired[0].state, rows[i].told);
        assert_string_equal(taken.desired[0].incarnation, "i1");
        assert_string_equal(taken.desired[0].mailbox_topic, "tasks.n1");
        if (rows[i].action != NODE_RESUME && rows[i].action != NODE_APPROVE)
            assert_string_equal(taken.desired[0].reason, "because");
    }
}

/* --- cordon, drain, maintenance --------------------------------------------------------------- */
static void a_cordoned_node_gets_nothing_new_and_keeps_what_it_has(void **state) {
    struct fixture *f = *state;
    joins(f, "n1", "i1", "alpha", 1);
    submit_tasks(f, 3, "[alpha]", NULL);
    take(f, &taken);
    assert_int_equal(taken.task_count, 2);
    act(f, "n1", NODE_CORDON, "looks odd");
    static struct taken later;
    take(f, &later);
    assert_int_equal(later.task_count, 0);
    assert_int_equal(later.command_count, 0);
    for (size_t i = 0; i < 2; i++) fixture_report(f, &taken.tasks[i], "verdict", "correct");
    take(f, &later);
    assert_int_equal(later.task_count, 0);
    assert_int_equal(stands(f, "n1"), SERVICE_CORDONED);
    act(f, "n1", NODE_RESUME, NULL);
    take(f, &later);
    assert_int_equal(later.task_count, 1);
    taken_done(&later);
}

static void a_drain_ends_when_what_runs_is_done_and_what_waited_was_given_back(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct campaign *c[2];
    joins(f, "n1", "i1", "alpha", 1);
    submit_tasks(f, 2, "[alpha]", c);
    take(f, &taken);
    assert_int_equal(taken.task_count, 2);
    fixture_beat(f, "n1", "i1", taken.tasks[0].attempt_id, "running");
    act(f, "n1", NODE_DRAIN, "new power supply");
    must(nodes_finish_drains(f->core, &err), &err);
    assert_int_equal(stands(f, "n1"), SERVICE_DRAINING);
    fixture_report(f, &taken.tasks[1], "cancelled", NULL); /* "the node is draining" */
    assert_int_equal(core_task(f->core, taken.tasks[1].task_id)->row.state, TASK_QUEUED);
    assert_int_equal(core_task(f->core, taken.tasks[1].task_id)->row.failures, 0);
    must(nodes_finish_drains(f->core, &err), &err);
    assert_int_equal(stands(f, "n1"), SERVICE_DRAINING);
    fixture_report(f, &taken.tasks[0], "verdict", "correct");
    assert_int_equal(core_task(f->core, taken.tasks[0].task_id)->row.state, TASK_DONE);
    must(nodes_finish_drains(f->core, &err), &err);
    assert_int_equal(stands(f, "n1"), SERVICE_DRAINED);
    take(f, &taken);
    assert_int_equal(taken.task_count, 0);
    assert_string_equal(last_desired(&taken, "n1"), "drained");
    assert_string_equal(taken.desired[taken.desired_count - 1].reason, "new power supply");
}

static void force_stops_what_runs_and_blames_nobody(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    joins(f, "n1", "i1", "alpha", 1);
    struct campaign *c = fixture_submit(f, "[alpha]");
    take(f, &taken);
    fixture_beat(f, "n1", "i1", taken.tasks[0].attempt_id, "running");
    act(f, "n1", NODE_DRAIN, NULL);
    must(node_act(f->core, "n1", NODE_DRAIN, NULL, true, &err), &err);
    assert_int_equal(stands(f, "n1"), SERVICE_DRAINED);
    static struct taken later;
    take(f, &later);
    assert_int_equal(later.command_count, 1);
    assert_string_equal(later.commands[0].command, "cancel");
    assert_string_equal(later.commands[0].attempt_id, taken.tasks[0].attempt_id);
    assert_int_equal(c->tasks[0]->row.state, TASK_QUEUED);
    assert_int_equal(c->tasks[0]->row.failures, 0);
    assert_int_equal(health_of(f, "n1", "")->row.streak, 0);
    joins(f, "n2", "i2", "alpha", 1);
    take(f, &later);
    assert_int_equal(later.task_count, 1);
    taken_done(&later);
}

static void maintenance_outlives_restarts_of_agent_and_coordinator_and_the_machine_leaves_it_alone(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    joins(f, "n1", "i1", "alpha", 1);
    act(f, "n1", NODE_MAINTAIN, "new disk");
    struct campaign *c = fixture_submit(f, "[alpha]");
    char id[CAMPAIGN_ID_SIZE];
    strcpy(id, c->row.id);
    says(f, node_of("n1", "i1", "leaving", "alpha", 1, 1));
    assert_int_equal(stands(f, "n1"), SERVICE_MAINTENANCE);
    /* Longer than a target without a device is waited for: it will be back. */
    fixture_ticks(f, 700, 1000);
    must(schedule_give_up_absent(f->core, &err), &err);
    restart(f);
    assert_int_equal(stands(f, "n1"), SERVICE_MAINTENANCE);
    joins(f, "n1", "i2", "alpha", 1);
    take(f, &taken);
    assert_int_equal(taken.task_count, 0);
    assert_int_equal(stands(f, "n1"), SERVICE_MAINTENANCE);
    assert_string_equal(core_node(f->core, "n1")->row.admin_reason, "new disk");
    act(f, "n1", NODE_RESUME, NULL);
    take(f, &taken);
    assert_int_equal(taken.task_count, 1);
    assert_string_equal(taken.tasks[0].incarnation, "i2");
    assert_string_equal(taken.tasks[0].campaign, id);
    assert_string_equal(core_node(f->core, "n1")->row.admin_reason, "");
}

/* --- approval --------------------------------------------------------------------------------- */
static void where_approval_is_asked_for_an_unknown_node_waits_and_the_name_stays_approved(void **state) {
    struct fixture *f = *state;
    char reason[400];
    joins(f, "old", "i1", "alpha", 1);
    f->config.approve_nodes = f->core->config.approve_nodes = true;
    act(f, "old", NODE_CORDON, NULL);
    act(f, "old", NODE_RESUME, NULL);
    joins(f, "old", "i2", "alpha", 1);
    assert_int_equal(stands(f, "old"), SERVICE_IN_SERVICE); /* known before */
    joins(f, "new", "i1", "beta", 1);
    assert_int_equal(stands(f, "new"), SERVICE_PENDING);
    node_service_reason(f->core, core_node(f->core, "new"), reason, sizeof reason);
    assert_string_equal(reason, "waits for approval: portolan node approve new");
    struct error err = ERROR_INIT;
    struct plan_summary summary;
    const char *kernels[] = {KERNEL_YAML("one", "")};
    must(fixture_try_submit(f,
                            "campaign: c\nproblems: [act]\ntargets: [beta]\nsize: small\nstrategies: [human]\n"
                            "kernels: [k]\ndeadline: 1h\n",
                            kernels, 1, &summary, &err),
         &err);
    const struct campaign *c = core_campaign(f->core, summary.campaign);
    assert_int_equal(c->counts[TASK_WAITING], 1); /* nothing serves it */
    take(f, &taken);
    assert_int_equal(taken.task_count, 0);
    act(f, "new", NODE_APPROVE, NULL);
    take(f, &taken);
    assert_string_equal(last_desired(&taken, "new"), "in_service");
    assert_int_equal(taken.task_count, 1);
    restart(f);
    joins(f, "new", "i2", "beta", 1);
    assert_int_equal(stands(f, "new"), SERVICE_IN_SERVICE);
}

static void a_refused_node_is_told_so_and_what_it_held_goes_elsewhere(void **state) {
    struct fixture *f = *state;
    joins(f, "n1", "i1", "alpha", 1);
    struct campaign *c = fixture_submit(f, "[alpha]");
    take(f, &taken);
    joins(f, "n2", "i2", "alpha", 1);
    act(f, "n1", NODE_REFUSE, "not ours");
    take(f, &taken);
    assert_string_equal(last_desired(&taken, "n1"), "refused");
    assert_int_equal(taken.task_count, 1);
    assert_string_equal(taken.tasks[0].node, "n2");
    assert_int_equal(c->tasks[0]->row.failures, 0);
    joins(f, "n1", "i3", "alpha", 1);
    assert_int_equal(stands(f, "n1"), SERVICE_REFUSED);
}

/* --- what nodes say of themselves ------------------------------------------------------------- */
static void an_agent_that_is_too_old_is_told_both_versions_and_the_remedy(void **state) {
    struct fixture *f = *state;
    struct rec_node *node = node_of("n1", "i1", "starting", "alpha", 1, 1);
    node->protocol = PROTOCOL_OLDEST - 1;
    rec_set(&node->agent_version, "0.0.9");
    says(f, node);
    take(f, &taken);
    assert_string_equal(last_desired(&taken, "n1"), "refused");
    const char *reason = taken.desired[taken.desired_count - 1].reason;
    assert_non_null(strstr(reason, "its agent (0.0.9) speaks protocol 0, this coordinator (" PORTOLAN_VERSION ")"));
    assert_non_null(strstr(reason, "install a later portolan-agent"));
    node = node_of("n1", "i1", "ready", "alpha", 1, 1);
    node->protocol = PROTOCOL_OLDEST - 1;
    says(f, node);
    fixture_submit(f, "[alpha]");
    take(f, &taken);
    assert_int_equal(taken.task_count, 0);
    assert_int_equal(stands(f, "n1"), SERVICE_REFUSED);
    node = node_of("n1", "i2", "ready", "alpha", 1, 1);
    node->protocol = PROTOCOL_VERSION + 7; /* a newer one works */
    says(f, node);
    take(f, &taken);
    assert_int_equal(stands(f, "n1"), SERVICE_IN_SERVICE);
}

static void an_agent_in_trouble_gets_nothing_until_it_is_over(void **state) {
    struct fixture *f = *state;
    char reason[400];
    joins(f, "n1", "i1", "alpha", 1);
    fixture_submit(f, "[alpha]");
    struct rec_node *node = node_of("n1", "i1", "ready", "alpha", 1, 1);
    rec_set(&node->trouble, "the spool cannot be written: No space left on device");
    says(f, node);
    take(f, &taken);
    assert_int_equal(taken.task_count, 0);
    assert_int_equal(stands(f, "n1"), SERVICE_TROUBLE);
    node_service_reason(f->core, core_node(f->core, "n1"), reason, sizeof reason);
    assert_string_equal(reason, "drains itself: the spool cannot be written: No space left on device");
    says(f, node_of("n1", "i1", "ready", "alpha", 1, 1));
    take(f, &taken);
    assert_int_equal(taken.task_count, 1);
}

static void a_device_that_has_passed_no_check_gets_nothing(void **state) {
    struct fixture *f = *state;
    joins(f, "n1", "i1", "alpha", 1);
    says(f, node_of("n1", "i1", "ready", "alpha", 1, 0));
    fixture_submit(f, "[alpha]");
    take(f, &taken);
    assert_int_equal(taken.task_count, 0);
    assert_int_equal(device_service(core_device(f->core, "n1", "dev0")), SERVICE_UNCHECKED);
    says(f, node_of("n1", "i1", "ready", "alpha", 1, 1));
    take(f, &taken);
    assert_int_equal(taken.task_count, 1);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(each_action_leads_where_it_says_or_names_the_remedy),
        T(what_cannot_be_done_is_said_with_the_remedy),
        T(every_change_is_told_to_the_node_with_its_reason),
        T(a_cordoned_node_gets_nothing_new_and_keeps_what_it_has),
        T(a_drain_ends_when_what_runs_is_done_and_what_waited_was_given_back),
        T(force_stops_what_runs_and_blames_nobody),
        T(maintenance_outlives_restarts_of_agent_and_coordinator_and_the_machine_leaves_it_alone),
        T(where_approval_is_asked_for_an_unknown_node_waits_and_the_name_stays_approved),
        T(a_refused_node_is_told_so_and_what_it_held_goes_elsewhere),
        T(an_agent_that_is_too_old_is_told_both_versions_and_the_remedy),
        T(an_agent_in_trouble_gets_nothing_until_it_is_over),
        T(a_device_that_has_passed_no_check_gets_nothing),
    };
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    taken_done(&taken);
    return status;
}
