/* What a runner needs of a kind of device. One implementation per folder: opencl/, scripted/, (cuda/).
 * Used inside the runner process only. All functions return 0 or -1 with err (ERR_DEVICE for infrastructure,
 * ERR_INVALID for what the candidate did); nothing here is trusted by the worker. */
#pragma once
#include "common/buf.h"
#include "common/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct backend_device;   /* an opened device with one in-order queue */
struct backend_program;
struct backend_buffer;
struct backend_info {    /* flat description; filled by list() */
    char platform[128], platform_version[128], vendor[128], name[192], driver_version[192], device_version[128], language_version[128], kind[16];
    char *extensions;    /* owned */
    int64_t memory_bytes, max_alloc_bytes, local_memory_bytes, cache_bytes, max_work_group_size, max_work_item_sizes[3];
    int64_t sub_group_sizes[16]; int n_sub_group_sizes;
    int platform_index, device_index, compute_units;
    bool fp16, fp64, event_times, host_memory;
};
struct backend_arg { int kind; /* enum plan_arg_kind */ struct backend_buffer *buffer; int64_t i; float f; };
struct backend_launch {
    const char *entry;
    int n_args; const struct backend_arg *arg;
    int dims; size_t global[3], local[3]; bool has_local;
};
struct device_backend {
    const char *name;
    int (*list)(struct backend_info **ret, size_t *ret_n, struct error *err);
    int (*open)(int platform_index, int device_index, struct backend_device **ret, struct error *err);
    void (*close)(struct backend_device *d);
    int (*build)(struct backend_device *d, const char *source, const char *options, struct backend_program **ret, struct buf *log, struct error *err);
    int (*binary)(struct backend_program *p, struct buf *ret, struct error *err);
    int (*load)(struct backend_device *d, const void *binary, size_t len, struct backend_program **ret, struct buf *log, struct error *err);
    void (*program_free)(struct backend_program *p);
    /* `host` non-NULL and the device runs on the host: bound in place. `guard` bytes precede and follow the buffer's data. */
    int (*buffer)(struct backend_device *d, void *host, size_t bytes, size_t guard, struct backend_buffer **ret, struct error *err);
    void (*buffer_free)(struct backend_buffer *b);
    int (*upload)(struct backend_buffer *b, struct error *err);    /* guard bands included; no-op in place */
    int (*download)(struct backend_buffer *b, struct error *err);  /* guard bands included */
    /* Enqueue one launch; argument objects are set before. */
    int (*launch)(struct backend_program *p, const struct backend_launch *l, struct error *err);
    /* Wait for everything; span = first start to last end and sum of durations since the last finish, 0 when unknown. */
    int (*finish)(struct backend_device *d, int64_t *ret_span_ns, int64_t *ret_sum_ns, struct error *err);
};
extern const struct device_backend backend_opencl;
extern const struct device_backend backend_scripted;
const struct device_backend *backend_find(const char *name);
