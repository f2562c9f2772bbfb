/* What a night found: from the series in the store to findings, their digest, and levels that begin. */
#include "coordinator/sweep/findings.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/log.h"
#include "coordinator/sweep/digest.h"
#include "coordinator/sweep/night.h"
#include "coordinator/sweep/webhook.h"

#define OPEN_MAX 1000 /* open findings that are looked through for recoveries */

static int nights_needed(const struct judge_config *judge) {
    return 2 * judge->window + judge->recent_max;
}

static int load(struct core *core, const struct findings_run *run, struct series_set *ret, struct error *err) {
    return series_load(core, run->sweep, NULL, NULL, run->night_s, nights_needed(&run->judge), ret, err);
}

/* --- what to measure again -------------------------------------------------------------------- */
static bool measured_tonight(const struct series *series, int64_t night_s) {
    return series->count > 0 && series->points[series->count - 1].night_s == night_s;
}

static bool beside(const struct series_key *a, const struct series_key *b) {
    return strcmp(a->problem, b->problem) == 0 && strcmp(a->size, b->size) == 0 && strcmp(a->node, b->node) == 0 &&
           strcmp(a->device, b->device) == 0;
}

/* The candidate that a series is measured with: itself, or for a baseline one of those it was measured beside. */
static const struct series_key *task_of(const struct series_set *set, size_t i, int64_t night_s) {
    const struct series_key *key = &set->items[i].key;
    if (strcmp(key->role, "candidate") == 0) return key;
    for (size_t k = 0; k < set->count; k++) {
        const struct series *other = &set->items[k];
        if (strcmp(other->key.role, "candidate") == 0 && beside(&other->key, key) && measured_tonight(other, night_s))
            return &other->key;
    }
    return NULL;
}

static bool known(const struct series_key *keys, size_t count, const struct series_key *key) {
    for (size_t i = 0; i < count; i++)
        if (beside(&keys[i], key) && strcmp(keys[i].kernel, key->kernel) == 0) return true;
    return false;
}

int findings_judge(struct core *core, const struct findings_run *run, struct series_key **ret, size_t *ret_count,
                   struct error *err) {
    CLEANUP(series_set_done) struct series_set set = {0};
    *ret = NULL;
    *ret_count = 0;
    if (load(core, run, &set, err) != 0) return -1;
    size_t suspects = night_first(&set, run->night_s, &run->judge, FINDINGS_AGAIN_MAX), n = 0;
    if (suspects == 0) return 0;
    struct series_key *keys = xcalloc(suspects, sizeof *keys);
    for (size_t i = 0; i < set.count; i++) {
        const struct series_key *key = set.items[i].again ? task_of(&set, i, run->night_s) : NULL;
        if (key && !known(keys, n, key)) keys[n++] = *key;
    }
    log_info("sweep %s: %zu of %zu series look different and are measured again, by %zu tasks", run->sweep, suspects,
             set.count, n);
    *ret = keys;
    *ret_count = n;
    return 0;
}

/* --- muted ------------------------------------------------------------------------------------ */
struct muting {
    struct series_set *set;
    int64_t now_ms;
};

static int apply_mute(void *context, const struct row_mute *row, struct error *err) {
    struct muting *muting = context;
    (void)err;
    if (row->until_ms > 0 && row->until_ms <= muting->now_ms) return 0;
    for (size_t i = 0; i < muting->set->count; i++) {
        struct series *series = &muting->set->items[i];
        char name[5 * LABEL_SIZE];
        snprintf(name, sizeof name, "%s/%s@%s/%s", series->key.problem, series->key.kernel, series->key.node,
                 series->key.device);
        series->muted |= fnmatch(row->pattern, name, 0) == 0;
    }
    return 0;
}

/* --- keeping ---------------------------------------------------------------------------------- */
static void describe(const struct series_set *set, const struct night_finding *finding, struct row_finding *row) {
    const struct cause_facts *facts = &finding->facts;
    if (facts->driver_changed)
        snprintf(row->note, sizeof row->note, "driver %s, before %s", facts->driver_now, facts->driver_before);
    else if (finding->cause == CAUSE_CLOCKS && facts->clock_now_mhz > 0)
        snprintf(row->note, sizeof row->note, "%.0f MHz, before %.0f MHz", facts->clock_now_mhz,
                 facts->clock_before_mhz);
    else if (facts->text_changed)
        snprintf(row->note, sizeof row->note, "the kernel's text is another one than before");
    if (facts->whole_device || finding->series_count == 0) return;
    const struct series_key *key = &set->items[finding->series[0]].key;
    snprintf(row->kernel, sizeof row->kernel, "%s/%s", key->problem, key->kernel);
}

