/* The whole coordinator on the embedded broker: registration, campaigns, tries, faults, over bus and HTTP. */
#include "tests/tools/under_tsan.h"
#include "tests/unit/coordinator/plane.h"

#define CAMPAIGN                                                                                                   \
    "campaign: demo\nproblems: [act]\ntargets: [alpha, beta]\nsize: small\nstrategies: [human, search]\nkernels: " \
    "['*.yaml']\n"

static json_t *last_of(const json_t *lines) {
    return json_array_get(lines, json_array_size(lines) - 1);
}

/* Latest value per key of a public topic. */
struct table {
    struct map *keys;
    struct codec *codec;
    int records;
};
static int tally(void *context, const struct bus_record *record, struct error *err) {
    struct table *t = context;
    (void)err;
    t->records++;
    map_put(t->keys, record->key, t);
    return 0;
}
static size_t keys_on(const struct plane *p, const char *topic, int *ret_records) {
    struct error err = ERROR_INIT;
    struct bus_config config = {.bootstrap = coordinator_bootstrap(p->coordinator)};
    struct bus *bus = bus_new(&config, &err);
    struct table t = {.keys = map_new()};
    must(bus_wait(bus, PLANE_LIMIT_MS, &err), &err);
    must(bus_replay(bus, topic, true, PLANE_LIMIT_MS, tally, &t, &err), &err);
    size_t n = map_count(t.keys);
    if (ret_records) *ret_records = t.records;
    map_free(t.keys);
    bus_free(bus);
    return n;
}

