/* Targets of a campaign: names of device classes, or selectors over what devices report. */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "problems/campaign/file.h"
#include "problems/campaign/units.h"
#include "problems/graph/names.h"

enum term_kind { TERM_TEXT, TERM_NUMBER, TERM_BYTES, TERM_BOOL };
static const struct {
    const char *key;
    enum term_kind kind;
} KEYS[] = {
    {"vendor", TERM_TEXT},
    {"name", TERM_TEXT},
    {"platform", TERM_TEXT},
    {"driver", TERM_TEXT},
    {"backend", TERM_TEXT},
    {"kind", TERM_TEXT},
    {"node", TERM_TEXT},
    {"label", TERM_TEXT},
    {"extension", TERM_TEXT},
    {"memory", TERM_BYTES},
    {"local_memory", TERM_BYTES},
    {"compute_units", TERM_NUMBER},
    {"max_work_group_size", TERM_NUMBER},
    {"subgroup", TERM_NUMBER},
    {"fp16", TERM_BOOL},
    {"fp64", TERM_BOOL},
};
#define KEYS_COUNT (sizeof KEYS / sizeof *KEYS)

/* Two-character operators first, so that ">=" is not read as ">". */
static const char *const OPERATORS[] = {"==", "!=", "<=", ">=", "<", ">", "~"};

static const char *split_operator(const char **text) {
    for (size_t i = 0; i < sizeof OPERATORS / sizeof *OPERATORS; i++) {
        size_t len = strlen(OPERATORS[i]);
        if (strncmp(*text, OPERATORS[i], len) != 0) continue;
        *text += len;
        *text += strspn(*text, " ");
        return OPERATORS[i];
    }
    return NULL;
}

static int text_term(const struct yaml_doc *doc, const struct yaml_node *n, const char *key, const char *value,
                     struct campaign_term *t, struct error *err) {
    const char *op = t->op;
    if (op && strpbrk(op, "<>"))
        return yaml_error(doc, n, err, "`%s` is a text; it can be compared with ==, != and ~ only", key);
    if (!op) t->op = xstrdup(strpbrk(value, "*?") ? "~" : "==");
    if (!*value || strlen(value) > 200)
        return yaml_error(doc, n, err, "`%s` must be a text of 1 to 200 characters", key);
    t->value = xstrdup(value);
    return 0;
}

static int number_term(const struct yaml_doc *doc, const struct yaml_node *n, const char *key, const char *value,
                       bool bytes, struct campaign_term *t, struct error *err) {
    int64_t number = 0;
    const char *why = NULL;
    if (t->op && strcmp(t->op, "~") == 0) return yaml_error(doc, n, err, "`%s` is a number; ~ is for texts", key);
    if (units_bytes(value, &number, &why) != 0) return yaml_error(doc, n, err, "`%s`: `%.60s`: %s", key, value, why);
    if (!bytes && value[strspn(value, "0123456789")])
        return yaml_error(doc, n, err, "`%s`: `%.60s` must be a number without a unit", key, value);
    if (!t->op) t->op = xstrdup("==");
    t->value = xasprintf("%lld", (long long)number);
    return 0;
}

static int bool_term(const struct yaml_doc *doc, const struct yaml_node *n, const char *key, struct campaign_term *t,
                     struct error *err) {
    bool value = false;
    if (t->op) return yaml_error(doc, n, err, "`%s` must be true or false, without an operator", key);
    if (yaml_bool(doc, n, key, &value, err) != 0) return -1;
    t->op = xstrdup("==");
    t->value = xstrdup(value ? "true" : "false");
    return 0;
}

static int term_parse(const struct yaml_doc *doc, const struct yaml_node *key, const struct yaml_node *n,
                      struct campaign_target *ret, struct error *err) {
    size_t k = 0;
    while (k + 1 < KEYS_COUNT && strcmp(KEYS[k].key, key->text) != 0) k++;
    if (ret->n_terms == CAMPAIGN_MAX_TERMS) {
        yaml_error(doc, n, err, "a selector has at most %d terms", CAMPAIGN_MAX_TERMS);
        return campaign_fail(err, ERR_LIMIT);
    }
    const char *value = yaml_string(doc, n, key->text, err);
    if (!value) return -1;
    struct campaign_term *t = &ret->term[ret->n_terms++];
    const char *op = split_operator(&value);
    t->key = xstrdup(key->text);
    t->op = op ? xstrdup(op) : NULL;
    if (KEYS[k].kind == TERM_TEXT) return text_term(doc, n, key->text, value, t, err);
    if (KEYS[k].kind == TERM_BOOL) return bool_term(doc, n, key->text, t, err);
    return number_term(doc, n, key->text, value, KEYS[k].kind == TERM_BYTES, t, err);
}

/* A list under a key is that many terms: {extension: [cl_khr_fp16, cl_khr_subgroups]}. */
static int selector_parse(const struct yaml_doc *doc, const struct yaml_node *n, struct campaign_target *ret,
                          struct error *err) {
    const char *known[KEYS_COUNT + 1] = {NULL};
    for (size_t i = 0; i < KEYS_COUNT; i++) known[i] = KEYS[i].key;
    if (yaml_check_keys(doc, n, known, err) != 0) return -1;
    if (n->count == 0) return yaml_error(doc, n, err, "a selector needs at least one term, as {vendor: nvidia}");
    ret->term = xcalloc(CAMPAIGN_MAX_TERMS, sizeof *ret->term);
    for (size_t i = 0; i < n->count; i++) {
        const struct yaml_node *value = n->items[i];
        if (value->kind != YAML_SEQUENCE) {
            if (term_parse(doc, n->keys[i], value, ret, err) != 0) return -1;
            continue;
        }
        if (value->count == 0) return yaml_error(doc, value, err, "`%s` lists nothing", n->keys[i]->text);
        for (size_t j = 0; j < value->count; j++)
            if (term_parse(doc, n->keys[i], value->items[j], ret, err) != 0) return -1;
    }
    return 0;
}

int target_parse(const struct yaml_doc *doc, const struct yaml_node *n, struct campaign_target *ret,
                 struct error *err) {
    if (n->kind == YAML_MAPPING) return selector_parse(doc, n, ret, err);
    const char *name = yaml_string(doc, n, "targets", err);
    if (!name) return -1;
    if (!*name || strlen(name) > 63 ||
        name[strspn(name,
                    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                    "._-*?")])
        return yaml_error(doc, n, err, "`%.80s` is no name of a target, as pocl-cpu", name);
    ret->name = xstrdup(name);
    return 0;
}

void target_done(struct campaign_target *t) {
    for (size_t i = 0; i < t->n_terms; i++) {
        free(t->term[i].key);
        free(t->term[i].op);
        free(t->term[i].value);
    }
    free(t->term);
    free(t->name);
}
