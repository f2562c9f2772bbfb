#include "coordinator/api/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/log.h"
#include "coordinator/api/internal.h"

#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* --- requests --------------------------------------------------------------------------------- */
static enum MHD_Result refuse_path(struct request *request, bool wrong_method) {
    struct error err = ERROR_INIT;
    if (wrong_method) {
        error_set(&err, ERR_USAGE, "%s does not answer %s", request->path, request->method);
        return api_error_status(request, MHD_HTTP_METHOD_NOT_ALLOWED, &err);
    }
    error_set(&err, ERR_NOT_FOUND, "there is no %.200s", request->path);
    return api_error(request, &err);
}

static int parse_body(struct request *request, struct error *err) {
    json_error_t problem;
    if (request->body.len == 0) return 0;
    const char *type = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
    /* A form of a foreign web page cannot send this type without asking first. */
    if (!type || strncmp(type, "application/json", strlen("application/json")) != 0)
        return error_set(err, ERR_USAGE, "the body must be application/json");
    request->json =
        json_loadb(request->body.data, request->body.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &problem);
    if (request->json) return 0;
    return error_set(err, ERR_USAGE, "the body is not JSON: line %d column %d: %s", problem.line, problem.column,
                     problem.text);
}

static enum MHD_Result answer(struct request *request) {
    struct error err = ERROR_INIT;
    bool wrong_method = false;
    unsigned status = 0;
    if (api_admit(request, &status, &err) != 0) return api_error_status(request, status, &err);
    const struct route *route = api_route(request->method, request->path, request, &wrong_method);
    if (!route) return refuse_path(request, wrong_method);
    if (api_permit(request, route, &err) != 0) return api_error_status(request, MHD_HTTP_FORBIDDEN, &err);
    if (request->too_large) {
        error_set(&err, ERR_LIMIT, "the body is larger than %zu bytes", request->body_limit);
        return api_error(request, &err);
    }
    if (parse_body(request, &err) != 0) return api_error(request, &err);
    return route->handle(request);
}

static size_t body_limit(const char *method, const char *path, struct request *request) {
    bool wrong_method = false;
    const struct route *route = api_route(method, path, request, &wrong_method);
    if (route && api_permit(request, route, NULL) != 0) return 0; /* what will be refused is not kept */
    return route && route->body_max ? route->body_max : API_BODY_MAX;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data, size_t *data_len,
                                  void **state) {
    struct request *request = *state;
    (void)version;
    if (!request) {
        request = xcalloc(1, sizeof *request);
        request->api = context;
        request->connection = connection;
        /* Nobody without a token fills our memory, or keeps connections from others by saying nothing. */
        api_identify(request);
        bool known = request->access == ACCESS_KNOWN;
        request->body_limit = known ? body_limit(method, path, request) : 0;
        if (known) MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, (unsigned)API_IDLE_S);
        *state = request;
        return MHD_YES;
    }
    request->method = method;
    request->path = path;
    if (*data_len == 0) return answer(request);
    /* What is over the limit is read and dropped, so that the answer reaches a client that is still sending. */
    if (request->body.len + *data_len > request->body_limit) request->too_large = true;
    if (!request->too_large) buf_append(&request->body, data, *data_len);
    *data_len = 0;
    return MHD_YES;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code) {
    struct request *request = *state;
    (void)context;
    (void)connection;
    (void)code;
    if (!request) return;
    json_decref(request->json);
    buf_done(&request->body);
    free(request);
    *state = NULL;
}

/* --- listening -------------------------------------------------------------------------------- */
static int listen_error(const char *address, int port, int error, struct error *err) {
    if (error == EADDRINUSE) {
        error_set(err, ERR_BUSY, "port %d of %s is in use", port, address);
        return error_hint(err, "is another coordinator running? choose another --port, or 0 for any free one");
    }
    return error_errno(err, ERR_NETWORK, error, "cannot listen on %s port %d", address, port);
}

