/* When a device has its known-answer check, and what came of it: before its first work, after every crash or hang
 * before the next job, when it was idle for a while, and when somebody asks. A device that fails is tried again after
 * 10 s, then after pauses that double, to ten minutes. Nothing here runs the check or reads a clock: the caller gives
 * the monotonic time. Not synchronised. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define HEALTH_EVERY_MS 600000
#define HEALTH_PAUSE_FIRST_MS 10000
#define HEALTH_PAUSE_MOST_MS 600000

struct health {
    bool healthy;     /* the last check was passed */
    bool doubtful;    /* something happened since: no job before the next check */
    int64_t checks;   /* passed */
    int64_t every_ms; /* while idle; 0: never */
    int64_t due_ms;   /* monotonic, of the next check by schedule or back-off; INT64_MAX: none */
    int64_t pause_ms; /* before the check after the next failure */
    char reason[400]; /* of the last failure; "" while healthy */
    int64_t since_ms; /* Unix time of the first failure in the row: a label */
};
/* Not checked yet: due at once. */
void health_init(struct health *h, int64_t every_ms);
void health_passed(struct health *h, int64_t now_ms);
/* `wall_ms` is a label only. */
void health_failed(struct health *h, const char *reason, int64_t now_ms, int64_t wall_ms);
/* A job has shown that the device is well: the schedule begins anew. */
void health_worked(struct health *h, int64_t now_ms);
/* A crash, a hang, an infrastructure failure, or somebody asks. */
void health_doubt(struct health *h);
bool health_is_due(const struct health *h, int64_t now_ms);
