/* An attempt for a person: verdict with evidence, times with interval. */
#pragma once
#include <stdio.h>

#include "records.h"

/* "0.412 ms" */
void show_time(double ns, char out[32]);
void show_attempt(const struct rec_device *d, const struct rec_task *task, const struct rec_attempt *a, FILE *out);
/* Where its time went, one line. */
void show_phases(const struct rec_attempt *a, FILE *out);
/* Whether others disturbed the measurement, one or two lines; nothing where nothing was timed or tried to be. */
void show_load(const struct rec_attempt *a, FILE *out);
