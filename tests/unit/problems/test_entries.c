/* Entry points found in source text. */
#include "problems/kernel/entries.h"

#include "unit/problems/texts.h"

/* The number of parameters of `name`: -1 cannot be told, -2 no such kernel. */
static int params_of(const char *source, const char *name) {
    struct entries *found = xmalloc(sizeof *found);
    entries_scan(source, strlen(source), found);
    const struct entry *e = entries_find(found, name);
    int params = e ? e->params : -2;
    free(found);
    return params;
}

static bool generated(const char *source) {
    struct entries *found = xmalloc(sizeof *found);
    entries_scan(source, strlen(source), found);
    bool result = found->generated;
    free(found);
    return result;
}

static void both_spellings_and_attributes_are_found(void **state) {
    (void)state;
    assert_int_equal(params_of("__kernel void f(int a, int b) {}", "f"), 2);
    assert_int_equal(params_of("kernel void f(int a) {}", "f"), 1);
    assert_int_equal(
        params_of("__kernel __attribute__((reqd_work_group_size(8, 1, 1)))\nvoid\nf(global float *a) {}", "f"), 1);
    assert_int_equal(params_of("void kernel f(int a) {}", "f"), 1);
    assert_int_equal(params_of("__kernel void f(void) {}", "f"), 0);
    assert_int_equal(params_of("__kernel void f() {}", "f"), 0);
}

static void nested_commas_count_once(void **state) {
    (void)state;
    assert_int_equal(params_of("kernel void f(global float *a __attribute__((aligned(16, 4))), int b) {}", "f"), 2);
}

static void comments_and_strings_are_skipped(void **state) {
    (void)state;
    assert_int_equal(params_of("// kernel void f(int a)\n/* kernel void f(int a) */", "f"), -2);
    assert_int_equal(params_of("constant char s[] = \"kernel void f(int a)\";", "f"), -2);
    assert_int_equal(params_of("kernel void f(int a, // one, two\n int b /* three, four */) {}", "f"), 2);
    assert_int_equal(params_of("// a comment that goes on \\\nkernel void f(int a)\n", "f"), -2);
}

static void calls_and_variables_are_no_kernels(void **state) {
    (void)state;
    assert_int_equal(params_of("void g(float *kernel, int n) { f(kernel, n); }", "f"), -2);
    assert_int_equal(params_of("void g(void) { f(1); }", "f"), -2);
}

static void parameters_that_cannot_be_told_are_unknown(void **state) {
    (void)state;
    assert_int_equal(params_of("kernel void f(ARGS) {}", "f"), -1);
    assert_int_equal(params_of("kernel void f(int a,\n#ifdef X\n int b,\n#endif\n int c) {}", "f"), -1);
    assert_int_equal(params_of("kernel void f(int a", "f"), -1);
}

static void macros_that_could_write_kernels_are_noticed(void **state) {
    (void)state;
    assert_true(generated("#define K(n) kernel void n(int a) {}\nK(f)"));
    assert_true(generated("# define NAME(a, b) a ## b\n"));
    assert_false(generated("#define WG 64\nkernel void f(int a) {}"));
    assert_true(generated("#define K(n) \\\n  __kernel void n(int a)\n"));
}

static void torn_sources_end_quietly(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",    "kernel", "kernel void", "kernel void f",          "kernel void f(", "/*",  "\"",
        "'\\", "#",      "#\\",         "kernel __attribute__((", "kernel \"",      "//\\"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) params_of(texts[i], "f");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_spellings_and_attributes_are_found),
        cmocka_unit_test(nested_commas_count_once),
        cmocka_unit_test(comments_and_strings_are_skipped),
        cmocka_unit_test(calls_and_variables_are_no_kernels),
        cmocka_unit_test(parameters_that_cannot_be_told_are_unknown),
        cmocka_unit_test(macros_that_could_write_kernels_are_noticed),
        cmocka_unit_test(torn_sources_end_quietly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
