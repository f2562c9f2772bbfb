/* {"version": 1, "what": "...", "ns": [..]}. A file that cannot be read or written costs the memory, never a task. */
#include "agent-node/worker/timing/history.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/fileio.h"
#include "common/hash.h"
#include "common/log.h"
#include "problems/graph/problem.h"

#define VERSION 1 /* raise when what a time means changes */
#define MAX_FILE 8192

void history_read(const char *path, struct history *ret) {
    size_t len = 0, i;
    json_t *value;
    CLEANUP_FREE char *text = file_read(path, MAX_FILE, &len, NULL);
    json_t *root = text ? json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    *ret = (struct history){0};
    if (json_integer_value(json_object_get(root, "version")) == VERSION) {
        json_array_foreach(json_object_get(root, "ns"), i, value) {
            if (json_number_value(value) > 0) history_add(ret, json_number_value(value));
        }
    }
    json_decref(root);
}

int history_write(const char *path, const struct history *h, struct error *err) {
    CLEANUP_FREE char *folder = path_dirname(path);
    json_t *list = json_array();
    for (size_t i = 0; i < h->n; i++) json_array_append_new(list, json_real(h->ns[i]));
    json_t *root = json_pack("{s:i, s:o}", "version", VERSION, "ns", list);
    CLEANUP_FREE char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(7));
    json_decref(root);
    if (!text) return error_set(err, ERR_INTERNAL, "%s: times cannot be written as JSON", path);
    if (dir_make(folder, 0755, err) < 0) return -1;
    return file_write_durable(path, text, strlen(text), 0644, err);
}

void history_add(struct history *h, double ns) {
    if (!(ns > 0) || !isfinite(ns)) return;
    if (h->n == HISTORY_MAX) memmove(h->ns, h->ns + 1, --h->n * sizeof *h->ns);
    h->ns[h->n++] = ns;
}

double history_drift(const struct history *h, double ns) {
    if (h->n < HISTORY_LEAST) return 0;
    return ns / stats_median(h->ns, h->n) - 1;
}

/* Device with driver, problem, size, baseline, and how it is measured. */
static char *file_of(const struct trial *t, const struct subject *baseline) {
    struct sha256 h;
    uint8_t digest[32];
    char key[65], problem[65], window[32];
    problem_hash(t->problem, problem);
    snprintf(window, sizeof window, "%g", trial_policy(t)->window_ms);
    sha256_init(&h);
    sha256_field(&h, problem);
    sha256_field(&h, t->bound->size);
    sha256_field(&h, baseline->hash);
    sha256_field(&h, window);
    sha256_final(&h, digest);
    hex_encode(digest, sizeof digest, key);
    return xasprintf("%s/history/%s/%.32s.json", t->worker->cache_dir, trial_device(t)->fingerprint, key);
}

void history_check(const struct trial *t, const struct subject *baseline, const struct timing *m, bool busy,
                   char *drift, size_t size) {
    struct error err = ERROR_INIT;
    struct history h;
    double kept[TIMING_WINDOWS_MAX];
    drift[0] = 0;
    if (!t->worker->cache_dir || m->baseline.n == 0) return;
    CLEANUP_FREE char *path = file_of(t, baseline);
    double ns = stats_median(kept, timing_kept(m, &m->baseline, kept));
    history_read(path, &h);
    double off = history_drift(&h, ns);
    if (fabs(off) > DRIFT_MAX)
        snprintf(drift, size, "%s took %.4g us, %.0f %% %s than in its last %zu runs here (median %.4g us)",
                 baseline->name, ns / 1e3, 100 * fabs(off), off > 0 ? "longer" : "shorter", h.n,
                 stats_median(h.ns, h.n) / 1e3);
    if (busy) return;
    history_add(&h, ns);
    if (history_write(path, &h, &err) != 0) log_warn("%s", err.text);
}
