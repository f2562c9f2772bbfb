/* A coordinator's state without bus, threads and real time: a store in a folder of its own, a clock that the test sets,
 * and a node that says what the test wants. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka last */
#include <cmocka.h>

#include "common/buf.h"
#include "common/fileio.h"
#include "common/log.h"
#include "coordinator/accept/accept.h"
#include "coordinator/core.h"
#include "coordinator/plan/plan.h"
#include "coordinator/schedule/attempts.h"
#include "coordinator/schedule/match.h"
#include "coordinator/schedule/nodes.h"
#include "fleet/bus/topics.h"
#include "fleet/protocol.h"

#define UNUSED_OK __attribute__((unused))

#define PROBLEM_YAML                                                                                                   \
    "problem: act\nlevel: 1\nsizes:\n  big: {N: 4096}\n  small: {N: 64}\n  held1: {N: 13}\n  check: {N: 7}\ninputs:\n" \
    "  x: {dtype: f32, shape: [N], fill: \"uniform(-1, 1)\"}\ngraph:\n  - y = gelu(x)\noutputs: [y]\n"
#define KERNEL_SOURCE                                                                                              \
    "__kernel void act(__global const float *x, __global float *y, int n) { int i = get_global_id(0); if (i < n) " \
    "y[i] = x[i]; }\n"
#define KERNEL_YAML(name, tune)                                                 \
    "kernel: " name "\nproblem: act\nlanguage: opencl-c\nsource: act.cl\n" tune \
    "launches:\n  - {kernel: act, args: [x, y, N], global: [N]}\n"
#define TUNE "tune:\n  WG: [64, 128]\n"

struct fixture {
    char dir[64];
    int64_t mono_ms, wall_ms;
    struct core_config config;
    struct core *core;
};

static int64_t fixture_mono(void *context) {
    return ((struct fixture *)context)->mono_ms;
}
static int64_t fixture_wall(void *context) {
    return ((struct fixture *)context)->wall_ms;
}

UNUSED_OK static void must(int status, const struct error *err) {
    if (status != 0) fail_msg("%s", err->text);
}

UNUSED_OK static void fixture_open(struct fixture *f) {
    struct error err = ERROR_INIT;
    struct coordinator_clock clock = {fixture_mono, fixture_wall, f};
    struct store *store = store_open(f->dir, &err);
    if (!store) fail_msg("%s", err.text);
    f->core = core_new(store, codec_new(), &clock, &f->config, &err);
    if (!f->core) fail_msg("%s", err.text);
    f->core->linked = true;
    f->core->linked_mono_ms = f->mono_ms;
    strcpy(f->core->link.cluster_id, "test");
    lease_clock_link(&f->core->lease, 1, f->mono_ms);
}

UNUSED_OK static void fixture_close(struct fixture *f) {
    struct error err = ERROR_INIT;
    must(store_commit(f->core->store, &err), &err);
    core_free(f->core);
    f->core = NULL;
}

/* As after a crash: what was not committed is gone. */
UNUSED_OK static void fixture_crash(struct fixture *f) {
    store_rollback(f->core->store);
    core_free(f->core);
    fixture_open(f);
}

UNUSED_OK static int fixture_setup(void **state) {
    struct fixture *f = xcalloc(1, sizeof *f);
    log_setup(LOG_ERROR, false);
    strcpy(f->dir, "/tmp/portolan-test-XXXXXX");
    if (!mkdtemp(f->dir)) return -1;
    f->mono_ms = 1000000;
    f->wall_ms = 1790000000000;
    f->config = (struct core_config){
        .prefix = "portolan.", .lease_ms = 30000, .window = 2, .settle_ms = 0, .absent_ms = 600000};
    fixture_open(f);
    *state = f;
    return 0;
}

UNUSED_OK static int fixture_teardown(void **state) {
    struct fixture *f = *state;
    if (f->core) core_free(f->core);
    dir_remove(f->dir, NULL);
    free(f);
    return 0;
}

/* --- effects ---------------------------------------------------------------------------------- */
/* Commits, takes the effects, reports every attempt's record as delivered, and returns how many tasks were sent. With
 * `last`, the last task's record (initialised by the callee when the result is above 0). Mailboxes are made at once. */
