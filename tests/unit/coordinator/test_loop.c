/* The loop, and the API over it, without a bus: many threads at once, answers after the commit, ends in order. */
#include <pthread.h>
#include <stdatomic.h>

#include "coordinator/api/server.h"
#include "coordinator/loop.h"
#include "tests/unit/coordinator/plane.h"

struct rig {
    struct fixture *f;
    struct loop *loop;
    struct error error;
    int status;
    pthread_t thread;
    atomic_int sent, ticks, batches;
    atomic_llong last;
};

static void on_effect(void *context, const struct effect *effect) {
    struct rig *r = context;
    atomic_fetch_add(&r->sent, 1);
    struct event *event = event_new(effect->kind == EFFECT_MAILBOX ? EVENT_MAILBOX : EVENT_DELIVERY);
    if (effect->kind == EFFECT_MAILBOX)
        event->text = xstrdup(effect->topic);
    else
        event->text2 = xstrdup(effect->attempt ? effect->attempt : "none");
    loop_post(r->loop, event);
}

static void on_tick(void *context, int partitions, int64_t round, int64_t epoch) {
    struct rig *r = context;
    (void)round, (void)epoch;
    atomic_fetch_add(&r->ticks, partitions);
}

static void on_batch(void *context, struct outbox_batch *batch) {
    struct rig *r = context;
    struct event *event = event_new(EVENT_PUBLISHED);
    event->offset = batch->last;
    atomic_fetch_add(&r->batches, (int)batch->count);
    atomic_store(&r->last, batch->last);
    outbox_batch_free(batch);
    loop_post(r->loop, event);
}

static void *run(void *context) {
    struct rig *r = context;
    r->status = loop_run(r->loop, &r->error);
    return NULL;
}

static void rig_start(struct rig *r, struct fixture *f) {
    struct loop_outlets outlets = {.context = r, .perform = on_effect, .tick = on_tick, .publish = on_batch};
    memset(r, 0, sizeof *r);
    r->f = f;
    r->loop = loop_new(f->core, &outlets);
    f->core = NULL; /* the loop's now */
    assert_int_equal(pthread_create(&r->thread, NULL, run, r), 0);
}

static void rig_stop(struct rig *r) {
    loop_stop(r->loop);
    pthread_join(r->thread, NULL);
    loop_free(r->loop);
}

/* --- calls ------------------------------------------------------------------------------------ */
static int add_row(struct core *core, void *context, struct error *err) {
    (void)context;
    core->change++;
    return store_outbox_add(core->store, TOPIC_RESULTS, "key", "value", 5, err);
}

static int count_rows(struct core *core, void *context, struct error *err) {
    (void)err;
    *(int64_t *)context = store_outbox_count(core->store);
    return 0;
}

static int refuse(struct core *core, void *context, struct error *err) {
    (void)core, (void)context;
    return error_set(err, ERR_CONFLICT, "no");
}

static int break_down(struct core *core, void *context, struct error *err) {
    (void)core, (void)context;
    return error_set(err, ERR_IO, "the disk is full");
}

static void *caller(void *context) {
    struct error err = ERROR_INIT;
    for (int i = 0; i < 50; i++)
        if (loop_call(context, add_row, NULL, &err) != 0) return (void *)1;
    return NULL;
}

