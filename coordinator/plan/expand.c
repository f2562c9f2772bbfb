#include "coordinator/plan/expand.h"

#include <string.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/suggest.h"
#include "coordinator/clocks.h"
#include "coordinator/plan/identity.h"
#include "coordinator/plan/size.h"

void expansion_done(struct expansion *e) {
    free(e->problems);
    free(e->rows);
    for (size_t i = 0; i < e->policy_count; i++) free(e->policies[i]);
    free(e->policies);
}

/* --- problems --------------------------------------------------------------------------------- */
static void choose(struct expansion *e, const struct suite_problem *item) {
    for (size_t i = 0; i < e->problem_count; i++)
        if (strcmp(problem_name(e->problems[i]->problem), problem_name(item->problem)) == 0) return;
    e->problems = xrealloc(e->problems, (e->problem_count + 1) * sizeof *e->problems);
    e->problems[e->problem_count++] = item;
}

static bool choose_matching(struct expansion *e, const struct suite *suite, const char *pattern) {
    bool found = false;
    for (size_t i = 0; i < suite->count; i++) {
        if (!suite_matches(&suite->items[i], pattern)) continue;
        choose(e, &suite->items[i]);
        found = true;
    }
    return found;
}

static int unknown_problem(const struct expansion *e, const char *pattern, struct error *err) {
    const struct suite *suites[] = {e->s->uploaded, e->core->shipped};
    size_t n = 0;
    const char **names = xcalloc(suites[0]->count + suites[1]->count + 1, sizeof *names);
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < suites[k]->count; i++) names[n++] = problem_name(suites[k]->items[i].problem);
    const char *nearest = suggest_nearest(pattern, names);
    char where[CAMPAIGN_POSITION_SIZE];
    campaign_position(e->s->file, e->s->filename, "problems", pattern, where);
    error_set(err, ERR_INVALID, "%s: `problems`: no problem matches `%s`", where, pattern);
    if (nearest)
        error_hint(err, "did you mean `%s`?", nearest);
    else
        error_hint(err, "`portolan problem list` shows the shipped ones; others travel with the campaign");
    free(names);
    return -1;
}

int expand_problems(struct expansion *e, struct error *err) {
    const struct campaign_file *file = e->s->file;
    for (size_t i = 0; i < file->n_problems; i++) {
        bool found = choose_matching(e, e->s->uploaded, file->problems[i]);
        /* Shipped ones add to a pattern's uploaded ones only where it is a pattern: a name means one problem. */
        if (!found || strpbrk(file->problems[i], "*?["))
            found |= choose_matching(e, e->core->shipped, file->problems[i]);
        if (!found) return unknown_problem(e, file->problems[i], err);
    }
    return 0;
}

/* --- rows ------------------------------------------------------------------------------------- */
static void keep_policy(struct expansion *e, char *text, char hash[HASH_SIZE]) {
    sha256_hex(text, strlen(text), hash);
    for (size_t i = 0; i < e->policy_count; i++) {
        if (strcmp(e->policies[i], text) != 0) continue;
        free(text);
        return;
    }
    e->policies = xrealloc(e->policies, (e->policy_count + 1) * sizeof *e->policies);
    e->policies[e->policy_count++] = text;
}

static int add_row(struct expansion *e, const struct row_task *row, struct error *err) {
    if (e->count == TASKS_PER_CAMPAIGN_MAX)
        return error_set(err, ERR_LIMIT, "%s: more than %d tasks", e->s->filename, TASKS_PER_CAMPAIGN_MAX);
    if (e->count == e->room) {
        e->room = e->room ? 2 * e->room : 64;
        e->rows = xrealloc(e->rows, e->room * sizeof *e->rows);
    }
    e->rows[e->count] = *row;
    e->rows[e->count].ordinal = (int32_t)e->count;
    e->count++;
    return 0;
}

static bool has_strategy(const struct campaign_file *file, const char *name) {
    for (size_t i = 0; i < file->n_strategies; i++)
        if (strcmp(file->strategies[i], name) == 0) return true;
    return false;
}

/* What is wrong with a kernel for its problem is said now, with its file; what only a size or a device forbids is a
 * verdict. */
static int check_kernel(const struct submission_kernel *k, const struct bound *bound, struct error *err) {
    struct tune_point point;
    struct plan *plan = NULL;
    struct error problem = ERROR_INIT;
    int status = kernel_check_fit(k->kernel, bound, &problem);
    if (status == 0 && kernel_default_point(k->kernel, bound, &point, NULL) != 0) return 0;
    if (status == 0) status = kernel_bind(k->kernel, bound, &point, &plan, &problem);
    if (status == 0) plan_free(plan);
    if (status == 0 || problem.code != ERR_INVALID) return 0;
    if (err) *err = problem;
    return strstr(problem.text, k->path) ? -1 : error_wrap(err, "%s", k->path);
}

