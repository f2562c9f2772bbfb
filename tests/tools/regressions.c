/* The judge of sweeps on made nights (tests/lib/nights.h): the nights, what was put in and what it said, as JSON lines
 * for tests/bench/regressions. regressions DATA SEED [name=value]...     window, min_nights, recent_max, min_effect,
 * alpha; quiet=1: nothing happens;
 *   judge=0: the nights only */
#include <stdio.h>

#include "lib/nights.h"

static void set(struct judge_config *config, bool *quiet, bool *judge, const char *text) {
    double v;
    if (sscanf(text, "window=%d", &config->window) == 1) return;
    if (sscanf(text, "min_nights=%d", &config->min_nights) == 1) return;
    if (sscanf(text, "recent_max=%d", &config->recent_max) == 1) return;
    if (sscanf(text, "min_effect=%lf", &config->min_effect) == 1) return;
    if (sscanf(text, "alpha=%lf", &config->alpha) == 1) return;
    if (sscanf(text, "quiet=%lf", &v) == 1) *quiet = v != 0;
    if (sscanf(text, "judge=%lf", &v) == 1) *judge = v != 0;
}

int main(int argc, char **argv) {
    static struct nights w;
    struct judge_config config = judge_defaults;
    bool quiet = false, judge = true;
    if (argc < 3 || nights_load(&w, argv[1]) != 0)
        return fprintf(stderr, "usage: regressions DATA SEED [name=value]...\n"), 2;
    for (int i = 3; i < argc; i++) set(&config, &quiet, &judge, argv[i]);
    const char *wrong = judge_config_check(&config);
    if (wrong) return fprintf(stderr, "regressions: %s\n", wrong), 2;
    nights_make(&w, strtoull(argv[2], NULL, 10), !quiet);
    if (judge) nights_run(&w, &config);
    printf("{\"measured_again\":%ld,\"series\":[", w.measured_again);
    for (int s = 0; s < NIGHTS_SERIES; s++) {
        printf("%s[", s ? "," : "");
        for (int t = 0; t < NIGHTS; t++) printf("%s%.1f", t ? "," : "", w.first[s][t]);
        printf("]");
    }
    printf("],\"events\":[");
    for (size_t i = 0; i < w.event_count; i++)
        printf("%s{\"series\":%d,\"night\":%d,\"kind\":\"%s\",\"size\":%.6f}", i ? "," : "", w.events[i].series,
               w.events[i].night, nights_kinds[w.events[i].kind], w.events[i].size);
    printf("],\"alarms\":[");
    for (size_t i = 0; i < w.alarm_count; i++)
        printf("%s{\"series\":%d,\"night\":%d,\"begins\":%d,\"faster\":%s,\"cause\":\"%s\"}", i ? "," : "",
               w.alarms[i].series, w.alarms[i].night, w.alarms[i].begins, w.alarms[i].faster ? "true" : "false",
               cause_name(w.alarms[i].cause));
    printf("]}\n");
    return 0;
}
