/* Several kernels, one after the other, in one worker: what does a task leave to the next one?
 *   tasks_in_turn DEVICE PROBLEM.yaml SIZE KERNEL.yaml...
 * Prints the attempts as a JSON array. A kernel whose name begins with '!' asks for no source rules, which a worker
 * heeds with PORTOLAN_TEST_HOOKS=1 only. Verdicts are no failure: the exit status is 0 when every task was run. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/discovery.h"
#include "agent-node/worker/worker.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "problems/graph/problem.h"
#include "problems/kernel/kernel.h"
#include "schemas/codec.h"

#define SETS 2
#define QUADS 4
#define TRIES 20

static _Noreturn void fail(const struct error *err) {
    fprintf(stderr, "tasks_in_turn: %s\n", err->text);
    exit(1);
}

static struct worker *start(const char *device, struct error *err) {
    CLEANUP(discovery_list_done) struct rec_list_device list = {0};
    CLEANUP_FREE char *cache = dir_standard("cache", err);
    const char *only[] = {device};
    if (!cache) return NULL;
    struct discovery_config d = {.cache_dir = cache, .sandbox = true, .measure = true, .only = only, .only_count = 1};
    if (discovery_run(&d, &list, err) != 0) return NULL;
    if (list.count != 1) {
        error_set(err, ERR_NOT_FOUND, "%zu devices are called %s", list.count, device);
        return NULL;
    }
    struct worker_config w = {.device = list.items[0], .cache_dir = cache, .sandbox = true, .notes_load = true};
    return worker_new(&w, err);
}

static int set_problem(struct rec_task *t, const char *path, const char *size, struct error *err) {
    struct problem *p = problem_load(path, err);
    if (!p) return -1;
    rec_set(&t->problem, problem_name(p));
    rec_set(&t->problem_yaml, problem_text(p));
    rec_set(&t->size, size);
    problem_free(p);
    return 0;
}

static int set_kernel(struct rec_task *t, const char *path, struct error *err) {
    t->policy.source_rules = *path != '!';
    struct kernel *k = kernel_load(path + (*path == '!'), err);
    if (!k) return -1;
    rec_set(&t->kernel, kernel_name(k));
    rec_set(&t->kernel_yaml, kernel_yaml(k));
    rec_set(&t->kernel_source, kernel_source(k));
    kernel_free(k);
    return 0;
}

/* The coordinator would put it back into the queue. */
static bool was_busy(const struct rec_attempt *a) {
    return a->infrastructure && strncmp(a->infrastructure, "machine busy", 12) == 0;
}

static json_t *run(struct worker *w, const char *problem, const char *size, const char *kernel) {
    struct error err = ERROR_INIT;
    struct rec_task task;
    struct rec_attempt attempt;
    rec_task_init(&task);
    rec_set(&task.kind, "measure");
    task.policy.sets = SETS;
    task.policy.quads = QUADS;
    rec_set(&task.policy.busy, "note"); /* whose times they are is what is tried, not how good */
    if (set_problem(&task, problem, size, &err) != 0 || set_kernel(&task, kernel, &err) != 0) fail(&err);
    for (int tries = 1;; tries++) {
        if (worker_run(w, &task, NULL, &attempt, &err) != 0) fail(&err);
        if (tries == TRIES || !was_busy(&attempt)) break;
        rec_attempt_done(&attempt);
    }
    json_t *json = codec_to_json(&rec_attempt_desc, &attempt);
    rec_attempt_done(&attempt);
    rec_task_done(&task);
    return json;
}

int main(int argc, char **argv) {
    struct error err = ERROR_INIT;
    if (argc < 5) {
        fputs("usage: tasks_in_turn DEVICE PROBLEM.yaml SIZE KERNEL.yaml...\n", stderr);
        return 2;
    }
    struct worker *w = start(argv[1], &err);
    if (!w) fail(&err);
    json_t *all = json_array();
    for (int i = 4; i < argc; i++) json_array_append_new(all, run(w, argv[2], argv[3], argv[i]));
    json_dumpf(all, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(all);
    worker_free(w);
    return 0;
}
