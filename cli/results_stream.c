#include "cli/results_stream.h"

#include <string.h>
#include <time.h>

#include "common/buf.h"

#define WAIT_LEAST_MS 200
#define WAIT_MOST_MS 5000

struct stream {
    const struct options *opts;
    const char *path, *campaign;
    client_line_fn *line;
    void *context;
    struct results_cursor at;
    bool stopped; /* by `line` */
    bool met;     /* the coordinator was there once */
    bool told;    /* that it is away */
};

int64_t results_cursor_begin(struct results_cursor *at) {
    at->skip = at->lines;
    return at->seen;
}

bool results_cursor_take(struct results_cursor *at, int64_t revision) {
    if (revision <= at->seen) return false;
    if (revision == at->current && at->skip > 0) {
        at->skip--;
        return false;
    }
    if (revision != at->current) {
        at->seen = at->current;
        at->current = revision;
        at->lines = at->skip = 0;
    }
    at->lines++;
    return true;
}

static int on_line(void *context, json_t *record) {
    struct stream *stream = context;
    json_int_t revision = json_integer_value(json_object_get(record, "revision"));
    if (!results_cursor_take(&stream->at, revision)) return 0;
    stream->stopped = stream->line(stream->context, record) != 0;
    return stream->stopped;
}

/* Did the stream end because its campaign has? Else the coordinator is stopping. */
static int has_ended(struct client *client, const char *campaign, bool *ret, struct error *err) {
    CLEANUP_FREE char *id = client_escape(client, campaign);
    CLEANUP_FREE char *path = xasprintf("/v1/campaigns/%s", id);
    CLEANUP_JSON json_t *answer = client_get(client, path, err);
    const char *state = json_string_value(json_object_get(answer, "state"));
    *ret = state && strcmp(state, "running") != 0;
    return answer ? 0 : -1;
}

/* One connection: *ret_done when all was said. */
static int read_once(struct stream *stream, bool follow, bool *ret_done, struct error *err) {
    CLEANUP(cleanup_client) struct client *client = client_new(stream->opts, err);
    if (!client) return -1;
    CLEANUP_FREE char *path = xasprintf("%s&since=%lld", stream->path, (long long)results_cursor_begin(&stream->at));
    int status = client_stream(client, path, NULL, on_line, stream, err);
    stream->met |= status == 0 || stream->at.current > 0;
    *ret_done = status == 0 && (!follow || stream->stopped);
    if (status != 0 || *ret_done || !stream->campaign) return status;
    return has_ended(client, stream->campaign, ret_done, err);
}

/* A stopped coordinator has no runtime file, one that starts does not listen yet. */
static bool may_come_back(const struct error *err) {
    return err->code == ERR_NETWORK || err->code == ERR_TIMEOUT || err->code == ERR_BUSY ||
           err->code == ERR_CANCELLED || err->code == ERR_NOT_FOUND;
}

static void wait_ms(int ms) {
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
}

int results_stream(const struct options *opts, const char *path, const char *campaign, bool follow,
                   client_line_fn *line, void *context, struct error *err) {
    struct stream stream = {.opts = opts, .path = path, .campaign = campaign, .line = line, .context = context};
    int pause_ms = WAIT_LEAST_MS;
    for (;;) {
        struct error problem = ERROR_INIT;
        bool done = false;
        int64_t before = stream.at.current;
        int status = read_once(&stream, follow, &done, &problem);
        if (done) return 0;
        if (status != 0 && (!follow || !stream.met || !may_come_back(&problem))) {
            if (err) *err = problem;
            return -1;
        }
        if (stream.at.current > before || status == 0) {
            pause_ms = WAIT_LEAST_MS;
            stream.told = false;
        }
        if (!stream.told) fputs("portolan: the coordinator is away; waiting for it\n", stderr);
        stream.told = true;
        wait_ms(pause_ms);
        pause_ms = 2 * pause_ms < WAIT_MOST_MS ? 2 * pause_ms : WAIT_MOST_MS;
    }
}
