/* The coordinator's memory: one SQLite database (WAL, synchronous=FULL) in its state folder. What is committed here is
 * what happened; everything else is rebuilt from it after any crash. One thread uses a store at a time.
 *
 * Writes happen inside a transaction: store_begin() opens one if none is open, store_commit() makes it durable. All
 * write functions open one by themselves. Errors are ERR_IO with SQLite's text unless said otherwise; after a failed
 * write or commit the caller's memory and the store may differ, so the process must stop and start again from the
 * store.
 *
 * Format: PRAGMA user_version counts migrations (store/migrations.c says how to add one). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/error.h"

#define TASK_ID_SIZE 33     /* 32 hexadecimal digits and NUL */
#define CAMPAIGN_ID_SIZE 16 /* "c" or "t", 12 hexadecimal digits and NUL */
#define HASH_SIZE 65
#define LABEL_SIZE 65   /* names of problems, kernels, sizes, nodes, devices */
#define TARGET_SIZE 129 /* a target's name, or a selector's text while nothing matches it */
#define INCARNATION_SIZE 65

struct store;
/* Take the lock, open, migrate, raise the epoch. `dir` is made if missing. ERR_BUSY names the process that holds it;
 * ERR_UNSUPPORTED: written by a newer version. */
struct store *store_open(const char *dir, struct error *err);
/* Rolls an open transaction back. Accepts NULL. */
void store_close(struct store *store);
DEFINE_CLEANUP(cleanup_store, struct store *, store_close)
int store_begin(struct store *store, struct error *err);
int store_commit(struct store *store, struct error *err); /* no-op when none is open */
void store_rollback(struct store *store);

/* --- meta: epoch, cluster ---------------------------------------------------------------------------------------- */
int64_t store_epoch(const struct store *store);
/* Raise the epoch to at least `epoch` (somebody else's was seen on the bus). */
int store_raise_epoch(struct store *store, int64_t epoch, struct error *err);
/* "" when absent; the caller frees; NULL with err. */
char *store_meta_get(struct store *store, const char *key, struct error *err);
int store_meta_put(struct store *store, const char *key, const char *value, struct error *err);

/* --- campaigns and the texts they came with --------------------------------------------------- */
enum campaign_state { CAMPAIGN_RUNNING, CAMPAIGN_COMPLETE, CAMPAIGN_CANCELLED };
const char *campaign_state_name(enum campaign_state state);
struct row_campaign {
    int64_t seq; /* order of submission, given by the store */
    char id[CAMPAIGN_ID_SIZE];
    char name[LABEL_SIZE];
    char purpose[LABEL_SIZE]; /* campaign or try */
    enum campaign_state state;
    int exit_status; /* -1 while running */
    int32_t priority;
    double weight;
    int64_t deadline_ms; /* after created_ms; 0: at once */
    int64_t created_ms, finished_ms;
    int64_t submitted_ms; /* up time of the coordinator (coordinator/clocks.h) */
    bool force;           /* measure what is known already */
};
/* `definition` is the file as it came, `filename` what messages call it. Sets row->seq. */
int store_campaign_insert(struct store *store, struct row_campaign *row, const char *filename, const char *definition,
                          struct error *err);
int store_campaign_update(struct store *store, const struct row_campaign *row, struct error *err);
typedef int store_campaign_fn(void *context, const struct row_campaign *row, struct error *err);
/* Newest first. `running_only`, or those of `purpose` (NULL: all). `limit` <= 0: all. */
int store_campaigns(struct store *store, bool running_only, const char *purpose, int limit, store_campaign_fn *visit,
                    void *context, struct error *err);
/* By ID, unambiguous prefix of 4 or more, or "latest". ERR_NOT_FOUND, ERR_CONFLICT (several). */
int store_campaign_find(struct store *store, const char *id, struct row_campaign *ret, struct error *err);
/* Caller frees; NULL with err. */
char *store_campaign_definition(struct store *store, const char *id, char **ret_filename, struct error *err);

