/* Roles of the HTTP API: each route of the table over a real connection with a token of each role, and what tokens
 * themselves promise. */
#include "coordinator/api/internal.h"
#include "tests/tools/under_tsan.h"
#include "tests/unit/coordinator/plane.h"

static char *token_of(const struct plane *p, const char *name, const char *role, const char *more) {
    CLEANUP_FREE char *body = xasprintf("{\"name\": \"%s\", \"role\": \"%s\"%s}", name, role, more);
    json_t *json = http_json(p, "POST", "/v1/tokens", body, 201);
    char *token = xstrdup(json_at(json, "token"));
    json_decref(json);
    return token;
}

static char *ask(const struct plane *p, const char *method, const char *path, const char *token, int *ret_status) {
    char headers[300];
    snprintf(headers, sizeof headers, "Host: 127.0.0.1\r\nAuthorization: Bearer %s\r\n", token);
    return http_raw(p, method, path, headers, strcmp(method, "POST") == 0 ? "{}" : NULL, ret_status);
}

static char *path_of(const struct route *route) {
    struct buf path = BUF_INIT;
    for (const char *c = route->pattern; *c; c++) {
        if (*c == '*')
            buf_puts(&path, "nothing-of-this-name");
        else
            buf_putc(&path, *c);
    }
    return buf_take(&path);
}

static void each_route_is_refused_below_its_role_and_open_from_it_on(void **state) {
    if (UNDER_TSAN) skip();
    struct plane *p = *state;
    plane_start(p);
    char *tokens[] = {NULL, token_of(p, "reader", "read", ""), token_of(p, "submitter", "submit", ""),
                      token_of(p, "second-operator", "operate", "")};
    size_t routes = 0;
    for (const struct route *route = api_routes; route->method; route++, routes++) {
        char *path = path_of(route);
        assert_in_range(route->role, ROLE_READ, ROLE_OPERATE);
        if (strcmp(route->method, "GET") != 0) assert_in_range(route->role, ROLE_SUBMIT, ROLE_OPERATE);
        for (int role = ROLE_READ; role <= ROLE_OPERATE; role++) {
            int status = 0;
            char *text = ask(p, route->method, path, tokens[role], &status);
            bool refused = status == 403;
            if (refused != (role < (int)route->role) || status == 401)
                fail_msg("%s %s as %s: %d %s", route->method, path, api_role_name((enum api_role)role), status, text);
            if (refused) assert_non_null(strstr(text, api_role_name(route->role)));
            free(text);
        }
        int status = 0;
        free(http_raw(p, route->method, path, "Host: 127.0.0.1\r\n", NULL, &status));
        assert_int_equal(status, 401);
        free(path);
    }
    assert_true(routes > 20);
    for (int role = ROLE_READ; role <= ROLE_OPERATE; role++) free(tokens[role]);
    plane_stop(p);
}

/* The dispatcher knows the table only, so a route that is not in it cannot be reached; and one without a role lets
 * nobody in. */
static void a_route_without_a_role_lets_nobody_in(void **state) {
    (void)state;
    struct request request = {.access = ACCESS_KNOWN, .who = {.role = ROLE_OPERATE}};
    struct route forgotten = {.method = "GET", .pattern = "/v1/new"};
    struct error err = ERROR_INIT;
    assert_int_equal(api_permit(&request, &forgotten, &err), -1);
    forgotten.role = ROLE_OPERATE;
    assert_int_equal(api_permit(&request, &forgotten, &err), 0);
}

static void the_documents_list_every_route_with_its_role(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *page = file_read("docs/security.md", 1 << 20, NULL, &err);
    if (!page) fail_msg("%s", err.text);
    for (const struct route *route = api_routes; route->method; route++) {
        CLEANUP_FREE char *row =
            xasprintf("| `%s %s` | %s |", route->method, route->pattern, api_role_name(route->role));
        if (!strstr(page, row)) fail_msg("docs/security.md has no row %s", row);
    }
}

static void a_token_ends_when_it_is_revoked_or_expires_and_outlives_a_restart(void **state) {
    if (UNDER_TSAN) skip();
    struct plane *p = *state;
    int status = 0;
    plane_start(p);
    char *kept = token_of(p, "kept", "read", ""), *brief = token_of(p, "brief", "read", ", \"expires_s\": 1"),
         *gone = token_of(p, "gone", "read", "");
    json_decref(http_json(p, "POST", "/v1/tokens/gone/revoke", "{}", 200));
    free(ask(p, "GET", "/v1/nodes", gone, &status));
    assert_int_equal(status, 401);
    for (int64_t until = clock_mono_ms() + PLANE_LIMIT_MS; status != 200 && clock_mono_ms() < until;)
        free(ask(p, "GET", "/v1/nodes", kept, &status));
    assert_int_equal(status, 200);
    char *text = NULL;
    for (int64_t until = clock_mono_ms() + PLANE_LIMIT_MS; status == 200 && clock_mono_ms() < until;) {
        free(text);
        text = ask(p, "GET", "/v1/nodes", brief, &status);
    }
    assert_int_equal(status, 401);
    assert_non_null(strstr(text, "`brief` has expired"));
    free(text);
    plane_stop(p);
    plane_start(p);
    free(ask(p, "GET", "/v1/nodes", kept, &status));
    assert_int_equal(status, 200);
    free(ask(p, "GET", "/v1/nodes", gone, &status));
    assert_int_equal(status, 401);
    plane_stop(p);
    free(kept), free(brief), free(gone);
}

