/* A real worker over real sandboxed runners that are in an attacker's hands (hostile_runner.c), for one test program:
 * `attack(WORD)` runs a task whose source holds the word, `honest_is_correct()` the next one. The problem is y =
 * relu(x) in small sizes; nothing is timed. */
#pragma once
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent-node/worker/worker.h"
#include "common/cleanup.h"
#include "common/fileio.h"

static struct worker *worker;
static struct rec_task task;
static struct rec_attempt attempt;

static void set_task(void) {
    rec_task_init(&task);
    rec_set(&task.task_id, "t1");
    rec_set(&task.attempt_id, "t1.1");
    rec_set(&task.kind, "measure");
    rec_set(&task.problem, "toy");
    rec_set(&task.problem_yaml,
            "problem: toy\nlevel: 1\norigin: test\n"
            "sizes:\n  small: {N: 8, D: 64}\n  check: {N: 2, D: 17}\n"
            "inputs:\n  x: {dtype: f32, shape: [N, D], fill: 'normal(0, 2)'}\n"
            "graph:\n  - y = relu(x)\noutputs: [y]\n");
    rec_set(&task.kernel_yaml,
            "kernel: toy-kernel\nproblem: toy\nlanguage: opencl-c\nsource: toy.cl\n"
            "launches:\n  - {kernel: k, args: [x, y], global: [N * D]}\n");
    rec_set(&task.size, "small");
    task.policy.sets = 0;
    task.policy.run_timeout_ms = 5000;
    task.policy.compile_timeout_ms = 5000;
}

static void set_device(struct rec_device *d) {
    rec_device_init(d);
    rec_set(&d->id, "scripted");
    rec_set(&d->target, "scripted");
    rec_set(&d->backend, "scripted");
    rec_set(&d->kind, "cpu");
    rec_set(&d->domain, "attacks");
    rec_set(&d->fingerprint, "f00d");
    d->host_memory = true;
    d->compute_units = 1;
    d->max_work_group_size = 1024;
    d->local_memory_bytes = 65536;
    d->max_alloc_bytes = 1 << 30;
    d->memory_bytes = (int64_t)4 << 30;
}

/* The hostile runner stands where the Makefile puts it, beside the folder of the tests, unless the environment says. */
static int worker_start(void **state) {
    (void)state;
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(n > 0);
    self[n] = 0;
    CLEANUP_FREE char *folder = path_dirname(self);
    CLEANUP_FREE char *runner = path_join(folder, "../../tools/hostile_runner");
    setenv("PORTOLAN_RUNNER", runner, 0);
    struct worker_config c = {.oracle_threads = 1, .sandbox = true, .notes_load = true};
    set_device(&c.device);
    worker = worker_new(&c, NULL);
    assert_non_null(worker);
    rec_device_done(&c.device);
    set_task();
    rec_attempt_init(&attempt);
    return 0;
}

static int worker_end(void **state) {
    (void)state;
    rec_attempt_done(&attempt);
    rec_task_done(&task);
    worker_free(worker);
    return 0;
}

static void attack(const char *word) {
    char source[256];
    struct error err = ERROR_INIT;
    snprintf(source, sizeof source,
             "__kernel void k(__global const float *x, __global float *y) { y[0] = x[0] + %s%s; }\n",
             *word ? "attack_" : "", *word ? word : "0");
    rec_set(&task.kernel_source, source);
    rec_attempt_done(&attempt);
    assert_int_equal(worker_run(worker, &task, NULL, &attempt, &err), 0);
}

__attribute__((unused)) static void expect(const char *word, const char *verdict, const char *evidence) {
    if (strcmp(attempt.outcome, "verdict") != 0)
        fail_msg("%s: %s: %s", word, attempt.outcome, attempt.infrastructure ? attempt.infrastructure : "");
    if (strcmp(attempt.verdict, verdict) != 0)
        fail_msg("%s: %s, not %s: %s", word, attempt.verdict, verdict, attempt.evidence);
    if (!strstr(attempt.evidence, evidence)) fail_msg("%s: no \"%s\" in: %s", word, evidence, attempt.evidence);
}

__attribute__((unused)) static void honest_is_correct(void) {
    attack("");
    expect("the honest kernel after an attack", "correct", "");
}

/* The attack ends like this, and the next task runs as if nothing had been. */
__attribute__((unused)) static void attack_ends_as(const char *word, const char *verdict, const char *evidence) {
    attack(word);
    expect(word, verdict, evidence);
    honest_is_correct();
}
