/* POST /v1/gc: take out what is older than the retention, or count it. */
#include <time.h>

#include "coordinator/api/internal.h"
#include "coordinator/retention.h"

#define POLL_MS 50
#define WAIT_MAX_MS 600000 /* then it goes on by itself */

static int begin(struct core *core, void *context, struct error *err) {
    return gc_start(core, *(const bool *)context, err);
}

static int look(struct core *core, void *context, struct error *err) {
    (void)err;
    gc_report(core, context);
    return 0;
}

static json_t *describe(const struct gc_report *r) {
    const struct gc_counts *c = &r->counts;
    json_t *json = json_object();
    json_object_set_new(json, "dry_run", json_boolean(r->dry));
    json_object_set_new(json, "finished", json_boolean(!r->running));
    json_object_set_new(json, "campaigns", json_integer(c->campaigns));
    json_object_set_new(json, "tasks", json_integer(c->tasks));
    json_object_set_new(json, "attempts", json_integer(c->attempts));
    json_object_set_new(json, "attempt_records", json_integer(c->records));
    json_object_set_new(json, "texts", json_integer(c->texts));
    json_object_set_new(json, "freed_bytes", r->dry ? json_null() : json_integer(c->freed_bytes));
    json_object_set_new(json, "duration_ms", json_integer(r->duration_ms));
    return json;
}

enum MHD_Result api_gc(struct request *request) {
    struct error err = ERROR_INIT;
    struct gc_report report = {0};
    const json_t *wanted = json_object_get(request->json, "dry_run");
    bool dry = json_is_true(wanted);
    if (wanted && !json_is_boolean(wanted)) {
        error_set(&err, ERR_USAGE, "`dry_run` must be true or false");
        return api_error(request, &err);
    }
    if (loop_call(request->api->loop, begin, &dry, &err) != 0) return api_error(request, &err);
    for (int waited = 0; waited < WAIT_MAX_MS; waited += POLL_MS) {
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
        if (loop_call(request->api->loop, look, &report, &err) != 0) return api_error(request, &err);
        if (!report.running) break;
    }
    return api_json(request, MHD_HTTP_OK, describe(&report));
}
