#include "fleet/replay/compare.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/display.h"
#include "common/table.h"
#include "common/utf8.h"
#include "problems/kernel/kernel.h"

DEFINE_CLEANUP(cleanup_json, json_t *, json_decref)
DEFINE_CLEANUP(cleanup_kernel, struct kernel *, kernel_free)

static json_t *text_or_null(const char *text) {
    return text ? json_string(text) : json_null();
}

static bool same_text(const char *a, const char *b) {
    return a && b && strcmp(a, b) == 0;
}

/* --- data ------------------------------------------------------------------------------------- */
static const json_t *member(const json_t *set, const char *key) {
    return json_object_get(set, key);
}

static bool same_member(const json_t *a, const json_t *b, const char *key) {
    return member(a, key) && member(b, key) && json_equal(member(a, key), member(b, key));
}

/* The set of `sets` on the same dims and distribution. */
static const json_t *counterpart(const json_t *sets, const json_t *set) {
    size_t i;
    json_t *other;
    json_array_foreach(sets, i, other) {
        if (same_member(set, other, "dims") && same_member(set, other, "data")) return other;
    }
    return NULL;
}

/* A replay on the node that sealed a set gives the seal again, or the seed once its values were seen. */
static bool same_data(const json_t *recorded, const json_t *now, bool same_key) {
    if (same_member(recorded, now, "seed")) return true;
    return same_key &&
           (same_member(recorded, now, "seal") || (member(recorded, "seal") && member(now, "was_seal") &&
                                                   json_equal(member(recorded, "seal"), member(now, "was_seal"))));
}

struct data_tally {
    size_t sets, same, sealed, compared, answers;
};

static struct data_tally compare_data(const char *recorded_seeds, const char *now_seeds) {
    struct data_tally t = {0};
    CLEANUP(cleanup_json) json_t *a = json_loads(recorded_seeds, 0, NULL);
    CLEANUP(cleanup_json) json_t *b = json_loads(now_seeds, 0, NULL);
    const json_t *a_sets = json_object_get(a, "sets"), *b_sets = json_object_get(b, "sets");
    bool same_key = same_member(a, b, "by");
    size_t i;
    json_t *set;
    json_array_foreach(a_sets, i, set) {
        const json_t *other = counterpart(b_sets, set);
        t.sets++;
        t.sealed += member(set, "seal") != NULL;
        if (!other || !same_data(set, other, same_key)) continue;
        t.same++;
        if (!member(set, "answer") || !member(other, "answer")) continue;
        t.compared++;
        t.answers += same_member(set, other, "answer");
    }
    return t;
}

/* --- figures ---------------------------------------------------------------------------------- */
static json_t *number(bool has, double value) {
    return has ? json_real(value) : json_null();
}

static json_t *interval(const struct rec_result *r) {
    json_t *o = json_object();
    json_object_set_new(o, "value", number(r->has_speedup, r->speedup));
    json_object_set_new(o, "low", number(r->has_speedup_low, r->speedup_low));
    json_object_set_new(o, "high", number(r->has_speedup_high, r->speedup_high));
    return o;
}

static bool has_interval(const struct rec_result *r) {
    return r->has_speedup_low && r->has_speedup_high;
}

/* true, false, or null where there is nothing to compare: other devices have other ratios. */
static json_t *overlap(const struct rec_result *a, const struct rec_result *b, bool same_device) {
    if (!same_device || !has_interval(a) || !has_interval(b)) return json_null();
    return json_boolean(a->speedup_low <= b->speedup_high && b->speedup_low <= a->speedup_high);
}

/* --- evidence --------------------------------------------------------------------------------- */
/* "size held1 (N=41), data wide normal: y[3, 17] is 0.5, expected ...": up to the value, which may be what memory held.
 */
static size_t place_length(const char *evidence) {
    const char *value = strstr(evidence, " is ");
    return value ? (size_t)(value - evidence) : strlen(evidence);
}

static bool same_place(const char *a, const char *b) {
    size_t n = place_length(a);
    return n == place_length(b) && strncmp(a, b, n) == 0;
}

static bool declares_atomics(const struct rec_result *r) {
    CLEANUP(cleanup_kernel)
    struct kernel *k = kernel_parse(r->kernel_yaml, strlen(r->kernel_yaml), "kernel_yaml", r->kernel_source,
                                    strlen(r->kernel_source), NULL);
    return k && kernel_allows_atomics(k);
}

static json_t *device_json(const struct rec_result *a, const struct rec_result *b, bool same) {
    return json_pack("{s:o, s:o, s:b}", "recorded",
                     json_sprintf("%s/%s", a->node ? a->node : "?", a->device ? a->device : "?"), "now",
                     json_sprintf("%s/%s", b->node ? b->node : "?", b->device ? b->device : "?"), "same", same);
}

