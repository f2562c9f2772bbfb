/* Raw window times as JSON, for whoever wants to look again. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/timing/timing.h"
#include "common/buf.h"

/* `ns` is one of the side's arrays. */
static json_t *windows_of(const struct side *s, const double *ns, int set, int per_set) {
    json_t *list = json_array();
    for (int i = set * per_set; i < (set + 1) * per_set && (size_t)i < s->n; i++)
        json_array_append_new(list, json_integer((json_int_t)llround(ns[i])));
    return list;
}

/* Shares in thousandths; null where they are not known. */
static json_t *shares_of(const struct side *s, const double *share, int set, int per_set) {
    json_t *list = json_array();
    for (int i = set * per_set; i < (set + 1) * per_set && (size_t)i < s->n; i++)
        json_array_append_new(list,
                              isfinite(share[i]) ? json_integer((json_int_t)llround(1000 * share[i])) : json_null());
    return list;
}

static void put_number(json_t *o, const char *key, double value) {
    if (isfinite(value)) json_object_set_new(o, key, json_real(value));
}

static json_t *reading_json(const struct sensor_reading *r) {
    json_t *o = json_object();
    put_number(o, "clock_mhz", r->clock_mhz);
    put_number(o, "memory_clock_mhz", r->memory_clock_mhz);
    put_number(o, "temperature_c", r->temperature_c);
    put_number(o, "power_w", r->power_w);
    if (strcmp(r->throttle, "?") != 0) json_object_set_new(o, "throttle", json_string(r->throttle));
    return o;
}

static json_t *dropped_of(const struct timing *m, int set) {
    json_t *list = json_array();
    for (int q = 0; q < m->quads; q++)
        if (m->dropped[set * m->quads + q]) json_array_append_new(list, json_integer(q));
    return list;
}

static json_t *load_json(const struct timing_load *l) {
    json_t *o = json_pack("{s:i, s:i, s:i}", "quads", l->quads, "dropped", l->dropped, "dropped_for_foreign_load",
                          l->foreign_dropped);
    if (l->known) put_number(o, "foreign_share", l->foreign);
    put_number(o, "stolen_share", l->stolen);
    put_number(o, "baseline_processors", l->cpu_typical[0]);
    put_number(o, "candidate_processors", l->cpu_typical[1]);
    return o;
}

static json_t *set_json(const struct timing *m, int set) {
    const struct side *b = &m->baseline, *c = &m->candidate;
    int per_set = 2 * m->quads;
    json_t *o =
        json_pack("{s:o, s:o, s:o, s:o}", "baseline", windows_of(b, b->ns, set, per_set), "candidate",
                  windows_of(c, c->ns, set, per_set), "baseline_claimed", windows_of(b, b->claimed_ns, set, per_set),
                  "candidate_claimed", windows_of(c, c->claimed_ns, set, per_set));
    json_object_set_new(o, "baseline_foreign", shares_of(b, b->foreign, set, per_set));
    json_object_set_new(o, "candidate_foreign", shares_of(c, c->foreign, set, per_set));
    json_object_set_new(o, "baseline_cpu", shares_of(b, b->cpu, set, per_set));
    json_object_set_new(o, "candidate_cpu", shares_of(c, c->cpu, set, per_set));
    json_object_set_new(o, "dropped", dropped_of(m, set));
    if (m->sensors)
        json_object_set_new(o, "sensors",
                            json_pack("[o, o]", reading_json(&m->reading[set][0]), reading_json(&m->reading[set][1])));
    if (set < m->sets && isfinite(m->log_ratio[set]))
        json_object_set_new(o, "ratio", json_real(exp(m->log_ratio[set])));
    return o;
}

static json_t *pace_json(const struct pace *p) {
    return json_pack("{s:i, s:i}", "launches", p->n, "repeats", p->repeats);
}

char *timing_json(const struct timing *m) {
    json_t *sets = json_array();
    size_t begun = m->quads ? (m->candidate.n + (size_t)(2 * m->quads) - 1) / (size_t)(2 * m->quads) : 0;
    for (int i = 0; i < m->sets || (size_t)i < begun; i++) json_array_append_new(sets, set_json(m, i));
    json_t *root = json_pack("{s:s, s:o, s:o, s:o, s:o}", "unit", "ns per launch, a number a window", "baseline_window",
                             pace_json(&m->baseline.pace), "candidate_window", pace_json(&m->candidate.pace), "load",
                             load_json(&m->load), "sets", sets);
    if (m->sensors) json_object_set_new(root, "sensors", json_string(m->sensors));
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(7));
    json_decref(root);
    char *ours = xstrdup(text ? text : "");
    free(text);
    return ours;
}
