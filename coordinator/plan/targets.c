#include "coordinator/plan/targets.h"

#include <fnmatch.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/suggest.h"
#include "coordinator/plan/selector.h"
#include "coordinator/schedule/nodes.h"

void targets_selector_text(const struct campaign_target *target, char out[TARGET_SIZE]) {
    struct buf text = BUF_INIT;
    buf_putc(&text, '{');
    for (size_t i = 0; i < target->n_terms; i++)
        buf_printf(&text, "%s%s%s%s", i ? ", " : "", target->term[i].key, target->term[i].op, target->term[i].value);
    buf_putc(&text, '}');
    snprintf(out, TARGET_SIZE, "%s", text.data);
    buf_done(&text);
}

/* --- expansion -------------------------------------------------------------------------------- */
void target_choices_done(struct target_choices *choices) {
    for (size_t i = 0; i < choices->count; i++) free(choices->items[i].devices);
    free(choices->items);
}

static struct target_choice *choice(struct target_choices *choices, const char *name) {
    for (size_t i = 0; i < choices->count; i++)
        if (strcmp(choices->items[i].name, name) == 0) return &choices->items[i];
    choices->items = xrealloc(choices->items, (choices->count + 1) * sizeof *choices->items);
    struct target_choice *item = &choices->items[choices->count++];
    memset(item, 0, sizeof *item);
    snprintf(item->name, sizeof item->name, "%s", name);
    return item;
}

struct gathering {
    struct core *core;
    struct target_choices *choices;
    const struct campaign_target *wanted;
    bool found;
};

bool target_means(const struct campaign_target *wanted, const struct device *device) {
    return wanted->name ? fnmatch(wanted->name, device->target, 0) == 0 : campaign_selector_matches(wanted, device);
}

/* First the names that are meant, so that they stand in the file's order; then all devices of each. */
static bool gather_name(void *context, struct device *device) {
    struct gathering *g = context;
    if (!device_known(g->core, device) || !target_means(g->wanted, device)) return true;
    choice(g->choices, device->target);
    g->found = true;
    return true;
}

static bool gather_device(void *context, struct device *device) {
    struct gathering *g = context;
    if (!device_known(g->core, device)) return true;
    for (size_t i = 0; i < g->choices->count; i++) {
        struct target_choice *item = &g->choices->items[i];
        if (strcmp(item->name, device->target) != 0) continue;
        item->devices = xrealloc(item->devices, (item->device_count + 1) * sizeof *item->devices);
        item->devices[item->device_count++] = device;
    }
    return true;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct target_choice *)a)->name, ((const struct target_choice *)b)->name);
}

int targets_expand(struct core *core, const struct campaign_file *file, struct target_choices *ret, struct error *err) {
    memset(ret, 0, sizeof *ret);
    for (size_t i = 0; i < file->n_targets; i++) {
        struct gathering g = {.core = core, .choices = ret, .wanted = &file->targets[i]};
        size_t before = ret->count;
        devices_each(core, gather_name, &g);
        /* The nodes' table has no order; plans must not depend on it. */
        if (ret->count > before) qsort(&ret->items[before], ret->count - before, sizeof *ret->items, by_name);
        if (g.found) continue;
        char text[TARGET_SIZE];
        if (g.wanted->name)
            snprintf(text, sizeof text, "%s", g.wanted->name);
        else
            targets_selector_text(g.wanted, text);
        choice(ret, text)->placeholder = !g.wanted->name || strpbrk(g.wanted->name, "*?[");
    }
    if (ret->count == 0) return error_set(err, ERR_INVALID, "the campaign names no target");
    struct gathering g = {.core = core, .choices = ret};
    devices_each(core, gather_device, &g);
    return 0;
}

/* --- warnings --------------------------------------------------------------------------------- */
#define NAMES_MAX 64

struct names {
    const struct core *core;
    const char *items[NAMES_MAX + 1];
    size_t count;
};

static bool collect_name(void *context, struct device *device) {
    struct names *names = context;
    if (!device_known(names->core, device)) return true;
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], device->target) == 0) return true;
    names->items[names->count++] = device->target;
    return names->count < NAMES_MAX;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void targets_warn_unserved(struct core *core, struct submission *s, const struct target_choice *choice) {
    if (choice->device_count > 0) return;
    struct names names = {.core = core};
    CLEANUP(buf_done) struct buf list = BUF_INIT;
    devices_each(core, collect_name, &names);
    qsort(names.items, names.count, sizeof *names.items, by_text);
    for (size_t i = 0; i < names.count; i++) buf_printf(&list, "%s%s", i ? ", " : "", names.items[i]);
    const char *nearest = suggest_nearest(choice->name, names.items);
    submission_warn(s, "no device serves the target `%s`%s%s%s; in service: %s", choice->name,
                    nearest ? " (did you mean `" : "", nearest ? nearest : "", nearest ? "`?)" : "",
                    names.count ? list.data : "no device at all");
}