static void wait_published(const struct plane *p) {
    for (int64_t until = clock_mono_ms() + PLANE_LIMIT_MS; clock_mono_ms() < until;) {
        json_t *health = http_json(p, "GET", "/v1/health", NULL, 200);
        int64_t left = json_integer_value(json_object_get(health, "outbox"));
        json_decref(health);
        if (left == 0) return;
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    fail_msg("the outbox is not empty in time");
}

/* Each result gives its candidate and its baseline, and a filter chooses results. */
static void check_measurements(const struct plane *p, const char *id) {
    char path[160];
    snprintf(path, sizeof path, "/v1/measurements?campaign=%s", id);
    json_t *rows = http_lines(p, "GET", path, NULL);
    assert_int_equal(json_array_size(rows), 8);
    const json_t *row = json_array_get(rows, 0);
    assert_int_equal(json_object_size(row), rec_measurement_desc.field_count);
    assert_string_equal(json_at(row, "campaign"), id);
    assert_string_equal(json_at(row, "purpose"), "campaign");
    assert_int_equal(strncmp(json_at(row, "attempt_id"), json_at(row, "task_id"), strlen(json_at(row, "task_id"))), 0);
    json_decref(rows);
    snprintf(path, sizeof path, "/v1/measurements?target=alpha&campaign=%s", id);
    rows = http_lines(p, "GET", path, NULL);
    assert_int_equal(json_array_size(rows), 4);
    json_decref(rows);
    snprintf(path, sizeof path, "/v1/measurements?limit=3&campaign=%s", id);
    rows = http_lines(p, "GET", path, NULL);
    assert_int_equal(json_array_size(rows), 3);
    json_decref(rows);
}

static void check_views(const struct plane *p, const char *id) {
    char path[128];
    snprintf(path, sizeof path, "/v1/campaigns/%.6s", id);
    json_t *shown = http_json(p, "GET", path, NULL, 200);
    assert_string_equal(json_at(shown, "state"), "complete");
    assert_int_equal(json_array_size(json_object_get(shown, "cells")), 4);
    const char *task = json_at(json_array_get(json_object_get(shown, "cells"), 0), "task");
    snprintf(path, sizeof path, "/v1/tasks/%s", task);
    json_t *one = http_json(p, "GET", path, NULL, 200);
    assert_string_equal(json_at(one, "log"), "build log");
    assert_string_equal(json_at(json_array_get(json_object_get(one, "attempt_list"), 0), "state"), "accepted");
    assert_int_equal(json_array_size(json_object_get(one, "measured")), 2);
    json_decref(one);
    json_decref(shown);
    snprintf(path, sizeof path, "/v1/matrix?campaign=%s", id);
    json_t *matrix = http_json(p, "GET", path, NULL, 200);
    assert_int_equal(json_array_size(json_object_get(matrix, "cells")), 2);
    const json_t *cell = json_array_get(json_object_get(matrix, "cells"), 0);
    assert_string_equal(json_at(cell, "verdict"), "correct");
    assert_true(json_real_value(json_object_get(cell, "score")) == 1.5);
    assert_true(json_is_true(json_object_get(cell, "faster")));
    json_decref(matrix);
    snprintf(path, sizeof path, "/v1/results?campaign=%s", id);
    json_t *results = http_json(p, "GET", path, NULL, 200);
    assert_int_equal(json_array_size(results), 4);
    assert_string_equal(json_at(json_array_get(results, 0), "status"), "provisional");
    json_decref(results);
    check_measurements(p, id);
}

static void a_campaign_runs_from_submission_to_the_results_topic(void **state) {
    struct plane *p = *state;
    struct agent a = {0}, b = {0};
    plane_start(p);
    agent_start(&a, p, "n1", "i1", "alpha", "correct");
    agent_start(&b, p, "n2", "i2", "beta", "correct");
    plane_wait_ready(p, 2);
    char *id = plane_submit(p, CAMPAIGN, 2), path[128];
    snprintf(path, sizeof path, "/v1/campaigns/%s/events", id);
    json_t *lines = http_lines(p, "GET", path, NULL);
    assert_string_equal(json_at(json_array_get(lines, 0), "event"), "campaign");
    assert_string_equal(json_at(last_of(lines), "event"), "end");
    assert_string_equal(json_at(last_of(lines), "state"), "complete");
    assert_int_equal(json_integer_value(json_object_get(last_of(lines), "exit_status")), 0);
    json_decref(lines);
    snprintf(path, sizeof path, "/v1/results?follow=1&campaign=%s", id);
    lines = http_lines(p, "GET", path, NULL);
    assert_int_equal(json_array_size(lines), 4);
    json_decref(lines);
    check_views(p, id);
    wait_published(p);
    int records = 0;
    assert_int_equal(keys_on(p, TOPIC_RESULTS, &records), 4);
    assert_int_equal(records, 4);
    assert_int_equal(keys_on(p, TOPIC_MEASUREMENTS, NULL), 8);
    assert_int_equal(keys_on(p, TOPIC_CAMPAIGNS, NULL), 1);
    agent_stop(&a);
    agent_stop(&b);
    plane_stop(p);
    assert_int_equal(p->status, 0);
    free(id);
}

/* Kernel `one` is twice as fast, in bfloat16: it stands beside the cell and in no score. */
static void declared_precision_is_ranked_apart(void **state) {
    struct plane *p = *state;
    struct agent a = {.reduced = "one"};
    char path[128];
    plane_start(p);
    agent_start(&a, p, "n1", "i1", "alpha", "correct");
    plane_wait_ready(p, 1);
    char *id = plane_submit(p,
                            "campaign: tiers\nproblems: [act]\ntargets: [alpha]\nsize: small\nstrategies: [human]\n"
                            "kernels: ['*.yaml']\n",
                            2);
    snprintf(path, sizeof path, "/v1/campaigns/%s/events", id);
    json_decref(http_lines(p, "GET", path, NULL));
    snprintf(path, sizeof path, "/v1/matrix?campaign=%s", id);
    json_t *matrix = http_json(p, "GET", path, NULL, 200);
    const json_t *cell = json_array_get(json_object_get(matrix, "cells"), 0);
    const json_t *reduced = json_array_get(json_object_get(cell, "reduced"), 0);
    assert_int_equal(json_array_size(json_object_get(matrix, "cells")), 1);
    assert_string_equal(json_at(cell, "kernel"), "two");
    assert_string_equal(json_at(cell, "precision"), "");
    assert_true(json_real_value(json_object_get(cell, "score")) == 1.5);
    assert_string_equal(json_at(reduced, "kernel"), "one");
    assert_string_equal(json_at(reduced, "precision"), "bf16");
    assert_true(json_real_value(json_object_get(reduced, "speedup")) == 3);
    const json_t *scores = json_array_get(json_object_get(matrix, "scores"), 0);
    assert_true(json_real_value(json_object_get(scores, "geomean")) == 1.5);
    json_decref(matrix);
    free(id);
    id = plane_submit(p,
                      "campaign: alone\nproblems: [act]\ntargets: [alpha]\nsize: small\nstrategies: [human]\n"
                      "kernels: ['*.yaml']\n",
                      1);
    snprintf(path, sizeof path, "/v1/campaigns/%s/events", id);
    json_decref(http_lines(p, "GET", path, NULL));
    snprintf(path, sizeof path, "/v1/matrix?campaign=%s", id);
    matrix = http_json(p, "GET", path, NULL, 200); /* alone, it counts as the baseline */
    cell = json_array_get(json_object_get(matrix, "cells"), 0);
    assert_true(json_real_value(json_object_get(cell, "score")) == 1);
    assert_false(json_is_true(json_object_get(cell, "faster")));
    scores = json_array_get(json_object_get(matrix, "scores"), 0);
    assert_int_equal(json_integer_value(json_object_get(scores, "correct")), 0);
    json_decref(matrix);
    free(id);
    agent_stop(&a);
    plane_stop(p);
}

static void a_problem_that_accepts_trivial_answers_is_not_taken(void **state) {
    struct plane *p = *state;
    static const char TRIVIAL[] =
        "sizes: {check: {N: 9}, small: {N: 99}}\ninputs:\n  x: {dtype: f32, shape: [N]}\ngraph:\n  - y = mul(x, "
        "0.0)\noutputs: [y]\n";
    static const char CAMPAIGN_TEXT[] =
        "campaign: bad\nproblems: [nought]\ntargets: [alpha]\nstrategies: [human]\nkernels: ['*.yaml']\n";
    static const char KERNEL[] =
        "kernel: one\nproblem: nought\nlanguage: opencl-c\nsource: act.cl\nlaunches:\n  - {kernel: "
        "act, args: [x, y, N], global: [N]}\n";
    plane_start(p);
    for (int exempt = 0; exempt < 2; exempt++) {
        char *yaml = xasprintf("problem: nought\n%s%s", exempt ? "exempt: a fixture\n" : "", TRIVIAL);
        json_t *body = json_pack("{s:s, s:s, s:[{s:s, s:s}], s:[{s:s, s:s, s:s}]}", "filename", "c.yaml", "campaign",
                                 CAMPAIGN_TEXT, "problems", "path", "nought.yaml", "yaml", yaml, "kernels", "path",
                                 "k.yaml", "yaml", KERNEL, "source", KERNEL_SOURCE);
        char *text = json_dumps(body, 0);
        json_t *answer = http_json(p, "POST", "/v1/campaigns", text, exempt ? 201 : 400);
        char *said = json_dumps(answer, 0);
        assert_non_null(strstr(said, exempt ? "exempt from admission (a fixture)" : "accepts trivial answers"));
        assert_non_null(strstr(said, "a product with 0 is 0 for any data"));
        if (!exempt) assert_non_null(strstr(said, "portolan problem check nought.yaml"));
        free(said);
        free(text);
        free(yaml);
        json_decref(answer);
        json_decref(body);
    }
    plane_stop(p);
}

static void a_try_streams_until_its_verdicts(void **state) {
    struct plane *p = *state;
    struct agent a = {.delay_ms = 100};
    plane_start(p);
    json_t *refused = http_json(p, "POST", "/v1/try", "{\"kernel\": {\"yaml\": \"x\"}}", 400);
    json_decref(refused);
    agent_start(&a, p, "n1", "i1", "alpha", "wrong_output");
    plane_wait_ready(p, 1);
    json_t *body = json_pack("{s:{s:s,s:s,s:s}, s:{s:s,s:s,s:s}, s:s}", "problem", "name", "act", "path", "p.yaml",
                             "yaml", PROBLEM_YAML, "kernel", "path", "k.yaml", "yaml", KERNEL_YAML("mine", ""),
                             "source", KERNEL_SOURCE, "size", "small");
    char *text = json_dumps(body, 0);
    json_t *lines = http_lines(p, "POST", "/v1/try", text), *line;
    size_t i;
    bool planned = false, running = false, result = false;
    json_array_foreach(lines, i, line) {
        planned |= strcmp(json_at(line, "event"), "planned") == 0;
        running |= strcmp(json_at(line, "event"), "running") == 0 &&
                   strcmp(json_at(json_object_get(line, "cell"), "phase"), "time") == 0;
        if (strcmp(json_at(line, "event"), "result") != 0) continue;
        assert_false(result);
        result = true;
        assert_string_equal(json_at(json_object_get(line, "result"), "verdict"), "wrong_output");
        assert_string_equal(json_at(line, "log"), "build log");
    }
    assert_true(planned && running && result);
    assert_int_equal(json_integer_value(json_object_get(last_of(lines), "exit_status")), 55);
    json_decref(lines);
    json_decref(body);
    free(text);
    json_t *campaigns = http_json(p, "GET", "/v1/campaigns", NULL, 200);
    assert_int_equal(json_array_size(json_object_get(campaigns, "campaigns")), 0);
    json_decref(campaigns);
    agent_stop(&a);
    plane_stop(p);
}

static void leaving_a_try_cancels_it(void **state) {
    struct plane *p = *state;
    struct agent a = {0};
    char headers[300];
    atomic_store(&a.mute, true);
    plane_start(p);
    agent_start(&a, p, "n1", "i1", "alpha", "correct");
    plane_wait_ready(p, 1);
    json_t *body = json_pack("{s:{s:s,s:s,s:s}, s:{s:s,s:s,s:s}, s:s}", "problem", "name", "act", "path", "p.yaml",
                             "yaml", PROBLEM_YAML, "kernel", "path", "k.yaml", "yaml", KERNEL_YAML("mine", ""),
                             "source", KERNEL_SOURCE, "size", "small");
    char *text = json_dumps(body, 0);
    snprintf(headers, sizeof headers, "Host: localhost:%d\r\nAuthorization: Bearer %s\r\n",
             coordinator_api_port(p->coordinator), p->token);
    int fd = http_open(p, "POST", "/v1/try", headers, text);
    while (atomic_load(&a.tasks) == 0) nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    close(fd);
    for (int64_t until = clock_mono_ms() + PLANE_LIMIT_MS; atomic_load(&a.cancels) == 0;) {
        if (clock_mono_ms() > until) fail_msg("no cancel came");
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    json_decref(body);
    free(text);
    agent_stop(&a);
    plane_stop(p);
}

static void garbage_on_the_bus_becomes_dead_letters_and_work_goes_on(void **state) {
    struct plane *p = *state;
    struct error err = ERROR_INIT;
    struct agent a = {0};
    plane_start(p);
    agent_start(&a, p, "n1", "i1", "alpha", "correct");
    plane_wait_ready(p, 1);
    struct bus_config config = {.bootstrap = coordinator_bootstrap(p->coordinator)};
    struct bus *bus = bus_new(&config, &err);
    struct bus_producer *producer = bus_producer_new(bus, &(struct bus_producer_config){.own_thread = true}, &err);
    static const uint8_t unknown[] = {0xC3, 0x01, 1, 2, 3, 4, 5, 6, 7, 8, 9}, cut[] = {0xC3};
    static const char *const topics[] = {TOPIC_ATTEMPTS, TOPIC_NODES};
    for (size_t i = 0; i < 2; i++) {
        must(bus_send_wait(producer, topics[i], BUS_ANY_PARTITION, "k", unknown, sizeof unknown, PLANE_LIMIT_MS, NULL,
                           &err),
             &err);
        must(bus_send_wait(producer, topics[i], BUS_ANY_PARTITION, "k", cut, sizeof cut, PLANE_LIMIT_MS, NULL, &err),
             &err);
        must(bus_send_wait(producer, topics[i], BUS_ANY_PARTITION, "k", "text", 4, PLANE_LIMIT_MS, NULL, &err), &err);
    }
    char *id = plane_submit(
             p, "campaign: g\nproblems: [act]\ntargets: [alpha]\nsize: small\nstrategies: [human]\nkernels: [k]\n", 1),
         path[128];
    snprintf(path, sizeof path, "/v1/campaigns/%s/events", id);
    json_t *lines = http_lines(p, "GET", path, NULL);
    assert_string_equal(json_at(last_of(lines), "state"), "complete");
    json_decref(lines);
    wait_published(p);
    int64_t until =
        clock_mono_ms() + PLANE_LIMIT_MS; /* topics are read side by side: those of `nodes` may come later */
    while (keys_on(p, TOPIC_DEADLETTER, NULL) < 6 && clock_mono_ms() < until) {
    }
    assert_int_equal(keys_on(p, TOPIC_DEADLETTER, NULL), 6);
    bus_producer_free(producer);
    bus_free(bus);
    free(id);
    agent_stop(&a);
    plane_stop(p);
}

static void after_a_restart_the_new_embedded_broker_gets_the_results_again_and_open_work_goes_on(void **state) {
    struct plane *p = *state;
    struct agent a = {0}, b = {0}, again = {0};
    plane_start(p);
    agent_start(&a, p, "n1", "i1", "alpha", "correct");
    atomic_store(&b.mute, true);
    agent_start(&b, p, "n2", "i2", "beta", "correct");
    plane_wait_ready(p, 2);
    char *id = plane_submit(p, CAMPAIGN, 2), path[128];
    snprintf(path, sizeof path, "/v1/results?follow=1&limit=2&campaign=%s", id);
    json_t *lines = http_lines(p, "GET", path, NULL); /* alpha's two */
    assert_int_equal(json_array_size(lines), 2);
    json_decref(lines);
    agent_stop(&a);
    agent_stop(&b);
    plane_stop(p);
    plane_start(p);
    agent_start(&again, p, "n2", "i3", "beta", "correct");
    snprintf(path, sizeof path, "/v1/campaigns/%s/events", id);
    lines = http_lines(p, "GET", path, NULL);
    assert_string_equal(json_at(last_of(lines), "state"), "complete");
    json_decref(lines);
    wait_published(p);
    int records = 0;
    assert_int_equal(keys_on(p, TOPIC_RESULTS, &records), 4);
    assert_int_equal(keys_on(p, TOPIC_MEASUREMENTS, NULL), 8);
    agent_stop(&again);
    plane_stop(p);
    free(id);
}

static void a_silent_node_loses_its_lease_and_another_one_finishes(void **state) {
    struct plane *p = *state;
    struct agent a = {0}, b = {0};
    p->config.lease_ms = 2000;
    atomic_store(&a.mute, true);
    plane_start(p);
    agent_start(&a, p, "n1", "i1", "alpha", "correct");
    plane_wait_ready(p, 1);
    char *id = plane_submit(
             p, "campaign: s\nproblems: [act]\ntargets: [alpha]\nsize: small\nstrategies: [human]\nkernels: [k]\n", 1),
         path[128];
    while (atomic_load(&a.tasks) == 0) nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    agent_stop(&a);
    agent_start(&b, p, "n2", "i2", "alpha", "correct");
    snprintf(path, sizeof path, "/v1/campaigns/%s/events", id);
    json_t *lines = http_lines(p, "GET", path, NULL);
    assert_string_equal(json_at(last_of(lines), "state"), "complete");
    json_decref(lines);
    json_t *results = http_json(p, "GET", "/v1/results", NULL, 200);
    assert_int_equal(json_array_size(results), 1);
    assert_string_equal(json_at(json_array_get(results, 0), "node"), "n2");
    json_decref(results);
    agent_stop(&b);
    plane_stop(p);
    free(id);
}

static void without_a_broker_submissions_are_stored_and_health_says_what_was_tried(void **state) {
    struct plane *p = *state;
    p->config.embedded = false;
    p->config.bootstrap = "127.0.0.1:1";
    plane_start(p);
    char *id = plane_submit(p, CAMPAIGN, 1);
    for (int64_t until = clock_mono_ms() + PLANE_LIMIT_MS;;) {
        json_t *health = http_json(p, "GET", "/v1/health", NULL, 200);
        const json_t *broker = json_object_get(health, "broker");
        bool said = strstr(json_at(broker, "last_error"), "127.0.0.1:1") != NULL;
        if (said) {
            assert_string_equal(json_at(health, "status"), "degraded");
            assert_string_equal(json_at(broker, "state"), "absent");
        }
        json_decref(health);
        if (said) break;
        if (clock_mono_ms() > until) fail_msg("health does not say what was tried");
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    char path[128];
    snprintf(path, sizeof path, "/v1/campaigns/%s", id);
    json_t *shown = http_json(p, "GET", path, NULL, 200);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(shown, "counts"), "waiting")), 2);
    json_decref(shown);
    free(id);
    plane_stop(p);
}

