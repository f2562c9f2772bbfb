/* The rule works by cost, before anything ran: rough on purpose, the same for every campaign, and shown in the cell. */
#include "coordinator/plan/size.h"

#include <string.h>

#define PLAIN_LIMIT_S 1.0
#define ORACLE_LIMIT_S 20.0
/* A `plain` kernel reaches this share of a device's measured peak and bandwidth (REAL: naive matmul, 1-5 %). */
#define PLAIN_PEAK_SHARE_HOST 0.01
#define PLAIN_PEAK_SHARE_GPU 0.05
#define PLAIN_BANDWIDTH_SHARE 0.25
/* For devices that were not measured. */
#define UNKNOWN_GFLOPS 20.0
#define UNKNOWN_GBPS 5.0

bool size_is_reserved(const char *name) {
    return strcmp(name, "check") == 0 || strncmp(name, "held", 4) == 0;
}

static double tensor_bytes(const struct bound *bound) {
    double sum = 0;
    for (int i = 0; i < bound->n_tensors; i++) sum += (double)bound->tensor[i].bytes;
    return sum;
}

bool size_suits(const struct bound *bound, const struct rec_device *device, int cores) {
    struct cost cost;
    bound_cost(bound, &cost);
    double bytes = tensor_bytes(bound);
    double gflops = device->fma_gflops > 0 ? device->fma_gflops : UNKNOWN_GFLOPS;
    double gbps = device->copy_gbps > 0 ? device->copy_gbps : UNKNOWN_GBPS;
    double share = device->host_memory ? PLAIN_PEAK_SHARE_HOST : PLAIN_PEAK_SHARE_GPU;
    double plain_s = cost.flops / (gflops * 1e9 * share) + bytes / (gbps * 1e9 * PLAIN_BANDWIDTH_SHARE);
    double oracle_s = cost.oracle_flops / (ORACLE_FLOPS_PER_CORE_S * (cores > 0 ? cores : 1));
    if (device->memory_bytes > 0 && bytes > (double)device->memory_bytes / 2) return false;
    for (int i = 0; i < bound->n_tensors; i++)
        if (device->max_alloc_bytes > 0 && bound->tensor[i].bytes > (size_t)device->max_alloc_bytes) return false;
    return plain_s <= PLAIN_LIMIT_S && oracle_s <= ORACLE_LIMIT_S;
}

static bool suits_all(const struct bound *bound, const struct device *const *devices, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!size_suits(bound, devices[i]->info, devices[i]->node->info->cores)) return false;
    return true;
}

int size_auto(const struct problem *problem, const struct device *const *devices, size_t count, char *out,
              struct error *err) {
    double best = -1, least = -1;
    bool found = false;
    for (size_t i = 0; i < problem_size_count(problem); i++) {
        const char *name = problem_size_name(problem, i);
        if (size_is_reserved(name)) continue;
        struct bound *bound = problem_bind(problem, name, err);
        if (!bound) return -1;
        double bytes = tensor_bytes(bound);
        bool suits = suits_all(bound, devices, count);
        bound_free(bound);
        if (suits ? bytes > best : !found && (least < 0 || bytes < least)) snprintf(out, LABEL_SIZE, "%s", name);
        if (suits && bytes > best) best = bytes;
        if (suits) found = true;
        if (least < 0 || bytes < least) least = bytes;
    }
    if (least < 0)
        return error_set(err, ERR_INVALID,
                         "problem %s has no size to time: `check` and held-out sizes are for verification",
                         problem_name(problem));
    return 0;
}
