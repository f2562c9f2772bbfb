/* Step 0: what a worker can tell about a problem's size before it spends time on it. That the problem itself can tell
 * right from wrong is `portolan problem check`'s to find, before anyone optimises it. */
#include "agent-node/worker/verify/verify.h"

int admission_check(const struct trial *t, struct finding *f) {
    const struct rec_device *d = trial_device(t);
    int64_t bytes = 0;
    for (int i = 0; i < t->bound->n_tensors; i++) {
        const struct tensor *x = &t->bound->tensor[i];
        if (x->role == TENSOR_INTERMEDIATE) continue;
        bytes += (int64_t)x->bytes;
        if (d->max_alloc_bytes > 0 && (int64_t)x->bytes > d->max_alloc_bytes)
            return finding_infrastructure(f, "size %s: tensor %s has %zu bytes, %s allocates at most %lld",
                                          t->bound->size, x->name, x->bytes, d->id, (long long)d->max_alloc_bytes);
    }
    if (d->memory_bytes > 0 && bytes > d->memory_bytes / 2)
        return finding_infrastructure(f, "size %s: its tensors take %lld bytes, over half of the memory of %s (%lld)",
                                      t->bound->size, (long long)bytes, d->id, (long long)d->memory_bytes);
    return 0;
}
