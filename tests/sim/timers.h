/* Alarms in the order of their time: a binary heap. Nothing is taken out early; a stale one is known by `lives`. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum timer_kind {
    TIMER_BEAT,   /* a heartbeat may be due */
    TIMER_DONE,   /* a job's time is over; number: its serial */
    TIMER_RETRY,  /* an undelivered report goes again; number: the job's serial */
    TIMER_DEATH,  /* scripted */
    TIMER_FLAP,   /* scripted */
    TIMER_FREEZE, /* scripted */
    TIMER_THAW,
    TIMER_BACK,   /* a dead node starts again */
    TIMER_GONE,   /* a leaving node waits no longer for its reports */
    TIMER_HEALTH, /* a health check is over; number: the device */
    TIMER_REPEAT, /* joining failed: once more */
};
struct timer {
    int64_t due_ms;
    uint64_t order; /* of setting: equal times go first in, first out */
    enum timer_kind kind;
    size_t node;
    uint32_t lives;
    uint64_t number;
};
struct timers {
    struct timer *heap;
    size_t count, room;
    uint64_t orders;
};

void timers_add(struct timers *timers, struct timer timer);
/* Milliseconds until the first is due; -1 when there is none. */
int64_t timers_wait_ms(const struct timers *timers, int64_t now_ms);
/* Takes the first one that is due by `now_ms` into *ret; 0 when none is. */
int timers_take(struct timers *timers, int64_t now_ms, struct timer *ret);
void timers_done(struct timers *timers);
