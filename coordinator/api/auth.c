/* Who may ask what: whoever has a token, from a page or program of this machine, as far as the token's role reaches. */
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "coordinator/api/internal.h"

/* Guessing 256 bits is hopeless at any rate; this keeps a token that an operator wrote by hand, the processor and the
 * log from those who try. Right tokens are never slowed, or one who guesses could lock the others out. */
#define FAILURES_AT_ONCE 20
#define FAILURES_PER_S 5
#define FAILURE_DELAY_MS 1000
#define FAILURE_LOG_MS 10000

/* A name that only this machine's own resolver and clients use, with or without a port: DNS rebinding brings others. */
static bool host_is_local(const char *host) {
    static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(names[i]);
        if (strncasecmp(host, names[i], len) != 0) continue;
        if (host[len] == 0) return true;
        if (host[len] == ':' && host[len + 1] && host[len + 1 + strspn(host + len + 1, "0123456789")] == 0) return true;
    }
    return false;
}

/* --- who asks --------------------------------------------------------------------------------- */
static enum api_access look_up(struct request *request, const char *token) {
    switch (tokens_find(request->api->tokens, token, clock_wall_ms(), &request->who)) {
        case TOKEN_KNOWN:
            return ACCESS_KNOWN;
        case TOKEN_EXPIRED:
            return ACCESS_EXPIRED;
        case TOKEN_UNKNOWN:
            break;
    }
    return ACCESS_WRONG;
}

/* For clients that know passwords only, such as those of schema registries: the token is the password. */
static enum api_access look_up_basic(struct request *request) {
    char *password = NULL;
    char *user = MHD_basic_auth_get_username_password(request->connection, &password);
    enum api_access access = user && password ? look_up(request, password) : ACCESS_WRONG;
    MHD_free(user);
    MHD_free(password);
    return access;
}

void api_identify(struct request *request) {
    static const char scheme[] = "Bearer ";
    struct MHD_Connection *connection = request->connection;
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    const char *given = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    const struct api_tls *tls = request->api->tls;
    if (!host || (!host_is_local(host) && !(tls && api_tls_has_name(tls, host))))
        request->access = ACCESS_HOST;
    else if (!given)
        request->access = ACCESS_MISSING;
    else if (strncasecmp(given, scheme, strlen(scheme)) == 0)
        request->access = look_up(request, given + strlen(scheme));
    else
        request->access = look_up_basic(request);
}

/* --- who tries -------------------------------------------------------------------------------- */
/* One bucket for all: on loopback everybody has the same address. True when it is empty. */
static bool count_failure(void) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int64_t filled_ms, logged_ms, left_milli = FAILURES_AT_ONCE * 1000, unlogged;
    int64_t now_ms = clock_mono_ms(), tell = 0;
    pthread_mutex_lock(&lock);
    left_milli += (now_ms - filled_ms) * FAILURES_PER_S;
    if (left_milli > FAILURES_AT_ONCE * 1000) left_milli = FAILURES_AT_ONCE * 1000;
    filled_ms = now_ms;
    bool empty = left_milli < 1000;
    if (!empty) left_milli -= 1000;
    unlogged++;
    if (now_ms - logged_ms >= FAILURE_LOG_MS || !logged_ms) {
        tell = unlogged;
        unlogged = 0;
        logged_ms = now_ms;
    }
    pthread_mutex_unlock(&lock);
    if (tell) log_warn("API: %lld requests with a wrong or expired token", (long long)tell);
    return empty;
}

static int refuse_token(const struct request *request, unsigned *ret_status, struct error *err) {
    *ret_status = MHD_HTTP_UNAUTHORIZED;
    if (count_failure()) {
        nanosleep(&(struct timespec){.tv_sec = FAILURE_DELAY_MS / 1000}, NULL);
        *ret_status = MHD_HTTP_TOO_MANY_REQUESTS;
        return error_set(err, ERR_AUTH, "too many requests with a wrong token");
    }
    if (request->access == ACCESS_EXPIRED) {
        error_set(err, ERR_AUTH, "the token `%s` has expired", request->who.name);
        return error_hint(err,
                          "ask who runs the coordinator for a new one: portolan token revoke %s, then "
                          "portolan token create",
                          request->who.name);
    }
    error_set(err, ERR_AUTH, "the token is wrong");
    return error_hint(err, "the token's file is named in coordinator.json of the runtime folder");
}

static int refuse_host(const struct request *request, struct error *err) {
    const char *host = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    return error_set(err, ERR_AUTH, "the Host header `%.100s` is neither a loopback name nor one of the certificate's",
                     host ? host : "");
}

int api_admit(struct request *request, unsigned *ret_status, struct error *err) {
    *ret_status = MHD_HTTP_UNAUTHORIZED;
    switch (request->access) {
        case ACCESS_KNOWN:
            return 0;
        case ACCESS_HOST:
            *ret_status = MHD_HTTP_FORBIDDEN;
            return refuse_host(request, err);
        case ACCESS_MISSING:
            error_set(err, ERR_AUTH, "a token is needed: Authorization: Bearer TOKEN");
            return error_hint(err, "the token's file is named in coordinator.json of the runtime folder");
        case ACCESS_WRONG:
        case ACCESS_EXPIRED:
            break;
    }
    return refuse_token(request, ret_status, err);
}

int api_permit(const struct request *request, const struct route *route, struct error *err) {
    if (route->role != ROLE_NONE && request->who.role >= route->role) return 0;
    error_set(err, ERR_AUTH, "%s %s needs the role %s; the token `%s` has the role %s", route->method, route->pattern,
              api_role_name(route->role), request->who.name, api_role_name(request->who.role));
    return error_hint(err, "who runs the coordinator can give one: portolan token create --role %s --name NAME",
                      api_role_name(route->role));
}
