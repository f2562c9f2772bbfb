/* Every reason of why.def, and that the docs list them. */
#include "coordinator/schedule/cancel.h"
#include "coordinator/schedule/choice.h"
#include "coordinator/schedule/quarantine.h"
#include "coordinator/schedule/queue.h"
#include "coordinator/schedule/why.h"
#include "tests/unit/coordinator/fixture.h"

static bool told[WHY_COUNT]; /* by the tests before the last one */

static void says(struct fixture *f, const struct task *task, enum why why, const char *text) {
    char line[WHY_SIZE];
    enum why got = task_why(f->core, task, line);
    if (got != why) fail_msg("%s (%s) instead of %s", why_code(got), line, why_code(why));
    if (!strstr(line, text)) fail_msg("`%s` lacks `%s`", line, text);
    if (strchr(line, '\n')) fail_msg("more than a line: %s", line);
    told[why] = true;
}

static struct campaign *submit(struct fixture *f, const char *name, const char *targets, const char *rest,
                               size_t kernels) {
    static const char *const yaml[] = {KERNEL_YAML("one", ""), KERNEL_YAML("two", ""), KERNEL_YAML("three", "")};
    struct error err = ERROR_INIT;
    struct plan_summary summary;
    CLEANUP_FREE char *text = xasprintf(
        "campaign: %s\nproblems: [act]\ntargets: %s\nsize: small\nkernels: ['*.yaml']\n%s", name, targets, rest);
    must(fixture_try_submit(f, text, yaml, kernels, &summary, &err), &err);
    return core_campaign(f->core, summary.campaign);
}

static struct fleet_node *join(struct fixture *f, const char *name, const char *incarnation) {
    fixture_join(f, name, incarnation, "alpha");
    struct fleet_node *node = core_node(f->core, name);
    for (struct health *h = node->health; h; h = h->next) h->proven = true;
    return node;
}

static void a_task_on_its_way_is_queued_out_and_over(void **state) {
    struct fixture *f = *state;
    struct rec_task sent;
    struct error err = ERROR_INIT;
    f->core->config.window = 1;
    join(f, "n1", "i1");
    const struct campaign *c = submit(f, "first", "[alpha]", "", 3);
    says(f, c->tasks[0], WHY_NEXT, "next in line for alpha");
    assert_int_equal(fixture_settle(f, &sent), 1);
    says(f, c->tasks[0], WHY_IN_MAILBOX, "in the mailbox of n1 for dev0, not begun");
    says(f, c->tasks[1], WHY_ALL_BUSY, "all 1 devices of alpha are busy");
    fixture_beat(f, "n1", "i1", sent.attempt_id, "running");
    says(f, c->tasks[0], WHY_RUNS, "runs on n1/dev0: verify, 50 %");
    f->core->linked = false;
    says(f, c->tasks[1], WHY_BROKER_AWAY, "the broker is away");
    f->core->linked = true;
    fixture_report(f, &sent, "verdict", "correct");
    says(f, c->tasks[0], WHY_DONE, "done");
    must(task_cancel(f->core, c->tasks[1], "not needed", &err), &err);
    says(f, c->tasks[1], WHY_CANCELLED, "cancelled: not needed");
    must(task_give_up(f->core, c->tasks[2], "the reason", &err), &err);
    says(f, c->tasks[2], WHY_GAVE_UP, "given up: the reason");
    rec_task_done(&sent);
}

static void behind_says_how_many_come_first_and_whose_they_are(void **state) {
    struct fixture *f = *state;
    char text[128];
    f->core->config.window = 1;
    join(f, "n1", "i1");
    submit(f, "running", "[alpha]", "", 1);
    assert_int_equal(fixture_settle(f, NULL), 1);
    const struct campaign *c = submit(f, "mine", "[alpha]", "", 3);
    says(f, c->tasks[0], WHY_ALL_BUSY, "busy");
    snprintf(text, sizeof text, "behind 2 tasks of its own campaign %s (mine) for alpha", c->row.id);
    says(f, c->tasks[2], WHY_BEHIND, text);
    const struct campaign *high = submit(f, "urgent", "[alpha]", "priority: 9\n", 3);
    snprintf(text, sizeof text, "behind 3 tasks of campaign %s (urgent) for alpha", high->row.id);
    says(f, c->tasks[0], WHY_BEHIND, text);
    snprintf(text, sizeof text, "behind 4 tasks for alpha, 3 of them of campaign %s (urgent)", high->row.id);
    says(f, c->tasks[1], WHY_BEHIND, text);
}

