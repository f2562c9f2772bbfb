/* librdkafka 2.0.2 waits until instants of the wall clock (timespec_get() and cnd_timedwait()): when that is set back
 * by an hour, a wait of a tenth of a second lasts an hour, and a node falls silent, or its broker is not reconnected
 * to. These two functions take the place of the C library's for this process and the libraries that it has loaded: what
 * they call now is the wall clock as it was at the start, moved on by the monotonic clock alone. Nothing else here
 * calls timespec_get(). */
#include "fleet/bus/steady.h"

#include <errno.h>
#include <pthread.h>
#include <threads.h>
#include <time.h>

#include "common/clock.h"

#define NS_PER_S INT64_C(1000000000)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int64_t ahead_ns; /* wall clock less monotonic clock, at the start */

static void set_ahead(void) {
    ahead_ns = clock_wall_ms() * 1000000 - clock_mono_ns();
}

void steady_begin(void) {
    pthread_once(&once, set_ahead);
}

int timespec_get(struct timespec *ret, int base) {
    if (base != TIME_UTC) return 0;
    steady_begin();
    int64_t now_ns = clock_mono_ns() + ahead_ns;
    *ret = (struct timespec){.tv_sec = now_ns / NS_PER_S, .tv_nsec = now_ns % NS_PER_S};
    return base;
}

/* glibc's cnd_t and mtx_t are its pthread_cond_t and pthread_mutex_t (its own cnd_timedwait() casts them, too). */
int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex, const struct timespec *restrict until) {
    steady_begin();
    int64_t until_ns = (int64_t)until->tv_sec * NS_PER_S + until->tv_nsec - ahead_ns;
    if (until_ns < 0) until_ns = 0;
    struct timespec mono = {.tv_sec = until_ns / NS_PER_S, .tv_nsec = until_ns % NS_PER_S};
    int rc = pthread_cond_clockwait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex, CLOCK_MONOTONIC, &mono);
    return rc == 0 ? thrd_success : rc == ETIMEDOUT ? thrd_timedout : thrd_error;
}
