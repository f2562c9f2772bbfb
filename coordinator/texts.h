/* The texts that tasks and results carry - problems, kernels, policies - as the store has them. Each is wanted when its
 * task is handed out and again when its result is made, so those in use are kept in memory. */
#pragma once
#include "common/cleanup.h"
#include "coordinator/store/store.h"
#include "records.h"

#define TEXTS_BYTES_MAX (64 * 1024 * 1024) /* then all are dropped */

enum text_kind { TEXT_PROBLEM, TEXT_KERNEL, TEXT_POLICY };
struct text {
    char *hash;
    char *yaml;            /* a policy: its JSON */
    char *source;          /* of a kernel; else NULL */
    struct rec_task *task; /* a policy: a task with it applied; else NULL */
};
struct texts;
struct texts *texts_new(void);
void texts_free(struct texts *texts); /* accepts NULL */
/* Valid until the next call. NULL with err: ERR_NOT_FOUND, or what reading it gave. */
const struct text *texts_get(struct texts *texts, struct store *store, enum text_kind kind, const char *hash,
                             struct error *err);