/* Content-addressed texts: a problem's YAML; a kernel's YAML and source; a policy (JSON, with the baselines). */
int store_problem_put(struct store *store, const char *hash, const char *yaml, struct error *err);
int store_kernel_put(struct store *store, const char *hash, const char *yaml, const char *source, struct error *err);
int store_policy_put(struct store *store, const char *hash, const char *json, struct error *err);
/* The caller frees; NULL with err (ERR_NOT_FOUND). */
char *store_problem_get(struct store *store, const char *hash, struct error *err);
char *store_kernel_get(struct store *store, const char *hash, char **ret_source, struct error *err);
char *store_policy_get(struct store *store, const char *hash, struct error *err);
/* What a campaign was submitted with, in order: needed to plan again when a device joins. */
enum input_kind { INPUT_PROBLEM, INPUT_KERNEL };
int store_input_add(struct store *store, const char *campaign, int ordinal, enum input_kind kind, const char *hash,
                    const char *path, struct error *err);
typedef int store_input_fn(void *context, enum input_kind kind, const char *hash, const char *path, struct error *err);
int store_inputs(struct store *store, const char *campaign, store_input_fn *visit, void *context, struct error *err);

/* --- tasks ------------------------------------------------------------------------------------ */
enum task_state {
    TASK_WAITING, /* no device serves its target */
    TASK_QUEUED,
    TASK_PUBLISHED, /* an attempt is in a mailbox */
    TASK_RUNNING,   /* an attempt was reported as running */
    TASK_DONE,
    TASK_GAVE_UP,
    TASK_CANCELLED,
    TASK_NO_DEVICE,
    TASK_STATE_COUNT
};
const char *task_state_name(enum task_state state);
static inline bool task_state_ended(enum task_state state) {
    return state >= TASK_DONE;
}
struct row_task {
    int64_t seq; /* number of the task, given by the store at its insertion */
    char id[TASK_ID_SIZE];
    char campaign[CAMPAIGN_ID_SIZE];
    int32_t ordinal;
    char kind[8];     /* measure or search */
    char strategy[8]; /* human or search */
    char problem[LABEL_SIZE], problem_hash[HASH_SIZE];
    char kernel[LABEL_SIZE], kernel_hash[HASH_SIZE];
    char size[LABEL_SIZE];
    char target[TARGET_SIZE];
    char policy_hash[HASH_SIZE];
    enum task_state state;
    int32_t attempts; /* numbers given out */
    int32_t failures; /* attempts that counted against the limit of three */
    int32_t busy;     /* times that the machine was busy */
    char avoid[400];  /* "node/device node/device": where it failed, three at most */
    char reason[256]; /* why it waits or gave up */
    int64_t changed_ms;
    char purpose[12];          /* promotion; "" for the campaign's own */
    char parent[TASK_ID_SIZE]; /* of a promotion: the task whose result it measures again */
    char wanted[256];          /* of a replay: "node/device" to run on while it is in service */
    int64_t queued_ms;         /* service time (coordinator/clocks.h) when it was queued last */
};
/* *ret_new tells whether it was not there yet (row->seq is set then); one that is there stays as it is. */
int store_task_insert(struct store *store, struct row_task *row, bool *ret_new, struct error *err);
/* By row->seq. Writes state, counters, avoid, reason, changed_ms and queued_ms. */
int store_task_update(struct store *store, const struct row_task *row, struct error *err);
/* Number of a task, 0 for none. */
int store_task_seq(struct store *store, const char *id, int64_t *ret, struct error *err);
int store_task_delete(struct store *store, const char *id, struct error *err);
typedef int store_task_fn(void *context, const struct row_task *row, struct error *err);
int store_tasks(struct store *store, const char *campaign, store_task_fn *visit, void *context, struct error *err);
/* By ID or unambiguous prefix of 4 or more. ERR_NOT_FOUND, ERR_CONFLICT. */
int store_task_find(struct store *store, const char *id, struct row_task *ret, struct error *err);
/* Task with a result that has the contents of `row` (kernel, problem, policy, size, target, kind; promotions apart),
 * the latest first, until `visit` says 1. */
int store_tasks_alike(struct store *store, const struct row_task *row, store_task_fn *visit, void *context,
                      struct error *err);
int store_task_counts(struct store *store, const char *campaign, int64_t ret[TASK_STATE_COUNT], struct error *err);