UNUSED_OK static int fixture_settle(struct fixture *f, struct rec_task *last) {
    struct error err = ERROR_INIT;
    int sent = 0;
    for (int again = 1; again;) {
        again = 0;
        if (f->core->plan_wanted) must(plan_again(f->core, &err), &err);
        if (f->core->schedule_wanted) must(schedule_tasks(f->core, &err), &err);
        must(store_commit(f->core->store, &err), &err);
        size_t n = 0;
        struct effect *effects = core_take_effects(f->core, &n);
        for (size_t i = 0; i < n; i++) {
            struct effect *e = &effects[i];
            again = 1;
            if (e->kind == EFFECT_MAILBOX) must(nodes_on_mailbox(f->core, e->topic, &err), &err);
            if (e->attempt) {
                if (last && sent) rec_task_done(last);
                if (last) must(codec_decode_as(f->core->codec, e->value, e->len, &rec_task_desc, last, &err), &err);
                sent++;
                must(attempt_on_delivery(f->core, e->attempt, ERR_NONE, "", &err), &err);
            }
            effect_done(e);
        }
        free(effects);
    }
    return sent;
}

/* --- nodes ------------------------------------------------------------------------------------ */
UNUSED_OK static struct rec_node *fixture_node(const char *name, const char *incarnation, const char *state,
                                               const char *target) {
    struct rec_node *node = rec_new(&rec_node_desc);
    rec_set(&node->node, name);
    rec_set(&node->incarnation, incarnation);
    rec_set(&node->state, state);
    node->protocol = PROTOCOL_VERSION;
    node->cores = 2;
    struct rec_device *device = rec_list_device_push(&node->devices);
    rec_set(&device->id, "dev0");
    rec_set(&device->target, target);
    rec_set(&device->vendor, "The vendor");
    rec_set(&device->name, "The device");
    rec_set(&device->driver_version, "1.2");
    device->memory_bytes = INT64_C(8) << 30;
    device->max_alloc_bytes = INT64_C(2) << 30;
    device->copy_gbps = 30;
    device->fma_gflops = 200;
    return node;
}

/* Registered, ready and heard. */
UNUSED_OK static void fixture_join(struct fixture *f, const char *name, const char *incarnation, const char *target) {
    struct error err = ERROR_INIT;
    must(nodes_on_record(f->core, fixture_node(name, incarnation, "starting", target), true, &err), &err);
    fixture_settle(f, NULL);
    must(nodes_on_record(f->core, fixture_node(name, incarnation, "ready", target), true, &err), &err);
}

/* A heartbeat that lists one attempt (NULL: none). */
UNUSED_OK static void fixture_beat(struct fixture *f, const char *name, const char *incarnation, const char *attempt,
                                   const char *state) {
    struct error err = ERROR_INIT;
    struct rec_heartbeat beat;
    rec_heartbeat_init(&beat);
    rec_set(&beat.node, name);
    rec_set(&beat.incarnation, incarnation);
    if (attempt) {
        struct rec_held *held = rec_list_held_push(&beat.attempts);
        rec_set(&held->attempt_id, attempt);
        rec_set(&held->state, state);
        rec_set(&held->phase, "verify");
        held->progress = 0.5;
    }
    must(nodes_on_heartbeat(f->core, &beat, &err), &err);
    rec_heartbeat_done(&beat);
}

/* `rounds` times `round_ms` of lease time: ticks written and read back, LEASE_TICK_MS apart. */
UNUSED_OK static void fixture_ticks(struct fixture *f, int rounds, int64_t round_ms) {
    struct error err = ERROR_INIT;
    for (int64_t i = 0; i < rounds * round_ms / LEASE_TICK_MS; i++) {
        int64_t round = 0;
        bool gap = false;
        f->mono_ms += LEASE_TICK_MS;
        f->wall_ms += LEASE_TICK_MS;
        assert_true(lease_clock_begin(&f->core->lease, f->mono_ms, &round));
        assert_true(lease_clock_read(&f->core->lease, 0, round, f->mono_ms, &gap));
        must(nodes_on_lease_time(f->core, gap, &err), &err);
    }
}

/* --- campaigns -------------------------------------------------------------------------------- */
UNUSED_OK static json_t *fixture_body(const char *campaign, const char *const *kernels, size_t n) {
    json_t *problems = json_array(), *list = json_array();
    json_array_append_new(problems,
                          json_pack("{s:s, s:s, s:s}", "name", "act", "path", "level1/act.yaml", "yaml", PROBLEM_YAML));
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:o, s:s, s:s}", "path", json_sprintf("k%zu.yaml", i), "yaml",
                                              kernels[i], "source", KERNEL_SOURCE));
    /* What a test submits is to run, however often it did before. */
    return json_pack("{s:s, s:s, s:o, s:o, s:b}", "filename", "c.yaml", "campaign", campaign, "problems", problems,
                     "kernels", list, "force", 1);
}

