/* The interval against distributions that are known: how often it holds the truth, how often "faster" is said of two
 * equals, and what happens when the process is not the unit. Random numbers from a fixed seed: the counts are the same
 * in every run, and the limits are what a binomial of that many trials exceeds once in a million. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "common/stats.h"

#define TRIALS 4000
#define QUADS 8
#define MARGIN 0.005

static uint64_t state64 = 0x9E3779B97F4A7C15u;

/* splitmix64: Steele, Lea & Flood, "Fast splittable pseudorandom number generators" (2014). */
static double uniform(void) {
    uint64_t z = state64 += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static double normal(void) {
    return sqrt(-2 * log(1 - uniform())) * cos(2 * M_PI * uniform());
}

/* Student's t with two degrees of freedom: no variance. By inversion of its distribution function. */
static double heavy(void) {
    double u = 2 * uniform() - 1;
    return u * sqrt(2 / (1 - u * u));
}

/* A process's own offset, as measured on CPU drivers: some per cent, from one of a few placements, or in between. */
static double placement(void) {
    double u = uniform();
    return u < 0.4 ? 0 : u < 0.6 ? 0.03 : u < 0.8 ? -0.02 : 0.06 * (uniform() - 0.5);
}

/* What a set of runners says, in logarithms: the truth, the difference of its two processes' offsets, and the median
 * over quads of what the windows did. */
typedef double set_fn(double truth);

static double quads_of(double (*noise)(void), double sigma) {
    double quad[QUADS];
    for (int i = 0; i < QUADS; i++) quad[i] = sigma * (noise() + noise() - noise() - noise()) / 2;
    return stats_median(quad, QUADS);
}

static double set_normal(double truth) {
    return truth + quads_of(normal, 0.01);
}

static double set_heavy(double truth) {
    return truth + 0.004 * (heavy() - heavy());
}

static double set_with_offsets(double truth) {
    return truth + placement() - placement() + quads_of(heavy, 0.005);
}

struct counts {
    int covered, faster, slower;
};

static struct counts simulate(set_fn *set, size_t k, double truth) {
    struct counts c = {0};
    double x[64];
    for (int t = 0; t < TRIALS; t++) {
        for (size_t i = 0; i < k; i++) x[i] = set(truth);
        struct interval i = stats_hodges_lehmann(x, k, 0.99);
        c.covered += i.low <= truth && truth <= i.high;
        c.faster += exp(i.low) > 1 + MARGIN;
        c.slower += exp(i.high) < 1 - MARGIN;
    }
    return c;
}

/* Most misses that a binomial of TRIALS at `p` shows, but once in a million: 4.75 standard deviations and a bit. */
static int most(double p) {
    return (int)ceil(TRIALS * p + 4.75 * sqrt(TRIALS * p * (1 - p)) + 2);
}

static void expect_coverage(set_fn *set, size_t k) {
    double x[64];
    for (size_t i = 0; i < k; i++) x[i] = set(0.02);
    double missed = 1 - stats_hodges_lehmann(x, k, 0.99).confidence; /* what this k is worth */
    struct counts c = simulate(set, k, 0.02);
    if (TRIALS - c.covered > most(missed))
        fail_msg("k = %zu: missed %d of %d, %d are allowed", k, TRIALS - c.covered, TRIALS, most(missed));
    /* ... and it is exact, not merely safe: an interval of twice the worth would miss far less. */
    if (missed > 0.005 && TRIALS - c.covered < TRIALS * missed - 4.75 * sqrt(TRIALS * missed) - 2)
        fail_msg("k = %zu: missed only %d of %d", k, TRIALS - c.covered, TRIALS);
}

static void the_interval_holds_the_truth_as_often_as_it_says(void **state) {
    (void)state;
    static const size_t ks[] = {5, 8, 10, 16};
    for (size_t i = 0; i < sizeof ks / sizeof *ks; i++) {
        expect_coverage(set_normal, ks[i]);
        expect_coverage(set_heavy, ks[i]);
        expect_coverage(set_with_offsets, ks[i]);
    }
}

static void two_equals_are_called_different_less_often_than_one_in_a_hundred(void **state) {
    (void)state;
    static const size_t ks[] = {8, 10, 16};
    set_fn *const sets[] = {set_normal, set_heavy, set_with_offsets};
    for (size_t i = 0; i < sizeof ks / sizeof *ks; i++)
        for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
            struct counts c = simulate(sets[s], ks[i], 0);
            if (c.faster + c.slower > most(0.01)) fail_msg("k = %zu, kind %zu: %d", ks[i], s, c.faster + c.slower);
            if (c.faster > most(0.005) || c.slower > most(0.005)) fail_msg("k = %zu, kind %zu: lopsided", ks[i], s);
        }
}

static void five_per_cent_are_found_where_processes_differ_by_three(void **state) {
    (void)state;
    struct counts c = simulate(set_with_offsets, 16, log(1.05));
    assert_true(c.faster > TRIALS * 0.8);
    assert_int_equal(c.slower, 0);
}

/* The reason for fresh processes: the same pairs, all from one pair of processes, look precise and are wrong. */
static double offset_of_this_run;
static double set_in_one_process(double truth) {
    return truth + offset_of_this_run + quads_of(heavy, 0.005);
}

static void pairs_from_one_process_are_wrong_with_confidence(void **state) {
    (void)state;
    int wrong = 0;
    for (int t = 0; t < 400; t++) {
        double x[16];
        offset_of_this_run = placement() - placement();
        for (size_t i = 0; i < 16; i++) x[i] = set_in_one_process(0);
        struct interval i = stats_hodges_lehmann(x, 16, 0.99);
        wrong += i.low > 0 || i.high < 0;
    }
    assert_true(wrong > 200);
}

/* P(T+ <= w) of the signed-rank statistic, by counting all 2^n sign patterns; against what the interval is worth. */
static void worth_is_exact_for_every_n_that_can_be_counted(void **state) {
    (void)state;
    for (size_t n = 1; n <= 16; n++) {
        double x[16], average[16 * 17 / 2];
        size_t count = 0, rank = 0, below = 0;
        for (size_t i = 0; i < n; i++) x[i] = ldexp(1, (int)i);
        struct interval got = stats_hodges_lehmann(x, n, 0.99);
        for (size_t i = 0; i < n; i++)
            for (size_t j = i; j < n; j++) average[count++] = (x[i] + x[j]) / 2;
        for (size_t i = 0; i < count; i++) rank += average[i] <= got.low; /* pair sums of powers of two are distinct */
        for (size_t signs = 0; signs < (size_t)1 << n; signs++) {
            size_t sum = 0;
            for (size_t i = 0; i < n; i++) sum += signs >> i & 1 ? i + 1 : 0;
            below += sum < rank;
        }
        double worth = 1 - 2 * (double)below / (double)((size_t)1 << n);
        if (fabs(got.confidence - worth) > 1e-12) fail_msg("n = %zu: %.15g, not %.15g", n, got.confidence, worth);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_interval_holds_the_truth_as_often_as_it_says),
        cmocka_unit_test(two_equals_are_called_different_less_often_than_one_in_a_hundred),
        cmocka_unit_test(five_per_cent_are_found_where_processes_differ_by_three),
        cmocka_unit_test(pairs_from_one_process_are_wrong_with_confidence),
        cmocka_unit_test(worth_is_exact_for_every_n_that_can_be_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
