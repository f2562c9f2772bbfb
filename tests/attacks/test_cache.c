/* The cache of binaries in an attacker's hands: names that collide, entries that are damaged, exchanged or somebody
 * else's, folders that are. What it gives is run on the device, so it gives what was put there under that name or
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent-node/worker/binary_cache.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"

static char folder[] = "/tmp/portolan-test-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return dir_remove(folder, NULL);
}

static struct binary_cache *cache_in(const char *name) {
    CLEANUP_FREE char *path = path_join(folder, name);
    return binary_cache_new(path);
}

static bool holds(struct binary_cache *c, const char *key, const char *text) {
    size_t len = 0;
    uint8_t *data = binary_cache_get(c, key, &len);
    bool same = data && len == strlen(text) && memcmp(data, text, len) == 0;
    free(data);
    return same;
}

/* Source, options, tunables, geometry, driver: each chooses what is compiled. Fields are hashed with their lengths, so
 * that nothing can be moved from one to the next. */
static void no_two_requests_share_a_name(void **state) {
    (void)state;
    __typeof__(*((struct plan *)NULL)->macro) one[] = {{"A", 1}, {"B", 2}}, other[] = {{"A", 12}, {"B", 2}},
                                              moved[] = {{"A1", 1}, {"B", 2}}, less[] = {{"A", 1}};
    struct plan_launch l = {.entry = "k", .dims = 1, .global = {64}, .local = {8}, .has_local = true}, l2 = l, l3 = l;
    l2.local[0] = 16;
    snprintf(l3.entry, sizeof l3.entry, "k2");
    char s[] = "source", o[] = "", fast[] = "-cl-fast-relaxed-math", std[] = "-cl-std=CL3.0", s2[] = "sourc",
         o2[] = "e";
    struct plan plans[] = {
        {.source = s, .options = o, .macro = one, .n_macros = 2, .launch = &l, .n_launches = 1},
        {.source = s, .options = fast, .macro = one, .n_macros = 2, .launch = &l, .n_launches = 1},
        {.source = s, .options = std, .macro = one, .n_macros = 2, .launch = &l, .n_launches = 1},
        {.source = s, .options = o, .macro = other, .n_macros = 2, .launch = &l, .n_launches = 1},
        {.source = s, .options = o, .macro = moved, .n_macros = 2, .launch = &l, .n_launches = 1},
        {.source = s, .options = o, .macro = less, .n_macros = 1, .launch = &l, .n_launches = 1},
        {.source = s2, .options = o2, .macro = one, .n_macros = 2, .launch = &l, .n_launches = 1},
    };
    enum { N = sizeof plans / sizeof *plans };
    char text[2 * N][65];
    for (int i = 0; i < N; i++) {
        binary_cache_text_key(&plans[i], "driver", text[i]);
        binary_cache_text_key(&plans[i], "driver2", text[N + i]);
        for (int k = 0; k < i; k++) assert_string_not_equal(text[i], text[k]);
        for (int k = 0; k < N; k++) assert_string_not_equal(text[N + i], text[k]);
    }
    struct plan geometry[] = {plans[0], plans[0], plans[0], plans[1]};
    geometry[1].launch = &l2;
    geometry[2].launch = &l3;
    char binary[4][65];
    for (int i = 0; i < 4; i++) {
        binary_cache_key("text", &geometry[i], "driver", binary[i]);
        for (int k = 0; k < i; k++) assert_string_not_equal(binary[i], binary[k]);
    }
}

static char *entry_path(const char *cache, const char *key) {
    CLEANUP_FREE char *path = path_join(folder, cache);
    return path_join(path, key);
}

static void damaged_entries_are_not_used(void **state) {
    (void)state;
    struct binary_cache *c = cache_in("damaged");
    CLEANUP_FREE char *path = entry_path("damaged", "key");
    for (off_t length = 0; length < 40; length += 13) {
        binary_cache_put(c, "key", "a long enough binary", 20);
        assert_int_equal(truncate(path, length), 0);
        assert_false(holds(c, "key", "a long enough binary"));
        assert_int_equal(access(path, F_OK), -1); /* and removed */
    }
    binary_cache_put(c, "key", "a long enough binary", 20);
    assert_true(holds(c, "key", "a long enough binary"));
    binary_cache_free(c);
}

/* A good entry under another's name: its checksum fits its contents, and not the name. */
static void exchanged_entries_are_not_used(void **state) {
    (void)state;
    struct binary_cache *c = cache_in("exchanged");
    binary_cache_put(c, "honest", "honest", 6);
    binary_cache_put(c, "evil", "evil", 4);
    CLEANUP_FREE char *honest = entry_path("exchanged", "honest"), *evil = entry_path("exchanged", "evil");
    assert_int_equal(rename(evil, honest), 0);
    assert_false(holds(c, "honest", "evil"));
    binary_cache_put(c, "evil", "evil", 4);
    assert_int_equal(symlink(evil, honest), 0);
    assert_false(holds(c, "honest", "evil"));
    assert_true(holds(c, "evil", "evil"));
    binary_cache_free(c);
}

static void a_folder_that_others_may_write_to_is_not_used(void **state) {
    (void)state;
    CLEANUP_FREE char *shared = path_join(folder, "shared"), *link = path_join(folder, "link"),
                      *file = path_join(folder, "file");
    assert_int_equal(mkdir(shared, 0777) | chmod(shared, 0777) | symlink("shared", link), 0);
    assert_int_equal(file_write_durable(file, "x", 1, 0600, NULL), 0);
    static const char *const names[] = {"shared", "link", "file"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct binary_cache *c = cache_in(names[i]);
        binary_cache_put(c, "key", "binary", 6);
        assert_false(holds(c, "key", "binary"));
        binary_cache_free(c);
    }
    CLEANUP_FREE char *path = path_join(shared, "key");
    assert_int_equal(access(path, F_OK), -1);
}

static void another_users_folder_is_not_used(void **state) {
    (void)state;
    CLEANUP_FREE char *path = path_join(folder, "foreign");
    assert_int_equal(mkdir(path, 0755), 0);
    if (geteuid() != 0) skip();
    assert_int_equal(chown(path, 65534, 65534), 0);
    struct binary_cache *c = cache_in("foreign");
    binary_cache_put(c, "key", "binary", 6);
    assert_false(holds(c, "key", "binary"));
    binary_cache_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_two_requests_share_a_name),
        cmocka_unit_test(damaged_entries_are_not_used),
        cmocka_unit_test(exchanged_entries_are_not_used),
        cmocka_unit_test(a_folder_that_others_may_write_to_is_not_used),
        cmocka_unit_test(another_users_folder_is_not_used),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
