/* A runner in an attacker's hands speaks to a real worker: frames that are malformed, oversized, out of turn, doubled,
 * ahead of their question, half there or without end. None may become a verdict in its favour, none may stay with the
 * worker, and the next task is correct. */
#include "tests/attacks/attacked.h"

static void broken_frames_end_the_runner(void **state) {
    (void)state;
    static const char *const words[] = {"garbage",         "magic",          "version",         "request_type",
                                        "unknown_type",    "huge_length",    "done_with_bytes", "short_result",
                                        "negative_status", "unknown_status", "negative_log",    "lengths_overflow",
                                        "data_unasked",    "log_and_more",   "bad_phase"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char word[64];
        snprintf(word, sizeof word, "say_%s", words[i]);
        attack_ends_as(word, "crashed", "no longer spoke its protocol");
    }
}

static void frames_out_of_turn_end_the_runner(void **state) {
    (void)state;
    static const char *const words[] = {"result_for_done",    "hello_again",        "claim_first",
                                        "answer_to_the_next", "answer_to_the_last", "double"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char word[64];
        snprintf(word, sizeof word, "say_%s", words[i]);
        attack(word);
        /* "Done" said before anything was computed is believed, and then looked at. */
        if (strcmp(words[i], "double") == 0 && strcmp(attempt.verdict, "incomplete_write") == 0) continue;
        expect(word, "crashed", "no longer spoke its protocol");
        honest_is_correct();
    }
}

static void half_of_a_message_is_a_timeout(void **state) {
    (void)state;
    static const char *const words[] = {"say_half_a_header", "say_half_a_body", "say_silence", "say_phases_for_ever"};
    int64_t usual_ms = task.policy.run_timeout_ms;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        task.policy.run_timeout_ms = 300;
        attack(words[i]);
        task.policy.run_timeout_ms = usual_ms;
        expect(words[i], "timeout", "took longer than 300 ms");
        honest_is_correct();
    }
}

static void a_closed_socket_is_a_crash(void **state) {
    (void)state;
    attack_ends_as("say_closed", "crashed", "");
}

/* The same from the compile runner: its answers are text that is checked and a binary. */
static void a_compile_runner_cannot_break_the_protocol_either(void **state) {
    (void)state;
    static const char *const words[] = {"garbage",     "huge_length",        "negative_log", "lengths_overflow",
                                        "hello_again", "answer_to_the_next", "claim_first"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char word[64];
        snprintf(word, sizeof word, "build_say_%s", words[i]);
        attack_ends_as(word, "crashed", "no longer spoke its protocol");
    }
}

/* Open (README.md, 29): before anything was run, a runner's word about its device is believed. */
static void a_device_that_is_lost_while_loading_is_believed(void **state) {
    (void)state;
    attack("load_lost");
    assert_string_equal(attempt.outcome, "infrastructure");
    assert_null(attempt.verdict);
    honest_is_correct();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_frames_end_the_runner),
        cmocka_unit_test(frames_out_of_turn_end_the_runner),
        cmocka_unit_test(half_of_a_message_is_a_timeout),
        cmocka_unit_test(a_closed_socket_is_a_crash),
        cmocka_unit_test(a_compile_runner_cannot_break_the_protocol_either),
        cmocka_unit_test(a_device_that_is_lost_while_loading_is_believed),
    };
    return cmocka_run_group_tests(tests, worker_start, worker_end);
}