static void the_store_and_the_listing_hold_no_token(void **state) {
    if (UNDER_TSAN) skip();
    struct plane *p = *state;
    plane_start(p);
    char *token = token_of(p, "grafana", "read", "");
    assert_int_equal(strlen(token), strlen(TOKEN_PREFIX) + 2 * TOKEN_BYTES);
    char *listing = http_text(p, "GET", "/v1/tokens", NULL, 200);
    assert_non_null(strstr(listing, "\"grafana\""));
    assert_null(strstr(listing, token + 8));
    free(listing);
    json_decref(http_json(p, "POST", "/v1/tokens", "{\"name\": \"grafana\", \"role\": \"read\"}", 409));
    json_decref(http_json(p, "POST", "/v1/tokens", "{\"name\": \"a b\", \"role\": \"read\"}", 400));
    json_decref(http_json(p, "POST", "/v1/tokens", "{\"name\": \"x\", \"role\": \"root\"}", 400));
    json_decref(http_json(p, "POST", "/v1/tokens", "{\"name\": \"x\", \"role\": \"read\", \"expires_s\": 0}", 400));
    json_decref(http_json(p, "POST", "/v1/tokens/other/revoke", "{}", 404));
    plane_stop(p);
    static const char *const files[] = {"portolan.db", "portolan.db-wal"};
    for (size_t i = 0; i < 2; i++) {
        size_t len = 0;
        CLEANUP_FREE char *path = path_join(p->state, files[i]);
        CLEANUP_FREE char *data = file_read(path, (size_t)64 << 20, &len, NULL);
        if (data) assert_null(memmem(data, len, token + 8, 20));
    }
    free(token);
}

static void many_wrong_tokens_are_slowed_and_the_right_one_is_not(void **state) {
    if (UNDER_TSAN) skip();
    struct plane *p = *state;
    int status = 0, tries = 0;
    plane_start(p);
    while (status != 429 && tries++ < 200) free(ask(p, "GET", "/v1/nodes", "ptl_guess", &status));
    assert_int_equal(status, 429);
    free(ask(p, "GET", "/v1/nodes", p->token, &status));
    assert_int_equal(status, 200);
    plane_stop(p);
}

static void a_host_is_a_whole_name_of_the_certificate(void **state) {
    (void)state;
    struct api_tls tls = {.info = {.names = "portolan.example, 192.0.2.7, 2001:db8::7"}};
    static const char *const ours[] = {"portolan.example", "PORTOLAN.example:7070", "192.0.2.7:1",
                                       "[2001:db8::7]:7070"};
    static const char *const others[] = {"example",
                                         "portolan.example.org",
                                         "portolan.example:",
                                         "portolan.example:x",
                                         "192.0.2.70",
                                         "2001:db8::7",
                                         "",
                                         ":7070",
                                         ", "};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) assert_true(api_tls_has_name(&tls, ours[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) assert_false(api_tls_has_name(&tls, others[i]));
    char *name = api_tls_name(&tls);
    assert_string_equal(name, "portolan.example");
    free(name);
    snprintf(tls.info.names, sizeof tls.info.names, "portolan.example, localhost");
    name = api_tls_name(&tls);
    assert_string_equal(name, "localhost");
    free(name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_route_is_refused_below_its_role_and_open_from_it_on, plane_setup,
                                        plane_teardown),
        cmocka_unit_test(a_route_without_a_role_lets_nobody_in),
        cmocka_unit_test(the_documents_list_every_route_with_its_role),
        cmocka_unit_test(a_host_is_a_whole_name_of_the_certificate),
        cmocka_unit_test_setup_teardown(a_token_ends_when_it_is_revoked_or_expires_and_outlives_a_restart, plane_setup,
                                        plane_teardown),
        cmocka_unit_test_setup_teardown(the_store_and_the_listing_hold_no_token, plane_setup, plane_teardown),
        cmocka_unit_test_setup_teardown(many_wrong_tokens_are_slowed_and_the_right_one_is_not, plane_setup,
                                        plane_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
