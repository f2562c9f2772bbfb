/* The inventory while it is read. */
#pragma once
#include "fleet/inventory/inventory.h"

struct members {
    size_t *at;
    size_t n, cap;
};

void members_add(struct members *m, size_t at);

struct inventory_group {
    char *name;
    json_t *vars, *file_vars; /* of the inventory; of group_vars/ */
    struct members children, hosts;
    int depth; /* longest way down from `all`; -1 until known */
    long priority;
    bool has_parent;
};

struct inventory_host {
    char *name;
    json_t *own, *file_own; /* of the inventory; of host_vars/ */
    json_t *vars;           /* all that hold */
    struct members groups;  /* those that name it */
};

struct inventory {
    struct inventory_host **host;
    struct inventory_group **group; /* 0 is `all`, 1 is `ungrouped` */
    size_t n_hosts, n_groups, n_mentions, n_files;
    json_t *host_index, *group_index; /* name to position */
};

/* Where a complaint belongs: "FILE:LINE". */
struct place {
    const char *file;
    int line;
};
/* Sets ERR_INVALID (or `code`) "FILE:LINE: text"; returns -1. */
int place_error(const struct place *at, enum error_code code, struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

struct inventory *inventory_new(void);
/* The group of that name, made if it is not there; NULL with ERR_INVALID, ERR_LIMIT. */
struct inventory_group *inventory_group_add(struct inventory *inv, const char *name, const struct place *at,
                                            struct error *err);
struct inventory_group *inventory_group_find(const struct inventory *inv, const char *name);
struct inventory_host *inventory_host_find(const struct inventory *inv, const char *name);
/* The hosts of a pattern with ranges join `group`; `vars` (may be NULL) are set on each, and the port if it names one.
 */
int inventory_group_add_hosts(struct inventory *inv, struct inventory_group *group, const char *pattern, json_t *vars,
                              const struct place *at, struct error *err);
/* ERR_INVALID when that closes a loop; the message shows it. */
int inventory_group_add_child(struct inventory *inv, struct inventory_group *group, const char *child,
                              const struct place *at, struct error *err);
/* Sets one variable of a group of the inventory; ansible_group_priority is the group's own. Takes `value` over. */
int inventory_group_set(struct inventory_group *group, const char *name, json_t *value, const struct place *at,
                        struct error *err);
/* Whether `host` is in `group`, also through children. */
bool inventory_group_holds(const struct inventory *inv, const struct inventory_group *group, size_t host);

/* Readers: add what the text says to `inv`. */
int inventory_read_ini(struct inventory *inv, const char *text, size_t len, const char *filename, struct error *err);
int inventory_read_yaml(struct inventory *inv, const char *text, size_t len, const char *filename, struct error *err);
/* A file of variables (YAML or JSON) into the object `into`. */
int inventory_read_variables(struct inventory *inv, const char *path, json_t *into, struct error *err);
/* One more file is read: ERR_LIMIT when there are too many. */
int inventory_count_file(struct inventory *inv, const char *path, struct error *err);
/* group_vars/ and host_vars/ in `folder`, for the groups and hosts that are there. */
int inventory_read_folders(struct inventory *inv, const char *folder, struct error *err);
/* Depths, `ungrouped`, and each host's variables by precedence. Called once, at the end. */
void inventory_merge(struct inventory *inv);

/* "www[01:03].lab" to its names, through `each` (non-zero ends it and is returned). ERR_INVALID with the reason. */
int range_expand(const char *pattern, int (*each)(void *context, const char *name, struct error *err), void *context,
                 struct error *err);
/* Whether the pattern has a range of hosts in it. */
bool range_is(const char *pattern);
/* Cuts ":PORT" off the pattern, and the brackets of an IPv6 address; returns the port, 0 for none. */
int range_cut_port(char *pattern);

/* The JSON value of a Python literal (numbers, True, False, None, quoted strings, lists, tuples, dicts), or the text
 * itself as a string: what Ansible makes of values in INI files. Caller owns it. */
json_t *literal_value(const char *text);
/* The JSON value of a YAML node, by YAML 1.1's rules for plain scalars. */
struct yaml_node;
json_t *literal_of_yaml(const struct yaml_node *n);
