/* The thread that tells people, and the queue it works off. Times are CLOCK_MONOTONIC. */
#include "coordinator/sweep/webhook.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/secrets.h"
#include "coordinator/loop.h"

#define TIMEOUT_MS 15000
#define BACKOFF_MS 10000
#define BACKOFF_MOST_MS 3600000
#define URL_MAX 4096
#define ANSWER_MAX (64 * 1024) /* more of an answer is not read */
#define LOOK_MS 500            /* after something was queued, the transaction has ended by then */

struct hook {
    char *name, *file;
    int64_t next_ms;              /* no try before */
    int in_a_row;                 /* tries that failed */
    struct webhook_status status; /* under the mutex */
};
struct webhooks {
    struct loop *loop;
    struct hook *hooks;
    size_t count;
    int64_t timeout_ms, backoff_ms;
    CURL *curl;
    pthread_t thread;
    bool started;
    atomic_bool stop;
    atomic_bool news;      /* something was queued */
    pthread_mutex_t mutex; /* status of the hooks, and the condition */
    pthread_cond_t wake;
};

int webhook_config_check(const struct webhook_config *config, struct error *err) {
    if (config->count > WEBHOOKS_MAX)
        return error_set(err, ERR_LIMIT, "webhooks: %zu of them, and %d are allowed", config->count, WEBHOOKS_MAX);
    for (size_t i = 0; i < config->count; i++) {
        const char *spec = config->specs[i];
        size_t len = strcspn(spec, "=");
        if (len == 0 || len >= LABEL_SIZE || !spec[len] || !spec[len + 1]) {
            error_set(err, ERR_INVALID, "webhooks: `%.80s` is not a name and a file", spec);
            return error_hint(err, "webhooks: [team=/etc/portolan/team.url]; the file's first line is the URL");
        }
        for (size_t k = 0; k < i; k++)
            if (strncmp(config->specs[k], spec, len + 1) == 0)
                return error_set(err, ERR_INVALID, "webhooks: %.*s is there twice", (int)len, spec);
    }
    return 0;
}

/* --- the queue, on the loop's thread ---------------------------------------------------------- */
struct queue_look {
    int64_t oldest, count;
};

static int look(void *context, const struct row_hook *row, struct error *err) {
    struct queue_look *found = context;
    (void)err;
    if (found->count++ == 0) found->oldest = row->seq;
    return 0;
}

int webhook_queue(struct core *core, const char *webhook, const char *sweep, const char *body, struct error *err) {
    struct queue_look found = {0};
    struct row_hook row = {.body = body, .created_ms = core_wall_ms(core)};
    if (store_hooks(core->store, look, &found, err) != 0) return -1;
    if (found.count >= WEBHOOK_QUEUE_MAX) {
        log_warn("%lld digests wait for their webhooks: the oldest is dropped", (long long)found.count);
        if (store_hook_delete(core->store, found.oldest, err) != 0) return -1;
        core->digests_dropped++;
    }
    snprintf(row.webhook, sizeof row.webhook, "%s", webhook);
    snprintf(row.sweep, sizeof row.sweep, "%s", sweep);
    if (store_hook_add(core->store, &row, err) != 0) return -1;
    if (core->webhooks) atomic_store(&core->webhooks->news, true);
    return 0;
}

/* One digest of each webhook, the oldest; and how many wait. */
struct fetched {
    struct webhooks *w;
    int64_t now_wall_ms;
    struct {
        int64_t seq;
        char *body;
    } first[WEBHOOKS_MAX];
    int64_t waiting[WEBHOOKS_MAX];
    int64_t drop[WEBHOOK_QUEUE_MAX + 1]; /* too old, or of a webhook that is not configured */
    size_t drop_count;
};

static int fetch_row(void *context, const struct row_hook *row, struct error *err) {
    struct fetched *f = context;
    (void)err;
    size_t i = 0;
    while (i < f->w->count && strcmp(f->w->hooks[i].name, row->webhook) != 0) i++;
    if (i == f->w->count || f->now_wall_ms - row->created_ms > WEBHOOK_AGE_MAX_MS) {
        if (f->drop_count < WEBHOOK_QUEUE_MAX) f->drop[f->drop_count++] = row->seq;
        return 0;
    }
    if (f->waiting[i]++ > 0) return 0;
    f->first[i].seq = row->seq;
    f->first[i].body = xstrdup(row->body);
    return 0;
}

