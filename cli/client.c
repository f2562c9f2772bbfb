#include "cli/client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>

#include "common/buf.h"
#include "common/fileio.h"
#include "common/secrets.h"

#define RUNTIME_FILE "coordinator.json"
#define RUNTIME_FILE_LIMIT 65536
#define TOKEN_LIMIT 4096
#define ANSWER_LIMIT ((size_t)64 * 1024 * 1024)
#define CONNECT_TIMEOUT_S 10L
#define REQUEST_TIMEOUT_S 60L

struct client {
    char *api, *token, *ca_file;
    CURL *curl;
};
struct answer {
    struct buf body;
    bool too_large;
    long status;
    CURL *curl;
    client_line_fn *line; /* streams only */
    void *context;
    bool ended; /* by `line` */
};

const char *client_api(const struct client *c) {
    return c->api;
}

/* --- finding the coordinator ------------------------------------------------------------------ */
/* The runtime file is the coordinator's sign of life: absent, nobody runs here; unreadable, it is another user's. */
static int error_no_coordinator(const char *path, const struct error *why, struct error *err) {
    if (why->code == ERR_NOT_FOUND)
        error_set(err, ERR_NOT_FOUND, "no coordinator runs on this machine (%s is not there)", path);
    else
        error_set(err, why->code, "the coordinator of this machine: %s", why->text);
    return error_hint(err, "start one with: portolan serve --embedded, or name one with --api URL --token-file FILE");
}

static int from_runtime_file(char **api, char **token_file, char **ca_file, struct error *err) {
    CLEANUP_FREE char *path = runtime_file(RUNTIME_FILE, err);
    if (!path) return -1;
    size_t len = 0;
    struct error why = ERROR_INIT;
    CLEANUP_FREE char *text = file_read(path, RUNTIME_FILE_LIMIT, &len, &why);
    if (!text) return error_no_coordinator(path, &why, err);
    CLEANUP_JSON json_t *root = json_loadb(text, len, 0, NULL);
    const char *found_api = json_string_value(json_object_get(root, "api"));
    const char *found_token = json_string_value(json_object_get(root, "token_file"));
    if (!root || !found_token) {
        error_set(err, ERR_INVALID, "%s is not what a coordinator writes", path);
        return error_hint(err, "start the coordinator again: it writes the file anew");
    }
    if (!found_api && !*api)
        return error_set(err, ERR_BUSY, "the coordinator is starting: its API does not listen yet");
    const char *found_ca = json_string_value(json_object_get(root, "ca_file"));
    if (!*api && !*ca_file && found_ca) *ca_file = xstrdup(found_ca);
    if (!*api) *api = xstrdup(found_api);
    if (!*token_file) *token_file = xstrdup(found_token);
    return 0;
}

struct client *client_new(const struct options *opts, struct error *err) {
    const char *given_api = options_string(opts, "api"), *given_token = options_string(opts, "token-file");
    CLEANUP_FREE char *api = given_api ? xstrdup(given_api) : NULL;
    CLEANUP_FREE char *token_file = given_token ? xstrdup(given_token) : NULL;
    const char *given_ca = options_string(opts, "ca-file");
    CLEANUP_FREE char *ca_file = given_ca ? xstrdup(given_ca) : NULL;
    if ((!api || !token_file) && from_runtime_file(&api, &token_file, &ca_file, err)) return NULL;
    struct client *client = client_open(api, token_file, err);
    if (client) client->ca_file = TAKE(ca_file);
    return client;
}

/* The token goes with every request: over plain HTTP everybody on the way could take it. */
static int check_address(const char *api, struct error *err) {
    static const char *const near[] = {"127.0.0.1", "localhost", "[::1]"};
    if (strncasecmp(api, "https://", 8) == 0) return 0;
    const char *host = strncasecmp(api, "http://", 7) == 0 ? api + 7 : api; /* libcurl takes HTTP for granted */
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        size_t len = strlen(near[i]);
        if (strncasecmp(host, near[i], len) != 0) continue;
        const char *rest = host + len + (host[len] == ':' ? 1 + strspn(host + len + 1, "0123456789") : 0);
        if (!*rest || *rest == '/') return 0;
    }
    error_set(err, ERR_AUTH, "%.200s would show the token to everybody on the way", api);
    return error_hint(err, "https://, or a tunnel: ssh -L 7070:127.0.0.1:7070 HOST, then --api http://127.0.0.1:7070");
}

static void curl_start(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct client *client_open(const char *api, const char *token_file, struct error *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, curl_start);
    if (check_address(api, err) != 0) return NULL;
    CLEANUP_FREE char *token = secret_read(token_file, TOKEN_LIMIT, err);
    if (!token) {
        error_wrap(err, "API token");
        if (!strstr(err->text, "hint:"))
            error_hint(err,
                       "it belongs to the user who runs the coordinator; --token-file names a copy, or a token of "
                       "your own (portolan token create)");
        return NULL;
    }
    struct client *c = xcalloc(1, sizeof *c);
    c->api = xstrdup(api);
    c->api[strlen(api) - (*api && api[strlen(api) - 1] == '/')] = '\0';
    c->token = xstrdup(token);
    c->curl = curl_easy_init();
    if (c->curl) return c;
    error_set(err, ERR_NOMEM, "cannot start libcurl");
    client_free(c);
    return NULL;
}

