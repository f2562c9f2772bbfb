#include "coordinator/sweep/subjects.h"

#include <fnmatch.h>
#include <string.h>

#include "coordinator/plan/targets.h"
#include "coordinator/schedule/choice.h"
#include "coordinator/schedule/nodes.h"

/* --- kernels ---------------------------------------------------------------------------------- */
struct choosing {
    struct core *core;
    const struct sweep_file *file;
    struct subjects *list;
    struct map *places; /* key of a cell to its place in the list, counted from 1 */
};

static bool is_meant(char *const *patterns, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (fnmatch(patterns[i], name, 0) == 0) return true;
    return n == 0;
}

static bool wanted(const struct choosing *c, const struct rec_result *r) {
    const struct sweep_file *f = c->file;
    if (strcmp(r->status, "confirmed") != 0) return false;
    return !f || (is_meant(f->problems, f->n_problems, r->problem) && is_meant(f->kernels, f->n_kernels, r->kernel));
}

static bool is_usable(const struct rec_result *r) {
    return *r->problem_yaml && *r->kernel_yaml && *r->policy;
}

/* Results come in the order of their revisions: the later one stands for the problem's text of today. */
static bool replaces(const struct choosing *c, const struct rec_result *r, const struct rec_result *old) {
    if (c->file && c->file->all_promoted) return true;
    if (strcmp(r->problem_hash, old->problem_hash) != 0) return true;
    return (r->has_speedup ? r->speedup : 0) >= (old->has_speedup ? old->speedup : 0);
}

/* Takes `r`. */
static void choose(struct choosing *c, struct rec_result *r) {
    struct subjects *list = c->list;
    const char *kernel = !c->file || c->file->all_promoted ? r->kernel : "";
    CLEANUP_FREE char *key = xasprintf("%s\n%s\n%s\n%s", r->problem, r->size, r->target, kernel);
    size_t place = (size_t)(uintptr_t)map_get(c->places, key);
    if (place && !replaces(c, r, list->items[place - 1])) {
        rec_free(&rec_result_desc, r);
        return;
    }
    if (place) {
        rec_free(&rec_result_desc, list->items[place - 1]);
        list->items[place - 1] = r;
        return;
    }
    list->items = xrealloc(list->items, (list->count + 1) * sizeof *list->items);
    list->items[list->count++] = r;
    map_put(c->places, key, (void *)(uintptr_t)list->count);
}

static int look_at(void *context, const struct row_result *row, struct error *err) {
    struct choosing *c = context;
    struct rec_result *r = rec_new(&rec_result_desc);
    rec_done(&rec_result_desc, r);
    if (codec_decode_as(c->core->codec, row->record, row->len, &rec_result_desc, r, err) != 0) {
        free(r);
        return error_wrap(err, "stored result of task %s", row->task);
    }
    bool meant = wanted(c, r), usable = is_usable(r);
    c->list->unusable += meant && !usable;
    if (meant && usable)
        choose(c, r);
    else
        rec_free(&rec_result_desc, r);
    return 0;
}

static int by_place(const void *a, const void *b) {
    const struct rec_result *x = *(struct rec_result *const *)a, *y = *(struct rec_result *const *)b;
    int order = strcmp(x->problem, y->problem);
    if (order == 0) order = strcmp(x->size, y->size);
    if (order == 0) order = strcmp(x->target, y->target);
    return order ? order : strcmp(x->kernel, y->kernel);
}

int subjects_load(struct core *core, const struct sweep_file *file, struct subjects *ret, struct error *err) {
    *ret = (struct subjects){0};
    struct choosing c = {.core = core, .file = file, .list = ret, .places = map_new()};
    int status = store_promoted(core->store, look_at, &c, err);
    map_free(c.places);
    if (ret->count > 1) qsort(ret->items, ret->count, sizeof *ret->items, by_place);
    if (status != 0) subjects_done(ret);
    return status;
}

void subjects_done(struct subjects *list) {
    for (size_t i = 0; i < list->count; i++) rec_free(&rec_result_desc, list->items[i]);
    free(list->items);
    *list = (struct subjects){0};
}

/* --- devices ---------------------------------------------------------------------------------- */
struct gathering {
    const struct sweep_file *file;
    struct subject_devices *ret;
};

static bool comes_back(enum service service) {
    return service == SERVICE_IN_SERVICE || service == SERVICE_UNCHECKED || service == SERVICE_STARTING ||
           service == SERVICE_QUARANTINED || service == SERVICE_TROUBLE;
}

static bool gather(void *context, struct device *device) {
    struct gathering *g = context;
    struct subject_devices *ret = g->ret;
    enum service service = device_service(device);
    bool means = false;
    for (size_t i = 0; i < g->file->n_targets && !means; i++) means = target_means(&g->file->targets[i], device);
    if (!means || service == SERVICE_LEFT || service == SERVICE_REFUSED || service == SERVICE_PENDING) return true;
    bool admits = choice_admits(g->file->targets, g->file->n_targets, device);
    if (!admits || !comes_back(service)) {
        buf_printf(&ret->left_out, "%s%s/%s (%s)", ret->left_out.len ? ", " : "", device->node->row.name,
                   device->info->id, admits ? service_name(service) : "its node chooses other work");
        return true;
    }
    ret->items = xrealloc(ret->items, (ret->count + 1) * sizeof *ret->items);
    ret->items[ret->count++] = device;
    return true;
}

static int by_name(const void *a, const void *b) {
    const struct device *x = *(const struct device *const *)a, *y = *(const struct device *const *)b;
    int order = strcmp(x->node->row.name, y->node->row.name);
    return order ? order : strcmp(x->info->id, y->info->id);
}

void subject_devices(struct core *core, const struct sweep_file *file, struct subject_devices *ret) {
    *ret = (struct subject_devices){0};
    struct gathering g = {.file = file, .ret = ret};
    devices_each(core, gather, &g);
    if (ret->count > 1) qsort(ret->items, ret->count, sizeof *ret->items, by_name);
}

void subject_devices_done(struct subject_devices *devices) {
    free(devices->items);
    buf_done(&devices->left_out);
    *devices = (struct subject_devices){0};
}