static int fetch(struct core *core, void *context, struct error *err) {
    struct fetched *f = context;
    f->now_wall_ms = core_wall_ms(core);
    if (store_hooks(core->store, fetch_row, f, err) != 0) return -1;
    for (size_t i = 0; i < f->drop_count; i++) {
        log_warn("a digest was too old, or its webhook is not configured: it is dropped");
        if (store_hook_delete(core->store, f->drop[i], err) != 0) return -1;
        core->digests_dropped++;
    }
    return 0;
}

struct settled {
    int64_t seq;
    const char *error; /* NULL: delivered */
};

static int settle(struct core *core, void *context, struct error *err) {
    const struct settled *settled = context;
    if (settled->error) return store_hook_failed(core->store, settled->seq, settled->error, err);
    return store_hook_delete(core->store, settled->seq, err);
}

/* --- one try ---------------------------------------------------------------------------------- */
static size_t swallow(char *data, size_t size, size_t n, void *context) {
    size_t *read = context;
    (void)data;
    *read += size * n;
    return *read <= ANSWER_MAX ? size * n : 0;
}

static int give_up_when_stopping(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    struct webhooks *w = context;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(&w->stop);
}

static bool is_http(const char *url) {
    return strncasecmp(url, "https://", 8) == 0 || strncasecmp(url, "http://", 7) == 0;
}

