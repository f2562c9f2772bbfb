/* Files and folders: bounded reads, durable writes, removal that follows no link, standard folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"

static char root[] = "/tmp/portolan-test-XXXXXX";

static int group_setup(void **state) {
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static int group_teardown(void **state) {
    (void)state;
    return dir_remove(root, NULL);
}

static void what_is_written_is_read_back(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *path = path_join(root, "a");
    assert_int_equal(file_write_durable(path, "x\0y", 3, 0640, &err), 0);
    size_t len = 0;
    CLEANUP_FREE char *text = file_read(path, 3, &len, &err);
    assert_non_null(text);
    assert_int_equal(len, 3);
    assert_memory_equal(text, "x\0y", 4);
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 0777 & ~0640, 0);
}

static void a_write_replaces_the_file_and_leaves_no_temporary(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *dir = path_join(root, "replace"), *path = path_join(dir, "f");
    assert_int_equal(dir_make(dir, 0755, &err), 0);
    assert_int_equal(file_write_durable(path, "one", 3, 0600, &err), 0);
    assert_int_equal(file_write_durable(path, "two", 3, 0600, &err), 0);
    CLEANUP_FREE char *text = file_read(path, 10, NULL, &err);
    assert_string_equal(text, "two");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0); /* was empty but for the file */
}

static void a_file_over_the_limit_is_refused(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *path = path_join(root, "long");
    assert_int_equal(file_write_durable(path, "12345", 5, 0600, &err), 0);
    assert_null(file_read(path, 4, NULL, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_null(file_read("/dev/zero", 1000000, NULL, &err));
    assert_int_equal(err.code, ERR_LIMIT);
}

static void missing_files_and_folders_are_told_apart(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    assert_null(file_read("/nonexistent/x", 10, NULL, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nonexistent/x"));
    assert_null(file_read(root, 10, NULL, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_int_equal(file_write_durable("/nonexistent/x", "", 0, 0600, &err), -1);
    assert_int_equal(err.code, ERR_IO);
}

static void folders_are_made_with_their_parents(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *path = path_join(root, "p/q//r/");
    assert_int_equal(dir_make(path, 0755, &err), 0);
    assert_int_equal(dir_make(path, 0755, &err), 0);
    assert_int_equal(access(path, W_OK), 0);
    assert_int_equal(dir_make("/", 0755, &err), 0);
    CLEANUP_FREE char *file = path_join(root, "file"), *below = path_join(file, "sub");
    assert_int_equal(file_write_durable(file, "", 0, 0600, &err), 0);
    assert_int_equal(dir_make(below, 0755, &err), -1);
    assert_int_equal(err.code, ERR_IO);
    assert_int_equal(dir_make(file, 0755, &err), -1);
}

static void removal_takes_the_whole_tree_and_accepts_a_missing_one(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *top = path_join(root, "tree"), *deep = path_join(top, "a/b/c"), *file = path_join(deep, "f");
    assert_int_equal(dir_make(deep, 0755, &err), 0);
    assert_int_equal(file_write_durable(file, "", 0, 0400, &err), 0);
    assert_int_equal(chmod(deep, 0), 0);
    assert_int_equal(dir_remove(top, &err), 0);
    assert_int_equal(access(top, F_OK), -1);
    assert_int_equal(dir_remove(top, &err), 0);
}

static void removal_follows_no_link(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *kept = path_join(root, "kept"), *file = path_join(kept, "f"), *dir = path_join(root, "links");
    CLEANUP_FREE char *link = path_join(dir, "l"), *alone = path_join(root, "alone");
    assert_int_equal(dir_make(kept, 0755, &err) | dir_make(dir, 0755, &err), 0);
    assert_int_equal(file_write_durable(file, "", 0, 0600, &err), 0);
    assert_int_equal(symlink(kept, link) | symlink(kept, alone), 0);
    assert_int_equal(dir_remove(dir, &err), 0);
    assert_int_equal(dir_remove(alone, &err), 0);
    assert_int_equal(access(file, F_OK), 0);
    assert_int_equal(access(alone, F_OK), -1);
}

static void a_very_deep_tree_is_removed(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *top = path_join(root, "deep");
    assert_int_equal(dir_make(top, 0755, &err), 0);
    int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(mkdirat(fd, "dddd", 0700), 0);
        int next = openat(fd, "dddd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        close(fd);
        fd = next;
    }
    close(fd);
    assert_int_equal(dir_remove(top, &err), 0);
    assert_int_equal(access(top, F_OK), -1);
}

static void paths_are_joined_and_split(void **state) {
    (void)state;
    static const char *const cases[][4] = {
        {"a", "b", "a/b", "a"}, {"a/", "b", "a/b", "a"}, {"", "b", "b", "."},
        {"a", "/b", "/b", "/"}, {"/", "b", "/b", "/"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CLEANUP_FREE char *joined = path_join(cases[i][0], cases[i][1]), *dir = path_dirname(joined);
        assert_string_equal(joined, cases[i][2]);
        assert_string_equal(dir, cases[i][3]);
        assert_string_equal(path_basename(joined), "b");
    }
    CLEANUP_FREE char *a = path_dirname("x//y/"), *b = path_dirname("/"), *c = path_dirname("");
    assert_string_equal(a, "x");
    assert_string_equal(b, "/");
    assert_string_equal(c, ".");
}

static void the_environment_places_the_standard_folders(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *home = path_join(root, "home"), *xdg = path_join(root, "xdg"), *own = path_join(root, "own");
    unsetenv("PORTOLAN_SYSTEM");
    unsetenv("PORTOLAN_STATE_DIR");
    unsetenv("XDG_STATE_HOME");
    setenv("HOME", home, 1);
    CLEANUP_FREE char *below_home = dir_standard("state", &err), *expected = path_join(home, ".local/state/portolan");
    assert_string_equal(below_home, expected);
    assert_int_equal(access(expected, W_OK), 0);
    setenv("XDG_STATE_HOME", "relative", 1);
    CLEANUP_FREE char *ignored = dir_standard("state", &err);
    assert_string_equal(ignored, expected);
    setenv("XDG_STATE_HOME", xdg, 1);
    CLEANUP_FREE char *below_xdg = dir_standard("state", &err), *in_xdg = path_join(xdg, "portolan");
    assert_string_equal(below_xdg, in_xdg);
    setenv("PORTOLAN_STATE_DIR", own, 1);
    CLEANUP_FREE char *overridden = dir_standard("state", &err);
    assert_string_equal(overridden, own);
    assert_null(dir_standard("nonsense", &err));
    assert_int_equal(err.code, ERR_INTERNAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_write_replaces_the_file_and_leaves_no_temporary),
        cmocka_unit_test(a_file_over_the_limit_is_refused),
        cmocka_unit_test(missing_files_and_folders_are_told_apart),
        cmocka_unit_test(folders_are_made_with_their_parents),
        cmocka_unit_test(removal_takes_the_whole_tree_and_accepts_a_missing_one),
        cmocka_unit_test(removal_follows_no_link),
        cmocka_unit_test(a_very_deep_tree_is_removed),
        cmocka_unit_test(paths_are_joined_and_split),
        cmocka_unit_test(the_environment_places_the_standard_folders),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
