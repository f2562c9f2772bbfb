/* Hosts, groups and who holds whom. */
#include "fleet/inventory/inventory.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/number.h"
#include "common/utf8.h"
#include "fleet/inventory/internal.h"

int place_error(const struct place *at, enum error_code code, struct error *err, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    error_vset(err, code, fmt, ap);
    va_end(ap);
    return error_wrap(err, "%s:%d", at->file, at->line);
}

static bool members_have(const struct members *m, size_t at) {
    for (size_t i = 0; i < m->n; i++)
        if (m->at[i] == at) return true;
    return false;
}

void members_add(struct members *m, size_t at) {
    if (m->n == m->cap) m->at = xrealloc(m->at, (m->cap = m->cap ? 2 * m->cap : 8) * sizeof *m->at);
    m->at[m->n++] = at;
}

/* --- names ------------------------------------------------------------------------------------ */
static size_t lookup(const json_t *index, const char *name) {
    const json_t *at = json_object_get(index, name);
    return at ? (size_t)json_integer_value(at) : SIZE_MAX;
}

/* A name goes to terminals, to DNS and into messages. */
static int check_name(const char *what, const char *name, const struct place *at, struct error *err) {
    size_t len = strlen(name);
    if (!len) return place_error(at, ERR_INVALID, err, "a %s without a name", what);
    if (len > INVENTORY_MAX_NAME)
        return place_error(at, ERR_LIMIT, err, "the name of a %s has %zu bytes; at most %d are allowed", what, len,
                           INVENTORY_MAX_NAME);
    for (size_t i = 0, n; i < len; i += n) {
        uint32_t c = 0;
        n = utf8_decode(name + i, len - i, &c);
        if (n && utf8_is_shown(c) && c > ' ') continue;
        return place_error(at, ERR_INVALID, err, "the name of a %s has a byte that none may have (0x%02x)", what,
                           (unsigned char)name[i]);
    }
    return 0;
}

struct inventory_group *inventory_group_find(const struct inventory *inv, const char *name) {
    size_t i = lookup(inv->group_index, name);
    return i == SIZE_MAX ? NULL : inv->group[i];
}

struct inventory_host *inventory_host_find(const struct inventory *inv, const char *name) {
    size_t i = lookup(inv->host_index, name);
    return i == SIZE_MAX ? NULL : inv->host[i];
}

static size_t group_at(const struct inventory *inv, const struct inventory_group *g) {
    return lookup(inv->group_index, g->name);
}

struct inventory_group *inventory_group_add(struct inventory *inv, const char *name, const struct place *at,
                                            struct error *err) {
    struct inventory_group *g = inventory_group_find(inv, name);
    if (g) return g;
    if (check_name("group", name, at, err) != 0) return NULL;
    if (inv->n_groups == INVENTORY_MAX_GROUPS) {
        place_error(at, ERR_LIMIT, err, "over %d groups", INVENTORY_MAX_GROUPS);
        return NULL;
    }
    g = xcalloc(1, sizeof *g);
    g->name = xstrdup(name);
    g->vars = json_object();
    g->file_vars = json_object();
    g->depth = -1;
    g->priority = 1;
    inv->group = xrealloc(inv->group, (inv->n_groups + 1) * sizeof *inv->group);
    json_object_set_new(inv->group_index, name, json_integer((json_int_t)inv->n_groups));
    return inv->group[inv->n_groups++] = g;
}

static struct inventory_host *host_add(struct inventory *inv, const char *name, const struct place *at,
                                       struct error *err) {
    struct inventory_host *h = inventory_host_find(inv, name);
    if (h) return h;
    if (check_name("host", name, at, err) != 0) return NULL;
    if (inv->n_hosts == INVENTORY_MAX_HOSTS) {
        place_error(at, ERR_LIMIT, err, "over %d hosts", INVENTORY_MAX_HOSTS);
        return NULL;
    }
    h = xcalloc(1, sizeof *h);
    h->name = xstrdup(name);
    h->own = json_object();
    h->file_own = json_object();
    inv->host = xrealloc(inv->host, (inv->n_hosts + 1) * sizeof *inv->host);
    json_object_set_new(inv->host_index, name, json_integer((json_int_t)inv->n_hosts));
    return inv->host[inv->n_hosts++] = h;
}

