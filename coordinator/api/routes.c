/* The paths with the least role each needs, and finding one. There is no other way to a handler. */
#include <string.h>

#include "coordinator/api/internal.h"

const struct route api_routes[] = {
    {"GET", "/v1/health", ROLE_READ, 0, api_health},
    {"POST", "/v1/campaigns", ROLE_SUBMIT, API_BODY_CAMPAIGN_MAX, api_submit},
    {"GET", "/v1/campaigns", ROLE_READ, 0, api_campaigns},
    {"GET", "/v1/campaigns/*", ROLE_READ, 0, api_campaign},
    {"POST", "/v1/campaigns/*/cancel", ROLE_SUBMIT, 0, api_cancel},
    {"GET", "/v1/campaigns/*/events", ROLE_READ, 0, api_events},
    {"POST", "/v1/try", ROLE_SUBMIT, API_BODY_TRY_MAX, api_try},
    {"POST", "/v1/replay", ROLE_SUBMIT, API_BODY_TRY_MAX, api_replay},
    {"GET", "/v1/results", ROLE_READ, 0, api_results},
    {"GET", "/v1/results/*", ROLE_READ, 0, api_result},
    {"GET", "/v1/measurements", ROLE_READ, 0, api_measurements},
    {"GET", "/v1/matrix", ROLE_READ, 0, api_matrix},
    {"GET", "/v1/nodes", ROLE_READ, 0, api_nodes},
    {"GET", "/v1/nodes/*", ROLE_READ, 0, api_node},
    {"POST", "/v1/nodes/*/*", ROLE_OPERATE, 0, api_node_act},
    {"GET", "/v1/tasks/*", ROLE_READ, 0, api_task},
    {"POST", "/v1/tasks/*/cancel", ROLE_SUBMIT, 0, api_task_cancel},
    {"GET", "/v1/problems", ROLE_READ, 0, api_problems},
    {"GET", "/v1/problems/*", ROLE_READ, 0, api_problem},
    {"GET", "/schemas/ids/*", ROLE_READ, 0, api_schema_by_id},
    {"GET", "/subjects", ROLE_READ, 0, api_subjects},
    {"GET", "/subjects/*/versions", ROLE_READ, 0, api_subject_versions},
    {"GET", "/subjects/*/versions/*", ROLE_READ, 0, api_subject_version},
    {"POST", "/v1/sweeps", ROLE_SUBMIT, 0, api_sweep_add},
    {"GET", "/v1/sweeps", ROLE_READ, 0, api_sweeps},
    {"GET", "/v1/sweeps/*", ROLE_READ, 0, api_sweep},
    {"GET", "/v1/sweeps/*/runs", ROLE_READ, 0, api_sweep_runs},
    {"POST", "/v1/sweeps/*/run", ROLE_SUBMIT, 0, api_sweep_run},
    {"POST", "/v1/sweeps/*/pause", ROLE_OPERATE, 0, api_sweep_pause},
    {"POST", "/v1/sweeps/*/resume", ROLE_OPERATE, 0, api_sweep_resume},
    {"POST", "/v1/sweeps/*/remove", ROLE_OPERATE, 0, api_sweep_remove},
    {"GET", "/v1/sweeps/*/findings", ROLE_READ, 0, api_sweep_findings},
    {"POST", "/v1/sweeps/*/ack", ROLE_OPERATE, 0, api_sweep_ack},
    {"POST", "/v1/sweeps/*/mute", ROLE_OPERATE, 0, api_sweep_mute},
    {"GET", "/metrics", ROLE_READ, 0, api_metrics},
    {"POST", "/v1/gc", ROLE_OPERATE, 0, api_gc},
    {"POST", "/v1/tokens", ROLE_OPERATE, 0, api_token_create},
    {"GET", "/v1/tokens", ROLE_OPERATE, 0, api_tokens},
    {"POST", "/v1/tokens/*/revoke", ROLE_OPERATE, 0, api_token_revoke},
    {NULL, NULL, ROLE_NONE, 0, NULL},
};

/* A star stands for one part that is not empty. */
static bool matches(const char *pattern, const char *path, struct request *request) {
    char *ids[2] = {request->id, request->id2};
    int n = 0;
    while (*pattern) {
        if (*pattern != '*') {
            if (*pattern++ != *path++) return false;
            continue;
        }
        size_t len = strcspn(path, "/");
        if (len == 0 || len >= API_PATH_MAX || n == 2) return false;
        memcpy(ids[n], path, len);
        ids[n++][len] = 0;
        path += len;
        pattern++;
    }
    return *path == 0;
}

const struct route *api_route(const char *method, const char *path, struct request *request, bool *ret_wrong_method) {
    *ret_wrong_method = false;
    for (const struct route *route = api_routes; route->method; route++) {
        if (!matches(route->pattern, path, request)) continue;
        if (strcmp(route->method, method) == 0) return route;
        *ret_wrong_method = true;
    }
    return NULL;
}