/* --- attempts --------------------------------------------------------------------------------- */
enum attempt_state {
    ATTEMPT_PUBLISHING, /* written here, delivery not yet reported */
    ATTEMPT_OPEN,
    ATTEMPT_LAPSED, /* its lease ran out; its result is still welcome */
    ATTEMPT_REVOKED,
    ATTEMPT_FAILED, /* infrastructure, or it could not be delivered */
    ATTEMPT_ACCEPTED,
    ATTEMPT_SUPERSEDED,
    ATTEMPT_ABANDONED, /* incarnation or cluster gone, or given back by the node */
    ATTEMPT_STATE_COUNT
};
const char *attempt_state_name(enum attempt_state state);
struct row_attempt {
    int64_t task_seq; /* 0: looked up by `task` */
    char task[TASK_ID_SIZE];
    int32_t n;
    char node[LABEL_SIZE], incarnation[INCARNATION_SIZE], device[LABEL_SIZE];
    int64_t epoch;
    enum attempt_state state;
    bool ran; /* a heartbeat reported it as running */
    char outcome[20], verdict[24];
    char reason[256];
    int64_t published_ms, finished_ms;
    double duration_ms;
};
int store_attempt_insert(struct store *store, const struct row_attempt *row, struct error *err);
int store_attempt_update(struct store *store, const struct row_attempt *row, struct error *err);
/* ERR_NOT_FOUND. */
int store_attempt_get(struct store *store, const char *task, int n, struct row_attempt *ret, struct error *err);
typedef int store_attempt_fn(void *context, const struct row_attempt *row, struct error *err);
/* All of a task in order; or, with `task` NULL, those publishing, open or lapsed of running campaigns. */
int store_attempts(struct store *store, const char *task, store_attempt_fn *visit, void *context, struct error *err);
/* The accepted attempt's record, in our own encoding. get: ERR_NOT_FOUND; the caller frees. */
int store_attempt_record_put(struct store *store, const struct row_attempt *row, const void *data, size_t len,
                             struct error *err);
int store_attempt_record_get(struct store *store, const char *task, int n, uint8_t **ret, size_t *ret_len,
                             struct error *err);

/* --- nodes ------------------------------------------------------------------------------------ */
/* What an operator decided; the machine itself only goes on from draining to drained. */
enum node_admin {
    NODE_IN_SERVICE,
    NODE_CORDONED, /* no new tasks; what is in the mailbox is done */
    NODE_DRAINING, /* the mailbox is given back, what runs is finished */
    NODE_DRAINED,
    NODE_MAINTENANCE,
    NODE_PENDING, /* registered, not yet approved */
    NODE_REFUSED,
    NODE_ADMIN_COUNT
};
const char *node_admin_name(enum node_admin admin);
/* Whether it is there. */
enum node_presence { NODE_STARTING, NODE_READY, NODE_ABSENT, NODE_LEFT, NODE_PRESENCE_COUNT };
const char *node_presence_name(enum node_presence presence);
struct row_node {
    char name[LABEL_SIZE], incarnation[INCARNATION_SIZE];
    enum node_presence presence;
    char presence_reason[128];
    enum node_admin admin;
    char admin_reason[256];
    char mailbox[250];
    int32_t mailbox_partition;
    int64_t seen_ms;
};
/* Insert or replace; `record` is the inventory in our own encoding. */
int store_node_put(struct store *store, const struct row_node *row, const void *record, size_t len, struct error *err);
/* Everything but the inventory. */
int store_node_update(struct store *store, const struct row_node *row, struct error *err);
typedef int store_node_fn(void *context, const struct row_node *row, const void *record, size_t len, struct error *err);
int store_nodes(struct store *store, store_node_fn *visit, void *context, struct error *err);
/* A node has started anew: what this incarnation said is over, and stays so (the latest 64 of a node are kept). */
int store_incarnation_end(struct store *store, const char *node, const char *incarnation, struct error *err);
/* 1 when it is over, 0 when not, -1 with err. */
int store_incarnation_ended(struct store *store, const char *node, const char *incarnation, struct error *err);

/* Infrastructure failures in a row of a device, or of a node as a whole. */
#define HEALTH_BLAME_SIZE 1200
struct row_health {
    char node[LABEL_SIZE], device[LABEL_SIZE]; /* device "": the node as a whole */
    int32_t streak;                            /* failures since the last success */
    int32_t rounds;                            /* quarantines since the last success */
    bool quarantined;
    int64_t since_ms;              /* wall clock; a label */
    char reason[320];              /* of the quarantine */
    char blame[HEALTH_BLAME_SIZE]; /* the failures, newest last: "task@device", or "task+task@" of a node that was lost
                                    */
};
/* Insert or replace. */
int store_health_put(struct store *store, const struct row_health *row, struct error *err);
int store_health_delete(struct store *store, const char *node, const char *device, struct error *err);
typedef int store_health_fn(void *context, const struct row_health *row, struct error *err);
int store_healths(struct store *store, store_health_fn *visit, void *context, struct error *err);