static int rows_of_kernel(struct expansion *e, const struct submission_kernel *k, struct row_task *row,
                          const char *policies[2], struct error *err) {
    static const char *const strategies[2][2] = {{"human", "measure"}, {"search", "search"}};
    snprintf(row->kernel, sizeof row->kernel, "%s", kernel_name(k->kernel));
    snprintf(row->kernel_hash, sizeof row->kernel_hash, "%s", k->hash);
    /* A search begins with the default configuration: measuring that once more on its own says nothing new. */
    bool searched = has_strategy(e->s->file, "search") && kernel_has_tuning(k->kernel);
    for (int i = 0; i < 2; i++) {
        if (i == 1 ? !searched : searched || !has_strategy(e->s->file, "human")) continue;
        snprintf(row->strategy, sizeof row->strategy, "%s", strategies[i][0]);
        snprintf(row->kind, sizeof row->kind, "%s", strategies[i][1]);
        snprintf(row->policy_hash, sizeof row->policy_hash, "%s", policies[i]);
        task_identify(row, e->purpose, 0);
        if (add_row(e, row, err) != 0) return -1;
    }
    return 0;
}

static int searches_of(const struct expansion *e, const char *problem) {
    int n = 0;
    for (size_t i = 0; i < e->s->kernel_count; i++) {
        const struct kernel *kernel = e->s->kernels[i].kernel;
        n += strcmp(kernel_problem(kernel), problem) == 0 && kernel_has_tuning(kernel);
    }
    return n;
}

/* The size of a cell, and that kernels fit the problem there. */
static int settle_size(struct expansion *e, const struct suite_problem *p, const struct target_choice *t, char *out,
                       struct error *err) {
    const char *wanted = e->s->file->size ? e->s->file->size : "auto";
    bool is_auto = strcmp(wanted, "auto") == 0;
    snprintf(out, LABEL_SIZE, "%s", wanted);
    if (is_auto && size_auto(p->problem, t->devices, t->device_count, out, err) != 0) return -1;
    struct bound *bound = problem_bind(p->problem, out, err);
    if (!bound) {
        char where[CAMPAIGN_POSITION_SIZE];
        campaign_position(e->s->file, e->s->filename, "size", NULL, where);
        return error_wrap(err, "%s: `size`", where);
    }
    int status = 0;
    for (size_t i = 0; i < e->s->kernel_count && status == 0; i++)
        if (strcmp(kernel_problem(e->s->kernels[i].kernel), problem_name(p->problem)) == 0)
            status = check_kernel(&e->s->kernels[i], bound, err);
    bound_free(bound);
    return status;
}

static int rows_of_pair(struct expansion *e, const struct suite_problem *p, const struct target_choice *t,
                        struct error *err) {
    struct row_task row = {.state = t->device_count ? TASK_QUEUED : TASK_WAITING};
    char hashes[2][HASH_SIZE];
    const char *name = problem_name(p->problem);
    if (settle_size(e, p, t, row.size, err) != 0) return -1;
    /* Without a device the size is not known yet; the rows give way to others when a device joins. */
    if (!t->device_count) snprintf(row.size, sizeof row.size, "%s", e->s->file->size ? e->s->file->size : "auto");
    if (!t->device_count) snprintf(row.reason, sizeof row.reason, "no device serves %.200s", t->name);
    keep_policy(e, policy_text(e->s->file, p->problem, 0), hashes[0]);
    keep_policy(e, policy_text(e->s->file, p->problem, searches_of(e, name)), hashes[1]);
    snprintf(row.campaign, sizeof row.campaign, "%s", e->campaign);
    snprintf(row.problem, sizeof row.problem, "%s", name);
    snprintf(row.problem_hash, sizeof row.problem_hash, "%s", p->hash);
    snprintf(row.target, sizeof row.target, "%s", t->name);
    row.changed_ms = core_wall_ms(e->core);
    row.queued_ms = clocks_service_ms(e->core);
    const char *policies[2] = {hashes[0], hashes[1]};
    for (size_t i = 0; i < e->s->kernel_count; i++)
        if (strcmp(kernel_problem(e->s->kernels[i].kernel), name) == 0 &&
            rows_of_kernel(e, &e->s->kernels[i], &row, policies, err) != 0)
            return -1;
    return 0;
}

int expand_tasks(struct expansion *e, const struct target_choices *targets, expand_skip *skip, void *context,
                 struct error *err) {
    for (size_t p = 0; p < e->problem_count; p++)
        for (size_t t = 0; t < targets->count; t++) {
            const struct target_choice *target = &targets->items[t];
            if (skip && skip(context, problem_name(e->problems[p]->problem), target->name)) continue;
            if (rows_of_pair(e, e->problems[p], target, err) != 0) return -1;
        }
    return 0;
}
