/* The macros that a device's compiler would define. */
#include "agent-node/runner/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static bool has(const struct macro_list *list, const char *option) {
    for (size_t i = 0; i < list->n; i++)
        if (!strcmp(list->option[i], option)) return true;
    return false;
}

static struct backend_info device(const char *version, const char *language) {
    static char extensions[] = "cl_khr_fp64 cl_khr_fp16 bad-name 1bad",
                features[] = "__opencl_c_int64 __opencl_c_images";
    struct backend_info info = {.extensions = extensions, .features = features, .images = true};
    memcpy(info.device_version, version, strlen(version));
    memcpy(info.language_version, language, strlen(language));
    return info;
}

static void a_program_without_a_standard_is_opencl_c_1_2(void **state) {
    (void)state;
    struct backend_info info = device("OpenCL 3.0 PoCL", "OpenCL C 1.2 pocl");
    struct macro_list m;
    macros_of_device(&info, "", &m);
    assert_true(has(&m, "-D__OPENCL_VERSION__=300") && has(&m, "-D__OPENCL_C_VERSION__=120"));
    assert_true(has(&m, "-DCL_VERSION_1_0=100") && has(&m, "-DCL_VERSION_3_0=300"));
    assert_true(has(&m, "-D__ENDIAN_LITTLE__=1") && has(&m, "-D__IMAGE_SUPPORT__=1"));
    assert_true(has(&m, "-Dcl_khr_fp64=1") && has(&m, "-Dcl_khr_fp16=1"));
    assert_false(has(&m, "-Dbad-name=1") || has(&m, "-D1bad=1"));
    assert_false(has(&m, "-D__opencl_c_int64=1") || has(&m, "-D__FAST_RELAXED_MATH__=1"));
    macro_list_done(&m);
}

static void options_choose_standard_and_fast_math(void **state) {
    (void)state;
    struct backend_info info = device("OpenCL 3.1 (Build 0)", "OpenCL C 3.0");
    struct macro_list m;
    macros_of_device(&info, "-cl-std=CL3.0 -cl-fast-relaxed-math", &m);
    assert_true(has(&m, "-D__OPENCL_VERSION__=310") && has(&m, "-D__OPENCL_C_VERSION__=300"));
    assert_true(has(&m, "-D__opencl_c_int64=1") && has(&m, "-D__FAST_RELAXED_MATH__=1"));
    macro_list_done(&m);
}

static void an_old_device_has_an_old_language(void **state) {
    (void)state;
    struct backend_info info = device("OpenCL 1.1", "OpenCL C 1.1");
    struct macro_list m;
    macros_of_device(&info, "", &m);
    assert_true(has(&m, "-D__OPENCL_C_VERSION__=110"));
    assert_false(has(&m, "-DCL_VERSION_1_2=120"));
    macro_list_done(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_without_a_standard_is_opencl_c_1_2),
        cmocka_unit_test(options_choose_standard_and_fast_math),
        cmocka_unit_test(an_old_device_has_an_old_language),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
