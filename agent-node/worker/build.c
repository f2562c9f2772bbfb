/* From source to binary. */
#include "agent-node/worker/build.h"

#include <stdlib.h>
#include <string.h>

#include "agent-node/worker/verify/rules.h"

#define TEXT_MAX_BYTES ((size_t)1 << 20) /* preprocessed */

void compiler_done(struct compiler *c) {
    runner_free(c->runner);
    c->runner = NULL;
}

static int need_runner(struct compiler *c, struct finding *f) {
    if (c->runner && !runner_alive(c->runner)) compiler_done(c);
    if (!c->runner) c->runner = trial_runner_start(c->trial, RUNNER_COMPILE, 0, f);
    return c->runner ? 0 : -1;
}

/* A failure here leaves a runner that nobody knows the state of. */
static int judge(struct compiler *c, const struct subject *s, enum runner_status status, const struct error *err,
                 const char *doing, struct finding *f) {
    if (c->runner && runner_reached_launch(c->runner) && strcmp(doing, "compiling") == 0)
        doing = "a first launch on dummy data";
    struct runner_event e = {.status = status,
                             .runner = c->runner,
                             .err = err,
                             .who = s->name,
                             .doing = doing,
                             .limit_ms = trial_policy(c->trial)->compile_timeout_ms,
                             .trusted = s->trusted,
                             .compiling = true};
    int verdict = trial_judge_runner(c->trial, &e, f);
    if (verdict != 0 && status != RUNNER_BUILD_FAILED) compiler_done(c);
    return verdict;
}

static int preprocess(struct compiler *c, const struct subject *s, char **ret_text, struct finding *f) {
    struct binary_cache *cache = c->trial->worker->cache;
    struct error err = ERROR_INIT;
    char key[65];
    size_t len;
    binary_cache_text_key(s->whole, trial_device(c->trial)->fingerprint, key);
    *ret_text = (char *)binary_cache_get(cache, key, &len);
    if (*ret_text) return 0;
    if (need_runner(c, f) != 0) return -1;
    int64_t limit_ms = trial_policy(c->trial)->compile_timeout_ms;
    enum runner_status status = runner_preprocess(c->runner, s->whole, limit_ms, ret_text, &err);
    if (judge(c, s, status, &err, "preprocessing", f) != 0) return -1;
    binary_cache_put(cache, key, *ret_text, strlen(*ret_text));
    return 0;
}

static bool rules_wanted(const struct trial *t, const struct subject *s) {
    return !s->trusted && (trial_policy(t)->source_rules || !t->test_hooks);
}

static int compile(struct compiler *c, struct subject *s, const char *text, struct finding *f) {
    struct binary_cache *cache = c->trial->worker->cache;
    struct error err = ERROR_INIT;
    char key[65];
    binary_cache_key(text, s->whole, trial_device(c->trial)->fingerprint, key);
    s->binary.data = binary_cache_get(cache, key, &s->binary.len);
    if (s->binary.data) return 0;
    if (need_runner(c, f) != 0) return -1;
    int64_t limit_ms = trial_policy(c->trial)->compile_timeout_ms;
    enum runner_status status = runner_compile(c->runner, s->whole, text, limit_ms, &s->binary, &err);
    if (judge(c, s, status, &err, "compiling", f) != 0) return -1;
    binary_cache_put(cache, key, s->binary.data, s->binary.len);
    return 0;
}

int build(struct compiler *c, struct subject *s, struct finding *f) {
    CLEANUP_FREE char *text = NULL;
    bool rules = rules_wanted(c->trial, s);
    if (rules && rules_check_raw(s->whole->source, f) != 0) return -1;
    if (preprocess(c, s, &text, f) != 0) return -1;
    if (strlen(text) > TEXT_MAX_BYTES)
        return finding_verdict(f, VERDICT_LIMIT_EXCEEDED, "the source is %zu bytes when preprocessed, the limit is %zu",
                               strlen(text), TEXT_MAX_BYTES);
    if (rules && rules_check_text(text, f) != 0) return -1;
    int status = compile(c, s, text, f);
    free(s->text);
    s->text = TAKE(text);
    return status;
}
