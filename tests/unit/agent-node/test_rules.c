/* The source rules: what they refuse, and what an honest kernel may write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent-node/worker/verify/rules.h"
#include "agent-node/worker/verify/tokens.h"

static void expect_refused(int (*check)(const char *, struct finding *), const char *text) {
    struct finding f = FINDING_INIT;
    if (check(text, &f) == 0) fail_msg("not refused: %s", text);
    assert_int_equal(f.verdict, VERDICT_REFUSED_SOURCE);
    assert_non_null(strstr(f.text, "line "));
    finding_done(&f);
}

static void expect_allowed(int (*check)(const char *, struct finding *), const char *text) {
    struct finding f = FINDING_INIT;
    if (check(text, &f) != 0) fail_msg("refused: %s: %s", f.text, text);
    finding_done(&f);
}

static void directives_that_read_files_are_refused_however_they_are_spelled(void **state) {
    (void)state;
    static const char *const texts[] = {"#include \"x\"\n",
                                        "  #  include <x>\n",
                                        "%:include \"x\"\n",
                                        "#inc\\\nlude \"x\"\n",
                                        "/* */ #include \"x\"\n",
                                        "#/**/include \"x\"\n",
                                        "#embed \"x\"\n",
                                        "#include_next <x>\n",
                                        "#import \"x\"\n",
                                        "#line 3\n",
                                        "#if __has_include(\"x\")\n#endif\n",
                                        "#define P _Pragma(\"x\")\n",
                                        "#pragma GCC system_header\n",
                                        "#\\\ninclude \"x\"\n",
                                        "\n\n#if 1\n#include MACRO\n#endif\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) expect_refused(rules_check_raw, texts[i]);
}

static void ordinary_preprocessing_is_allowed(void **state) {
    (void)state;
    static const char *const texts[] = {
        "#define A(x) \\\n  (x + 1)\n#if A(1) > 1\nint f(void);\n#elif 1\n#else\n#endif\n#undef A\n",
        "#pragma OPENCL EXTENSION cl_khr_fp16 : enable\n#pragma unroll 4\n#pragma OPENCL FP_CONTRACT ON\n",
        "// #include \"x\"\n/* #include \"x\" */\n", "#\n", "__constant char s[] = \"#include\";\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) expect_allowed(rules_check_raw, texts[i]);
}

static void bytes_that_are_not_ascii_are_refused_with_their_line(void **state) {
    (void)state;
    struct finding f = FINDING_INIT;
    assert_int_equal(rules_check_raw("int a;\n\nint \xc3\xa4;\n", &f), -1);
    assert_non_null(strstr(f.text, "line 3"));
    finding_done(&f);
    expect_refused(rules_check_raw, "int a;\x01\n");
    expect_refused(rules_check_raw, "/* never ends\n");
    expect_refused(rules_check_raw, "char c = 'x;\n");
}

static void writable_variables_at_program_scope_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"__global int a;",
                                        "global float4 a[16];",
                                        "int a = 3;",
                                        "static float x;",
                                        "const int a = 1;",
                                        "__local int a;",
                                        "struct s { int i; } a;",
                                        "struct s { int i; }; struct s a;",
                                        "enum { A, B } e;",
                                        "__constant int *p;",
                                        "__constant int * __global p = 0;",
                                        "__global int a __attribute__((aligned(8)));",
                                        "typedef int t; t a;",
                                        "__constant int a = 1; int b;",
                                        "int f(int), a;",
                                        "atomic_int a;",
                                        "__global int *p;",
                                        "union { int a; } u;",
                                        "int (*f)(int);",
                                        "void f(void) { static int n; }",
                                        "void f(void) { if (1) { static __global int n; n++; } }",
                                        "__typeof__(int) a;"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) expect_refused(rules_check_text, texts[i]);
}

static void what_honest_kernels_have_at_program_scope_is_allowed(void **state) {
    (void)state;
    static const char *const texts[] = {
        "__constant float A = 1.5f;",
        "constant int T[4] = {1, 2, 3, 4};",
        "static constant float B[] = { (1 + 2), 3 };",
        "typedef struct { float4 a; int b; } pair;",
        "struct s { int i; };",
        "enum { A, B };",
        "typedef float real; typedef real4_t r;",
        "float f(float x); float f(float x) { return x; }",
        "static inline float f(__global const float *x, int i) { return x[i]; }",
        ("__kernel void k(__global float *x) { __local float t[64]; float p[4] = {0}; int i = get_global_id(0); x[i] = "
         "t[0] + p[i & 3]; }"),
        "__attribute__((reqd_work_group_size(64, 1, 1))) __kernel void k(__global float *x) {}",
        "__kernel __attribute__((vec_type_hint(float4))) void k(__global float *x) {}",
        ";;",
        "",
        "inline __attribute__((always_inline)) float f(void) { static __constant float c = 2.0f; return c; }",
        "struct s { int i; }; struct s f(struct s a) { struct s b = {1}; return b; }",
        "void f(void) {\n#pragma unroll\n for (int i = 0; i < 4; i++) {} }"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) expect_allowed(rules_check_text, texts[i]);
}