void client_free(struct client *c) {
    if (!c) return;
    if (c->curl) curl_easy_cleanup(c->curl);
    free(c->api);
    explicit_bzero(c->token, strlen(c->token));
    free(c->token);
    free(c->ca_file);
    free(c);
}

char *client_escape(struct client *c, const char *text) {
    char *escaped = curl_easy_escape(c ? c->curl : NULL, text, 0);
    char *copy = xstrdup(escaped ? escaped : "");
    curl_free(escaped);
    return copy;
}

/* --- requests --------------------------------------------------------------------------------- */
static void deliver_lines(struct answer *a) {
    char *start = a->body.data, *end;
    while (!a->ended && start && (end = memchr(start, '\n', a->body.len - (size_t)(start - a->body.data)))) {
        json_t *object = json_loadb(start, (size_t)(end - start), 0, NULL);
        if (object && a->line(a->context, object)) a->ended = true;
        json_decref(object);
        start = end + 1;
    }
    size_t used = start ? (size_t)(start - a->body.data) : 0;
    if (!used) return;
    memmove(a->body.data, start, a->body.len - used);
    a->body.len -= used;
}

static size_t on_data(char *data, size_t size, size_t n, void *context) {
    struct answer *a = context;
    if (a->body.len + size * n > ANSWER_LIMIT) {
        a->too_large = true;
        return 0;
    }
    buf_append(&a->body, data, size * n);
    long status = 0;
    curl_easy_getinfo(a->curl, CURLINFO_RESPONSE_CODE, &status);
    if (a->line && status == 200) deliver_lines(a);
    return a->ended ? 0 : size * n;
}

static int error_of_answer(const struct client *c, const struct answer *a, struct error *err) {
    CLEANUP_JSON json_t *root = a->body.data ? json_loadb(a->body.data, a->body.len, 0, NULL) : NULL;
    json_t *e = json_object_get(root, "error");
    const char *code = json_string_value(json_object_get(e, "code")),
               *text = json_string_value(json_object_get(e, "text"));
    const char *hint = json_string_value(json_object_get(e, "hint"));
    if (!text)
        return error_set(err, ERR_NETWORK, "%s answers with HTTP status %ld, and not as a coordinator does", c->api,
                         a->status);
    error_set(err, code ? error_from_name(code) : ERR_INTERNAL, "%s", text);
    return hint ? error_hint(err, "%s", hint) : -1;
}

static int perform(struct client *c, const char *path, json_t *body, struct answer *a, struct error *err) {
    CLEANUP_FREE char *url = xasprintf("%s%s", c->api, path);
    CLEANUP_FREE char *authorization = xasprintf("Authorization: Bearer %s", c->token);
    CLEANUP_FREE char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct curl_slist *headers = curl_slist_append(NULL, authorization);
    if (text) headers = curl_slist_append(headers, "Content-Type: application/json");
    char why[CURL_ERROR_SIZE] = "";
    curl_easy_reset(c->curl);
    curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, why);
    a->curl = c->curl;
    curl_easy_setopt(c->curl, CURLOPT_URL, url);
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
    if (c->ca_file) curl_easy_setopt(c->curl, CURLOPT_CAINFO, c->ca_file);
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    if (!a->line) curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, REQUEST_TIMEOUT_S);
    curl_easy_setopt(c->curl, CURLOPT_TCP_KEEPALIVE, 1L); /* of a stream that is silent, the peer may be gone */
    if (text) curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, text);
    if (text) curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(text));
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, a);
    CURLcode rc = curl_easy_perform(c->curl);
    curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &a->status);
    curl_slist_free_all(headers);
    if (a->too_large) return error_set(err, ERR_LIMIT, "%s answers with more than %zu bytes", url, ANSWER_LIMIT);
    if (rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CACERT_BADFILE) {
        error_set(err, ERR_AUTH, "coordinator at %s: its certificate is not trusted: %s", c->api,
                  *why ? why : curl_easy_strerror(rc));
        return error_hint(err, "--ca-file FILE names whom to trust; and the address must be a name of the certificate");
    }
    if (rc != CURLE_OK && !a->ended) {
        error_set(err, ERR_NETWORK, "coordinator at %s: %s", c->api, curl_easy_strerror(rc));
        return error_hint(err, "is it running? `portolan serve` starts one; --api URL names another");
    }
    return a->status >= 200 && a->status < 300 ? 0 : error_of_answer(c, a, err);
}

static json_t *request(struct client *c, const char *path, json_t *body, struct error *err) {
    struct answer a = {0};
    json_t *root = NULL;
    if (!perform(c, path, body, &a, err)) {
        root = a.body.data ? json_loadb(a.body.data, a.body.len, 0, NULL) : NULL;
        if (!root) error_set(err, ERR_NETWORK, "%s%s: the answer is not JSON", c->api, path);
    }
    buf_done(&a.body);
    return root;
}

json_t *client_get(struct client *c, const char *path, struct error *err) {
    return request(c, path, NULL, err);
}

json_t *client_post(struct client *c, const char *path, json_t *body, struct error *err) {
    CLEANUP_JSON json_t *empty = body ? NULL : json_object();
    return request(c, path, body ? body : empty, err);
}

int client_stream(struct client *c, const char *path, json_t *body, client_line_fn *line, void *context,
                  struct error *err) {
    struct answer a = {.line = line, .context = context};
    int rc = perform(c, path, body, &a, err);
    buf_done(&a.body);
    return rc;
}
