/* Raw window times as JSON, for whoever wants to look again. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "agent-node/worker/timing/timing.h"
#include "common/buf.h"

/* `ns` is one of the side's arrays. */
static json_t *windows_of(const struct side *s, const double *ns, int set, int per_set) {
    json_t *list = json_array();
    for (int i = set * per_set; i < (set + 1) * per_set && (size_t)i < s->n; i++)
        json_array_append_new(list, json_integer((json_int_t)llround(ns[i])));
    return list;
}

static json_t *set_json(const struct timing *m, int set) {
    const struct side *b = &m->baseline, *c = &m->candidate;
    int per_set = 2 * m->quads;
    json_t *o =
        json_pack("{s:o, s:o, s:o, s:o}", "baseline", windows_of(b, b->ns, set, per_set), "candidate",
                  windows_of(c, c->ns, set, per_set), "baseline_claimed", windows_of(b, b->claimed_ns, set, per_set),
                  "candidate_claimed", windows_of(c, c->claimed_ns, set, per_set));
    if (set < m->sets) json_object_set_new(o, "ratio", json_real(exp(m->log_ratio[set])));
    return o;
}

static json_t *pace_json(const struct pace *p) {
    return json_pack("{s:i, s:i}", "launches", p->n, "repeats", p->repeats);
}

char *timing_json(const struct timing *m) {
    json_t *sets = json_array();
    size_t begun = m->quads ? (m->candidate.n + (size_t)(2 * m->quads) - 1) / (size_t)(2 * m->quads) : 0;
    for (int i = 0; i < m->sets || (size_t)i < begun; i++) json_array_append_new(sets, set_json(m, i));
    json_t *root =
        json_pack("{s:s, s:o, s:o, s:o}", "unit", "ns per launch, a number a window", "baseline_window",
                  pace_json(&m->baseline.pace), "candidate_window", pace_json(&m->candidate.pace), "sets", sets);
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(7));
    json_decref(root);
    char *ours = xstrdup(text ? text : "");
    free(text);
    return ours;
}
