#include "coordinator/sweep/due.h"

#include <string.h>

#define HOUR_S 3600

int64_t due_next(const struct cron *cron, const struct zone *zone, int64_t after_s) {
    int64_t local = zone_to_local(zone, after_s);
    int64_t minute = local / 60 - (local % 60 < 0);
    /* Later local times never are earlier instants, so the first that lies after `after_s` is it. Those of an hour that
     * comes the second time were there already. */
    while (cron_next_minute(cron, minute, &minute)) {
        int64_t at_s = zone_to_utc(zone, minute * 60);
        if (at_s > after_s) return at_s;
        minute++;
    }
    return -1;
}

static void push(struct due_list *list, size_t most, int64_t at_s) {
    if (list->count == most) memmove(list->at_s, list->at_s + 1, --list->count * sizeof *list->at_s);
    list->at_s[list->count++] = at_s;
    if (list->total < DUE_COUNT_MAX) list->total++;
}

void due_between(const struct cron *cron, const struct zone *zone, int64_t after_s, int64_t until_s, size_t most,
                 struct due_list *ret) {
    if (most > DUE_MAX) most = DUE_MAX;
    /* Years of a schedule that fires each minute are not walked through: back from the end in growing steps, until
     * there are as many as are wanted. */
    for (int64_t span = HOUR_S;; span *= 4) {
        int64_t from = until_s - span > after_s ? until_s - span : after_s, at_s = from;
        *ret = (struct due_list){0};
        while (most > 0 && (at_s = due_next(cron, zone, at_s)) >= 0 && at_s <= until_s) push(ret, most, at_s);
        if (from == after_s || ret->total >= DUE_COUNT_MAX) return;
    }
}
