/* A coordinator in this process on its embedded broker, a scripted agent that speaks the protocol, and a small HTTP
 * client. */
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "coordinator/coordinator.h"
#include "fleet/bus/bus.h"
#include "tests/unit/coordinator/fixture.h"

#define PLANE_LIMIT_MS 30000

/* --- coordinator ------------------------------------------------------------------------------ */
struct plane {
    char dir[64], state[96], runtime[96];
    struct coordinator_config config;
    struct coordinator *coordinator;
    char *token;
    pthread_t thread;
    int status;
    struct error error;
};

static void *plane_run(void *context) {
    struct plane *p = context;
    p->status = coordinator_run(p->coordinator, &p->error);
    return NULL;
}

UNUSED_OK static void plane_start(struct plane *p) {
    struct error err = ERROR_INIT;
    p->coordinator = coordinator_start(&p->config, &err);
    if (!p->coordinator) fail_msg("%s", err.text);
    p->token = coordinator_read_token(coordinator_token_path(p->coordinator), &err);
    assert_non_null(p->token);
    assert_int_equal(pthread_create(&p->thread, NULL, plane_run, p), 0);
}

UNUSED_OK static void plane_stop(struct plane *p) {
    coordinator_stop(p->coordinator);
    pthread_join(p->thread, NULL);
    coordinator_free(p->coordinator);
    p->coordinator = NULL;
    free(p->token);
}

UNUSED_OK static int plane_setup(void **state) {
    struct plane *p = xcalloc(1, sizeof *p);
    log_setup(LOG_ERROR, false);
    strcpy(p->dir, "/tmp/portolan-plane-XXXXXX");
    if (!mkdtemp(p->dir)) return -1;
    snprintf(p->state, sizeof p->state, "%s/state", p->dir);
    snprintf(p->runtime, sizeof p->runtime, "%s/runtime", p->dir);
    p->config = (struct coordinator_config){
        .state_dir = p->state, .runtime_dir = p->runtime, .embedded = true, .settle_ms = 0, .lease_ms = 5000};
    *state = p;
    return 0;
}

UNUSED_OK static int plane_teardown(void **state) {
    struct plane *p = *state;
    dir_remove(p->dir, NULL);
    free(p);
    return 0;
}

/* --- HTTP ------------------------------------------------------------------------------------- */
UNUSED_OK static int http_open(const struct plane *p, const char *method, const char *path, const char *headers,
                               const char *body) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)coordinator_api_port(p->coordinator))};
    struct buf request = BUF_INIT;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    /* HTTP/1.0: streams come plain and end with the connection. */
    buf_printf(&request, "%s %s HTTP/1.0\r\n%s", method, path, headers);
    if (body) buf_printf(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    buf_puts(&request, "\r\n");
    if (body) buf_puts(&request, body);
    for (size_t sent = 0; sent < request.len;) {
        ssize_t n = send(fd, request.data + sent, request.len - sent, MSG_NOSIGNAL);
        if (n <= 0) break;
        sent += (size_t)n;
    }
    buf_done(&request);
    return fd;
}

/* The whole answer's body; *ret_status. The caller frees. */
UNUSED_OK static char *http_raw(const struct plane *p, const char *method, const char *path, const char *headers,
                                const char *body, int *ret_status) {
    struct buf answer = BUF_INIT;
    char block[4096];
    ssize_t n;
    int fd = http_open(p, method, path, headers, body);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    while (poll(&wait, 1, PLANE_LIMIT_MS) > 0 && (n = recv(fd, block, sizeof block, 0)) > 0)
        buf_append(&answer, block, (size_t)n);
    close(fd);
    if (!answer.len || sscanf(answer.data, "HTTP/1.%*d %d", ret_status) != 1)
        fail_msg("%s %s: no answer", method, path);
    char *content = strstr(answer.data, "\r\n\r\n");
    content = xstrdup(content ? content + 4 : "");
    buf_done(&answer);
    return content;
}

UNUSED_OK static char *http_text(const struct plane *p, const char *method, const char *path, const char *body,
                                 int expected) {
    char headers[300];
    int status = 0;
    snprintf(headers, sizeof headers, "Host: 127.0.0.1\r\nAuthorization: Bearer %s\r\n", p->token);
    char *text = http_raw(p, method, path, headers, body, &status);
    if (status != expected) fail_msg("%s %s: %d %s", method, path, status, text);
    return text;
}

