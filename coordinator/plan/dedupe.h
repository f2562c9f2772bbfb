/* Content-addressed dedupe: what was measured is not measured again. A planned task whose kernel, problem, size,
 * target, policy and kind are those of a task that has its result, and whose devices have the driver that this was
 * measured with, ends at once with that result: same result_id, `deduplicated_from` names the task. Measurements are
 * not repeated.
 *
 * Taken are verdicts that stand (`provisional` or `confirmed`), `correct` ones only with their times. A result that was
 * itself deduplicated is no source: its origin is asked, which may have been retracted since. */
#pragma once
#include "coordinator/core.h"

/* Ends what is known of a campaign's queued tasks that have had no attempt; nothing for tries and replays, nor where
 * the campaign was submitted with force. All of its tasks must have been added. *ret_known counts. */
int dedupe_campaign(struct core *core, struct campaign *campaign, int64_t *ret_known, struct error *err);
