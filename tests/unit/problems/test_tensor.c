/* Shapes and element types. */
#include "problems/tensor.h"

#include "unit/problems/texts.h"

static void dtypes_have_names_sizes_and_roundoff(void **state) {
    (void)state;
    assert_int_equal(dtype_from_name("f32"), DTYPE_F32);
    assert_int_equal(dtype_from_name("f16"), DTYPE_F16);
    assert_int_equal(dtype_from_name("i32"), DTYPE_I32);
    assert_int_equal(dtype_from_name("f64"), -1);
    for (int d = 0; d < DTYPE_COUNT; d++) assert_int_equal(dtype_from_name(dtype_name((enum dtype)d)), d);
    assert_int_equal(dtype_bytes(DTYPE_F16), 2);
    assert_true(dtype_unit_roundoff(DTYPE_F32) == 0x1p-24);
    assert_true(dtype_unit_roundoff(DTYPE_I32) == 0.0);
}

static void a_scalar_has_one_element(void **state) {
    (void)state;
    struct shape s = {.rank = 0};
    int64_t n = 0;
    assert_int_equal(shape_elements(&s), 1);
    assert_int_equal(shape_count(&s, &n), 0);
    assert_int_equal(n, 1);
}

static void counting_refuses_empty_and_overflowing_shapes(void **state) {
    (void)state;
    int64_t n = -7;
    assert_int_equal(shape_count(&(struct shape){2, {4, 0}}, &n), -1);
    assert_int_equal(shape_count(&(struct shape){2, {4, -1}}, &n), -1);
    assert_int_equal(shape_count(&(struct shape){2, {(int64_t)1 << 40, 2}}, &n), -1);
    assert_int_equal(shape_count(&(struct shape){3, {(int64_t)1 << 40, (int64_t)1 << 40, (int64_t)1 << 40}}, &n), -1);
    assert_int_equal(n, -7);
    assert_int_equal(shape_count(&(struct shape){2, {(int64_t)1 << 20, (int64_t)1 << 20}}, &n), 0);
    assert_int_equal(n, TENSOR_MAX_ELEMENTS);
}

static void broadcasting_follows_numpy(void **state) {
    (void)state;
    struct shape out;
    assert_int_equal(shape_broadcast(&(struct shape){3, {2, 3, 5}}, &(struct shape){2, {3, 1}}, &out, NULL), 0);
    assert_true(shape_equal(&out, &(struct shape){3, {2, 3, 5}}));
    assert_int_equal(shape_broadcast(&(struct shape){2, {1, 5}}, &(struct shape){3, {4, 3, 1}}, &out, NULL), 0);
    assert_true(shape_equal(&out, &(struct shape){3, {4, 3, 5}}));
    assert_int_equal(shape_broadcast(&(struct shape){1, {5}}, &(struct shape){0, {0}}, &out, NULL), 0);
    assert_true(shape_equal(&out, &(struct shape){1, {5}}));
}

static void a_mismatch_shows_both_shapes(void **state) {
    (void)state;
    struct shape out;
    struct error err = ERROR_INIT;
    assert_int_equal(shape_broadcast(&(struct shape){2, {2, 3}}, &(struct shape){1, {4}}, &out, &err), -1);
    assert_error(&err, ERR_INVALID, "[2, 3] and [4]");
}

static void formatting_fits_the_largest_shape(void **state) {
    (void)state;
    char text[160];
    struct shape s = {.rank = TENSOR_MAX_RANK};
    shape_format(&(struct shape){0, {0}}, text);
    assert_string_equal(text, "[]");
    for (int i = 0; i < TENSOR_MAX_RANK; i++) s.dim[i] = INT64_MIN;
    shape_format(&s, text);
    assert_true(strlen(text) < sizeof text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dtypes_have_names_sizes_and_roundoff),
        cmocka_unit_test(a_scalar_has_one_element),
        cmocka_unit_test(counting_refuses_empty_and_overflowing_shapes),
        cmocka_unit_test(broadcasting_follows_numpy),
        cmocka_unit_test(a_mismatch_shows_both_shapes),
        cmocka_unit_test(formatting_fits_the_largest_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