UNUSED_OK static json_t *http_json(const struct plane *p, const char *method, const char *path, const char *body,
                                   int expected) {
    char *text = http_text(p, method, path, body, expected);
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    if (!json) fail_msg("%s %s: not JSON: %s", method, path, text);
    free(text);
    return json;
}

/* Lines of NDJSON as an array. */
UNUSED_OK static json_t *http_lines(const struct plane *p, const char *method, const char *path, const char *body) {
    char *text = http_text(p, method, path, body, 200);
    json_t *lines = json_array();
    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        json_t *json = json_loads(line, 0, NULL);
        if (!json) fail_msg("not JSON: %s", line);
        json_array_append_new(lines, json);
    }
    free(text);
    return lines;
}

UNUSED_OK static const char *json_at(const json_t *json, const char *key) {
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

/* --- the scripted agent ----------------------------------------------------------------------- */
struct agent {
    char bootstrap[128], node[64], incarnation[33], target[64];
    const char *verdict;    /* what it answers; "" for infrastructure */
    const char *reduced;    /* the kernel whose answer is of a declared precision, or NULL */
    int delay_ms;           /* before it answers */
    atomic_bool stop, mute; /* mute: takes tasks and never answers */
    atomic_int tasks, cancels;
    pthread_t thread;
};

static void agent_send(struct bus_producer *producer, const char *topic, const char *key, const struct rec_desc *desc,
                       const void *rec) {
    struct error err = ERROR_INIT;
    uint8_t *data = NULL;
    size_t len = 0;
    if (codec_encode(desc, rec, CODEC_SINGLE_OBJECT, 0, &data, &len, &err) != 0 ||
        bus_send(producer, topic, BUS_ANY_PARTITION, key, data, len, NULL, &err) != 0)
        fprintf(stderr, "agent: %s\n", err.text);
    free(data);
}

static void agent_beat(struct agent *a, struct bus_producer *producer, const struct rec_task *task) {
    struct rec_heartbeat beat;
    rec_heartbeat_init(&beat);
    rec_set(&beat.node, a->node);
    rec_set(&beat.incarnation, a->incarnation);
    if (task) {
        struct rec_held *held = rec_list_held_push(&beat.attempts);
        rec_set(&held->attempt_id, task->attempt_id);
        rec_set(&held->task_id, task->task_id);
        rec_set(&held->state, "running");
        rec_set(&held->phase, "time");
        held->progress = 0.5;
    }
    agent_send(producer, TOPIC_HEARTBEATS, a->node, &rec_heartbeat_desc, &beat);
    rec_heartbeat_done(&beat);
}

static void agent_register(struct agent *a, struct bus_producer *producer, const char *node_state) {
    struct rec_node *node = fixture_node(a->node, a->incarnation, node_state, a->target);
    agent_send(producer, TOPIC_NODES, a->node, &rec_node_desc, node);
    rec_free(&rec_node_desc, node);
}

/* Twice as fast as anything else here. */
static void agent_reduce(struct rec_attempt *attempt) {
    rec_set(&attempt->precision, "bf16");
    for (size_t i = 0; i < attempt->measured.count; i++)
        if (strcmp(attempt->measured.items[i].role, "candidate") == 0) attempt->measured.items[i].speedup *= 2;
}

static void agent_work(struct agent *a, struct bus_producer *producer, const struct rec_task *task) {
    struct rec_attempt attempt;
    atomic_fetch_add(&a->tasks, 1);
    agent_beat(a, producer, task);
    for (int64_t until = clock_mono_ms() + a->delay_ms; clock_mono_ms() < until && !atomic_load(&a->stop);)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    if (atomic_load(&a->mute)) return;
    fixture_outcome(task, *a->verdict ? "verdict" : "infrastructure", *a->verdict ? a->verdict : NULL, &attempt);
    if (!*a->verdict) rec_set(&attempt.infrastructure, "driver lost");
    rec_set(&attempt.log, "build log");
    if (a->reduced && strcmp(a->reduced, task->kernel) == 0) agent_reduce(&attempt);
    agent_send(producer, TOPIC_ATTEMPTS, task->task_id, &rec_attempt_desc, &attempt);
    rec_attempt_done(&attempt);
}

static void agent_record(struct agent *a, struct bus *bus, struct bus_consumer *consumer, struct bus_producer *producer,
                         struct codec *codec, const struct bus_record *record) {
    const struct rec_desc *desc = NULL;
    void *rec = NULL;
    struct error err = ERROR_INIT;
    if (!record->value || codec_decode(codec, record->value, record->len, &desc, &rec, &err) != 0) return;
    if (desc == &rec_desired_desc) {
        const struct rec_desired *desired = rec;
        int64_t low = 0, high = 0;
        if (strcmp(desired->incarnation, a->incarnation) == 0 &&
            bus_watermarks(bus, desired->mailbox_topic, desired->mailbox_partition, 5000, &low, &high, &err) == 0 &&
            bus_assign(consumer, desired->mailbox_topic, desired->mailbox_partition, high, &err) == 0)
            agent_register(a, producer, "ready");
    } else if (desc == &rec_task_desc && strcmp(((struct rec_task *)rec)->incarnation, a->incarnation) == 0) {
        agent_work(a, producer, rec);
    } else if (desc == &rec_command_desc) {
        atomic_fetch_add(&a->cancels, 1);
    }
    rec_free(desc, rec);
}

static void *agent_run(void *context) {
    struct agent *a = context;
    struct error err = ERROR_INIT;
    struct bus_config config = {.bootstrap = a->bootstrap};
    struct bus *bus = bus_new(&config, &err);
    struct bus_producer *producer = bus_producer_new(bus, &(struct bus_producer_config){.own_thread = true}, &err);
    struct bus_consumer *consumer = bus_consumer_new(bus, &(struct bus_consumer_config){0}, &err);
    struct codec *codec = codec_new();
    bus_wait(bus, PLANE_LIMIT_MS, &err);
    agent_register(a, producer, "starting");
    bus_assign(consumer, TOPIC_DESIRED, 0, BUS_BEGINNING, &err);
    int64_t beat_ms = 0;
    while (!atomic_load(&a->stop)) {
        struct bus_record *record = NULL;
        if (bus_next(consumer, 50, &record, &err) == BUS_RECORD)
            agent_record(a, bus, consumer, producer, codec, record);
        bus_record_free(record);
        if (clock_mono_ms() - beat_ms < 200) continue;
        beat_ms = clock_mono_ms();
        agent_beat(a, producer, NULL);
    }
    codec_free(codec);
    bus_consumer_free(consumer);
    bus_producer_free(producer);
    bus_free(bus);
    return NULL;
}

UNUSED_OK static void agent_start(struct agent *a, const struct plane *p, const char *node, const char *incarnation,
                                  const char *target, const char *verdict) {
    snprintf(a->bootstrap, sizeof a->bootstrap, "%s", coordinator_bootstrap(p->coordinator));
    snprintf(a->node, sizeof a->node, "%s", node);
    snprintf(a->incarnation, sizeof a->incarnation, "%s", incarnation);
    snprintf(a->target, sizeof a->target, "%s", target);
    a->verdict = verdict;
    atomic_store(&a->stop, false);
    assert_int_equal(pthread_create(&a->thread, NULL, agent_run, a), 0);
}

UNUSED_OK static void agent_stop(struct agent *a) {
    atomic_store(&a->stop, true);
    pthread_join(a->thread, NULL);
}

UNUSED_OK static void plane_wait_ready(const struct plane *p, size_t nodes) {
    for (int64_t until = clock_mono_ms() + PLANE_LIMIT_MS; clock_mono_ms() < until;) {
        json_t *json = http_json(p, "GET", "/v1/nodes", NULL, 200), *node;
        size_t i, ready = 0;
        json_array_foreach(json_object_get(json, "nodes"), i, node) {
            ready += json_is_true(json_object_get(node, "ready"));
        }
        json_decref(json);
        if (ready >= nodes) return;
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    fail_msg("%zu nodes are not ready in time", nodes);
}

/* Submits by HTTP; returns the campaign's id (the caller frees). */
UNUSED_OK static char *plane_submit(const struct plane *p, const char *campaign, int n_kernels) {
    const char *kernels[] = {KERNEL_YAML("one", ""), KERNEL_YAML("two", TUNE), KERNEL_YAML("three", "")};
    json_t *body = fixture_body(campaign, kernels, (size_t)n_kernels);
    char *text = json_dumps(body, 0);
    json_t *answer = http_json(p, "POST", "/v1/campaigns", text, 201);
    char *id = xstrdup(json_at(answer, "campaign"));
    json_decref(answer);
    json_decref(body);
    free(text);
    return id;
}
