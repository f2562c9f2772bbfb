/* The OpenCL backend on PoCL, in this process: what a runner does behind its protocol. The guard bands of devices with
 * memory of their own are tried too, by not binding in place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent-node/backend/opencl/opencl.h"
#include "common/cleanup.h"
#include "common/fileio.h"

#define N 256
#define BYTES (N * sizeof(float))
#define GUARD 64

static char folder[] = "/tmp/portolan-test-XXXXXX";
static const struct device_backend *cl = &backend_opencl;

static int only_pocl(void **state) {
    (void)state;
    char path[64];
    assert_non_null(mkdtemp(folder));
    CLEANUP_FREE char *text = file_read("/etc/OpenCL/vendors/pocl.icd", 4096, NULL, NULL);
    assert_non_null(text);
    snprintf(path, sizeof path, "%s/pocl.icd", folder);
    assert_int_equal(file_write_durable(path, text, strlen(text), 0644, NULL), 0);
    setenv("POCL_CACHE_DIR", folder, 1);
    return setenv("OCL_ICD_VENDORS", folder, 1);
}

static int clean_up(void **state) {
    (void)state;
    return dir_remove(folder, NULL);
}

static struct backend_device *open_pocl(void) {
    struct backend_device *d = NULL;
    struct error err = ERROR_INIT;
    if (cl->open(0, 0, &d, &err) < 0) fail_msg("%s", err.text);
    return d;
}

static void the_device_describes_itself(void **state) {
    (void)state;
    struct backend_info *list = NULL;
    size_t n = 0;
    assert_int_equal(cl->list(&list, &n, NULL), 0);
    assert_int_equal(n, 1);
    assert_string_equal(list[0].platform, "Portable Computing Language");
    assert_string_equal(list[0].kind, "cpu");
    assert_true(list[0].host_memory && list[0].compute_units > 0 && list[0].max_alloc_bytes > 0);
    assert_non_null(strstr(list[0].extensions, "cl_khr"));
    assert_non_null(strstr(list[0].features, "__opencl_c"));
    backend_info_done(&list[0]);
    free(list);
}

static void a_device_that_is_not_there_is_an_error(void **state) {
    (void)state;
    struct backend_device *d = NULL;
    struct error err = ERROR_INIT;
    assert_int_equal(cl->open(0, 5, &d, &err), -1);
    assert_int_equal(err.code, ERR_DEVICE);
}

static void run_one(struct backend_device *d, char *memory) {
    static const char source[] =
        "kernel void k(global float *x, global float *y, float a, local float *t) {\n"
        "  int i = get_global_id(0); t[get_local_id(0)] = x[i];\n"
        "  barrier(CLK_LOCAL_MEM_FENCE); y[i] = a * t[get_local_id(0)]; y[-1] = 9.0f; }\n";
    struct error err = ERROR_INIT;
    CLEANUP(buf_done) struct buf log = BUF_INIT;
    CLEANUP(buf_done) struct buf binary = BUF_INIT;
    struct backend_program *p = NULL, *again = NULL;
    if (cl->build(d, source, "", &p, &log, &err) < 0) fail_msg("%s", log.data);
    assert_int_equal(cl->binary(p, &binary, &err), 0);
    assert_int_equal(cl->load(d, binary.data, binary.len, &again, &log, &err), 0);
    struct backend_arg arg[] = {{BACKEND_ARG_BUFFER, 0, 0, 0},
                                {BACKEND_ARG_BUFFER, 1, 0, 0},
                                {BACKEND_ARG_F32, 0, 0, 2.0f},
                                {BACKEND_ARG_LOCAL, 0, 64 * sizeof(float), 0}};
    struct backend_launch l = {"k", 4, arg, 1, {N, 1, 1}, {64, 1, 1}, true};
    struct backend_buffer *b[2] = {NULL, NULL};
    struct backend_call *c = NULL;
    for (int i = 0; i < 2; i++) assert_int_equal(cl->buffer(d, memory + 4096 * (i + 1), BYTES, GUARD, &b[i], &err), 0);
    assert_int_equal(cl->prepare(again, &l, &c, &err), 0);
    for (int i = 0; i < 2; i++) assert_int_equal(cl->upload(b[i], &err), 0);
    assert_int_equal(cl->enqueue(c, b, &err), 0);
    assert_int_equal(cl->finish(d, &err), 0);
    assert_int_equal(cl->download(b[1], &err), 0);
    assert_int_equal(cl->finish(d, &err), 0);
    int64_t span = 0, sum = 0;
    cl->times(d, &span, &sum);
    assert_true(span > 0 && sum > 0);
    cl->call_free(c);
    for (int i = 0; i < 2; i++) cl->buffer_free(b[i]);
    cl->program_free(p);
    cl->program_free(again);
}

static void check_run(bool in_place) {
    struct backend_device *d = open_pocl();
    void *memory = NULL;
    assert_true(d->in_place);
    d->in_place = in_place;
    assert_int_equal(posix_memalign(&memory, 4096, 4 * 4096), 0);
    memset(memory, 0x5a, 4 * 4096);
    float *x = (float *)(void *)((char *)memory + 4096), *y = (float *)(void *)((char *)memory + 2 * 4096);
    for (int i = 0; i < N; i++) x[i] = (float)i;
    run_one(d, memory);
    for (int i = 0; i < N; i++) assert_true(y[i] == 2.0f * (float)i);
    assert_true(y[-1] == 9.0f); /* the guard band came back with what the kernel did to it */
    assert_int_equal(((char *)y)[-8], 0x5a);
    assert_int_equal(((char *)y)[BYTES], 0x5a);
    free(memory);
    cl->close(d);
}

