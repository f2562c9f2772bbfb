/* Campaign files. */
#include "problems/campaign/campaign.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "common/suggest.h"
#include "problems/campaign/file.h"
#include "problems/campaign/units.h"
#include "problems/graph/names.h"

#define BUDGET_MS_DEFAULT (5 * 60 * 1000)
#define BUDGET_CANDIDATES_DEFAULT 500
#define BUDGET_CANDIDATES_MAX 1000000
#define PATTERN_MAX 1024
#define SETS_MAX 64

DEFINE_CLEANUP(cleanup_doc, struct yaml_doc *, yaml_free)
DEFINE_CLEANUP(cleanup_campaign, struct campaign_file *, campaign_free)

int campaign_fail(struct error *err, enum error_code code) {
    if (err) err->code = code;
    return -1;
}

int list_parse(const struct yaml_doc *doc, const struct yaml_node *n, const char *what, struct list ret,
               struct error *err) {
    if (!n || n->kind != YAML_SEQUENCE || n->count == 0)
        return yaml_error(doc, n ? n : yaml_root(doc), err, "`%s` must be a list of at least one", what);
    if (n->count > CAMPAIGN_MAX_LIST) {
        yaml_error(doc, n, err, "`%s` has %zu entries; at most %d are allowed", what, n->count, CAMPAIGN_MAX_LIST);
        return campaign_fail(err, ERR_LIMIT);
    }
    *ret.items = xcalloc(n->count, sizeof **ret.items);
    for (size_t i = 0; i < n->count; i++) {
        const char *text = yaml_string(doc, n->items[i], what, err);
        if (!text) return -1;
        if (!*text || strlen(text) > PATTERN_MAX)
            return yaml_error(doc, n->items[i], err, "`%s`: a text of 1 to %d characters is expected", what,
                              PATTERN_MAX);
        for (size_t j = 0; j < i; j++)
            if (strcmp((*ret.items)[j], text) == 0)
                return yaml_error(doc, n->items[i], err, "`%s` lists `%.80s` twice", what, text);
        (*ret.items)[(*ret.n)++] = xstrdup(text);
    }
    return 0;
}

/* Words that a list may hold, those that can be run first. */
struct words {
    const char *const *now, *const *later;
};

static bool is_listed(const char *const *list, const char *text) {
    while (*list && strcmp(*list, text) != 0) list++;
    return *list != NULL;
}

static int words_parse(const struct yaml_doc *doc, const struct yaml_node *n, const char *what, struct words words,
                       struct list ret, struct error *err) {
    if (list_parse(doc, n, what, ret, err) != 0) return -1;
    for (size_t i = 0; i < *ret.n; i++) {
        const char *text = (*ret.items)[i];
        if (is_listed(words.now, text)) continue;
        if (is_listed(words.later, text)) {
            yaml_error(doc, n->items[i], err, "`%s`: `%s` cannot be run yet", what, text);
            return campaign_fail(err, ERR_UNSUPPORTED);
        }
        yaml_error(doc, n->items[i], err, "`%s`: unknown word `%.60s`", what, text);
        const char *nearest = suggest_nearest(text, words.now);
        return nearest ? error_hint(err, "did you mean `%s`?", nearest) : -1;
    }
    return 0;
}

/* The list when the key is there, else the defaults. */
static int words_or(const struct yaml_doc *doc, const struct yaml_node *n, const char *what, struct words words,
                    const char *const *fallback, struct list ret, struct error *err) {
    if (n) return words_parse(doc, n, what, words, ret, err);
    *ret.items = xcalloc(4, sizeof **ret.items);
    for (; *fallback && *ret.n < 4; fallback++) (*ret.items)[(*ret.n)++] = xstrdup(*fallback);
    return 0;
}

int targets_parse(const struct yaml_doc *doc, const struct yaml_node *n, struct campaign_target **ret, size_t *ret_n,
                  struct error *err) {
    if (!n || n->kind != YAML_SEQUENCE || n->count == 0)
        return yaml_error(doc, n ? n : yaml_root(doc), err,
                          "`targets` must be a list of at least one, as [pocl-cpu, {vendor: nvidia}]");
    if (n->count > CAMPAIGN_MAX_TARGETS) {
        yaml_error(doc, n, err, "`targets` has %zu entries; at most %d are allowed", n->count, CAMPAIGN_MAX_TARGETS);
        return campaign_fail(err, ERR_LIMIT);
    }
    *ret = xcalloc(n->count, sizeof **ret);
    for (size_t i = 0; i < n->count; i++) {
        ++*ret_n;
        if (target_parse(doc, n->items[i], &(*ret)[i], err) != 0) return -1;
    }
    return 0;
}

