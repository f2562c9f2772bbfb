/* A wall clock that jumps, for tests: an LD_PRELOAD library. CLOCK_JUMP_FILE names a file whose text is the number of
 * seconds by which this process sees the wall clock ahead of (or behind) the machine's. It may change at any time;
 * write it in place, never truncate it:
 *
 *     printf '%+012d\n' -3600 | dd of=FILE conv=notrunc status=none
 *
 * Shifted are clock_gettime(CLOCK_REALTIME, CLOCK_REALTIME_COARSE), gettimeofday, time and timespec_get. A wait until
 * an instant of the wall clock (pthread_cond_timedwait, cnd_timedwait, sem_timedwait is not used here) ends when the
 * *shifted* clock is there, as on a machine whose clock is set: so one that was to last a second lasts an hour when the
 * clock is set back by an hour. Such waits wake up now and then for nothing, as they may. Monotonic clocks stay as they
 * are. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define TEXT_SIZE 12
#define SLICE_NS 50000000
#define NS_PER_S INT64_C(1000000000)

static const char *text; /* of the file, mapped */

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CLOCK_JUMP_FILE");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *map = mmap(NULL, TEXT_SIZE, PROT_READ, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) text = map;
    close(fd);
}

static int64_t shift_s(void) {
    int64_t value = 0;
    for (int i = 1; text && i < TEXT_SIZE; i++)
        if (text[i] >= '0' && text[i] <= '9') value = value * 10 + (text[i] - '0');
    return text && text[0] == '-' ? -value : value;
}

/* The system call itself: dlsym() in a clock's first call is asking for trouble. */
static int64_t real_ns(clockid_t id) {
    struct timespec t = {0};
    syscall(SYS_clock_gettime, id, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

int clock_gettime(clockid_t id, struct timespec *ret) {
    if (syscall(SYS_clock_gettime, id, ret) != 0) return -1;
    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) ret->tv_sec += shift_s();
    return 0;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone) {
    int64_t now_ns = real_ns(CLOCK_REALTIME);
    (void)zone;
    *ret = (struct timeval){.tv_sec = now_ns / NS_PER_S + shift_s(), .tv_usec = now_ns % NS_PER_S / 1000};
    return 0;
}

time_t time(time_t *ret) {
    time_t now = real_ns(CLOCK_REALTIME) / NS_PER_S + shift_s();
    if (ret) *ret = now;
    return now;
}

int timespec_get(struct timespec *ret, int base) {
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, ret) == 0 ? base : 0;
}

/* --- waits until an instant of the wall clock ------------------------------------------------- */
typedef int wait_fn(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until);

/* An instant of the monotonic clock is a machine's uptime: never more than 30 years. */
static bool is_wall(const struct timespec *until) {
    return until->tv_sec > 1000000000;
}

static int wait_a_slice(wait_fn *wait, pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until) {
    int64_t due_ns = (int64_t)until->tv_sec * NS_PER_S + until->tv_nsec, now_ns = real_ns(CLOCK_REALTIME);
    if (now_ns + shift_s() * NS_PER_S >= due_ns) return ETIMEDOUT;
    int64_t slice_ns =
        due_ns - shift_s() * NS_PER_S < now_ns + SLICE_NS ? due_ns - shift_s() * NS_PER_S : now_ns + SLICE_NS;
    struct timespec slice = {.tv_sec = slice_ns / NS_PER_S, .tv_nsec = slice_ns % NS_PER_S};
    int rc = wait(cond, mutex, &slice);
    return rc == ETIMEDOUT ? 0 : rc; /* woken for nothing: the caller looks and waits again */
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
    static wait_fn *next;
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    return is_wall(until) ? wait_a_slice(next, cond, mutex, until) : next(cond, mutex, until);
}

/* Waits in slices to its end: C11 allows waking up for nothing, but librdkafka's own loops are what is tried here. */
int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex, const struct timespec *restrict until) {
    static wait_fn *next;
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    int rc = wait_a_slice(next, (pthread_cond_t *)cond, (pthread_mutex_t *)mutex, until);
    return rc == 0 ? thrd_success : rc == ETIMEDOUT ? thrd_timedout : thrd_error;
}
