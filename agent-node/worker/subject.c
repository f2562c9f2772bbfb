/* Candidates and baselines, bound to sizes. */
#include "agent-node/worker/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/plan_union.h"
#include "common/buf.h"
#include "common/hash.h"
#include "problems/baseline/baseline.h"

void subject_done(struct subject *s) {
    for (int i = 0; i < s->n_cases; i++) {
        plan_free(s->cases[i].plan);
        bound_free(s->cases[i].bound);
    }
    plan_free(s->whole);
    free(s->text);
    free(s->binary.data);
    memset(s, 0, sizeof *s);
}

/* A kernel file that does not fit is the candidate's fault, running out of memory is not. */
static int judge_bind(const struct error *err, const char *what, struct finding *f) {
    if (err->code == ERR_LIMIT) return finding_verdict(f, VERDICT_LIMIT_EXCEEDED, "%s: %s", what, err->text);
    if (err->code == ERR_NOMEM) return finding_infrastructure(f, "%s: %s", what, err->text);
    return finding_verdict(f, VERDICT_BAD_KERNEL_FILE, "%s: %s", what, err->text);
}

static int add_case(struct bound *bound, struct plan *plan, const char *label, struct subject *s) {
    struct size_case *c = &s->cases[s->n_cases++];
    struct cost cost;
    *c = (struct size_case){.bound = bound, .plan = plan};
    snprintf(c->label, sizeof c->label, "%s", label);
    bound_cost(bound, &cost);
    c->reduction = cost.reduction;
    return 0;
}

int subject_add_case(struct trial *t, const struct tune_point *point, struct bound *bound, const char *label,
                     struct subject *s, struct finding *f) {
    struct error err = ERROR_INIT;
    struct plan *plan = NULL;
    char what[96];
    if (s->n_cases == SUBJECT_MAX_CASES) {
        bound_free(bound);
        return finding_infrastructure(f, "over %d sizes to check", SUBJECT_MAX_CASES);
    }
    if (kernel_bind(t->kernel, bound, point, &plan, &err) != 0) {
        bound_free(bound);
        snprintf(what, sizeof what, "size %.64s", label);
        return judge_bind(&err, what, f);
    }
    return add_case(bound, plan, label, s);
}

static void hash_candidate(const struct trial *t, struct subject *s) {
    char kernel[65];
    uint8_t digest[32];
    struct sha256 h;
    kernel_hash(t->kernel, kernel);
    sha256_init(&h);
    sha256_field(&h, kernel);
    sha256_field(&h, s->config);
    sha256_final(&h, digest);
    hex_encode(digest, sizeof digest, s->hash);
}

static int unite(struct subject *s, struct finding *f) {
    const struct plan *plans[SUBJECT_MAX_CASES];
    for (int i = 0; i < s->n_cases; i++) plans[i] = s->cases[i].plan;
    struct error err = ERROR_INIT;
    if (plan_union(plans, (size_t)s->n_cases, &s->whole, &err) == 0) return 0;
    return finding_verdict(f, VERDICT_LIMIT_EXCEEDED, "%s", err.text);
}

int subject_candidate(struct trial *t, const struct tune_point *point, bool timed_only, struct subject *ret,
                      struct finding *f) {
    struct error err = ERROR_INIT;
    *ret = (struct subject){.generality = ""};
    snprintf(ret->name, sizeof ret->name, "%s", kernel_name(t->kernel));
    tune_point_format(t->kernel, point, ret->config, sizeof ret->config);
    hash_candidate(t, ret);
    ret->allows_atomics = kernel_allows_atomics(t->kernel);
    ret->precision = kernel_declares(t->kernel);
    struct bound *bound = problem_bind(t->problem, t->task->size, &err);
    if (!bound) return finding_infrastructure(f, "size %s: %s", t->task->size, err.text);
    if (subject_add_case(t, point, bound, t->task->size, ret, f) != 0) return -1;
    if (!timed_only && subject_sizes(t, point, ret, f) != 0) return -1;
    if (limits_check(t, ret, f) != 0) return -1;
    return unite(ret, f);
}

static int64_t preferred_vector(const struct rec_device *d) {
    return strcmp(d->kind, "gpu") == 0 ? 4 : 16;
}

int subject_baseline(struct trial *t, const char *name, const char *size, struct subject *ret, struct finding *f) {
    struct error err = ERROR_INIT;
    const struct rec_device *d = trial_device(t);
    struct baseline_device facts = {.max_work_group = d->max_work_group_size,
                                    .local_memory = d->local_memory_bytes,
                                    .compute_units = d->compute_units,
                                    .is_cpu = strcmp(d->kind, "cpu") == 0,
                                    .preferred_vector = preferred_vector(d)};
    *ret = (struct subject){.trusted = true, .generality = "general", .allows_atomics = true};
    snprintf(ret->name, sizeof ret->name, "baseline %.64s", name);
    struct bound *bound = problem_bind(t->problem, size, &err);
    if (!bound) return finding_infrastructure(f, "size %s: %s", size, err.text);
    struct plan *plan = NULL;
    if (baseline_plan(name, bound, &facts, &plan, &err) != 0) {
        bound_free(bound);
        return finding_infrastructure(f, "%s: %s", ret->name, err.text);
    }
    add_case(bound, plan, size, ret);
    sha256_hex(plan->source, strlen(plan->source), ret->hash);
    return unite(ret, f);
}
