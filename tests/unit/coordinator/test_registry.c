/* An external schema registry: what it says, whatever it says, and the ids on the wire. */
#include "coordinator/publish/registry.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coordinator/publish/wire.h"
#include "tests/unit/coordinator/fixture.h"

#define OK(body) "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" body
#define STATUS(line, body) "HTTP/1.1 " line "\r\nConnection: close\r\n\r\n" body
#define HANG "" /* reads the request and says nothing */
#define TIMEOUT_MS 400

/* --- a peer that says what the test wants ----------------------------------------------------- */
struct peer {
    int fd;
    char url[64];
    pthread_t thread;
    pthread_mutex_t mutex;
    const char *answer;
    char request[65536]; /* the latest */
    atomic_int requests;
};

static void read_request(struct peer *peer, int fd) {
    size_t len = 0;
    ssize_t n;
    char text[sizeof peer->request] = "";
    while (len + 1 < sizeof text && (n = read(fd, text + len, sizeof text - 1 - len)) > 0) {
        text[len += (size_t)n] = 0;
        const char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
        if (end && length && len >= (size_t)(end + 4 - text) + strtoul(length + 16, NULL, 10)) break;
    }
    pthread_mutex_lock(&peer->mutex);
    memcpy(peer->request, text, sizeof text);
    pthread_mutex_unlock(&peer->mutex);
}

static void *serve(void *context) {
    struct peer *peer = context;
    for (int fd; (fd = accept(peer->fd, NULL, NULL)) >= 0; close(fd)) {
        char byte;
        read_request(peer, fd);
        pthread_mutex_lock(&peer->mutex);
        const char *answer = peer->answer;
        pthread_mutex_unlock(&peer->mutex);
        atomic_fetch_add(&peer->requests, 1);
        if (!*answer) {
            while (read(fd, &byte, 1) > 0) continue; /* until the other side gives up */
        } else if (write(fd, answer, strlen(answer)) < 0) {
            continue; /* it had enough: an answer that is too long */
        }
    }
    return NULL;
}

static void peer_start(struct peer *peer) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    pthread_mutex_init(&peer->mutex, NULL);
    peer->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(peer->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(peer->fd, 8), 0);
    assert_int_equal(getsockname(peer->fd, (struct sockaddr *)&at, &len), 0);
    snprintf(peer->url, sizeof peer->url, "http://127.0.0.1:%d/api", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&peer->thread, NULL, serve, peer), 0);
}

static void peer_stop(struct peer *peer) {
    shutdown(peer->fd, SHUT_RDWR);
    pthread_join(peer->thread, NULL);
    close(peer->fd);
}

static void says(struct peer *peer, const char *answer) {
    pthread_mutex_lock(&peer->mutex);
    peer->answer = answer;
    pthread_mutex_unlock(&peer->mutex);
}

static struct peer peer;
static int setup(void **state) {
    signal(SIGPIPE, SIG_IGN);
    memset(&peer, 0, sizeof peer);
    peer_start(&peer);
    return fixture_setup(state);
}
static int teardown(void **state) {
    peer_stop(&peer);
    return fixture_teardown(state);
}

static struct registry *at_peer(void) {
    struct error err = ERROR_INIT;
    struct registry *registry =
        registry_new(&(struct registry_config){.url = peer.url, .timeout_ms = TIMEOUT_MS}, &err);
    if (!registry) fail_msg("%s", err.text);
    return registry;
}

/* --- one request ------------------------------------------------------------------------------ */
static void the_schema_is_registered_under_its_subject(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    int32_t id = -1;
    CLEANUP(cleanup_registry) struct registry *registry = at_peer();
    says(&peer, OK("{\"id\": 42}"));
    must(registry_register(registry, "a/b results-value", "{\"type\": \"string\"}", &id, &err), &err);
    assert_int_equal(id, 42);
    assert_non_null(strstr(peer.request, "POST /api/subjects/a%2Fb%20results-value/versions HTTP/1.1\r\n"));
    assert_non_null(strstr(peer.request, "Content-Type: application/vnd.schemaregistry.v1+json\r\n"));
    assert_non_null(strstr(peer.request, "{\"schema\":\"{\\\"type\\\": \\\"string\\\"}\"}"));
}