/* --- results ---------------------------------------------------------------------------------- */
struct row_result {
    int64_t task_seq; /* 0: looked up by `task` */
    char task[TASK_ID_SIZE];
    int64_t revision;
    char campaign[CAMPAIGN_ID_SIZE];
    char problem[LABEL_SIZE], target[TARGET_SIZE];
    int64_t accepted_ms;
    const void *record; /* Confluent framing, as published; during a visit only */
    size_t len;
};
/* A task has one result: ERR_CONFLICT when it has one of the same or a higher revision. */
int store_result_put(struct store *store, const struct row_result *row, struct error *err);
/* ERR_NOT_FOUND; the caller frees. */
int store_result_get(struct store *store, const char *task, uint8_t **ret, size_t *ret_len, struct error *err);
struct result_query {
    const char *campaign, *problem, *target; /* NULL: any */
    int64_t since;                           /* revisions above this */
    int64_t from_ms, until_ms;               /* accepted in [from, until); until 0: no end */
    int limit;                               /* <= 0: all */
};
typedef int store_result_fn(void *context, const struct row_result *row, struct error *err);
int store_results(struct store *store, const struct result_query *query, store_result_fn *visit, void *context,
                  struct error *err);
int64_t store_result_count(struct store *store);
int64_t store_size_bytes(struct store *store); /* of the file, as of the latest checkpoint and commit */

/* --- outbox: what has to be published, in order ----------------------------------------------- */
struct row_outbox {
    int64_t seq;
    const char *topic, *key;
    const void *value;
    size_t len;
};
int store_outbox_add(struct store *store, const char *topic, const char *key, const void *value, size_t len,
                     struct error *err);
/* The result that `row` describes (with task_seq), which is in the store and is not copied; after a start the latest
 * revision goes out in its place. */
int store_outbox_add_result(struct store *store, const char *topic, const struct row_result *row, struct error *err);
typedef int store_outbox_fn(void *context, const struct row_outbox *row, struct error *err);
int store_outbox(struct store *store, int64_t after, int limit, store_outbox_fn *visit, void *context,
                 struct error *err);
/* Drop rows (after, upto]. */
int store_outbox_clear(struct store *store, int64_t after, int64_t upto, struct error *err);
/* Drop what waits for `topic` under `key`: it was found to be there. */
int store_outbox_drop(struct store *store, const char *topic, const char *key, struct error *err);
int64_t store_outbox_count(struct store *store);

/* --- offsets: the next record to read --------------------------------------------------------- */
int store_offset_put(struct store *store, const char *topic, int partition, int64_t offset, struct error *err);
/* -1 when none is stored (or on error, with err). */
int64_t store_offset_get(struct store *store, const char *topic, int partition, struct error *err);
int store_offsets_clear(struct store *store, struct error *err);

/* --- schemas: ids given once ------------------------------------------------------------------ */
struct row_schema {
    int32_t id, version;
    const char *subject, *text;
};
/* The id of this text under this subject; a new text gets the next id and version. */
int store_schema_id(struct store *store, const char *subject, const char *text, int32_t *ret_id, struct error *err);
typedef int store_schema_fn(void *context, const struct row_schema *row, struct error *err);
int store_schemas(struct store *store, store_schema_fn *visit, void *context, struct error *err);
/* --- API tokens: hashes only ------------------------------------------------------------------ */
struct row_token {
    char name[LABEL_SIZE];
    int role;                       /* enum api_role */
    char hash[HASH_SIZE];           /* SHA-256 of the token, hexadecimal */
    int64_t created_ms, expires_ms; /* expires_ms 0: never */
};
/* ERR_CONFLICT: the name is taken. */
int store_token_insert(struct store *store, const struct row_token *row, struct error *err);
/* ERR_NOT_FOUND: there is none of this name. */
int store_token_delete(struct store *store, const char *name, struct error *err);
typedef int store_token_fn(void *context, const struct row_token *row, struct error *err);
/* By name. */
int store_tokens(struct store *store, store_token_fn *visit, void *context, struct error *err);

