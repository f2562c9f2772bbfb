/* The command line that confines a runner, as text. */
#include "agent-node/worker/sandbox_args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/fileio.h"

static char folder[] = "/tmp/portolan-test-XXXXXX";

static int make_vendors(void **state) {
    (void)state;
    char path[64], text[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/private.icd", folder);
    snprintf(text, sizeof text, "%s/lib/libdriver.so\n", folder);
    assert_int_equal(file_write_durable(path, text, strlen(text), 0644, NULL), 0);
    snprintf(path, sizeof path, "%s/system.icd", folder);
    assert_int_equal(file_write_durable(path, "libsystem.so.1\n", 15, 0644, NULL), 0);
    snprintf(path, sizeof path, "%s/usr.icd", folder);
    assert_int_equal(file_write_durable(path, "/usr/lib/libother.so\n", 21, 0644, NULL), 0);
    return setenv("OCL_ICD_VENDORS", folder, 1);
}

static int remove_vendors(void **state) {
    (void)state;
    return dir_remove(folder, NULL);
}

static bool has_sequence(const struct strings *s, const char *a, const char *b, const char *c) {
    for (size_t i = 0; i + 2 < s->n; i++)
        if (!strcmp(s->item[i], a) && !strcmp(s->item[i + 1], b) && (!c || !strcmp(s->item[i + 2], c))) return true;
    return false;
}

static bool has(const struct strings *s, const char *text) {
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->item[i], text)) return true;
    return false;
}

static const struct spawn_request request = {.kind = "measure",
                                             .backend = "opencl",
                                             .icd = "private.icd",
                                             .arena_bytes = 8192,
                                             .arena_fd = 7,
                                             .memory_bytes = 1 << 30,
                                             .sandbox = true};

static void a_drivers_own_folder_is_shown_and_searched(void **state) {
    (void)state;
    CLEANUP(driver_place_done) struct driver_place place;
    struct error err = ERROR_INIT;
    char lib[64], search[96];
    assert_int_equal(driver_place_find("private.icd", &place, &err), 0);
    snprintf(lib, sizeof lib, "%s/lib", folder);
    snprintf(search, sizeof search, "LD_LIBRARY_PATH=%s", lib);
    assert_string_equal(place.folder, lib);
    CLEANUP(strings_done) struct strings argv, envp;
    sandbox_argv(&request, SANDBOX_BUBBLEWRAP, &place, "/usr/bin/bwrap", NULL, &argv);
    sandbox_environment(&request, SANDBOX_BUBBLEWRAP, &place, NULL, &envp);
    assert_true(has_sequence(&argv, "--ro-bind", lib, lib));
    assert_true(has(&envp, search));
    assert_true(has_sequence(&argv, "--unshare-all", "--die-with-parent", NULL));
    assert_true(has_sequence(&argv, "--arena", "8192", NULL));
    assert_false(has(&argv, "/etc"));
    assert_true(has(&envp, "OCL_ICD_VENDORS=/portolan/icd"));
}

static void a_system_driver_needs_no_folder(void **state) {
    (void)state;
    static const char *const icd[] = {"system.icd", "usr.icd", ""};
    for (size_t i = 0; i < sizeof icd / sizeof *icd; i++) {
        CLEANUP(driver_place_done) struct driver_place place;
        assert_int_equal(driver_place_find(icd[i], &place, NULL), 0);
        assert_null(place.folder);
    }
}

static void a_path_for_an_icd_is_refused(void **state) {
    (void)state;
    struct driver_place place;
    struct error err = ERROR_INIT;
    assert_int_equal(driver_place_find("../../etc/passwd", &place, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_int_equal(driver_place_find("absent.icd", &place, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void nothing_of_the_agents_environment_is_inherited(void **state) {
    (void)state;
    struct driver_place place = {0};
    setenv("PORTOLAN_TOKEN", "secret", 1);
    unsetenv("RUSTICL_ENABLE");
    CLEANUP(strings_done) struct strings envp;
    sandbox_environment(&request, SANDBOX_PROCESS, &place, "/tmp/private", &envp);
    for (size_t i = 0; i < envp.n; i++) assert_null(strstr(envp.item[i], "secret"));
    assert_true(has(&envp, "HOME=/tmp/private"));
    assert_true(has(&envp, "RUSTICL_ENABLE=llvmpipe"));
}

static void rusticl_offers_what_the_agents_unit_says(void **state) {
    (void)state;
    struct driver_place place = {0};
    CLEANUP(strings_done) struct strings chosen, empty;
    setenv("RUSTICL_ENABLE", "radeonsi:0", 1);
    sandbox_environment(&request, SANDBOX_PROCESS, &place, "/tmp/private", &chosen);
    setenv("RUSTICL_ENABLE", "", 1);
    sandbox_environment(&request, SANDBOX_PROCESS, &place, "/tmp/private", &empty);
    unsetenv("RUSTICL_ENABLE");
    assert_true(has(&chosen, "RUSTICL_ENABLE=radeonsi:0"));
    assert_true(has(&empty, "RUSTICL_ENABLE=llvmpipe"));
}

static void a_cache_is_the_only_other_writable_folder(void **state) {
    (void)state;
    struct driver_place place = {0};
    struct spawn_request r = request;
    r.cache_dir = "/var/cache/x";
    CLEANUP(strings_done) struct strings argv, envp;
    sandbox_argv(&r, SANDBOX_BUBBLEWRAP, &place, "/usr/bin/bwrap", NULL, &argv);
    sandbox_environment(&r, SANDBOX_BUBBLEWRAP, &place, NULL, &envp);
    assert_true(has_sequence(&argv, "--bind", "/var/cache/x", "/portolan/cache"));
    assert_true(has(&envp, "POCL_CACHE_DIR=/portolan/cache/pocl"));
    size_t binds = 0;
    for (size_t i = 0; i < argv.n; i++) binds += !strcmp(argv.item[i], "--bind");
    assert_int_equal(binds, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drivers_own_folder_is_shown_and_searched),
        cmocka_unit_test(a_system_driver_needs_no_folder),
        cmocka_unit_test(a_path_for_an_icd_is_refused),
        cmocka_unit_test(nothing_of_the_agents_environment_is_inherited),
        cmocka_unit_test(rusticl_offers_what_the_agents_unit_says),
        cmocka_unit_test(a_cache_is_the_only_other_writable_folder),
    };
    return cmocka_run_group_tests(tests, make_vendors, remove_vendors);
}
