/* The routes of sweeps over a real connection: what they take, what they refuse and with which status, and the shapes
 * that docs/api.md promises. */
#include "tests/tools/under_tsan.h"
#include "tests/unit/coordinator/plane.h"

#define DEFINITION "sweep: nightly\\ncron: \\\"30 1 * * *\\\"\\ntargets: [alpha]\\nnotify: {webhook: team}\\n"
#define ADD "{\"filename\": \"nightly.yaml\", \"definition\": \"" DEFINITION "\""

static struct plane *begin(void **state) {
    struct plane *p = *state;
    plane_start(p);
    return p;
}

static json_t *post(struct plane *p, const char *path, const char *body, int expected) {
    return http_json(p, "POST", path, body, expected);
}

static json_t *get(struct plane *p, const char *path, int expected) {
    return http_json(p, "GET", path, NULL, expected);
}

static void done(struct plane *p, const char *path, const char *body, int expected) {
    json_decref(post(p, path, body, expected));
}

/* Asks, and the answer's error must speak of `part`. */
static void refused(struct plane *p, const char *path, const char *body, int expected, const char *part) {
    char *text = http_text(p, body ? "POST" : "GET", path, body, expected);
    if (!strstr(text, part)) fail_msg("%s %s: `%s` is not in: %s", path, body ? body : "", part, text);
    free(text);
}

static void a_sweep_is_added_listed_shown_and_removed(void **state) {
    if (UNDER_TSAN) skip();
    struct plane *p = begin(state);
    json_t *added = post(p, "/v1/sweeps", ADD "}", 201);
    assert_string_equal(json_at(added, "sweep"), "nightly");
    assert_int_equal(json_array_size(json_object_get(added, "warnings")), 3); /* no kernel, no device, no webhook */
    json_decref(added);
    refused(p, "/v1/sweeps", ADD "}", 409, "there is a sweep `nightly` already");
    done(p, "/v1/sweeps", ADD ", \"replace\": true}", 201);
    json_t *list = get(p, "/v1/sweeps", 200);
    const json_t *first = json_array_get(json_object_get(list, "sweeps"), 0);
    assert_string_equal(json_at(first, "state"), "waiting");
    assert_string_equal(json_at(first, "cron"), "30 1 * * *");
    assert_string_equal(json_at(first, "time_zone"), "UTC");
    assert_true(json_is_object(json_object_get(first, "next")));
    json_decref(list);
    json_t *shown = get(p, "/v1/sweeps/nightly", 200);
    assert_int_equal(json_array_size(json_object_get(shown, "upcoming")), 5);
    assert_string_equal(json_at(json_object_get(shown, "notify"), "name"), "team");
    assert_string_equal(json_at(json_object_get(shown, "notify"), "state"), "unconfigured");
    assert_string_equal(json_at(json_object_get(shown, "rules"), "overlap"), "skip");
    json_decref(shown);
    json_t *removed = post(p, "/v1/sweeps/nightly/remove", "{}", 200);
    assert_true(json_is_true(json_object_get(removed, "removed")));
    json_decref(removed);
    refused(p, "/v1/sweeps/nightly", NULL, 404, "there is no sweep `nightly`");
    plane_stop(p);
}

