#include "coordinator/plan/admit.h"

#include <string.h>

#include "common/clock.h"
#include "problems/check/admission.h"

DEFINE_CLEANUP(cleanup_admission, struct admission *, admission_free)
DEFINE_CLEANUP(cleanup_problem, struct problem *, problem_free)

#define REASON_MAX 1500

/* `s` gets the warnings; NULL drops them. */
static int admit(const struct problem *p, const char *path, struct submission *s, struct error *err) {
    char reason[REASON_MAX];
    struct error failed = ERROR_INIT;
    const struct admission_options o = {.quick = true};
    CLEANUP(cleanup_admission) struct admission *a = admission_run(p, &o, &failed);
    if (!a) {
        if (s) submission_warn(s, "%s: not checked for trivial answers: %s", path, failed.text);
        return 0;
    }
    if (a->admissible) return 0;
    admission_reason(a, reason, sizeof reason);
    if (*problem_exempt(p)) {
        if (s) submission_warn(s, "%s: exempt from admission (%s): %s", path, problem_exempt(p), reason);
        return 0;
    }
    error_set(err, ERR_INVALID, "%s: the problem `%s` accepts trivial answers: %s", path, problem_name(p), reason);
    return error_hint(
        err, "`portolan problem check %s` shows what each passes; `exempt: REASON` in the file lets it through", path);
}

int submission_admit(struct submission *s, struct error *err) {
    int64_t until_ms = clock_mono_ms() + ADMIT_SECONDS * 1000;
    for (size_t i = 0; i < s->uploaded->count; i++) {
        const struct suite_problem *item = &s->uploaded->items[i];
        if (clock_mono_ms() > until_ms)
            submission_warn(s, "%s: not checked for trivial answers: %d s were spent on the others", item->path,
                            ADMIT_SECONDS);
        else if (admit(item->problem, item->path, s, err) != 0)
            return -1;
    }
    return 0;
}

int try_admit(const json_t *body, struct error *err) {
    const json_t *problem = json_object_get(body, "problem");
    const char *yaml = json_string_value(json_object_get(problem, "yaml"));
    const char *path = json_string_value(json_object_get(problem, "path"));
    if (!yaml) return 0;
    if (!path) path = "problem.yaml";
    CLEANUP(cleanup_problem) struct problem *p = problem_parse(yaml, strlen(yaml), path, NULL);
    return p ? admit(p, path, NULL, err) : 0; /* what does not parse is said where the submission is read */
}
