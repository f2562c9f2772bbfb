/* What all steps of a task share: runners, the lock, progress, and what a runner's end means. */
#include "agent-node/worker/trial.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"

const volatile bool *trial_cancel(const struct trial *t) {
    return t->hooks ? t->hooks->cancel : NULL;
}

bool trial_cancelled(const struct trial *t) {
    const volatile bool *cancel = trial_cancel(t);
    return cancel && *cancel;
}

void trial_progress(const struct trial *t, const char *phase, double done, const char *detail) {
    if (t->hooks && t->hooks->progress) t->hooks->progress(t->hooks->context, phase, done, detail);
}

struct runner *trial_runner_start(const struct trial *t, enum runner_kind kind, size_t arena_bytes, struct finding *f) {
    struct error err = ERROR_INIT;
    struct runner_config c = {.kind = kind,
                              .device = trial_device(t),
                              .arena_bytes = arena_bytes,
                              .sandbox = t->worker->sandbox,
                              .cancel = trial_cancel(t)};
    if (trial_cancelled(t)) {
        finding_cancelled(f);
        return NULL;
    }
    struct runner *r = runner_start(&c, &err);
    if (!r) finding_error(f, &err, "cannot start a runner");
    return r;
}

int trial_lock(struct trial *t, enum domain_mode mode, struct finding *f) {
    struct error err = ERROR_INIT;
    int64_t waited = 0;
    int status = domain_lock_set(t->worker->domain, mode, trial_cancel(t), &waited, &err);
    if (waited > 0) phases_add(&t->phases, "lock", waited);
    return status == 0 ? 0 : finding_error(f, &err, "cannot lock the device's domain");
}

/* "error: /tmp/pocl/tempfile_a1.cl:3:40: no such thing" names a file that nobody has: the kernel's source is meant. */
static void drop_path(char *line) {
    char *from = *line == '/' ? line : strstr(line, " /");
    if (!from) return;
    from += *from == ' ';
    char *end = strchr(from, ':');
    size_t word = strlen("source");
    if (!end || (size_t)(end - from) < word || end[1] < '0' || end[1] > '9') return;
    memcpy(from, "source", word);
    memmove(from + word, end, strlen(end) + 1);
}

/* The first line of a log that speaks of an error, without a path in front, else its first line. */
static const char *first_error(const char *log, char *out, size_t size) {
    const char *at = strstr(log, "error:");
    if (!at) at = strstr(log, "Error");
    const char *line = at ? at : log;
    while (line > log && line[-1] != '\n') line--;
    while (*line == '\n' || *line == ' ') line++;
    snprintf(out, size, "%.*s", (int)strcspn(line, "\n"), line);
    drop_path(out);
    return out;
}

/* A compile runner also launches each geometry once: what hangs then is the kernel. */
static bool is_compiler_slow(const struct runner_event *e) {
    return e->compiling && !(e->runner && runner_reached_launch(e->runner));
}

static void judge_candidate(const struct runner_event *e, const char *log, struct finding *f) {
    char line[400];
    bool slow;
    switch (e->status) {
        case RUNNER_BUILD_FAILED:
            finding_verdict(f, VERDICT_COMPILE_ERROR, "%s", first_error(log, line, sizeof line));
            break;
        case RUNNER_LAUNCH_FAILED:
            finding_verdict(f, VERDICT_LAUNCH_ERROR, "%s: %s", e->doing, first_error(log, line, sizeof line));
            break;
        case RUNNER_OVER_LIMIT:
            finding_verdict(f, VERDICT_LIMIT_EXCEEDED, "%s", first_error(log, line, sizeof line));
            break;
        case RUNNER_TIMEOUT:
            slow = is_compiler_slow(e);
            finding_verdict(f, slow ? VERDICT_COMPILE_TIMEOUT : VERDICT_TIMEOUT,
                            "%s took longer than %lld ms and was killed (the campaign's `limits: %s`)", e->doing,
                            (long long)e->limit_ms, slow ? "compile" : "run");
            break;
        case RUNNER_BROKE:
            finding_verdict(f, VERDICT_CRASHED, "%s: the runner no longer spoke its protocol and was killed: %s",
                            e->doing, first_error(log, line, sizeof line));
            break;
        case RUNNER_CRASHED:
        default:
            finding_verdict(f, VERDICT_CRASHED, "%s: the kernel's process died: %s", e->doing,
                            first_error(log, line, sizeof line));
            break;
    }
    finding_log(f, log);
}

int trial_judge_runner(const struct trial *t, const struct runner_event *e, struct finding *f) {
    if (e->status == RUNNER_OK) return 0;
    if (trial_cancelled(t) || e->status == RUNNER_CANCELLED) return finding_cancelled(f);
    const char *log = e->runner ? runner_log(e->runner) : "";
    if (e->status == RUNNER_FAILED) return finding_infrastructure(f, "%s, %s: %s", e->who, e->doing, e->err->text);
    if (!e->trusted) {
        judge_candidate(e, log, f);
        return -1;
    }
    char line[400];
    finding_infrastructure(f, "%s, %s: %s: %s", e->who, e->doing, runner_status_name(e->status),
                           first_error(log[0] ? log : e->err->text, line, sizeof line));
    finding_log(f, log);
    return -1;
}
