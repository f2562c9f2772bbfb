/* What holds for a host when several groups and files say something: Ansible's precedence. */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "fleet/inventory/internal.h"

/* Whether the host is named by a group beside `all` and `ungrouped`. */
static bool has_group(const struct inventory_host *h) {
    for (size_t i = 0; i < h->groups.n; i++)
        if (h->groups.at[i] > 1) return true;
    return false;
}

/* `ungrouped` has the hosts of no other group, whatever the files name there. */
static void sort_ungrouped(struct inventory_host *h) {
    size_t kept = 0;
    for (size_t i = 0; i < h->groups.n; i++)
        if (h->groups.at[i] != 1) h->groups.at[kept++] = h->groups.at[i];
    h->groups.n = kept;
    if (!has_group(h)) members_add(&h->groups, 1);
}

/* Groups that no other one holds are children of `all`. */
static void adopt(struct inventory *inv) {
    static const struct place none = {"", 0};
    for (size_t i = 1; i < inv->n_groups; i++)
        if (!inv->group[i]->has_parent) inventory_group_add_child(inv, inv->group[0], inv->group[i]->name, &none, NULL);
}

/* The depth is that of the longest way down from `all`; there are no loops. */
static void sink(struct inventory *inv, size_t group, int depth) {
    struct inventory_group *g = inv->group[group];
    if (depth <= g->depth) return;
    g->depth = depth;
    for (size_t i = 0; i < g->children.n; i++) sink(inv, g->children.at[i], depth + 1);
}

static int by_precedence(const void *a, const void *b) {
    const struct inventory_group *x = *(const struct inventory_group *const *)a,
                                 *y = *(const struct inventory_group *const *)b;
    if (x->depth != y->depth) return x->depth < y->depth ? -1 : 1;
    if (x->priority != y->priority) return x->priority < y->priority ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Marks the groups that name the host, and those above them. `up` lists each group's parents. */
static void mark(const struct members *up, size_t group, bool *marked) {
    if (marked[group]) return;
    marked[group] = true;
    for (size_t i = 0; i < up[group].n; i++) mark(up, up[group].at[i], marked);
}

static void merge_host(const struct inventory *inv, struct inventory_host *h, struct inventory_group *const *sorted,
                       const size_t *place_of, const bool *marked) {
    h->vars = json_copy(inv->group[0]->vars);
    for (size_t i = 0; i < inv->n_groups; i++)
        if (sorted[i] != inv->group[0] && marked[place_of[i]]) json_object_update(h->vars, sorted[i]->vars);
    json_object_update(h->vars, inv->group[0]->file_vars);
    for (size_t i = 0; i < inv->n_groups; i++)
        if (sorted[i] != inv->group[0] && marked[place_of[i]]) json_object_update(h->vars, sorted[i]->file_vars);
    json_object_update(h->vars, h->own);
    json_object_update(h->vars, h->file_own);
}

static struct members *find_parents(const struct inventory *inv) {
    struct members *up = xcalloc(inv->n_groups, sizeof *up);
    for (size_t i = 0; i < inv->n_groups; i++)
        for (size_t k = 0; k < inv->group[i]->children.n; k++) members_add(&up[inv->group[i]->children.at[k]], i);

    return up;
}

void inventory_merge(struct inventory *inv) {
    adopt(inv);
    sink(inv, 0, 0);
    CLEANUP_FREE struct inventory_group **sorted = xcalloc(inv->n_groups, sizeof *sorted);
    CLEANUP_FREE size_t *place_of = xcalloc(inv->n_groups, sizeof *place_of);
    memcpy(sorted, inv->group, inv->n_groups * sizeof *sorted);
    qsort(sorted, inv->n_groups, sizeof *sorted, by_precedence);
    for (size_t i = 0; i < inv->n_groups; i++)
        place_of[i] = (size_t)json_integer_value(json_object_get(inv->group_index, sorted[i]->name));
    struct members *up = find_parents(inv);
    CLEANUP_FREE bool *marked = xcalloc(inv->n_groups, sizeof *marked);
    for (size_t i = 0; i < inv->n_hosts; i++) {
        memset(marked, 0, inv->n_groups * sizeof *marked);
        sort_ungrouped(inv->host[i]);
        for (size_t k = 0; k < inv->host[i]->groups.n; k++) mark(up, inv->host[i]->groups.at[k], marked);
        merge_host(inv, inv->host[i], sorted, place_of, marked);
    }
    for (size_t i = 0; i < inv->n_groups; i++) free(up[i].at);
    free(up);
}