static int keep(struct core *core, const struct findings_run *run, const struct series_set *set,
                const struct night_finding *finding, struct row_finding *row, struct error *err) {
    *row = (struct row_finding){
        .night_s = run->night_s,
        .state = finding->faster ? FINDING_TOLD : FINDING_OPEN,
        .faster = finding->faster,
        .effect = finding->effect,
        .changed_ms = core_wall_ms(core),
    };
    snprintf(row->sweep, sizeof row->sweep, "%s", run->sweep);
    snprintf(row->run, sizeof row->run, "%s", run->run);
    snprintf(row->cause, sizeof row->cause, "%s", cause_name(finding->cause));
    snprintf(row->device, sizeof row->device, "%s", finding->device);
    describe(set, finding, row);
    if (store_finding_insert(core->store, row, err) != 0) return -1;
    for (size_t i = 0; i < finding->series_count; i++) {
        const struct series *series = &set->items[finding->series[i]];
        const struct row_finding_series member = {
            .finding = row->id,
            .series = series->id,
            .effect = series->result.effect,
            .norm_ns = series->result.norm_ns,
            .band = series->result.band,
            .p_value = series->result.p_value,
        };
        if (store_finding_series_add(core->store, &member, err) != 0) return -1;
    }
    return 0;
}

/* Levels that night_conclude() saw begin. */
static int keep_levels(struct core *core, const struct series_set *set, const struct night_findings *findings,
                       struct error *err) {
    if (findings->count == 0) return 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct series *series = &set->items[i];
        for (size_t k = 0; k < series->count; k++)
            if ((series->points[k].flags & POINT_LEVEL) &&
                store_point_flag(core->store, series->id, series->points[k].night_s, POINT_LEVEL, err) != 0)
                return -1;
    }
    return 0;
}

/* --- recoveries ------------------------------------------------------------------------------- */
struct open_list {
    struct row_finding *items;
    size_t count;
};

static int add_open(void *context, const struct row_finding *row, struct error *err) {
    struct open_list *list = context;
    (void)err;
    list->items = xrealloc(list->items, (list->count + 1) * sizeof *list->items);
    list->items[list->count++] = *row;
    return 0;
}

struct members {
    const struct series_set *set;
    const struct night_finding *finding; /* of now */
    size_t all, back;
};

/* Is this series of an open finding back at the norm that it had before? */
static int count_back(void *context, const struct row_finding_series *row, const struct row_series *series,
                      struct error *err) {
    struct members *members = context;
    (void)series, (void)err;
    members->all++;
    for (size_t i = 0; i < members->finding->series_count; i++) {
        const struct series *now = &members->set->items[members->finding->series[i]];
        if (now->id != row->series) continue;
        double level = now->result.norm_ns * (1 + now->result.effect);
        members->back += fabs(log(level / row->norm_ns)) < fabs(log1p(row->effect)) / 2;
    }
    return 0;
}

/* Open findings that this one takes back: most of their series are nearer to their old norm than to the level they had.
 */
static int recover(struct core *core, const struct findings_run *run, const struct series_set *set,
                   const struct night_finding *finding, bool *ret_recovery, int *count, struct error *err) {
    struct open_list open = {0};
    int status = store_findings(core->store, run->sweep, true, OPEN_MAX, add_open, &open, err);
    for (size_t i = 0; status == 0 && i < open.count; i++) {
        struct members members = {.set = set, .finding = finding};
        status = store_finding_series(core->store, open.items[i].id, count_back, &members, err);
        if (status != 0 || 2 * members.back <= members.all) continue;
        open.items[i].state = FINDING_RECOVERED;
        open.items[i].changed_ms = core_wall_ms(core);
        status = store_finding_update(core->store, &open.items[i], err);
        *ret_recovery = true;
        ++*count;
    }
    free(open.items);
    return status;
}

/* --- telling ---------------------------------------------------------------------------------- */
static bool all_muted(const struct series_set *set, const struct night_finding *finding) {
    for (size_t i = 0; i < finding->series_count; i++)
        if (!set->items[finding->series[i]].muted) return false;
    return finding->series_count > 0;
}

static void fill_item(const struct series_set *set, const struct night_finding *finding, struct digest_item *item) {
    item->cause_text = cause_text(finding->cause);
    item->series_count = finding->series_count;
    for (size_t i = 0; i < finding->series_count && i < DIGEST_SERIES_MAX; i++) {
        const struct series *series = &set->items[finding->series[i]];
        struct digest_series *to = &item->series[i];
        to->effect = series->result.effect;
        to->norm_ns = series->result.norm_ns;
        to->band = series->result.band;
        to->series.id = series->id;
        memcpy(to->series.problem, series->key.problem, sizeof to->series.problem);
        memcpy(to->series.kernel, series->key.kernel, sizeof to->series.kernel);
        memcpy(to->series.size, series->key.size, sizeof to->series.size);
        memcpy(to->series.node, series->key.node, sizeof to->series.node);
        memcpy(to->series.device, series->key.device, sizeof to->series.device);
        memcpy(to->series.target, series->key.target, sizeof to->series.target);
        memcpy(to->series.role, series->key.role, sizeof to->series.role);
    }
}

