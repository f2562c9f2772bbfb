/* Patience, and its end. */
#include "agent-node/worker/timing/busy.h"

#include <stdio.h>
#include <string.h>

enum busy_answer busy_answer(const struct trial *t) {
    if (t->worker->notes_load) return BUSY_NOTED;
    if (t->task->busy_left > 0) return BUSY_AGAIN;
    return strcmp(trial_policy(t)->busy, "note") == 0 ? BUSY_NOTED : BUSY_WITHOUT_TIMES;
}

int busy_settle(struct trial *t, const struct timing *m, const char *drift, struct finding *f) {
    char load[256] = "", why[600];
    bool busy = timing_busy(m, load, sizeof load);
    if (!busy && !drift[0]) return 0;
    snprintf(why, sizeof why, "%s%s%s", load, busy && drift[0] ? "; " : "", drift);
    if (busy_answer(t) != BUSY_NOTED) return finding_busy(f, "%s", why);
    rec_set(&t->out->busy, why);
    return 0;
}

bool busy_take(struct trial *t, struct finding *f) {
    if (f->kind != FINDING_BUSY || t->task->busy_left > 0) return false;
    rec_set(&t->out->busy, f->text);
    finding_done(f);
    return true;
}
