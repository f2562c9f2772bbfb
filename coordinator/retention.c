#include "coordinator/retention.h"

#include <string.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/number.h"
#include "problems/campaign/units.h"

#define DAY_MS INT64_C(86400000)
#define BEGIN_MS 60000 /* after the start: others have more to do then */
#define PAUSE_MS 20    /* between two steps */
#define STEP_TASKS 32
#define STEP_ATTEMPTS 256
#define STEP_MARKS 1000
#define STEP_TEXTS 64
#define STEP_PAGES 128
#define CLOCK_JUMP_MS INT64_C(3600000)
#define META_GC "gc_ms" /* wall clock of the latest run */

enum phase {
    PHASE_CAMPAIGNS,
    PHASE_ATTEMPTS,
    PHASE_MARK_TASKS,
    PHASE_MARK_INPUTS,
    PHASE_TEXTS,
    PHASE_PAGES,
    PHASE_END
};
struct gc {
    struct gc_report report;
    int64_t began_ms, due_ms, now_wall_ms;
    int64_t first_mono_ms, first_wall_ms; /* to notice a clock that was set */
    enum phase phase;
    struct row_campaign campaign; /* at work; seq 0: none yet */
    bool in_campaign;
    int64_t ordinal, task_seq;
    struct map *kept; /* tasks of that campaign that stay */
    int64_t key;      /* of attempts */
    int64_t mark_task, mark_campaign;
    struct map *used; /* hashes of texts */
    struct map *gone; /* dry: ids of tasks and campaigns that would be gone */
    enum gc_table table;
    char hash[HASH_SIZE];
};
#define PRESENT ((void *)1)

int retention_parse(const char *text, const char *what, int64_t *ret_ms, struct error *err) {
    const char *why = NULL;
    *ret_ms = RETENTION_FOREVER;
    if (strcmp(text, "forever") == 0) return 0;
    if (units_duration(text, ret_ms, &why) != 0) return error_set(err, ERR_USAGE, "%s: `%.40s`: %s", what, text, why);
    if (*ret_ms >= RETENTION_LEAST_MS) return 0;
    error_set(err, ERR_USAGE, "%s: %s is too short", what, text);
    return error_hint(err, "give at least 1h, as in 90d, or `forever`");
}

static struct gc *gc_of(struct core *core) {
    if (core->gc) return core->gc;
    struct gc *gc = core->gc = xcalloc(1, sizeof *gc);
    gc->first_mono_ms = core_mono_ms(core);
    gc->first_wall_ms = core_wall_ms(core);
    gc->due_ms = gc->first_mono_ms + BEGIN_MS;
    return gc;
}

static void drop_sets(struct gc *gc) {
    map_free(gc->kept);
    map_free(gc->used);
    map_free(gc->gone);
    gc->kept = gc->used = gc->gone = NULL;
}

void gc_free(struct gc *gc) {
    if (!gc) return;
    drop_sets(gc);
    free(gc);
}

int gc_start(struct core *core, bool dry, struct error *err) {
    struct gc *gc = gc_of(core);
    if (gc->report.running) return error_set(err, ERR_BUSY, "the store is being cleaned up already: ask again later");
    int64_t runs = gc->report.runs;
    drop_sets(gc);
    gc->report = (struct gc_report){.running = true, .dry = dry, .runs = runs};
    gc->began_ms = gc->due_ms = core_mono_ms(core);
    gc->now_wall_ms = core_wall_ms(core);
    gc->phase = PHASE_CAMPAIGNS;
    memset(&gc->campaign, 0, sizeof gc->campaign);
    gc->in_campaign = false;
    gc->key = gc->mark_task = gc->mark_campaign = 0;
    gc->table = GC_PROBLEMS;
    gc->hash[0] = 0;
    gc->kept = map_new();
    gc->used = map_new();
    gc->gone = map_new();
    return 0;
}

void gc_report(const struct core *core, struct gc_report *ret) {
    *ret = core->gc ? core->gc->report : (struct gc_report){0};
}

/* What finished before this is old; nothing is when it is kept for ever. */
static int64_t before(const struct gc *gc, int64_t kept_ms) {
    return kept_ms == RETENTION_FOREVER ? 0 : gc->now_wall_ms - kept_ms;
}

