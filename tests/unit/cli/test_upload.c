/* What submit and try send, and which files they refuse before anything is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/upload.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "tests/unit/cli/printed.h"

#define SOURCE \
    "__kernel void f(__global const float *x, __global float *y) { y[get_global_id(0)] = x[get_global_id(0)]; }\n"
#define KERNEL                                                               \
    "kernel: k\nproblem: act\nlanguage: opencl-c\nsource: k.cl\nlaunches:\n" \
    "  - {kernel: f, args: [x, y], global: [N]}\n"
#define PROBLEM                                                                    \
    "problem: act\nlevel: 1\nsizes:\n  small: {N: 64}\n  check: {N: 7}\ninputs:\n" \
    "  x: {dtype: f32, shape: [N], fill: \"uniform(-1, 1)\"}\ngraph:\n  - y = relu(x)\noutputs: [y]\n"
#define CAMPAIGN \
    "campaign: c\nproblems: [act]\ntargets: [pocl-cpu]\nsize: small\nstrategies: [human]\nkernels: [k/*.yaml]\n"

static char dir[64];

static void put(const char *name, const char *text) {
    CLEANUP_FREE char *path = path_join(dir, name);
    CLEANUP_FILE FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
}

static char *path_of(const char *name) {
    return path_join(dir, name);
}

static int set_up(void **state) {
    (void)state;
    strcpy(dir, "/tmp/portolan-upload-XXXXXX");
    if (!mkdtemp(dir)) return -1;
    CLEANUP_FREE char *folder = path_of("k");
    mkdir(folder, 0700);
    put("c.yaml", CAMPAIGN);
    put("k/k.yaml", KERNEL);
    put("k/k.cl", SOURCE);
    put("k/notes.txt", "no kernel");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    CLEANUP_FREE char *command = xasprintf("rm -rf %s", dir);
    return system(command);
}

static json_t *upload(struct error *err) {
    CLEANUP_FREE char *path = path_of("c.yaml");
    return upload_campaign(path, err);
}

static void refused(enum error_code code, const char *part) {
    struct error err = ERROR_INIT;
    json_t *body = upload(&err);
    json_decref(body);
    if (body) fail_msg("accepted; expected `%s`", part);
    if (!strstr(err.text, part)) fail_msg("`%s` does not say `%s`", err.text, part);
    assert_int_equal(err.code, code);
}

static const char *text_at(const json_t *list, size_t i, const char *key) {
    return json_string_value(json_object_get(json_array_get(list, i), key));
}

static void a_campaign_travels_with_the_texts_of_its_kernels(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    json_t *body = upload(&err);
    if (!body) fail_msg("%s", err.text);
    const json_t *kernels = json_object_get(body, "kernels");
    assert_string_equal(json_string_value(json_object_get(body, "campaign")), CAMPAIGN);
    assert_int_equal(json_array_size(kernels), 1);
    assert_string_equal(text_at(kernels, 0, "yaml"), KERNEL);
    assert_string_equal(text_at(kernels, 0, "source"), SOURCE);
    assert_int_equal(json_array_size(json_object_get(body, "problems")), 0);
    json_decref(body);
}

static void a_problem_file_beside_the_campaign_travels_too(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    put("act.yaml", PROBLEM);
    json_t *body = upload(&err);
    if (!body) fail_msg("%s", err.text);
    const json_t *problems = json_object_get(body, "problems");
    assert_int_equal(json_array_size(problems), 1);
    assert_string_equal(text_at(problems, 0, "name"), "act");
    assert_string_equal(text_at(problems, 0, "yaml"), PROBLEM);
    json_decref(body);
}

static void a_kernel_that_two_patterns_match_is_sent_once(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    put("c.yaml",
        "campaign: c\nproblems: [act]\ntargets: [p]\nsize: small\nstrategies: [human]\nkernels: [k/*.yaml, "
        "k/k.yaml]\n");
    json_t *body = upload(&err);
    if (!body) fail_msg("%s", err.text);
    assert_int_equal(json_array_size(json_object_get(body, "kernels")), 1);
    json_decref(body);
}

static void a_pattern_that_matches_nothing_is_named_with_its_line_and_folder(void **state) {
    (void)state;
    put("c.yaml",
        "campaign: c\nproblems: [act]\ntargets: [p]\nstrategies: [human]\nkernels:\n  - k/*.yaml\n  - q/*.yaml\n");
    refused(ERR_NOT_FOUND, "c.yaml:7:5: `kernels`: no .yaml file matches `q/*.yaml`");
    refused(ERR_NOT_FOUND, dir);
}

static void a_wrong_kernel_is_named_by_its_own_file(void **state) {
    (void)state;
    put("k/k.yaml", "kernel: k\nprolbem: act\n");
    refused(ERR_INVALID, "k/k.yaml:2:1: unknown key `prolbem`");
    put("k/k.yaml", "kernel: k\nproblem: act\nlanguage: opencl-c\nsource: ../c.yaml\n");
    refused(ERR_INVALID, "k/k.yaml:4:9: `source` must stay inside the kernel file's folder");
    put("k/k.yaml", "kernel: k\nproblem: act\nlanguage: opencl-c\nsoruce: k.cl\n");
    refused(ERR_INVALID, "k/k.yaml:4:1: unknown key `soruce`\nhint: did you mean `source`?");
    put("k/k.yaml", "kernel: k\nproblem: act\nlanguage: opencl-c\nsource: gone.cl\n");
    refused(ERR_NOT_FOUND, "k/k.yaml:4:9: `source`: gone.cl: No such file");
}

static void a_wrong_problem_file_is_named_by_its_own_file(void **state) {
    (void)state;
    put("act.yaml", "problem: act\nsizes: 3\n");
    refused(ERR_INVALID, "act.yaml:");
}

static void a_missing_campaign_file_says_so(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *path = path_of("gone.yaml");
    assert_null(upload_campaign(path, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "gone.yaml"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_campaign_travels_with_the_texts_of_its_kernels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_problem_file_beside_the_campaign_travels_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_kernel_that_two_patterns_match_is_sent_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pattern_that_matches_nothing_is_named_with_its_line_and_folder, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_kernel_is_named_by_its_own_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_problem_file_is_named_by_its_own_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_campaign_file_says_so, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
