/* A sweep's file (docs/sweep.md):
 *
 *   sweep: nightly
 *   cron: "30 1 * * *"
 *   time_zone: Europe/Berlin
 *   targets: [pocl-cpu, {vendor: nvidia}]
 *   deadline: 6h
 */
#pragma once
#include "coordinator/sweep/cron.h"
#include "coordinator/sweep/findings.h"
#include "coordinator/sweep/zone.h"
#include "problems/campaign/campaign.h"

#define SWEEP_FILE_MAX_BYTES (64 * 1024)
#define SWEEP_CATCH_UP_MAX 30
#define SWEEP_DEADLINE_DEFAULT_MS (INT64_C(8) * 3600 * 1000)

/* What becomes of a run that is due while the one before is open. */
enum sweep_overlap { SWEEP_OVERLAP_SKIP, SWEEP_OVERLAP_REPLACE };
/* What becomes of runs that were due while nobody could start them. */
enum sweep_catch_up { SWEEP_CATCH_UP_NONE, SWEEP_CATCH_UP_LATEST, SWEEP_CATCH_UP_ALL };
const char *sweep_overlap_name(enum sweep_overlap overlap);
const char *sweep_catch_up_name(enum sweep_catch_up catch_up);

struct sweep_file {
    char *text; /* as it came */
    char *name, *cron_text, *zone_name;
    struct cron cron;
    struct zone *zone;
    struct campaign_target *targets;
    size_t n_targets;
    char **problems, **kernels; /* names or globs; none: all that were promoted */
    size_t n_problems, n_kernels;
    bool all_promoted; /* each kernel that was confirmed, not only the best of its cell */
    int64_t deadline_ms;
    enum sweep_overlap overlap;
    enum sweep_catch_up catch_up;
    int catch_up_limit;
    int priority, sets; /* sets 0: the usual number */
    bool notes_load;
    struct judge_config judge;
    struct notify_config notify;
};
/* NULL with err, "FILE:LINE:COL: ..." (ERR_INVALID, ERR_LIMIT). `filename` is used in messages only. */
struct sweep_file *sweep_file_parse(const char *text, size_t len, const char *filename, struct error *err);
void sweep_file_free(struct sweep_file *file); /* accepts NULL */
DEFINE_CLEANUP(cleanup_sweep_file, struct sweep_file *, sweep_file_free)
/* Where `key` stands, or the entry `entry` of its list (NULL: the key's value): "FILE:LINE:COL". */
void sweep_file_position(const struct sweep_file *file, const char *filename, const char *key, const char *entry,
                         char out[CAMPAIGN_POSITION_SIZE]);
