#include "agent-node/daemon/health.h"

#include <stdio.h>

void health_init(struct health *h, int64_t every_ms) {
    *h =
        (struct health){.doubtful = true, .every_ms = every_ms, .due_ms = INT64_MAX, .pause_ms = HEALTH_PAUSE_FIRST_MS};
}

static void schedule(struct health *h, int64_t now_ms) {
    h->due_ms = h->every_ms > 0 ? now_ms + h->every_ms : INT64_MAX;
}

void health_passed(struct health *h, int64_t now_ms) {
    h->healthy = true;
    h->doubtful = false;
    h->checks++;
    h->pause_ms = HEALTH_PAUSE_FIRST_MS;
    h->reason[0] = 0;
    h->since_ms = 0;
    schedule(h, now_ms);
}

void health_failed(struct health *h, const char *reason, int64_t now_ms, int64_t wall_ms) {
    if (!h->reason[0]) h->since_ms = wall_ms;
    h->healthy = false;
    h->doubtful = false;
    snprintf(h->reason, sizeof h->reason, "%s", *reason ? reason : "no reason is known");
    h->due_ms = now_ms + h->pause_ms;
    h->pause_ms = h->pause_ms * 2 > HEALTH_PAUSE_MOST_MS ? HEALTH_PAUSE_MOST_MS : h->pause_ms * 2;
}

void health_worked(struct health *h, int64_t now_ms) {
    if (h->healthy && !h->doubtful) schedule(h, now_ms);
}

void health_doubt(struct health *h) {
    h->doubtful = true;
}

bool health_is_due(const struct health *h, int64_t now_ms) {
    return h->doubtful || now_ms >= h->due_ms;
}
