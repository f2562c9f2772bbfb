/* Launches: one cl_kernel per launch of a plan, its scalars set once, its buffers only where they differ from the last
 * set; so that a launch inside the timed window costs little beside the driver's own work. */
#include <stdlib.h>
#include <string.h>

#include "agent-node/backend/opencl/opencl.h"
#include "common/cleanup.h"

#define MAX_EVENTS 65536

void opencl_call_free(struct backend_call *c) {
    if (!c) return;
    if (c->kernel) clReleaseKernel(c->kernel);
    free(c->arg);
    free(c->bound);
    free(c);
}
DEFINE_CLEANUP(cleanup_call, struct backend_call *, opencl_call_free)

static int argument_error(const struct backend_call *c, int i, cl_int status, struct error *err) {
    char what[128];
    snprintf(what, sizeof what, "kernel %s, argument %d", c->entry, i);
    return opencl_error(err, ERR_INVALID, status, what);
}

static cl_int set_scalar(cl_kernel kernel, cl_uint at, const struct backend_arg *a) {
    cl_int i32 = (cl_int)a->i;
    cl_long i64 = a->i;
    cl_float f32 = a->f;
    switch (a->kind) {
        case BACKEND_ARG_I32:
            return clSetKernelArg(kernel, at, sizeof i32, &i32);
        case BACKEND_ARG_I64:
            return clSetKernelArg(kernel, at, sizeof i64, &i64);
        case BACKEND_ARG_F32:
            return clSetKernelArg(kernel, at, sizeof f32, &f32);
        case BACKEND_ARG_LOCAL:
            return clSetKernelArg(kernel, at, (size_t)a->i, NULL);
        case BACKEND_ARG_BUFFER:
            break;
    }
    return CL_SUCCESS;
}

static int set_scalars(struct backend_call *c, struct error *err) {
    cl_uint wants = 0;
    cl_int status = clGetKernelInfo(c->kernel, CL_KERNEL_NUM_ARGS, sizeof wants, &wants, NULL);
    if (status != CL_SUCCESS) return opencl_error(err, ERR_INVALID, status, c->entry);
    if ((cl_uint)c->n_args != wants)
        return error_set(err, ERR_INVALID, "kernel %s takes %u arguments, the launch gives %d", c->entry, wants,
                         c->n_args);
    for (int i = 0; i < c->n_args; i++) {
        status = set_scalar(c->kernel, (cl_uint)i, &c->arg[i]);
        if (status != CL_SUCCESS) return argument_error(c, i, status, err);
    }
    return 0;
}

/* Of the arguments and of the source. Drivers have accepted more than there is, and some then end the process. */
static int check_local_memory(const struct backend_call *c, struct error *err) {
    cl_ulong wants = 0, has = (cl_ulong)c->device->info.local_memory_bytes;
    cl_int status =
        clGetKernelWorkGroupInfo(c->kernel, c->device->id, CL_KERNEL_LOCAL_MEM_SIZE, sizeof wants, &wants, NULL);
    if (status != CL_SUCCESS || has == 0 || wants <= has) return 0;
    return error_set(err, ERR_LIMIT, "kernel %s uses %llu bytes of local memory, the device has %llu", c->entry,
                     (unsigned long long)wants, (unsigned long long)has);
}

int opencl_prepare(struct backend_program *p, const struct backend_launch *l, struct backend_call **ret,
                   struct error *err) {
    CLEANUP(cleanup_call) struct backend_call *c = xcalloc(1, sizeof *c);
    cl_int status = CL_SUCCESS;
    c->device = p->device;
    snprintf(c->entry, sizeof c->entry, "%s", l->entry);
    c->kernel = clCreateKernel(p->program, l->entry, &status);
    if (!c->kernel) {
        char what[96];
        snprintf(what, sizeof what, "kernel %s", l->entry);
        return opencl_error(err, ERR_INVALID, status, what);
    }
    c->n_args = l->n_args;
    c->arg = xcalloc((size_t)l->n_args, sizeof *c->arg);
    if (l->n_args) memcpy(c->arg, l->arg, (size_t)l->n_args * sizeof *c->arg);
    c->bound = xcalloc((size_t)l->n_args, sizeof *c->bound);
    c->dims = (cl_uint)l->dims;
    c->has_local = l->has_local;
    memcpy(c->global, l->global, sizeof c->global);
    memcpy(c->local, l->local, sizeof c->local);
    if (set_scalars(c, err) < 0 || check_local_memory(c, err) < 0) return -1;
    *ret = TAKE(c);
    return 0;
}

static int set_buffers(struct backend_call *c, struct backend_buffer *const *buffers, struct error *err) {
    for (int i = 0; i < c->n_args; i++) {
        if (c->arg[i].kind != BACKEND_ARG_BUFFER) continue;
        cl_mem data = buffers[c->arg[i].buffer]->data;
        if (c->bound[i] == data) continue;
        cl_int status = clSetKernelArg(c->kernel, (cl_uint)i, sizeof data, &data);
        if (status != CL_SUCCESS) return argument_error(c, i, status, err);
        c->bound[i] = data;
    }
    return 0;
}

/* Keeps every event up to a limit; beyond it the last one only, and the sum of durations is unknown. */
static void keep_event(struct backend_device *d, cl_event event) {
    if (d->n_events == MAX_EVENTS) {
        d->events_lost = true;
        clReleaseEvent(d->event[--d->n_events]);
    }
    if (d->n_events == d->cap_events) {
        d->cap_events = d->cap_events ? 2 * d->cap_events : 256;
        d->event = xrealloc(d->event, d->cap_events * sizeof *d->event);
    }
    d->event[d->n_events++] = event;
}

int opencl_enqueue(struct backend_call *c, struct backend_buffer *const *buffers, struct error *err) {
    if (set_buffers(c, buffers, err) < 0) return -1;
    cl_event event = NULL;
    cl_int status =
        clEnqueueNDRangeKernel(c->device->queue, c->kernel, c->dims, NULL, c->global, c->has_local ? c->local : NULL, 0,
                               NULL, c->device->profiling ? &event : NULL);
    if (status != CL_SUCCESS) {
        char what[128];
        snprintf(what, sizeof what, "launch of kernel %s", c->entry);
        return opencl_error(err, ERR_INVALID, status, what);
    }
    if (event) keep_event(c->device, event);
    return 0;
}

int opencl_finish(struct backend_device *d, struct error *err) {
    cl_int status = clFinish(d->queue);
    return status == CL_SUCCESS ? 0 : opencl_error(err, ERR_INVALID, status, "run");
}

void opencl_times(struct backend_device *d, int64_t *ret_span_ns, int64_t *ret_sum_ns) {
    cl_ulong first = 0, last = 0, sum = 0;
    for (size_t i = 0; i < d->n_events; i++) {
        cl_ulong start = 0, end = 0;
        clGetEventProfilingInfo(d->event[i], CL_PROFILING_COMMAND_START, sizeof start, &start, NULL);
        clGetEventProfilingInfo(d->event[i], CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
        clReleaseEvent(d->event[i]);
        if (!start || end < start) continue;
        if (!first || start < first) first = start;
        if (end > last) last = end;
        sum += end - start;
    }
    *ret_span_ns = (int64_t)(last - first);
    *ret_sum_ns = d->events_lost ? 0 : (int64_t)sum;
    d->n_events = 0;
    d->events_lost = false;
}
