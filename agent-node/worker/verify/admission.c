/* Step 0: a problem whose own check accepts trivial answers gets no verdicts, and a size that does not fit the device
 * no time. A coordinator refuses such problems when they are submitted; here it is asked again because a worker also
 * serves `portolan-agent check`, and because its verdicts are its own. What was admitted is remembered beside the
 * binaries. */
#include "agent-node/worker/verify/verify.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/hash.h"
#include "common/log.h"
#include "problems/check/admission.h"

DEFINE_CLEANUP(cleanup_admission, struct admission *, admission_free)

#define REASON_MAX 1600

/* Another version of this program may know better. */
static void key_of(const struct problem *p, char out[65]) {
    char hash[65];
    uint8_t digest[32];
    struct sha256 h;
    problem_hash(p, hash);
    sha256_init(&h);
    sha256_field(&h, "portolan admission " PORTOLAN_VERSION);
    sha256_field(&h, hash);
    sha256_final(&h, digest);
    hex_encode(digest, sizeof digest, out);
}

static bool is_admitted(struct worker *w, const char *key) {
    size_t len = 0;
    if (strcmp(w->admitted, key) == 0) return true;
    CLEANUP_FREE uint8_t *found = binary_cache_get(w->cache, key, &len);
    return found != NULL;
}

static void remember(struct worker *w, const char *key) {
    memcpy(w->admitted, key, sizeof w->admitted);
    binary_cache_put(w->cache, key, "admitted", strlen("admitted"));
}

static int check_problem(struct trial *t, struct finding *f) {
    char key[65], reason[REASON_MAX];
    struct error err = ERROR_INIT;
    if (*problem_exempt(t->problem)) return 0;
    key_of(t->problem, key);
    if (is_admitted(t->worker, key)) return 0;
    const struct admission_options o = {.quick = true, .cancel = trial_cancel(t)};
    int64_t from = clock_mono_ns();
    CLEANUP(cleanup_admission) struct admission *a = admission_run(t->problem, &o, &err);
    phases_add(&t->phases, "admission", clock_mono_ns() - from);
    if (!a && err.code == ERR_LIMIT) {
        log_warn("problem %s is not checked for trivial answers: %s", problem_name(t->problem), err.text);
        return 0;
    }
    if (!a) return finding_error(f, &err, "admission of the problem");
    if (a->admissible) {
        remember(t->worker, key);
        return 0;
    }
    admission_reason(a, reason, sizeof reason);
    return finding_refused(f,
                           "the problem `%s` accepts trivial answers, so no verdict on it means anything: %s. "
                           "`portolan problem check` shows what each passes",
                           problem_name(t->problem), reason);
}

static int check_memory(const struct trial *t, struct finding *f) {
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

int admission_check(struct trial *t, struct finding *f) {
    return check_memory(t, f) != 0 ? -1 : check_problem(t, f);
}
