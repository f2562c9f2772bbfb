/* GET /v1/campaigns/ID/events */
#include "coordinator/api/json.h"
#include "coordinator/api/watch.h"

struct asking {
    struct request *request;
    struct watch *watch;
};

static int find(struct core *core, void *context, struct error *err) {
    struct asking *asking = context;
    CLEANUP(cleanup_campaign_view) struct campaign *campaign = core_campaign_view(core, asking->request->id, err);
    if (!campaign) return -1;
    snprintf(asking->watch->campaign, sizeof asking->watch->campaign, "%s", campaign->row.id);
    return 0;
}

enum MHD_Result api_events(struct request *request) {
    struct error err = ERROR_INIT;
    struct watch *watch = xcalloc(1, sizeof *watch);
    struct asking asking = {.request = request, .watch = watch};
    watch->loop = request->api->loop;
    if (loop_call(watch->loop, find, &asking, &err) == 0) return api_stream(request, watch_next, free, watch);
    free(watch);
    return api_error(request, &err);
}
