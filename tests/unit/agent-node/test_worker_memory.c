/* Poison, guard bands, layout, united plans, the cache of binaries, findings and phases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent-node/worker/binary_cache.h"
#include "agent-node/worker/finding.h"
#include "agent-node/worker/layout.h"
#include "agent-node/worker/phases.h"
#include "agent-node/worker/plan_union.h"
#include "agent-node/worker/poison.h"
#include "agent-node/worker/timing/lane.h"
#include "common/buf.h"
#include "common/fileio.h"

/* --- poison ----------------------------------------------------------------------------------- */
static void poison_fills_every_length_with_its_pattern(void **state) {
    (void)state;
    uint8_t *data = aligned_alloc(64, 256);
    for (enum dtype d = DTYPE_F32; d < DTYPE_COUNT; d++)
        for (size_t bytes = dtype_bytes(d); bytes <= 160; bytes += dtype_bytes(d)) {
            struct poison p = poison_new();
            memset(data, 0, 256);
            poison_fill(&p, d, data, bytes);
            int64_t elements = (int64_t)(bytes / dtype_bytes(d)), first = -2;
            assert_int_equal(poison_left(&p, d, data, elements, &first), elements);
            assert_int_equal(first, 0);
            assert_true(poison_intact(&p, d, data, bytes));
            for (size_t i = bytes; i < 256; i++) assert_int_equal(data[i], 0);
        }
    free(data);
}

static void a_single_changed_byte_is_noticed_wherever_it_is(void **state) {
    (void)state;
    uint8_t *data = aligned_alloc(64, 256);
    for (enum dtype d = DTYPE_F32; d < DTYPE_COUNT; d++)
        for (size_t i = 0, bytes = 160 - dtype_bytes(d); i < bytes; i++) {
            struct poison p = poison_new();
            poison_fill(&p, d, data, bytes);
            data[i] ^= 0x10;
            assert_false(poison_intact(&p, d, data, bytes));
            assert_int_equal(poison_left(&p, d, data, (int64_t)(bytes / dtype_bytes(d)), NULL),
                             bytes / dtype_bytes(d) - 1);
        }
    free(data);
}

static void poison_of_floats_is_nan_in_every_word(void **state) {
    (void)state;
    struct poison p = poison_new();
    float f[1000];
    for (size_t i = 0; i < 1000; i++) {
        uint32_t word = poison_word(&p, DTYPE_F32, i);
        memcpy(&f[i], &word, 4);
        assert_true(f[i] != f[i]);
    }
}

static void another_pattern_is_not_taken_for_this_one(void **state) {
    (void)state;
    uint8_t *data = aligned_alloc(64, 4096);
    struct poison a = {.base = 1}, b = {.base = 0x80000001u};
    poison_fill(&a, DTYPE_F32, data, 4096);
    assert_int_equal(poison_left(&b, DTYPE_F32, data, 1024, NULL), 0);
    free(data);
}

static void a_guard_band_remembers_each_byte_on_both_sides(void **state) {
    (void)state;
    enum { FRONT = 64, BEHIND = 92, BYTES = 36 };
    uint8_t memory[FRONT + BYTES + BEHIND], *data = memory + FRONT;
    struct poison p = poison_new();
    int64_t at = 0;
    for (int i = 0; i < FRONT + BEHIND; i++) {
        guard_fill(&p, data, BYTES, FRONT, BEHIND);
        assert_int_equal(guard_check(&p, data, BYTES, FRONT, BEHIND, &at), 0);
        int where = i < FRONT ? i - FRONT : BYTES + i - FRONT;
        data[where] ^= 1;
        assert_int_equal(guard_check(&p, data, BYTES, FRONT, BEHIND, &at), -1);
        assert_int_equal(at, where);
    }
}

