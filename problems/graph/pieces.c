/* A loop cut into pieces that several threads take one by one. */
#include "problems/graph/pieces.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "common/life.h"

#define THREADS_MAX 64

struct loop {
    int64_t n, step;
    const volatile bool *cancel;
    pieces_fn *fn;
    void *context;
    _Atomic int64_t next;
    atomic_bool cancelled;
};

int pieces_cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int n = CPU_COUNT(&set);
    return n < 1 ? 1 : n;
}

static void *work(void *context) {
    struct loop *l = context;
    for (;;) {
        if (l->cancel && *l->cancel) {
            atomic_store(&l->cancelled, true);
            return NULL;
        }
        int64_t begin = atomic_fetch_add(&l->next, l->step);
        if (begin >= l->n) return NULL;
        life_sign();
        int64_t end = l->n - begin < l->step ? l->n : begin + l->step;
        l->fn(l->context, begin, end);
    }
}

bool pieces_run(int64_t n, int64_t step, int threads, const volatile bool *cancel, pieces_fn *fn, void *context) {
    if (step < 1) step = 1;
    if (threads <= 0) threads = pieces_cores();
    if (threads > THREADS_MAX) threads = THREADS_MAX;
    int64_t pieces = (n + step - 1) / step;
    if (pieces < threads) threads = (int)pieces;
    struct loop loop = {.n = n, .step = step, .cancel = cancel, .fn = fn, .context = context};
    pthread_t helper[THREADS_MAX];
    int helpers = 0;
    while (helpers < threads - 1 && pthread_create(&helper[helpers], NULL, work, &loop) == 0) helpers++;
    work(&loop);
    for (int i = 0; i < helpers; i++) pthread_join(helper[i], NULL);
    return !atomic_load(&loop.cancelled);
}