/* --- campaigns -------------------------------------------------------------------------------- */
static bool is_confirmed(struct core *core, const struct gc_task *task) {
    struct rec_result result;
    if (!task->result) return false;
    /* What cannot be read is not ours to throw away. */
    if (codec_decode_as(core->codec, task->result, task->len, &rec_result_desc, &result, NULL) != 0) return true;
    bool confirmed = strcmp(result.status, "confirmed") == 0;
    rec_result_done(&result);
    return confirmed;
}

static int take_task(struct core *core, struct gc *gc, const struct gc_task *task, struct error *err) {
    if ((*task->parent && map_get(gc->kept, task->parent)) || is_confirmed(core, task)) {
        map_put(gc->kept, task->id, PRESENT);
        return 0;
    }
    if (!gc->report.dry) return store_gc_drop_task(core->store, task->seq, &gc->report.counts, err);
    map_put(gc->gone, task->id, PRESENT);
    return store_gc_count_task(core->store, task->seq, &gc->report.counts, err);
}

static int end_campaign(struct core *core, struct gc *gc, struct error *err) {
    gc->in_campaign = false;
    bool empty = map_count(gc->kept) == 0;
    map_free(gc->kept);
    gc->kept = map_new();
    if (!empty) return 0;
    gc->report.counts.campaigns++;
    if (gc->report.dry) {
        map_put(gc->gone, gc->campaign.id, PRESENT);
        return 0;
    }
    free(map_remove(core->summaries, gc->campaign.id));
    return store_gc_drop_campaign(core->store, gc->campaign.id, err);
}

static int step_tasks(struct core *core, struct gc *gc, struct error *err) {
    struct gc_task tasks[STEP_TASKS];
    int n = store_gc_tasks(core->store, gc->campaign.id, gc->ordinal, gc->task_seq, tasks, STEP_TASKS, err);
    int status = n < 0 ? -1 : 0;
    for (int i = 0; i < n; i++) {
        if (status == 0) status = take_task(core, gc, &tasks[i], err);
        gc->ordinal = tasks[i].ordinal;
        gc->task_seq = tasks[i].seq;
        free(tasks[i].result);
    }
    if (status == 0 && n < STEP_TASKS) status = end_campaign(core, gc, err);
    return status;
}

static int step_campaigns(struct core *core, struct gc *gc, struct error *err) {
    if (gc->in_campaign) return step_tasks(core, gc, err);
    int found = store_gc_campaign(core->store, gc->campaign.seq, before(gc, core->config.retention.campaigns_ms),
                                  before(gc, core->config.retention.tries_ms), &gc->campaign, err);
    if (found < 0) return -1;
    if (found == 0) {
        gc->phase = PHASE_ATTEMPTS;
        return 0;
    }
    /* One that is still in memory ended a moment ago by another clock. */
    gc->in_campaign = !core_campaign(core, gc->campaign.id);
    gc->ordinal = gc->task_seq = -1;
    return 0;
}

/* --- texts ------------------------------------------------------------------------------------ */
static bool is_gone(void *context, const char *id) {
    return map_get(((struct gc *)context)->gone, id) != NULL;
}

static void mark(void *context, const char *hash) {
    struct gc *gc = context;
    if (!map_get(gc->used, hash)) map_put(gc->used, hash, PRESENT);
}

static int mark_tasks(struct core *core, struct gc *gc, bool *ret_end, struct error *err) {
    return store_gc_mark_tasks(core->store, &gc->mark_task, STEP_MARKS, is_gone, mark, gc, ret_end, err);
}

static int mark_inputs(struct core *core, struct gc *gc, bool *ret_end, struct error *err) {
    return store_gc_mark_inputs(core->store, &gc->mark_campaign, is_gone, mark, gc, ret_end, err);
}

struct unused {
    struct gc *gc;
    char hash[STEP_TEXTS][HASH_SIZE];
    int count;
};

static void collect_unused(void *context, const char *hash) {
    struct unused *u = context;
    if (!map_get(u->gc->used, hash)) snprintf(u->hash[u->count++], HASH_SIZE, "%s", hash);
}

/* A submission between two steps may have come with a text that nobody needed before: so what is new is marked first,
 * in the same transaction. */
