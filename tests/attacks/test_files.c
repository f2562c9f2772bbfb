/* Files in an attacker's hands: YAML, names, paths, expressions. Each is refused with its place, in bounded time and
 * memory; nothing of it is followed, expanded or obeyed. */
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

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/expr.h"
#include "common/fileio.h"
#include "common/yaml.h"
#include "problems/graph/problem.h"
#include "problems/kernel/kernel.h"

#define SOURCE "__kernel void k(__global const float *x, __global float *y) { y[0] = x[0]; }\n"
#define HEAD "kernel: k\nproblem: toy\nlanguage: opencl-c\nsource: k.cl\n"
#define LAUNCH "launches:\n  - {kernel: k, args: [x, y], global: [N]}\n"
#define SOON_MS 2000

static char folder[] = "/tmp/portolan-test-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return dir_remove(folder, NULL);
}

static void says(const struct error *err, enum error_code code, const char *what) {
    if (err->code != code || !strstr(err->text, what))
        fail_msg("not %d \"%s\" but %d: %s", code, what, err->code, err->text);
    for (const char *at = err->text; *at; at++)
        if ((unsigned char)*at < 0x20 && *at != '\n' && *at != '\t') fail_msg("control code %d in: %s", *at, err->text);
}

/* --- YAML ------------------------------------------------------------------------------------- */
static void yaml_refused(const char *text, size_t len, enum error_code code, const char *what) {
    struct error err = ERROR_INIT;
    int64_t begin = clock_mono_ms();
    struct yaml_doc *doc = yaml_parse(text, len, "a.yaml", &err);
    if (doc) fail_msg("accepted: %.60s", text);
    says(&err, code, what);
    assert_true(clock_mono_ms() - begin < SOON_MS);
}

