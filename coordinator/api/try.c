/* POST /v1/try */
#include <string.h>

#include "coordinator/api/watch.h"
#include "coordinator/plan/admit.h"
#include "coordinator/plan/plan.h"
#include "coordinator/schedule/cancel.h"
#include "coordinator/schedule/nodes.h"

struct trying {
    struct request *request;
    char campaign[CAMPAIGN_ID_SIZE];
};

static int submit(struct core *core, void *context, struct error *err) {
    struct trying *trying = context;
    struct plan_summary summary;
    size_t count = 0;
    CLEANUP_FREE const char **targets = targets_in_service(core, &count);
    CLEANUP(cleanup_submission) struct submission *s = submission_from_try(trying->request->json, targets, count, err);
    if (!s || plan_submit(core, s, true, &summary, err) != 0) return -1;
    snprintf(trying->campaign, sizeof trying->campaign, "%s", summary.campaign);
    return 0;
}

/* Nobody waits for the answer any more. */
static int cancel(struct core *core, void *context, struct error *err) {
    struct watch *watch = context;
    int64_t cancelled = 0;
    struct campaign *campaign = core_campaign(core, watch->campaign);
    if (!campaign || campaign->row.state != CAMPAIGN_RUNNING) return 0;
    return campaign_cancel(core, campaign, "the one who tried it has left", &cancelled, err);
}

static void done(void *context) {
    struct watch *watch = context;
    struct error err = ERROR_INIT;
    if (!watch->ended) loop_call(watch->loop, cancel, watch, &err);
    map_free(watch->results);
    free(watch);
}

enum MHD_Result api_try_stream(struct request *request, const char *campaign) {
    struct watch *watch = xcalloc(1, sizeof *watch);
    watch->loop = request->api->loop;
    watch->is_try = true;
    watch->results = map_new();
    snprintf(watch->campaign, sizeof watch->campaign, "%s", campaign);
    return api_stream(request, watch_next, done, watch);
}

enum MHD_Result api_try(struct request *request) {
    struct error err = ERROR_INIT;
    struct trying trying = {.request = request};
    if (try_admit(request->json, &err) != 0) return api_error(request, &err);
    if (loop_call(request->api->loop, submit, &trying, &err) != 0) return api_error(request, &err);
    return api_try_stream(request, trying.campaign);
}
