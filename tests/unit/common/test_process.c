/* Child processes: descriptors, environment, deadlines, groups, failures before exec. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/process.h"

static const char *const ENVIRONMENT[] = {"PATH=/usr/bin:/bin", "ONLY=this", NULL};

/* Runs `sh -c script` with a pipe on its output; returns that output. */
static const char *output_of(const char *script, struct process_spec spec, struct process_result *ret) {
    static char text[4096];
    struct error err = ERROR_INIT;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct process_fd fds[4] = {{ends[1], 1}};
    for (size_t i = 0; i < spec.n_fds; i++) fds[i + 1] = spec.fds[i];
    spec.fds = fds;
    spec.n_fds++;
    spec.argv = argv;
    CLEANUP(process_done) struct process p = PROCESS_INIT;
    if (process_spawn(&spec, &p, &err) != 0) fail_msg("%s", err.text);
    close(ends[1]);
    size_t len = 0;
    for (ssize_t n; (n = read(ends[0], text + len, sizeof text - 1 - len)) > 0;) len += (size_t)n;
    text[len] = 0;
    close(ends[0]);
    if (process_wait(&p, clock_mono_ms() + 10000, ret, &err) != 0) fail_msg("%s", err.text);
    return text;
}

static void output_and_exit_status_come_back(void **state) {
    (void)state;
    struct process_result r;
    assert_string_equal(output_of("echo hello; exit 3", (struct process_spec){.envp = ENVIRONMENT}, &r), "hello\n");
    assert_int_equal(r.status, 3);
    assert_int_equal(r.signal, 0);
    assert_true(r.max_rss_kib > 0);
    char text[64];
    process_result_text(&r, text);
    assert_string_equal(text, "exit status 3");
}

static void the_environment_is_exactly_the_given_one(void **state) {
    (void)state;
    setenv("SECRET", "leaks", 1);
    struct process_result r;
    const char *text = output_of("/usr/bin/env", (struct process_spec){.envp = ENVIRONMENT}, &r);
    assert_non_null(strstr(text, "ONLY=this\n"));
    assert_null(strstr(text, "SECRET"));
    text = output_of("/usr/bin/env", (struct process_spec){0}, &r);
    assert_null(strstr(text, "ONLY"));
    assert_null(strstr(text, "SECRET"));
}

static void only_mapped_descriptors_are_open_in_the_child(void **state) {
    (void)state;
    int leak = open("/dev/zero", O_RDONLY); /* no O_CLOEXEC on purpose */
    int high = fcntl(leak, F_DUPFD, 200);
    const struct process_fd fds[] = {{leak, 7}};
    struct process_result r;
    const char *text = output_of("cd /proc/self/fd && exec /bin/echo *",
                                 (struct process_spec){.envp = ENVIRONMENT, .fds = fds, .n_fds = 1}, &r);
    close(leak);
    close(high);
    /* sh itself opens one to expand the star */
    assert_true(strcmp(text, "0 1 2 7\n") == 0 || strcmp(text, "0 1 2 3 7\n") == 0);
}

static void unmapped_standard_descriptors_are_dev_null(void **state) {
    (void)state;
    struct process_result r;
    const char *text =
        output_of("readlink /proc/self/fd/0; readlink /proc/$$/fd/2", (struct process_spec){.envp = ENVIRONMENT}, &r);
    assert_string_equal(text, "/dev/null\n/dev/null\n");
}

static void descriptors_may_be_exchanged(void **state) {
    (void)state;
    int a[2], b[2];
    assert_int_equal(pipe2(a, O_CLOEXEC) | pipe2(b, O_CLOEXEC), 0);
    /* each goes to the other's number where that is possible */
    const struct process_fd fds[] = {{a[1], b[1]}, {b[1], a[1]}};
    CLEANUP_FREE char *script = xasprintf("echo to-b >&%d; echo to-a >&%d", a[1], b[1]);
    struct process_result r;
    output_of(script, (struct process_spec){.envp = ENVIRONMENT, .fds = fds, .n_fds = 2}, &r);
    char text[16] = "";
    assert_int_equal(read(a[0], text, sizeof text), 5);
    assert_memory_equal(text, "to-a\n", 5);
    assert_int_equal(read(b[0], text, sizeof text), 5);
    assert_memory_equal(text, "to-b\n", 5);
    for (int i = 0; i < 2; i++) close(a[i]), close(b[i]);
}

static void the_working_folder_is_set_and_a_missing_one_reported(void **state) {
    (void)state;
    struct process_result r;
    assert_string_equal(output_of("pwd", (struct process_spec){.envp = ENVIRONMENT, .folder = "/usr"}, &r), "/usr\n");
    struct error err = ERROR_INIT;
    struct process p = PROCESS_INIT;
    const char *const argv[] = {"/bin/true", NULL};
    assert_int_equal(process_spawn(&(struct process_spec){.argv = argv, .folder = "/nonexistent"}, &p, &err), -1);
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.text, "in the folder /nonexistent: No such file"));
}

