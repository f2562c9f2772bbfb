#include "coordinator/sweep/file.h"

#include <string.h>

#include "common/buf.h"
#include "common/suggest.h"
#include "problems/campaign/file.h"
#include "problems/graph/names.h"

#define DEADLINE_LEAST_MS 60000
#define DEADLINE_MOST_MS (INT64_C(7) * 24 * 3600 * 1000)
#define CATCH_UP_LIMIT_DEFAULT 3

DEFINE_CLEANUP(cleanup_doc, struct yaml_doc *, yaml_free)

static const char *const overlaps[] = {"skip", "replace", NULL};
static const char *const catch_ups[] = {"none", "latest", "all", NULL};

const char *sweep_overlap_name(enum sweep_overlap overlap) {
    return overlaps[overlap];
}

const char *sweep_catch_up_name(enum sweep_catch_up catch_up) {
    return catch_ups[catch_up];
}

struct source {
    const struct yaml_doc *doc;
    const struct yaml_node *root;
};

/* Index of the word; `fallback` where the key is not there; -1 with err. */
static int word_of(const struct source *s, const char *key, const char *const *words, int fallback, struct error *err) {
    const struct yaml_node *n = yaml_get(s->root, key);
    CLEANUP(buf_done) struct buf known = BUF_INIT;
    const char *text = n ? yaml_string(s->doc, n, key, err) : NULL;
    if (!text) return n ? -1 : fallback;
    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], text) == 0) return i;
        buf_printf(&known, "%s`%s`", i ? ", " : "", words[i]);
    }
    yaml_error(s->doc, n, err, "`%s` is one of %s, not `%.40s`", key, known.data, text);
    const char *nearest = suggest_nearest(text, words);
    return nearest ? error_hint(err, "did you mean `%s`?", nearest) : -1;
}

static int name_parse(const struct source *s, struct sweep_file *f, struct error *err) {
    const struct yaml_node *n = yaml_get(s->root, "sweep");
    const char *text = yaml_string(s->doc, n, "sweep", err);
    if (!text) return -1;
    const char *why = name_title_problem(text);
    if (why) return yaml_error(s->doc, n, err, "the sweep's name `%.80s` %s", text, why);
    f->name = xstrdup(text);
    return 0;
}

/* The schedule's own message names the column in its text; file and line stand in front. */
static int schedule_parse(const struct source *s, struct sweep_file *f, struct error *err) {
    const struct yaml_node *cron = yaml_get(s->root, "cron"), *zone = yaml_get(s->root, "time_zone");
    const char *text = yaml_string(s->doc, cron, "cron", err);
    if (!text) return -1;
    if (cron_parse(text, &f->cron, err) != 0)
        return error_wrap(err, "%s:%d:%d: `cron`", yaml_filename(s->doc), cron->line, cron->column);
    f->cron_text = xstrdup(text);
    text = zone ? yaml_string(s->doc, zone, "time_zone", err) : "UTC";
    if (!text) return -1;
    f->zone = zone_open(text, err);
    if (!f->zone) return error_wrap(err, "%s:%d:%d: `time_zone`", yaml_filename(s->doc), zone->line, zone->column);
    f->zone_name = xstrdup(text);
    return 0;
}

static int what_parse(const struct source *s, struct sweep_file *f, struct error *err) {
    static const char *const promoted[] = {"best", "all", NULL};
    const struct yaml_node *problems = yaml_get(s->root, "problems"), *kernels = yaml_get(s->root, "kernels");
    if (targets_parse(s->doc, yaml_get(s->root, "targets"), &f->targets, &f->n_targets, err) != 0) return -1;
    if (problems && list_parse(s->doc, problems, "problems", (struct list){&f->problems, &f->n_problems}, err) != 0)
        return -1;
    if (kernels && list_parse(s->doc, kernels, "kernels", (struct list){&f->kernels, &f->n_kernels}, err) != 0)
        return -1;
    int which = word_of(s, "promoted", promoted, 0, err);
    f->all_promoted = which == 1;
    return which < 0 ? -1 : 0;
}

static int catch_up_parse(const struct source *s, struct sweep_file *f, struct error *err) {
    const struct yaml_node *limit = yaml_get(s->root, "catch_up_limit");
    int64_t number = CATCH_UP_LIMIT_DEFAULT;
    int word = word_of(s, "catch_up", catch_ups, SWEEP_CATCH_UP_LATEST, err);
    if (word < 0) return -1;
    f->catch_up = (enum sweep_catch_up)word;
    if (limit && f->catch_up != SWEEP_CATCH_UP_ALL)
        return yaml_error(s->doc, limit, err, "`catch_up_limit` is for `catch_up: all`");
    if (limit && yaml_int(s->doc, limit, "catch_up_limit", 1, SWEEP_CATCH_UP_MAX, &number, err) != 0) return -1;
    f->catch_up_limit = (int)number;
    return 0;
}

static int rules_parse(const struct source *s, struct sweep_file *f, struct error *err) {
    const struct yaml_node *deadline = yaml_get(s->root, "deadline");
    f->deadline_ms = SWEEP_DEADLINE_DEFAULT_MS;
    if (deadline && duration_parse(s->doc, deadline, "deadline", &f->deadline_ms, err) != 0) return -1;
    if (f->deadline_ms < DEADLINE_LEAST_MS || f->deadline_ms > DEADLINE_MOST_MS)
        return yaml_error(s->doc, deadline, err, "`deadline` must be between 1m and 7d");
    int overlap = word_of(s, "overlap", overlaps, SWEEP_OVERLAP_SKIP, err);
    if (overlap < 0 || catch_up_parse(s, f, err) != 0) return -1;
    f->overlap = (enum sweep_overlap)overlap;
    if (priority_parse(s->doc, yaml_get(s->root, "priority"), &f->priority, err) != 0) return -1;
    if (sets_parse(s->doc, yaml_get(s->root, "sets"), &f->sets, err) != 0) return -1;
    return busy_parse(s->doc, yaml_get(s->root, "busy"), &f->notes_load, err);
}

