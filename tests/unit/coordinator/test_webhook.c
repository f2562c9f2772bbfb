/* Telling people through servers that hang, refuse, talk nonsense or never stop: digests wait, are tried again, are
 * bounded, and whoever looks sees why. Real connections, a real loop and its store. */
#include "coordinator/sweep/webhook.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "coordinator/loop.h"
#include "tests/unit/coordinator/fixture.h"

#define OK "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
#define STATUS(line) "HTTP/1.1 " line "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
#define HANG "" /* reads the request and says nothing */
#define FOR_EVER_BODY "HTTP/1.1 200 OK\r\n\r\n\1"
#define FOR_EVER_HEADERS "HTTP/1.1 200 OK\r\n\1"
#define LIMIT_MS 60000 /* of all waits */
#define SECRET "T0P-SECRET-PATH"

/* --- a server that says what the test wants --------------------------------------------------- */
struct peer {
    int fd, port;
    pthread_t thread;
    const char *answers[8]; /* to the first requests; the last one to all others */
    atomic_int requests;
    pthread_mutex_t mutex;
    char bodies[128][64]; /* as they came */
};

static bool read_request(int fd, char *text, size_t size) {
    size_t len = 0;
    for (ssize_t n; len + 1 < size && (n = read(fd, text + len, size - 1 - len)) > 0;) {
        text[len += (size_t)n] = 0;
        const char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
        if (end && length && len >= (size_t)(end + 4 - text) + strtoul(length + 16, NULL, 10)) return true;
    }
    return false;
}

static void answer(int fd, const char *text) {
    char byte;
    if (!*text) {
        while (read(fd, &byte, 1) > 0) continue; /* until the other side gives up */
        return;
    }
    size_t len = strlen(text);
    bool endless = text[len - 1] == '\1';
    if (send(fd, text, len - endless, MSG_NOSIGNAL) < 0) return;
    static const char more[] = "x-more: and more and more and more and more and more and more\r\n";
    while (endless && send(fd, more, sizeof more - 1, MSG_NOSIGNAL) > 0) continue;
}

static void *serve(void *context) {
    struct peer *peer = context;
    char *text = xmalloc(1 << 20);
    for (int fd; (fd = accept(peer->fd, NULL, NULL)) >= 0; close(fd)) {
        if (!read_request(fd, text, 1 << 20)) continue;
        int n = atomic_load(&peer->requests), k = 0;
        pthread_mutex_lock(&peer->mutex);
        if (n < 128) snprintf(peer->bodies[n], sizeof peer->bodies[n], "%.60s", strstr(text, "\r\n\r\n") + 4);
        while (k < n && k + 1 < 8 && peer->answers[k + 1]) k++;
        const char *say = peer->answers[k];
        pthread_mutex_unlock(&peer->mutex);
        assert_non_null(strstr(text, "POST /hook/" SECRET));
        assert_non_null(strstr(text, "Content-Type: application/json"));
        atomic_fetch_add(&peer->requests, 1);
        answer(fd, say);
    }
    free(text);
    return NULL;
}

static void peer_start(struct peer *peer, const char *first, const char *then) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    *peer = (struct peer){.answers = {first, then}};
    pthread_mutex_init(&peer->mutex, NULL);
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(peer->fd, 8), 0);
    assert_int_equal(getsockname(peer->fd, (struct sockaddr *)&at, &len), 0);
    peer->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&peer->thread, NULL, serve, peer), 0);
}

static void peer_stop(struct peer *peer) {
    shutdown(peer->fd, SHUT_RDWR);
    pthread_join(peer->thread, NULL);
    close(peer->fd);
}

/* --- a coordinator's loop with webhooks ------------------------------------------------------- */
struct rig {
    struct fixture *f;
    struct loop *loop;
    struct webhooks *hooks;
    pthread_t thread;
    char *specs[2];
    size_t count;
    int64_t timeout_ms, backoff_ms;
};

static void ignore_effect(void *context, const struct effect *effect) {
    (void)context, (void)effect;
}
static void ignore_tick(void *context, int partitions, int64_t round, int64_t epoch) {
    (void)context, (void)partitions, (void)round, (void)epoch;
}
static void ignore_batch(void *context, struct outbox_batch *batch) {
    (void)context;
    outbox_batch_free(batch);
}