static void a_missing_program_is_reported_by_spawn(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct process p = PROCESS_INIT;
    const char *const path[] = {"/nonexistent/program", NULL}, *const name[] = {"no-such-program-here", NULL};
    assert_int_equal(process_spawn(&(struct process_spec){.argv = path}, &p, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_string_equal(err.text, "cannot start /nonexistent/program: No such file or directory");
    assert_int_equal(process_spawn(&(struct process_spec){.argv = name}, &p, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    const char *const not_executable[] = {"/etc/passwd", NULL};
    assert_int_equal(process_spawn(&(struct process_spec){.argv = not_executable}, &p, &err), -1);
    assert_int_equal(err.code, ERR_IO);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left to reap */
    assert_int_equal(errno, ECHILD);
}

static void wrong_descriptor_maps_are_refused(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct process p = PROCESS_INIT;
    const char *const argv[] = {"/bin/true", NULL};
    const struct process_fd wrong[][2] = {
        {{0, -1}, {0, 0}}, {{0, PROCESS_FDS_MAX}, {0, 0}}, {{999, 3}, {0, 0}}, {{0, 4}, {1, 4}}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(process_spawn(&(struct process_spec){.argv = argv, .fds = wrong[i], .n_fds = 2}, &p, &err),
                         -1);
        assert_int_equal(err.code, ERR_INVALID);
    }
    assert_int_equal(process_spawn(&(struct process_spec){0}, &p, &err), -1);
}

static int refuse(void *context) {
    return *(int *)context;
}

static void a_failing_preparation_is_reported(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct process p = PROCESS_INIT;
    int why = EACCES;
    const char *const argv[] = {"/bin/true", NULL};
    assert_int_equal(process_spawn(&(struct process_spec){.argv = argv, .prepare = refuse, .context = &why}, &p, &err),
                     -1);
    assert_string_equal(err.text, "cannot prepare /bin/true: Permission denied");
}

static void a_deadline_leaves_the_child_running(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    CLEANUP(process_done) struct process p = PROCESS_INIT;
    const char *const argv[] = {"sleep", "1000", NULL};
    assert_int_equal(process_spawn(&(struct process_spec){.argv = argv}, &p, &err), 0);
    assert_int_equal(process_wait(&p, clock_mono_ms() + 20, NULL, &err), -1);
    assert_int_equal(err.code, ERR_TIMEOUT);
    assert_int_equal(kill(p.pid, 0), 0);
    process_kill(&p, SIGTERM);
    struct process_result r;
    assert_int_equal(process_wait(&p, INT64_MAX, &r, &err), 0);
    assert_int_equal(r.signal, SIGTERM);
    assert_int_equal(r.status, -1);
    char text[64];
    process_result_text(&r, text);
    assert_string_equal(text, "signal 15 (Terminated)");
    assert_int_equal(p.pid, 0);
    assert_int_equal(process_wait(&p, 0, NULL, &err), -1);
}

/* Whether all writers of the pipe have gone within ten seconds. */
static bool ends_soon(int fd) {
    struct pollfd watched = {.fd = fd, .events = 0};
    return poll(&watched, 1, 10000) == 1 && (watched.revents & POLLHUP);
}

static void grandchildren_do_not_outlive_the_leader(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const char *const argv[] = {"sh", "-c", "sleep 1000 & sleep 1000 & exit 0", NULL};
    const struct process_fd fds[] = {{ends[1], 5}};
    struct process p = PROCESS_INIT;
    assert_int_equal(
        process_spawn(&(struct process_spec){.argv = argv, .envp = ENVIRONMENT, .fds = fds, .n_fds = 1}, &p, &err), 0);
    close(ends[1]);
    assert_int_equal(process_wait(&p, INT64_MAX, NULL, &err), 0);
    assert_true(ends_soon(ends[0]));
    close(ends[0]);
}

static void done_kills_the_group_and_may_be_repeated(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const char *const argv[] = {"sh", "-c", "sleep 1000 & trap '' TERM; wait", NULL};
    const struct process_fd fds[] = {{ends[1], 5}};
    struct process p = PROCESS_INIT;
    assert_int_equal(
        process_spawn(&(struct process_spec){.argv = argv, .envp = ENVIRONMENT, .fds = fds, .n_fds = 1}, &p, &err), 0);
    close(ends[1]);
    process_done(&p);
    process_done(&p);
    assert_true(ends_soon(ends[0]));
    close(ends[0]);
}

static void the_child_dies_with_its_parent(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t parent = fork();
    if (parent == 0) {
        struct process p = PROCESS_INIT;
        const char *const argv[] = {"sleep", "1000", NULL};
        const struct process_fd fds[] = {{ends[1], 5}};
        process_spawn(&(struct process_spec){.argv = argv, .fds = fds, .n_fds = 1}, &p, NULL);
        if (write(ends[1], "x", 1) != 1) _exit(1);
        pause();
    }
    char started;
    assert_int_equal(read(ends[0], &started, 1), 1);
    close(ends[1]);
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    assert_true(ends_soon(ends[0]));
    close(ends[0]);
}

static void blocked_and_ignored_signals_are_not_inherited(void **state) {
    (void)state;
    signal(SIGTERM, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    struct process_result r;
    const char *text =
        output_of("grep -E '^Sig(Blk|Ign)' /proc/self/status", (struct process_spec){.envp = ENVIRONMENT}, &r);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    signal(SIGTERM, SIG_DFL);
    assert_string_equal(text, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_and_exit_status_come_back),
        cmocka_unit_test(the_environment_is_exactly_the_given_one),
        cmocka_unit_test(only_mapped_descriptors_are_open_in_the_child),
        cmocka_unit_test(unmapped_standard_descriptors_are_dev_null),
        cmocka_unit_test(descriptors_may_be_exchanged),
        cmocka_unit_test(the_working_folder_is_set_and_a_missing_one_reported),
        cmocka_unit_test(a_missing_program_is_reported_by_spawn),
        cmocka_unit_test(wrong_descriptor_maps_are_refused),
        cmocka_unit_test(a_failing_preparation_is_reported),
        cmocka_unit_test(a_deadline_leaves_the_child_running),
        cmocka_unit_test(grandchildren_do_not_outlive_the_leader),
        cmocka_unit_test(done_kills_the_group_and_may_be_repeated),
        cmocka_unit_test(the_child_dies_with_its_parent),
        cmocka_unit_test(blocked_and_ignored_signals_are_not_inherited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