static void slots_lie_on_pages_and_keep_their_distance(void **state) {
    (void)state;
    struct layout l = layout_new(64 * 4096, 4096);
    struct slot a, b;
    assert_int_equal(layout_add(&l, 5000, &a), 0);
    assert_int_equal(layout_add(&l, 4, &b), 0);
    assert_int_equal(a.offset % 4096, 0);
    assert_int_equal(b.offset % 4096, 0);
    assert_true(a.offset >= 4096 && a.offset + 5000 + 4096 <= b.offset - 4096);
    /* The band behind one buffer ends where the band in front of the next begins: nothing lies unwatched between. */
    assert_int_equal(a.offset + 5000 + layout_behind(5000, 4096), b.offset - 4096);
    assert_int_equal(layout_add(&l, 64 * 4096, &b), -1);
    assert_int_equal(layout_add(&l, SIZE_MAX - 10, &b), -1);
}

/* --- windows ---------------------------------------------------------------------------------- */
static void windows_are_filled_by_sets_that_fit_and_repeated_until_long_enough(void **state) {
    (void)state;
    struct plan_buffer buffer = {.name = "x", .bytes = 1 << 20};
    struct plan plan = {.n_buffers = 1, .buffer = &buffer};
    struct subject s = {.n_cases = 1, .cases = {{.plan = &plan}}};
    struct pace p = pace_for(&s, 1e6, 10e6); /* ten launches of 1 ms fit easily */
    assert_int_equal(p.n, 10);
    assert_int_equal(p.repeats, 1);
    p = pace_for(&s, 10e3, 10e6); /* a thousand launches of 10 us do not fit 64 MiB */
    assert_true(p.n >= 60 && p.n <= 64);
    assert_true(p.n * p.repeats >= 1000 && p.n * (p.repeats - 1) < 1000);
    p = pace_for(&s, 1e9, 10e6);
    assert_int_equal(p.n, 1);
    assert_int_equal(pace_first(&s).n, 4);
    buffer.bytes =
        40 << 20; /* one set is over half of the arena: one at a time, and the arena has room for two outputs */
    assert_int_equal(pace_for(&s, 1e3, 10e6).n, 1);
    assert_int_equal(pace_first(&s).n, 1);
    struct rec_device host = {.host_memory = true, .cache_bytes = 32 << 20};
    assert_true(lane_arena_bytes(&s, &host) >= (size_t)80 << 20);
}

/* A GPU's sets are uploaded, and could still lie in its cache: those behind them push them out. */
static void a_gpu_gets_sets_to_flush_over_twice_its_cache_with(void **state) {
    (void)state;
    struct plan_buffer buffer = {.name = "x", .bytes = 1 << 20};
    struct plan plan = {.n_buffers = 1, .buffer = &buffer};
    struct subject s = {.n_cases = 1, .cases = {{.plan = &plan}}};
    struct pace three = {.n = 3, .repeats = 1}, many = {.n = 400, .repeats = 1}, one = {.n = 1, .repeats = 1};
    struct rec_device gpu = {.cache_bytes = 50 << 20}, host = {.host_memory = true, .cache_bytes = 50 << 20};
    size_t bytes = layout_plan_need(&plan, LANE_GUARD);
    assert_true((size_t)(lane_flush_sets(&three, bytes, &gpu) + 4) * bytes > (size_t)2 * 50 << 20);
    assert_true(lane_arena_bytes(&s, &gpu) >= (size_t)(lane_flush_sets(&three, bytes, &gpu) + 4) * bytes);
    assert_int_equal(lane_flush_sets(&many, bytes, &gpu), 0);
    assert_int_equal(lane_flush_sets(&three, bytes, &host), 0);
    assert_true(lane_flush_sets(&one, 4096, &gpu) <= LANE_SETS_MAX);
    gpu.cache_bytes = (int64_t)1 << 40; /* nonsense */
    assert_int_equal(lane_flush_sets(&one, bytes, &gpu), 0);
}

/* --- united plans ----------------------------------------------------------------------------- */
static struct plan plan_of(struct plan_buffer *buffers, int n_buffers, struct plan_launch *launches, int n_launches) {
    return (struct plan){.source = (char *)(uintptr_t) "s",
                         .options = (char *)(uintptr_t) "",
                         .n_buffers = n_buffers,
                         .buffer = buffers,
                         .n_launches = n_launches,
                         .launch = launches};
}

