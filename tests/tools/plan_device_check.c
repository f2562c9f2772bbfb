/* plan_device_check BASELINE PROBLEM.yaml SIZE [DISTRIBUTION]: runs a baseline's plan on the device and compares every
 * output element with the oracle, |error| <= 4 * u * scale * sqrt(K). Outputs and scratch start as NaNs. Prints the
 * worst ratio; exit status 1 when one is above 1. */
#include "common/buf.h"
#include "common/cleanup.h"
#include "problems/baseline/baseline.h"
#include "problems/data/data.h"
#include "problems/graph/oracle.h"
#include "tests/tools/cl_device.h"

#include <math.h>
#include <string.h>

static void set_arg(cl_kernel kernel, cl_uint i, const struct plan_arg *a, const cl_mem *buffer) {
    cl_int i32 = (cl_int)a->i;
    cl_long i64 = a->i;
    cl_int rc = CL_SUCCESS;
    switch (a->kind) {
        case PLAN_ARG_BUFFER:
            rc = clSetKernelArg(kernel, i, sizeof(cl_mem), &buffer[a->buffer]);
            break;
        case PLAN_ARG_I32:
            rc = clSetKernelArg(kernel, i, sizeof i32, &i32);
            break;
        case PLAN_ARG_I64:
            rc = clSetKernelArg(kernel, i, sizeof i64, &i64);
            break;
        case PLAN_ARG_F32:
            rc = clSetKernelArg(kernel, i, sizeof a->f, &a->f);
            break;
        case PLAN_ARG_LOCAL:
            rc = clSetKernelArg(kernel, i, (size_t)a->i, NULL);
            break;
    }
    cl_must(rc, "clSetKernelArg");
}

static void launch(struct cl_device *d, cl_program program, const struct plan_launch *l, const cl_mem *buffer) {
    cl_int rc = CL_SUCCESS;
    cl_kernel kernel = clCreateKernel(program, l->entry, &rc);
    cl_must(rc, l->entry);
    for (int i = 0; i < l->n_args; i++) set_arg(kernel, (cl_uint)i, &l->arg[i], buffer);
    cl_must(clEnqueueNDRangeKernel(d->queue, kernel, (cl_uint)l->dims, NULL, l->global, l->has_local ? l->local : NULL,
                                   0, NULL, NULL),
            l->entry);
    cl_must(clFinish(d->queue), l->entry);
    clReleaseKernel(kernel);
}

static cl_mem make_buffer(struct cl_device *d, const struct plan_buffer *b, void *const *data) {
    cl_int rc = CL_SUCCESS;
    CLEANUP_FREE void *poison = xmalloc(b->bytes);
    memset(poison, 0xFF, b->bytes);
    void *from = b->role == PLAN_INPUT ? data[b->tensor] : poison;
    cl_mem m = clCreateBuffer(d->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, b->bytes, from, &rc);
    cl_must(rc, "clCreateBuffer");
    return m;
}

static void run_plan(struct cl_device *d, const struct plan *p, void *const *data) {
    CLEANUP(buf_done) struct buf options = BUF_INIT;
    buf_puts(&options, p->options);
    for (int i = 0; i < p->n_macros; i++)
        buf_printf(&options, " -D%s=%lld", p->macro[i].name, (long long)p->macro[i].value);
    cl_program program = cl_device_build(d, p->source, options.data ? options.data : "");
    cl_mem *buffer = xcalloc((size_t)p->n_buffers, sizeof(cl_mem));
    for (int i = 0; i < p->n_buffers; i++) buffer[i] = make_buffer(d, &p->buffer[i], data);
    for (int i = 0; i < p->n_launches; i++) launch(d, program, &p->launch[i], buffer);
    for (int i = 0; i < p->n_buffers; i++) {
        if (p->buffer[i].role == PLAN_OUTPUT)
            cl_must(clEnqueueReadBuffer(d->queue, buffer[i], CL_TRUE, 0, p->buffer[i].bytes, data[p->buffer[i].tensor],
                                        0, NULL, NULL),
                    "read");
        clReleaseMemObject(buffer[i]);
    }
    free(buffer);
    clReleaseProgram(program);
}

