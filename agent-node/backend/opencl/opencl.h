/* Private to this folder: the structs behind backend.h's names, for OpenCL. */
#pragma once
#include <CL/cl.h>

#include "agent-node/backend/backend.h"

struct backend_device {
    struct backend_info info;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    bool profiling; /* the queue keeps event times */
    bool in_place;
    size_t align; /* of a sub-buffer's origin, bytes */
    cl_event *event;
    size_t n_events, cap_events;
    bool events_lost; /* more launches than events are kept: the sum is unknown */
};
struct backend_program {
    struct backend_device *device;
    cl_program program;
};
struct backend_buffer {
    struct backend_device *device;
    cl_mem parent; /* NULL when bound in place */
    cl_mem data;
    char *host;          /* first guard byte, NULL without host memory */
    size_t origin, span; /* what is transferred, within parent */
};
struct backend_call {
    struct backend_device *device;
    cl_kernel kernel;
    char entry[64];
    int n_args;
    struct backend_arg *arg;
    cl_mem *bound; /* buffer that each argument holds now */
    cl_uint dims;
    size_t global[3], local[3];
    bool has_local;
};

/* "CL_INVALID_KERNEL_ARGS"; a number in text for unknown codes. */
const char *opencl_error_name(cl_int code);
/* Sets ERR_DEVICE where the driver or host is to blame whatever the candidate does, else `code`. Returns -1. */
int opencl_error(struct error *err, enum error_code code, cl_int status, const char *what);
/* info of `id`; its text is cut to the fields' sizes. */
void opencl_describe(cl_platform_id platform, cl_device_id id, struct backend_info *ret);
/* The devices of all platforms in order; at most `max`. Returns how many, -1 with err. */
struct opencl_found {
    cl_platform_id platform;
    cl_device_id id;
    int platform_index, device_index;
};
int opencl_find(struct opencl_found *ret, int max, struct error *err);
/* Starts the driver's threads and finds out whether host memory can be bound in place. */
int opencl_warm(struct backend_device *d, struct error *err);

/* Functions behind backend_opencl, by file. */
int opencl_build(struct backend_device *d, const char *source, const char *options, struct backend_program **ret,
                 struct buf *log, struct error *err);
int opencl_binary(struct backend_program *p, struct buf *ret, struct error *err);
int opencl_load(struct backend_device *d, const void *binary, size_t len, struct backend_program **ret, struct buf *log,
                struct error *err);
void opencl_program_free(struct backend_program *p);
int opencl_buffer(struct backend_device *d, void *host, size_t bytes, size_t guard, struct backend_buffer **ret,
                  struct error *err);
void opencl_buffer_free(struct backend_buffer *b);
int opencl_upload(struct backend_buffer *b, struct error *err);
int opencl_download(struct backend_buffer *b, struct error *err);
int opencl_prepare(struct backend_program *p, const struct backend_launch *l, struct backend_call **ret,
                   struct error *err);
void opencl_call_free(struct backend_call *c);
int opencl_enqueue(struct backend_call *c, struct backend_buffer *const *buffers, struct error *err);
int opencl_finish(struct backend_device *d, struct error *err);
void opencl_times(struct backend_device *d, int64_t *ret_span_ns, int64_t *ret_sum_ns);
