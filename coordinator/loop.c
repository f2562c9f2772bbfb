#include "coordinator/loop.h"

#include <pthread.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "coordinator/clocks.h"
#include "coordinator/events.h"
#include "coordinator/plan/plan.h"
#include "coordinator/retention.h"
#include "coordinator/schedule/limits.h"
#include "coordinator/schedule/match.h"
#include "coordinator/schedule/node_admin.h"
#include "coordinator/sweep/sweep.h"

#define BATCH_EVENTS 1024 /* handled between two commits */
#define HOUSEKEEPING_MS 500
#define PLAN_PAUSE_MS 200
#define PUBLISH_PAUSE_MS 50 /* a transaction costs the broker as much for one row as for hundreds */
#define OUTBOX_BATCH_ROWS 2000
#define OUTBOX_BATCH_BYTES (4 * 1024 * 1024)
#define ENDED_KEPT_MS 300000 /* an ended campaign stays in memory that long */

/* A request that waits for its commit. Lives on the caller's stack. */
struct call {
    loop_fn *fn;
    void *context;
    struct error *err;
    int status;
    bool done;
    struct call *next;
};

struct loop {
    struct core *core;
    struct loop_outlets outlets;
    pthread_mutex_t mutex;
    pthread_cond_t wake;     /* of the loop: events, stop */
    pthread_cond_t room;     /* of posters: the queue is shorter */
    pthread_cond_t answered; /* of callers and of those who wait for a change */
    struct event *first, **last;
    size_t count;
    bool stop, failed;
    struct error error;
    uint64_t change; /* core->change as committed */
    /* the loop's thread only */
    bool publishing, outbox_waits;    /* a batch is out; the next one only waits for its time */
    int64_t housekeeping_ms, plan_ms; /* when they are due */
    int64_t publish_ms;               /* when the next batch may go; real time, whatever clock the core has */
    struct call *answering;
};

struct event *event_new(enum event_kind kind) {
    struct event *event = xcalloc(1, sizeof *event);
    event->kind = kind;
    return event;
}

static void event_free(struct event *event) {
    if (event->rec) rec_free(event->desc, event->rec);
    free(event->payload);
    free(event->text);
    free(event->text2);
    free(event);
}

void outbox_batch_free(struct outbox_batch *batch) {
    if (!batch) return;
    for (size_t i = 0; i < batch->count; i++) {
        free(batch->rows[i].topic);
        free(batch->rows[i].key);
        free(batch->rows[i].value);
    }
    free(batch->rows);
    free(batch);
}

struct loop *loop_new(struct core *core, const struct loop_outlets *outlets) {
    struct loop *loop = xcalloc(1, sizeof *loop);
    loop->core = core;
    loop->outlets = *outlets;
    loop->last = &loop->first;
    pthread_mutex_init(&loop->mutex, NULL);
    clock_cond_init(&loop->wake);
    clock_cond_init(&loop->room);
    clock_cond_init(&loop->answered);
    return loop;
}

void loop_free(struct loop *loop) {
    if (!loop) return;
    while (loop->first) {
        struct event *event = loop->first;
        loop->first = event->next;
        event_free(event);
    }
    core_free(loop->core);
    pthread_mutex_destroy(&loop->mutex);
    pthread_cond_destroy(&loop->wake);
    pthread_cond_destroy(&loop->room);
    pthread_cond_destroy(&loop->answered);
    free(loop);
}

/* --- from other threads ----------------------------------------------------------------------- */
static int64_t after_ms(int64_t ms) {
    return clock_mono_ns() + ms * 1000000;
}

void loop_stop(struct loop *loop) {
    pthread_mutex_lock(&loop->mutex);
    loop->stop = true;
    pthread_cond_broadcast(&loop->wake);
    pthread_cond_broadcast(&loop->room);
    pthread_cond_broadcast(&loop->answered);
    pthread_mutex_unlock(&loop->mutex);
}

