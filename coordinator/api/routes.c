/* The paths, and finding one. */
#include <string.h>

#include "coordinator/api/internal.h"

const struct route api_routes[] = {
    {"GET", "/v1/health", 0, api_health},
    {"POST", "/v1/campaigns", API_BODY_CAMPAIGN_MAX, api_submit},
    {"GET", "/v1/campaigns", 0, api_campaigns},
    {"GET", "/v1/campaigns/*", 0, api_campaign},
    {"POST", "/v1/campaigns/*/cancel", 0, api_cancel},
    {"GET", "/v1/campaigns/*/events", 0, api_events},
    {"POST", "/v1/try", API_BODY_TRY_MAX, api_try},
    {"POST", "/v1/replay", API_BODY_TRY_MAX, api_replay},
    {"GET", "/v1/results", 0, api_results},
    {"GET", "/v1/results/*", 0, api_result},
    {"GET", "/v1/matrix", 0, api_matrix},
    {"GET", "/v1/nodes", 0, api_nodes},
    {"GET", "/v1/tasks/*", 0, api_task},
    {"GET", "/v1/problems", 0, api_problems},
    {"GET", "/v1/problems/*", 0, api_problem},
    {"GET", "/schemas/ids/*", 0, api_schema_by_id},
    {"GET", "/subjects", 0, api_subjects},
    {"GET", "/subjects/*/versions", 0, api_subject_versions},
    {"GET", "/subjects/*/versions/*", 0, api_subject_version},
    {"GET", "/metrics", 0, api_metrics},
    {NULL, NULL, 0, NULL},
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
