/* The baselines of a task: built, screened, the fastest one found. */
#include <string.h>

#include "agent-node/worker/measure.h"
#include "common/clock.h"
#include "problems/baseline/baseline.h"

#define SCREEN_MS 6.0
#define SCREEN_WINDOWS 5

void baselines_done(struct baselines *b) {
    for (int i = 0; i < b->n; i++) subject_done(&b->subject[i]);
    b->n = 0;
}

static int build_one(struct compiler *c, const char *name, struct baselines *b, struct finding *f) {
    struct subject *s = &b->subject[b->n++];
    if (subject_baseline(c->trial, name, s, f) != 0) return -1;
    return build(c, s, f);
}

int baselines_build(struct trial *t, struct baselines *ret, struct finding *f) {
    CLEANUP(compiler_done) struct compiler c = {.trial = t};
    const struct rec_list_string *asked = &t->task->baselines;
    const char *const *all = baseline_names();
    int64_t from = clock_mono_ns();
    int status = 0;
    ret->n = 0;
    for (size_t i = 0; asked->count ? i < asked->count : all[i] != NULL; i++) {
        if (ret->n == BASELINES_MAX) return finding_infrastructure(f, "over %d baselines", BASELINES_MAX);
        status = build_one(&c, asked->count ? asked->items[i] : all[i], ret, f);
        if (status != 0) break;
    }
    phases_add(&t->phases, "compile", clock_mono_ns() - from);
    return status;
}

int baselines_screen(struct trial *t, const struct timed_data *data, struct baselines *b, struct finding *f) {
    struct screen screen = {.trial = t, .data = data};
    int64_t from = clock_mono_ns();
    int status = 0;
    b->fastest = 0;
    for (int i = 0; i < b->n && status == 0; i++) {
        struct screened s = {0};
        status = screen_one(&screen, &b->subject[i], SCREEN_MS, SCREEN_WINDOWS, &s, f);
        if (status == 0 && finding_any(&s.finding))
            status = finding_infrastructure(f, "%s failed: %s: %s", b->subject[i].name, verdict_name(s.finding.verdict), s.finding.text);
        finding_done(&s.finding);
        b->screened_ns[i] = s.ns;
        if (status == 0 && s.ns < b->screened_ns[b->fastest]) b->fastest = i;
    }
    screen_done(&screen);
    phases_add(&t->phases, "time/screen", clock_mono_ns() - from);
    return status;
}