static void *run(void *context) {
    struct error err = ERROR_INIT;
    loop_run(context, &err);
    return NULL;
}

static int set_hooks(struct core *core, void *context, struct error *err) {
    (void)err;
    core->webhooks = context;
    return 0;
}

/* The file of webhook `name`, with the address of this peer. */
static void add_hook(struct rig *r, const char *name, int port) {
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *path = xasprintf("%s/%s.url", r->f->dir, name);
    CLEANUP_FREE char *url = xasprintf("http://127.0.0.1:%d/hook/" SECRET "\n", port);
    must(file_write_durable(path, url, strlen(url), 0600, &err), &err);
    r->specs[r->count++] = xasprintf("%s=%s", name, path);
}

static void rig_start(struct rig *r) {
    static const struct loop_outlets outlets = {.perform = ignore_effect, .tick = ignore_tick, .publish = ignore_batch};
    struct error err = ERROR_INIT;
    struct webhook_config config = {.specs = (const char *const *)r->specs,
                                    .count = r->count,
                                    .timeout_ms = r->timeout_ms ? r->timeout_ms : LIMIT_MS,
                                    .backoff_ms = r->backoff_ms ? r->backoff_ms : 20};
    r->loop = loop_new(r->f->core, &outlets);
    r->f->core = NULL;
    assert_int_equal(pthread_create(&r->thread, NULL, run, r->loop), 0);
    r->hooks = webhooks_start(&config, r->loop, &err);
    if (!r->hooks) fail_msg("%s", err.text);
    must(loop_call(r->loop, set_hooks, r->hooks, &err), &err);
}

static void rig_stop(struct rig *r) {
    loop_stop(r->loop);
    webhooks_free(r->hooks);
    pthread_join(r->thread, NULL);
    loop_free(r->loop);
    for (size_t i = 0; i < r->count; i++) free(r->specs[i]);
}

struct queuing {
    const char *webhook, *body;
};
static int queue(struct core *core, void *context, struct error *err) {
    const struct queuing *q = context;
    return webhook_queue(core, q->webhook, "nightly", q->body, err);
}
static void tell(struct rig *r, const char *webhook, const char *body) {
    struct error err = ERROR_INIT;
    must(loop_call(r->loop, queue, &(struct queuing){webhook, body}, &err), &err);
}

/* --- what there is in the end ----------------------------------------------------------------- */
struct rows {
    int64_t dropped;
    int count, tries;
    char first[64], error[256];
};
static int add_row(void *context, const struct row_hook *row, struct error *err) {
    struct rows *rows = context;
    (void)err;
    if (rows->count++ == 0) {
        snprintf(rows->first, sizeof rows->first, "%.60s", row->body);
        snprintf(rows->error, sizeof rows->error, "%s", row->error);
        rows->tries = row->tries;
    }
    return 0;
}
static int read_rows(struct core *core, void *context, struct error *err) {
    struct rows *rows = context;
    rows->dropped = core->digests_dropped;
    return store_hooks(core->store, add_row, rows, err);
}
static struct rows rows_of(struct rig *r) {
    struct error err = ERROR_INIT;
    struct rows rows = {0};
    must(loop_call(r->loop, read_rows, &rows, &err), &err);
    return rows;
}

static struct webhook_status status_of(struct rig *r, const char *name) {
    struct webhook_status status;
    assert_true(webhooks_find(r->hooks, name, &status));
    return status;
}

static struct webhook_status await(struct rig *r, const char *name, int64_t sent, int64_t failed) {
    struct webhook_status status = status_of(r, name);
    for (int64_t until = clock_mono_ms() + LIMIT_MS; status.sent < sent || status.failed < failed; usleep(5000)) {
        if (clock_mono_ms() > until)
            fail_msg("%s: %lld sent, %lld failed: %s", name, (long long)status.sent, (long long)status.failed,
                     status.last_error);
        status = status_of(r, name);
    }
    return status;
}

static void no_secret(const char *text) {
    if (strstr(text, SECRET)) fail_msg("the address stands in: %s", text);
}