static void what_waits_after_a_failure_says_for_what(void **state) {
    struct fixture *f = *state;
    struct rec_task sent;
    struct fleet_node *node = join(f, "n1", "i1");
    const struct campaign *c = submit(f, "c", "[alpha]", "", 1);
    assert_int_equal(fixture_settle(f, &sent), 1);
    fixture_report(f, &sent, "infrastructure", "driver lost");
    says(f, c->tasks[0], WHY_BACKING_OFF, "waits 1.0 s after a failure: driver lost on n1/dev0");
    rec_task_done(&sent);
    f->mono_ms += 1500;
    for (struct health *h = node->health; h; h = h->next) h->proven = true, h->row.streak = 0;
    schedule_wait_ms(f->core);
    assert_int_equal(fixture_settle(f, &sent), 1);
    fixture_report(f, &sent, "infrastructure", "machine busy: 12 % foreign load");
    says(f, c->tasks[0], WHY_BUSY_MACHINE, "verified; waits ");
    rec_task_done(&sent);
}

static void a_task_waits_for_another_device_than_where_it_failed(void **state) {
    struct fixture *f = *state;
    struct rec_task sent;
    f->core->config.window = 1;
    join(f, "n1", "i1");
    struct campaign *c = submit(f, "c", "[alpha]", "", 1);
    assert_int_equal(fixture_settle(f, &sent), 1);
    struct fleet_node *other = join(f, "n2", "i2");
    const struct campaign *d = submit(f, "d", "[alpha]", "", 1);
    assert_int_equal(fixture_settle(f, NULL), 1);
    assert_int_equal(other->devices[0].held, 1);
    struct error err = ERROR_INIT;
    must(attempt_returned(f->core, c->tasks[0]->attempts, "test", &err), &err);
    queue_remove(f->core, c->tasks[0]);
    strcpy(c->tasks[0]->row.avoid, "n1/dev0");
    queue_add(f->core, c->tasks[0]);
    assert_int_equal(fixture_settle(f, NULL), 0);
    says(f, c->tasks[0], WHY_WAITS_ELSEWHERE, "waits for another device of alpha than n1/dev0");
    queue_remove(f->core, c->tasks[0]);
    c->tasks[0]->row.avoid[0] = 0;
    strcpy(c->tasks[0]->row.wanted, "n2/dev0");
    queue_add(f->core, c->tasks[0]);
    says(f, c->tasks[0], WHY_WAITS_DEVICE, "waits for the device of its record, n2/dev0");
    must(attempt_returned(f->core, d->tasks[0]->attempts, "test", &err), &err);
    assert_int_equal(fixture_settle(f, NULL), 2);
    rec_task_done(&sent);
}

static void a_device_on_probation_gets_its_work_one_by_one(void **state) {
    struct fixture *f = *state;
    f->core->config.window = 8;
    fixture_join(f, "n1", "i1", "alpha");
    for (int i = 0; i < 8; i++) submit(f, "c", "[alpha]", "", 1);
    const struct campaign *first = NULL;
    assert_int_equal(fixture_settle(f, NULL), 3);
    size_t cursor = 0;
    void *value;
    while (map_next(f->core->campaigns, &cursor, NULL, &value)) {
        struct queue_ahead ahead;
        const struct campaign *c = value;
        queue_look_ahead(c->tasks[0], &ahead);
        if (c->counts[TASK_QUEUED] && ahead.tasks == 0) first = c;
    }
    says(f, first->tasks[0], WHY_PROBATION, "1 of the 1 devices of alpha get work one by one until they succeed");
}

