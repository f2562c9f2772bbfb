/* What a sweep measures: the kernels that promotions have confirmed, on the devices of its targets. */
#pragma once
#include "common/buf.h"
#include "coordinator/core.h"
#include "coordinator/sweep/file.h"

struct subjects {
    struct rec_result **items; /* confirmed results, whole; by problem, size, target, kernel */
    size_t count;
    size_t unusable; /* confirmed, but their records do not hold what measuring them again needs */
};
/* Of each problem, target and size the kernel with the highest confirmed speedup (with `promoted: all` each kernel's
 * latest result), for the problem's text as it was promoted last; of those that the file's `problems` and `kernels`
 * mean. `file` NULL: everything that was confirmed. ERR_IO. */
int subjects_load(struct core *core, const struct sweep_file *file, struct subjects *ret, struct error *err);
void subjects_done(struct subjects *list);

struct subject_devices {
    const struct device **items; /* by node, then device; borrowed: use them before anything else happens */
    size_t count;
    struct buf left_out; /* for people: "lab3/dev0 (absent), ..." */
};
/* The devices that the file's targets mean and that take work now, or will without anybody's doing. */
void subject_devices(struct core *core, const struct sweep_file *file, struct subject_devices *ret);
void subject_devices_done(struct subject_devices *devices);