/* --- tests ------------------------------------------------------------------------------------ */
static void a_digest_is_posted_and_gone_from_the_queue(void **state) {
    struct rig r = {.f = *state};
    struct peer peer;
    peer_start(&peer, OK, NULL);
    add_hook(&r, "team", peer.port);
    rig_start(&r);
    tell(&r, "team", "{\"text\":\"one\"}");
    struct webhook_status status = await(&r, "team", 1, 0);
    assert_string_equal(status.last_error, "");
    assert_int_equal(status.failed, 0);
    assert_int_equal(rows_of(&r).count, 0);
    assert_string_equal(peer.bodies[0], "{\"text\":\"one\"}");
    rig_stop(&r);
    peer_stop(&peer);
}

static void one_that_answers_500_is_asked_again_and_seen_to_fail_until_then(void **state) {
    struct rig r = {.f = *state, .backoff_ms = 400};
    struct peer peer;
    peer_start(&peer, STATUS("500 Internal Server Error"), OK);
    add_hook(&r, "team", peer.port);
    rig_start(&r);
    tell(&r, "team", "one");
    struct webhook_status status = await(&r, "team", 0, 1);
    if (status.sent == 0) {
        assert_string_equal(status.last_error, "webhook team: it answered 500");
        json_t *json = webhook_json(&status);
        assert_string_equal(json_string_value(json_object_get(json, "state")), "failing");
        json_decref(json);
    }
    status = await(&r, "team", 1, 1);
    assert_string_equal(status.last_error, "");
    assert_int_equal(status.failed, 1);
    assert_int_equal(atomic_load(&peer.requests), 2);
    assert_string_equal(peer.bodies[0], peer.bodies[1]);
    assert_int_equal(rows_of(&r).count, 0);
    rig_stop(&r);
    peer_stop(&peer);
}

static void one_that_hangs_holds_up_neither_another_nor_the_end(void **state) {
    struct rig r = {.f = *state, .timeout_ms = 300, .backoff_ms = 20};
    struct peer hanging, good;
    peer_start(&hanging, HANG, NULL);
    peer_start(&good, OK, NULL);
    add_hook(&r, "hangs", hanging.port);
    add_hook(&r, "good", good.port);
    rig_start(&r);
    tell(&r, "hangs", "a");
    tell(&r, "good", "b");
    await(&r, "good", 1, 0);
    struct webhook_status status = await(&r, "hangs", 0, 2);
    assert_int_equal(status.sent, 0);
    assert_non_null(strstr(status.last_error, "Timeout was reached"));
    struct rows rows = rows_of(&r);
    assert_int_equal(rows.count, 1);
    assert_true(rows.tries >= 2);
    assert_non_null(strstr(rows.error, "Timeout was reached"));
    rig_stop(&r);
    peer_stop(&hanging);
    peer_stop(&good);
}

/* With the time-out of a minute that rig_start() gives, the end would wait for it. */
static void the_end_breaks_a_try_off(void **state) {
    struct rig r = {.f = *state};
    struct peer peer;
    peer_start(&peer, HANG, NULL);
    add_hook(&r, "team", peer.port);
    rig_start(&r);
    tell(&r, "team", "a");
    for (int64_t until = clock_mono_ms() + LIMIT_MS; atomic_load(&peer.requests) == 0; usleep(5000))
        assert_true(clock_mono_ms() < until);
    int64_t begin = clock_mono_ms();
    rig_stop(&r);
    assert_true(clock_mono_ms() - begin < LIMIT_MS / 2);
    peer_stop(&peer);
}

static void garbage_is_a_failure_with_its_reason(void **state) {
    struct rig r = {.f = *state};
    struct peer peer;
    peer_start(&peer, "220 mail.example.org ESMTP\r\n", NULL);
    add_hook(&r, "team", peer.port);
    rig_start(&r);
    tell(&r, "team", "a");
    struct webhook_status status = await(&r, "team", 0, 1);
    assert_true(strlen(status.last_error) > strlen("webhook team: "));
    no_secret(status.last_error);
    assert_int_equal(rows_of(&r).count, 1);
    rig_stop(&r);
    peer_stop(&peer);
}

