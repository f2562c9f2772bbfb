/* Time. Durations come from the monotonic clock; the wall clock only labels records. */
#pragma once
#include <pthread.h>
#include <stdint.h>
int64_t clock_mono_ns(void);
int64_t clock_mono_ms(void);
int64_t clock_wall_ms(void);                       /* Unix time, for labels only */
void clock_iso8601(int64_t wall_ms, char out[32]); /* "2026-11-21T07:38:36.123Z" */
/* A condition whose timed waits take CLOCK_MONOTONIC: a default one would wait for an hour when the wall clock is set
 * back. */
void clock_cond_init(pthread_cond_t *cond);
/* Wait on such a condition until it is signalled or clock_mono_ns() is `until_ns`. As pthread_cond_timedwait(): 0 or
 * ETIMEDOUT. */
int clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t until_ns);
