/* The one thread that owns the state: everything that happens - records, deliveries, requests - comes to it as an
 * event. It handles what has gathered, commits once, and only then acts: sends, hands to the publisher, answers. So
 * nothing that anyone was told can be lost, and one fsync serves many events. */
#pragma once
#include "coordinator/core.h"

#define LOOP_EVENTS_MAX 8192 /* loop_post() waits while there are more */

enum event_kind {
    EVENT_RECORD,    /* topic, partition, offset; rec of type desc, or payload and text (why it could not be decoded) */
    EVENT_DELIVERY,  /* text2: attempt "task.n"; code, text */
    EVENT_TICK_LOST, /* a tick could not be delivered */
    EVENT_LINK_STATE, /* code: ERR_NONE connected, else not; text */
    EVENT_MAILBOX,    /* text: node; code */
    EVENT_PUBLISHED,  /* offset: last outbox row; len: records; code; text */
    EVENT_SCHEMA_ID,  /* offset: own id; partition: the external registry's */
    EVENT_REGISTRY,   /* the external registry: code: ERR_NONE it has what is needed, else results wait; text */
    EVENT_CALL,
};
struct call;
struct event {
    struct event *next;
    enum event_kind kind;
    char topic[64];
    int32_t partition;
    int64_t offset;
    const struct rec_desc *desc;
    void *rec;
    uint8_t *payload;
    size_t len;
    enum error_code code;
    char *text, *text2;
    struct call *call;
};

struct outbox_batch {
    struct {
        char *topic, *key;
        uint8_t *value;
        size_t len;
    } * rows;
    size_t count;
    int64_t last;
};

/* What the loop acts through. Called on its thread after a commit. */
struct loop_outlets {
    void *context;
    /* `effect` as in core.h; failures come back as events. */
    void (*perform)(void *context, const struct effect *effect);
    /* One tick for every partition of the heartbeats topic. */
    void (*tick)(void *context, int partitions, int64_t round, int64_t epoch);
    /* Records to publish in one transaction, up to outbox row `last`; takes the rows. One batch at a time:
     * EVENT_PUBLISHED ends it. */
    void (*publish)(void *context, struct outbox_batch *batch);
    /* What coordinator.json says has changed. */
    void (*announce)(void *context, struct core *core);
};
void outbox_batch_free(struct outbox_batch *batch);

struct loop;
/* Takes `core`. */
struct loop *loop_new(struct core *core, const struct loop_outlets *outlets);
/* After loop_run() has returned. Accepts NULL. */
void loop_free(struct loop *loop);
/* Works until loop_stop() or an error that it cannot go on after: -1 with err. */
int loop_run(struct loop *loop, struct error *err);
void loop_stop(struct loop *loop); /* from any thread */
bool loop_stopping(struct loop *loop);
/* Like loop_stop(), and loop_run() returns this error. */
void loop_fail(struct loop *loop, const struct error *err);

struct event *event_new(enum event_kind kind);
/* Takes the event. Waits while too many are queued; drops it when the loop is stopping. */
void loop_post(struct loop *loop, struct event *event);
/* Run `fn` on the loop's thread; returns what it returned, after the commit that holds its changes. ERR_CANCELLED:
 * stopping. */
typedef int loop_fn(struct core *core, void *context, struct error *err);
int loop_call(struct loop *loop, loop_fn *fn, void *context, struct error *err);
/* Wait until core->change differs from `seen` or the time is over; returns the committed value. */
uint64_t loop_wait_change(struct loop *loop, uint64_t seen, int timeout_ms);