/* --- sweeps and their runs -------------------------------------------------------------------- */
#define SWEEP_RUNS_KEPT 1000 /* of each sweep; older rows are dropped as new ones come */
struct row_sweep {
    char name[LABEL_SIZE];
    bool paused;
    char reason[256];  /* why it is paused */
    int64_t handled_s; /* times up to this one (Unix seconds) are dealt with, whatever became of them */
    int64_t created_ms, changed_ms;
};
/* Insert or replace. */
int store_sweep_put(struct store *store, const struct row_sweep *row, const char *filename, const char *definition,
                    struct error *err);
/* Everything but the definition. */
int store_sweep_update(struct store *store, const struct row_sweep *row, struct error *err);
/* With its runs' rows; their campaigns and results stay. */
int store_sweep_delete(struct store *store, const char *name, struct error *err);
typedef int store_sweep_fn(void *context, const struct row_sweep *row, const char *filename, const char *definition,
                           struct error *err);
/* By name. */
int store_sweeps(struct store *store, store_sweep_fn *visit, void *context, struct error *err);

enum sweep_run_state {
    SWEEP_RUN_PENDING, /* waits until the run before it has ended */
    SWEEP_RUN_RUNNING, /* its campaign is open */
    SWEEP_RUN_COMPLETE,
    SWEEP_RUN_OVERDUE,   /* ended by its deadline */
    SWEEP_RUN_CANCELLED, /* by somebody, or by the run after it (`overlap: replace`) */
    SWEEP_RUN_EMPTY,     /* there was nothing to measure */
    SWEEP_RUN_SKIPPED,   /* the run before it was still open */
    SWEEP_RUN_MISSED,    /* the coordinator or the broker was away */
    SWEEP_RUN_STATE_COUNT
};
const char *sweep_run_state_name(enum sweep_run_state state);
struct row_sweep_run {
    int64_t seq; /* given by the store */
    char sweep[LABEL_SIZE];
    int64_t due_s;  /* Unix seconds; of a run by hand: when it was asked for */
    char cause[12]; /* schedule, catch_up or manual */
    enum sweep_run_state state;
    bool again; /* suspects are being measured again */
    int64_t started_ms, finished_ms;
    int64_t ends_ms; /* the deadline, by the wall clock */
    char campaign[CAMPAIGN_ID_SIZE];
    int32_t planned, measured, wrong; /* first measurements: in all, with a verdict, with one that is not correct */
    int32_t suspects, confirmed, recovered;
    char reason[256];
};
/* Sets row->seq, and drops what is over SWEEP_RUNS_KEPT. */
int store_sweep_run_insert(struct store *store, struct row_sweep_run *row, struct error *err);
/* By row->seq: all that may change. */
int store_sweep_run_update(struct store *store, const struct row_sweep_run *row, struct error *err);
typedef int store_sweep_run_fn(void *context, const struct row_sweep_run *row, struct error *err);
/* Of a sweep, newest first; `limit` <= 0: all. With `open_only` those pending and running, oldest first. */
int store_sweep_runs(struct store *store, const char *sweep, bool open_only, int limit, store_sweep_run_fn *visit,
                     void *context, struct error *err);

/* Results that a promotion has measured again, whatever it found; as store_results() tells them. */
int store_promoted(struct store *store, store_result_fn *visit, void *context, struct error *err);
/* --- what sweeps measured and found: coordinator/sweep/series.h, findings.h ------------------- */
struct row_series {
    int64_t id; /* given by the store */
    char problem[LABEL_SIZE], kernel[LABEL_SIZE], size[LABEL_SIZE];
    char node[LABEL_SIZE], device[LABEL_SIZE], target[TARGET_SIZE];
    char role[12];
};
struct row_point {
    int64_t series, night_s;
    int32_t repetition;
    double time_ns, low_ns, high_ns;
    const char *driver, *text_hash; /* during a visit only */
    int clocks;                     /* enum clock_state of coordinator/sweep/judge.h */
    double clock_mhz;               /* 0: not known */
    unsigned flags;                 /* enum point_flag of judge.h */
};
/* The series of this key, made where there is none: sets row->id. */
int store_series_put(struct store *store, const char *sweep, struct row_series *row, struct error *err);
/* One point a series, night and repetition: a later one replaces it. */
int store_point_put(struct store *store, const struct row_point *row, struct error *err);
/* Add to the flags of a night's points. */
int store_point_flag(struct store *store, int64_t series, int64_t night_s, unsigned flags, struct error *err);
/* By node, device, problem, kernel, size, role. `node`, `device`, `kernel`: NULL for any. */
typedef int store_series_fn(void *context, const struct row_series *row, struct error *err);
int store_series(struct store *store, const char *sweep, const char *node, const char *device, const char *kernel,
                 store_series_fn *visit, void *context, struct error *err);
