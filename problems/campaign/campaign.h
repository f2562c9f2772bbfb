/* A campaign file: problems x targets x strategies under a budget. Names are patterns here; resolving them against a
 * suite and a fleet is the planner's work. Paths in it mean something on the submitter's machine only: whoever gets a
 * campaign from elsewhere matches its patterns against names that it knows, and opens none of them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/error.h"
#define CAMPAIGN_MAX_BYTES (256 * 1024)
#define CAMPAIGN_MAX_LIST 1024 /* entries of one list */
#define CAMPAIGN_MAX_TARGETS 256
#define CAMPAIGN_MAX_TERMS 16 /* of one selector */
/* A selector matches a device when all its terms do. A text is compared without regard to case; with a `*` or `?` in
 * it, it is a glob (op "~"). Sizes of memory are in bytes here whatever unit the file used, and truth values "true" and
 * "false". Keys (what they look at is in docs/file-formats.md): vendor, name, platform, driver, backend, kind, node,
 * label, extension, memory, local_memory, compute_units, max_work_group_size, subgroup, fp16, fp64. */
struct campaign_term {
    char *key, *op, *value; /* {vendor: nvidia, memory: ">= 16 GiB"}: op is one of == != < <= > >= ~ (glob) */
};
struct campaign_target {
    char *name; /* a target's name or a glob of names, or NULL when it is a selector */
    struct campaign_term *term;
    size_t n_terms;
};
/* What a task may take; the defaults where the file says nothing. */
struct campaign_limits {
    int64_t queue_ms;   /* in the queue, each time; 0 for none */
    int64_t compile_ms; /* of one compilation */
    int64_t run_ms;     /* of one launch */
    int64_t silence_ms; /* running without a sign of life of its worker */
};
struct campaign_file {
    char *name;
    char **problems;
    size_t n_problems; /* names or globs: "softmax", "level2/" followed by a star */
    struct campaign_target *targets;
    size_t n_targets;
    char *size; /* a size's name, or "auto" */
    char **strategies;
    size_t n_strategies; /* human, search, (port, rewrite, llm: ERR_UNSUPPORTED until built) */
    char **kernels;
    size_t n_kernels; /* paths or globs relative to the campaign file */
    char **baselines;
    size_t n_baselines;
    int64_t budget_ms;
    int64_t budget_candidates; /* per (problem, target); defaults 5 minutes and 500 */
    int priority;
    double weight; /* -100 .. 100, higher first; share between campaigns of a priority, > 0 */
    bool promote, audit;
    int64_t deadline_ms; /* after submission; 0 for none, and a cell that no device serves is `no_device` at once */
    struct campaign_limits limits;
    int sets;        /* 0 for the default */
    bool notes_load; /* `busy: note`: times are kept on a busy machine in the end */
    char *text;      /* the file as it came */
};
/* `filename` is used in messages. NULL with err: ERR_INVALID "FILE:LINE:COL: ...", ERR_LIMIT, ERR_UNSUPPORTED for
 * strategies and baselines that are known and cannot be run yet. The caller frees by campaign_free. */
struct campaign_file *campaign_parse(const char *text, size_t len, const char *filename, struct error *err);
struct campaign_file *campaign_load(const char *path, struct error *err); /* besides: ERR_NOT_FOUND, ERR_IO */
/* The limits of a file that names none. */
struct campaign_limits campaign_limits_default(void);
/* Where `entry` stands in the list `key` (NULL: where the key's value stands; "limits.queue" is a key inside), as
 * "FILE:LINE:COL" for messages; just `filename` when it is not there. For those who find out later that an entry means
 * nothing. */
#define CAMPAIGN_POSITION_SIZE 512
void campaign_position(const struct campaign_file *c, const char *filename, const char *key, const char *entry,
                       char out[CAMPAIGN_POSITION_SIZE]);
void campaign_free(struct campaign_file *c); /* accepts NULL */
