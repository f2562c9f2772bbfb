/* Opening a device: context, in-order queue, warm-up; and the table that makes these files a backend. */
#include <stdlib.h>
#include <string.h>

#include "agent-node/backend/opencl/opencl.h"
#include "common/cleanup.h"

#define MAX_DEVICES 64

static int list_devices(struct backend_info **ret, size_t *ret_n, struct error *err) {
    struct opencl_found found[MAX_DEVICES];
    int n = opencl_find(found, MAX_DEVICES, err);
    if (n < 0) return -1;
    struct backend_info *list = xcalloc((size_t)n, sizeof *list);
    for (int i = 0; i < n; i++) {
        opencl_describe(found[i].platform, found[i].id, &list[i]);
        list[i].platform_index = found[i].platform_index;
        list[i].device_index = found[i].device_index;
    }
    *ret = list;
    *ret_n = (size_t)n;
    return 0;
}

static void close_device(struct backend_device *d) {
    if (!d) return;
    for (size_t i = 0; i < d->n_events; i++) clReleaseEvent(d->event[i]);
    if (d->queue) clReleaseCommandQueue(d->queue);
    if (d->context) clReleaseContext(d->context);
    backend_info_done(&d->info);
    free(d->event);
    free(d);
}
DEFINE_CLEANUP(cleanup_device, struct backend_device *, close_device)

static int open_queue(struct backend_device *d, struct error *err) {
    cl_int status = CL_SUCCESS;
    d->context = clCreateContext(NULL, 1, &d->id, NULL, NULL, &status);
    if (!d->context) return opencl_error(err, ERR_DEVICE, status, "create a context");
    cl_command_queue_properties can = 0;
    clGetDeviceInfo(d->id, CL_DEVICE_QUEUE_PROPERTIES, sizeof can, &can, NULL);
    d->profiling = can & CL_QUEUE_PROFILING_ENABLE;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* the later call is missing on OpenCL 1.2 drivers */
    d->queue = clCreateCommandQueue(d->context, d->id, d->profiling ? CL_QUEUE_PROFILING_ENABLE : 0, &status);
#pragma GCC diagnostic pop
    if (!d->queue) return opencl_error(err, ERR_DEVICE, status, "create a queue");
    return 0;
}

static int open_device(int platform_index, int device_index, struct backend_device **ret, struct error *err) {
    struct opencl_found found[MAX_DEVICES];
    int n = opencl_find(found, MAX_DEVICES, err), at = 0;
    if (n < 0) return -1;
    while (at < n && (found[at].platform_index != platform_index || found[at].device_index != device_index)) at++;
    if (at == n)
        return error_set(err, ERR_DEVICE, "the driver has no device %d on platform %d", device_index, platform_index);
    CLEANUP(cleanup_device) struct backend_device *d = xcalloc(1, sizeof *d);
    d->id = found[at].id;
    opencl_describe(found[at].platform, d->id, &d->info);
    d->info.platform_index = platform_index;
    d->info.device_index = device_index;
    cl_uint align_bits = 0;
    clGetDeviceInfo(d->id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof align_bits, &align_bits, NULL);
    d->align = align_bits >= 8 ? align_bits / 8 : 128;
    if (open_queue(d, err) < 0 || opencl_warm(d, err) < 0) return -1;
    *ret = TAKE(d);
    return 0;
}

static const struct backend_info *device_info(const struct backend_device *d) {
    return &d->info;
}

static bool device_in_place(const struct backend_device *d) {
    return d->in_place;
}

/* PoCL compiles a kernel for each local size at its first launch. */
static bool device_wants_launch(const struct backend_device *d) {
    return strcmp(d->info.platform, "Portable Computing Language") == 0;
}

const struct device_backend backend_opencl = {
    .name = "opencl",
    .list = list_devices,
    .open = open_device,
    .close = close_device,
    .info = device_info,
    .in_place = device_in_place,
    .binary_wants_launch = device_wants_launch,
    .build = opencl_build,
    .binary = opencl_binary,
    .load = opencl_load,
    .program_free = opencl_program_free,
    .buffer = opencl_buffer,
    .buffer_free = opencl_buffer_free,
    .upload = opencl_upload,
    .download = opencl_download,
    .prepare = opencl_prepare,
    .call_free = opencl_call_free,
    .enqueue = opencl_enqueue,
    .finish = opencl_finish,
    .times = opencl_times,
};