static void devices_that_take_no_work_say_why_not(void **state) {
    struct fixture *f = *state;
    struct fleet_node *node = join(f, "n1", "i1");
    const struct task *task = submit(f, "c", "[alpha]", "", 1)->tasks[0];
    static const struct {
        enum node_admin admin;
        enum why why;
        const char *text;
    } held_back[] = {
        {NODE_CORDONED, WHY_DRAINED, "n1/dev0 of alpha: cordoned, the disk"},
        {NODE_DRAINING, WHY_DRAINED, "draining, the disk"},
        {NODE_DRAINED, WHY_DRAINED, "drained, the disk"},
        {NODE_MAINTENANCE, WHY_DRAINED, "maintenance, the disk"},
        {NODE_PENDING, WHY_WAITS_FOR_APPROVAL, "portolan node approve n1"},
        {NODE_REFUSED, WHY_REFUSED, "refused, the disk"},
    };
    strcpy(node->row.admin_reason, "the disk");
    for (size_t i = 0; i < sizeof held_back / sizeof *held_back; i++) {
        node->row.admin = held_back[i].admin;
        says(f, task, held_back[i].why, held_back[i].text);
    }
    node->row.admin = NODE_IN_SERVICE;
    node->heard = false;
    says(f, task, WHY_ABSENT, "absent, no heartbeat since the coordinator's start");
    node->heard = true;
    node->mailbox_ready = false;
    says(f, task, WHY_STARTING, "its mailbox is not there yet");
    node->mailbox_ready = true;
    rec_set(&node->info->trouble, "the spool is full");
    says(f, task, WHY_TROUBLE, "drains itself: the spool is full");
    rec_set(&node->info->trouble, "");
    node->info->devices.items[0].health_checks = 0;
    says(f, task, WHY_STARTING, "has not passed its known-answer check yet");
    node->info->devices.items[0].health_checks = 1;
    node->devices[0].health->row.quarantined = true;
    strcpy(node->devices[0].health->row.reason, "3 failures in a row");
    says(f, task, WHY_QUARANTINED, "3 failures in a row");
    node->devices[0].health->row.quarantined = false;
    node->row.presence = NODE_LEFT;
    says(f, task, WHY_NO_DEVICE, "no device serves alpha");
    node->row.presence = NODE_READY;
    says(f, task, WHY_NEXT, "next");
    node->row.admin = NODE_CORDONED;
    join(f, "n2", "i2")->row.admin = NODE_CORDONED;
    says(f, task, WHY_DRAINED, "of alpha and 1 more: cordoned");
}

static void a_cell_without_a_device_says_so(void **state) {
    struct fixture *f = *state;
    const struct campaign *c = submit(f, "c", "[beta]", "deadline: 1h\n", 1);
    assert_int_equal(c->counts[TASK_WAITING], 1);
    says(f, c->tasks[0], WHY_NO_DEVICE, "no device serves beta");
}

/* --- choosing, both ways ---------------------------------------------------------------------- */
static void a_campaigns_selector_holds_for_each_device_not_only_for_its_target(void **state) {
    struct fixture *f = *state;
    struct rec_task sent;
    join(f, "n1", "i1");
    struct fleet_node *quiet = join(f, "n2", "i2");
    rec_list_string_push(&quiet->info->labels, "quiet");
    struct campaign *c = submit(f, "c", "[{label: quiet}]", "", 3);
    assert_int_equal(fixture_settle(f, &sent), 2); /* its window, and nothing for n1 */
    assert_string_equal(sent.node, "n2");
    assert_int_equal(core_node(f->core, "n1")->devices[0].held, 0);
    rec_set(&quiet->info->labels.items[0], "loud");
    says(f, c->tasks[2], WHY_NOT_SELECTED, "the campaign's selectors match none of the 2 devices of alpha in service");
    rec_task_done(&sent);
}

