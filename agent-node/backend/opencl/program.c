/* Programs: from source, to and from the driver's binary. */
#include <stdlib.h>
#include <string.h>

#include "agent-node/backend/opencl/opencl.h"
#include "common/cleanup.h"

#define MAX_LOG ((size_t)1 << 20)
#define MAX_BINARY ((size_t)64 << 20)

void opencl_program_free(struct backend_program *p) {
    if (!p) return;
    if (p->program) clReleaseProgram(p->program);
    free(p);
}
DEFINE_CLEANUP(cleanup_program, struct backend_program *, opencl_program_free)

static void append_log(const struct backend_program *p, struct buf *log) {
    size_t size = 0;
    if (clGetProgramBuildInfo(p->program, p->device->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size) != CL_SUCCESS) return;
    if (size <= 1 || size > MAX_LOG) return;
    CLEANUP_FREE char *text = xcalloc(size + 1, 1);
    if (clGetProgramBuildInfo(p->program, p->device->id, CL_PROGRAM_BUILD_LOG, size, text, NULL) == CL_SUCCESS)
        buf_puts(log, text);
}

static int build_program(struct backend_program *p, const char *options, struct buf *log, struct error *err) {
    cl_int status = clBuildProgram(p->program, 1, &p->device->id, options, NULL, NULL);
    append_log(p, log);
    return status == CL_SUCCESS ? 0 : opencl_error(err, ERR_INVALID, status, "build");
}

int opencl_build(struct backend_device *d, const char *source, const char *options, struct backend_program **ret,
                 struct buf *log, struct error *err) {
    CLEANUP(cleanup_program) struct backend_program *p = xcalloc(1, sizeof *p);
    cl_int status = CL_SUCCESS;
    p->device = d;
    p->program = clCreateProgramWithSource(d->context, 1, &source, NULL, &status);
    if (!p->program) return opencl_error(err, ERR_INVALID, status, "create a program");
    if (build_program(p, options, log, err) < 0) return -1;
    *ret = TAKE(p);
    return 0;
}

int opencl_binary(struct backend_program *p, struct buf *ret, struct error *err) {
    size_t size = 0;
    cl_int status = clGetProgramInfo(p->program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL);
    if (status != CL_SUCCESS) return opencl_error(err, ERR_DEVICE, status, "size of the program's binary");
    if (size == 0 || size > MAX_BINARY)
        return error_set(err, ERR_INVALID, "the program's binary has %zu bytes (1 to %zu are accepted)", size,
                         MAX_BINARY);
    CLEANUP_FREE unsigned char *data = xmalloc(size);
    unsigned char *list[1] = {data};
    status = clGetProgramInfo(p->program, CL_PROGRAM_BINARIES, sizeof list, list, NULL);
    if (status != CL_SUCCESS) return opencl_error(err, ERR_DEVICE, status, "read the program's binary");
    buf_append(ret, data, size);
    return 0;
}

int opencl_load(struct backend_device *d, const void *binary, size_t len, struct backend_program **ret, struct buf *log,
                struct error *err) {
    CLEANUP(cleanup_program) struct backend_program *p = xcalloc(1, sizeof *p);
    const unsigned char *data = binary;
    cl_int status = CL_SUCCESS, loaded = CL_SUCCESS;
    p->device = d;
    p->program = clCreateProgramWithBinary(d->context, 1, &d->id, &len, &data, &loaded, &status);
    if (!p->program) return opencl_error(err, ERR_INVALID, status, "load a binary");
    if (build_program(p, "", log, err) < 0) return -1;
    *ret = TAKE(p);
    return 0;
}
