#include "coordinator/publish/registry.h"

#include <curl/curl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/secrets.h"

#define PASSWORD_LIMIT 4096
#define SHOWN_MAX 160 /* of an answer, in messages */
#define CONTENT_TYPE "application/vnd.schemaregistry.v1+json"

struct registry {
    char *url, *user, *password, *ca_file;
    int timeout_ms;
    CURL *curl;
    atomic_bool cancelled;
};
struct answer {
    struct registry *registry;
    struct buf body;
    bool too_large;
    long status;
};

const char *registry_url(const struct registry *registry) {
    return registry->url;
}

void registry_cancel(struct registry *registry) {
    atomic_store(&registry->cancelled, true);
}

/* --- configuration ---------------------------------------------------------------------------- */
static bool is_near(const char *url) {
    static const char *const near[] = {"127.0.0.1", "localhost", "[::1]"};
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        size_t len = strlen(near[i]);
        if (strncasecmp(url + 7, near[i], len) == 0 && (!url[7 + len] || strchr(":/", url[7 + len]))) return true;
    }
    return false;
}

static int check(const struct registry_config *config, struct error *err) {
    bool plain = strncasecmp(config->url, "http://", 7) == 0;
    if ((!plain && strncasecmp(config->url, "https://", 8) != 0) || strpbrk(config->url, "@?# \t\r\n")) {
        error_set(err, ERR_INVALID, "schema_registry.url: `%.200s` is not the address of a registry", config->url);
        return error_hint(err,
                          "http:// or https://, host, port and path, without a user name, such as "
                          "https://registry:8081; the user is schema_registry.user");
    }
    if (!config->user != !config->password_file) {
        error_set(err, ERR_INVALID, "schema_registry: a user and a password go together, and only one is there");
        return error_hint(err, "schema_registry: {url: ..., user: NAME, password: {file: FILE}}");
    }
    if (!config->user || !plain || is_near(config->url)) return 0;
    error_set(err, ERR_AUTH, "schema_registry.url: %.200s would show the password to everybody on the way",
              config->url);
    return error_hint(err, "use https://");
}

static void curl_start(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct registry *registry_new(const struct registry_config *config, struct error *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (check(config, err) != 0) return NULL;
    pthread_once(&once, curl_start);
    CLEANUP(cleanup_registry) struct registry *registry = xcalloc(1, sizeof *registry);
    registry->url = xstrdup(config->url);
    for (size_t len = strlen(registry->url); len > 0 && registry->url[len - 1] == '/'; len--)
        registry->url[len - 1] = 0;
    registry->timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : REGISTRY_TIMEOUT_MS;
    if (config->ca_file) registry->ca_file = xstrdup(config->ca_file);
    if (config->user) {
        registry->user = xstrdup(config->user);
        registry->password = secret_read(config->password_file, PASSWORD_LIMIT, err);
        if (!registry->password) {
            error_wrap(err, "schema_registry.password.file");
            return NULL;
        }
    }
    registry->curl = curl_easy_init();
    if (registry->curl) return TAKE(registry);
    error_set(err, ERR_NOMEM, "cannot start libcurl");
    return NULL;
}

void registry_free(struct registry *registry) {
    if (!registry) return;
    if (registry->curl) curl_easy_cleanup(registry->curl);
    if (registry->password) explicit_bzero(registry->password, strlen(registry->password));
    free(registry->url);
    free(registry->user);
    free(registry->password);
    free(registry->ca_file);
    free(registry);
}

/* --- one request ------------------------------------------------------------------------------ */
static size_t on_data(char *data, size_t size, size_t n, void *context) {
    struct answer *answer = context;
    if (answer->body.len + size * n > REGISTRY_ANSWER_MAX) {
        answer->too_large = true;
        return 0;
    }
    buf_append(&answer->body, data, size * n);
    return size * n;
}

static int on_progress(void *context, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow) {
    const struct answer *answer = context;
    (void)dltotal, (void)dlnow, (void)ultotal, (void)ulnow;
    return atomic_load(&answer->registry->cancelled);
}

static void set_up(struct answer *answer, const char *url, const char *body, const struct curl_slist *headers,
                   char *why) {
    struct registry *registry = answer->registry;
    CURL *curl = registry->curl;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (registry->ca_file) curl_easy_setopt(curl, CURLOPT_CAINFO, registry->ca_file);
    if (registry->user) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERNAME, registry->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, registry->password);
    }
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)REGISTRY_CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)registry->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, answer);
}

static int error_of_curl(const struct registry *registry, CURLcode rc, const char *why, struct error *err) {
    const char *text = *why ? why : curl_easy_strerror(rc);
    if (rc == CURLE_ABORTED_BY_CALLBACK) return error_set(err, ERR_CANCELLED, "stopping");
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return error_set(err, ERR_TIMEOUT, "schema registry %s: no answer within %d s", registry->url,
                         registry->timeout_ms / 1000);
    if (rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CACERT_BADFILE) {
        error_set(err, ERR_AUTH, "schema registry %s: its certificate is not trusted: %s", registry->url, text);
        return error_hint(err, "schema_registry.ca_file names whom to trust");
    }
    return error_set(err, ERR_NETWORK, "schema registry %s: %s", registry->url, text);
}