UNUSED_OK static int fixture_try_submit(struct fixture *f, const char *campaign, const char *const *kernels, size_t n,
                                        struct plan_summary *summary, struct error *err) {
    json_t *body = fixture_body(campaign, kernels, n);
    struct submission *s = submission_from_json(body, err);
    int status = s ? plan_submit(f->core, s, false, summary, err) : -1;
    submission_free(s);
    json_decref(body);
    return status;
}

/* A campaign of one kernel without tuning on the given targets (YAML list); returns it. */
UNUSED_OK static struct campaign *fixture_submit(struct fixture *f, const char *targets) {
    struct error err = ERROR_INIT;
    struct plan_summary summary;
    char text[512];
    const char *kernels[] = {KERNEL_YAML("one", "")};
    snprintf(text, sizeof text,
             "campaign: test\nproblems: [act]\ntargets: %s\nsize: small\nstrategies: [human]\nkernels: ['*.yaml']\n",
             targets);
    must(fixture_try_submit(f, text, kernels, 1, &summary, &err), &err);
    return core_campaign(f->core, summary.campaign);
}

/* --- outcomes --------------------------------------------------------------------------------- */
UNUSED_OK static void fixture_outcome(const struct rec_task *task, const char *outcome, const char *verdict,
                                      struct rec_attempt *ret) {
    protocol_attempt_of(task, ret);
    rec_set(&ret->outcome, outcome);
    rec_set(&ret->verdict, verdict);
    ret->finished_ms = 1790000001000;
    if (!verdict || strcmp(verdict, "correct") != 0) return;
    struct rec_measured *baseline = rec_list_measured_push(&ret->measured);
    rec_set(&baseline->kernel, "fused");
    rec_set(&baseline->size, task->size);
    rec_set(&baseline->role, "baseline");
    baseline->time_ns_p50 = 3000;
    baseline->has_time_ns_p50 = true;
    struct rec_measured *m = rec_list_measured_push(&ret->measured);
    rec_set(&m->candidate, "abc");
    rec_set(&m->kernel, task->kernel);
    rec_set(&m->size, task->size);
    rec_set(&m->role, "candidate");
    rec_set(&m->verdict, "correct");
    rec_set(&m->baseline, "fused");
    m->time_ns_p50 = 2000;
    m->has_time_ns_p50 = true;
    m->speedup = 1.5;
    m->speedup_low = 1.4;
    m->speedup_high = 1.6;
    m->speedup_confidence = 0.9375;
    m->has_speedup = m->has_speedup_low = m->has_speedup_high = true;
}

UNUSED_OK static void fixture_report(struct fixture *f, const struct rec_task *task, const char *outcome,
                                     const char *verdict) {
    struct error err = ERROR_INIT;
    struct rec_attempt attempt;
    struct record_source source = {.topic = "attempts", .partition = 0, .offset = 1};
    fixture_outcome(task, outcome, verdict, &attempt);
    if (strcmp(outcome, "infrastructure") == 0) rec_set(&attempt.infrastructure, verdict ? verdict : "driver lost");
    if (strcmp(outcome, "verdict") != 0) rec_set(&attempt.verdict, NULL);
    must(accept_attempt(f->core, &attempt, &source, &err), &err);
    rec_attempt_done(&attempt);
}

struct fixture_outbox {
    const char *topic;
    int count;
    char key[600];
    uint8_t *value;
    size_t len;
};
UNUSED_OK static int fixture_outbox_row(void *context, const struct row_outbox *row, struct error *err) {
    struct fixture_outbox *o = context;
    (void)err;
    if (strcmp(row->topic, o->topic) != 0) return 0;
    o->count++;
    snprintf(o->key, sizeof o->key, "%s", row->key);
    free(o->value);
    o->value = xmalloc(row->len + 1);
    if (row->len > 0) memcpy(o->value, row->value, row->len);
    o->len = row->len;
    return 0;
}
/* Number of outbox rows of a topic; the last one is kept in *ret when it is not NULL (free ret->value). */
UNUSED_OK static int fixture_outbox_count(struct fixture *f, const char *topic, struct fixture_outbox *ret) {
    struct error err = ERROR_INIT;
    struct fixture_outbox o = {.topic = topic};
    must(store_outbox(f->core->store, 0, 1000000, fixture_outbox_row, &o, &err), &err);
    if (ret)
        *ret = o;
    else
        free(o.value);
    return o.count;
}
