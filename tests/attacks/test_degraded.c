/* Machines that give less: a container that forbids namespaces, a kernel without Landlock, an operator who insists.
 * What is missing is played by a seccomp filter on this process, as a container's own would. */
#include "tests/attacks/attacked.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/wait.h>

static void refuse(const char *const *calls, int with) {
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    assert_non_null(ctx);
    for (; *calls; calls++) {
        int nr = seccomp_syscall_resolve_name(*calls);
        if (nr != __NR_SCMP_ERROR) assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ERRNO((uint32_t)with), nr, 0), 0);
    }
    assert_int_equal(seccomp_load(ctx), 0);
    seccomp_release(ctx);
}

static void forbid_namespaces(void) {
    static const char *const calls[] = {"unshare", "mount", "pivot_root", "setns", "umount2", NULL};
    refuse(calls, EPERM);
}

static void have_no_landlock(void) {
    /* As numbers: libseccomp may be older than they are. */
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    assert_non_null(ctx);
    for (int nr = 444; nr <= 446; nr++) assert_int_equal(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), nr, 0), 0);
    assert_int_equal(seccomp_load(ctx), 0);
    seccomp_release(ctx);
}

/* What a machine can do is found out once a process. */
static void in_a_process_of_its_own(void (*body)(void)) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        worker_start(NULL);
        body();
        worker_end(NULL);
        fflush(NULL);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0) fail_msg("it ended with status 0x%x", status);
}

/* cmocka's assertions jump back into the parent's code: in the child a failure is an exit status. */
static void require(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "%s: %s, %s: %s%s\n", what, attempt.outcome, attempt.sandbox, attempt.evidence,
            attempt.infrastructure ? attempt.infrastructure : "");
    _exit(1);
}

static void is_held(const char *word) {
    attack(word);
    require(attempt.verdict && strcmp(attempt.verdict, "correct") == 0, word);
}

static void level_is(const char *beginning) {
    attack("");
    require(strncmp(attempt.sandbox, beginning, strlen(beginning)) == 0, beginning);
}

static void without_namespaces(void) {
    forbid_namespaces();
    level_is("process+seccomp");
    static const char *const words[] = {"fork_bomb", "programs",       "signals",    "other_processes",
                                        "network",   "read_outside_1", "descriptors"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) is_held(words[i]);
    setenv("PORTOLAN_SANDBOX", "bubblewrap", 1);
    attack("");
    require(attempt.infrastructure && strstr(attempt.infrastructure, "bubblewrap cannot be used here"),
            "an operator who insists");
}

static void without_landlock(void) {
    have_no_landlock();
    attack("");
    require(strstr(attempt.sandbox, "+seccomp") && !strstr(attempt.sandbox, "landlock"), "the level");
    if (strncmp(attempt.sandbox, "bubblewrap", 10) != 0)
        return; /* nothing shuts the files away then: docs/sandbox.md */
    static const char *const words[] = {"fork_bomb", "programs", "signals", "network", "read_outside_1", "descriptors"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) is_held(words[i]);
}

static void with_neither(void) {
    forbid_namespaces();
    have_no_landlock();
    level_is("process+seccomp");
    require(strcmp(attempt.sandbox, "process+seccomp") == 0, "the level");
    static const char *const words[] = {"fork_bomb", "programs", "signals", "network", "descriptors"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) is_held(words[i]);
}

static void a_container_without_namespaces_is_second_best_and_says_so(void **state) {
    (void)state;
    in_a_process_of_its_own(without_namespaces);
}

static void a_kernel_without_landlock_says_so(void **state) {
    (void)state;
    in_a_process_of_its_own(without_landlock);
}

static void with_neither_signals_and_the_network_stay_shut(void **state) {
    (void)state;
    in_a_process_of_its_own(with_neither);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_container_without_namespaces_is_second_best_and_says_so),
        cmocka_unit_test(a_kernel_without_landlock_says_so),
        cmocka_unit_test(with_neither_signals_and_the_network_stay_shut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
