/* GET /v1/tokens, POST /v1/tokens, POST /v1/tokens/NAME/revoke */
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "coordinator/api/internal.h"

#define EXPIRES_MAX_S (INT64_C(100) * 366 * 86400)

struct creating {
    struct tokens *tokens;
    const char *name;
    enum api_role role;
    int64_t now_ms, expires_ms;
    char token[sizeof TOKEN_PREFIX + 2 * TOKEN_BYTES];
};

static int create(struct core *core, void *context, struct error *err) {
    struct creating *c = context;
    return tokens_create(c->tokens, core->store, c->name, c->role, c->now_ms, c->expires_ms, c->token, err);
}

static int read_creating(const json_t *json, struct creating *c, struct error *err) {
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *role = json_string_value(json_object_get(json, "role"));
    const json_t *expires = json_object_get(json, "expires_s");
    if (!name || !role) return error_set(err, ERR_USAGE, "`name` and `role` must be texts");
    c->name = name;
    c->role = api_role_from_name(role);
    if (c->role == ROLE_NONE)
        return error_set(err, ERR_USAGE, "`role` must be read, submit or operate, not `%.40s`", role);
    if (!expires || json_is_null(expires)) return token_name_check(name, err);
    json_int_t seconds = json_integer_value(expires);
    if (!json_is_integer(expires) || seconds < 1 || seconds > EXPIRES_MAX_S)
        return error_set(err, ERR_USAGE, "`expires_s` must be whole seconds from 1 to a hundred years");
    c->expires_ms = c->now_ms + seconds * 1000;
    return token_name_check(name, err);
}

enum MHD_Result api_token_create(struct request *request) {
    struct error err = ERROR_INIT;
    struct creating c = {.tokens = request->api->tokens, .now_ms = clock_wall_ms()};
    if (read_creating(request->json, &c, &err) != 0 || loop_call(request->api->loop, create, &c, &err) != 0)
        return api_error(request, &err);
    log_info("API: token `%s` of role %s made", c.name, api_role_name(c.role));
    json_t *json = json_pack("{s:s, s:s, s:o, s:s}", "name", c.name, "role", api_role_name(c.role), "expires_ms",
                             c.expires_ms ? json_integer(c.expires_ms) : json_null(), "token", c.token);
    explicit_bzero(c.token, sizeof c.token);
    return api_json(request, MHD_HTTP_CREATED, json);
}

enum MHD_Result api_tokens(struct request *request) {
    json_t *json = json_object();
    json_object_set_new(json, "tokens", tokens_json(request->api->tokens, clock_wall_ms()));
    return api_json(request, MHD_HTTP_OK, json);
}

struct revoking {
    struct tokens *tokens;
    const char *name;
};

static int revoke_token(struct core *core, void *context, struct error *err) {
    struct revoking *r = context;
    return tokens_revoke(r->tokens, core->store, r->name, err);
}

enum MHD_Result api_token_revoke(struct request *request) {
    struct error err = ERROR_INIT;
    struct revoking r = {.tokens = request->api->tokens, .name = request->id};
    if (loop_call(request->api->loop, revoke_token, &r, &err) != 0) return api_error(request, &err);
    log_info("API: token `%s` revoked", request->id);
    return api_json(request, MHD_HTTP_OK, json_pack("{s:s, s:b}", "name", request->id, "revoked", 1));
}
