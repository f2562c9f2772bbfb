/* Which threads did the work, and each on a processor of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent-node/worker/timing/placement.h"

static void add(struct thread_times *t, pid_t tid, uint64_t ns) {
    t->thread[t->n].tid = tid;
    t->thread[t->n++].ns = ns;
}

static void those_with_half_of_the_busiest_ones_time_are_the_workers(void **state) {
    (void)state;
    struct thread_times *before = calloc(1, sizeof *before), *now = calloc(1, sizeof *now);
    pid_t worker[PLACEMENT_THREADS_MAX];
    add(before, 10, 900), add(before, 11, 0), add(before, 12, 50);
    add(now, 14, 60), add(now, 10, 910), add(now, 11, 100), add(now, 12, 99), add(now, 13, 0);
    assert_int_equal(thread_times_workers(before, now, worker), 2); /* 10 was busy earlier, 12 did 49 */
    assert_int_equal(worker[0], 11);
    assert_int_equal(worker[1], 14); /* that began meanwhile, in the order of ids */
    assert_int_equal(thread_times_workers(now, now, worker), 0);
    free(before);
    free(now);
}

#define SPINNERS 2
static atomic_bool stop;
static void *spin(void *context) {
    atomic_int *ready = context;
    atomic_fetch_add(ready, 1);
    while (!atomic_load(&stop)) {
    }
    return NULL;
}

static void threads_that_work_get_a_processor_each(void **state) {
    (void)state;
    pthread_t thread[SPINNERS];
    atomic_int ready = 0;
    cpu_set_t allowed, got[SPINNERS];
    struct thread_times *before = calloc(1, sizeof *before);
    assert_int_equal(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    for (int i = 0; i < SPINNERS; i++) assert_int_equal(pthread_create(&thread[i], NULL, spin, &ready), 0);
    while (atomic_load(&ready) < SPINNERS) sched_yield();
    bool bound, enough = CPU_COUNT(&allowed) >= SPINNERS;
    thread_times_read(getpid(), before);
    assert_true(before->n > SPINNERS);
    struct thread_times *now = calloc(1, sizeof *now);
    pid_t worker[PLACEMENT_THREADS_MAX];
    do { /* until the kernel has counted some time of both */
        usleep(20000);
        thread_times_read(getpid(), now);
    } while (thread_times_workers(before, now, worker) < SPINNERS);
    bound = placement_bind(getpid(), before);
    free(now);
    for (int i = 0; i < SPINNERS; i++) pthread_getaffinity_np(thread[i], sizeof got[i], &got[i]);
    atomic_store(&stop, true);
    for (int i = 0; i < SPINNERS; i++) pthread_join(thread[i], NULL);
    assert_int_equal(bound, enough);
    for (int i = 0; i < SPINNERS && bound; i++) assert_int_equal(CPU_COUNT(&got[i]), 1);
    if (bound) assert_false(CPU_EQUAL(&got[0], &got[1]));
    free(before);
}

static void of_a_process_that_is_gone_nothing_is_bound(void **state) {
    (void)state;
    struct thread_times *none = calloc(1, sizeof *none);
    thread_times_read(-1, none);
    assert_int_equal(none->n, 0);
    assert_false(placement_bind(-1, none));
    free(none);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_with_half_of_the_busiest_ones_time_are_the_workers),
        cmocka_unit_test(threads_that_work_get_a_processor_each),
        cmocka_unit_test(of_a_process_that_is_gone_nothing_is_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