/* What a peer that may be anything has said, for a message: its beginning, and nothing that a terminal acts on. */
static void shown(const char *text, char out[SHOWN_MAX + 1]) {
    size_t n = 0;
    for (; text && text[n] && n < SHOWN_MAX; n++) {
        unsigned char c = (unsigned char)text[n];
        out[n] = (char)(c >= 0x20 && c < 0x7f ? c : ' ');
    }
    out[n] = 0;
}

static int error_of_status(const struct answer *answer, const char *subject, const char *said, struct error *err) {
    const char *url = answer->registry->url;
    long status = answer->status;
    switch (status) {
        case 401:
        case 403:
            error_set(err, ERR_AUTH, "schema registry %s refuses %s%s (HTTP %ld): %s", url,
                      answer->registry->user ? "user " : "requests without credentials",
                      answer->registry->user ? answer->registry->user : "", status, said);
            return error_hint(err,
                              "schema_registry.user and schema_registry.password.file; it must be allowed to "
                              "register under the subject");
        case 404:
            error_set(err, ERR_NOT_FOUND, "schema registry %s has nothing at this path (HTTP 404): %s", url, said);
            return error_hint(err, "schema_registry.url needs the path too: Apicurio's is /apis/ccompat/v7");
        case 409:
            error_set(err, ERR_CONFLICT,
                      "schema registry %s: the schema of %s is not compatible with what is there: %s", url, subject,
                      said);
            return error_hint(err, "does the subject belong to another product? `prefix` gives the topics other names");
        default:
            break;
    }
    if (status >= 500 || status == 429 || status == 408)
        return error_set(err, ERR_NETWORK, "schema registry %s fails (HTTP %ld): %s", url, status, said);
    return error_set(err, ERR_INVALID, "schema registry %s refuses the schema of %s (HTTP %ld): %s", url, subject,
                     status, said);
}

static int read_id(const struct answer *answer, const char *subject, int32_t *ret_id, struct error *err) {
    char said[SHOWN_MAX + 1];
    json_t *root = answer->body.data ? json_loadb(answer->body.data, answer->body.len, 0, NULL) : NULL;
    const char *message = json_string_value(json_object_get(root, "message"));
    const json_t *id = json_object_get(root, "id");
    json_int_t value = json_is_integer(id) ? json_integer_value(id) : -1;
    shown(message ? message : answer->body.data, said);
    json_decref(root);
    if (answer->status < 200 || answer->status >= 300) return error_of_status(answer, subject, said, err);
    if (value < 0 || value > INT32_MAX) {
        error_set(err, ERR_INVALID, "schema registry %s answers with HTTP %ld, and not as a registry does: %s",
                  answer->registry->url, answer->status, said);
        return error_hint(err, "is schema_registry.url the registry's API, and not its web page?");
    }
    *ret_id = (int32_t)value;
    return 0;
}

static int perform(struct answer *answer, const char *path, const char *body, struct error *err) {
    struct registry *registry = answer->registry;
    char why[CURL_ERROR_SIZE] = "";
    CLEANUP_FREE char *url = xasprintf("%s%s", registry->url, path);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: " CONTENT_TYPE);
    headers = curl_slist_append(headers, "Accept: " CONTENT_TYPE ", application/json");
    set_up(answer, url, body, headers, why);
    CURLcode rc = curl_easy_perform(registry->curl);
    curl_easy_setopt(registry->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_getinfo(registry->curl, CURLINFO_RESPONSE_CODE, &answer->status);
    curl_slist_free_all(headers);
    if (answer->too_large)
        return error_set(err, ERR_LIMIT, "schema registry %s answers with more than %d bytes", registry->url,
                         REGISTRY_ANSWER_MAX);
    return rc == CURLE_OK ? 0 : error_of_curl(registry, rc, why, err);
}

int registry_register(struct registry *registry, const char *subject, const char *text, int32_t *ret_id,
                      struct error *err) {
    struct answer answer = {.registry = registry};
    json_t *json = json_object();
    json_object_set_new(json, "schema", json_string(text));
    char *body = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    char *escaped = curl_easy_escape(registry->curl, subject, 0);
    CLEANUP_FREE char *path = xasprintf("/subjects/%s/versions", escaped ? escaped : "");
    curl_free(escaped);
    int status = body ? perform(&answer, path, body, err) : error_set(err, ERR_INTERNAL, "schema of %s", subject);
    if (status == 0) status = read_id(&answer, subject, ret_id, err);
    free(body);
    buf_done(&answer.body);
    return status;
}
