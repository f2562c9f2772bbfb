/* What the files of the API share. */
#pragma once
#include <jansson.h>
#include <microhttpd.h>

#include "common/buf.h"
#include "coordinator/api/server.h"
#include "coordinator/api/tls.h"
#include "coordinator/api/tokens.h"

#define API_BODY_MAX (64 * 1024)
#define API_BODY_CAMPAIGN_MAX (32 * 1024 * 1024)
#define API_BODY_TRY_MAX (2 * 1024 * 1024)
#define API_CONNECTIONS_MAX 256
#define API_IDLE_S 60
#define API_STRANGER_S 4 /* of silence, for a connection that has not yet shown the token */
#define API_PATH_MAX 512

struct api {
    struct MHD_Daemon *daemon;
    struct loop *loop;
    struct tokens *tokens;
    struct api_tls *tls; /* NULL: plain HTTP, on loopback */
    char address[64];
    int port;
    int64_t started_mono_ms;
};

enum api_access { ACCESS_HOST, ACCESS_MISSING, ACCESS_WRONG, ACCESS_EXPIRED, ACCESS_KNOWN };

/* One request on its way. */
struct request {
    struct api *api;
    struct MHD_Connection *connection;
    const char *method, *path;
    char id[API_PATH_MAX]; /* what stood in place of * in the route */
    char id2[API_PATH_MAX];
    struct buf body;
    size_t body_limit;
    bool too_large;
    enum api_access access; /* found once, when the headers are there */
    struct token_holder who;
    json_t *json; /* the body, parsed; NULL for none */
};

typedef enum MHD_Result handler(struct request *request);
struct route {
    const char *method, *pattern; /* "/v1/campaigns/" and a star for an id */
    enum api_role role;           /* the least that it needs; ROLE_NONE: nobody gets in */
    size_t body_max;              /* 0: API_BODY_MAX */
    handler *handle;
};
/* Ends with an entry of NULLs. */
extern const struct route api_routes[];
/* The route, and its ids; NULL with err (ERR_NOT_FOUND), *ret_wrong_method when only the method is wrong. */
const struct route *api_route(const char *method, const char *path, struct request *request, bool *ret_wrong_method);

/* --- auth.c ----------------------------------------------------------------------------------------------------- */
/* Who asks: fills `access` and `who`. Compares in constant time. */
void api_identify(struct request *request);
/* 0 when known; else -1 with err and the HTTP status. Slows down who tries many tokens. */
int api_admit(struct request *request, unsigned *ret_status, struct error *err);
/* 0 when the role suffices; else -1 with err, which names the role that is needed. */
int api_permit(const struct request *request, const struct route *route, struct error *err);

/* --- answering -------------------------------------------------------------------------------- */
/* Steals `json`. */
enum MHD_Result api_json(struct request *request, unsigned status, json_t *json);
/* Takes `text`, which is on the heap. */
enum MHD_Result api_owned(struct request *request, unsigned status, const char *type, char *text);
enum MHD_Result api_text(struct request *request, unsigned status, const char *type, const char *text);
enum MHD_Result api_error(struct request *request, const struct error *err);
enum MHD_Result api_error_status(struct request *request, unsigned status, const struct error *err);
/* Query argument, or NULL. */
const char *api_argument(const struct request *request, const char *name);
/* A whole number of the query; `fallback` when absent. ERR_USAGE. */
int api_number(const struct request *request, const char *name, int64_t fallback, int64_t *ret, struct error *err);

/* NDJSON: `next` is called on the connection's thread whenever all was sent. It appends lines to `out` (may wait up to
 * a second for something to say) and returns false when the stream ends after these. `done` frees the context, also
 * when the client left. */
typedef bool stream_next(void *context, struct buf *out);
enum MHD_Result api_stream(struct request *request, stream_next *next, void (*done)(void *context), void *context);
/* Append as one line; steals `json`. */
void api_line(struct buf *out, json_t *json);

/* --- handlers --------------------------------------------------------------------------------- */
handler api_gc, api_health, api_submit, api_campaigns, api_campaign, api_cancel, api_events, api_try, api_results,
    api_measurements, api_matrix, api_nodes, api_node, api_node_act, api_task, api_task_cancel, api_problems,
    api_problem, api_schema_by_id, api_subjects, api_subject_versions, api_subject_version, api_metrics, api_replay,
    api_result, api_tokens, api_token_create, api_token_revoke, api_sweep_add, api_sweeps, api_sweep, api_sweep_runs,
    api_sweep_run, api_sweep_pause, api_sweep_resume, api_sweep_remove, api_sweep_findings, api_sweep_ack,
    api_sweep_mute;
