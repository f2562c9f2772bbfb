/* Locks between processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fileio.h"
#include "common/lockfile.h"

static char root[] = "/tmp/portolan-test-XXXXXX";

static int group_setup(void **state) {
    (void)state;
    if (!mkdtemp(root)) return -1;
    return setenv("PORTOLAN_LOCK_DIR", root, 1);
}

static int group_teardown(void **state) {
    (void)state;
    return dir_remove(root, NULL);
}

static struct lockfile *take(const char *name, enum lock_mode mode, int64_t timeout_ms, const char *holder) {
    struct error err = ERROR_INIT;
    struct lockfile *lock = lockfile_acquire(name, mode, timeout_ms, holder, &err);
    if (!lock) fail_msg("%s", err.text);
    return lock;
}

static void busy(const char *name, enum lock_mode mode, int64_t timeout_ms, const char *part) {
    struct error err = ERROR_INIT;
    assert_null(lockfile_acquire(name, mode, timeout_ms, "me", &err));
    assert_int_equal(err.code, ERR_BUSY);
    if (!strstr(err.text, part)) fail_msg("`%s` lacks `%s`", err.text, part);
}

static void an_exclusive_lock_keeps_everyone_out_and_names_its_holder(void **state) {
    (void)state;
    struct lockfile *lock = take("gpu0", LOCK_EXCLUSIVE, 0, "portolan-agent\non gpu0");
    CLEANUP_FREE char *part =
        xasprintf("%s/gpu0 is locked, last by portolan-agent on gpu0, process %d", root, (int)getpid());
    busy("gpu0", LOCK_EXCLUSIVE, 0, part);
    busy("gpu0", LOCK_SHARED, 0, part);
    CLEANUP_FREE char *holder = lockfile_holder("gpu0");
    assert_non_null(strstr(holder, "portolan-agent on gpu0"));
    lockfile_release(lock);
    lockfile_release(take("gpu0", LOCK_EXCLUSIVE, 0, NULL));
}

static void shared_locks_go_together_but_not_with_an_exclusive_one(void **state) {
    (void)state;
    struct lockfile *a = take("s", LOCK_SHARED, 0, "a"), *b = take("s", LOCK_SHARED, 0, "b");
    busy("s", LOCK_EXCLUSIVE, 0, "is locked");
    lockfile_release(a);
    busy("s", LOCK_EXCLUSIVE, 0, "is locked");
    lockfile_release(b);
    lockfile_release(take("s", LOCK_EXCLUSIVE, 0, NULL));
}

static void waiting_ends_at_the_deadline(void **state) {
    (void)state;
    struct lockfile *lock = take("w", LOCK_EXCLUSIVE, 0, "x");
    int64_t start_ms = clock_mono_ms();
    busy("w", LOCK_EXCLUSIVE, 50, "waited 50 ms");
    assert_true(clock_mono_ms() - start_ms >= 50);
    lockfile_release(lock);
    lockfile_release(take("w", LOCK_EXCLUSIVE, INT64_MAX, "patient"));
}

static void *wait_for_it(void *context) {
    *(struct lockfile **)context = lockfile_acquire("t", LOCK_EXCLUSIVE, 10000, "waiter", NULL);
    return NULL;
}

/* Until the waiter holds the turnstile, which then keeps new shared locks out. */
static bool shared_is_refused_soon(void) {
    for (int64_t end_ms = clock_mono_ms() + 5000; clock_mono_ms() < end_ms;) {
        struct lockfile *lock = lockfile_acquire("t", LOCK_SHARED, 0, NULL, NULL);
        if (!lock) return true;
        lockfile_release(lock);
    }
    return false;
}

static void a_waiting_exclusive_lock_goes_before_later_shared_ones(void **state) {
    (void)state;
    struct lockfile *shared = take("t", LOCK_SHARED, 0, "s"), *waited = NULL;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_it, &waited), 0);
    assert_true(shared_is_refused_soon());
    lockfile_release(shared);
    pthread_join(thread, NULL);
    assert_non_null(waited);
    lockfile_release(waited);
    lockfile_release(take("t", LOCK_SHARED, 1000, NULL));
}

static void a_lock_ends_with_its_process(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        if (!lockfile_acquire("k", LOCK_EXCLUSIVE, 0, "child", NULL) || write(ends[1], "x", 1) != 1) _exit(1);
        pause();
    }
    char byte;
    assert_int_equal(read(ends[0], &byte, 1), 1);
    busy("k", LOCK_EXCLUSIVE, 0, "child, process");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    lockfile_release(take("k", LOCK_EXCLUSIVE, 0, NULL));
    close(ends[0]);
    close(ends[1]);
}

static void names_that_leave_the_folder_are_refused(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    static const char *const names[] = {"", ".", "..", ".hidden"};
    for (size_t i = 0; i < 4; i++) {
        assert_null(lockfile_acquire(names[i], LOCK_SHARED, 0, NULL, &err));
        assert_int_equal(err.code, ERR_INVALID);
    }
    assert_null(lockfile_acquire("/nonexistent/x", LOCK_SHARED, 0, NULL, &err));
    assert_int_equal(err.code, ERR_IO);
}

static void a_link_in_place_of_the_lock_is_not_followed(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *link = path_join(root, "link"), *victim = path_join(root, "victim");
    assert_int_equal(file_write_durable(victim, "precious", 8, 0600, &err), 0);
    assert_int_equal(symlink(victim, link), 0);
    assert_null(lockfile_acquire("link", LOCK_EXCLUSIVE, 0, "x", &err));
    CLEANUP_FREE char *text = file_read(victim, 100, NULL, &err);
    assert_string_equal(text, "precious");
}

static void the_folder_falls_back_to_one_that_can_be_written(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    bool there_before = access("/run/lock/portolan", F_OK) == 0;
    unsetenv("PORTOLAN_LOCK_DIR");
    CLEANUP_FREE char *dir = lock_dir(&err);
    setenv("PORTOLAN_LOCK_DIR", root, 1);
    assert_non_null(dir);
    assert_int_equal(access(dir, W_OK | X_OK), 0);
    if (!there_before) rmdir("/run/lock/portolan"); /* made by this test, unless another fallback was taken */
}

static void a_lock_that_nobody_held_has_no_holder(void **state) {
    (void)state;
    CLEANUP_FREE char *holder = lockfile_holder("never");
    assert_string_equal(holder, "");
    lockfile_release(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exclusive_lock_keeps_everyone_out_and_names_its_holder),
        cmocka_unit_test(shared_locks_go_together_but_not_with_an_exclusive_one),
        cmocka_unit_test(waiting_ends_at_the_deadline),
        cmocka_unit_test(a_waiting_exclusive_lock_goes_before_later_shared_ones),
        cmocka_unit_test(a_lock_ends_with_its_process),
        cmocka_unit_test(names_that_leave_the_folder_are_refused),
        cmocka_unit_test(a_link_in_place_of_the_lock_is_not_followed),
        cmocka_unit_test(the_folder_falls_back_to_one_that_can_be_written),
        cmocka_unit_test(a_lock_that_nobody_held_has_no_holder),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