struct place {
    int tensor;
    int64_t index;
    double got, want, scale;
};

/* The worst |error| over the tolerance; infinite for a NaN. f32 outputs. */
static double worst_ratio(const struct bound *b, void *const *data, const struct oracle_result *r, struct place *at) {
    struct cost cost;
    bound_cost(b, &cost);
    double worst = 0.0;
    for (int o = 0; o < b->n_outputs; o++) {
        int t = b->output[o];
        const float *got = data[t];
        double tolerance = 4.0 * dtype_unit_roundoff(b->tensor[t].dtype) * sqrt((double)cost.reduction);
        for (int64_t i = 0; i < b->tensor[t].elements; i++) {
            double ratio = fabs((double)got[i] - r->value[t][i]) / (tolerance * r->scale[t][i]);
            if (ratio <= worst) continue;
            worst = isnan(ratio) ? INFINITY : ratio;
            at->tensor = t, at->index = i, at->got = (double)got[i], at->want = r->value[t][i],
            at->scale = r->scale[t][i];
        }
    }
    return worst;
}

static int fail(const struct error *err) {
    fprintf(stderr, "plan_device_check: %s\n", err->text);
    return 1;
}

static int check(const char *baseline, const struct bound *b, enum distribution dist, struct error *err) {
    struct cl_device d;
    struct data_seed seed = {{3}};
    struct oracle_result r;
    struct plan *plan;
    cl_device_open(&d);
    cl_device_type type = 0;
    size_t group = 0;
    cl_ulong local = 0;
    cl_uint units = 0;
    clGetDeviceInfo(d.id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    clGetDeviceInfo(d.id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof group, &group, NULL);
    clGetDeviceInfo(d.id, CL_DEVICE_LOCAL_MEM_SIZE, sizeof local, &local, NULL);
    clGetDeviceInfo(d.id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL);
    struct baseline_device device = {.max_work_group = (int64_t)group,
                                     .local_memory = (int64_t)local,
                                     .compute_units = (int)units,
                                     .is_cpu = !(type & CL_DEVICE_TYPE_GPU),
                                     .preferred_vector = 8};
    if (baseline_plan(baseline, b, &device, &plan, err) != 0) return fail(err);
    void **data = xcalloc((size_t)b->n_tensors, sizeof *data);
    for (int t = 0; t < b->n_tensors; t++) data[t] = xmalloc(b->tensor[t].bytes);
    if (data_fill_all(b, &seed, 0, dist, data, err) != 0) return fail(err);
    run_plan(&d, plan, data);
    if (oracle_eval(b, (const void *const *)data, 0, false, NULL, &r, err) != 0) return fail(err);
    struct place at = {0};
    double worst = worst_ratio(b, data, &r, &at);
    printf(
        "%s: %s of %s at %s on %s data: worst error %.3g of the tolerance (%s[%lld]: got %.9g, want %.9g, scale "
        "%.3g)\n",
        d.name, baseline, problem_name(b->problem), b->size, distribution_name(dist), worst, b->tensor[at.tensor].name,
        (long long)at.index, at.got, at.want, at.scale);
    oracle_done(&r);
    plan_free(plan);
    for (int t = 0; t < b->n_tensors; t++) free(data[t]);
    free(data);
    cl_device_close(&d);
    return worst <= 1.0 ? 0 : 1;
}

int main(int argc, char **argv) {
    struct error err = ERROR_INIT;
    enum distribution d = DIST_DECLARED;
    for (int i = 0; argc == 5 && i < DIST_COUNT; i++)
        if (strcmp(argv[4], distribution_name((enum distribution)i)) == 0) d = (enum distribution)i;
    if (argc < 4) {
        fprintf(stderr, "usage: plan_device_check BASELINE PROBLEM.yaml SIZE [DISTRIBUTION]\n");
        return 2;
    }
    struct problem *p = problem_load(argv[2], &err);
    if (!p) return fail(&err);
    struct bound *b = problem_bind(p, argv[3], &err);
    if (!b) return fail(&err);
    int rc = check(argv[1], b, d, &err);
    bound_free(b);
    problem_free(p);
    return rc;
}
