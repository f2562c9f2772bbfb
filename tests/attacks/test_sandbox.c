/* Attacks on the machine from inside a runner: a real worker, real sandboxes of both levels, a runner that is in the
 * attacker's hands. Whatever a sandbox lets through comes back as launch_error or compile_error with "breach:". */
#include "tests/attacks/attacked.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/sanitizer.h"

static char outside[64], scratch[64];

/* A readable secret outside, and a folder for runners that have no tmpfs. */
static int start(void **state) {
    snprintf(outside, sizeof outside, "/var/tmp/portolan-attack-%d", (int)getpid());
    snprintf(scratch, sizeof scratch, "/var/tmp/portolan-scratch-%d", (int)getpid());
    CLEANUP_FREE char *secret = path_join(outside, "secret");
    assert_int_equal(mkdir(outside, 0777) | chmod(outside, 0777), 0);
    assert_int_equal(mkdir(scratch, 0777) | chmod(scratch, 0777), 0);
    assert_int_equal(file_write_durable(secret, "secret\n", 7, 0666, NULL), 0);
    assert_int_equal(chmod(secret, 0666), 0);
    setenv("TMPDIR", scratch, 1);
    return worker_start(state);
}

static int end(void **state) {
    unsetenv("PORTOLAN_SANDBOX");
    dir_remove(outside, NULL);
    dir_remove(scratch, NULL);
    return worker_end(state);
}

static int entries(const char *path) {
    DIR *dir = opendir(path);
    int n = 0;
    for (const struct dirent *e; dir && (e = readdir(dir));) n += e->d_name[0] != '.';
    if (dir) closedir(dir);
    return n;
}

static bool secret_is_whole(void) {
    size_t len = 0;
    CLEANUP_FREE char *path = path_join(outside, "secret");
    CLEANUP_FREE char *text = file_read(path, 100, &len, NULL);
    return text && strcmp(text, "secret\n") == 0 && entries(outside) == 1;
}

static void is_held(const char *word) {
    attack_ends_as(word, "correct", "");
    assert_true(secret_is_whole());
    assert_int_equal(entries(scratch), 0);
}

static void is_held_with_number(const char *word) {
    char whole[64];
    snprintf(whole, sizeof whole, "%s%d", word, (int)getpid());
    is_held(whole);
}

/* Folders that cannot be entered may hide anything: where the scratch folder has no size of its own, they end the
 * runner once somebody looks. */
static void leaves_links_behind(const char *word) {
    char whole[64];
    snprintf(whole, sizeof whole, "%s%d", word, (int)getpid());
    attack(whole);
    if (strcmp(attempt.verdict, "correct") != 0) expect(whole, "crashed", "scratch folder beyond the limit");
    assert_true(secret_is_whole());
    assert_int_equal(entries(scratch), 0);
    honest_is_correct();
}

/* Each level in turn; `bubblewrap` only where it can be used. */
static void at_level(const char *level, void (*test)(void)) {
    setenv("PORTOLAN_SANDBOX", level, 1);
    attack("");
    if (strcmp(attempt.outcome, "infrastructure") == 0 && strstr(attempt.infrastructure, "bubblewrap cannot be used")) {
        print_message("%s: cannot be used here\n", level);
        return;
    }
    expect("the honest kernel", "correct", "");
    if (!strstr(attempt.sandbox, level)) fail_msg("the attempt says %s, not %s", attempt.sandbox, level);
    test();
}

static void at_both_levels(void (*test)(void)) {
    const char *only = getenv("ATTACKS_LEVEL");
    if (!only || strcmp(only, "bubblewrap") == 0) at_level("bubblewrap", test);
    if (!only || strcmp(only, "process") == 0) at_level("process", test);
}

static void what_measuring_runners_try(void) {
    static const char *const words[] = {"fork_bomb",  "threads",  "programs",        "leave_session",
                                        "namespaces", "signals",  "other_processes", "network",
                                        "flood",      "big_file", "descriptors",     "odd_calls"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) is_held(words[i]);
    if (!BUILT_WITH_SANITIZER) is_held("memory_hog"); /* which reserves terabytes itself */
    is_held_with_number("read_outside_");
    is_held_with_number("write_outside_");
    leaves_links_behind("symlinks_");
}

static void a_measuring_runner_reaches_nothing(void **state) {
    (void)state;
    at_both_levels(what_measuring_runners_try);
}

/* A compile runner may start programs: all the rest holds there too. */
static void what_compile_runners_try(void) {
    static const char *const words[] = {"build_leave_session",   "build_namespaces", "build_signals",
                                        "build_other_processes", "build_network",    "build_descriptors"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) is_held(words[i]);
    is_held_with_number("build_read_outside_");
    is_held_with_number("build_write_outside_");
    leaves_links_behind("build_symlinks_");
}