static void the_api_wants_token_host_and_a_sane_request(void **state) {
    struct plane *p = *state;
    plane_start(p);
    char good[300];
    int status = 0;
    snprintf(good, sizeof good, "Host: 127.0.0.1\r\nAuthorization: Bearer %s\r\n", p->token);
    const struct {
        const char *method, *path, *headers, *body;
        int status;
    } cases[] = {{"GET", "/v1/health", "Host: 127.0.0.1\r\n", NULL, 401},
                 {"GET", "/v1/health", "Host: 127.0.0.1\r\nAuthorization: Bearer wrong\r\n", NULL, 401},
                 {"GET", "/v1/health", "Host: evil.example\r\n", NULL, 403},
                 {"GET", "/v1/health", "Host: 127.0.0.1.evil.example\r\n", NULL, 403},
                 {"GET", "/v1/health", good, NULL, 200},
                 {"DELETE", "/v1/health", good, NULL, 405},
                 {"GET", "/v1/nothing", good, NULL, 404},
                 {"GET", "/v1/campaigns/ffff", good, NULL, 404},
                 {"GET", "/v1/campaigns/'%20or%201", good, NULL, 404},
                 {"GET", "/v1/results?limit=x", good, NULL, 400},
                 {"GET", "/v1/results?verdict=corect", good, NULL, 400},
                 {"GET", "/v1/results?verdict=gave_up&status=confirmed&purpose=sweep", good, NULL, 200},
                 {"GET", "/v1/results?status=fine", good, NULL, 400},
                 {"GET", "/v1/measurements?purpose=tries", good, NULL, 400},
                 {"GET", "/v1/measurements?limit=-1", good, NULL, 400},
                 {"GET", "/v1/measurements?format=json", good, NULL, 400},
                 {"GET", "/v1/measurements?campaign=zzzz", good, NULL, 404},
                 {"GET", "/v1/matrix?campaign=zzzz", good, NULL, 404},
                 {"POST", "/v1/campaigns", good, "{", 400},
                 {"POST", "/v1/campaigns", good, "[1]", 400},
                 {"POST", "/v1/campaigns/ffff/cancel", good, "{}", 404},
                 {"GET", "/schemas/ids/999", good, NULL, 404},
                 {"GET", "/subjects/nothing/versions/latest", good, NULL, 404},
                 {"GET", "/metrics", good, NULL, 200}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = http_raw(p, cases[i].method, cases[i].path, cases[i].headers, cases[i].body, &status);
        if (status != cases[i].status) fail_msg("%s %s: %d %s", cases[i].method, cases[i].path, status, text);
        free(text);
    }
    char *body = xmalloc(100000);
    memset(body, ' ', 99999);
    body[99999] = 0;
    char *text = http_raw(p, "POST", "/v1/campaigns/ffff/cancel", good, body, &status);
    assert_int_equal(status, 413);
    free(text);
    free(body);
    json_t *schema = http_json(p, "GET", "/subjects/portolan.results-value/versions/latest", NULL, 200);
    assert_int_equal(json_integer_value(json_object_get(schema, "id")), 1);
    assert_string_equal(json_at(schema, "schema"), rec_result_desc.text);
    json_decref(schema);
    plane_stop(p);
}