static void what_yaml_can_do_and_files_do_not_need_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum error_code code;
        const char *what;
    } cases[] = {
        {"a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: [*b, *b, *b, *b]\n", ERR_INVALID, "anchors and aliases"},
        {"a: &a {x: 1}\nb: {<<: *a}\n", ERR_INVALID, "anchors and aliases"},
        {"a: !!python/object/apply:os.system ['true']\n", ERR_INVALID, "tags"},
        {"!!map {a: 1}\n", ERR_INVALID, "tags"},
        {"a: 1\na: 2\n", ERR_INVALID, "a.yaml:2:1: the key `a` is there twice"},
        {"a: 1\n\"a\": 2\n", ERR_INVALID, "there twice"},
        {"a: 1\n---\nb: 2\n", ERR_INVALID, "second document"},
        {"a: \"x\\0y\"\n", ERR_INVALID, "NUL"},
        {"? [a, b]\n: c\n", ERR_INVALID, "a key must be a plain text"},
        {"\"\": 1\n", ERR_INVALID, "a key is empty"},
        {"a: \xff\xfe\n", ERR_INVALID, "a.yaml:1:"},
        {"a: \xed\xa0\x80\n", ERR_INVALID, "a.yaml:1:"},
        {"a: \x1b[2J\n", ERR_INVALID, "a.yaml:1:"},
        {"%TAG ! tag:x,2000:\n--- {a: !b c}\n", ERR_INVALID, "tags"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        yaml_refused(cases[i].text, strlen(cases[i].text), cases[i].code, cases[i].what);
    yaml_refused("a: 1\0b: 2\n", 10, ERR_INVALID, "a.yaml:1:");
}

static char *repeated(const char *head, const char *part, size_t times, size_t *ret_len) {
    struct buf b = BUF_INIT;
    buf_puts(&b, head);
    for (size_t i = 0; i < times; i++) buf_puts(&b, part);
    *ret_len = b.len;
    return buf_take(&b);
}

static void size_and_depth_are_bounded(void **state) {
    (void)state;
    size_t len;
    CLEANUP_FREE char *deep = repeated("", "[", 100000, &len);
    yaml_refused(deep, len, ERR_LIMIT, "nested deeper");
    CLEANUP_FREE char *maps = repeated("", "{a: ", 100000, &len);
    yaml_refused(maps, len, ERR_LIMIT, "nested deeper");
    CLEANUP_FREE char *many = repeated("a: [", "1,", 200000, &len);
    yaml_refused(many, len, ERR_LIMIT, "nodes in one file");
    CLEANUP_FREE char *huge = repeated("a: ", "xxxxxxxxxxxxxxxx", 100000, &len);
    yaml_refused(huge, len, ERR_LIMIT, "over the limit");
    CLEANUP_FREE char *dashes = repeated("", "- ", 100000, &len); /* nested by compact sequences */
    yaml_refused(dashes, len, ERR_LIMIT, "nested deeper");
}

/* --- names ------------------------------------------------------------------------------------ */
static void kernel_refused(const char *yaml, enum error_code code, const char *what) {
    struct error err = ERROR_INIT;
    int64_t begin = clock_mono_ms();
    struct kernel *k = kernel_parse(yaml, strlen(yaml), "k.yaml", SOURCE, strlen(SOURCE), &err);
    if (k) fail_msg("accepted: %.120s", yaml);
    says(&err, code, what);
    assert_true(clock_mono_ms() - begin < SOON_MS);
}

static void names_are_plain_words(void **state) {
    (void)state;
    static const char *const names[] = {
        "../../etc/passwd", "/etc/passwd", "a/b", "a\\nb",     "a\\e[2Jb", "",         "-rf",       ".hidden", "a b",
        "a\\u202Eb",        "a\\tb",       "a;b", "a\\u0000b", "%s%n",     "\xc3\xa9", "a\\x9b31mb"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        CLEANUP_FREE char *kernel =
            xasprintf("kernel: \"%s\"\nproblem: toy\nlanguage: opencl-c\nsource: k.cl\n" LAUNCH, names[i]);
        CLEANUP_FREE char *problem =
            xasprintf("kernel: k\nproblem: \"%s\"\nlanguage: opencl-c\nsource: k.cl\n" LAUNCH, names[i]);
        kernel_refused(kernel, ERR_INVALID, "k.yaml:1:");
        kernel_refused(problem, ERR_INVALID, "k.yaml:2:");
    }
}

/* Tunables become macros of the candidate's source: none may take the place of a word of the language, of a function of
 * expressions, or of the harness's own names. */
static void tunables_shadow_nothing(void **state) {
    (void)state;
    static const char *const names[] = {
        "global", "float4",  "get_global_id", "min",         "ceil_div", "__OPENCL_VERSION__",
        "CL_X",   "defined", "portolan_x",    "PORTOLAN_X",  "kernel",   "_Pragma(x)",
        "A(x)",   "A=1 -DB", "A B",           "cl_khr_fp64", "printf",   "NAN"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        CLEANUP_FREE char *yaml = xasprintf(HEAD "tune:\n  \"%s\": [1, 2]\n" LAUNCH, names[i]);
        kernel_refused(yaml, ERR_INVALID, "k.yaml:6:");
    }
}

static void what_is_told_of_a_hostile_key_is_harmless(void **state) {
    (void)state;
    kernel_refused(HEAD LAUNCH "\"\\e]0;owned\\a\\e[2J\\u202E\\x9b\": 1\n", ERR_INVALID,
                   "unknown key `?]0;owned??[2J???");
}

/* --- paths ------------------------------------------------------------------------------------ */
static void load_refused(const char *source, enum error_code code, const char *what) {
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *path = path_join(folder, "kernel/k.yaml");
    CLEANUP_FREE char *yaml = xasprintf("kernel: k\nproblem: toy\nlanguage: opencl-c\nsource: \"%s\"\n" LAUNCH, source);
    assert_int_equal(file_write_durable(path, yaml, strlen(yaml), 0600, NULL), 0);
    struct kernel *k = kernel_load(path, &err);
    if (k) fail_msg("%s was loaded", source);
    says(&err, code, what);
}

static void a_kernel_carries_no_other_file_of_this_machine(void **state) {
    (void)state;
    CLEANUP_FREE char *inside = path_join(folder, "kernel"), *secret = path_join(folder, "secret");
    CLEANUP_FREE char *link_to_file = path_join(inside, "link.cl"), *link_to_folder = path_join(inside, "folder");
    CLEANUP_FREE char *twin = xasprintf("%s-twin", inside), *twin_file = path_join(twin, "secret");
    CLEANUP_FREE char *link_to_twin = path_join(inside, "twin.cl");
    assert_int_equal(dir_make(inside, 0700, NULL) | dir_make(twin, 0700, NULL), 0);
    assert_int_equal(file_write_durable(secret, SOURCE, strlen(SOURCE), 0600, NULL), 0);
    assert_int_equal(file_write_durable(twin_file, SOURCE, strlen(SOURCE), 0600, NULL), 0);
    assert_int_equal(symlink("../secret", link_to_file) | symlink("/etc", link_to_folder), 0);
    assert_int_equal(symlink(twin_file, link_to_twin), 0);
    load_refused("../secret", ERR_INVALID, "must stay inside");
    load_refused("/etc/passwd", ERR_INVALID, "must stay inside");
    load_refused("x/../../secret", ERR_INVALID, "must stay inside");
    load_refused("link.cl", ERR_INVALID, "leads out of");
    load_refused("folder/passwd", ERR_INVALID, "leads out of");
    load_refused("twin.cl", ERR_INVALID, "leads out of");
    load_refused(".", ERR_INVALID, "leads out of");
}

/* --- expressions ------------------------------------------------------------------------------ */
static bool lookup(void *context, const char *name, int64_t *ret) {
    (void)context;
    *ret = strcmp(name, "BIG") == 0 ? INT64_MAX : strcmp(name, "SMALL") == 0 ? INT64_MIN : -1;
    return strlen(name) > 1;
}

static void expressions_never_wrap_trap_or_recurse_without_end(void **state) {
    (void)state;
    static const char *const texts[] = {"SMALL / -1",
                                        "SMALL / NEG",
                                        "0 - SMALL",
                                        "-SMALL",
                                        "BIG + 1",
                                        "BIG * BIG",
                                        "1 / 0",
                                        "1 % 0",
                                        "ceil_div(1, 0)",
                                        "BIG * 2 / 2",
                                        "ceil_div(SMALL, NEG)",
                                        "9223372036854775808",
                                        "1 << 2",
                                        "a",
                                        "BIG(1)",
                                        "max()",
                                        "min(1,)",
                                        "1 < 2 < 3",
                                        "1; 2",
                                        "\"x\"",
                                        "1 2",
                                        "",
                                        "=",
                                        "0x10",
                                        "1e9",
                                        "BIG.size",
                                        "x[0]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct error err = ERROR_INIT;
        int64_t value = 77;
        struct expr *e = expr_parse(texts[i], &err);
        if (e && expr_eval(e, lookup, NULL, &value, &err) == 0) fail_msg("%s is %lld", texts[i], (long long)value);
        assert_int_equal(value, 77);
        expr_free(e);
    }
    struct error err = ERROR_INIT;
    struct expr *e = expr_parse("SMALL % NEG == 0 && (0 || 1) && !(0)", &err);
    assert_null(e); /* no `!` in the language */
    e = expr_parse("SMALL % NEG", &err);
    int64_t value = 77;
    assert_int_equal(expr_eval(e, lookup, NULL, &value, &err), 0);
    assert_int_equal(value, 0);
    expr_free(e);
    size_t len;
    CLEANUP_FREE char *deep = repeated("", "(", 1000, &len), *minus = repeated("", "-", 1000, &len),
                      *chain = repeated("1", "+1", 500, &len);
    assert_null(expr_parse(deep, &err));
    assert_null(expr_parse(minus, &err));
    assert_null(expr_parse(chain, &err));
}

/* A file of a few kilobytes must not keep the coordinator, which has one thread for all that it knows, busy for
 * minutes: constraints are evaluated for each configuration. (Before there was a limit: see README.md.) */
static void constraints_have_a_price(void **state) {
    (void)state;
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    buf_puts(&b, HEAD "tune:\n");
    for (int t = 0; t < 5; t++) buf_printf(&b, "  T%c: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n", 'A' + t);
    buf_puts(&b, "constraints:\n");
    for (int c = 0; c < 60; c++) {
        buf_puts(&b, "  - \"TE >= 1");
        for (int i = 0; i < 25; i++) buf_puts(&b, " && TA * TB + TC * TD > 0");
        buf_puts(&b, "\"\n");
    }
    buf_puts(&b, "  - \"TA > 100\"\n" LAUNCH);
    kernel_refused(b.data, ERR_LIMIT, "the constraints cost too much");
}

static void conditions_of_problems_have_one_too(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    buf_puts(&b, "problem: toy\nlevel: 1\norigin: test\nsizes:\n  check: {N: 7}\nwhere:\n");
    for (int c = 0; c < 60; c++) {
        buf_puts(&b, "  - \"N > 0");
        for (int i = 0; i < 30; i++) buf_puts(&b, " && N * N > N - N");
        buf_puts(&b, "\"\n");
    }
    buf_puts(&b, "inputs:\n  x: {dtype: f32, shape: [N]}\ngraph:\n  - y = relu(x)\noutputs: [y]\n");
    struct problem *p = problem_parse(b.data, b.len, "p.yaml", &err);
    assert_null(p);
    says(&err, ERR_LIMIT, "over 2048 terms together");
}

static void a_tuning_space_cannot_overflow(void **state) {
    (void)state;
    CLEANUP(buf_done) struct buf b = BUF_INIT;
    buf_puts(&b, HEAD "tune:\n");
    for (int t = 0; t < 16; t++) { /* 64^16 = 2^96 */
        buf_printf(&b, "  T%c: [0", 'A' + t);
        for (int v = 1; v < 64; v++) buf_printf(&b, ", %d", v);
        buf_puts(&b, "]\n");
    }
    buf_puts(&b, LAUNCH);
    kernel_refused(b.data, ERR_LIMIT, "the tuning space has over");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_yaml_can_do_and_files_do_not_need_is_refused),
        cmocka_unit_test(size_and_depth_are_bounded),
        cmocka_unit_test(names_are_plain_words),
        cmocka_unit_test(tunables_shadow_nothing),
        cmocka_unit_test(what_is_told_of_a_hostile_key_is_harmless),
        cmocka_unit_test(a_kernel_carries_no_other_file_of_this_machine),
        cmocka_unit_test(expressions_never_wrap_trap_or_recurse_without_end),
        cmocka_unit_test(constraints_have_a_price),
        cmocka_unit_test(conditions_of_problems_have_one_too),
        cmocka_unit_test(a_tuning_space_cannot_overflow),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
