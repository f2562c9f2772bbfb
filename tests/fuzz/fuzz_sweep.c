/* Any bytes as a sweep file, and its schedule as a schedule: what is accepted has a next time, which is later than the
 * one before, matches, and is found again from the second before it. */
#include <stdlib.h>
#include <string.h>

#include "coordinator/sweep/due.h"
#include "coordinator/sweep/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FROM_S INT64_C(1774700000) /* a day before the clocks change in Europe */
#define TIMES 8

static void require(bool holds) {
    if (!holds) abort();
}

static void check_schedule(const struct cron *cron, const struct zone *zone) {
    struct due_list list;
    int64_t at_s = FROM_S;
    for (int i = 0; i < TIMES; i++) {
        int64_t next_s = due_next(cron, zone, at_s);
        require(next_s > at_s && next_s % 60 == 0);
        require(due_next(cron, zone, next_s - 1) == next_s);
        at_s = next_s;
    }
    due_between(cron, zone, FROM_S, at_s, TIMES + 1, &list);
    require(list.count == TIMES && list.total == TIMES && list.at_s[TIMES - 1] == at_s);
}

static void check_cron(const char *text) {
    struct error err = ERROR_INIT;
    struct cron cron;
    int64_t minute;
    if (cron_parse(text, &cron, &err) == 0)
        require(cron_next_minute(&cron, 0, &minute) && cron.minutes && cron.hours && cron.months);
    else
        require(err.code == ERR_INVALID && strncmp(err.text, "column ", 7) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error err = ERROR_INIT;
    char line[CRON_TEXT_MAX + 8];
    size_t len = size < sizeof line - 1 ? size : sizeof line - 1;
    memcpy(line, data, len);
    line[len] = 0;
    check_cron(line);
    struct sweep_file *file = sweep_file_parse((const char *)data, size, "seed.yaml", &err);
    if (!file) {
        require(err.code == ERR_INVALID || err.code == ERR_LIMIT);
        require(strncmp(err.text, "seed.yaml:", 10) == 0);
        return 0;
    }
    require(file->name[0] && file->cron_text && file->zone_name && file->text && file->n_targets >= 1);
    require(file->deadline_ms >= 60000 && file->catch_up_limit >= 1 && file->catch_up_limit <= SWEEP_CATCH_UP_MAX);
    require(file->sets >= 0 && file->sets <= 64 && !judge_config_check(&file->judge));
    check_schedule(&file->cron, file->zone);
    sweep_file_free(file);
    return 0;
}
