/* Warm-up: a runner forbids new threads once its driver is warm, so make the driver start all of its own first; and
 * find out whether a buffer over host memory is that memory, or a copy that only follows when mapped. */
#include <stdlib.h>
#include <string.h>

#include "agent-node/backend/opencl/opencl.h"
#include "common/cleanup.h"

#define PROBE_BYTES ((size_t)1 << 16)

static void release_memory(cl_mem *m) {
    if (*m) clReleaseMemObject(*m);
}

/* Copies one half of a buffer to its other half on the device, and looks at it from here without mapping it. */
static bool is_in_place(struct backend_device *d) {
    CLEANUP_FREE char *host = NULL;
    void *aligned = NULL;
    if (posix_memalign(&aligned, 4096, 2 * PROBE_BYTES)) return false;
    host = aligned;
    memset(host, 0x11, 2 * PROBE_BYTES);
    cl_int status = CL_SUCCESS;
    CLEANUP(release_memory)
    cl_mem from = clCreateBuffer(d->context, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, PROBE_BYTES, host, &status);
    CLEANUP(release_memory)
    cl_mem to =
        clCreateBuffer(d->context, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, PROBE_BYTES, host + PROBE_BYTES, &status);
    if (!from || !to) return false;
    /* Twice, with other bytes each: the driver could have taken the first ones at creation or at the first use. */
    for (int round = 1; round <= 2; round++) {
        memset(host, 0x20 + round, PROBE_BYTES);
        if (clEnqueueCopyBuffer(d->queue, from, to, 0, 0, PROBE_BYTES, 0, NULL, NULL) != CL_SUCCESS) return false;
        if (clFinish(d->queue) != CL_SUCCESS) return false;
        if (memcmp(host, host + PROBE_BYTES, PROBE_BYTES) != 0) return false;
    }
    return true;
}

/* It knows of each byte whether anything was ever written there, but of its own memory only: bound to ours, all of it
 * counts as written, and what lies around a buffer as part of it. */
static bool is_simulator(const struct backend_device *d) {
    return strcmp(d->info.platform, "Oclgrind") == 0;
}

int opencl_warm(struct backend_device *d, struct error *err) {
    d->in_place = d->info.host_memory && !is_simulator(d) && is_in_place(d);
    cl_int status = clFinish(d->queue);
    return status == CL_SUCCESS ? 0 : opencl_error(err, ERR_DEVICE, status, "first use of the device");
}
