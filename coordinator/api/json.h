/* JSON shapes of docs/api.md. On the loop's thread. New references. */
#pragma once
#include <jansson.h>

#include "coordinator/core.h"

json_t *json_cell(const struct task *task);
json_t *json_summary(struct core *core, const struct campaign *campaign);
json_t *json_counts(const struct campaign *campaign);
json_t *json_verdicts(const struct campaign *campaign);
/* From a stored record; NULL with err. */
json_t *json_result_row(struct core *core, const struct row_result *row, struct error *err);
/* Adds result, measured, log and phases of a task's accepted attempt to `object`. */
int json_add_details(struct core *core, const struct task *task, json_t *object, struct error *err);
int64_t campaign_elapsed_ms(struct core *core, const struct campaign *campaign);
static inline json_t *json_null_or(const char *text) {
    return text && *text ? json_string(text) : json_null();
}
static inline json_t *json_number_or(bool has, double value) {
    return has ? json_real(value) : json_null();
}
