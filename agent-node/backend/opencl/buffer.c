/* Buffers. Where the device works on host memory in place, the worker's slot itself is the buffer and its guard bands
 * lie around it in the arena. Elsewhere guard bands are allocated with the buffer: a parent, and a sub-buffer at an
 * origin the device accepts; the guard bytes next to the data travel with it both ways. */
#include <stdlib.h>

#include "agent-node/backend/opencl/opencl.h"
#include "common/cleanup.h"

void opencl_buffer_free(struct backend_buffer *b) {
    if (!b) return;
    if (b->data) clReleaseMemObject(b->data);
    if (b->parent) clReleaseMemObject(b->parent);
    free(b);
}
DEFINE_CLEANUP(cleanup_buffer, struct backend_buffer *, opencl_buffer_free)

static int bind_in_place(struct backend_buffer *b, void *host, size_t bytes, struct error *err) {
    cl_int status = CL_SUCCESS;
    b->data = clCreateBuffer(b->device->context, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, bytes, host, &status);
    return b->data ? 0 : opencl_error(err, ERR_INVALID, status, "bind a buffer");
}

static int zero(struct backend_buffer *b, size_t bytes, struct error *err) {
    cl_uchar nothing = 0;
    cl_int status = clEnqueueFillBuffer(b->device->queue, b->data, &nothing, 1, 0, bytes, 0, NULL, NULL);
    return status == CL_SUCCESS ? 0 : opencl_error(err, ERR_INVALID, status, "clear a buffer");
}

static int allocate(struct backend_buffer *b, void *host, size_t bytes, size_t guard, struct error *err) {
    struct backend_device *d = b->device;
    size_t front = (guard + d->align - 1) / d->align * d->align;
    cl_int status = CL_SUCCESS;
    b->parent = clCreateBuffer(d->context, CL_MEM_READ_WRITE, front + bytes + guard, NULL, &status);
    if (!b->parent) return opencl_error(err, ERR_INVALID, status, "allocate a buffer");
    if (front) {
        cl_buffer_region region = {front, bytes};
        b->data = clCreateSubBuffer(b->parent, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &status);
        if (!b->data) return opencl_error(err, ERR_INVALID, status, "allocate a buffer within its guard bands");
    } else {
        b->data = TAKE(b->parent);
    }
    b->origin = front - guard;
    b->span = bytes + 2 * guard;
    if (host) b->host = (char *)host - guard;
    return host ? 0 : zero(b, bytes, err);
}

int opencl_buffer(struct backend_device *d, void *host, size_t bytes, size_t guard, struct backend_buffer **ret,
                  struct error *err) {
    CLEANUP(cleanup_buffer) struct backend_buffer *b = xcalloc(1, sizeof *b);
    b->device = d;
    if (host && d->in_place) {
        if (bind_in_place(b, host, bytes, err) < 0) return -1;
    } else if (allocate(b, host, bytes, guard, err) < 0) {
        return -1;
    }
    *ret = TAKE(b);
    return 0;
}

int opencl_upload(struct backend_buffer *b, struct error *err) {
    if (!b->host) return 0;
    cl_mem whole = b->parent ? b->parent : b->data;
    cl_int status = clEnqueueWriteBuffer(b->device->queue, whole, CL_FALSE, b->origin, b->span, b->host, 0, NULL, NULL);
    return status == CL_SUCCESS ? 0 : opencl_error(err, ERR_INVALID, status, "upload a buffer");
}

int opencl_download(struct backend_buffer *b, struct error *err) {
    if (!b->host) return 0;
    cl_mem whole = b->parent ? b->parent : b->data;
    cl_int status = clEnqueueReadBuffer(b->device->queue, whole, CL_FALSE, b->origin, b->span, b->host, 0, NULL, NULL);
    return status == CL_SUCCESS ? 0 : opencl_error(err, ERR_INVALID, status, "download a buffer");
}
