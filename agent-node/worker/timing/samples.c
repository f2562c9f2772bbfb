/* Raw window times as JSON, for whoever wants to look again. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "agent-node/worker/timing/timing.h"
#include "common/buf.h"

static json_t *windows_of(const struct side *s, int set, int per_set) {
    json_t *list = json_array();
    for (int i = set * per_set; i < (set + 1) * per_set && (size_t)i < s->n; i++)
        json_array_append_new(list, json_integer((json_int_t)llround(s->ns[i])));
    return list;
}

static json_t *pace_json(const struct pace *p) {
    return json_pack("{s:i, s:i}", "launches", p->n, "repeats", p->repeats);
}

char *timing_json(const struct timing *m) {
    json_t *sets = json_array();
    for (int i = 0; i < m->sets; i++) {
        json_t *set = json_pack("{s:f, s:o, s:o}", "ratio", exp(m->log_ratio[i]), "baseline",
                                windows_of(&m->baseline, i, 2 * m->quads), "candidate", windows_of(&m->candidate, i, 2 * m->quads));
        json_array_append_new(sets, set);
    }
    json_t *root = json_pack("{s:s, s:o, s:o, s:o}", "unit", "ns per launch, a number a window", "baseline_window",
                             pace_json(&m->baseline.pace), "candidate_window", pace_json(&m->candidate.pace), "sets", sets);
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(7));
    json_decref(root);
    char *ours = xstrdup(text ? text : "");
    free(text);
    return ours;
}