int duration_parse(const struct yaml_doc *doc, const struct yaml_node *n, const char *what, int64_t *ret,
                   struct error *err) {
    const char *why = NULL, *text = yaml_string(doc, n, what, err);
    if (!text) return -1;
    if (units_duration(text, ret, &why) != 0) return yaml_error(doc, n, err, "`%s`: `%.60s`: %s", what, text, why);
    return 0;
}

static int budget_parse(const struct yaml_doc *doc, const struct yaml_node *n, struct campaign_file *c,
                        struct error *err) {
    static const char *const keys[] = {"time", "candidates", NULL};
    c->budget_ms = BUDGET_MS_DEFAULT;
    c->budget_candidates = BUDGET_CANDIDATES_DEFAULT;
    if (!n) return 0;
    if (yaml_check_keys(doc, n, keys, err) != 0) return -1;
    const struct yaml_node *time = yaml_get(n, "time"), *candidates = yaml_get(n, "candidates");
    if (time && duration_parse(doc, time, "time", &c->budget_ms, err) != 0) return -1;
    if (c->budget_ms == 0) return yaml_error(doc, time, err, "`time` must be more than nothing");
    if (!candidates) return 0;
    return yaml_int(doc, candidates, "candidates", 1, BUDGET_CANDIDATES_MAX, &c->budget_candidates, err);
}

int busy_parse(const struct yaml_doc *doc, const struct yaml_node *n, bool *ret_notes, struct error *err) {
    const char *text = n ? yaml_string(doc, n, "busy", err) : NULL;
    if (!text) return n ? -1 : 0;
    *ret_notes = strcmp(text, "note") == 0;
    if (*ret_notes || strcmp(text, "refuse") == 0) return 0;
    return yaml_error(doc, n, err, "`busy` must be `refuse` or `note`, not `%.40s`", text);
}

static int number_parse(const struct yaml_doc *doc, const struct yaml_node *n, const char *what, int least, int most,
                        int *ret, struct error *err) {
    int64_t number = 0;
    if (!n) return 0;
    if (yaml_int(doc, n, what, least, most, &number, err) != 0) return -1;
    *ret = (int)number;
    return 0;
}

int sets_parse(const struct yaml_doc *doc, const struct yaml_node *n, int *ret, struct error *err) {
    return number_parse(doc, n, "sets", 1, SETS_MAX, ret, err);
}

int priority_parse(const struct yaml_doc *doc, const struct yaml_node *n, int *ret, struct error *err) {
    return number_parse(doc, n, "priority", -100, 100, ret, err);
}

static int flags_parse(const struct yaml_doc *doc, const struct yaml_node *root, struct campaign_file *c,
                       struct error *err) {
    const struct yaml_node *promote = yaml_get(root, "promote"), *audit = yaml_get(root, "audit");
    const struct yaml_node *deadline = yaml_get(root, "deadline"), *weight = yaml_get(root, "weight");
    c->weight = 1.0;
    if (promote && yaml_bool(doc, promote, "promote", &c->promote, err) != 0) return -1;
    if (audit && yaml_bool(doc, audit, "audit", &c->audit, err) != 0) return -1;
    if (deadline && duration_parse(doc, deadline, "deadline", &c->deadline_ms, err) != 0) return -1;
    if (limits_parse(doc, yaml_get(root, "limits"), &c->limits, err) != 0) return -1;
    if (sets_parse(doc, yaml_get(root, "sets"), &c->sets, err) != 0) return -1;
    if (busy_parse(doc, yaml_get(root, "busy"), &c->notes_load, err) != 0) return -1;
    if (priority_parse(doc, yaml_get(root, "priority"), &c->priority, err) != 0) return -1;
    if (weight && yaml_double(doc, weight, "weight", &c->weight, err) != 0) return -1;
    if (!(c->weight > 0) || c->weight > 1000)
        return yaml_error(doc, weight, err, "`weight` must be above 0 and at most 1000");
    return 0;
}

static int head_parse(const struct yaml_doc *doc, const struct yaml_node *root, struct campaign_file *c,
                      struct error *err) {
    static const char *const keys[] = {"campaign",  "problems", "targets", "size",     "strategies", "kernels",
                                       "baselines", "budget",   "promote", "priority", "weight",     "audit",
                                       "deadline",  "sets",     "busy",    "limits",   NULL};
    if (yaml_check_keys(doc, root, keys, err) != 0) return -1;
    const struct yaml_node *name = yaml_get(root, "campaign"), *size = yaml_get(root, "size");
    const char *text = yaml_string(doc, name, "campaign", err);
    if (!text) return -1;
    const char *why = name_title_problem(text);
    if (why) return yaml_error(doc, name, err, "the campaign's name `%.80s` %s", text, why);
    c->name = xstrdup(text);
    text = size ? yaml_string(doc, size, "size", err) : "auto";
    if (!text) return -1;
    why = name_title_problem(text);
    if (why) return yaml_error(doc, size, err, "the size's name `%.80s` %s", text, why);
    c->size = xstrdup(text);
    return 0;
}

