#include "agent-node/daemon/lifetime.h"

#define ENDING_LEAST_MS 5000
#define ENDING_MOST_MS 600000
#define HAND_BACK_MS 15000
#define EMPTY_MS 2000 /* what was sent before the coordinator knew comes within this, and goes back */

void lifetime_init(struct lifetime *l, int64_t for_ms, int64_t idle_ms, int64_t now_ms) {
    *l = (struct lifetime){.ending_ms = INT64_MAX, .over_ms = INT64_MAX, .idle_ms = idle_ms};
    if (for_ms <= 0) return;
    int64_t margin_ms = for_ms / 10;
    if (margin_ms < ENDING_LEAST_MS) margin_ms = ENDING_LEAST_MS;
    if (margin_ms > ENDING_MOST_MS) margin_ms = ENDING_MOST_MS;
    if (margin_ms > for_ms) margin_ms = for_ms;
    int64_t hand_back_ms = margin_ms / 2 < HAND_BACK_MS ? margin_ms / 2 : HAND_BACK_MS;
    l->ending_ms = now_ms + for_ms - margin_ms;
    l->over_ms = now_ms + for_ms - hand_back_ms;
}

int64_t lifetime_idle_ms(struct lifetime *l, bool listening, int64_t empty_for_ms, int64_t now_ms) {
    if (!listening) l->listening_ms = 0;
    if (!listening) return 0;
    if (!l->listening_ms) l->listening_ms = now_ms;
    int64_t listened_ms = now_ms - l->listening_ms;
    return listened_ms < empty_for_ms ? listened_ms : empty_for_ms;
}

enum lifetime_phase lifetime_phase(struct lifetime *l, int64_t held, int64_t idle_for_ms, int64_t now_ms) {
    if (now_ms >= l->over_ms) return LIFETIME_OVER;
    if (l->idle_ms > 0 && held == 0 && idle_for_ms >= l->idle_ms) return LIFETIME_OVER;
    if (now_ms < l->ending_ms) return LIFETIME_WORKING;
    if (held > 0)
        l->empty_ms = 0;
    else if (!l->empty_ms)
        l->empty_ms = now_ms;
    return l->empty_ms && now_ms >= l->empty_ms + EMPTY_MS ? LIFETIME_OVER : LIFETIME_ENDING;
}