static int make_address(const char *address, int port, bool tls, struct sockaddr_storage *ret, socklen_t *ret_len,
                        struct error *err) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
    memset(ret, 0, sizeof *ret);
    bool loopback = false;
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        *ret_len = sizeof *v4;
        loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    } else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        *ret_len = sizeof *v6;
        loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    } else {
        return error_set(err, ERR_INVALID, "`%.80s` is not an IP address", address);
    }
    if (loopback || tls) return 0;
    error_set(err, ERR_UNSUPPORTED, "without TLS the API listens on loopback addresses only, not on %s", address);
    return error_hint(err, "--tls-cert FILE --tls-key FILE; or reach it through an SSH tunnel");
}

static int open_socket(const char *address, int port, bool tls, int *ret_port, struct error *err) {
    struct sockaddr_storage where;
    socklen_t len = 0;
    if (port < 0 || port > 65535) return error_set(err, ERR_INVALID, "port %d is not between 0 and 65535", port);
    if (make_address(address, port, tls, &where, &len, err) != 0) return -1;
    CLEANUP_FD int fd = socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    if (fd < 0) return error_errno(err, ERR_NETWORK, errno, "cannot make a socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    /* Inherited by connections: a line of a stream must not wait for the acknowledgement of the one before (40 ms). */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&where, len) != 0 || listen(fd, 64) != 0)
        return listen_error(address, port, errno, err);
    if (getsockname(fd, (struct sockaddr *)&where, &len) != 0)
        return error_errno(err, ERR_NETWORK, errno, "cannot read the port");
    *ret_port = ntohs(where.ss_family == AF_INET ? ((struct sockaddr_in *)&where)->sin_port
                                                 : ((struct sockaddr_in6 *)&where)->sin6_port);
    int socket_fd = fd;
    fd = -1;
    return socket_fd;
}

static void on_log(void *context, const char *format, va_list ap) __attribute__((format(printf, 2, 0)));
static void on_log(void *context, const char *format, va_list ap) {
    struct buf text = BUF_INIT;
    (void)context;
    buf_vprintf(&text, format, ap);
    if (text.len) log_debug("http: %.*s", (int)strcspn(text.data, "\n"), text.data);
    buf_done(&text);
}

static void free_api(struct api *api) {
    tokens_free(api->tokens);
    api_tls_free(api->tls);
    free(api);
}

static struct MHD_Daemon *start_daemon(struct api *api, int fd) {
    static char priorities[] = TLS_PRIORITIES;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, api->tls ? api->tls->certificate : NULL},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, api->tls ? api->tls->key : NULL},
                                   {MHD_OPTION_HTTPS_PRIORITIES, 0, priorities},
                                   {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(api->tls ? flags | MHD_USE_TLS : flags, 0, NULL, NULL, on_request, api,
                            MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_CONNECTION_LIMIT, API_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                            API_STRANGER_S, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_ARRAY,
                            api->tls ? tls : none, MHD_OPTION_END);
}

struct api *api_start(const struct api_config *config, struct error *err) {
    struct api *api = xcalloc(1, sizeof *api);
    api->loop = config->loop;
    api->started_mono_ms = clock_mono_ms();
    snprintf(api->address, sizeof api->address, "%s", config->address);
    int status = api_tls_read(config->tls_cert, config->tls_key, &api->tls, err);
    if (status == 0) api->tokens = tokens_new(config->token, config->store, err);
    int fd = api->tokens ? open_socket(config->address, config->port, api->tls != NULL, &api->port, err) : -1;
    api->daemon = fd >= 0 ? start_daemon(api, fd) : NULL;
    if (api->daemon) return api;
    if (fd >= 0) {
        error_set(err, ERR_NETWORK, "the HTTP server cannot start on port %d%s", api->port,
                  api->tls ? ": do certificate and key belong together?" : "");
        close(fd);
    }
    free_api(api);
    return NULL;
}

char *api_url(const struct api *api) {
    CLEANUP_FREE char *name = api->tls ? api_tls_name(api->tls) : xstrdup(api->address);
    bool v6 = strchr(name, ':') != NULL;
    return xasprintf("http%s://%s%s%s:%d", api->tls ? "s" : "", v6 ? "[" : "", name, v6 ? "]" : "", api->port);
}

int api_port(const struct api *api) {
    return api->port;
}

void api_stop(struct api *api) {
    if (!api) return;
    MHD_stop_daemon(api->daemon);
    free_api(api);
}