void loop_fail(struct loop *loop, const struct error *err) {
    pthread_mutex_lock(&loop->mutex);
    if (!loop->failed) loop->error = *err;
    loop->failed = true;
    pthread_mutex_unlock(&loop->mutex);
    loop_stop(loop);
}

bool loop_stopping(struct loop *loop) {
    pthread_mutex_lock(&loop->mutex);
    bool stop = loop->stop;
    pthread_mutex_unlock(&loop->mutex);
    return stop;
}

/* With the mutex held. False, and the event is freed, when the loop is stopping. */
static bool enqueue(struct loop *loop, struct event *event, bool wait) {
    while (wait && !loop->stop && loop->count >= LOOP_EVENTS_MAX) pthread_cond_wait(&loop->room, &loop->mutex);
    if (loop->stop) {
        event_free(event);
        return false;
    }
    *loop->last = event;
    loop->last = &event->next;
    loop->count++;
    pthread_cond_signal(&loop->wake);
    return true;
}

void loop_post(struct loop *loop, struct event *event) {
    /* Only records can come in numbers; making a delivery or a request wait for them could lock up those who send. */
    bool wait = event->kind == EVENT_RECORD;
    pthread_mutex_lock(&loop->mutex);
    enqueue(loop, event, wait);
    pthread_mutex_unlock(&loop->mutex);
}

int loop_call(struct loop *loop, loop_fn *fn, void *context, struct error *err) {
    struct call call = {.fn = fn, .context = context, .err = err};
    struct event *event = event_new(EVENT_CALL);
    event->call = &call;
    pthread_mutex_lock(&loop->mutex);
    bool queued = enqueue(loop, event, false);
    /* Even when stopping, wait: the loop answers what it has taken, since `call` is on this stack. */
    while (queued && !call.done) pthread_cond_wait(&loop->answered, &loop->mutex);
    pthread_mutex_unlock(&loop->mutex);
    if (queued) return call.status;
    return error_set(err, ERR_CANCELLED, "the coordinator is stopping");
}

uint64_t loop_wait_change(struct loop *loop, uint64_t seen, int timeout_ms) {
    int64_t until_ns = after_ms(timeout_ms);
    pthread_mutex_lock(&loop->mutex);
    while (loop->change == seen && !loop->stop)
        if (clock_cond_wait(&loop->answered, &loop->mutex, until_ns) != 0) break;
    uint64_t change = loop->change;
    pthread_mutex_unlock(&loop->mutex);
    return change;
}

/* --- the loop's thread ------------------------------------------------------------------------ */
static int64_t wait_ms(struct loop *loop) {
    struct core *core = loop->core;
    int64_t now = core_mono_ms(core), least = loop->housekeeping_ms - now;
    int64_t lease = lease_clock_wait_ms(&core->lease, now), backoff = schedule_wait_ms(core);
    if (core->schedule_wanted) return 0;
    int64_t gc = gc_wait_ms(core);
    if (gc >= 0 && gc < least) least = gc;
    if (core->plan_wanted && loop->plan_ms - now < least) least = loop->plan_ms - now;
    if (lease >= 0 && lease < least) least = lease;
    if (backoff >= 0 && backoff < least) least = backoff;
    int64_t publish = loop->outbox_waits ? loop->publish_ms - clock_mono_ms() : least;
    if (publish < least) least = publish;
    return least > 0 ? least : 0;
}

/* Up to BATCH_EVENTS events, waiting for one until something is due. */
static struct event *take_events(struct loop *loop) {
    int64_t until_ns = after_ms(wait_ms(loop));
    pthread_mutex_lock(&loop->mutex);
    while (!loop->first && !loop->stop)
        if (clock_cond_wait(&loop->wake, &loop->mutex, until_ns) != 0) break;
    struct event *first = loop->first, *end = first;
    size_t n = first ? 1 : 0;
    for (; end && end->next && n < BATCH_EVENTS; n++) end = end->next;
    if (end) {
        loop->first = end->next;
        end->next = NULL;
        if (!loop->first) loop->last = &loop->first;
        loop->count -= n;
        pthread_cond_broadcast(&loop->room);
    }
    pthread_mutex_unlock(&loop->mutex);
    return first;
}

