/* The most severe of the things that steps report. */
#include "agent-node/worker/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/utf8.h"

void finding_done(struct finding *f) {
    free(f->log);
    memset(f, 0, sizeof *f);
}

/* Position in the order of precedence. Of one output "reduced precision" excludes "wrong"; over several, a kernel that
 * is wrong anywhere is not merely imprecise. */
static int rank(enum verdict v) {
    if (v == VERDICT_WRONG_OUTPUT) return VERDICT_REDUCED_PRECISION;
    if (v == VERDICT_REDUCED_PRECISION) return VERDICT_WRONG_OUTPUT;
    return (int)v;
}

static bool is_more_severe(const struct finding *now, enum finding_kind kind, enum verdict v) {
    if (kind != now->kind) return kind > now->kind;
    return kind == FINDING_VERDICT && rank(v) < rank(now->verdict);
}

static int __attribute__((format(printf, 4, 0)))
put(struct finding *f, enum finding_kind kind, enum verdict v, const char *fmt, va_list ap) {
    if (!is_more_severe(f, kind, v)) return -1;
    finding_done(f);
    f->kind = kind;
    f->verdict = v;
    vsnprintf(f->text, sizeof f->text, fmt, ap);
    utf8_clean(f->text);
    return -1;
}

int finding_verdict(struct finding *f, enum verdict v, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    put(f, FINDING_VERDICT, v, fmt, ap);
    va_end(ap);
    return -1;
}

int finding_refused(struct finding *f, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    put(f, FINDING_REFUSED, 0, fmt, ap);
    va_end(ap);
    return -1;
}

int finding_busy(struct finding *f, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    put(f, FINDING_BUSY, 0, fmt, ap);
    va_end(ap);
    return -1;
}

int finding_infrastructure(struct finding *f, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    put(f, FINDING_INFRASTRUCTURE, 0, fmt, ap);
    va_end(ap);
    return -1;
}

int finding_cancelled(struct finding *f) {
    if (f->kind == FINDING_CANCELLED) return -1;
    finding_done(f);
    f->kind = FINDING_CANCELLED;
    snprintf(f->text, sizeof f->text, "cancelled by request");
    return -1;
}

int finding_error(struct finding *f, const struct error *err, const char *what) {
    if (err->code == ERR_CANCELLED) return finding_cancelled(f);
    return finding_infrastructure(f, "%s: %s", what, err->text);
}

void finding_log(struct finding *f, const char *log) {
    if (f->log || !log || !log[0]) return;
    f->log = xstrdup(log);
}

void finding_merge(struct finding *f, struct finding *from) {
    if (is_more_severe(f, from->kind, from->verdict)) {
        finding_done(f);
        *f = *from;
        memset(from, 0, sizeof *from);
    }
    finding_done(from);
}
