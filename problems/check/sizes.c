/* Which sizes are small enough, and meant, for checking. */
#include "problems/check/sizes.h"

#include <math.h>
#include <string.h>

bool size_is_held_out(const char *name) {
    return strcmp(name, "check") == 0 || strncmp(name, "held", 4) == 0;
}

static double oracle_cost(const struct problem *p, const char *size) {
    struct bound *b = problem_bind(p, size, NULL);
    struct cost cost = {.oracle_flops = INFINITY};
    if (b) bound_cost(b, &cost);
    bound_free(b);
    return cost.oracle_flops;
}

void sizes_for_checking(const struct problem *p, bool with_small, const char *ret[PROBLEM_SIZES_ROOM]) {
    size_t n = 0, cheapest = 0;
    for (size_t i = problem_size_count(p); i-- > 0;) {
        const char *name = problem_size_name(p, i);
        if (n < PROBLEM_SIZES_ROOM - 1 && (size_is_held_out(name) || (with_small && strcmp(name, "small") == 0)))
            ret[n++] = name;
    }
    for (size_t i = 1; n == 0 && i < problem_size_count(p); i++)
        if (oracle_cost(p, problem_size_name(p, i)) < oracle_cost(p, problem_size_name(p, cheapest))) cheapest = i;
    if (n == 0) ret[n++] = problem_size_name(p, cheapest);
    ret[n] = NULL;
}