static int run_call(struct loop *loop, struct call *call, struct error *err) {
    struct error problem = ERROR_INIT;
    call->status = call->fn(loop->core, call->context, &problem);
    if (call->err) *call->err = problem;
    call->next = loop->answering;
    loop->answering = call;
    if (call->status == 0 || !core_is_broken(&problem)) return 0;
    *err = problem;
    return -1;
}

static int handle(struct loop *loop, struct event *event, struct error *err) {
    if (event->kind == EVENT_CALL) return run_call(loop, event->call, err);
    if (event->kind == EVENT_PUBLISHED) loop->publishing = false;
    return event_handle(loop->core, event, err);
}

static void drop_ended(struct core *core) {
    size_t cursor = 0;
    void *value;
    struct campaign *old = NULL;
    int64_t now = core_mono_ms(core);
    while (!old && map_next(core->campaigns, &cursor, NULL, &value)) {
        struct campaign *campaign = value;
        if (campaign->ended_mono_ms && now - campaign->ended_mono_ms > ENDED_KEPT_MS) old = campaign;
    }
    if (old) core_campaign_drop(core, old);
}

/* Nodes come by the thousand, and each may let campaigns gain: the first is looked at at once, others some at a time.
 * Before any deadline is: what has a device now waits no longer. */
static int plan_more(struct loop *loop, struct error *err) {
    int64_t now = core_mono_ms(loop->core);
    if (!loop->core->plan_wanted || (now < loop->plan_ms && now < loop->housekeeping_ms)) return 0;
    loop->plan_ms = now + PLAN_PAUSE_MS;
    return plan_again(loop->core, err);
}

static int housekeeping(struct loop *loop, struct error *err) {
    struct core *core = loop->core;
    int64_t now = core_mono_ms(core);
    if (now < loop->housekeeping_ms) return 0;
    loop->housekeeping_ms = now + HOUSEKEEPING_MS;
    core_fleet_changed(core); /* derived anew now and then, whatever was forgotten */
    if (plan_deadlines(core, err) != 0 || limits_check(core, err) != 0 || schedule_give_up_absent(core, err) != 0)
        return -1;
    if (nodes_finish_drains(core, err) != 0 || clocks_save(core, err) != 0 || sweeps_work(core, err) != 0) return -1;
    drop_ended(core);
    return 0;
}

struct reading {
    struct outbox_batch *batch;
    size_t bytes;
};

static int read_outbox(void *context, const struct row_outbox *row, struct error *err) {
    struct reading *r = context;
    (void)err;
    if (r->bytes > OUTBOX_BATCH_BYTES) return 0;
    r->batch->rows = xrealloc(r->batch->rows, (r->batch->count + 1) * sizeof *r->batch->rows);
    r->batch->rows[r->batch->count].topic = xstrdup(row->topic);
    r->batch->rows[r->batch->count].key = xstrdup(row->key);
    r->batch->rows[r->batch->count].value = xmalloc(row->len + 1);
    if (row->len > 0) memcpy(r->batch->rows[r->batch->count].value, row->value, row->len);
    r->batch->rows[r->batch->count++].len = row->len;
    r->batch->last = row->seq;
    r->bytes += row->len;
    return 0;
}

/* The first row after a quiet time goes at once, a full batch is followed by the next one; else rows are gathered. */
static int hand_to_publisher(struct loop *loop, struct error *err) {
    int64_t now = clock_mono_ms();
    loop->outbox_waits = false;
    if (loop->publishing || !loop->core->linked || !loop->outlets.publish) return 0;
    loop->outbox_waits = now < loop->publish_ms;
    if (loop->outbox_waits) return 0;
    struct outbox_batch *batch = xcalloc(1, sizeof *batch);
    struct reading r = {.batch = batch};
    if (store_outbox(loop->core->store, 0, OUTBOX_BATCH_ROWS, read_outbox, &r, err) != 0 || batch->count == 0) {
        int status = batch->count == 0 && (!err || err->code == ERR_NONE) ? 0 : -1;
        outbox_batch_free(batch);
        return status;
    }
    bool full = batch->count >= OUTBOX_BATCH_ROWS || r.bytes > OUTBOX_BATCH_BYTES;
    loop->publish_ms = full ? now : now + PUBLISH_PAUSE_MS;
    loop->publishing = true;
    loop->outlets.publish(loop->outlets.context, batch);
    return 0;
}