static int count_mention(struct inventory *inv, const struct place *at, struct error *err) {
    if (++inv->n_mentions <= INVENTORY_MAX_MENTIONS) return 0;
    return place_error(at, ERR_LIMIT, err, "hosts and groups are named over %d times", INVENTORY_MAX_MENTIONS);
}

/* --- hosts of groups -------------------------------------------------------------------------- */
struct adding {
    struct inventory *inv;
    struct inventory_group *group;
    json_t *vars;
    const struct place *at;
    int port;
    bool placed; /* the complaint has its place already */
};

static int add_one(void *context, const char *name, struct error *err) {
    struct adding *a = context;
    a->placed = true;
    if (count_mention(a->inv, a->at, err) != 0) return -1;
    struct inventory_host *h = host_add(a->inv, name, a->at, err);
    if (!h) return -1;
    size_t host = lookup(a->inv->host_index, name), group = group_at(a->inv, a->group);
    if (!members_have(&h->groups, group)) {
        members_add(&h->groups, group);
        members_add(&a->group->hosts, host);
    }
    if (a->port) json_object_set_new(h->own, "ansible_port", json_integer(a->port));
    if (a->vars) json_object_update(h->own, a->vars);
    if (json_object_size(h->own) > INVENTORY_MAX_VARIABLES)
        return place_error(a->at, ERR_LIMIT, err, "host `%s` has over %d variables", name, INVENTORY_MAX_VARIABLES);
    return 0;
}

int inventory_group_add_hosts(struct inventory *inv, struct inventory_group *group, const char *pattern, json_t *vars,
                              const struct place *at, struct error *err) {
    CLEANUP_FREE char *names = xstrdup(pattern);
    struct adding a = {.inv = inv, .group = group, .vars = vars, .at = at, .port = range_cut_port(names)};
    if (a.port > 65535) return place_error(at, ERR_INVALID, err, "host `%s`: there is no port %d", names, a.port);
    if (range_expand(names, add_one, &a, err) == 0) return 0;
    return a.placed ? -1 : error_wrap(err, "%s:%d", at->file, at->line);
}

/* --- children of groups ----------------------------------------------------------------------- */
/* Whether a way leads from group `from` down to `to`: then it is in `way`, "from -> ... -> to". `seen` keeps groups
 * with several parents from being walked again. */
static bool find_way(const struct inventory *inv, size_t from, size_t to, bool *seen, struct buf *way) {
    if (seen[from]) return false;
    seen[from] = true;
    size_t before = way->len;
    buf_printf(way, " -> %s", inv->group[from]->name);
    if (from == to) return true;
    const struct members *children = &inv->group[from]->children;
    for (size_t i = 0; i < children->n; i++)
        if (find_way(inv, children->at[i], to, seen, way)) return true;
    way->len = before;
    way->data[before] = 0;
    return false;
}

int inventory_group_add_child(struct inventory *inv, struct inventory_group *group, const char *child,
                              const struct place *at, struct error *err) {
    if (count_mention(inv, at, err) != 0) return -1;
    struct inventory_group *c = inventory_group_add(inv, child, at, err);
    if (!c) return -1;
    if (c == inv->group[0])
        return place_error(at, ERR_INVALID, err, "group `all` holds every group: it cannot be a child of `%s`",
                           group->name);
    size_t from = group_at(inv, c), to = group_at(inv, group);
    if (members_have(&group->children, from)) return 0;
    CLEANUP_FREE bool *seen = xcalloc(inv->n_groups, sizeof *seen);
    CLEANUP(buf_done) struct buf way = BUF_INIT;
    if (find_way(inv, from, to, seen, &way)) {
        place_error(at, ERR_INVALID, err, "group `%s` cannot be a child of `%s`: that is a loop, %s%.400s", child,
                    group->name, group->name, way.data);
        return error_hint(err, "take one of these groups out of another's children");
    }
    members_add(&group->children, from);
    c->has_parent = true;
    return 0;
}

