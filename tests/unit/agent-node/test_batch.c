/* What `portolan-agent check` makes of its arguments. */
#include "agent-node/commands/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"

static char folder[] = "/tmp/portolan-test-XXXXXX";

static void put(const char *name, const char *text) {
    CLEANUP_FREE char *path = path_join(folder, name);
    assert_int_equal(file_write_durable(path, text, strlen(text), 0644, NULL), 0);
}

static int make_files(void **state) {
    (void)state;
    assert_non_null(mkdtemp(folder));
    CLEANUP_FREE char *kernels = path_join(folder, "kernels");
    CLEANUP_FREE char *empty = path_join(folder, "empty");
    dir_make(kernels, 0755, NULL);
    dir_make(empty, 0755, NULL);
    put("soft.yaml", "problem: softmax\ngraph: []\n");
    put("gelu.yaml", "problem: gelu\ngraph: []\n");
    put("gelu-too.yaml", "problem: gelu\ngraph: []\n");
    put("campaign.yaml", "campaign: c\nproblems: [gelu]\n");
    put("broken.yaml", "a: [1\n");
    put("nameless.yaml", "kernel: k\n");
    put("stray.yaml", "kernel: k\nproblem: matmul\n");
    put("kernels/b.yaml", "kernel: b\nproblem: gelu\n");
    put("kernels/a.yaml",
        "kernel: a\nproblem: softmax\nlaunches:\n  - {kernel: k, args: [x], global: [ceil_div(N, 4)]}\n");
    put("kernels/notes.txt", "no file of ours");
    put("kernels/campaign.yaml", "campaign: c\n");
    return 0;
}

static int remove_files(void **state) {
    (void)state;
    return dir_remove(folder, NULL);
}

/* Up to four names in the folder. */
static int collect(const char *const *names, struct batch *ret, struct error *err) {
    char *args[4] = {NULL};
    size_t n = 0;
    for (; n < 4 && names[n]; n++) args[n] = path_join(folder, names[n]);
    int status = batch_collect(args, n, ret, err);
    for (size_t i = 0; i < n; i++) free(args[i]);
    return status;
}
#define COLLECT(ret, err, ...) collect((const char *const[5]){__VA_ARGS__}, ret, err)

static bool ends_in(const char *text, const char *end) {
    return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static void a_folder_stands_for_its_kernels_and_each_finds_its_problem(void **state) {
    (void)state;
    CLEANUP(batch_done) struct batch b = {0};
    struct error err = ERROR_INIT;
    assert_int_equal(COLLECT(&b, &err, "kernels", "soft.yaml", "gelu.yaml"), 0);
    assert_int_equal(b.n, 2);
    assert_true(ends_in(b.kernel[0].file, "/kernels/a.yaml") && ends_in(b.kernel[0].problem_file, "/soft.yaml"));
    assert_true(ends_in(b.kernel[1].file, "/kernels/b.yaml") && ends_in(b.kernel[1].problem_file, "/gelu.yaml"));
}

static void a_file_named_twice_runs_once(void **state) {
    (void)state;
    CLEANUP(batch_done) struct batch b = {0};
    struct error err = ERROR_INIT;
    assert_int_equal(COLLECT(&b, &err, "gelu.yaml", "kernels/b.yaml", "kernels/b.yaml", "gelu.yaml"), 0);
    assert_int_equal(b.n, 1);
}

static void a_kernel_without_a_problems_name_goes_with_the_only_problem(void **state) {
    (void)state;
    CLEANUP(batch_done) struct batch b = {0};
    struct error err = ERROR_INIT;
    assert_int_equal(COLLECT(&b, &err, "gelu.yaml", "nameless.yaml"), 0);
    assert_true(ends_in(b.kernel[0].problem_file, "/gelu.yaml"));
    batch_done(&b);
    assert_int_equal(COLLECT(&b, &err, "gelu.yaml", "soft.yaml", "nameless.yaml"), -1);
    assert_non_null(strstr(err.text, "nameless.yaml: the key `problem` is missing"));
}

static void what_does_not_fit_together_is_refused_with_the_reason(void **state) {
    (void)state;
    static const struct {
        const char *const names[5];
        enum error_code code;
        const char *text;
    } cases[] = {
        {{"gelu.yaml", "stray.yaml"}, ERR_NOT_FOUND, "stray.yaml is for problem matmul, which is not among the files"},
        {{"gelu.yaml", "gelu-too.yaml", "kernels/b.yaml"}, ERR_CONFLICT, "are both problem gelu"},
        {{"gelu.yaml"}, ERR_USAGE, "there is no kernel file"},
        {{"kernels/b.yaml"}, ERR_USAGE, "there is no problem file"},
        {{NULL}, ERR_USAGE, "there is no kernel file"},
        {{"gelu.yaml", "campaign.yaml"}, ERR_INVALID, "campaign.yaml is neither a problem nor a kernel file"},
        {{"gelu.yaml", "broken.yaml"}, ERR_INVALID, "broken.yaml:2:1"},
        {{"gelu.yaml", "gone.yaml"}, ERR_NOT_FOUND, "gone.yaml"},
        {{"gelu.yaml", "empty"}, ERR_NOT_FOUND, "no .yaml file lies in"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CLEANUP(batch_done) struct batch b = {0};
        struct error err = ERROR_INIT;
        assert_int_equal(collect(cases[i].names, &b, &err), -1);
        if (err.code != cases[i].code || !strstr(err.text, cases[i].text))
            fail_msg("%s: %s, not %s", error_name(err.code), err.text, cases[i].text);
        assert_int_equal(b.n, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_stands_for_its_kernels_and_each_finds_its_problem),
        cmocka_unit_test(a_file_named_twice_runs_once),
        cmocka_unit_test(a_kernel_without_a_problems_name_goes_with_the_only_problem),
        cmocka_unit_test(what_does_not_fit_together_is_refused_with_the_reason),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
