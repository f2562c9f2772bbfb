/* What retention takes out of the store, in pieces that are small enough for one turn of the loop. */
#pragma once
#include "coordinator/store/store.h"

/* What was removed. */
struct gc_counts {
    int64_t campaigns, tasks, attempts, records, texts, freed_bytes;
};

/* The next ended campaign after number `after` that finished before `before_ms` (a try: `tries_before_ms`). 1, 0 for
 * none, -1. */
int store_gc_campaign(struct store *store, int64_t after, int64_t before_ms, int64_t tries_before_ms,
                      struct row_campaign *ret, struct error *err);
struct gc_task {
    int64_t seq, ordinal;
    char id[TASK_ID_SIZE], parent[TASK_ID_SIZE];
    uint8_t *result; /* its record, or NULL; the caller frees */
    size_t len;
};
/* Up to `room` tasks of a campaign after (ordinal, seq), in that order. The number, or -1. */
int store_gc_tasks(struct store *store, const char *campaign, int64_t ordinal, int64_t seq, struct gc_task *ret,
                   int room, struct error *err);
/* A task with its attempts, their records and its result. */
int store_gc_drop_task(struct store *store, int64_t seq, struct gc_counts *counts, struct error *err);
/* How many attempts and records store_gc_drop_task() would take. */
int store_gc_count_task(struct store *store, int64_t seq, struct gc_counts *counts, struct error *err);
/* A campaign and its list of texts; its tasks must be gone. */
int store_gc_drop_campaign(struct store *store, const char *id, struct error *err);
typedef bool gc_skip_fn(void *context, const char *id);
/* Look at `limit` attempts after *key and move it on; of ended tasks, those handed out before `before_ms` lose their
 * record, and all but the accepted ones go. With `skip` they are only counted, but for the tasks that it names.
 * *ret_end: that was all. */
int store_gc_attempts(struct store *store, int64_t *key, int limit, int64_t before_ms, gc_skip_fn *skip, void *context,
                      struct gc_counts *counts, bool *ret_end, struct error *err);

typedef void gc_hash_fn(void *context, const char *hash);
/* Hashes of texts that `limit` tasks after *seq need; moves *seq. *ret_end: that was all. `skip` says which tasks do
 * not count; may be NULL. */
int store_gc_mark_tasks(struct store *store, int64_t *seq, int limit, gc_skip_fn *skip, gc_hash_fn *mark, void *context,
                        bool *ret_end, struct error *err);
/* The same of the inputs of one campaign after number *seq. */
int store_gc_mark_inputs(struct store *store, int64_t *seq, gc_skip_fn *skip, gc_hash_fn *mark, void *context,
                         bool *ret_end, struct error *err);
enum gc_table { GC_PROBLEMS, GC_KERNELS, GC_POLICIES, GC_TABLES };
/* Up to `limit` hashes of a table after `hash`, which is replaced by the last one. The number, or -1. */
int store_gc_hashes(struct store *store, enum gc_table table, char hash[HASH_SIZE], int limit, gc_hash_fn *visit,
                    void *context, struct error *err);
int store_gc_drop_text(struct store *store, enum gc_table table, const char *hash, struct error *err);
/* Give up to `pages` free pages back to the file system; adds to *freed_bytes. *ret_end: few are left. */
int store_gc_vacuum(struct store *store, int pages, int64_t *freed_bytes, bool *ret_end, struct error *err);