static void an_answer_without_end_is_cut_off_and_its_status_counts(void **state) {
    struct rig r = {.f = *state};
    struct peer peer;
    peer_start(&peer, FOR_EVER_BODY, NULL);
    add_hook(&r, "team", peer.port);
    rig_start(&r);
    tell(&r, "team", "a");
    await(&r, "team", 1, 0);
    assert_int_equal(rows_of(&r).count, 0);
    rig_stop(&r);
    peer_stop(&peer);
}

static void headers_without_end_are_cut_off(void **state) {
    struct rig r = {.f = *state};
    struct peer peer;
    peer_start(&peer, FOR_EVER_HEADERS, NULL);
    add_hook(&r, "team", peer.port);
    rig_start(&r);
    tell(&r, "team", "a");
    struct webhook_status status = await(&r, "team", 0, 1);
    assert_int_equal(status.sent, 0);
    rig_stop(&r);
    peer_stop(&peer);
}

/* Who answers with another address would get what was meant for the first. */
static void a_redirection_is_not_followed(void **state) {
    struct rig r = {.f = *state};
    struct peer peer, other;
    peer_start(&other, OK, NULL);
    CLEANUP_FREE char *text = xasprintf("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:%d/hook/" SECRET
                                        "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                                        other.port);
    peer_start(&peer, text, NULL);
    add_hook(&r, "team", peer.port);
    rig_start(&r);
    tell(&r, "team", "a");
    struct webhook_status status = await(&r, "team", 0, 1);
    assert_string_equal(status.last_error, "webhook team: it answered 307");
    assert_int_equal(atomic_load(&other.requests), 0);
    rig_stop(&r);
    peer_stop(&peer);
    peer_stop(&other);
}

static void nobody_there_is_told_without_the_address(void **state) {
    struct rig r = {.f = *state};
    struct peer peer;
    peer_start(&peer, OK, NULL);
    peer_stop(&peer); /* its port is nobody's now */
    add_hook(&r, "team", peer.port);
    rig_start(&r);
    tell(&r, "team", "a");
    struct webhook_status status = await(&r, "team", 0, 1);
    no_secret(status.last_error);
    no_secret(rows_of(&r).error);
    assert_non_null(strstr(status.last_error, "webhook team: "));
    rig_stop(&r);
}

static void the_file_is_read_at_each_try_and_only_when_nobody_else_can_read_it(void **state) {
    struct rig r = {.f = *state};
    struct peer peer;
    peer_start(&peer, OK, NULL);
    add_hook(&r, "team", peer.port);
    const char *file = strchr(r.specs[0], '=') + 1;
    assert_int_equal(chmod(file, 0644), 0);
    rig_start(&r);
    tell(&r, "team", "a");
    struct webhook_status status = await(&r, "team", 0, 1);
    assert_non_null(strstr(status.last_error, file));
    no_secret(status.last_error);
    assert_int_equal(atomic_load(&peer.requests), 0);
    assert_int_equal(chmod(file, 0600), 0);
    await(&r, "team", 1, 1);
    rig_stop(&r);
    peer_stop(&peer);
}

static void what_is_no_web_address_is_refused(void **state) {
    struct rig r = {.f = *state};
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *path = xasprintf("%s/team.url", r.f->dir);
    must(file_write_durable(path, "file:///etc/passwd\n", 19, 0600, &err), &err);
    r.specs[r.count++] = xasprintf("team=%s", path);
    rig_start(&r);
    tell(&r, "team", "a");
    struct webhook_status status = await(&r, "team", 0, 1);
    assert_non_null(strstr(status.last_error, "is not an http:// or https:// address"));
    rig_stop(&r);
}

static void the_queue_is_bounded_and_the_oldest_goes_first(void **state) {
    struct rig r = {.f = *state, .backoff_ms = LIMIT_MS};
    struct peer peer;
    peer_start(&peer, STATUS("503 Service Unavailable"), NULL);
    add_hook(&r, "team", peer.port);
    rig_start(&r);
    for (int i = 0; i < WEBHOOK_QUEUE_MAX + 3; i++) {
        CLEANUP_FREE char *body = xasprintf("number %d", i);
        tell(&r, "team", body);
    }
    struct rows rows = rows_of(&r);
    assert_int_equal(rows.count, WEBHOOK_QUEUE_MAX);
    assert_string_equal(rows.first, "number 3");
    assert_int_equal(rows.dropped, 3);
    rig_stop(&r);
    peer_stop(&peer);
}

static void digests_are_delivered_in_their_order(void **state) {
    struct rig r = {.f = *state};
    struct peer peer;
    peer_start(&peer, STATUS("429 Too Many Requests"), OK);
    add_hook(&r, "team", peer.port);
    rig_start(&r);
    tell(&r, "team", "first");
    tell(&r, "team", "second");
    await(&r, "team", 2, 1);
    assert_string_equal(peer.bodies[0], "first");
    assert_string_equal(peer.bodies[1], "first");
    assert_string_equal(peer.bodies[2], "second");
    rig_stop(&r);
    peer_stop(&peer);
}

static void what_is_too_old_or_for_nobody_is_dropped_and_counted(void **state) {
    struct rig r = {.f = *state};
    struct error err = ERROR_INIT;
    struct peer peer;
    peer_start(&peer, OK, NULL);
    add_hook(&r, "team", peer.port);
    must(webhook_queue(r.f->core, "team", "nightly", "old", &err), &err);
    must(store_commit(r.f->core->store, &err), &err);
    r.f->wall_ms += WEBHOOK_AGE_MAX_MS + 1;
    must(webhook_queue(r.f->core, "nobody", "nightly", "lost", &err), &err);
    must(webhook_queue(r.f->core, "team", "nightly", "new", &err), &err);
    must(store_commit(r.f->core->store, &err), &err);
    rig_start(&r);
    await(&r, "team", 1, 0);
    struct rows rows = rows_of(&r);
    assert_int_equal(rows.count, 0);
    assert_int_equal(rows.dropped, 2);
    assert_int_equal(atomic_load(&peer.requests), 1);
    assert_string_equal(peer.bodies[0], "new");
    rig_stop(&r);
    peer_stop(&peer);
}

static void a_configuration_is_checked_before_anything_starts(void **state) {
    (void)state;
    const struct {
        const char *specs[2];
        const char *said;
    } wrong[] = {{{"team"}, "is not a name and a file"},
                 {{"=file"}, "is not a name and a file"},
                 {{"team="}, "is not a name and a file"},
                 {{"team=a", "team=b"}, "team is there twice"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct error err = ERROR_INIT;
        struct webhook_config config = {.specs = wrong[i].specs, .count = wrong[i].specs[1] ? 2 : 1};
        assert_int_equal(webhook_config_check(&config, &err), -1);
        if (!strstr(err.text, wrong[i].said)) fail_msg("%s", err.text);
    }
    const char *many[WEBHOOKS_MAX + 1];
    char names[WEBHOOKS_MAX + 1][16];
    struct error err = ERROR_INIT;
    for (int i = 0; i <= WEBHOOKS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "n%d=f", i);
        many[i] = names[i];
    }
    assert_int_equal(webhook_config_check(&(struct webhook_config){.specs = many, .count = WEBHOOKS_MAX}, &err), 0);
    assert_int_equal(webhook_config_check(&(struct webhook_config){.specs = many, .count = WEBHOOKS_MAX + 1}, &err),
                     -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_int_equal(webhooks_status(NULL, NULL), 0);
    webhooks_free(NULL);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(a_digest_is_posted_and_gone_from_the_queue),
        T(one_that_answers_500_is_asked_again_and_seen_to_fail_until_then),
        T(one_that_hangs_holds_up_neither_another_nor_the_end),
        T(the_end_breaks_a_try_off),
        T(garbage_is_a_failure_with_its_reason),
        T(an_answer_without_end_is_cut_off_and_its_status_counts),
        T(headers_without_end_are_cut_off),
        T(a_redirection_is_not_followed),
        T(nobody_there_is_told_without_the_address),
        T(the_file_is_read_at_each_try_and_only_when_nobody_else_can_read_it),
        T(what_is_no_web_address_is_refused),
        T(the_queue_is_bounded_and_the_oldest_goes_first),
        T(digests_are_delivered_in_their_order),
        T(what_is_too_old_or_for_nobody_is_dropped_and_counted),
        T(a_configuration_is_checked_before_anything_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