static int step_texts(struct core *core, struct gc *gc, struct error *err) {
    bool tasks_end = false, inputs_end = false;
    struct unused unused = {.gc = gc};
    if (mark_tasks(core, gc, &tasks_end, err) != 0 || mark_inputs(core, gc, &inputs_end, err) != 0) return -1;
    if (!tasks_end || !inputs_end) return 0;
    int n = store_gc_hashes(core->store, gc->table, gc->hash, STEP_TEXTS, collect_unused, &unused, err);
    if (n < 0) return -1;
    for (int i = 0; i < unused.count; i++) {
        if (!gc->report.dry && store_gc_drop_text(core->store, gc->table, unused.hash[i], err) != 0) return -1;
        gc->report.counts.texts++;
    }
    if (n == STEP_TEXTS) return 0;
    gc->hash[0] = 0;
    if (++gc->table == GC_TABLES) gc->phase = gc->report.dry ? PHASE_END : PHASE_PAGES;
    return 0;
}

/* --- a run ------------------------------------------------------------------------------------ */
static int end_run(struct core *core, struct gc *gc, struct error *err) {
    const struct gc_counts *c = &gc->report.counts;
    char text[24];
    gc->report.running = false;
    gc->report.runs++;
    gc->report.duration_ms = core_mono_ms(core) - gc->began_ms;
    gc->due_ms = core_mono_ms(core) + DAY_MS;
    drop_sets(gc);
    if (gc->report.dry) return 0;
    if (c->campaigns || c->tasks || c->records || c->texts || c->freed_bytes)
        log_info(
            "retention: %lld campaigns, %lld tasks, %lld attempts, %lld records and %lld texts were removed, %.1f MB "
            "are free again",
            (long long)c->campaigns, (long long)c->tasks, (long long)c->attempts, (long long)c->records,
            (long long)c->texts, (double)c->freed_bytes / 1e6);
    snprintf(text, sizeof text, "%lld", (long long)gc->now_wall_ms);
    return store_meta_put(core->store, META_GC, text, err);
}

static int step(struct core *core, struct gc *gc, struct error *err) {
    bool end = false;
    int status = 0;
    switch (gc->phase) {
        case PHASE_CAMPAIGNS:
            return step_campaigns(core, gc, err);
        case PHASE_ATTEMPTS:
            status =
                store_gc_attempts(core->store, &gc->key, STEP_ATTEMPTS, before(gc, core->config.retention.attempts_ms),
                                  gc->report.dry ? is_gone : NULL, gc, &gc->report.counts, &end, err);
            break;
        case PHASE_MARK_TASKS:
            status = mark_tasks(core, gc, &end, err);
            break;
        case PHASE_MARK_INPUTS:
            status = mark_inputs(core, gc, &end, err);
            break;
        case PHASE_TEXTS:
            return step_texts(core, gc, err);
        case PHASE_PAGES:
            status = store_gc_vacuum(core->store, STEP_PAGES, &gc->report.counts.freed_bytes, &end, err);
            break;
        case PHASE_END:
            return end_run(core, gc, err);
    }
    if (end) gc->phase++;
    return status;
}

/* The wall clock alone says what is old. One that was set while we ran says nothing. */
static bool clock_was_set(const struct core *core, const struct gc *gc) {
    int64_t wall = core_wall_ms(core) - gc->first_wall_ms, mono = core_mono_ms(core) - gc->first_mono_ms;
    return wall - mono > CLOCK_JUMP_MS || mono - wall > CLOCK_JUMP_MS;
}

static int begin_daily(struct core *core, struct gc *gc, struct error *err) {
    int64_t latest = 0, now = core_wall_ms(core);
    const struct retention *r = &core->config.retention;
    gc->due_ms = core_mono_ms(core) + DAY_MS;
    if (!r->campaigns_ms && !r->tries_ms && !r->attempts_ms) return 0;
    if (clock_was_set(core, gc)) {
        log_warn("retention: this machine's clock was set since the start: nothing is removed until the next one");
        return 0;
    }
    CLEANUP_FREE char *text = store_meta_get(core->store, META_GC, err);
    if (!text) return -1;
    if (*text && number_int(text, &latest) == NUMBER_OK && now > latest && now - latest < DAY_MS) {
        gc->due_ms = core_mono_ms(core) + DAY_MS - (now - latest);
        return 0;
    }
    return gc_start(core, false, err);
}

int gc_work(struct core *core, struct error *err) {
    struct gc *gc = gc_of(core);
    int64_t now = core_mono_ms(core);
    if (now < gc->due_ms) return 0;
    if (!gc->report.running) return begin_daily(core, gc, err);
    gc->due_ms = now + PAUSE_MS;
    return step(core, gc, err);
}

int64_t gc_wait_ms(const struct core *core) {
    if (!core->gc || !core->gc->report.running) return -1;
    int64_t left = core->gc->due_ms - core_mono_ms(core);
    return left > 0 ? left : 0;
}
