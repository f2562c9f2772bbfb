/* Step 9: the kernel once more under Oclgrind, a simulator that knows of every byte whose it is, who wrote it and
 * whether anybody did. It sees what no check of outputs can: reads outside a buffer, values that were never written,
 * work-items that race and happen to come out right. It runs beside whatever device is judged, in a runner of its own,
 * on the smallest size, since it is thousands of times slower. Where it is missing or cannot run the kernel, the
 * attempt says that there was no audit; that is never a pass. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/verify/verify.h"
#include "common/buf.h"
#include "common/clock.h"

#define AUDIT_TIMEOUT_MS 120000
#define EVIDENCE_MAX 900
#define FATAL "OCLGRIND FATAL ERROR" /* its own */

/* What Oclgrind's messages begin with or contain, and what that is here. A race and a value that nobody wrote both mean
 * that the answer depends on what should not matter. */
static const struct {
    const char *says;
    enum verdict verdict;
    const char *is;
} faults[] = {
    {"Invalid read of", VERDICT_OUT_OF_BOUNDS, "reads outside its buffers"},
    {"Invalid write", VERDICT_OUT_OF_BOUNDS, "writes outside its buffers"},
    {"data race", VERDICT_NONDETERMINISTIC, "has a data race"},
    {"ninitialized", VERDICT_NONDETERMINISTIC, "uses a value that was never written"},
    {"divergence", VERDICT_NONDETERMINISTIC, "has a barrier that not all work-items of a group reach"},
};
#define FAULTS (sizeof faults / sizeof *faults)

static int not_audited(struct trial *t, const char *why) {
    rec_setf(&t->out->audit, "not audited: %.600s", why);
    for (char *c = t->out->audit; *c; c++)
        if (*c == '\n') *c = ' ';
    return 0;
}

static double volume(const struct size_case *at) {
    double sum = 0;
    for (int i = 0; i < at->plan->n_buffers; i++) sum += (double)at->plan->buffer[i].bytes;
    return sum;
}

static const struct size_case *smallest(const struct subject *s) {
    const struct size_case *found = &s->cases[0];
    for (int i = 1; i < s->n_cases; i++)
        if (volume(&s->cases[i]) < volume(found)) found = &s->cases[i];
    return found;
}

/* --- what it said ----------------------------------------------------------------------------- */
/* The value behind `key` in the message that begins at `at` (its lines are indented): "Kernel:", "At line". */
static void detail(const char *at, const char *key, char *out, size_t size) {
    out[0] = 0;
    for (const char *line = strchr(at, '\n'); line && (line[1] == '\t' || line[1] == ' ');
         line = strchr(line + 1, '\n')) {
        const char *text = line + 1 + strspn(line + 1, " \t");
        if (strncmp(text, key, strlen(key)) != 0) continue;
        text += strlen(key);
        text += strspn(text, " ");
        snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
        return;
    }
}

/* The preprocessed text's line `number`, trimmed. */
static void source_line(const char *text, int number, char *out, size_t size) {
    for (int i = 1; i < number && text; i++) {
        text = strchr(text, '\n');
        if (text) text++;
    }
    text = text ? text + strspn(text, " \t") : "";
    snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
}

static void describe(const struct subject *s, const struct size_case *at, const char *is, const char *message,
                     char out[EVIDENCE_MAX]) {
    char entity[160], line[120], source[200] = "", dims[200] = "";
    size_t n = 0;
    for (int i = 0; i < at->bound->n_dims && n < sizeof dims; i++)
        n += (size_t)snprintf(dims + n, sizeof dims - n, "%s%s=%lld", i ? ", " : "", at->bound->dim[i].name,
                              (long long)at->bound->dim[i].value);
    detail(message, "Entity:", entity, sizeof entity);
    if (!*entity) detail(message, "First entity:", entity, sizeof entity);
    detail(message, "At line", line, sizeof line);
    if (strstr(line, " of ")) *strstr(line, " of ") = 0; /* "3 (column 12) of input.cl:" */
    if (*line) source_line(s->text, atoi(line), source, sizeof source);
    snprintf(out, EVIDENCE_MAX, "under Oclgrind, size %s (%s): the kernel %s: %.*s%s%s%s%s%s%s", at->bound->size, dims,
             is, (int)strcspn(message, "\n"), message, *entity ? ", work-item " : "", entity, *source ? ", line " : "",
             *source ? line : "", *source ? ": " : "", source);
}

/* Messages begin at the margin, their details are indented. Returns how many there were of a kind that is known. */
static int take_messages(struct trial *t, const struct subject *s, const struct size_case *at, const char *log,
                         struct finding *f, int *ret_unknown) {
    int known = 0;
    char text[EVIDENCE_MAX];
    *ret_unknown = 0;
    for (const char *line = log; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        size_t len = strcspn(line, "\n"), i = 0;
        if (len == 0 || isspace((unsigned char)*line)) continue;
        while (i < FAULTS && !memmem(line, len, faults[i].says, strlen(faults[i].says))) i++;
        if (i == FAULTS) {
            ++*ret_unknown;
            continue;
        }
        describe(s, at, faults[i].is, line, text);
        if (known++ == 0) rec_setf(&t->out->audit, "found: %s", text);
        finding_verdict(f, faults[i].verdict, "%s", text);
    }
    if (known > 0) finding_log(f, log);
    return known;
}

static int judge(struct trial *t, const struct subject *s, const struct size_case *at, const char *log, bool unwritten,
                 struct finding *f) {
    int unknown = 0;
    char why[300];
    if (take_messages(t, s, at, log, f, &unknown) > 0) return -1;
    if (unknown > 0) {
        snprintf(why, sizeof why, "Oclgrind said what is not understood: %.*s", (int)strcspn(log, "\n"), log);
        return not_audited(t, why);
    }
    rec_setf(&t->out->audit, "clean: Oclgrind found no race%s and no access out of bounds at size %s%s",
             unwritten ? ", no unwritten value" : "", at->label,
             unwritten ? "" : "; unwritten values were not looked for, since it fails on this kernel when it does");
    return 0;
}

