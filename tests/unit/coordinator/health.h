/* What a coordinator sends, taken apart, and nodes with several devices: for tests of nodes and their health. */
#pragma once
#include "coordinator/schedule/node_admin.h"
#include "coordinator/schedule/quarantine.h"
#include "tests/unit/coordinator/fixture.h"

#define TAKEN_MAX 512
struct taken {
    struct rec_task tasks[TAKEN_MAX];
    size_t task_count;
    struct rec_command commands[TAKEN_MAX];
    size_t command_count;
    struct rec_desired desired[64];
    size_t desired_count;
};

UNUSED_OK static void taken_done(struct taken *t) {
    for (size_t i = 0; i < t->task_count; i++) rec_task_done(&t->tasks[i]);
    for (size_t i = 0; i < t->command_count; i++) rec_command_done(&t->commands[i]);
    for (size_t i = 0; i < t->desired_count; i++) rec_desired_done(&t->desired[i]);
    memset(t, 0, sizeof *t);
}

UNUSED_OK static void taken_add(struct fixture *f, struct taken *t, const struct effect *e) {
    struct error err = ERROR_INIT;
    struct codec *codec = f->core->codec;
    if (e->kind == EFFECT_MAILBOX) {
        must(nodes_on_mailbox(f->core, e->topic, &err), &err);
    } else if (e->attempt) {
        assert_true(t->task_count < TAKEN_MAX);
        must(codec_decode_as(codec, e->value, e->len, &rec_task_desc, &t->tasks[t->task_count++], &err), &err);
        must(attempt_on_delivery(f->core, e->attempt, ERR_NONE, "", &err), &err);
    } else if (strcmp(e->topic, TOPIC_DESIRED) == 0) {
        assert_true(t->desired_count < 64);
        must(codec_decode_as(codec, e->value, e->len, &rec_desired_desc, &t->desired[t->desired_count++], &err), &err);
    } else if (strncmp(e->topic, "tasks.", 6) == 0) {
        assert_true(t->command_count < TAKEN_MAX);
        must(codec_decode_as(codec, e->value, e->len, &rec_command_desc, &t->commands[t->command_count++], &err), &err);
    }
}

/* Schedules, commits, and takes all that is sent until nothing follows any more. `t` is emptied first. */
UNUSED_OK static void take(struct fixture *f, struct taken *t) {
    struct error err = ERROR_INIT;
    taken_done(t);
    for (size_t n = 1; n;) {
        if (f->core->plan_wanted) must(plan_again(f->core, &err), &err);
        if (f->core->schedule_wanted) must(schedule_tasks(f->core, &err), &err);
        must(store_commit(f->core->store, &err), &err);
        struct effect *effects = core_take_effects(f->core, &n);
        for (size_t i = 0; i < n; i++) {
            taken_add(f, t, &effects[i]);
            effect_done(&effects[i]);
        }
        free(effects);
    }
}

UNUSED_OK static const char *last_desired(const struct taken *t, const char *node) {
    for (size_t i = t->desired_count; i-- > 0;)
        if (strcmp(t->desired[i].node, node) == 0) return t->desired[i].state;
    return "";
}

/* A node with `devices` of one target, each of which has passed `checks` (-1: its agent does not count them). */
UNUSED_OK static struct rec_node *node_of(const char *name, const char *incarnation, const char *state,
                                          const char *target, int devices, int64_t checks) {
    struct rec_node *node = fixture_node(name, incarnation, state, target);
    node->devices.items[0].health_checks = checks;
    for (int i = 1; i < devices; i++) {
        struct rec_device *device = rec_list_device_push(&node->devices);
        rec_device_done(device);
        rec_device_copy(device, &node->devices.items[0]);
        rec_setf(&device->id, "dev%d", i);
    }
    return node;
}

UNUSED_OK static void says(struct fixture *f, struct rec_node *node) {
    struct error err = ERROR_INIT;
    must(nodes_on_record(f->core, node, true, &err), &err);
}

UNUSED_OK static void joins(struct fixture *f, const char *name, const char *incarnation, const char *target,
                            int devices) {
    says(f, node_of(name, incarnation, "starting", target, devices, 1));
    fixture_settle(f, NULL);
    says(f, node_of(name, incarnation, "ready", target, devices, 1));
}

/* Lease time during which the nodes named (NULL ends) are heard. */
UNUSED_OK static void time_passes(struct fixture *f, int seconds, const char *const *nodes) {
    for (int i = 0; i < seconds; i++) {
        for (size_t k = 0; nodes[k]; k++)
            fixture_beat(f, nodes[k], core_node(f->core, nodes[k])->row.incarnation, NULL, NULL);
        fixture_ticks(f, 1, 1000);
    }
}

UNUSED_OK static struct health *health_of(struct fixture *f, const char *node, const char *device) {
    struct health *health = core_node(f->core, node)->health;
    while (health && strcmp(health->row.device, device) != 0) health = health->next;
    assert_non_null(health);
    return health;
}

/* `n` campaigns of one task each. */
UNUSED_OK static void submit_tasks(struct fixture *f, int n, const char *targets, struct campaign **ret) {
    for (int i = 0; i < n; i++) {
        struct campaign *campaign = fixture_submit(f, targets);
        if (ret) ret[i] = campaign;
    }
}
