/* What a step found out: nothing (go on), that the machine was too busy to time on, a verdict with evidence, a failure
 * that is not the kernel's, or that it was cancelled. Steps add to one finding; the most severe stays: cancelled,
 * infrastructure, refused, then verdicts in their order of precedence, the first one of equal ones; a busy machine says
 * nothing against a verdict. */
#pragma once
#include <stdbool.h>

#include "agent-node/worker/verdict.h"
#include "common/error.h"

enum finding_kind {
    FINDING_NONE,
    FINDING_BUSY,
    FINDING_VERDICT,
    FINDING_REFUSED,
    FINDING_INFRASTRUCTURE,
    FINDING_CANCELLED
};
#define FINDING_TEXT_MAX 2048
struct finding {
    enum finding_kind kind;
    enum verdict verdict; /* FINDING_VERDICT */
    char text[FINDING_TEXT_MAX];
    char *log; /* compiler's or runner's words, owned; NULL for none */
};
#define FINDING_INIT \
    { .kind = FINDING_NONE }

/* Fit for CLEANUP. */
void finding_done(struct finding *f);
static inline bool finding_any(const struct finding *f) {
    return f->kind != FINDING_NONE;
}
/* True when the finding ends the task whatever other steps say. */
static inline bool finding_fatal(const struct finding *f) {
    return f->kind >= FINDING_REFUSED;
}
/* All return -1, so that `return finding_verdict(...)` reads well. A less severe one than what is there changes
 * nothing. */
int finding_verdict(struct finding *f, enum verdict v, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The times are worth nothing, everything else stands. The text goes behind "machine busy: ". */
int finding_busy(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int finding_infrastructure(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The task asks for something that makes no sense: neither the kernel's fault nor the machine's. */
int finding_refused(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int finding_cancelled(struct finding *f);
/* ERR_CANCELLED is a cancellation, every other error infrastructure, with `what` in front of its text. */
int finding_error(struct finding *f, const struct error *err, const char *what);
/* Keep `log` (copied) with the finding if it is the one that was just set, that is, if it has none. */
void finding_log(struct finding *f, const char *log);
/* Take over what `from` holds if it is more severe; `from` is empty afterwards. */
void finding_merge(struct finding *f, struct finding *from);