/* --- for the judge ---------------------------------------------------------------------------- */
static int whole_parse(const struct source *s, const struct yaml_node *n, const char *what, int *ret,
                       struct error *err) {
    int64_t number = 0;
    if (!n) return 0;
    if (yaml_int(s->doc, n, what, 0, 1000000, &number, err) != 0) return -1;
    *ret = (int)number;
    return 0;
}

static int judge_parse(const struct source *s, struct sweep_file *f, struct error *err) {
    static const char *const keys[] = {"window", "min_nights", "recent_max", "min_effect", "alpha", NULL};
    const struct yaml_node *n = yaml_get(s->root, "judge");
    struct judge_config *judge = &f->judge;
    *judge = judge_defaults;
    if (!n) return 0;
    if (n->kind != YAML_MAPPING)
        return yaml_error(s->doc, n, err, "`judge` must be a mapping, as {min_effect: 0.03, window: 30}");
    if (yaml_check_keys(s->doc, n, keys, err) != 0) return -1;
    const struct yaml_node *effect = yaml_get(n, "min_effect"), *alpha = yaml_get(n, "alpha");
    if (whole_parse(s, yaml_get(n, "window"), "judge: window", &judge->window, err) != 0 ||
        whole_parse(s, yaml_get(n, "min_nights"), "judge: min_nights", &judge->min_nights, err) != 0 ||
        whole_parse(s, yaml_get(n, "recent_max"), "judge: recent_max", &judge->recent_max, err) != 0)
        return -1;
    if (effect && yaml_double(s->doc, effect, "judge: min_effect", &judge->min_effect, err) != 0) return -1;
    if (alpha && yaml_double(s->doc, alpha, "judge: alpha", &judge->alpha, err) != 0) return -1;
    const char *why = judge_config_check(judge);
    return why ? yaml_error(s->doc, n, err, "`judge`: %s", why) : 0;
}

static int notify_parse(const struct source *s, struct sweep_file *f, struct error *err) {
    static const char *const keys[] = {"webhook", "always", NULL};
    const struct yaml_node *n = yaml_get(s->root, "notify");
    if (!n) return 0;
    if (n->kind != YAML_MAPPING)
        return yaml_error(s->doc, n, err, "`notify` must be a mapping, as {webhook: NAME, always: true}");
    if (yaml_check_keys(s->doc, n, keys, err) != 0) return -1;
    const struct yaml_node *webhook = yaml_get(n, "webhook"), *always = yaml_get(n, "always");
    const char *text = yaml_string(s->doc, webhook, "webhook", err);
    if (!text) return -1;
    /* An address is a secret of its own, and this file is shown to everybody. */
    if (name_title_problem(text)) {
        yaml_error(s->doc, webhook, err,
                   "`webhook` must be the name of one in the coordinator's configuration, not `%.40s`",
                   strstr(text, "://") ? "an address" : text);
        return error_hint(err, "docs/sweep.md says where addresses are kept");
    }
    snprintf(f->notify.webhook, sizeof f->notify.webhook, "%s", text);
    return always ? yaml_bool(s->doc, always, "always", &f->notify.always, err) : 0;
}

/* --- whole ------------------------------------------------------------------------------------ */
static int parse(const struct source *s, struct sweep_file *f, struct error *err) {
    static const char *const keys[] = {
        "sweep",    "cron",           "time_zone", "targets", "problems", "kernels", "promoted", "deadline", "overlap",
        "catch_up", "catch_up_limit", "priority",  "sets",    "busy",     "judge",   "notify",   NULL};
    if (yaml_check_keys(s->doc, s->root, keys, err) != 0 || name_parse(s, f, err) != 0) return -1;
    if (schedule_parse(s, f, err) != 0 || what_parse(s, f, err) != 0 || rules_parse(s, f, err) != 0) return -1;
    return judge_parse(s, f, err) == 0 ? notify_parse(s, f, err) : -1;
}

struct sweep_file *sweep_file_parse(const char *text, size_t len, const char *filename, struct error *err) {
    if (len > SWEEP_FILE_MAX_BYTES) {
        error_set(err, ERR_LIMIT, "%s: %zu bytes are over a sweep file's limit of %d", filename, len,
                  SWEEP_FILE_MAX_BYTES);
        return NULL;
    }
    CLEANUP(cleanup_doc) struct yaml_doc *doc = yaml_parse(text, len, filename, err);
    if (!doc) return NULL;
    CLEANUP(cleanup_sweep_file) struct sweep_file *file = xcalloc(1, sizeof *file);
    file->text = xstrndup(text, len);
    struct source source = {doc, yaml_root(doc)};
    return parse(&source, file, err) == 0 ? TAKE(file) : NULL;
}

void sweep_file_position(const struct sweep_file *file, const char *filename, const char *key, const char *entry,
                         char out[CAMPAIGN_POSITION_SIZE]) {
    const struct campaign_file like = {.text = file->text};
    campaign_position(&like, filename, key, entry, out);
}

void sweep_file_free(struct sweep_file *file) {
    if (!file) return;
    for (size_t i = 0; i < file->n_targets; i++) target_done(&file->targets[i]);
    free(file->targets);
    list_free(file->problems, file->n_problems);
    list_free(file->kernels, file->n_kernels);
    zone_free(file->zone);
    free(file->name);
    free(file->cron_text);
    free(file->zone_name);
    free(file->text);
    free(file);
}
