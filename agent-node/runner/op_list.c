/* WIRE_LIST: the driver's devices, and on request what each one reaches with kernels of our own. */
#include <stdlib.h>
#include <string.h>

#include "agent-node/runner/calibrate.h"
#include "agent-node/runner/session.h"
#include "common/cleanup.h"

static void copy_text(char *out, size_t size, const char *text) {
    size_t len = strlen(text);
    if (len >= size) len = size - 1;
    memcpy(out, text, len);
}

static void fill_device(const struct backend_info *i, struct wire_device *ret) {
#define TEXT(field) copy_text(ret->field, sizeof ret->field, i->field)
    TEXT(platform), TEXT(platform_version), TEXT(vendor), TEXT(name), TEXT(driver_version), TEXT(device_version);
    TEXT(language_version), TEXT(kind), TEXT(bus), TEXT(extensions);
#undef TEXT
    ret->memory_bytes = i->memory_bytes;
    ret->max_alloc_bytes = i->max_alloc_bytes;
    ret->local_memory_bytes = i->local_memory_bytes;
    ret->cache_bytes = i->cache_bytes;
    ret->max_work_group_size = i->max_work_group_size;
    memcpy(ret->max_work_item_sizes, i->max_work_item_sizes, sizeof ret->max_work_item_sizes);
    memcpy(ret->sub_group_sizes, i->sub_group_sizes, sizeof ret->sub_group_sizes);
    ret->n_sub_group_sizes = i->n_sub_group_sizes;
    ret->platform_index = i->platform_index;
    ret->device_index = i->device_index;
    ret->compute_units = i->compute_units;
    ret->fp16 = i->fp16;
    ret->fp64 = i->fp64;
    ret->host_memory = i->host_memory;
}

static int measure(struct session *s, struct wire_device *d, struct error *err) {
    struct backend_device *device = NULL;
    struct calibration c = {0};
    if (s->backend->open(d->platform_index, d->device_index, &device, err) < 0) return error_wrap(err, "%s", d->name);
    int rc = calibrate(s->backend, device, &c, err);
    s->backend->close(device);
    if (rc < 0) return error_wrap(err, "%s: calibration", d->name);
    d->copy_gbps = c.copy_gbps;
    d->fma_gflops = c.fma_gflops;
    d->launch_us = c.launch_us;
    d->event_times = c.event_times;
    d->measured = 1;
    return 0;
}

static int list(struct session *s, bool measured, struct wire_device **ret, size_t *ret_n, struct error *err) {
    struct backend_info *info = NULL;
    size_t n = 0;
    if (s->backend->list(&info, &n, err) < 0) return -1;
    if (n > WIRE_MAX_DEVICES) n = WIRE_MAX_DEVICES;
    struct wire_device *d = xcalloc(n, sizeof *d);
    int rc = 0;
    for (size_t i = 0; i < n; i++) {
        fill_device(&info[i], &d[i]);
        if (measured && rc == 0) rc = measure(s, &d[i], err);
        backend_info_done(&info[i]);
    }
    free(info);
    *ret = d;
    *ret_n = n;
    return rc;
}

void session_list(struct session *s, const void *payload, size_t len) {
    struct wire_list request;
    struct error err = ERROR_INIT;
    CLEANUP_FREE struct wire_device *d = NULL;
    size_t n = 0;
    if (len != sizeof request) {
        error_set(&err, ERR_INTERNAL, "malformed request: list");
        return session_fail(s, WIRE_DEVICE_FAILED, NULL, &err);
    }
    memcpy(&request, payload, sizeof request);
    if (list(s, request.measure != 0, &d, &n, &err) < 0) return session_fail(s, WIRE_DEVICE_FAILED, NULL, &err);
    channel_result(&s->channel, WIRE_OK, (uint32_t)n, "", 0, d, n * sizeof *d);
}
