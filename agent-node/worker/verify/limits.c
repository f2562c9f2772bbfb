/* Step 1: what a launch plan may ask for, checked on the host in 64-bit arithmetic before anything runs. */
#include <string.h>

#include "agent-node/worker/subject.h"

#define WORK_ITEMS_MAX ((int64_t)1 << 40)
#define SCRATCH_MIN_BYTES ((int64_t)256 << 20) /* scratch that every kernel may have; larger tensors allow more */
#define SCRATCH_TENSORS 4                      /* times the bytes of all tensors */

static int exceed(struct finding *f, const char *label, int launch, const struct plan_launch *l, const char *what,
                  int64_t asked, int64_t limit) {
    return finding_verdict(f, VERDICT_LIMIT_EXCEEDED, "size %s, launch %d (%s): %s is %lld, the limit is %lld", label,
                           launch + 1, l->entry, what, (long long)asked, (long long)limit);
}

static bool mul_to(int64_t *product, size_t factor) {
    return factor <= INT64_MAX && !__builtin_mul_overflow(*product, (int64_t)factor, product);
}

static int check_geometry(const struct rec_device *d, const char *label, int at, const struct plan_launch *l,
                          struct finding *f) {
    int64_t items = 1, group = 1;
    for (int i = 0; i < l->dims; i++) {
        if (l->global[i] == 0 || (l->has_local && l->local[i] == 0))
            return exceed(f, label, at, l, "a dimension of the launch", 0, 1);
        if (!mul_to(&items, l->global[i]) || items > WORK_ITEMS_MAX)
            return exceed(f, label, at, l, "the number of work-items", items, WORK_ITEMS_MAX);
        if (!l->has_local) continue;
        if (!mul_to(&group, l->local[i]))
            return exceed(f, label, at, l, "the work-group", INT64_MAX, d->max_work_group_size);
        if (l->global[i] % l->local[i] != 0)
            return finding_verdict(f, VERDICT_LIMIT_EXCEEDED,
                                   "size %s, launch %d (%s): global size %zu is no multiple of local size %zu", label,
                                   at + 1, l->entry, l->global[i], l->local[i]);
        bool known = (size_t)i < d->max_work_item_sizes.count && d->max_work_item_sizes.items[i] > 0;
        if (known && (int64_t)l->local[i] > d->max_work_item_sizes.items[i])
            return exceed(f, label, at, l, "the work-group's side", (int64_t)l->local[i],
                          d->max_work_item_sizes.items[i]);
    }
    if (d->max_work_group_size > 0 && group > d->max_work_group_size)
        return exceed(f, label, at, l, "the work-group", group, d->max_work_group_size);
    return 0;
}

static int check_local(const struct rec_device *d, const char *label, int at, const struct plan_launch *l,
                       struct finding *f) {
    int64_t sum = 0;
    for (int i = 0; i < l->n_args; i++) {
        if (l->arg[i].kind != PLAN_ARG_LOCAL) continue;
        if (l->arg[i].i <= 0 || __builtin_add_overflow(sum, l->arg[i].i, &sum))
            return exceed(f, label, at, l, "local memory", l->arg[i].i, d->local_memory_bytes);
    }
    if (d->local_memory_bytes > 0 && sum > d->local_memory_bytes)
        return exceed(f, label, at, l, "local memory", sum, d->local_memory_bytes);
    return 0;
}

static int check_memory(const struct rec_device *d, const struct size_case *c, struct finding *f) {
    int64_t tensors = 0, scratch = 0;
    for (int i = 0; i < c->plan->n_buffers; i++) {
        const struct plan_buffer *b = &c->plan->buffer[i];
        int64_t *sum = b->role == PLAN_SCRATCH ? &scratch : &tensors;
        if (b->bytes > INT64_MAX || __builtin_add_overflow(*sum, (int64_t)b->bytes, sum))
            return finding_verdict(f, VERDICT_LIMIT_EXCEEDED, "size %s: the buffers are too large", c->label);
        if (d->max_alloc_bytes > 0 && (int64_t)b->bytes > d->max_alloc_bytes)
            return finding_verdict(f, VERDICT_LIMIT_EXCEEDED,
                                   "size %s: buffer %s has %zu bytes, the device allows %lld", c->label, b->name,
                                   b->bytes, (long long)d->max_alloc_bytes);
    }
    int64_t allowed = tensors > INT64_MAX / SCRATCH_TENSORS ? INT64_MAX : tensors * SCRATCH_TENSORS;
    if (allowed < SCRATCH_MIN_BYTES) allowed = SCRATCH_MIN_BYTES;
    if (scratch > allowed)
        return finding_verdict(f, VERDICT_LIMIT_EXCEEDED, "size %s: %lld bytes of scratch, the limit is %lld", c->label,
                               (long long)scratch, (long long)allowed);
    if (d->memory_bytes > 0 && tensors + scratch > d->memory_bytes / 2)
        return finding_verdict(f, VERDICT_LIMIT_EXCEEDED,
                               "size %s: %lld bytes of buffers, half the device's memory is %lld", c->label,
                               (long long)(tensors + scratch), (long long)(d->memory_bytes / 2));
    return 0;
}

static bool has_word(const char *list, const char *word) {
    size_t len = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) != NULL; at += len)
        if ((at == list || at[-1] == ' ') && (at[len] == ' ' || at[len] == 0)) return true;
    return false;
}

static int check_requirements(const struct trial *t, struct finding *f) {
    const struct rec_device *d = trial_device(t);
    struct kernel_requires need;
    kernel_requirements(t->kernel, &need);
    for (const char *const *e = need.extensions; e && *e; e++)
        if (!has_word(d->extensions, *e)) return finding_verdict(f, VERDICT_UNSUPPORTED, "the device has no %s", *e);
    if (need.local_memory > 0 && d->local_memory_bytes < need.local_memory)
        return finding_verdict(f, VERDICT_UNSUPPORTED,
                               "the kernel requires %lld bytes of local memory, the device has %lld",
                               (long long)need.local_memory, (long long)d->local_memory_bytes);
    bool found = need.subgroup <= 0;
    for (size_t i = 0; i < d->sub_group_sizes.count; i++) found = found || d->sub_group_sizes.items[i] == need.subgroup;
    if (!found)
        return finding_verdict(f, VERDICT_UNSUPPORTED, "the kernel requires sub-groups of %lld, the device has none",
                               (long long)need.subgroup);
    return 0;
}

int limits_check(const struct trial *t, const struct subject *s, struct finding *f) {
    const struct rec_device *d = trial_device(t);
    if (check_requirements(t, f) != 0) return -1;
    for (int c = 0; c < s->n_cases; c++) {
        const struct size_case *at = &s->cases[c];
        for (int i = 0; i < at->plan->n_launches; i++) {
            if (check_geometry(d, at->label, i, &at->plan->launch[i], f) != 0) return -1;
            if (check_local(d, at->label, i, &at->plan->launch[i], f) != 0) return -1;
        }
        if (check_memory(d, at, f) != 0) return -1;
    }
    return 0;
}