static void whatever_it_answers_is_an_error_that_names_it(void **state) {
    (void)state;
    static const struct {
        const char *answer;
        enum error_code code;
        const char *said;
    } cases[] = {
        {STATUS("401 Unauthorized", "{\"error_code\": 401, \"message\": \"who are you\"}"), ERR_AUTH, "who are you"},
        {STATUS("403 Forbidden", ""), ERR_AUTH, "schema_registry.user"},
        {STATUS("404 Not Found", "<html>"), ERR_NOT_FOUND, "/apis/ccompat/v7"},
        {STATUS("409 Conflict", "{\"message\": \"READER_FIELD_MISSING\"}"), ERR_CONFLICT, "READER_FIELD_MISSING"},
        {STATUS("422 Unprocessable", "{\"message\": \"no\\u001b[31m\"}"), ERR_INVALID, "no [31m"},
        {STATUS("429 Too Many", ""), ERR_NETWORK, "429"},
        {STATUS("503 Unavailable", ""), ERR_NETWORK, "503"},
        {STATUS("302 Found", ""), ERR_INVALID, "302"},
        {OK("<html>welcome</html>"), ERR_INVALID, "<html>welcome"},
        {OK(""), ERR_INVALID, "not as a registry does"},
        {OK("{\"id\": \"1\"}"), ERR_INVALID, "not as a registry does"},
        {OK("{\"id\": -1}"), ERR_INVALID, "not as a registry does"},
        {OK("{\"id\": 4294967296}"), ERR_INVALID, "not as a registry does"},
        {OK("[1]"), ERR_INVALID, "not as a registry does"},
        {"\x7f"
         "ELF\n\n",
         ERR_NETWORK, "127.0.0.1"},
        {HANG, ERR_TIMEOUT, "no answer"},
    };
    CLEANUP(cleanup_registry) struct registry *registry = at_peer();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = ERROR_INIT;
        int32_t id = -7;
        says(&peer, cases[i].answer);
        assert_int_equal(registry_register(registry, "s", "{}", &id, &err), -1);
        if (err.code != cases[i].code || !strstr(err.text, cases[i].said) || !strstr(err.text, peer.url))
            fail_msg("case %zu: %s: %s", i, error_name(err.code), err.text);
        assert_int_equal(id, -7);
    }
}

