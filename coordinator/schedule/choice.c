#include "coordinator/schedule/choice.h"

#include <fnmatch.h>
#include <string.h>

#include "coordinator/plan/definition.h"
#include "coordinator/plan/targets.h"
#include "coordinator/sweep/sweep.h"

const char *task_purpose(const struct task *task) {
    return *task->row.purpose ? task->row.purpose : task->campaign->row.purpose;
}

bool choice_selects(struct core *core, struct campaign *campaign, const struct device *device) {
    const struct campaign_file *file = definition_of(core, campaign);
    for (size_t i = 0; file && i < file->n_targets; i++)
        if (target_means(&file->targets[i], device)) return true;
    return !file;
}

static bool is_listed(const struct rec_list_string *labels, const char *asked) {
    for (size_t i = 0; i < labels->count; i++)
        if (fnmatch(asked, labels->items[i], FNM_CASEFOLD) == 0) return true;
    return false;
}

static bool asks_for(const struct campaign_target *target, const struct rec_list_string *labels) {
    for (size_t i = 0; i < target->n_terms; i++) {
        const struct campaign_term *term = &target->term[i];
        if (strcmp(term->key, "label") == 0 && strcmp(term->op, "!=") != 0 && is_listed(labels, term->value))
            return true;
    }
    return false;
}

bool choice_admits(const struct campaign_target *targets, size_t n, const struct device *device) {
    const struct rec_list_string *only = &device->node->info->only;
    for (size_t i = 0; i < n && only->count > 0; i++)
        if (asks_for(&targets[i], only) && target_means(&targets[i], device)) return true;
    return only->count == 0;
}

bool choice_takes_campaign(struct core *core, struct campaign *campaign, const struct device *device) {
    /* Its devices were chosen when the run was planned (sweep/subjects.c). */
    if (strcmp(campaign->row.purpose, SWEEP_PURPOSE) == 0) return true;
    const struct campaign_file *file = definition_of(core, campaign);
    return choice_admits(file ? file->targets : NULL, file ? file->n_targets : 0, device);
}

bool choice_is_bound(const struct task *task) {
    return *task->row.wanted && strcmp(task->row.purpose, SWEEP_PURPOSE) == 0;
}

bool choice_bound_to(const struct task *task, const struct device *device) {
    size_t len = strlen(device->node->row.name);
    const char *wanted = task->row.wanted;
    return strncmp(wanted, device->node->row.name, len) == 0 && wanted[len] == '/' &&
           strcmp(wanted + len + 1, device->info->id) == 0;
}

bool choice_takes_purpose(const struct task *task, const struct device *device) {
    const struct rec_list_string *refuse = &device->node->info->refuse;
    for (size_t i = 0; i < refuse->count; i++)
        if (strcmp(refuse->items[i], task_purpose(task)) == 0) return false;
    return true;
}

bool choice_fits(struct core *core, const struct task *task, const struct device *device) {
    if (choice_is_bound(task) && !choice_bound_to(task, device)) return false;
    return choice_selects(core, task->campaign, device) && choice_takes_campaign(core, task->campaign, device) &&
           choice_takes_purpose(task, device);
}