/* --- the run ---------------------------------------------------------------------------------- */
#define WHY_MAX 400

/* Returns 1 where Oclgrind itself fell over, with `why`, else as audit_run(). */
static int run(struct trial *t, struct runner *r, const struct subject *s, const struct size_case *at,
               const struct audit_slot *slots, bool unwritten, char why[WHY_MAX], struct finding *f) {
    struct error err = ERROR_INIT;
    enum runner_status status = runner_audit(r, at->plan, s->text, slots, AUDIT_TIMEOUT_MS, &err);
    const char *log = runner_log(r), *fatal = strstr(log, FATAL), *said;
    switch (status) {
        case RUNNER_OK:
            if (!fatal) return judge(t, s, at, log, unwritten, f);
            snprintf(why, WHY_MAX, "Oclgrind fell over: %.*s", (int)strcspn(fatal, "\n"), fatal);
            return 1;
        case RUNNER_CANCELLED:
            return finding_cancelled(f);
        case RUNNER_BUILD_FAILED:
            said = strstr(log, "error:");
            snprintf(why, WHY_MAX, "Oclgrind's compiler does not take the source: %.300s", said ? said : err.text);
            return not_audited(t, why);
        case RUNNER_TIMEOUT:
            snprintf(why, WHY_MAX, "Oclgrind took longer than %d s at size %.100s", AUDIT_TIMEOUT_MS / 1000, at->label);
            return not_audited(t, why);
        default:
            snprintf(why, WHY_MAX, "Oclgrind could not run the kernel: %.*s", (int)strcspn(err.text, "\n"), err.text);
            return 1;
    }
}

/* Inputs hold data; outputs and scratch nothing, so that reading them before they are written shows. Which data is
 * nothing that a replay has to know. */
static int lay_out(struct trial *t, const struct size_case *at, struct runner *r, struct audit_slot *slots,
                   struct finding *f) {
    struct error err = ERROR_INIT;
    int64_t oracle_ns = 0;
    const struct pool_wish any = {.fresh = false};
    struct pool *pool = t->worker->pool;
    const struct data_set *d = pool_get(pool, at->bound, DIST_DECLARED, &any, trial_cancel(t), &oracle_ns, &err);
    if (!d) return finding_error(f, &err, "oracle");
    for (int i = 0; i < at->plan->n_buffers; i++) {
        const struct plan_buffer *b = &at->plan->buffer[i];
        int source = plan_buffer_source(b);
        if (source < 0) continue;
        memcpy(runner_arena(r) + slots[i].offset, data_set_input(d, source), b->bytes);
        slots[i].filled = true;
    }
    pool_release(pool, d, false);
    return 0;
}

static size_t place(const struct plan *p, struct audit_slot *slots) {
    size_t at = 0;
    for (int i = 0; i < p->n_buffers; i++) {
        slots[i] = (struct audit_slot){.offset = at, .bytes = p->buffer[i].bytes};
        at += (p->buffer[i].bytes + 4095) / 4096 * 4096;
    }
    return at ? at : 4096;
}

/* As run(). */
static int simulate_once(struct trial *t, const struct subject *s, const struct size_case *at, bool unwritten,
                         char why[WHY_MAX], struct finding *f) {
    struct audit_slot slots[PLAN_MAX_BUFFERS];
    struct error err = ERROR_INIT;
    struct rec_device simulator;
    rec_device_init(&simulator);
    rec_set(&simulator.backend, "opencl");
    simulator.host_memory = true;
    struct runner_config c = {.kind = RUNNER_AUDIT,
                              .device = &simulator,
                              .arena_bytes = place(at->plan, slots),
                              .unwritten = unwritten,
                              .sandbox = t->worker->sandbox,
                              .cancel = trial_cancel(t)};
    struct runner *r = runner_start(&c, &err);
    int status = 0;
    if (r) {
        status = lay_out(t, at, r, slots, f);
        if (status == 0) status = run(t, r, s, at, slots, unwritten, why, f);
    } else {
        const char *missing = strstr(err.text, "Oclgrind is not installed");
        status = err.code == ERR_CANCELLED ? finding_cancelled(f) : not_audited(t, missing ? missing : err.text);
    }
    runner_free(r);
    rec_device_done(&simulator);
    return status;
}

/* Looking for unwritten values Oclgrind 21.10 falls over on some instructions of its own compiler ("freeze"): then it
 * runs once more without. */
static int simulate(struct trial *t, const struct subject *s, struct finding *f) {
    char why[WHY_MAX] = "";
    int status = 1;
    for (int i = 0; i < 2 && status > 0; i++) status = simulate_once(t, s, smallest(s), i == 0, why, f);
    return status > 0 ? not_audited(t, why) : status;
}

int audit_run(struct trial *t, const struct subject *s, struct finding *f) {
    if (!trial_policy(t)->audit || s->trusted || finding_fatal(f)) return 0;
    /* A kernel that hangs or dies does so there too, slowly, and nothing that is found outranks it. */
    if (f->kind == FINDING_VERDICT && f->verdict < VERDICT_OUT_OF_BOUNDS)
        return not_audited(t, "the kernel is refused for more than an audit could find");
    trial_progress(t, "audit", 0, s->name);
    int64_t from = clock_mono_ns();
    int status = simulate(t, s, f);
    phases_add(&t->phases, "audit", clock_mono_ns() - from);
    return status;
}
