/* Who a task is: by its contents, so that planning again gives the same ids. */
#pragma once
#include "coordinator/core.h"
#include "problems/campaign/campaign.h"
#include "problems/graph/problem.h"

/* The policy of a campaign's tasks for one problem, with the baselines: {"baselines": [...], "policy": {...}}, keys
 * sorted. Tasks that measure something again have "config" (tune values) in it, replays "seeds" too; "audit_promoted"
 * is for the promotions that follow. `search_tasks` share the campaign's budget of this problem and target; 0 for a
 * `measure` task. The caller frees. */
char *policy_text(const struct campaign_file *file, const struct problem *problem, int search_tasks);
/* The reverse, into an initialised task. ERR_INVALID. */
int policy_apply(const char *text, struct rec_task *task, struct error *err);
/* What policy_apply() set in `from`, into an initialised task. */
void policy_copy(const struct rec_task *from, struct rec_task *to);
/* Fill row->id: the first 128 bits of SHA-256 over the contents' hashes, campaign, purpose, repetition and parent. */
void task_identify(struct row_task *row, const char *purpose, int repetition);
void campaign_id_new(bool is_try, char out[CAMPAIGN_ID_SIZE]);
