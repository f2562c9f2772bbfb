/* The one list of hosts: an Ansible inventory, read the way Ansible reads it (INI and YAML, groups, children, ranges,
 * group_vars/ and host_vars/ beside it), so that `portolan fleet` and ansible/ speak of the same machines.
 *
 * Variables are JSON values, typed as Ansible types them. Precedence, lowest first: group `all` in the inventory, its
 * other groups (parents before children, then ansible_group_priority, then name), group_vars/all, group_vars/GROUP in
 * the same order, the host's line in the inventory, host_vars/HOST. Nothing is templated, nothing is decrypted and no
 * inventory is executed. */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/cleanup.h"
#include "common/error.h"

#define INVENTORY_MAX_FILE_BYTES (1 << 20)
#define INVENTORY_MAX_FILES 4096
#define INVENTORY_MAX_HOSTS 4096
#define INVENTORY_MAX_GROUPS 1024
#define INVENTORY_MAX_MENTIONS 65536 /* hosts and children named under groups, ranges expanded */
#define INVENTORY_MAX_VARIABLES 1024 /* of one host or group */
#define INVENTORY_MAX_NAME 253

struct inventory;
struct inventory_host;

/* A file, or a folder whose files are read in order of their names, as Ansible does. ERR_NOT_FOUND, ERR_IO
 * (unreadable), ERR_LIMIT, ERR_INVALID ("FILE:LINE: ..."; loops of groups among them), ERR_UNSUPPORTED (an inventory
 * script or plugin). */
struct inventory *inventory_load(const char *path, struct error *err);
/* One file's text; what the name's ending does not say (.yml, .yaml, .json, .ini, .cfg) the first line does. Reads no
 * other file. */
struct inventory *inventory_parse(const char *text, size_t len, const char *filename, struct error *err);
/* Accepts NULL. */
void inventory_free(struct inventory *inv);
DEFINE_CLEANUP(cleanup_inventory, struct inventory *, inventory_free)

size_t inventory_host_count(const struct inventory *inv);
/* In the order of the files. */
const struct inventory_host *inventory_host(const struct inventory *inv, size_t i);
const char *inventory_host_name(const struct inventory_host *h);
/* All variables that hold for the host: an object that the caller owns. */
json_t *inventory_host_variables(const struct inventory_host *h);
/* A scalar variable as text, NULL when absent or no scalar; the caller frees. */
char *inventory_host_text(const struct inventory_host *h, const char *name);
/* Names of the groups that hold the host, also through children, sorted, without `all`: an array of strings; the caller
 * owns it. */
json_t *inventory_host_groups(const struct inventory *inv, const struct inventory_host *h);

/* The hosts that an Ansible pattern chooses: names, groups, `all`, globs, ~REGEX (POSIX extended), GROUP[0],
 * GROUP[1:3], joined by ',' or ':', with & in front for "also in" and ! for "but not". *ret has inventory_host_count()
 * places, true for the chosen; the caller frees. ERR_NOT_FOUND when a part names nothing or nothing is left,
 * ERR_INVALID. */
int inventory_select(const struct inventory *inv, const char *pattern, bool **ret, size_t *ret_n, struct error *err);
