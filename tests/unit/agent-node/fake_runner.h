/* A runner without process or driver, for tests of the judge: it computes y = gelu(x) on the buffers of whatever plan
 * it gets, in the way that a comment of the form "fake: WORD=VALUE ..." in the source asks for. Time is made up, so
 * statistics can be tested to the last digit. Defines all of runner_client.h; include fake_runner.c in the test itself.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "records.h"

struct fake_counts {
    int started, alive, most_alive, compiled, preprocessed, loaded, runs, pauses, compilers_with_memory;
};
extern struct fake_counts fake_counts;
/* The next this many runner_start() calls fail with ERR_DEVICE. */
extern int fake_fail_starts;
/* What baselines (sources without a "fake:" comment) do: the text after "fake:"; "" is honest, 2000 ns a launch. */
extern const char *fake_baseline;
/* There is no simulator to audit with. */
extern bool fake_no_simulator;
/* The self-test's chain takes as long whatever its number of steps. */
extern bool fake_clock_lies;
/* Processor time of a machine with nothing on it but fake runners and what their "foreign=" says. */
extern const struct load_source fake_load;
void fake_reset(void);
/* The device that it stands for, and a task for it: one kernel of the problem `toy`, at size `small`. */
void fake_device(struct rec_device *ret);
void fake_task(struct rec_task *ret, const char *problem_yaml, const char *kernel_yaml);