/* 0, or -1 with err; messages never have the URL, of which the path is the secret. */
static int post(struct webhooks *w, const struct hook *hook, const char *body, struct error *err) {
    char *url = secret_read(hook->file, URL_MAX, err);
    if (!url) return error_wrap(err, "webhook %s", hook->name);
    if (!is_http(url)) {
        free(url);
        return error_set(err, ERR_INVALID, "webhook %s: the first line of %s is not an http:// or https:// address",
                         hook->name, hook->file);
    }
    size_t read = 0;
    long status = 0;
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_reset(w->curl);
    curl_easy_setopt(w->curl, CURLOPT_URL, url);
    curl_easy_setopt(w->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(w->curl, CURLOPT_USERAGENT, "portolan/" PORTOLAN_VERSION);
    curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(w->curl, CURLOPT_TIMEOUT_MS, (long)w->timeout_ms);
    curl_easy_setopt(w->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(w->curl, CURLOPT_WRITEFUNCTION, swallow);
    curl_easy_setopt(w->curl, CURLOPT_WRITEDATA, &read);
    curl_easy_setopt(w->curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(w->curl, CURLOPT_XFERINFOFUNCTION, give_up_when_stopping);
    curl_easy_setopt(w->curl, CURLOPT_XFERINFODATA, w);
    CURLcode rc = curl_easy_perform(w->curl);
    curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    free(url);
    /* an answer that is too long was cut off by us: its status counts */
    if (rc != CURLE_OK && !(rc == CURLE_WRITE_ERROR && status != 0))
        return error_set(err, ERR_NETWORK, "webhook %s: %s", hook->name, curl_easy_strerror(rc));
    if (status < 200 || status > 299)
        return error_set(err, ERR_NETWORK, "webhook %s: it answered %ld", hook->name, status);
    return 0;
}

static int64_t backoff_of(const struct webhooks *w, int in_a_row) {
    int64_t ms = w->backoff_ms;
    for (int i = 1; i < in_a_row && ms < BACKOFF_MOST_MS; i++) ms *= 2;
    return ms < BACKOFF_MOST_MS ? ms : BACKOFF_MOST_MS;
}

static void try_one(struct webhooks *w, struct hook *hook, int64_t seq, const char *body) {
    struct error err = ERROR_INIT, ignored = ERROR_INIT;
    bool sent = post(w, hook, body, &err) == 0;
    if (!sent && atomic_load(&w->stop)) return;
    struct settled settled = {.seq = seq, .error = sent ? NULL : err.text};
    if (!sent) secret_blot(err.text);
    loop_call(w->loop, settle, &settled, &ignored);
    pthread_mutex_lock(&w->mutex);
    hook->in_a_row = sent ? 0 : hook->in_a_row + 1;
    hook->next_ms = sent ? 0 : clock_mono_ms() + backoff_of(w, hook->in_a_row);
    hook->status.sent += sent;
    hook->status.failed += !sent;
    if (sent && hook->status.waiting > 0) hook->status.waiting--;
    snprintf(hook->status.last_error, sizeof hook->status.last_error, "%.255s", sent ? "" : err.text);
    pthread_mutex_unlock(&w->mutex);
    if (!sent) log_warn("%s; it is tried again in %lld s", err.text, (long long)(backoff_of(w, hook->in_a_row) / 1000));
}

/* Until when there is nothing to do; INT64_MAX: until something is queued. -1: the loop is stopping. */
static int64_t work(struct webhooks *w) {
    struct error err = ERROR_INIT;
    struct fetched f = {.w = w};
    int64_t until = INT64_MAX;
    if (loop_call(w->loop, fetch, &f, &err) != 0) return -1;
    for (size_t i = 0; i < w->count; i++) {
        struct hook *hook = &w->hooks[i];
        pthread_mutex_lock(&w->mutex);
        hook->status.waiting = f.waiting[i];
        pthread_mutex_unlock(&w->mutex);
        if (f.first[i].body && clock_mono_ms() >= hook->next_ms && !atomic_load(&w->stop))
            try_one(w, hook, f.first[i].seq, f.first[i].body);
        if (f.waiting[i] > 0 && hook->next_ms < until) until = hook->next_ms;
        free(f.first[i].body);
    }
    return until;
}

static void *run(void *context) {
    struct webhooks *w = context;
    int64_t until = 0;
    while (!atomic_load(&w->stop) && until >= 0) {
        if (atomic_exchange(&w->news, false) || clock_mono_ms() >= until) {
            until = work(w);
            continue;
        }
        pthread_mutex_lock(&w->mutex);
        if (!atomic_load(&w->stop)) clock_cond_wait(&w->wake, &w->mutex, clock_mono_ns() + LOOK_MS * 1000000LL);
        pthread_mutex_unlock(&w->mutex);
    }
    return NULL;
}

/* --- life ------------------------------------------------------------------------------------- */
static void curl_start(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct webhooks *webhooks_start(const struct webhook_config *config, struct loop *loop, struct error *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (webhook_config_check(config, err) != 0) return NULL;
    pthread_once(&once, curl_start);
    struct webhooks *w = xcalloc(1, sizeof *w);
    w->loop = loop;
    w->timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : TIMEOUT_MS;
    w->backoff_ms = config->backoff_ms > 0 ? config->backoff_ms : BACKOFF_MS;
    w->hooks = xcalloc(config->count ? config->count : 1, sizeof *w->hooks);
    for (; w->count < config->count; w->count++) {
        const char *spec = config->specs[w->count];
        size_t len = strcspn(spec, "=");
        w->hooks[w->count].name = xstrndup(spec, len);
        w->hooks[w->count].file = xstrdup(spec + len + 1);
    }
    pthread_mutex_init(&w->mutex, NULL);
    clock_cond_init(&w->wake);
    w->curl = curl_easy_init();
    w->started = w->curl && pthread_create(&w->thread, NULL, run, w) == 0;
    if (!w->started) {
        webhooks_free(w);
        error_set(err, ERR_NOMEM, "cannot start the thread of webhooks");
        return NULL;
    }
    return w;
}

void webhooks_free(struct webhooks *w) {
    if (!w) return;
    pthread_mutex_lock(&w->mutex);
    atomic_store(&w->stop, true);
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->mutex);
    if (w->started) pthread_join(w->thread, NULL);
    for (size_t i = 0; i < w->count; i++) {
        free(w->hooks[i].name);
        free(w->hooks[i].file);
    }
    free(w->hooks);
    if (w->curl) curl_easy_cleanup(w->curl);
    pthread_mutex_destroy(&w->mutex);
    pthread_cond_destroy(&w->wake);
    free(w);
}

/* --- for people ------------------------------------------------------------------------------- */
size_t webhooks_status(struct webhooks *w, struct webhook_status ret[WEBHOOKS_MAX]) {
    if (!w) return 0;
    pthread_mutex_lock(&w->mutex);
    for (size_t i = 0; i < w->count; i++) {
        ret[i] = w->hooks[i].status;
        snprintf(ret[i].name, sizeof ret[i].name, "%s", w->hooks[i].name);
    }
    pthread_mutex_unlock(&w->mutex);
    return w->count;
}

bool webhooks_find(struct webhooks *w, const char *name, struct webhook_status *ret) {
    struct webhook_status status[WEBHOOKS_MAX];
    size_t n = webhooks_status(w, status);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(status[i].name, name) != 0) continue;
        *ret = status[i];
        return true;
    }
    return false;
}

json_t *webhook_json(const struct webhook_status *status) {
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:s}", "name", status->name, "state",
                     *status->last_error ? "failing" : "ok", "sent", (json_int_t)status->sent, "failed",
                     (json_int_t)status->failed, "waiting", (json_int_t)status->waiting, "last_error",
                     status->last_error);
}

json_t *webhooks_json(struct webhooks *w) {
    struct webhook_status status[WEBHOOKS_MAX];
    size_t n = webhooks_status(w, status);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(list, webhook_json(&status[i]));
    return list;
}