static void perform_effects(struct loop *loop) {
    size_t count = 0;
    struct effect *effects = core_take_effects(loop->core, &count);
    for (size_t i = 0; i < count; i++) {
        if (loop->outlets.perform) loop->outlets.perform(loop->outlets.context, &effects[i]);
        effect_done(&effects[i]);
    }
    free(effects);
}

static void tick(struct loop *loop) {
    struct core *core = loop->core;
    int64_t round = 0;
    if (!core->linked || !lease_clock_begin(&core->lease, core_mono_ms(core), &round) || !loop->outlets.tick) return;
    loop->outlets.tick(loop->outlets.context, core->lease.partitions, round, store_epoch(core->store));
}

static void announce(struct loop *loop) {
    if (!loop->core->announce_wanted) return;
    loop->core->announce_wanted = false;
    if (loop->outlets.announce) loop->outlets.announce(loop->outlets.context, loop->core);
}

/* What a turn did that could not be committed did not happen: nobody may be told that it did. */
static void fail_answers(struct loop *loop, const struct error *err) {
    for (struct call *call = loop->answering; call; call = call->next)
        if (call->status == 0) call->status = error_set(call->err, err->code, "%s", err->text);
}

/* Answers those who asked, and wakes those who wait for a change. */
static void answer(struct loop *loop) {
    pthread_mutex_lock(&loop->mutex);
    for (struct call *call = loop->answering, *next; call; call = next) {
        next = call->next; /* the caller's stack may be gone once it is done */
        call->done = true;
    }
    loop->answering = NULL;
    loop->change = loop->core->change;
    pthread_cond_broadcast(&loop->answered);
    pthread_mutex_unlock(&loop->mutex);
}

static void refuse(struct loop *loop, struct event *event) {
    for (struct event *next; event; event = next) {
        next = event->next;
        if (event->kind == EVENT_CALL) {
            event->call->status = error_set(event->call->err, ERR_CANCELLED, "the coordinator is stopping");
            event->call->next = loop->answering;
            loop->answering = event->call;
        }
        event_free(event);
    }
}

static int turn(struct loop *loop, struct error *err) {
    int status = 0;
    struct event *event = take_events(loop);
    while (event && status == 0) {
        struct event *next = event->next;
        status = handle(loop, event, err);
        event_free(event);
        event = next;
    }
    refuse(loop, event);
    if (status == 0) status = plan_more(loop, err);
    if (status == 0) status = housekeeping(loop, err);
    if (status == 0) status = gc_work(loop->core, err);
    if (status == 0 && loop->core->schedule_wanted) status = schedule_tasks(loop->core, err);
    if (status == 0) status = store_commit(loop->core->store, err);
    bool committed = status == 0;
    if (committed) perform_effects(loop);
    if (status == 0) tick(loop);
    if (status == 0) announce(loop);
    if (status == 0) status = hand_to_publisher(loop, err);
    if (!committed) fail_answers(loop, err);
    answer(loop);
    return status;
}

int loop_run(struct loop *loop, struct error *err) {
    int status = 0;
    while (status == 0 && !loop_stopping(loop)) {
        struct error problem = ERROR_INIT;
        status = turn(loop, &problem);
        if (status != 0) loop_fail(loop, &problem);
    }
    loop_stop(loop);
    pthread_mutex_lock(&loop->mutex);
    struct event *rest = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    loop->count = 0;
    pthread_mutex_unlock(&loop->mutex);
    refuse(loop, rest);
    answer(loop);
    if (loop->failed && err) *err = loop->error;
    return loop->failed ? -1 : 0;
}