static void a_kernel_works_on_host_memory_in_place(void **state) {
    (void)state;
    check_run(true);
}

static void guard_bands_travel_with_a_device_buffer(void **state) {
    (void)state;
    check_run(false);
}

static void mistakes_have_opencls_names(void **state) {
    (void)state;
    struct backend_device *d = open_pocl();
    struct error err = ERROR_INIT;
    CLEANUP(buf_done) struct buf log = BUF_INIT;
    struct backend_program *p = NULL;
    struct backend_call *c = NULL;
    assert_int_equal(cl->build(d, "kernel void k(global float *x) { y; }", "", &p, &log, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_non_null(strstr(err.text, "CL_BUILD_PROGRAM_FAILURE"));
    assert_non_null(strstr(log.data, "'y'"));
    assert_int_equal(cl->build(d, "kernel void k(global float *x) { x[0] = 1; }", "", &p, &log, &err), 0);
    struct backend_arg arg[] = {{BACKEND_ARG_I32, 0, 1, 0}};
    struct backend_launch l = {"other", 1, arg, 1, {1, 1, 1}, {1, 1, 1}, true};
    assert_int_equal(cl->prepare(p, &l, &c, &err), -1);
    assert_non_null(strstr(err.text, "kernel other: CL_INVALID_KERNEL_NAME (-46)"));
    l.entry = "k";
    assert_int_equal(cl->prepare(p, &l, &c, &err), -1);
    assert_non_null(strstr(err.text, "kernel k, argument 0: CL_INVALID_"));
    l.n_args = 0;
    assert_int_equal(cl->prepare(p, &l, &c, &err), -1);
    assert_non_null(strstr(err.text, "takes 1 arguments"));
    assert_int_equal(cl->load(d, "no binary", 9, &p, &log, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    cl->program_free(p);
    cl->close(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_device_describes_itself),
        cmocka_unit_test(a_device_that_is_not_there_is_an_error),
        cmocka_unit_test(a_kernel_works_on_host_memory_in_place),
        cmocka_unit_test(guard_bands_travel_with_a_device_buffer),
        cmocka_unit_test(mistakes_have_opencls_names),
    };
    return cmocka_run_group_tests(tests, only_pocl, clean_up);
}