static void a_compile_runner_reaches_nothing_either(void **state) {
    (void)state;
    at_both_levels(what_compile_runners_try);
}

static void fills_the_disk(void) {
    attack("disk_hog");
    bool full = strcmp(attempt.verdict, "correct") == 0; /* there was no room for it */
    if (!full) expect("disk_hog", "crashed", "scratch folder beyond the limit");
    if (!full) assert_string_equal(getenv("PORTOLAN_SANDBOX"), "process");
    assert_int_equal(entries(scratch), 0);
    honest_is_correct();
}

static void a_full_scratch_folder_ends_its_runner_and_goes_with_it(void **state) {
    (void)state;
    at_both_levels(fills_the_disk);
}

static void hangs(void) {
    int64_t usual_ms = task.policy.run_timeout_ms;
    task.policy.run_timeout_ms = 300;
    attack("hang");
    task.policy.run_timeout_ms = usual_ms;
    expect("hang", "timeout", "took longer than 300 ms and was killed");
    task.policy.compile_timeout_ms = 2000; /* preprocessing, a process of its own, must fit in on a busy machine */
    attack("build_hang");
    task.policy.compile_timeout_ms = usual_ms;
    expect("build_hang", "compile_timeout", "took longer than 2000 ms and was killed");
    honest_is_correct();
}

static void endless_loops_end(void **state) {
    (void)state;
    at_both_levels(hangs);
}

static void calls_by_another_table(void) {
#ifdef __x86_64__
    attack_ends_as("foreign_calls", "crashed", "signal 31 (Bad system call)");
#endif
}

static void calls_of_another_architecture_end_the_runner(void **state) {
    (void)state;
    at_both_levels(calls_by_another_table);
}

/* Processes by this name, as the machine sees them. */
static int processes(const char *name) {
    DIR *dir = opendir("/proc");
    int n = 0;
    for (const struct dirent *e; dir && (e = readdir(dir));) {
        char path[300], comm[32] = "";
        snprintf(path, sizeof path, "/proc/%s/comm", e->d_name);
        FILE *f = fopen(path, "re");
        if (f && fgets(comm, sizeof comm, f)) n += strncmp(comm, name, strlen(name)) == 0;
        if (f) fclose(f);
    }
    if (dir) closedir(dir);
    return n;
}

/* Within a user namespace of its own the bomb's processes count apart; without one they would count against every
 * runner of this machine, so there it is tried by tests/integration/sandbox.sh, as a user of its own. */
static void a_fork_bomb_in_the_compiler_goes_with_its_runner(void **state) {
    (void)state;
    char word[64], name[32];
    const char *level = getenv("ATTACKS_LEVEL");
    setenv("PORTOLAN_SANDBOX", level ? level : "bubblewrap", 1);
    snprintf(name, sizeof name, "bomb-%d", (int)getpid() % 100000);
    snprintf(word, sizeof word, "build_bomb_%d", (int)getpid() % 100000);
    attack("");
    if (strcmp(attempt.outcome, "infrastructure") == 0) skip();
    task.policy.compile_timeout_ms = 1000;
    attack(word);
    task.policy.compile_timeout_ms = 5000;
    expect(word, "compile_timeout", "");
    for (int64_t end_ms = clock_mono_ms() + 5000; processes(name) > 0 && clock_mono_ms() < end_ms;) usleep(1000);
    assert_int_equal(processes(name), 0);
    honest_is_correct();
}

/* What a runner prints and how it is told reaches terminals, logs and records. */
static void no_control_codes_come_out(void **state) {
    (void)state;
    unsetenv("PORTOLAN_SANDBOX");
    attack("escapes");
    expect("escapes", "crashed", "exited with status 9");
    assert_non_null(strstr(attempt.log, "hidden"));
    for (const char *at = attempt.log; *at; at++) assert_true((unsigned char)*at >= 0x20 || *at == '\n' || *at == '\t');
    honest_is_correct();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_measuring_runner_reaches_nothing),
        cmocka_unit_test(a_compile_runner_reaches_nothing_either),
        cmocka_unit_test(a_full_scratch_folder_ends_its_runner_and_goes_with_it),
        cmocka_unit_test(endless_loops_end),
        cmocka_unit_test(calls_of_another_architecture_end_the_runner),
        cmocka_unit_test(a_fork_bomb_in_the_compiler_goes_with_its_runner),
        cmocka_unit_test(no_control_codes_come_out),
    };
    return cmocka_run_group_tests(tests, start, end);
}
