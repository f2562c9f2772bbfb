#include "cli/watch.h"

#include <unistd.h>

#include "cli/render.h"
#include "common/buf.h"
#include "common/clock.h"

#define AWAY_LIMIT_MS 60000
#define RETRY_US 200000 /* there is no event for a peer coming back */

DEFINE_CLEANUP(cleanup_view, struct watch_view *, watch_view_free)

struct following {
    struct watch_view *view;
    bool ended, heard; /* heard: since the last connection */
};

static int on_line(void *context, json_t *event) {
    struct following *f = context;
    f->heard = true;
    f->ended = watch_view_event(f->view, event);
    return f->ended;
}

static int error_away(const char *campaign, struct error *err) {
    error_set(err, ERR_NETWORK, "the coordinator has been away for %d s; the campaign goes on without this view",
              AWAY_LIMIT_MS / 1000);
    return error_hint(err, "portolan status %s shows it when the coordinator is back", campaign);
}

/* The stream, again and again until the campaign's end. */
static int follow(struct client *c, const char *campaign, struct following *f, struct error *err) {
    CLEANUP_FREE char *path = xasprintf("/v1/campaigns/%s/events", campaign);
    int64_t away_since_ms = 0;
    for (;;) {
        struct error one = ERROR_INIT;
        f->heard = false;
        int rc = client_stream(c, path, NULL, on_line, f, &one);
        if (f->ended) return 0;
        if (rc && !error_retriable(one.code)) {
            if (err) *err = one;
            return -1;
        }
        int64_t now_ms = clock_mono_ms();
        if (f->heard || !away_since_ms) away_since_ms = now_ms;
        if (now_ms - away_since_ms > AWAY_LIMIT_MS) return error_away(campaign, err);
        usleep(RETRY_US);
    }
}

int watch_campaign(struct client *c, const char *campaign, bool json, int *ret_exit, struct error *err) {
    CLEANUP(cleanup_view) struct watch_view *view = watch_view_new(campaign, json, stdout, stderr);
    struct following f = {.view = view};
    if (follow(c, campaign, &f, err)) return -1;
    *ret_exit = watch_view_exit_status(view);
    return 0;
}

int watch_print_matrix(struct client *c, const char *campaign, struct error *err) {
    CLEANUP_FREE char *escaped = campaign ? client_escape(c, campaign) : NULL;
    CLEANUP_FREE char *path = xasprintf("/v1/matrix%s%s", campaign ? "?campaign=" : "", campaign ? escaped : "");
    CLEANUP_JSON json_t *matrix = client_get(c, path, err);
    if (!matrix) return -1;
    render_matrix(matrix, render_columns(stdout), stdout);
    return 0;
}