static void what_is_no_sweep_is_refused_with_its_reason(void **state) {
    if (UNDER_TSAN) skip();
    struct plane *p = begin(state);
    const struct {
        const char *body, *said;
        int status;
    } wrong[] = {
        {"{}", "`definition` must be a string", 400},
        {"[]", "", 400},
        {"{\"definition\": 7, \"filename\": \"a\"}", "`definition` must be a string", 400},
        {"{\"definition\": \"a\\u0000b\", \"filename\": \"a\"}", "", 400},
        {"{\"definition\": \"sweep: x\", \"filename\": 7}", "`filename` must be a string", 400},
        {ADD ", \"replace\": 1}", "`replace` must be true or false", 400},
        {"{\"definition\": \"sweep: x\\ncron: 0 0 30 2 *\\ntargets: [a]\\n\", \"filename\": \"a.yaml\"}",
         "a.yaml:2:7: `cron`: column 1: `0 0 30 2 *` never fires", 400},
        {"{\"definition\": \"sweep: x\\ncron: '@daily'\\ntargets: [a]\\nkernels: [nobody]\\n\", \"filename\": "
         "\"a.yaml\"}",
         "nothing of the name `nobody` was promoted", 400},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refused(p, "/v1/sweeps", wrong[i].body, wrong[i].status, wrong[i].said);
    json_t *list = get(p, "/v1/sweeps", 200);
    assert_int_equal(json_array_size(json_object_get(list, "sweeps")), 0);
    json_decref(list);
    plane_stop(p);
}

/* A coordinator that has just started does not know its fleet yet, and says so. */
static void run_now(struct plane *p) {
    char headers[300];
    int status = 0;
    snprintf(headers, sizeof headers, "Host: 127.0.0.1\r\nAuthorization: Bearer %s\r\n", p->token);
    for (int64_t until = clock_mono_ms() + PLANE_LIMIT_MS; status != 201; usleep(20000)) {
        char *text = http_raw(p, "POST", "/v1/sweeps/nightly/run", headers, "{}", &status);
        if ((status != 201 && status != 503) || clock_mono_ms() > until) fail_msg("%d %s", status, text);
        free(text);
    }
}

static void a_sweep_is_paused_resumed_and_run(void **state) {
    if (UNDER_TSAN) skip();
    struct plane *p = begin(state);
    done(p, "/v1/sweeps", ADD "}", 201);
    json_t *paused = post(p, "/v1/sweeps/nightly/pause", "{\"reason\": \"holidays\"}", 200);
    assert_true(json_is_true(json_object_get(paused, "paused")));
    assert_string_equal(json_at(paused, "reason"), "holidays");
    assert_true(json_is_null(json_object_get(paused, "next")));
    json_decref(paused);
    refused(p, "/v1/sweeps/nightly/pause", "{}", 409, "paused");
    done(p, "/v1/sweeps/nightly/resume", "{}", 200);
    refused(p, "/v1/sweeps/nightly/resume", "{}", 409, "not paused");
    run_now(p); /* nothing was promoted: it is over at once */
    json_t *runs = get(p, "/v1/sweeps/nightly/runs?limit=1", 200);
    const json_t *run = json_array_get(json_object_get(runs, "runs"), 0);
    assert_string_equal(json_at(run, "state"), "empty");
    assert_string_equal(json_at(run, "cause"), "manual");
    json_decref(runs);
    refused(p, "/v1/sweeps/nightly/runs?limit=x", NULL, 400, "limit");
    plane_stop(p);
}

static void findings_are_listed_muted_and_acknowledged(void **state) {
    if (UNDER_TSAN) skip();
    struct plane *p = begin(state);
    done(p, "/v1/sweeps", ADD "}", 201);
    done(p, "/v1/sweeps/nightly/mute", "{\"pattern\": \"softmax/*@lab3/*\", \"for_ms\": 60000, \"reason\": \"known\"}",
         200);
    json_t *findings = get(p, "/v1/sweeps/nightly/findings?open=true", 200);
    assert_int_equal(json_array_size(json_object_get(findings, "findings")), 0);
    const json_t *muted = json_array_get(json_object_get(findings, "muted"), 0);
    assert_string_equal(json_at(muted, "pattern"), "softmax/*@lab3/*");
    assert_string_equal(json_at(muted, "reason"), "known");
    assert_true(json_integer_value(json_object_get(muted, "until_ms")) > 0);
    json_decref(findings);
    done(p, "/v1/sweeps/nightly/mute", "{\"pattern\": \"softmax/*@lab3/*\", \"off\": true}", 200);
    refused(p, "/v1/sweeps/nightly/mute", "{\"pattern\": \"softmax/*@lab3/*\", \"off\": true}", 404, "");
    refused(p, "/v1/sweeps/nightly/mute", "{}", 400, "`pattern` must be text");
    refused(p, "/v1/sweeps/nightly/mute", "{\"pattern\": \"\"}", 400, "`pattern` must be text");
    refused(p, "/v1/sweeps/nightly/mute", "{\"pattern\": \"*\", \"for_ms\": -1}", 400, "`for_ms` is from 0");
    refused(p, "/v1/sweeps/nightly/mute", "{\"pattern\": \"*\", \"for_ms\": 99999999999999}", 400,
            "`for_ms` is from 0");
    json_t *acked = post(p, "/v1/sweeps/nightly/ack", "{\"all\": true}", 200);
    assert_int_equal(json_array_size(json_object_get(acked, "acknowledged")), 0);
    json_decref(acked);
    refused(p, "/v1/sweeps/nightly/ack", "{\"ids\": [1]}", 404, "there is no finding 1");
    refused(p, "/v1/sweeps/nightly/ack", "{}", 400, "either `ids`");
    refused(p, "/v1/sweeps/nightly/ack", "{\"ids\": [1], \"all\": true}", 400, "either `ids`");
    refused(p, "/v1/sweeps/nightly/ack", "{\"ids\": [\"x\"]}", 400, "`ids`");
    refused(p, "/v1/sweeps/weekly/findings", NULL, 404, "there is no sweep `weekly`");
    plane_stop(p);
}

static void what_is_muted_is_bounded(void **state) {
    if (UNDER_TSAN) skip();
    struct plane *p = begin(state);
    done(p, "/v1/sweeps", ADD "}", 201);
    char body[64];
    for (int i = 0; i < 256; i++) {
        snprintf(body, sizeof body, "{\"pattern\": \"p%d/*\"}", i);
        done(p, "/v1/sweeps/nightly/mute", body, 200);
    }
    refused(p, "/v1/sweeps/nightly/mute", "{\"pattern\": \"one-more\"}", 413, "256 patterns muted already");
    plane_stop(p);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, plane_setup, plane_teardown)
    const struct CMUnitTest tests[] = {
        T(a_sweep_is_added_listed_shown_and_removed),
        T(what_is_no_sweep_is_refused_with_its_reason),
        T(a_sweep_is_paused_resumed_and_run),
        T(findings_are_listed_muted_and_acknowledged),
        T(what_is_muted_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
