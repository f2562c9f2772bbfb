/* portolan-agent gc: what is old, too much or left behind goes; what is young or in use stays. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
/* cmocka last */
#include <cmocka.h>

#include "agent-node/daemon/leftovers.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"

#define HOUR_S 3600
#define DAY_S 86400

struct ground {
    char dir[64];
    struct leftovers_limits limits;
    struct leftovers found;
};

static int setup(void **state) {
    struct ground *g = xcalloc(1, sizeof *g);
    strcpy(g->dir, "/tmp/portolan-leftovers-XXXXXX");
    g->limits = (struct leftovers_limits)LEFTOVERS_DEFAULTS;
    g->limits.scratch_parent = g->dir;
    *state = g;
    return mkdtemp(g->dir) ? 0 : -1;
}

static int teardown(void **state) {
    struct ground *g = *state;
    dir_remove(g->dir, NULL);
    free(g);
    return 0;
}

static void make_old(const char *path, int64_t age_s) {
    struct timespec then[2] = {{.tv_sec = time(NULL) - age_s}, {.tv_sec = time(NULL) - age_s}};
    assert_int_equal(utimensat(AT_FDCWD, path, then, 0), 0);
}

/* A file of 8 KiB below the ground, so old. */
static void lay(const struct ground *g, const char *name, int64_t age_s) {
    static const char data[8192] = {1};
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *path = path_join(g->dir, name);
    CLEANUP_FREE char *folder = path_dirname(path);
    assert_int_equal(dir_make(folder, 0700, &err), 0);
    assert_int_equal(file_write_durable(path, data, sizeof data, 0600, &err), 0);
    make_old(path, age_s);
    make_old(folder, age_s);
}

static bool there(const struct ground *g, const char *name) {
    CLEANUP_FREE char *path = path_join(g->dir, name);
    return access(path, F_OK) == 0;
}

static void clean_up(struct ground *g, bool dry) {
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *cache = path_join(g->dir, "cache");
    CLEANUP_FREE char *state = path_join(g->dir, "state");
    if (leftovers_remove(cache, state, &g->limits, dry, &g->found, &err) != 0) fail_msg("%s", err.text);
}

static void folders_that_are_not_there_are_empty(void **state) {
    struct ground *g = *state;
    clean_up(g, false);
    assert_int_equal(g->found.binaries.removed + g->found.binaries.kept + g->found.spools.removed, 0);
}

static void binaries_that_were_not_used_for_long_go(void **state) {
    struct ground *g = *state;
    lay(g, "cache/binaries/old", 31 * DAY_S);
    lay(g, "cache/binaries/young", DAY_S);
    clean_up(g, true);
    assert_int_equal(g->found.binaries.removed, 1);
    assert_true(there(g, "cache/binaries/old")); /* it was only counted */
    clean_up(g, false);
    assert_int_equal(g->found.binaries.removed, 1);
    assert_true(g->found.binaries.bytes >= 8192);
    assert_false(there(g, "cache/binaries/old"));
    assert_true(there(g, "cache/binaries/young"));
}

static void of_too_many_binaries_the_longest_unused_go(void **state) {
    struct ground *g = *state;
    lay(g, "cache/binaries/a", 3 * HOUR_S);
    lay(g, "cache/binaries/b", 1 * HOUR_S);
    lay(g, "cache/binaries/c", 2 * HOUR_S);
    g->limits.binaries_bytes = 2 * 8192;
    clean_up(g, false);
    assert_false(there(g, "cache/binaries/a"));
    assert_true(there(g, "cache/binaries/b"));
    assert_true(there(g, "cache/binaries/c"));
}

static void half_written_files_and_old_measurements_go(void **state) {
    struct ground *g = *state;
    lay(g, "cache/devices/.x.json.0123456789abcdef.tmp", 2 * HOUR_S);
    lay(g, "cache/devices/.y.json.0123456789abcdef.tmp", 60); /* is being written */
    lay(g, "cache/devices/x.json", 200 * DAY_S);
    lay(g, "cache/history/y", 20 * DAY_S);
    clean_up(g, false);
    assert_int_equal(g->found.temporary.removed, 1);
    assert_int_equal(g->found.measurements.removed, 1);
    assert_true(there(g, "cache/devices/.y.json.0123456789abcdef.tmp"));
    assert_true(there(g, "cache/history/y"));
}

static void folders_of_ended_runners_go_and_others_stay(void **state) {
    struct ground *g = *state;
    lay(g, "portolan-runner-abcdef/icd/driver.icd", 3 * DAY_S);
    lay(g, "portolan-runner-young1/file", HOUR_S);
    lay(g, "somebody-elses/file", 300 * DAY_S);
    CLEANUP_FREE char *folder = path_join(g->dir, "portolan-runner-abcdef");
    make_old(folder, 3 * DAY_S);
    clean_up(g, false);
    assert_int_equal(g->found.scratch.removed, 1);
    assert_true(g->found.scratch.bytes >= 8192);
    assert_false(there(g, "portolan-runner-abcdef"));
    assert_true(there(g, "portolan-runner-young1/file"));
    assert_true(there(g, "somebody-elses/file"));
}

static void a_folder_that_a_process_was_started_with_stays(void **state) {
    struct ground *g = *state;
    lay(g, "portolan-runner-inuse1/file", 3 * DAY_S);
    CLEANUP_FREE char *folder = path_join(g->dir, "portolan-runner-inuse1");
    make_old(folder, 3 * DAY_S);
    CLEANUP_FREE char *gate = path_join(g->dir, "gate");
    CLEANUP_FREE char *command = xasprintf(": %s; echo up; read line <%s", folder, gate);
    assert_int_equal(mkfifo(gate, 0600), 0);
    FILE *process = popen(command, "r");
    char line[8];
    assert_non_null(process);
    assert_non_null(fgets(line, sizeof line, process)); /* before that it may have no arguments to be seen yet */
    clean_up(g, false);
    assert_true(there(g, "portolan-runner-inuse1/file"));
    int fd = open(gate, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    close(fd);
    pclose(process);
    clean_up(g, false);
    assert_false(there(g, "portolan-runner-inuse1/file"));
}

static void a_spool_goes_when_its_node_is_long_gone_and_nobody_holds_it(void **state) {
    struct ground *g = *state;
    lay(g, "state/spool/portolan.dead/lock", 100 * DAY_S);
    lay(g, "state/spool/portolan.dead/segment", 100 * DAY_S);
    lay(g, "state/spool/portolan.away/segment", 80 * DAY_S);
    lay(g, "state/spool/portolan.alive/lock", 100 * DAY_S);
    CLEANUP_FREE char *path = path_join(g->dir, "state/spool/portolan.alive/lock");
    CLEANUP_FD int lock = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
    clean_up(g, false);
    assert_int_equal(g->found.spools.removed, 1);
    assert_int_equal(g->found.spools.kept, 2);
    assert_false(there(g, "state/spool/portolan.dead"));
    assert_true(there(g, "state/spool/portolan.away/segment"));
    assert_true(there(g, "state/spool/portolan.alive/lock"));
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(folders_that_are_not_there_are_empty),
        T(binaries_that_were_not_used_for_long_go),
        T(of_too_many_binaries_the_longest_unused_go),
        T(half_written_files_and_old_measurements_go),
        T(folders_of_ended_runners_go_and_others_stay),
        T(a_folder_that_a_process_was_started_with_stays),
        T(a_spool_goes_when_its_node_is_long_gone_and_nobody_holds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
