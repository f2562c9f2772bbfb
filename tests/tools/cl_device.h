/* For the small device checks: the first OpenCL device that the loader finds (OCL_ICD_VENDORS chooses the driver), a
 * queue and a program. Any failure ends the program with status 1. */
#pragma once
#include <CL/cl.h>
#include <stdio.h>
#include <stdlib.h>

struct cl_device {
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    char name[256];
};

static inline void cl_must(cl_int rc, const char *what) {
    if (rc == CL_SUCCESS) return;
    fprintf(stderr, "%s: OpenCL error %d\n", what, (int)rc);
    exit(1);
}

static inline void cl_device_open(struct cl_device *d) {
    cl_platform_id platform[16];
    cl_uint platforms = 0, devices = 0;
    cl_int rc = CL_SUCCESS;
    cl_must(clGetPlatformIDs(16, platform, &platforms), "clGetPlatformIDs");
    for (cl_uint i = 0; i < platforms && i < 16 && devices == 0; i++)
        if (clGetDeviceIDs(platform[i], CL_DEVICE_TYPE_ALL, 1, &d->id, &devices) != CL_SUCCESS) devices = 0;
    if (devices == 0) cl_must(CL_DEVICE_NOT_FOUND, "no device");
    clGetDeviceInfo(d->id, CL_DEVICE_NAME, sizeof d->name, d->name, NULL);
    d->context = clCreateContext(NULL, 1, &d->id, NULL, NULL, &rc);
    cl_must(rc, "clCreateContext");
    d->queue = clCreateCommandQueueWithProperties(d->context, d->id, NULL, &rc);
    cl_must(rc, "clCreateCommandQueueWithProperties");
}

static inline void cl_device_close(struct cl_device *d) {
    clReleaseCommandQueue(d->queue);
    clReleaseContext(d->context);
}

static inline cl_program cl_device_build(struct cl_device *d, const char *source, const char *options) {
    cl_int rc = CL_SUCCESS;
    cl_program program = clCreateProgramWithSource(d->context, 1, &source, NULL, &rc);
    cl_must(rc, "clCreateProgramWithSource");
    if (clBuildProgram(program, 1, &d->id, options, NULL, NULL) == CL_SUCCESS) return program;
    static char log[65536];
    clGetProgramBuildInfo(program, d->id, CL_PROGRAM_BUILD_LOG, sizeof log - 1, log, NULL);
    fprintf(stderr, "%s\n", log);
    cl_must(CL_BUILD_PROGRAM_FAILURE, "clBuildProgram");
    return NULL;
}
