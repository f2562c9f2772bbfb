/* Finding devices and describing them. Properties that a driver does not know are left 0 or empty. */
#include <stdlib.h>
#include <string.h>

#include "agent-node/backend/opencl/opencl.h"
#include "common/cleanup.h"

/* Properties of extensions, by number: Debian's headers do not have all of them. */
#define INFO_SUB_GROUP_SIZES_INTEL 0x4108
#define INFO_WARP_SIZE_NV 0x4003
#define INFO_WAVEFRONT_WIDTH_AMD 0x4043
#define INFO_PCI_BUS_KHR 0x410F
#define MAX_PLATFORMS 16
#define MAX_TEXT 65536

int opencl_find(struct opencl_found *ret, int max, struct error *err) {
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_uint n_platforms = 0;
    cl_int status = clGetPlatformIDs(MAX_PLATFORMS, platforms, &n_platforms);
    if (status != CL_SUCCESS) return opencl_error(err, ERR_DEVICE, status, "no OpenCL driver could be loaded");
    if (n_platforms > MAX_PLATFORMS) n_platforms = MAX_PLATFORMS;
    int n = 0;
    for (cl_uint p = 0; p < n_platforms; p++) {
        cl_device_id ids[64];
        cl_uint n_ids = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, 64, ids, &n_ids) != CL_SUCCESS) continue;
        if (n_ids > 64) n_ids = 64;
        for (cl_uint d = 0; d < n_ids && n < max; d++)
            ret[n++] = (struct opencl_found){platforms[p], ids[d], (int)p, (int)d};
    }
    return n;
}

static void device_text(cl_device_id id, cl_device_info what, char *out, size_t size) {
    char text[1024] = "";
    if (clGetDeviceInfo(id, what, sizeof text - 1, text, NULL) != CL_SUCCESS) text[0] = 0;
    size_t start = strspn(text, " "), len = strlen(text + start); /* some drivers pad names with spaces */
    while (len && text[start + len - 1] == ' ') len--;
    if (len >= size) len = size - 1;
    memcpy(out, text + start, len);
    out[len] = 0;
}

static char *device_long_text(cl_device_id id, cl_device_info what) {
    size_t size = 0;
    if (clGetDeviceInfo(id, what, 0, NULL, &size) != CL_SUCCESS || size == 0 || size > MAX_TEXT) return xstrdup("");
    char *text = xcalloc(size + 1, 1);
    if (clGetDeviceInfo(id, what, size, text, NULL) != CL_SUCCESS) text[0] = 0;
    return text;
}

