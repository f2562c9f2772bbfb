/* OpenCL's error codes by name (OpenCL 3.0 API specification, appendix F, and cl_khr_icd), and whose fault each is. */
#include <stdio.h>

#include "agent-node/backend/opencl/opencl.h"

#define ICD_NO_PLATFORM (-1001) /* CL_PLATFORM_NOT_FOUND_KHR */

static const struct {
    cl_int code;
    const char *name;
} names[] = {
#define N(x) \
    { x, #x }
    N(CL_SUCCESS),
    N(CL_DEVICE_NOT_FOUND),
    N(CL_DEVICE_NOT_AVAILABLE),
    N(CL_COMPILER_NOT_AVAILABLE),
    N(CL_MEM_OBJECT_ALLOCATION_FAILURE),
    N(CL_OUT_OF_RESOURCES),
    N(CL_OUT_OF_HOST_MEMORY),
    N(CL_PROFILING_INFO_NOT_AVAILABLE),
    N(CL_MEM_COPY_OVERLAP),
    N(CL_BUILD_PROGRAM_FAILURE),
    N(CL_MAP_FAILURE),
    N(CL_MISALIGNED_SUB_BUFFER_OFFSET),
    N(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST),
    N(CL_COMPILE_PROGRAM_FAILURE),
    N(CL_LINKER_NOT_AVAILABLE),
    N(CL_LINK_PROGRAM_FAILURE),
    N(CL_KERNEL_ARG_INFO_NOT_AVAILABLE),
    N(CL_INVALID_VALUE),
    N(CL_INVALID_DEVICE_TYPE),
    N(CL_INVALID_PLATFORM),
    N(CL_INVALID_DEVICE),
    N(CL_INVALID_CONTEXT),
    N(CL_INVALID_QUEUE_PROPERTIES),
    N(CL_INVALID_COMMAND_QUEUE),
    N(CL_INVALID_HOST_PTR),
    N(CL_INVALID_MEM_OBJECT),
    N(CL_INVALID_BINARY),
    N(CL_INVALID_BUILD_OPTIONS),
    N(CL_INVALID_PROGRAM),
    N(CL_INVALID_PROGRAM_EXECUTABLE),
    N(CL_INVALID_KERNEL_NAME),
    N(CL_INVALID_KERNEL_DEFINITION),
    N(CL_INVALID_KERNEL),
    N(CL_INVALID_ARG_INDEX),
    N(CL_INVALID_ARG_VALUE),
    N(CL_INVALID_ARG_SIZE),
    N(CL_INVALID_KERNEL_ARGS),
    N(CL_INVALID_WORK_DIMENSION),
    N(CL_INVALID_WORK_GROUP_SIZE),
    N(CL_INVALID_WORK_ITEM_SIZE),
    N(CL_INVALID_GLOBAL_OFFSET),
    N(CL_INVALID_EVENT_WAIT_LIST),
    N(CL_INVALID_EVENT),
    N(CL_INVALID_OPERATION),
    N(CL_INVALID_BUFFER_SIZE),
    N(CL_INVALID_GLOBAL_WORK_SIZE),
    N(CL_INVALID_PROPERTY),
    N(CL_INVALID_COMPILER_OPTIONS),
    N(CL_INVALID_LINKER_OPTIONS),
    N(CL_MAX_SIZE_RESTRICTION_EXCEEDED),
    {ICD_NO_PLATFORM, "CL_PLATFORM_NOT_FOUND_KHR"},
#undef N
};

const char *opencl_error_name(cl_int code) {
    static _Thread_local char unknown[32];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == code) return names[i].name;
    snprintf(unknown, sizeof unknown, "OpenCL error %d", (int)code);
    return unknown;
}

static bool is_infrastructure(cl_int code) {
    switch (code) {
        case CL_DEVICE_NOT_FOUND:
        case CL_DEVICE_NOT_AVAILABLE:
        case CL_COMPILER_NOT_AVAILABLE:
        case CL_LINKER_NOT_AVAILABLE:
        case CL_MEM_OBJECT_ALLOCATION_FAILURE:
        case CL_OUT_OF_HOST_MEMORY:
        case CL_INVALID_CONTEXT:
        case CL_INVALID_COMMAND_QUEUE:
        case CL_INVALID_DEVICE:
        case CL_INVALID_PLATFORM:
        case ICD_NO_PLATFORM:
            return true;
        default:
            return false;
    }
}

int opencl_error(struct error *err, enum error_code code, cl_int status, const char *what) {
    return error_set(err, is_infrastructure(status) ? ERR_DEVICE : code, "%s: %s (%d)", what, opencl_error_name(status),
                     (int)status);
}
