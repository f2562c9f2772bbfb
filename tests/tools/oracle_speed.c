/* How fast the float64 oracle is, by problem: useful operations of the problem over the time that it takes with error
 * scales, and how well the estimate foretells it that decides whether a size is sampled.
 *   oracle_speed SIZE PROBLEM.yaml...
 * A line each; the best of three runs, on all processors. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "problems/data/data.h"
#include "problems/graph/oracle.h"
#include "problems/graph/problem.h"

#define RUNS 3

static _Noreturn void fail(const struct error *err) {
    fprintf(stderr, "oracle_speed: %s\n", err->text);
    exit(1);
}

static void **make_data(const struct bound *b) {
    struct error err = ERROR_INIT;
    struct data_seed seed = {{1}};
    void **data = xcalloc((size_t)b->n_tensors, sizeof *data);
    for (int t = 0; t < b->n_tensors; t++)
        if (b->tensor[t].role == TENSOR_INPUT || b->tensor[t].role == TENSOR_WEIGHT)
            data[t] = xmalloc(b->tensor[t].bytes > 0 ? b->tensor[t].bytes : 1);
    if (data_fill_all(b, &seed, 0, DIST_DECLARED, data, &err) != 0) fail(&err);
    return data;
}

static double best_seconds(const struct bound *b, void *const *data) {
    double best = 0;
    for (int i = 0; i < RUNS; i++) {
        struct error err = ERROR_INIT;
        struct oracle_result r = {0};
        int64_t from = clock_mono_ns();
        if (oracle_eval(b, (const void *const *)data, 0, false, NULL, &r, &err) != 0) fail(&err);
        double seconds = (double)(clock_mono_ns() - from) / 1e9;
        oracle_done(&r);
        if (i == 0 || seconds < best) best = seconds;
    }
    return best;
}

static void measure(const char *path, const char *size) {
    struct error err = ERROR_INIT;
    struct cost cost;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct problem *p = problem_load(path, &err);
    struct bound *b = p ? problem_bind(p, size, &err) : NULL;
    if (!b) fail(&err);
    bound_cost(b, &cost);
    void **data = make_data(b);
    double seconds = best_seconds(b, data), estimate = cost.oracle_flops / (ORACLE_FLOPS_PER_CORE_S * (double)cores);
    printf("%-28s %-7s %10.1f ms  %8.2f GFLOP/s  estimated %.1f ms\n", problem_name(p), size, seconds * 1e3,
           cost.flops / seconds / 1e9, estimate * 1e3);
    fflush(stdout);
    for (int t = 0; t < b->n_tensors; t++) free(data[t]);
    free(data);
    bound_free(b);
    problem_free(p);
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: oracle_speed SIZE PROBLEM.yaml...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) measure(argv[i], argv[1]);
    return 0;
}