static void sizes_are_united_with_small_grids_first_and_each_geometry_once(void **state) {
    (void)state;
    struct plan_arg arg = {.kind = PLAN_ARG_BUFFER, .buffer = 0};
    struct plan_buffer one = {.name = "x", .bytes = 4}, two = {.name = "x", .bytes = 8};
    struct plan_launch large = {
        .entry = "k", .n_args = 1, .arg = &arg, .dims = 1, .global = {1 << 20}, .local = {64}, .has_local = true};
    struct plan_launch small = large, same = large;
    small.global[0] = 128;
    struct plan a = plan_of(&one, 1, &large, 1), b = plan_of(&two, 1, &small, 1), c = plan_of(&two, 1, &same, 1),
                *whole = NULL;
    const struct plan *plans[] = {&a, &b, &c};
    assert_int_equal(plan_union(plans, 3, &whole, NULL), 0);
    assert_int_equal(whole->n_launches, 2);
    assert_int_equal(whole->launch[0].global[0], 128);
    assert_int_equal(whole->n_buffers, 2);
    assert_int_equal(whole->buffer[whole->launch[0].arg[0].buffer].bytes, 8);
    plan_free(whole);
}

static void launches_of_one_geometry_count_once_in_a_united_plan(void **state) {
    (void)state;
    enum { N = PLAN_MAX_LAUNCHES };
    struct plan_buffer buffer = {.name = "x", .bytes = 4};
    static struct plan_launch at_one_size[N], at_another[N], apart[N];
    for (int i = 0; i < N; i++) {
        at_one_size[i] = (struct plan_launch){.entry = "k", .dims = 1, .global = {4}};
        at_another[i] = (struct plan_launch){.entry = "k", .dims = 1, .global = {8}};
        apart[i] = (struct plan_launch){.entry = "k", .dims = 1, .global = {100 + (size_t)i}};
    }
    struct plan a = plan_of(&buffer, 1, at_one_size, N), b = plan_of(&buffer, 1, at_another, N),
                c = plan_of(&buffer, 1, apart, N), *whole = NULL;
    const struct plan *fit[] = {&a, &b}, *do_not[] = {&a, &c};
    struct error err = ERROR_INIT;
    assert_int_equal(plan_union(fit, 2, &whole, &err), 0);
    assert_int_equal(whole->n_launches, 2);
    plan_free(whole);
    assert_int_equal(plan_union(do_not, 2, &whole, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
}

/* --- binaries --------------------------------------------------------------------------------- */
static char folder[] = "/tmp/portolan-test-XXXXXX";

static void a_binary_is_kept_and_a_damaged_one_is_not_used(void **state) {
    (void)state;
    struct binary_cache *c = binary_cache_new(folder);
    size_t len = 0;
    assert_null(binary_cache_get(c, "abc", &len));
    binary_cache_put(c, "abc", "hello", 5);
    binary_cache_free(c);
    c = binary_cache_new(folder);
    uint8_t *data = binary_cache_get(c, "abc", &len);
    assert_int_equal(len, 5);
    assert_string_equal((char *)data, "hello");
    free(data);
    char *path = path_join(folder, "abc"), *whole = file_read(path, 100, &len, NULL);
    whole[len - 1] ^= 1;
    assert_int_equal(file_write_durable(path, whole, len, 0600, NULL), 0);
    assert_null(binary_cache_get(c, "abc", &len));
    free(path);
    free(whole);
    binary_cache_free(c);
}

static void names_of_binaries_depend_on_all_that_they_are_made_of(void **state) {
    (void)state;
    struct plan_launch l = {.entry = "k", .dims = 1, .global = {64}, .local = {8}, .has_local = true};
    struct plan p = plan_of(NULL, 0, &l, 1);
    char name[6][65];
    binary_cache_key("text", &p, "device", name[0]);
    binary_cache_key("text2", &p, "device", name[1]);
    binary_cache_key("text", &p, "device2", name[2]);
    l.local[0] = 16;
    binary_cache_key("text", &p, "device", name[3]);
    l.has_local = false;
    binary_cache_key("text", &p, "device", name[4]);
    p.options = (char *)(uintptr_t) "-cl-mad-enable";
    binary_cache_key("text", &p, "device", name[5]);
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < i; k++) assert_string_not_equal(name[i], name[k]);
}

/* --- findings --------------------------------------------------------------------------------- */
static void the_most_severe_finding_stays_and_the_first_of_equals(void **state) {
    (void)state;
    struct finding f = FINDING_INIT;
    finding_verdict(&f, VERDICT_NONDETERMINISTIC, "n");
    finding_verdict(&f, VERDICT_REDUCED_PRECISION, "r");
    finding_verdict(&f, VERDICT_WRONG_OUTPUT, "first");
    finding_verdict(&f, VERDICT_WRONG_OUTPUT, "second");
    finding_verdict(&f, VERDICT_REDUCED_PRECISION, "r");
    finding_verdict(&f, VERDICT_IMPLAUSIBLE, "i");
    assert_string_equal(f.text, "first");
    finding_verdict(&f, VERDICT_OUT_OF_BOUNDS, "o");
    assert_int_equal(f.verdict, VERDICT_OUT_OF_BOUNDS);
    finding_infrastructure(&f, "driver");
    assert_true(finding_fatal(&f));
    finding_verdict(&f, VERDICT_CRASHED, "c");
    assert_string_equal(f.text, "driver");
    finding_cancelled(&f);
    assert_int_equal(f.kind, FINDING_CANCELLED);
    finding_done(&f);
}

static void every_verdict_has_a_name_and_a_status_of_its_own(void **state) {
    (void)state;
    for (int i = 0; i < VERDICT_COUNT; i++) {
        assert_int_equal(verdict_from_name(verdict_name((enum verdict)i)), i);
        for (int k = 0; k < i; k++)
            assert_int_not_equal(verdict_exit_status((enum verdict)i), verdict_exit_status((enum verdict)k));
    }
    assert_int_equal(verdict_exit_status(VERDICT_CORRECT), 0);
    assert_int_equal(verdict_from_name("splendid"), -1);
}

static void overhead_is_what_no_phase_accounts_for(void **state) {
    (void)state;
    struct phases p = {0};
    struct rec_list_phase list = {0};
    phases_add(&p, "compile", 3000000);
    phases_add(&p, "time/start", 1000000);
    phases_add(&p, "time", 5000000);
    phases_add(&p, "compile", 1000000);
    phases_report(&p, 10000000, &list);
    assert_int_equal(list.count, 4);
    assert_string_equal(list.items[3].name, "overhead");
    assert_true(list.items[3].ms > 0.999 && list.items[3].ms < 1.001);
    assert_true(list.items[0].ms > 3.999 && list.items[0].ms < 4.001);
    for (size_t i = 0; i < list.count; i++) rec_phase_done(&list.items[i]);
    free(list.items);
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}
static int remove_folder(void **state) {
    (void)state;
    return dir_remove(folder, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(poison_fills_every_length_with_its_pattern),
        cmocka_unit_test(a_single_changed_byte_is_noticed_wherever_it_is),
        cmocka_unit_test(poison_of_floats_is_nan_in_every_word),
        cmocka_unit_test(another_pattern_is_not_taken_for_this_one),
        cmocka_unit_test(a_guard_band_remembers_each_byte_on_both_sides),
        cmocka_unit_test(slots_lie_on_pages_and_keep_their_distance),
        cmocka_unit_test(windows_are_filled_by_sets_that_fit_and_repeated_until_long_enough),
        cmocka_unit_test(a_gpu_gets_sets_to_flush_over_twice_its_cache_with),
        cmocka_unit_test(sizes_are_united_with_small_grids_first_and_each_geometry_once),
        cmocka_unit_test(launches_of_one_geometry_count_once_in_a_united_plan),
        cmocka_unit_test(a_binary_is_kept_and_a_damaged_one_is_not_used),
        cmocka_unit_test(names_of_binaries_depend_on_all_that_they_are_made_of),
        cmocka_unit_test(the_most_severe_finding_stays_and_the_first_of_equals),
        cmocka_unit_test(every_verdict_has_a_name_and_a_status_of_its_own),
        cmocka_unit_test(overhead_is_what_no_phase_accounts_for),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