static void calls_of_many_threads_are_all_answered_and_published_once(void **state) {
    struct rig r;
    pthread_t threads[8];
    rig_start(&r, *state);
    for (int i = 0; i < 8; i++) assert_int_equal(pthread_create(&threads[i], NULL, caller, r.loop), 0);
    for (int i = 0; i < 8; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    int64_t left = -1;
    struct error err = ERROR_INIT;
    /* What came while a batch was out is gathered for a moment. */
    for (int64_t until = clock_mono_ms() + 30000; left != 0 && clock_mono_ms() < until; usleep(5000))
        must(loop_call(r.loop, count_rows, &left, &err), &err);
    assert_int_equal(left, 0);
    assert_int_equal(atomic_load(&r.batches), 400);
    assert_true(loop_wait_change(r.loop, 0, 1000) >= 400);
    rig_stop(&r);
    assert_int_equal(r.status, 0);
}

static void a_refusal_is_the_callers_and_a_broken_store_is_everybodys(void **state) {
    struct rig r;
    struct error err = ERROR_INIT;
    rig_start(&r, *state);
    assert_int_equal(loop_call(r.loop, refuse, NULL, &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_false(loop_stopping(r.loop));
    assert_int_equal(loop_call(r.loop, break_down, NULL, &err), -1);
    pthread_join(r.thread, NULL);
    assert_int_equal(r.status, -1);
    assert_string_equal(r.error.text, "the disk is full");
    assert_int_equal(loop_call(r.loop, refuse, NULL, &err), -1);
    assert_int_equal(err.code, ERR_CANCELLED);
    loop_free(r.loop);
}

static void a_newer_coordinators_tick_ends_this_one(void **state) {
    struct rig r;
    struct event *event = event_new(EVENT_RECORD);
    struct rec_tick *tick = rec_new(&rec_tick_desc);
    rig_start(&r, *state);
    tick->epoch = 1000;
    event->desc = &rec_tick_desc;
    event->rec = tick;
    strcpy(event->topic, TOPIC_HEARTBEATS);
    loop_post(r.loop, event);
    pthread_join(r.thread, NULL);
    assert_int_equal(r.status, -1);
    assert_int_equal(r.error.code, ERR_FENCED);
    loop_free(r.loop);
}

static void ticks_are_sent_while_linked(void **state) {
    struct rig r;
    rig_start(&r, *state);
    for (int i = 0; i < 200 && atomic_load(&r.ticks) == 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_int_equal(atomic_load(&r.ticks), 1);
    rig_stop(&r);
}

/* --- the API over it -------------------------------------------------------------------------- */
struct asker {
    int port, failed;
};
static int ask(int port, const char *path) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    char block[4096] = "";
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status = 0;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) return -1;
    snprintf(block, sizeof block,
             "GET %s HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer secret-secret-secret\r\n\r\n", path);
    if (send(fd, block, strlen(block), MSG_NOSIGNAL) < 0) return -1;
    ssize_t n = recv(fd, block, sizeof block - 1, MSG_WAITALL);
    close(fd);
    block[n > 0 ? n : 0] = 0;
    return sscanf(block, "HTTP/1.%*d %d", &status) == 1 ? status : -1;
}

static void *asking(void *context) {
    static const char *const paths[] = {"/v1/nodes",  "/v1/health",  "/v1/campaigns",
                                        "/v1/matrix", "/v1/results", "/metrics"};
    struct asker *a = context;
    for (int i = 0; i < 24; i++) a->failed += ask(a->port, paths[i % 6]) != 200;
    return NULL;
}

struct starting {
    struct api_config *config;
    struct api **ret;
};

/* On the loop's thread, whose store the tokens are read from. */
static int start_api(struct core *core, void *context, struct error *err) {
    struct starting *s = context;
    s->config->store = core->store;
    *s->ret = api_start(s->config, err);
    return *s->ret ? 0 : -1;
}

static void the_api_answers_many_at_once_and_stops_with_streams_open(void **state) {
    struct rig r;
    struct error err = ERROR_INIT;
    struct asker askers[6];
    pthread_t threads[6];
    fixture_join(*state, "n1", "i1", "alpha");
    char path[96];
    snprintf(path, sizeof path, "/v1/campaigns/%s/events", fixture_submit(*state, "[alpha]")->row.id);
    rig_start(&r, *state);
    struct api_config config = {.address = "127.0.0.1", .token = "secret-secret-secret", .loop = r.loop};
    struct api *api = NULL;
    struct starting starting = {&config, &api};
    must(loop_call(r.loop, start_api, &starting, &err), &err);
    if (!api) fail_msg("%s", err.text);
    for (int i = 0; i < 6; i++) {
        askers[i] = (struct asker){.port = api_port(api)};
        assert_int_equal(pthread_create(&threads[i], NULL, asking, &askers[i]), 0);
    }
    for (int i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(askers[i].failed, 0);
    }
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)api_port(api))};
    char request[256], answer[4096];
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    snprintf(request, sizeof request,
             "GET %s HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer secret-secret-secret\r\n\r\n", path);
    assert_true(send(fd, request, strlen(request), MSG_NOSIGNAL) > 0);
    assert_true(recv(fd, answer, sizeof answer, 0) > 0); /* the stream is open */
    loop_stop(r.loop);
    pthread_join(r.thread, NULL);
    api_stop(api);
    while (recv(fd, answer, sizeof answer, 0) > 0) continue;
    close(fd);
    loop_free(r.loop);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(calls_of_many_threads_are_all_answered_and_published_once),
        T(a_refusal_is_the_callers_and_a_broken_store_is_everybodys),
        T(a_newer_coordinators_tick_ends_this_one),
        T(ticks_are_sent_while_linked),
        T(the_api_answers_many_at_once_and_stops_with_streams_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