static void an_endless_answer_is_cut_off(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    int32_t id;
    static char answer[REGISTRY_ANSWER_MAX + 100001]; /* the peer may still be at it when this test has ended */
    CLEANUP(cleanup_registry) struct registry *registry = at_peer();
    memset(answer, ' ', sizeof answer - 1);
    memcpy(answer, OK(""), strlen(OK("")));
    says(&peer, answer);
    assert_int_equal(registry_register(registry, "s", "{}", &id, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
}

static void credentials_are_refused_where_everybody_could_read_them(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *path = path_join(f->dir, "password");
    must(file_write_durable(path, "sesame-street\n", 14, 0600, &err), &err);
    struct registry_config config = {.url = "http://registry.example:8081", .user = "u", .password_file = path};
    assert_null(registry_new(&config, &err));
    assert_int_equal(err.code, ERR_AUTH);
    config.url = "http://127.0.0.1.example/";
    assert_null(registry_new(&config, &err));
    config.url = peer.url;
    chmod(path, 0644);
    assert_null(registry_new(&config, &err));
    assert_int_equal(err.code, ERR_AUTH);
    chmod(path, 0600);
    CLEANUP(cleanup_registry) struct registry *registry = registry_new(&config, &err);
    assert_non_null(registry);
    int32_t id;
    says(&peer, OK("{\"id\": 1}"));
    must(registry_register(registry, "s", "{}", &id, &err), &err);
    assert_non_null(strstr(peer.request, "Authorization: Basic dTpzZXNhbWUtc3RyZWV0\r\n"));
}

static void what_is_no_address_is_refused(void **state) {
    (void)state;
    static const char *const urls[] = {"registry:8081", "ftp://registry", "http://u:p@registry", "http://a b", ""};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct error err = ERROR_INIT;
        assert_null(registry_new(&(struct registry_config){.url = urls[i]}, &err));
        assert_int_equal(err.code, ERR_INVALID);
        assert_non_null(strstr(err.text, "schema_registry.url"));
    }
    struct error err = ERROR_INIT;
    assert_null(registry_new(&(struct registry_config){.url = peer.url, .user = "u"}, &err));
    assert_int_equal(err.code, ERR_INVALID);
}

/* --- ids on the wire -------------------------------------------------------------------------- */
static struct wire *wire_at_peer(struct fixture *f) {
    struct error err = ERROR_INIT;
    struct wire *wire = wire_new(f->core, at_peer(), &err);
    if (!wire) fail_msg("%s", err.text);
    return wire;
}

static void keep_learned(struct fixture *f, struct wire *wire, int expected) {
    struct error err = ERROR_INIT;
    struct wire_id id;
    int n = 0;
    for (; wire_learned(wire, &id); n++) must(wire_keep(f->core, &id, &err), &err);
    assert_int_equal(n, expected);
}

static void a_record(const struct fixture *f, uint8_t value[6]) {
    memcpy(value, (uint8_t[6]){0, 0, 0, 0, (uint8_t)f->core->schema_result, 99}, 6);
}

static void the_registrys_ids_replace_ours_and_back(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    uint8_t value[6], expected[6] = {0, 0, 1, 0x86, 0xa3, 99};
    struct wire *wire = wire_at_peer(f);
    a_record(f, value);
    says(&peer, OK("{\"id\": 99999}"));
    must(wire_out(wire, value, sizeof value, &err), &err);
    expected[4] = 99999 & 0xff, expected[3] = (99999 >> 8) & 0xff, expected[2] = 99999 >> 16;
    assert_memory_equal(value, expected, sizeof value);
    assert_non_null(strstr(peer.request, "/subjects/portolan.results-value/versions"));
    must(wire_in(wire, value, sizeof value, &err), &err);
    a_record(f, expected);
    assert_memory_equal(value, expected, sizeof value);
    must(wire_out(wire, value, sizeof value, &err), &err);
    assert_int_equal(peer.requests, 1); /* asked once */
    value[4]++;
    assert_int_equal(wire_in(wire, value, sizeof value, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    wire_free(wire);
}

static void after_a_restart_known_ids_are_used_while_the_registry_is_away(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    uint8_t value[6];
    struct wire *wire = wire_at_peer(f);
    says(&peer, STATUS("503 Unavailable", ""));
    a_record(f, value);
    assert_int_equal(wire_out(wire, value, sizeof value, &err), -1); /* never seen: waits */
    says(&peer, OK("{\"id\": 7}"));
    must(wire_register(wire, &err), &err);
    keep_learned(f, wire, 2);
    wire_free(wire);
    fixture_close(f);
    fixture_open(f);
    says(&peer, STATUS("503 Unavailable", ""));
    wire = wire_at_peer(f);
    must(wire_out(wire, value, sizeof value, &err), &err);
    assert_int_equal(value[4], 7);
    keep_learned(f, wire, 0);
    wire_free(wire);
}

static void a_registry_that_gives_other_ids_than_before_stops_the_stream(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    uint8_t value[6];
    struct wire *wire = wire_at_peer(f);
    says(&peer, OK("{\"id\": 7}"));
    must(wire_register(wire, &err), &err);
    keep_learned(f, wire, 2);
    wire_free(wire);
    wire = wire_at_peer(f);
    says(&peer, OK("{\"id\": 8}"));
    a_record(f, value);
    assert_int_equal(wire_out(wire, value, sizeof value, &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_non_null(strstr(err.text, "records say 7"));
    says(&peer, OK("{\"id\": 7}"));
    must(wire_out(wire, value, sizeof value, &err), &err);
    wire_free(wire);
}

static void topics_that_hold_our_ids_get_no_others(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;
    struct rec_task task;
    struct wire *wire = wire_new(f->core, NULL, &err);
    assert_non_null(wire);
    wire_free(wire);
    wire = wire_at_peer(f); /* nothing was published yet: free to choose */
    wire_free(wire);
    wire = wire_new(f->core, NULL, &err);
    wire_free(wire);
    fixture_join(f, "n1", "i1", "alpha");
    fixture_submit(f, "[alpha]");
    f->core->schedule_wanted = true;
    assert_int_equal(fixture_settle(f, &task), 1);
    fixture_report(f, &task, "verdict", "correct");
    rec_task_done(&task);
    struct registry *registry = at_peer();
    assert_null(wire_new(f->core, registry, &err));
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_non_null(strstr(err.text, "hint:"));
    registry_free(registry);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void) {
    const struct CMUnitTest tests[] = {TEST(the_schema_is_registered_under_its_subject),
                                       TEST(whatever_it_answers_is_an_error_that_names_it),
                                       TEST(an_endless_answer_is_cut_off),
                                       TEST(credentials_are_refused_where_everybody_could_read_them),
                                       TEST(what_is_no_address_is_refused),
                                       TEST(the_registrys_ids_replace_ours_and_back),
                                       TEST(after_a_restart_known_ids_are_used_while_the_registry_is_away),
                                       TEST(a_registry_that_gives_other_ids_than_before_stops_the_stream),
                                       TEST(topics_that_hold_our_ids_get_no_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
