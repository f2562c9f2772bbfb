#include "fleet/target/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/fileio.h"
#include "common/yaml.h"
#include "fleet/target/selector.h"

#define MAX_TERMS 32
#define MAX_FILE ((size_t)1 << 20)

struct rule {
    char target[TARGET_NAME_SIZE];
    struct target_term term[MAX_TERMS]; /* strings owned */
    size_t n_terms;
};
struct target_rules {
    struct rule *rule;
    size_t n;
};

/* What everybody has or may have without a GPU. Devices of other makes are named by vendor and model. Order matters:
 * Oclgrind and PoCL report the CPU's vendor. */
static const struct {
    const char *target;
    struct target_term term[2];
    size_t n_terms;
} builtin[] = {
    {"pocl-cpu", {{"platform", "==", "Portable Computing Language"}, {"kind", "==", "cpu"}}, 2},
    {"mesa-llvmpipe", {{"name", "~", "llvmpipe*"}}, 1},
    {"oclgrind", {{"platform", "==", "Oclgrind"}}, 1},
    {"intel-cpu", {{"vendor", "==", "intel"}, {"kind", "==", "cpu"}}, 2},
    {"scripted", {{"backend", "==", "scripted"}}, 1},
};

bool target_name_valid(const char *name) {
    size_t len = strlen(name);
    return len > 0 && len < TARGET_NAME_SIZE && name[0] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

void target_rules_free(struct target_rules *rules) {
    if (!rules) return;
    for (size_t i = 0; i < rules->n; i++)
        for (size_t t = 0; t < rules->rule[i].n_terms; t++) {
            free((char *)(uintptr_t)rules->rule[i].term[t].key);
            free((char *)(uintptr_t)rules->rule[i].term[t].op);
            free((char *)(uintptr_t)rules->rule[i].term[t].value);
        }
    free(rules->rule);
    free(rules);
}

struct parse {
    const struct yaml_doc *doc;
    struct rule *rule;
    struct error *err;
};

static int add_term(struct parse *p, const struct yaml_node *key, const struct yaml_node *value) {
    struct error why = ERROR_INIT;
    char op[3];
    const char *text = yaml_string(p->doc, value, key->text, p->err);
    if (!text) return -1;
    if (p->rule->n_terms == MAX_TERMS) return yaml_error(p->doc, key, p->err, "over %d terms in a rule", MAX_TERMS);
    const char *rest = target_selector_split(text, op);
    struct target_term *t = &p->rule->term[p->rule->n_terms++];
    *t = (struct target_term){xstrdup(key->text), xstrdup(op), xstrdup(rest)};
    if (target_selector_check(t, 1, &why) < 0) return yaml_error(p->doc, key, p->err, "%s", why.text);
    return 0;
}

static int parse_when(struct parse *p, const struct yaml_node *when) {
    if (when->kind != YAML_MAPPING || when->count == 0)
        return yaml_error(p->doc, when, p->err, "`when` needs at least one property, such as {vendor: nvidia}");
    for (size_t i = 0; i < when->count; i++) {
        const struct yaml_node *value = when->items[i];
        bool many = value->kind == YAML_SEQUENCE;
        for (size_t v = 0; v < (many ? value->count : 1); v++)
            if (add_term(p, when->keys[i], many ? value->items[v] : value) < 0) return -1;
    }
    return 0;
}

static int parse_rule(struct parse *p, const struct yaml_node *node) {
    static const char *const known[] = {"target", "when", NULL};
    if (node->kind != YAML_MAPPING) return yaml_error(p->doc, node, p->err, "a rule is {target: NAME, when: {...}}");
    if (yaml_check_keys(p->doc, node, known, p->err) < 0) return -1;
    const struct yaml_node *target = yaml_get(node, "target"), *when = yaml_get(node, "when");
    if (!target || !when) return yaml_error(p->doc, node, p->err, "a rule needs both `target` and `when`");
    const char *name = yaml_string(p->doc, target, "target", p->err);
    if (!name) return -1;
    if (!target_name_valid(name))
        return yaml_error(p->doc, target, p->err, "target %s: up to 63 of a-z, 0-9 and - are expected", name);
    snprintf(p->rule->target, sizeof p->rule->target, "%s", name);
    return parse_when(p, when);
}

static int parse_rules(const struct yaml_doc *doc, struct target_rules *ret, struct error *err) {
    const struct yaml_node *root = yaml_root(doc), *list = root ? yaml_get(root, "targets") : NULL;
    if (!list || list->kind == YAML_NULL) return 0;
    if (list->kind != YAML_SEQUENCE) return yaml_error(doc, list, err, "`targets` is a list of rules");
    if (list->count > TARGET_MAX_RULES) return yaml_error(doc, list, err, "over %d rules", TARGET_MAX_RULES);
    ret->rule = xcalloc(list->count, sizeof *ret->rule);
    for (size_t i = 0; i < list->count; i++) {
        struct parse p = {doc, &ret->rule[ret->n++], err};
        if (parse_rule(&p, list->items[i]) < 0) return -1;
    }
    return 0;
}

struct target_rules *target_rules_parse(const char *text, size_t len, const char *filename, struct error *err) {
    struct yaml_doc *doc = yaml_parse(text, len, filename, err);
    if (!doc) return NULL;
    CLEANUP(cleanup_target_rules) struct target_rules *rules = xcalloc(1, sizeof *rules);
    int rc = parse_rules(doc, rules, err);
    yaml_free(doc);
    return rc == 0 ? TAKE(rules) : NULL;
}

struct target_rules *target_rules_load(const char *path, struct error *err) {
    size_t len = 0;
    CLEANUP_FREE char *text = file_read(path, MAX_FILE, &len, err);
    return text ? target_rules_parse(text, len, path, err) : NULL;
}

void target_rules_name(const struct target_rules *rules, const struct rec_device *d, char out[TARGET_NAME_SIZE]) {
    for (size_t i = 0; rules && i < rules->n; i++)
        if (target_selector_matches(rules->rule[i].term, rules->rule[i].n_terms, d)) {
            memcpy(out, rules->rule[i].target, TARGET_NAME_SIZE);
            return;
        }
    for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++)
        if (target_selector_matches(builtin[i].term, builtin[i].n_terms, d)) {
            snprintf(out, TARGET_NAME_SIZE, "%s", builtin[i].target);
            return;
        }
    identity_vendor_model(d, out);
}