/* Up to `night_s`, newest first, until `visit` says 1. */
typedef int store_point_fn(void *context, const struct row_point *row, struct error *err);
int store_points(struct store *store, int64_t series, int64_t night_s, store_point_fn *visit, void *context,
                 struct error *err);
/* Keep the latest `nights` nights of a series and drop those before. */
int store_points_keep(struct store *store, int64_t series, int nights, struct error *err);
/* Drop points of a sweep's series from before `night_s`, and series without any. */
int store_points_trim(struct store *store, const char *sweep, int64_t night_s, struct error *err);

enum finding_state { FINDING_OPEN, FINDING_RECOVERED, FINDING_ACKNOWLEDGED, FINDING_TOLD, FINDING_STATE_COUNT };
const char *finding_state_name(enum finding_state state);
struct row_finding {
    int64_t id; /* given by the store */
    char sweep[LABEL_SIZE], run[CAMPAIGN_ID_SIZE];
    int64_t night_s;
    enum finding_state state; /* TOLD: faster, so there is nothing to wait for */
    char cause[32];           /* a name of coordinator/sweep/cause.def */
    bool faster;
    double effect;                   /* new level over norm, less 1 */
    char device[2 * LABEL_SIZE + 2]; /* "node/device"; "" for several */
    char kernel[2 * LABEL_SIZE + 2]; /* "problem/kernel"; "" for a whole device */
    char note[256];                  /* what else is known, in words */
    int64_t changed_ms;
};
struct row_finding_series {
    int64_t finding, series;
    double effect, norm_ns, band, p_value;
};
int store_finding_insert(struct store *store, struct row_finding *row, struct error *err);
/* Writes state, note and changed_ms. */
int store_finding_update(struct store *store, const struct row_finding *row, struct error *err);
int store_finding_series_add(struct store *store, const struct row_finding_series *row, struct error *err);
/* Newest first. `sweep` NULL: of all; `open_only`: those open; `limit` <= 0: all. */
typedef int store_finding_fn(void *context, const struct row_finding *row, struct error *err);
int store_findings(struct store *store, const char *sweep, bool open_only, int limit, store_finding_fn *visit,
                   void *context, struct error *err);
/* ERR_NOT_FOUND. */
int store_finding_get(struct store *store, int64_t id, struct row_finding *ret, struct error *err);
typedef int store_finding_series_fn(void *context, const struct row_finding_series *row,
                                    const struct row_series *series, struct error *err);
int store_finding_series(struct store *store, int64_t finding, store_finding_series_fn *visit, void *context,
                         struct error *err);

struct row_mute {
    char sweep[LABEL_SIZE];
    char pattern[256]; /* of "problem/kernel@node/device"; "*": the whole sweep */
    int64_t until_ms;  /* 0: until it is taken back */
    char reason[128];
};
int store_mute_put(struct store *store, const struct row_mute *row, struct error *err);
/* ERR_NOT_FOUND. */
int store_mute_delete(struct store *store, const char *sweep, const char *pattern, struct error *err);
typedef int store_mute_fn(void *context, const struct row_mute *row, struct error *err);
int store_mutes(struct store *store, const char *sweep, store_mute_fn *visit, void *context, struct error *err);
/* Everything here of a sweep that is removed. */
int store_sweep_history_delete(struct store *store, const char *sweep, struct error *err);

struct row_hook {
    int64_t seq; /* given by the store */
    char webhook[LABEL_SIZE], sweep[LABEL_SIZE];
    const char *body; /* during a visit only */
    int64_t created_ms;
    int32_t tries;
    char error[256]; /* of the latest try */
};
int store_hook_add(struct store *store, struct row_hook *row, struct error *err);
int store_hook_failed(struct store *store, int64_t seq, const char *error, struct error *err);
int store_hook_delete(struct store *store, int64_t seq, struct error *err);
typedef int store_hook_fn(void *context, const struct row_hook *row, struct error *err);
/* Oldest first. */
int store_hooks(struct store *store, store_hook_fn *visit, void *context, struct error *err);
