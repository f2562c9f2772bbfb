/* Who may ask: whoever has the token, from a page or program of this machine. */
#include <string.h>
#include <strings.h>

#include "coordinator/api/internal.h"

/* Time depends on the lengths only. */
static bool same(const char *a, size_t a_len, const char *b, size_t b_len) {
    volatile unsigned char difference = a_len != b_len;
    for (size_t i = 0; i < a_len; i++) difference |= (unsigned char)(a[i] ^ b[b_len ? i % b_len : 0]);
    return difference == 0;
}

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

static bool basic_matches(struct request *request) {
    char *password = NULL;
    char *user = MHD_basic_auth_get_username_password(request->connection, &password);
    bool matches =
        user && password && same(password, strlen(password), request->api->token, strlen(request->api->token));
    MHD_free(user);
    MHD_free(password);
    return matches;
}

int api_authorize(struct request *request, struct error *err) {
    static const char scheme[] = "Bearer ";
    const char *host = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    if (!host || !host_is_local(host))
        return error_set(err, ERR_AUTH, "the Host header `%.100s` is not a loopback name", host ? host : "");
    const char *given =
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    if (given && strncasecmp(given, scheme, strlen(scheme)) == 0) {
        const char *token = given + strlen(scheme);
        if (same(token, strlen(token), request->api->token, strlen(request->api->token))) return 0;
    } else if (given && basic_matches(request)) {
        return 0;
    }
    error_set(err, ERR_AUTH, given ? "the token is wrong" : "a token is needed: Authorization: Bearer TOKEN");
    return error_hint(err, "the token's file is named in coordinator.json of the runtime folder");
}