static int64_t device_ulong(cl_device_id id, cl_device_info what) {
    cl_ulong v = 0;
    if (clGetDeviceInfo(id, what, sizeof v, &v, NULL) != CL_SUCCESS) return 0;
    return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

static int64_t device_size(cl_device_id id, cl_device_info what) {
    size_t v = 0;
    return clGetDeviceInfo(id, what, sizeof v, &v, NULL) == CL_SUCCESS ? (int64_t)v : 0;
}

static cl_uint device_uint(cl_device_id id, cl_device_info what) {
    cl_uint v = 0;
    return clGetDeviceInfo(id, what, sizeof v, &v, NULL) == CL_SUCCESS ? v : 0;
}

static bool has_word(const char *list, const char *word) {
    size_t len = strlen(word);
    for (const char *p = list; (p = strstr(p, word)); p += len)
        if ((p == list || p[-1] == ' ') && (p[len] == 0 || p[len] == ' ')) return true;
    return false;
}

static void describe_sub_groups(cl_device_id id, struct backend_info *ret) {
    size_t sizes[BACKEND_MAX_SUB_GROUP_SIZES];
    size_t bytes = 0;
    if (has_word(ret->extensions, "cl_intel_required_subgroup_size") &&
        clGetDeviceInfo(id, INFO_SUB_GROUP_SIZES_INTEL, sizeof sizes, sizes, &bytes) == CL_SUCCESS) {
        for (size_t i = 0; i < bytes / sizeof *sizes && i < BACKEND_MAX_SUB_GROUP_SIZES; i++)
            ret->sub_group_sizes[ret->n_sub_group_sizes++] = (int64_t)sizes[i];
        return;
    }
    cl_uint width = 0;
    if (has_word(ret->extensions, "cl_nv_device_attribute_query")) width = device_uint(id, INFO_WARP_SIZE_NV);
    if (has_word(ret->extensions, "cl_amd_device_attribute_query")) width = device_uint(id, INFO_WAVEFRONT_WIDTH_AMD);
    if (width) ret->sub_group_sizes[ret->n_sub_group_sizes++] = width;
}

static void describe_bus(cl_device_id id, struct backend_info *ret) {
    cl_uint pci[4]; /* domain, bus, device, function */
    if (!has_word(ret->extensions, "cl_khr_pci_bus_info")) return;
    if (clGetDeviceInfo(id, INFO_PCI_BUS_KHR, sizeof pci, pci, NULL) != CL_SUCCESS) return;
    snprintf(ret->bus, sizeof ret->bus, "%04x:%02x:%02x.%x", pci[0], pci[1], pci[2], pci[3]);
}

static void describe_features(cl_device_id id, struct backend_info *ret) {
    struct buf names = BUF_INIT;
    size_t size = 0;
    cl_device_info what = CL_DEVICE_OPENCL_C_FEATURES;
    if (clGetDeviceInfo(id, what, 0, NULL, &size) == CL_SUCCESS && size && size <= MAX_TEXT) {
        CLEANUP_FREE cl_name_version *feature = xcalloc(1, size);
        if (clGetDeviceInfo(id, what, size, feature, NULL) == CL_SUCCESS)
            for (size_t i = 0; i < size / sizeof *feature; i++) {
                feature[i].name[sizeof feature[i].name - 1] = 0;
                buf_printf(&names, "%s%s", names.len ? " " : "", feature[i].name);
            }
    }
    ret->features = buf_take(&names);
}

static void describe_limits(cl_device_id id, struct backend_info *ret) {
    ret->memory_bytes = device_ulong(id, CL_DEVICE_GLOBAL_MEM_SIZE);
    ret->max_alloc_bytes = device_ulong(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    ret->local_memory_bytes = device_ulong(id, CL_DEVICE_LOCAL_MEM_SIZE);
    ret->cache_bytes = device_ulong(id, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE);
    ret->compute_units = (int)device_uint(id, CL_DEVICE_MAX_COMPUTE_UNITS);
    ret->max_work_group_size = device_size(id, CL_DEVICE_MAX_WORK_GROUP_SIZE);
    size_t items[16] = {0};
    if (clGetDeviceInfo(id, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizeof items, items, NULL) == CL_SUCCESS)
        for (int i = 0; i < 3; i++) ret->max_work_item_sizes[i] = (int64_t)items[i];
}

void opencl_describe(cl_platform_id platform, cl_device_id id, struct backend_info *ret) {
    *ret = (struct backend_info){0};
    clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof ret->platform - 1, ret->platform, NULL);
    clGetPlatformInfo(platform, CL_PLATFORM_VERSION, sizeof ret->platform_version - 1, ret->platform_version, NULL);
    device_text(id, CL_DEVICE_VENDOR, ret->vendor, sizeof ret->vendor);
    device_text(id, CL_DEVICE_NAME, ret->name, sizeof ret->name);
    device_text(id, CL_DRIVER_VERSION, ret->driver_version, sizeof ret->driver_version);
    device_text(id, CL_DEVICE_VERSION, ret->device_version, sizeof ret->device_version);
    device_text(id, CL_DEVICE_OPENCL_C_VERSION, ret->language_version, sizeof ret->language_version);
    ret->extensions = device_long_text(id, CL_DEVICE_EXTENSIONS);
    cl_device_type type = 0;
    clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    /* Mesa's rusticl gives its software rasteriser a type of its own choosing; it runs in this process all the same. */
    ret->host_memory = (type & CL_DEVICE_TYPE_CPU) || strstr(ret->name, "llvmpipe");
    const char *kind = ret->host_memory                      ? "cpu"
                       : (type & CL_DEVICE_TYPE_GPU)         ? "gpu"
                       : (type & CL_DEVICE_TYPE_ACCELERATOR) ? "accelerator"
                                                             : "other";
    memcpy(ret->kind, kind, strlen(kind) + 1);
    ret->fp16 = has_word(ret->extensions, "cl_khr_fp16");
    ret->fp64 = has_word(ret->extensions, "cl_khr_fp64");
    ret->images = device_uint(id, CL_DEVICE_IMAGE_SUPPORT) != 0;
    describe_limits(id, ret);
    describe_sub_groups(id, ret);
    describe_bus(id, ret);
    describe_features(id, ret);
}