static int body_parse(const struct yaml_doc *doc, const struct yaml_node *root, struct campaign_file *c,
                      struct error *err) {
    static const char *const strategies[] = {"human", "search", NULL}, *const strategies_later[] = {"port", "rewrite",
                                                                                                    "llm", NULL};
    static const char *const baselines[] = {"plain", "fused", NULL}, *const baselines_later[] = {"library", "eager",
                                                                                                 "compiled", NULL};
    static const char *const human[] = {"human", NULL};
    struct words known_strategies = {strategies, strategies_later}, known_baselines = {baselines, baselines_later};
    if (head_parse(doc, root, c, err) != 0) return -1;
    if (list_parse(doc, yaml_get(root, "problems"), "problems", (struct list){&c->problems, &c->n_problems}, err) != 0)
        return -1;
    if (targets_parse(doc, yaml_get(root, "targets"), &c->targets, &c->n_targets, err) != 0) return -1;
    if (words_or(doc, yaml_get(root, "strategies"), "strategies", known_strategies, human,
                 (struct list){&c->strategies, &c->n_strategies}, err) != 0)
        return -1;
    if (list_parse(doc, yaml_get(root, "kernels"), "kernels", (struct list){&c->kernels, &c->n_kernels}, err) != 0)
        return error_hint(err, "the strategies human and search take their candidates from kernel files");
    if (words_or(doc, yaml_get(root, "baselines"), "baselines", known_baselines, baselines,
                 (struct list){&c->baselines, &c->n_baselines}, err) != 0)
        return -1;
    if (budget_parse(doc, yaml_get(root, "budget"), c, err) != 0) return -1;
    return flags_parse(doc, root, c, err);
}

struct campaign_file *campaign_parse(const char *text, size_t len, const char *filename, struct error *err) {
    if (len > CAMPAIGN_MAX_BYTES) {
        error_set(err, ERR_LIMIT, "%s: %zu bytes are over a campaign file's limit of %d", filename, len,
                  CAMPAIGN_MAX_BYTES);
        return NULL;
    }
    CLEANUP(cleanup_doc) struct yaml_doc *doc = yaml_parse(text, len, filename, err);
    if (!doc) return NULL;
    CLEANUP(cleanup_campaign) struct campaign_file *c = xcalloc(1, sizeof *c);
    c->text = xstrndup(text, len);
    if (body_parse(doc, yaml_root(doc), c, err) != 0) return NULL;
    return TAKE(c);
}

struct campaign_file *campaign_load(const char *path, struct error *err) {
    size_t len = 0;
    CLEANUP_FREE char *text = file_read(path, CAMPAIGN_MAX_BYTES, &len, err);
    return text ? campaign_parse(text, len, path, err) : NULL;
}

/* "limits.queue" is the key queue of what stands under limits; that itself where there is none. */
static const struct yaml_node *find_key(const struct yaml_node *root, const char *key) {
    char outer[64];
    const char *dot = strchr(key, '.');
    if (!dot) return yaml_get(root, key);
    snprintf(outer, sizeof outer, "%.*s", (int)(dot - key), key);
    const struct yaml_node *n = yaml_get(root, outer);
    return n && n->kind == YAML_MAPPING ? yaml_get(n, dot + 1) : NULL;
}

void campaign_position(const struct campaign_file *c, const char *filename, const char *key, const char *entry,
                       char out[CAMPAIGN_POSITION_SIZE]) {
    snprintf(out, CAMPAIGN_POSITION_SIZE, "%s", filename);
    CLEANUP(cleanup_doc) struct yaml_doc *doc = yaml_parse(c->text, strlen(c->text), filename, NULL);
    const struct yaml_node *n = doc ? find_key(yaml_root(doc), key) : NULL;
    for (size_t i = 0; entry && n && n->kind == YAML_SEQUENCE && i < n->count; i++) {
        if (!n->items[i]->text || strcmp(n->items[i]->text, entry) != 0) continue;
        n = n->items[i];
        break;
    }
    if (n) snprintf(out, CAMPAIGN_POSITION_SIZE, "%s:%d:%d", filename, n->line, n->column);
}

void list_free(char **list, size_t n) {
    for (size_t i = 0; i < n; i++) free(list[i]);
    free(list);
}

void campaign_free(struct campaign_file *c) {
    if (!c) return;
    for (size_t i = 0; i < c->n_targets; i++) target_done(&c->targets[i]);
    free(c->targets);
    list_free(c->problems, c->n_problems);
    list_free(c->strategies, c->n_strategies);
    list_free(c->kernels, c->n_kernels);
    list_free(c->baselines, c->n_baselines);
    free(c->name);
    free(c->size);
    free(c->text);
    free(c);
}