static void a_node_takes_only_campaigns_that_ask_for_its_label(void **state) {
    struct fixture *f = *state;
    struct fleet_node *node = join(f, "n1", "i1");
    rec_list_string_push(&node->info->labels, "team-a");
    rec_list_string_push(&node->info->only, "team-a");
    struct campaign *any = submit(f, "any", "[alpha]", "", 1), *theirs = submit(f, "b", "[{vendor: 'The*'}]", "", 1);
    struct campaign *asks = submit(f, "a", "[{label: team-a}]", "", 1);
    assert_int_equal(fixture_settle(f, NULL), 1);
    assert_int_equal(asks->counts[TASK_PUBLISHED], 1);
    says(f, any->tasks[0], WHY_NODE_CHOOSES, "n1 takes only campaigns that select by the label team-a (--only)");
    says(f, theirs->tasks[0], WHY_NODE_CHOOSES, "n1 takes only");
    join(f, "n2", "i2");
    assert_int_equal(fixture_settle(f, NULL), 2);
}

static void a_node_refuses_what_work_is_for(void **state) {
    struct fixture *f = *state;
    struct fleet_node *node = join(f, "n1", "i1");
    rec_list_string_push(&node->info->refuse, "sweep");
    rec_list_string_push(&node->info->refuse, "campaign");
    struct campaign *c = submit(f, "c", "[alpha]", "", 1);
    assert_int_equal(fixture_settle(f, NULL), 0);
    says(f, c->tasks[0], WHY_NODE_CHOOSES, "n1 takes no work for a campaign (--refuse)");
    strcpy(c->tasks[0]->row.purpose, "promotion");
    assert_true(choice_fits(f->core, c->tasks[0], &node->devices[0]));
    c->tasks[0]->row.purpose[0] = 0;
    strcpy(c->row.purpose, "sweep");
    assert_false(choice_fits(f->core, c->tasks[0], &node->devices[0]));
    strcpy(c->row.purpose, "try");
    assert_true(choice_fits(f->core, c->tasks[0], &node->devices[0]));
}

/* --- the list --------------------------------------------------------------------------------- */
/* `known` is what a deduplicated task says: tests/unit/coordinator/test_dedupe.c. */
static void every_reason_was_told_by_a_test(void **state) {
    (void)state;
    for (int i = 0; i < WHY_COUNT; i++)
        if (!told[i] && i != WHY_KNOWN) fail_msg("no test for `%s`", why_code((enum why)i));
}

static void the_docs_list_every_reason_with_its_meaning_and_no_other(void **state) {
    struct error err = ERROR_INIT;
    size_t len = 0;
    (void)state;
    CLEANUP_FREE char *docs = file_read("docs/operations.md", 1 << 20, &len, &err);
    if (!docs) fail_msg("%s", err.text);
    const char *at = strstr(docs, "## Why a task waits"), *end = at ? strstr(at + 3, "\n## ") : NULL;
    assert_non_null(at);
    CLEANUP_FREE char *section = xstrndup(at, end ? (size_t)(end - at) : strlen(at));
    int rows = 0;
    for (const char *row = section; (row = strstr(row, "\n| `")); row += 4) rows++;
    assert_int_equal(rows, WHY_COUNT);
    for (int i = 0; i < WHY_COUNT; i++) {
        CLEANUP_FREE char *row = xasprintf("\n| `%s` | %s |", why_code((enum why)i), why_meaning((enum why)i));
        if (!strstr(section, row)) fail_msg("docs/operations.md lacks the row%s", row);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_task_on_its_way_is_queued_out_and_over),
        T(behind_says_how_many_come_first_and_whose_they_are),
        T(what_waits_after_a_failure_says_for_what),
        T(a_task_waits_for_another_device_than_where_it_failed),
        T(a_device_on_probation_gets_its_work_one_by_one),
        T(devices_that_take_no_work_say_why_not),
        T(a_cell_without_a_device_says_so),
        T(a_campaigns_selector_holds_for_each_device_not_only_for_its_target),
        T(a_node_takes_only_campaigns_that_ask_for_its_label),
        T(a_node_refuses_what_work_is_for),
        cmocka_unit_test(every_reason_was_told_by_a_test),
        cmocka_unit_test(the_docs_list_every_reason_with_its_meaning_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
