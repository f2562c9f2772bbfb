/* What a runner needs of a kind of device. One implementation per folder: opencl/, scripted/, (cuda/).
 *
 * Used inside the runner process only, by one thread; nothing here is trusted by the worker. Functions return 0 or -1
 * with err: ERR_DEVICE for infrastructure (driver, device, host memory), ERR_INVALID for what the candidate did (its
 * source, arguments, geometry), ERR_UNSUPPORTED for what the device cannot do. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"

struct backend_device; /* an opened device with one in-order queue */
struct backend_program;
struct backend_buffer;
struct backend_call; /* one launch of a plan: entry, geometry and scalars bound, buffers still open */

#define BACKEND_MAX_SUB_GROUP_SIZES 16
/* Flat description; list() and open() fill it. */
struct backend_info {
    char platform[128], platform_version[128], vendor[128], name[192], driver_version[192], device_version[128];
    char language_version[128];
    char kind[16];    /* "cpu", "gpu", "accelerator", "other" */
    char bus[32];     /* PCI address "0000:01:00.0", "" where there is none */
    char *extensions; /* space-separated, owned */
    char *features;   /* OpenCL C 3.0 feature macros, space-separated, owned */
    int64_t memory_bytes, max_alloc_bytes, local_memory_bytes, cache_bytes, max_work_group_size, max_work_item_sizes[3];
    int64_t sub_group_sizes[BACKEND_MAX_SUB_GROUP_SIZES];
    int n_sub_group_sizes;
    int platform_index, device_index, compute_units;
    bool fp16, fp64, images;
    bool host_memory; /* device code runs in this very process */
};
void backend_info_done(struct backend_info *info);

enum backend_arg_kind { BACKEND_ARG_BUFFER, BACKEND_ARG_I32, BACKEND_ARG_I64, BACKEND_ARG_F32, BACKEND_ARG_LOCAL };
struct backend_arg {
    enum backend_arg_kind kind;
    int buffer; /* BUFFER: index into the array that enqueue() gets */
    int64_t i;  /* I32, I64; bytes of LOCAL */
    float f;
};
struct backend_launch {
    const char *entry;
    int n_args;
    const struct backend_arg *arg;
    int dims; /* 1..3 */
    size_t global[3], local[3];
    bool has_local;
};

/* The roofs that the speed of light is computed from. */
struct calibration {
    double copy_gbps;  /* bytes read and written, 1e9 a second */
    double fma_gflops; /* f32 multiply-adds, two operations each */
    double launch_us;  /* empty launch and finish, median */
    bool event_times;  /* the device's event times are there and agree with the wall clock */
};

struct device_backend {
    const char *name;
    /* All devices of the one driver that is visible. Caller releases each (backend_info_done) and the array. */
    int (*list)(struct backend_info **ret, size_t *ret_n, struct error *err);
    /* Opens and warms a device: afterwards the driver has all threads that it will ever start. */
    int (*open)(int platform_index, int device_index, struct backend_device **ret, struct error *err);
    void (*close)(struct backend_device *d);
    const struct backend_info *(*info)(const struct backend_device *d);
    /* Buffers bound in place are coherent without upload() and download(): tried at open(). */
    bool (*in_place)(const struct backend_device *d);
    /* A binary holds machine code for a geometry only after it was launched once. */
    bool (*binary_wants_launch)(const struct backend_device *d);
    /* `log` gets what the compiler said, in success too. */
    int (*build)(struct backend_device *d, const char *source, const char *options, struct backend_program **ret,
                 struct buf *log, struct error *err);
    int (*binary)(struct backend_program *p, struct buf *ret, struct error *err);
    int (*load)(struct backend_device *d, const void *binary, size_t len, struct backend_program **ret, struct buf *log,
                struct error *err);
    void (*program_free)(struct backend_program *p);
    /* `bytes` of device memory with `guard` bytes before and behind. `host` (may be NULL: zeroed memory of the
     * driver's) points at the data, its guard bands around it; it is bound in place where in_place(). */
    int (*buffer)(struct backend_device *d, void *host, size_t bytes, size_t guard, struct backend_buffer **ret,
                  struct error *err);
    void (*buffer_free)(struct backend_buffer *b);
    int (*upload)(struct backend_buffer *b, struct error *err);   /* guard bands included; nothing in place */
    int (*download)(struct backend_buffer *b, struct error *err); /* guard bands included; nothing in place */
    /* Checks entry, number and kinds of arguments and the geometry against the device. ERR_LIMIT: the built kernel
     * wants more local memory than there is. */
    int (*prepare)(struct backend_program *p, const struct backend_launch *l, struct backend_call **ret,
                   struct error *err);
    void (*call_free)(struct backend_call *c);
    int (*enqueue)(struct backend_call *c, struct backend_buffer *const *buffers, struct error *err);
    /* Waits for everything enqueued. */
    int (*finish)(struct backend_device *d, struct error *err);
    /* After finish(): span from first start to last end and sum of durations of what was enqueued since the last
     * times(), by the device's own clock; 0 where it has none. */
    void (*times)(struct backend_device *d, int64_t *ret_span_ns, int64_t *ret_sum_ns);
    /* NULL where runner/calibrate.c can measure the device by its OpenCL C kernels. */
    int (*calibrate)(struct backend_device *d, struct calibration *ret, struct error *err);
};
extern const struct device_backend backend_opencl;
extern const struct device_backend backend_scripted;
/* NULL for an unknown name. */
const struct device_backend *backend_find(const char *name);
