/* Where the time of a task goes, by name. */
#pragma once
#include <stdint.h>

#include "records.h"

#define PHASES_MAX 16
struct phases {
    int n;
    struct {
        const char *name; /* static */
        int64_t ns;
    } item[PHASES_MAX];
};
void phases_add(struct phases *p, const char *name, int64_t ns);
int64_t phases_get(const struct phases *p, const char *name);
/* Appends all to the attempt, and "overhead": what is left of `total_ns` beside the top-level ones. A name with a slash
 * is a part of the one in front of it. */
void phases_report(const struct phases *p, int64_t total_ns, struct rec_list_phase *to);
