/* Sums of durations by name. */
#include "agent-node/worker/phases.h"

#include <assert.h>
#include <string.h>

void phases_add(struct phases *p, const char *name, int64_t ns) {
    int i = 0;
    while (i < p->n && strcmp(p->item[i].name, name) != 0) i++;
    if (i == p->n) {
        assert(p->n < PHASES_MAX);
        p->item[p->n++].name = name;
    }
    p->item[i].ns += ns;
}

int64_t phases_get(const struct phases *p, const char *name) {
    for (int i = 0; i < p->n; i++)
        if (strcmp(p->item[i].name, name) == 0) return p->item[i].ns;
    return 0;
}

static void report(struct rec_list_phase *to, const char *name, int64_t ns) {
    struct rec_phase *phase = rec_list_phase_push(to);
    rec_set(&phase->name, name);
    phase->ms = (double)ns / 1e6;
}

void phases_report(const struct phases *p, int64_t total_ns, struct rec_list_phase *to) {
    int64_t left = total_ns;
    for (int i = 0; i < p->n; i++) {
        report(to, p->item[i].name, p->item[i].ns);
        if (!strchr(p->item[i].name, '/')) left -= p->item[i].ns;
    }
    report(to, "overhead", left > 0 ? left : 0);
}