int inventory_group_set(struct inventory_group *group, const char *name, json_t *value, const struct place *at,
                        struct error *err) {
    int64_t priority = json_integer_value(value);
    bool own = strcmp(name, "ansible_group_priority") == 0;
    if (own && json_is_string(value) && number_int(json_string_value(value), &priority) != NUMBER_OK) {
        json_decref(value);
        return place_error(at, ERR_INVALID, err, "ansible_group_priority must be a whole number");
    }
    if (own) group->priority = (long)priority;
    if (own)
        json_decref(value);
    else if (json_object_set_new(group->vars, name, value) != 0)
        return place_error(at, ERR_INVALID, err, "the name of a variable is not UTF-8");
    if (json_object_size(group->vars) <= INVENTORY_MAX_VARIABLES) return 0;
    return place_error(at, ERR_LIMIT, err, "group `%s` has over %d variables", group->name, INVENTORY_MAX_VARIABLES);
}

static bool holds(const struct inventory *inv, size_t group, size_t host, bool *seen) {
    if (seen[group]) return false;
    seen[group] = true;
    const struct inventory_group *g = inv->group[group];
    if (members_have(&inv->host[host]->groups, group)) return true;
    for (size_t i = 0; i < g->children.n; i++)
        if (holds(inv, g->children.at[i], host, seen)) return true;
    return false;
}

bool inventory_group_holds(const struct inventory *inv, const struct inventory_group *group, size_t host) {
    if (group == inv->group[0]) return true;
    CLEANUP_FREE bool *seen = xcalloc(inv->n_groups, sizeof *seen);
    return holds(inv, group_at(inv, group), host, seen);
}

/* --- life ------------------------------------------------------------------------------------- */
struct inventory *inventory_new(void) {
    static const struct place none = {"", 0};
    struct inventory *inv = xcalloc(1, sizeof *inv);
    inv->host_index = json_object();
    inv->group_index = json_object();
    inventory_group_add(inv, "all", &none, NULL);
    inventory_group_add(inv, "ungrouped", &none, NULL);
    return inv;
}

void inventory_free(struct inventory *inv) {
    if (!inv) return;
    for (size_t i = 0; i < inv->n_hosts; i++) {
        struct inventory_host *h = inv->host[i];
        json_decref(h->own);
        json_decref(h->file_own);
        json_decref(h->vars);
        free(h->groups.at);
        free(h->name);
        free(h);
    }
    for (size_t i = 0; i < inv->n_groups; i++) {
        struct inventory_group *g = inv->group[i];
        json_decref(g->vars);
        json_decref(g->file_vars);
        free(g->children.at);
        free(g->hosts.at);
        free(g->name);
        free(g);
    }
    json_decref(inv->host_index);
    json_decref(inv->group_index);
    free(inv->host);
    free(inv->group);
    free(inv);
}

size_t inventory_host_count(const struct inventory *inv) {
    return inv->n_hosts;
}

const struct inventory_host *inventory_host(const struct inventory *inv, size_t i) {
    return inv->host[i];
}

const char *inventory_host_name(const struct inventory_host *h) {
    return h->name;
}

json_t *inventory_host_variables(const struct inventory_host *h) {
    return json_copy(h->vars);
}

char *inventory_host_text(const struct inventory_host *h, const char *name) {
    const json_t *v = json_object_get(h->vars, name);
    if (json_is_string(v)) return xstrdup(json_string_value(v));
    if (json_is_integer(v)) return xasprintf("%lld", (long long)json_integer_value(v));
    if (json_is_boolean(v)) return xstrdup(json_is_true(v) ? "True" : "False");
    return json_is_real(v) ? xasprintf("%.17g", json_real_value(v)) : NULL;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

json_t *inventory_host_groups(const struct inventory *inv, const struct inventory_host *h) {
    size_t host = lookup(inv->host_index, h->name), n = 0;
    CLEANUP_FREE const char **names = xcalloc(inv->n_groups, sizeof *names);
    for (size_t i = 1; i < inv->n_groups; i++)
        if (inventory_group_holds(inv, inv->group[i], host)) names[n++] = inv->group[i]->name;
    qsort(names, n, sizeof *names, by_name);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(list, json_string(names[i]));
    return list;
}
