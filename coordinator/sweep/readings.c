#include "coordinator/sweep/readings.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "common/stats.h"

#define SETS_MAX 64        /* as many as a policy may ask for */
#define CLOCK_MOST_MHZ 1e5 /* more is no clock */

/* The reading behind a set, when the device has just worked; the one before it may be of an idle clock. */
static const json_t *loaded(const json_t *set) {
    return json_array_get(json_object_get(set, "sensors"), 1);
}

void readings_of(const char *samples, struct readings *ret) {
    double mhz[SETS_MAX];
    size_t clocks = 0, told = 0, held = 0, i;
    json_t *root = samples && *samples ? json_loads(samples, 0, NULL) : NULL, *set;
    *ret = (struct readings){CLOCKS_UNKNOWN, 0};
    json_array_foreach(json_object_get(root, "sets"), i, set) {
        const json_t *throttle = json_object_get(loaded(set), "throttle");
        double clock = json_number_value(json_object_get(loaded(set), "clock_mhz"));
        if (json_is_string(throttle)) told++, held += json_string_length(throttle) > 0;
        if (clock > 0 && clock < CLOCK_MOST_MHZ && clocks < SETS_MAX) mhz[clocks++] = clock;
    }
    if (told > 0) ret->clocks = 2 * held >= told ? CLOCKS_LOW : CLOCKS_NORMAL;
    if (clocks > 0) ret->clock_mhz = stats_median(mhz, clocks);
    json_decref(root);
}
