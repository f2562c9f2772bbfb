/* What a runner gives up, version by version: each case in a process of its own, since none can be taken back. */
#include "agent-node/runner/lockdown.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/fileio.h"

static char folder[] = "/tmp/portolan-test-XXXXXX";
static char *inside, *outside, *secret;
static unsigned newest; /* that this kernel has, of those that are used */

static int make_folder(void **state) {
    (void)state;
    if (!mkdtemp(folder)) return -1;
    inside = path_join(folder, "inside");
    outside = path_join(folder, "outside");
    secret = path_join(outside, "secret");
    return dir_make(inside, 0700, NULL) | dir_make(outside, 0700, NULL) |
           file_write_durable(secret, "secret", 6, 0600, NULL);
}

static int remove_folder(void **state) {
    (void)state;
    free(inside), free(outside), free(secret);
    return dir_remove(folder, NULL);
}

/* The exit status of a child that runs body(argument); 0 is good, a line's number is that of what did not hold. */
static void in_child(int (*body)(unsigned), unsigned argument) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) _exit(body(argument));
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status) fail_msg("with %u: line %d (status 0x%x)", argument, WEXITSTATUS(status), status);
}
#define HOLDS(condition)                               \
    do {                                               \
        if (!(condition)) return (__LINE__ % 250) + 1; \
    } while (0)

static unsigned confine(unsigned most, bool reads) {
    const char *writable[] = {inside, NULL}, *readable[] = {NULL};
    return lockdown_landlock(most, writable, readable, reads);
}

static bool opens(const char *path, int how) {
    CLEANUP_FD int fd = open(path, how, 0600);
    return fd >= 0;
}

static int files_are_confined(unsigned version) {
    CLEANUP_FREE char *mine = path_join(inside, "mine"), *folder_of_mine = path_join(inside, "folder");
    CLEANUP_FREE char *theirs = path_join(outside, "theirs"), *moved = path_join(folder_of_mine, "mine");
    unlink(moved);
    HOLDS(confine(version, true) == version);
    HOLDS(!opens(secret, O_RDONLY) && !opens(secret, O_WRONLY) && !opens(theirs, O_WRONLY | O_CREAT));
    HOLDS(!opens("/etc/passwd", O_RDONLY) && !opens("/proc/1/status", O_RDONLY) && !opens("/proc", O_RDONLY));
    HOLDS(opens("/proc/self/status", O_RDONLY) && opens("/usr/bin", O_RDONLY) && opens("/dev/null", O_RDWR));
    HOLDS(opens(mine, O_WRONLY | O_CREAT) && opens(mine, O_RDONLY) && rename(mine, secret) < 0);
    HOLDS(mkdir(folder_of_mine, 0700) == 0 || errno == EEXIST);
    HOLDS((rename(mine, moved) == 0) == (version >= 2)); /* between folders, both one's own */
    HOLDS((truncate(secret, 6) == 0) == (version < 3));
    return 0;
}

static void each_version_of_landlock_confines_files(void **state) {
    (void)state;
    for (unsigned v = 1; v <= newest; v++) in_child(files_are_confined, v);
}

/* A process outside ends when nobody holds the other end of its pipe any more. */
static int signals_are_confined(unsigned version) {
    int hold[2];
    HOLDS(pipe(hold) == 0);
    pid_t other = fork();
    if (other == 0) {
        char byte;
        close(hold[1]);
        _exit(read(hold[0], &byte, 1) != 0);
    }
    HOLDS(other > 0 && confine(version, false) == version);
    HOLDS((kill(other, 0) == 0) == (version < 6));
    return 0;
}

static void signals_stay_inside_from_version_6_on(void **state) {
    (void)state;
    for (unsigned v = 1; v <= newest; v++) in_child(signals_are_confined, v);
}

static int reads_are_open(unsigned version) {
    HOLDS(confine(version, false) == version);
    HOLDS(opens(secret, O_RDONLY) && !opens(secret, O_WRONLY));
    return 0;
}

static void inside_a_mount_namespace_only_writes_are_confined(void **state) {
    (void)state;
    if (newest) in_child(reads_are_open, newest);
}

static int no_version_is_no_landlock(unsigned unused) {
    (void)unused;
    HOLDS(confine(0, true) == 0);
    HOLDS(opens(secret, O_RDONLY));
    return 0;
}

static void a_kernel_without_it_is_reported_and_left_as_it_is(void **state) {
    (void)state;
    in_child(no_version_is_no_landlock, 0);
}

static int limits_hold(unsigned processes) {
    struct limits l = {.file_bytes = 4096, .cpu_seconds = 100, .processes = processes};
    struct error err = ERROR_INIT;
    struct rlimit now;
    char adjusted[16] = "";
    int extra = open("/dev/null", O_RDONLY);
    HOLDS(extra > 2 && lockdown_limits(&l, 3, &err) == 0);
    HOLDS(fcntl(extra, F_GETFD) < 0);
    HOLDS(getrlimit(RLIMIT_NPROC, &now) == 0 && now.rlim_cur == processes && now.rlim_max == processes);
    HOLDS(getrlimit(RLIMIT_FSIZE, &now) == 0 && now.rlim_max == 4096);
    HOLDS(getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_max == 0);
    HOLDS(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    int fd = open("/proc/self/oom_score_adj", O_RDONLY);
    HOLDS(fd >= 0 && read(fd, adjusted, sizeof adjusted - 1) > 0 && atoi(adjusted) == 1000);
    return 0;
}

static void limits_descriptors_and_the_order_of_going_are_set(void **state) {
    (void)state;
    in_child(limits_hold, 77);
}

static int calls_are_listed(unsigned tools) {
    struct error err = ERROR_INIT;
    struct rlimit limit;
    pid_t parent = getppid();
    HOLDS(lockdown_seccomp(tools, false, &err));
    HOLDS(kill(parent, 0) < 0 && errno == EPERM && kill(getpid(), 0) == 0);
    HOLDS(fcntl(0, F_SETOWN, getpid()) < 0 && errno == EPERM && fcntl(0, F_GETFD) >= 0);
    HOLDS(syscall(SYS_prlimit64, parent, RLIMIT_CPU, NULL, &limit) < 0 && errno == EPERM);
    HOLDS(syscall(SYS_prlimit64, 0, RLIMIT_CPU, NULL, &limit) == 0);
    HOLDS(syscall(SYS_socket, 1, 1, 0) < 0 && errno == EPERM);
    HOLDS(syscall(SYS_clone, 0x10000000 | SIGCHLD, 0, 0, 0, 0) < 0 && errno == EPERM); /* CLONE_NEWUSER */
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    HOLDS((pid > 0) == (tools != 0));
    return 0;
}

static void seccomp_leaves_the_list_to_both_kinds(void **state) {
    (void)state;
    in_child(calls_are_listed, 0);
    in_child(calls_are_listed, 1);
}

int main(void) {
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1); /* LANDLOCK_CREATE_RULESET_VERSION */
    newest = version < 1 ? 0 : version > LANDLOCK_NEWEST ? LANDLOCK_NEWEST : (unsigned)version;
    if (!newest) print_message("this kernel has no Landlock: nothing is tried of it\n");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_version_of_landlock_confines_files),
        cmocka_unit_test(signals_stay_inside_from_version_6_on),
        cmocka_unit_test(inside_a_mount_namespace_only_writes_are_confined),
        cmocka_unit_test(a_kernel_without_it_is_reported_and_left_as_it_is),
        cmocka_unit_test(limits_descriptors_and_the_order_of_going_are_set),
        cmocka_unit_test(seccomp_leaves_the_list_to_both_kinds),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