static int queue_digest(struct core *core, const struct findings_run *run, struct digest *digest, struct error *err) {
    digest_sort(digest->items, digest->count);
    if (digest->count > DIGEST_ITEMS_MAX) {
        digest->more = digest->count - DIGEST_ITEMS_MAX;
        digest->count = DIGEST_ITEMS_MAX;
    }
    json_t *json = digest_slack(digest);
    char *body = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    int status = webhook_queue(core, run->notify.webhook, run->sweep, body, err);
    free(body);
    return status;
}

static int add_count(void *context, const struct row_finding *row, struct error *err) {
    (void)row, (void)err;
    ++*(int *)context;
    return 0;
}

/* Whether findings of this run are there already: it was concluded before. */
struct told {
    const char *run;
    bool already;
};
static int is_told(void *context, const struct row_finding *row, struct error *err) {
    struct told *told = context;
    (void)err;
    told->already |= strcmp(row->run, told->run) == 0;
    return 0;
}

static int conclude(struct core *core, const struct findings_run *run, struct series_set *set,
                    struct night_findings *findings, struct digest *digest, struct findings_summary *ret,
                    struct error *err) {
    for (size_t i = 0; i < findings->count; i++) {
        struct digest_item item = {0};
        if (recover(core, run, set, &findings->items[i], &item.recovery, &ret->recovered, err) != 0) return -1;
        if (keep(core, run, set, &findings->items[i], &item.finding, err) != 0) return -1;
        if (item.recovery && item.finding.state == FINDING_OPEN) {
            item.finding.state = FINDING_TOLD;
            if (store_finding_update(core->store, &item.finding, err) != 0) return -1;
        }
        ret->confirmed++;
        if (all_muted(set, &findings->items[i])) continue;
        fill_item(set, &findings->items[i], &item);
        digest->items = xrealloc(digest->items, (digest->count + 1) * sizeof *digest->items);
        digest->items[digest->count++] = item;
    }
    if (keep_levels(core, set, findings, err) != 0) return -1;
    if (store_findings(core->store, run->sweep, true, OPEN_MAX, add_count, &ret->open, err) != 0) return -1;
    digest->open = ret->open;
    if (*run->notify.webhook && (digest->count > 0 || run->notify.always)) {
        if (queue_digest(core, run, digest, err) != 0) return -1;
        ret->told = true;
    }
    return store_points_trim(core->store, run->sweep, run->night_s - (int64_t)SERIES_NIGHTS_KEPT * 86400, err);
}

int findings_conclude(struct core *core, const struct findings_run *run, struct findings_summary *ret,
                      struct error *err) {
    *ret = (struct findings_summary){0};
    struct told told = {.run = run->run};
    if (store_findings(core->store, run->sweep, false, OPEN_MAX, is_told, &told, err) != 0) return -1;
    if (told.already) return 0;
    CLEANUP(series_set_done) struct series_set set = {0};
    if (load(core, run, &set, err) != 0) return -1;
    struct muting muting = {.set = &set, .now_ms = core_wall_ms(core)};
    if (store_mutes(core->store, run->sweep, apply_mute, &muting, err) != 0) return -1;
    struct night_findings findings;
    night_conclude(&set, run->night_s, &run->judge, &findings);
    ret->suspects = (int)findings.suspects;
    ret->dropped = (int)findings.dropped;
    struct digest digest = {.sweep = run->sweep,
                            .title = run->title,
                            .planned = run->planned,
                            .measured = run->measured,
                            .again = ret->suspects,
                            .dropped = ret->dropped};
    int status = conclude(core, run, &set, &findings, &digest, ret, err);
    free(digest.items);
    night_findings_done(&findings);
    return status;
}

int findings_ack(struct core *core, const char *sweep, int64_t id, const char *note, struct error *err) {
    struct row_finding row;
    if (store_finding_get(core->store, id, &row, err) != 0) return -1;
    if (strcmp(row.sweep, sweep) != 0)
        return error_set(err, ERR_NOT_FOUND, "finding %lld is of sweep %s, not of %s", (long long)id, row.sweep, sweep);
    if (row.state != FINDING_OPEN)
        return error_set(err, ERR_CONFLICT, "finding %lld is %s already", (long long)id, finding_state_name(row.state));
    row.state = FINDING_ACKNOWLEDGED;
    row.changed_ms = core_wall_ms(core);
    if (note && *note) snprintf(row.note, sizeof row.note, "%s", note);
    return store_finding_update(core->store, &row, err);
}
