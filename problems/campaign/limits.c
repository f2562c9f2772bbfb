/* `limits:` of a campaign file. */
#include "problems/campaign/file.h"
#include "problems/campaign/units.h"

#define SECOND_MS 1000
#define HOUR_MS (3600 * SECOND_MS)
#define YEAR_MS (INT64_C(366) * 24 * HOUR_MS)

struct campaign_limits campaign_limits_default(void) {
    return (struct campaign_limits){
        .compile_ms = 60 * SECOND_MS, .run_ms = 60 * SECOND_MS, .silence_ms = 120 * SECOND_MS};
}

static int limit_parse(const struct yaml_doc *doc, const struct yaml_node *n, const char *name, int64_t least_ms,
                       int64_t most_ms, const char *range, int64_t *ret, struct error *err) {
    int64_t ms = 0;
    if (!n) return 0;
    if (duration_parse(doc, n, name, &ms, err) != 0) return -1;
    if (ms < least_ms || ms > most_ms) return yaml_error(doc, n, err, "`%s` must be between %s", name, range);
    *ret = ms;
    return 0;
}

int limits_parse(const struct yaml_doc *doc, const struct yaml_node *n, struct campaign_limits *ret,
                 struct error *err) {
    static const char *const keys[] = {"queue", "compile", "run", "silence", NULL};
    *ret = campaign_limits_default();
    if (!n) return 0;
    if (n->kind != YAML_MAPPING)
        return yaml_error(doc, n, err,
                          "`limits` must be a mapping, as {queue: 1h, compile: 60s, run: 10m, silence: 2m}");
    if (yaml_check_keys(doc, n, keys, err) != 0) return -1;
    if (limit_parse(doc, yaml_get(n, "queue"), "limits: queue", SECOND_MS, YEAR_MS, "1s and a year", &ret->queue_ms,
                    err) != 0 ||
        limit_parse(doc, yaml_get(n, "compile"), "limits: compile", SECOND_MS, HOUR_MS, "1s and 1h", &ret->compile_ms,
                    err) != 0 ||
        limit_parse(doc, yaml_get(n, "run"), "limits: run", SECOND_MS, HOUR_MS, "1s and 1h", &ret->run_ms, err) != 0)
        return -1;
    return limit_parse(doc, yaml_get(n, "silence"), "limits: silence", 10 * SECOND_MS, 24 * HOUR_MS, "10s and 1d",
                       &ret->silence_ms, err);
}
