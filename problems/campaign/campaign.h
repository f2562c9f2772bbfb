/* A campaign file: problems x targets x strategies under a budget. Names are patterns here; resolving them against a
 * suite and a fleet is the planner's work. */
#pragma once
#include "common/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct campaign_target {
    char *name;                 /* a target's name, or NULL when it is a selector */
    struct { char *key, *op, *value; } *term; /* {vendor: nvidia, memory: ">= 16 GiB"}: op is one of == != < <= > >= ~ (glob) */
    size_t n_terms;
};
struct campaign_file {
    char *name;
    char **problems; size_t n_problems;      /* names or globs: "softmax", "level2/" followed by a star */
    struct campaign_target *targets; size_t n_targets;
    char *size;                              /* a size's name, or "auto" */
    char **strategies; size_t n_strategies;  /* human, search, (port, rewrite, llm: ERR_UNSUPPORTED until built) */
    char **kernels; size_t n_kernels;        /* paths or globs relative to the campaign file */
    char **baselines; size_t n_baselines;
    int64_t budget_ms; int64_t budget_candidates;
    int priority; double weight;
    bool promote, audit;
    int64_t deadline_ms;                     /* 0: a cell that no device serves is `no_device` at once */
    int sets;                                /* 0 for the default */
    char *text;                              /* the file as it came */
};
struct campaign_file *campaign_parse(const char *text, size_t len, const char *filename, struct error *err);
struct campaign_file *campaign_load(const char *path, struct error *err);
void campaign_free(struct campaign_file *c);