json_t *replay_compare(const struct rec_result *a, const struct rec_result *b) {
    bool same_device = same_text(a->fingerprint, b->fingerprint), verdict = same_text(a->verdict, b->verdict);
    struct data_tally d = compare_data(a->seeds, b->seeds);
    bool all_data = d.sets > 0 && d.same == d.sets, place = same_place(a->evidence, b->evidence);
    json_t *overlaps = overlap(a, b, same_device);
    bool answers = !same_device || d.answers == d.compared || declares_atomics(a);
    bool agrees = verdict && (!all_data || place) && !json_is_false(overlaps) && answers;
    json_t *o = json_pack("{s:b}", "agrees", agrees);
    json_object_set_new(o, "verdict",
                        json_pack("{s:o, s:o, s:b}", "recorded", text_or_null(a->verdict), "now",
                                  text_or_null(b->verdict), "same", verdict));
    json_object_set_new(o, "data",
                        json_pack("{s:I, s:I, s:I}", "sets", (json_int_t)d.sets, "same", (json_int_t)d.same, "sealed",
                                  (json_int_t)d.sealed));
    json_object_set_new(o, "evidence",
                        json_pack("{s:s, s:s, s:b, s:b}", "recorded", a->evidence, "now", b->evidence, "same",
                                  same_text(a->evidence, b->evidence), "same_place", place));
    json_object_set_new(o, "answers",
                        json_pack("{s:I, s:I}", "compared", (json_int_t)d.compared, "same", (json_int_t)d.answers));
    json_object_set_new(o, "device", device_json(a, b, same_device));
    json_object_set_new(o, "speedup",
                        json_pack("{s:o, s:o, s:o}", "recorded", interval(a), "now", interval(b), "overlap", overlaps));
    json_object_set_new(o, "time_ns_p50",
                        json_pack("{s:o, s:o}", "recorded", number(a->has_time_ns_p50, a->time_ns_p50), "now",
                                  number(b->has_time_ns_p50, b->time_ns_p50)));
    return o;
}

/* --- for a person ----------------------------------------------------------------------------- */
static const char *text_of(const json_t *o, const char *key) {
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "-";
}

/* Somebody else's text: no colours of its own. */
static char *shown(const char *text) {
    char *line = display_line(text);
    utf8_clean(line);
    return line;
}

static void put_line(FILE *out, const char *name, const char *recorded, const char *now, const char *say) {
    CLEANUP_FREE char *a = shown(recorded);
    CLEANUP_FREE char *b = shown(now);
    fprintf(out, "  %-9s recorded %s, now %s: %s\n", name, a, b, say);
}

static void format_interval(const json_t *o, char out[64]) {
    const json_t *value = json_object_get(o, "value"), *low = json_object_get(o, "low");
    if (!json_is_number(value))
        snprintf(out, 64, "-");
    else if (!json_is_number(low))
        snprintf(out, 64, "%.3fx", json_number_value(value));
    else
        snprintf(out, 64, "%.3fx [%.3f, %.3f]", json_number_value(value), json_number_value(low),
                 json_number_value(json_object_get(o, "high")));
}

static void print_data(const json_t *data, const json_t *answers, FILE *out) {
    long long sets = json_integer_value(json_object_get(data, "sets"));
    long long same = json_integer_value(json_object_get(data, "same"));
    long long compared = json_integer_value(json_object_get(answers, "compared"));
    long long equal = json_integer_value(json_object_get(answers, "same"));
    fprintf(out, "  %-9s %lld of %lld sets are the recorded ones%s\n", "data", same, sets,
            same < sets ? " (the others are sealed by the node that ran them, and new here)" : "");
    if (compared > 0)
        fprintf(out, "  %-9s %lld of %lld answers to the same data are the same, bit for bit\n", "answers", equal,
                compared);
}

static void print_evidence(const json_t *evidence, FILE *out) {
    const char *recorded = text_of(evidence, "recorded"), *now = text_of(evidence, "now");
    if (!*recorded && !*now) return;
    bool same = json_is_true(json_object_get(evidence, "same"));
    CLEANUP_FREE char *a = shown(recorded);
    CLEANUP_FREE char *b = shown(now);
    fprintf(out, "  %-9s %s\n", "evidence", a);
    if (same)
        fprintf(out, "  %-9s the same now\n", "");
    else
        fprintf(out, "  %-9s now%s: %s\n", "",
                json_is_true(json_object_get(evidence, "same_place")) ? " (the same place)" : "", b);
}

void replay_print(const json_t *c, FILE *out) {
    const json_t *verdict = json_object_get(c, "verdict"), *device = json_object_get(c, "device");
    const json_t *speedup = json_object_get(c, "speedup"), *overlaps = json_object_get(speedup, "overlap");
    bool agrees = json_is_true(json_object_get(c, "agrees"));
    char recorded[64], now[64];
    fprintf(out, "%s%s%s\n", colour_on(out, agrees ? COLOUR_GREEN : COLOUR_RED),
            agrees ? "the replay agrees with the record" : "the replay differs from the record", colour_off(out));
    put_line(out, "verdict", text_of(verdict, "recorded"), text_of(verdict, "now"),
             json_is_true(json_object_get(verdict, "same")) ? "the same" : "DIFFERENT");
    print_evidence(json_object_get(c, "evidence"), out);
    put_line(
        out, "device", text_of(device, "recorded"), text_of(device, "now"),
        json_is_true(json_object_get(device, "same")) ? "the same kind, driver and limits" : "another kind or driver");
    print_data(json_object_get(c, "data"), json_object_get(c, "answers"), out);
    format_interval(json_object_get(speedup, "recorded"), recorded);
    format_interval(json_object_get(speedup, "now"), now);
    put_line(out, "speedup", recorded, now,
             json_is_true(overlaps)    ? "the intervals overlap"
             : json_is_false(overlaps) ? "the intervals DO NOT overlap"
                                       : "not compared");
}
