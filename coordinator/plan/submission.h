/* What is submitted: texts, checked by the same parsers that read files, before anything is stored. */
#pragma once
#include <jansson.h>

#include "coordinator/plan/suite.h"
#include "problems/campaign/campaign.h"
#include "problems/kernel/kernel.h"

#define SUBMISSION_CAMPAIGN_MAX_BYTES (256 * 1024)
#define SUBMISSION_KERNELS_MAX 4096
#define SUBMISSION_WARNINGS_MAX 50

struct map;
struct submission_kernel {
    struct kernel *kernel;
    char *path;
    char hash[65];
};
struct submission {
    char *filename;
    struct campaign_file *file;
    struct suite *uploaded;
    struct submission_kernel *kernels;
    size_t kernel_count;
    struct map *by_hash; /* of a kernel to its path; NULL before the first */
    json_t *warnings;    /* array of strings */
    bool force;          /* measure again what is known */
};
/* Body of POST /v1/campaigns. ERR_USAGE: a key is missing or of the wrong type; else the parsers' errors. */
struct submission *submission_from_json(const json_t *body, struct error *err);
/* Body of POST /v1/try, as a campaign of one kernel. `in_service`: target names to use when the body names none. */
struct submission *submission_from_try(const json_t *body, const char *const *in_service, size_t count,
                                       struct error *err);
struct submission *submission_new(const char *filename);
int submission_add_kernel(struct submission *s, const char *yaml, const char *source, const char *path,
                          struct error *err);
void submission_free(struct submission *s); /* accepts NULL */
DEFINE_CLEANUP(cleanup_submission, struct submission *, submission_free)
void submission_warn(struct submission *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
