/* One plan of several. */
#include "agent-node/worker/plan_union.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(cleanup_plan, struct plan *, plan_free)

static bool same_geometry(const struct plan_launch *a, const struct plan_launch *b) {
    if (strcmp(a->entry, b->entry) != 0 || a->dims != b->dims || a->has_local != b->has_local) return false;
    for (int d = 0; d < a->dims; d++)
        if (a->global[d] != b->global[d] || (a->has_local && a->local[d] != b->local[d])) return false;
    return true;
}

/* Two launches of one entry differ in what they bind, not in geometry: arguments of kind LOCAL set the memory that they
 * need. */
static bool is_new(const struct plan *p, const struct plan_launch *l) {
    for (int i = 0; i < p->n_launches; i++)
        if (same_geometry(&p->launch[i], l)) return false;
    return true;
}

static void add_launch(struct plan *to, const struct plan_launch *from, int first_buffer) {
    struct plan_launch *l = &to->launch[to->n_launches++];
    *l = *from;
    l->arg = xcalloc(from->n_args > 0 ? (size_t)from->n_args : 1, sizeof *l->arg);
    for (int i = 0; i < from->n_args; i++) {
        l->arg[i] = from->arg[i];
        if (l->arg[i].kind == PLAN_ARG_BUFFER) l->arg[i].buffer += first_buffer;
    }
}

/* How many launches of `from` neither `to` nor an earlier one of its own has. */
static int count_new(const struct plan *to, const struct plan *from) {
    int n = 0;
    for (int i = 0; i < from->n_launches; i++) {
        bool seen = !is_new(to, &from->launch[i]);
        for (int k = 0; k < i && !seen; k++) seen = same_geometry(&from->launch[k], &from->launch[i]);
        n += !seen;
    }
    return n;
}

static int add_plan(struct plan *to, const struct plan *from, struct error *err) {
    int more = count_new(to, from);
    if (more == 0) return 0;
    if (to->n_buffers + from->n_buffers > PLAN_MAX_BUFFERS || to->n_launches + more > PLAN_MAX_LAUNCHES)
        return error_set(err, ERR_LIMIT, "the kernel's sizes together have over %d launches or %d buffers",
                         PLAN_MAX_LAUNCHES, PLAN_MAX_BUFFERS);
    int first_buffer = to->n_buffers;
    for (int i = 0; i < from->n_buffers; i++) to->buffer[to->n_buffers++] = from->buffer[i];
    for (int i = 0; i < from->n_launches; i++)
        if (is_new(to, &from->launch[i])) add_launch(to, &from->launch[i], first_buffer);
    return 0;
}

static size_t widest(const struct plan_launch *l) {
    size_t most = 0;
    for (int d = 0; d < l->dims; d++) most = l->global[d] > most ? l->global[d] : most;
    return most;
}

static int by_width(const void *a, const void *b) {
    size_t x = widest(a), y = widest(b);
    return x < y ? -1 : x > y;
}

int plan_union(const struct plan *const *plans, size_t n, struct plan **ret, struct error *err) {
    assert(n > 0);
    CLEANUP(cleanup_plan) struct plan *p = xcalloc(1, sizeof *p);
    p->source = xstrdup(plans[0]->source);
    p->options = xstrdup(plans[0]->options);
    p->n_macros = plans[0]->n_macros;
    p->macro = xcalloc(p->n_macros > 0 ? (size_t)p->n_macros : 1, sizeof *p->macro);
    for (int i = 0; i < p->n_macros; i++) p->macro[i] = plans[0]->macro[i];
    p->buffer = xcalloc(PLAN_MAX_BUFFERS, sizeof *p->buffer);
    p->launch = xcalloc(PLAN_MAX_LAUNCHES, sizeof *p->launch);
    for (size_t i = 0; i < n; i++)
        if (add_plan(p, plans[i], err) != 0) return -1;
    /* PoCL makes a variant of its own for grids under 65,535, but not once it has the one for all grids: small ones
     * first, so that the binary has both, whatever a fresh process launches first. */
    qsort(p->launch, (size_t)p->n_launches, sizeof *p->launch, by_width);
    *ret = TAKE(p);
    return 0;
}
