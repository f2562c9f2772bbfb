/* Step 3, sizes: beside the timed one a kernel is checked at the odd `check` size and at held-out ones. Where its
 * constraints do not hold there, the nearest larger size at which they do is taken; where there is none, the kernel is
 * specialised. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/subject.h"
#include "common/buf.h"

#define STEPS_MAX 64
/* Sizes that were moved may not outgrow the timed one by more than this, or checking would cost more than timing. */
#define GROWTH_MAX 4.0

struct dims {
    int n;
    const char *name[PROBLEM_MAX_DIMS];
    int64_t value[PROBLEM_MAX_DIMS];
};

static struct dims dims_of(const struct bound *b) {
    struct dims d = {.n = b->n_dims};
    for (int i = 0; i < b->n_dims; i++) {
        d.name[i] = b->dim[i].name;
        d.value[i] = b->dim[i].value;
    }
    return d;
}

static struct bound *bind_dims(const struct trial *t, const struct dims *d, const char *label) {
    return problem_bind_dims(t->problem, label, d->name, d->value, (size_t)d->n, NULL);
}

/* Can the kernel run at these dims? */
static bool holds(const struct trial *t, const struct tune_point *p, const struct dims *d) {
    char why[256];
    struct bound *b = bind_dims(t, d, "candidate");
    bool ok = b && kernel_constraints_hold(t->kernel, b, p, why);
    bound_free(b);
    return ok;
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Multiples to try: powers of two, and the tunables' values, which is what constraints are made of. */
static size_t steps(const struct tune_point *p, int64_t out[STEPS_MAX]) {
    size_t n = 0;
    for (int64_t s = 2; s <= 1024; s *= 2) out[n++] = s;
    for (int i = 0; i < p->n; i++)
        for (int k = i; k < p->n && n + 2 < STEPS_MAX; k++) {
            int64_t v = k == i ? p->value[i] : p->value[i] * p->value[k];
            if (p->value[i] > 1 && p->value[i] <= 4096 && p->value[k] <= 4096 && v > 1 && v <= 65536) out[n++] = v;
        }
    qsort(out, n, sizeof *out, ascending);
    return n;
}

static int64_t round_up(int64_t v, int64_t step) {
    return (v + step - 1) / step * step;
}

/* All dims, or one of them, rounded up to `step`, or set to the timed size's. */
static bool try_step(const struct trial *t, const struct tune_point *p, const struct dims *from, int only, int64_t step,
                     struct dims *ret) {
    *ret = *from;
    for (int i = 0; i < from->n; i++)
        if (only < 0 || only == i) ret->value[i] = round_up(from->value[i], step);
    return holds(t, p, ret);
}

static bool try_timed(const struct trial *t, const struct tune_point *p, const struct dims *from, int only,
                      struct dims *ret) {
    *ret = *from;
    for (int i = 0; i < from->n; i++)
        if (only < 0 || only == i) ret->value[i] = t->bound->dim[i].value;
    return holds(t, p, ret);
}

/* Take dims back to what was declared, one by one, where the kernel allows. */
static void shrink(const struct trial *t, const struct tune_point *p, const struct dims *declared, struct dims *d) {
    for (int i = 0; i < d->n; i++) {
        struct dims smaller = *d;
        smaller.value[i] = declared->value[i];
        if (smaller.value[i] != d->value[i] && holds(t, p, &smaller)) *d = smaller;
    }
}

static bool nearest(const struct trial *t, const struct tune_point *p, const struct dims *declared, struct dims *ret) {
    int64_t step[STEPS_MAX];
    size_t n = steps(p, step);
    for (size_t s = 0; s < n; s++)
        for (int only = declared->n - 1; only >= -1; only--)
            if (try_step(t, p, declared, only, step[s], ret)) {
                shrink(t, p, declared, ret);
                return true;
            }
    for (int only = 0; only < declared->n; only++)
        if (try_timed(t, p, declared, only, ret)) return true;
    return false;
}

static double volume(const struct bound *b) {
    double sum = 0;
    for (int i = 0; i < b->n_tensors; i++) sum += (double)b->tensor[i].elements;
    return sum;
}

static void label_moved(const struct dims *declared, const struct dims *d, const char *name, char *out, size_t size) {
    struct buf b = BUF_INIT;
    buf_printf(&b, "%s", name);
    const char *between = " (";
    for (int i = 0; i < d->n; i++) {
        if (d->value[i] == declared->value[i]) continue;
        buf_printf(&b, "%s%s=%lld", between, d->name[i], (long long)d->value[i]);
        between = ", ";
    }
    if (between[0] == ',') buf_putc(&b, ')');
    snprintf(out, size, "%s", b.data);
    buf_done(&b);
}

static bool same_dims(const struct bound *a, const struct bound *b) {
    for (int i = 0; i < a->n_dims; i++)
        if (a->dim[i].value != b->dim[i].value) return false;
    return true;
}

static bool already_there(const struct subject *s, const struct bound *b) {
    for (int i = 0; i < s->n_cases; i++)
        if (same_dims(s->cases[i].bound, b)) return true;
    return false;
}

/* One named size, as declared or moved. *ret_moved, *ret_missing tell how it went. */
static int add_size(struct trial *t, const struct tune_point *p, const char *name, struct subject *s, bool *ret_moved,
                    bool *ret_missing, struct finding *f) {
    struct error err = ERROR_INIT;
    char why[256], label[NAME_MAX_LEN + 48];
    struct bound *b = problem_bind(t->problem, name, &err);
    if (!b) return finding_infrastructure(f, "held-out size: %s", err.text);
    snprintf(label, sizeof label, "%s", name);
    if (!kernel_constraints_hold(t->kernel, b, p, why)) {
        struct dims declared = dims_of(b), d;
        bool found = nearest(t, p, &declared, &d);
        struct bound *moved = found ? bind_dims(t, &d, name) : NULL;
        label_moved(&declared, found ? &d : &declared, name, label, sizeof label);
        bound_free(b);
        b = moved;
        if (b && volume(b) > GROWTH_MAX * volume(t->bound)) {
            bound_free(b);
            b = NULL;
        }
        *(b ? ret_moved : ret_missing) = true;
    }
    if (!b || already_there(s, b)) {
        bound_free(b);
        return 0;
    }
    if (subject_add_case(t, p, b, label, s, f) != 0) return -1;
    s->cases[s->n_cases - 1].moved = strcmp(label, name) != 0;
    return 0;
}

static bool is_held_out(const char *name) {
    return strcmp(name, "check") == 0 || strncmp(name, "held", 4) == 0;
}

int subject_sizes(struct trial *t, const struct tune_point *point, struct subject *s, struct finding *f) {
    const struct rec_list_string *asked = &trial_policy(t)->held_out_sizes;
    bool moved = false, missing = false;
    for (size_t i = problem_size_count(t->problem); i-- > 0;) {
        const char *name = problem_size_name(t->problem, i);
        bool wanted = asked->count ? strcmp(name, "check") == 0 || rec_list_string_has(asked, name) : is_held_out(name);
        if (!wanted || strcmp(name, t->task->size) == 0) continue;
        if (add_size(t, point, name, s, &moved, &missing, f) != 0) return -1;
    }
    s->generality = missing || kernel_specialised(t->kernel) ? "specialised" : moved ? "constrained" : "general";
    return 0;
}