static void what_reaches_the_process_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"void f(void) { asm(\"nop\"); }",
                                        "void f(void) { __asm__ volatile(\"\"); }",
                                        "void f(void) { queue_t q; }",
                                        "void f(void) { enqueue_kernel(0); }",
                                        "extern int errno;",
                                        "int getpid(void);",
                                        "int system(__constant char *); void f(void) { system(\"\"); }",
                                        "void f(void) { __builtin_trap(); }",
                                        "void f(void) { __builtin_return_address(0); }",
                                        "void f(void) __attribute__((section(\".init\"))); void f(void) {}",
                                        "__attribute__((constructor)) void f(void) {}",
                                        "void f(void) __attribute__((__alias__(\"g\"))); void f(void) {}",
                                        "void f(void) { uintptr_t a; }"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) expect_refused(rules_check_text, texts[i]);
}

static void pointers_made_from_integers_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"void f(void) { *(__global int *)0x1234 = 1; }",
                                        "void f(ulong a) { *(__global int *)a = 1; }",
                                        "void f(ulong a) { *(int *)(a + 8) = 1; }",
                                        "void f(ulong a) { int x = ((__global const int *)(ulong)(a * 8))[3]; }",
                                        "void f(void) { __global int *p = 0x400000; }",
                                        "void f(ulong a) { ((__global volatile int *)(a))[0] = 1; }",
                                        "void f(ulong a) { *(__global int **)(a) = 0; }"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) expect_refused(rules_check_text, texts[i]);
}

static void casts_between_pointers_are_allowed(void **state) {
    (void)state;
    static const char *const texts[] = {
        "void f(__global const float *x, int i) { float4 v = *(__global const float4 *)(x + i * 4); }",
        "void f(__global const float *x, int i) { float4 v = ((const __global float4 *)x)[i]; }",
        "void f(__global float *x) { __local float t[64]; __local float4 *v = (__local float4 *)t; }",
        "void f(__global float *x, int r, int D) { __global float *y = x + (long)r * D; __global float4 *z = (__global "
        "float4 *)&y[4]; }",
        "void f(int n, __global float *restrict x) { *(__global int *)(n * 4 + x) = 0; }",
        "void f(void) { float p[4]; float4 v = *(float4 *)p; int i = (int)(v.x * 3); float s = (float)i * (float)(i + "
        "1); }",
        "void f(__global float *x) { __global float *p = 0; p = x; *p = 3.0f; }",
        "int g(int *a) { return a[0]; } void f(void) { int b[2] = {1, 2}; g((int *)b); }",
        "void f(int a, int b) { int c = (a) * (b); int d = (a) * b; }"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) expect_allowed(rules_check_text, texts[i]);
}

static void splices_and_digraphs_are_undone_before_words_are_read(void **state) {
    (void)state;
    struct tokens t;
    int line = 0;
    assert_int_equal(tokens_make("int a\\\nb <: 3 :> = 1.5e+3f;\n", &t, &line), TOKENS_OK);
    assert_int_equal(t.n, 8);
    assert_true(token_is(&t.token[1], "ab") && token_is(&t.token[2], "[") && token_is(&t.token[4], "]"));
    assert_int_equal(t.token[6].kind, TOKEN_NUMBER);
    assert_int_equal(t.token[6].len, 7);
    tokens_done(&t);
    assert_int_equal(tokens_make("\?\?=include \?\?/\n\"x\"\?", &t, &line), TOKENS_OK); /* trigraphs */
    assert_true(token_is(&t.token[0], "#") && t.token[0].line_start);
    assert_int_equal(t.token[2].kind, TOKEN_STRING);
    assert_false(t.token[2].line_start);
    assert_true(token_is(&t.token[3], "?"));
    tokens_done(&t);
    assert_int_equal(tokens_make("a\n\nb \\\n c\nd", &t, &line), TOKENS_OK);
    assert_int_equal(t.token[1].line, 3);
    assert_int_equal(t.token[3].line, 5);
    assert_true(t.token[3].line_start && !t.token[2].line_start);
    tokens_done(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directives_that_read_files_are_refused_however_they_are_spelled),
        cmocka_unit_test(ordinary_preprocessing_is_allowed),
        cmocka_unit_test(bytes_that_are_not_ascii_are_refused_with_their_line),
        cmocka_unit_test(writable_variables_at_program_scope_are_refused),
        cmocka_unit_test(what_honest_kernels_have_at_program_scope_is_allowed),
        cmocka_unit_test(what_reaches_the_process_is_refused),
        cmocka_unit_test(pointers_made_from_integers_are_refused),
        cmocka_unit_test(casts_between_pointers_are_allowed),
        cmocka_unit_test(splices_and_digraphs_are_undone_before_words_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
