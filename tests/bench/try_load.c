/* Tries of a no-op kernel, so many at a time: how long from the request to the result that is committed?
 *   try_load API TOKEN_FILE WINDOW SECONDS TARGET
 * Each of WINDOW threads posts a try, reads its stream to the end, and posts the next one. A try is a campaign of one
 * task: request, admission, planning, commit, mailbox, agent, attempt, acceptance, commit, line. The coordinator writes
 * the line `result` after the commit that accepted it. Prints one JSON object; exit status 1 when a try failed. */
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/stats.h"

#define WINDOW_MAX 64
#define SAMPLES_MAX 200000

static const char kernel_yaml[] =
    "kernel: noop\nproblem: gelu\nlanguage: opencl-c\nsource: noop.cl\n"
    "launches:\n  - {kernel: noop, args: [x, y], global: [N], local: [1]}\n";
static const char kernel_source[] = "__kernel void noop(__global const float *x, __global float *y) { y[0] = x[0]; }\n";

struct load {
    const char *api, *token_file, *target;
    int64_t until_ms;
    pthread_mutex_t mutex;
    double *samples_ms; /* from the request to its result */
    size_t count, failed;
};
struct one_try {
    int64_t start_ns;
    double result_ms;
};

static json_t *body_of(const struct load *load) {
    return json_pack("{s:{s:s, s:s, s:s}, s:[s], s:s, s:i}", "kernel", "yaml", kernel_yaml, "source", kernel_source,
                     "path", "noop.yaml", "targets", load->target, "size", "small", "sets", 1);
}

static int on_line(void *context, json_t *line) {
    struct one_try *t = context;
    const char *event = json_string_value(json_object_get(line, "event"));
    if (event && strcmp(event, "result") == 0) t->result_ms = (double)(clock_mono_ns() - t->start_ns) / 1e6;
    return 0;
}

static void keep(struct load *load, const struct one_try *t, const struct error *err) {
    pthread_mutex_lock(&load->mutex);
    if (t->result_ms > 0 && load->count < SAMPLES_MAX)
        load->samples_ms[load->count++] = t->result_ms;
    else if (load->failed++ == 0)
        fprintf(stderr, "try_load: a try has no result: %s\n", err->text);
    pthread_mutex_unlock(&load->mutex);
}

static void *run(void *context) {
    struct load *load = context;
    struct error err = ERROR_INIT;
    CLEANUP(cleanup_client) struct client *client = client_open(load->api, load->token_file, &err);
    while (client && clock_mono_ms() < load->until_ms) {
        CLEANUP_JSON json_t *body = body_of(load);
        struct one_try t = {.start_ns = clock_mono_ns()};
        err = (struct error)ERROR_INIT;
        client_stream(client, "/v1/try", body, on_line, &t, &err);
        keep(load, &t, &err);
    }
    return NULL;
}

static void print(struct load *load, int window, double seconds) {
    double *s = load->samples_ms;
    size_t n = load->count;
    json_t *json = json_pack("{s:i, s:i, s:i, s:f}", "window", window, "tries", (int)n, "failed", (int)load->failed,
                             "tries_per_s", (double)n / seconds);
    if (n > 0) {
        json_object_set_new(json, "p50_ms", json_real(stats_quantile(s, n, 0.5)));
        json_object_set_new(json, "p90_ms", json_real(stats_quantile(s, n, 0.9)));
        json_object_set_new(json, "p99_ms", json_real(stats_quantile(s, n, 0.99)));
    }
    json_dumpf(json, stdout, JSON_COMPACT | JSON_REAL_PRECISION(5));
    putchar('\n');
    json_decref(json);
}

int main(int argc, char **argv) {
    int window = argc == 6 ? atoi(argv[3]) : 0;
    double seconds = argc == 6 ? atof(argv[4]) : 0;
    if (window < 1 || window > WINDOW_MAX || seconds <= 0) {
        fprintf(stderr, "usage: try_load API TOKEN_FILE WINDOW SECONDS TARGET (WINDOW is 1 to %d)\n", WINDOW_MAX);
        return 2;
    }
    struct load load = {.api = argv[1], .token_file = argv[2], .target = argv[5]};
    pthread_t thread[WINDOW_MAX];
    load.until_ms = clock_mono_ms() + (int64_t)(seconds * 1000);
    load.samples_ms = xcalloc(SAMPLES_MAX, sizeof *load.samples_ms);
    pthread_mutex_init(&load.mutex, NULL);
    int started = 0;
    while (started < window && pthread_create(&thread[started], NULL, run, &load) == 0) started++;
    for (int i = 0; i < started; i++) pthread_join(thread[i], NULL);
    print(&load, window, seconds);
    free(load.samples_ms);
    return load.failed || load.count == 0;
}
