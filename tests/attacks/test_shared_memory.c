/* What a runner can do to the memory that it shares with its worker: it must not bring the worker down, and what is
 * judged is what was there when it said that it was done. */
#include "tests/attacks/attacked.h"

#include "common/sanitizer.h"

#define SIGNAL_11 (BUILT_WITH_SANITIZER ? "" : "signal 11") /* which a sanitizer catches and tells of */

static void the_memory_cannot_be_truncated(void **state) {
    (void)state;
    attack_ends_as("memory_truncate", "correct", "");
}

/* Pages that are given back read as zeros: no SIGBUS, and the inputs are not what they were. */
static void a_hole_under_the_worker_is_a_modified_input(void **state) {
    (void)state;
    attack_ends_as("memory_hole", "out_of_bounds", "");
}

static void a_runner_without_its_memory_crashes_alone(void **state) {
    (void)state;
    attack_ends_as("memory_unmap", "crashed", SIGNAL_11);
    attack_ends_as("memory_read_only", "crashed", SIGNAL_11);
    attack_ends_as("memory_beyond_the_end", "crashed", "");
}

static void a_second_mapping_is_worth_nothing(void **state) {
    (void)state;
    attack_ends_as("memory_twice", "correct", "");
}

/* All sets of a run lie in one arena: those whose turn is yet to come as well. */
static void the_inputs_of_later_sets_are_compared_too(void **state) {
    (void)state;
    attack_ends_as("memory_all_inputs", "out_of_bounds", "");
}

/* "Done" is said first, and 20 ms later the outputs change: the worker stops the process at that word and looks while
 * it stands still, so it sees what was there then, every time. */
static void what_changes_after_done_is_not_what_is_judged(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        attack_ends_as("memory_right_later", "incomplete_write", "");
        attack_ends_as("memory_wrong_later", "correct", "");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_memory_cannot_be_truncated),
        cmocka_unit_test(a_hole_under_the_worker_is_a_modified_input),
        cmocka_unit_test(a_runner_without_its_memory_crashes_alone),
        cmocka_unit_test(a_second_mapping_is_worth_nothing),
        cmocka_unit_test(the_inputs_of_later_sets_are_compared_too),
        cmocka_unit_test(what_changes_after_done_is_not_what_is_judged),
    };
    return cmocka_run_group_tests(tests, worker_start, worker_end);
}
