#include "coordinator/plan/selector.h"

#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "fleet/target/selector.h"

static bool text_equals(const struct campaign_term *term, const char *text) {
    return strcmp(term->op, "~") == 0 ? fnmatch(term->value, text, FNM_CASEFOLD) == 0
                                      : strcasecmp(term->value, text) == 0;
}

static bool node_holds(const struct campaign_term *term, const struct device *device) {
    bool equal = text_equals(term, device->node->row.name);
    return strcmp(term->op, "!=") == 0 ? !equal : equal;
}

static bool node_has_label(const struct campaign_term *term, const struct device *device) {
    const struct rec_list_string *labels = &device->node->info->labels;
    for (size_t i = 0; i < labels->count; i++)
        if (text_equals(term, labels->items[i])) return true;
    return false;
}

static bool term_holds(const struct campaign_term *term, const struct device *device) {
    if (strcmp(term->key, "node") == 0) return node_holds(term, device);
    const struct target_term same = {.key = term->key, .op = term->op, .value = term->value};
    bool holds = target_selector_matches(&same, 1, device->info);
    if (strcmp(term->key, "label") != 0) return holds;
    bool on_node = node_has_label(term, device);
    return strcmp(term->op, "!=") == 0 ? holds && !on_node : holds || on_node;
}

bool campaign_selector_matches(const struct campaign_target *selector, const struct device *device) {
    for (size_t i = 0; i < selector->n_terms; i++)
        if (!term_holds(&selector->term[i], device)) return false;
    return true;
}
