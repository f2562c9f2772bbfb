/* The files that the tree ships: every problem and kernel loads, and every kernel binds where it says it does. */
#include <glob.h>

#include "unit/problems/kernels.h"

#define SUITE "problems/level*/*.yaml"
#define KERNELS "kernels/*/*.yaml"

static void each(const char *pattern, void (*visit)(const char *path)) {
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0) fail_msg("nothing matches %s (run from the repository's root)", pattern);
    for (size_t i = 0; i < found.gl_pathc; i++) visit(found.gl_pathv[i]);
    globfree(&found);
}

static struct problem *load_problem(const char *path) {
    struct error err = ERROR_INIT;
    struct problem *p = problem_load(path, &err);
    if (!p) fail_msg("%s", err.text);
    return p;
}

static void check_problem(const char *path) {
    PROBLEM p = load_problem(path);
    for (size_t i = 0; i < problem_size_count(p); i++) {
        BOUND b = bound_of(p, problem_size_name(p, i));
        struct cost cost;
        bound_cost(b, &cost);
        assert_true(cost.flops > 0 && cost.oracle_flops > 0);
    }
    BOUND check = bound_of(p, "check"); /* every problem of the suite has it */
    assert_non_null(check);
}

static struct problem *find_problem(const char *name) {
    glob_t found;
    struct problem *p = NULL;
    assert_int_equal(glob(SUITE, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        PROBLEM candidate = load_problem(found.gl_pathv[i]);
        if (!p && strcmp(problem_name(candidate), name) == 0) p = TAKE(candidate);
    }
    globfree(&found);
    if (!p) fail_msg("no problem `%s` in the suite", name);
    return p;
}

/* At a size where constraints rule out every configuration the worker takes another one; at one at least it must bind.
 */
static void check_kernel(const char *path) {
    struct error err = ERROR_INIT;
    KERNEL k = kernel_load(path, &err);
    if (!k) fail_msg("%s", err.text);
    PROBLEM p = find_problem(kernel_problem(k));
    int bound = 0;
    for (size_t i = 0; i < problem_size_count(p); i++) {
        BOUND b = bound_of(p, problem_size_name(p, i));
        struct tune_point *t = NULL;
        size_t n = 0;
        if (kernel_enumerate(k, b, KERNEL_MAX_CONFIGS, &t, &n, &err) != 0) fail_msg("%s", err.text);
        for (size_t j = 0; j < n; j++) {
            struct plan *plan = NULL;
            if (kernel_bind(k, b, &t[j], &plan, &err) != 0) fail_msg("%s: %s", path, err.text);
            plan_free(plan);
            bound++;
        }
        free(t);
    }
    if (bound == 0) fail_msg("%s binds at no size", path);
}

static void every_problem_of_the_suite_loads(void **state) {
    (void)state;
    each(SUITE, check_problem);
}

static void every_kernel_that_ships_binds(void **state) {
    (void)state;
    each(KERNELS, check_kernel);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_problem_of_the_suite_loads),
        cmocka_unit_test(every_kernel_that_ships_binds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
