#include "coordinator/plan/selector.h"

#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "common/number.h"

/* --- one value against one term ------------------------------------------------------------------------------------------ */
static bool text_holds(const struct campaign_term *term, const char *text) {
    if (strcmp(term->op, "~") == 0) return fnmatch(term->value, text, FNM_CASEFOLD) == 0;
    return (strcasecmp(term->value, text) == 0) == (strcmp(term->op, "==") == 0);
}

static bool number_holds(const struct campaign_term *term, int64_t value) {
    int64_t wanted = 0;
    if (number_int(term->value, &wanted) != NUMBER_OK) return false;
    const char *op = term->op;
    if (strcmp(op, "==") == 0) return value == wanted;
    if (strcmp(op, "!=") == 0) return value != wanted;
    if (strcmp(op, "<") == 0) return value < wanted;
    if (strcmp(op, "<=") == 0) return value <= wanted;
    if (strcmp(op, ">") == 0) return value > wanted;
    return strcmp(op, ">=") == 0 && value >= wanted;
}

static bool bool_holds(const struct campaign_term *term, bool value) {
    return text_holds(term, value ? "true" : "false");
}

/* A list has the value; with != none of it has. */
static bool in_list(const struct campaign_term *term, const struct rec_list_string *list) {
    struct campaign_term same = *term;
    bool negated = strcmp(term->op, "!=") == 0;
    char equal[] = "==";
    if (negated) same.op = equal;
    for (size_t i = 0; i < list->count; i++)
        if (text_holds(&same, list->items[i])) return !negated;
    return negated;
}

static bool in_words(const struct campaign_term *term, const char *words) {
    struct campaign_term same = *term;
    bool negated = strcmp(term->op, "!=") == 0;
    char equal[] = "==", word[256];
    if (negated) same.op = equal;
    for (const char *at = words; *at;) {
        size_t len = strcspn(at, " ");
        snprintf(word, sizeof word, "%.*s", (int)(len < 255 ? len : 255), at);
        if (len && text_holds(&same, word)) return !negated;
        at += len + (at[len] == ' ');
    }
    return negated;
}

static bool in_numbers(const struct campaign_term *term, const struct rec_list_long *list) {
    for (size_t i = 0; i < list->count; i++)
        if (number_holds(term, list->items[i])) return true;
    return false;
}

/* --- keys ---------------------------------------------------------------------------------------------------------------- */
static bool label_holds(const struct campaign_term *term, const struct device *device) {
    bool on_device = in_list(term, &device->info->labels), on_node = in_list(term, &device->node->info->labels);
    return strcmp(term->op, "!=") == 0 ? on_device && on_node : on_device || on_node;
}

static bool text_key(const struct campaign_term *term, const struct device *device, bool *ret) {
    const struct rec_device *d = device->info;
    const struct {
        const char *key, *value;
    } texts[] = {{"vendor", d->vendor},   {"name", d->name}, {"platform", d->platform},        {"driver", d->driver_version},
                 {"backend", d->backend}, {"kind", d->kind}, {"node", device->node->row.name}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strcmp(texts[i].key, term->key) != 0) continue;
        *ret = text_holds(term, texts[i].value);
        return true;
    }
    return false;
}

static bool number_key(const struct campaign_term *term, const struct rec_device *d, bool *ret) {
    const struct {
        const char *key;
        int64_t value;
    } numbers[] = {{"memory", d->memory_bytes},
                   {"local_memory", d->local_memory_bytes},
                   {"compute_units", d->compute_units},
                   {"max_work_group_size", d->max_work_group_size}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(numbers[i].key, term->key) != 0) continue;
        *ret = number_holds(term, numbers[i].value);
        return true;
    }
    return false;
}

static bool term_holds(const struct campaign_term *term, const struct device *device) {
    const struct rec_device *d = device->info;
    bool holds = false;
    if (text_key(term, device, &holds) || number_key(term, d, &holds)) return holds;
    if (strcmp(term->key, "fp16") == 0) return bool_holds(term, d->fp16);
    if (strcmp(term->key, "fp64") == 0) return bool_holds(term, d->fp64);
    if (strcmp(term->key, "label") == 0) return label_holds(term, device);
    if (strcmp(term->key, "extension") == 0) return in_words(term, d->extensions);
    if (strcmp(term->key, "subgroup") == 0) return in_numbers(term, &d->sub_group_sizes);
    return false;
}

bool selector_matches(const struct campaign_target *selector, const struct device *device) {
    for (size_t i = 0; i < selector->n_terms; i++)
        if (!term_holds(&selector->term[i], device)) return false;
    return true;
}
