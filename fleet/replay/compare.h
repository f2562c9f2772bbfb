/* What was recorded against what came out when it was run again. */
#pragma once
#include <jansson.h>
#include <stdio.h>

#include "records.h"

/* {"agrees": bool, "verdict": {"recorded", "now", "same"}, "data": {"sets", "same", "sealed"}, "evidence": {"recorded",
 * "now", "same", "same_place"}, "answers": {"compared", "same"}, "device": {"recorded", "now", "same"},
 * "speedup": {"recorded", "now": {"value", "low", "high"}, "overlap": bool or null}, "time_ns_p50": {"recorded",
 * "now"}}.
 *
 * It agrees when the verdict is the same; and where all data are the same, the evidence names the same place; and on
 * the same device (by fingerprint), the intervals of the speedup overlap and the answers to the same data are bit for
 * bit the same (kernels that declare atomics excepted). What cannot be compared is null and speaks against nothing. New
 * reference. */
json_t *replay_compare(const struct rec_result *recorded, const struct rec_result *now);
/* The same for a person. */
void replay_print(const json_t *comparison, FILE *out);