static void what_is_in_use_or_not_built_is_said_at_the_start(void **state) {
    struct plane *p = *state;
    struct error err = ERROR_INIT;
    plane_start(p);
    struct coordinator_config other = p->config;
    assert_null(coordinator_start(&other, &err));
    assert_int_equal(err.code, ERR_BUSY);
    assert_non_null(strstr(err.text, "in use by process"));
    char state_dir[128], announced[160];
    snprintf(state_dir, sizeof state_dir, "%s/other", p->dir);
    snprintf(announced, sizeof announced, "%s/coordinator.json", p->runtime);
    other.state_dir = state_dir;
    other.api_port = coordinator_api_port(p->coordinator);
    assert_null(coordinator_start(&other, &err));
    assert_int_equal(err.code, ERR_BUSY);
    assert_non_null(strstr(err.text, "port"));
    assert_non_null(strstr(err.text, "hint:"));
    other.api_port = 0;
    other.api_address = "0.0.0.0";
    assert_null(coordinator_start(&other, &err));
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_int_equal(access(announced, R_OK), 0);
    plane_stop(p);
    assert_int_not_equal(access(announced, R_OK), 0);
}

static void nothing_here_runs_under_tsan(void **state) {
    (void)state;
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, plane_setup, plane_teardown)
    const struct CMUnitTest tests[] = {
        T(a_campaign_runs_from_submission_to_the_results_topic),
        T(declared_precision_is_ranked_apart),
        T(a_problem_that_accepts_trivial_answers_is_not_taken),
        T(a_try_streams_until_its_verdicts),
        T(leaving_a_try_cancels_it),
        T(garbage_on_the_bus_becomes_dead_letters_and_work_goes_on),
        T(after_a_restart_the_new_embedded_broker_gets_the_results_again_and_open_work_goes_on),
        T(a_silent_node_loses_its_lease_and_another_one_finishes),
        T(without_a_broker_submissions_are_stored_and_health_says_what_was_tried),
        T(the_api_wants_token_host_and_a_sane_request),
        T(what_is_in_use_or_not_built_is_said_at_the_start),
    };
    /* run-unit wants a test that ran. */
    const struct CMUnitTest none[] = {cmocka_unit_test(nothing_here_runs_under_tsan)};
    return UNDER_TSAN ? cmocka_run_group_tests(none, NULL, NULL) : cmocka_run_group_tests(tests, NULL, NULL);
}
