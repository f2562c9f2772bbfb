#include "cli/fleet_hosts.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/buf.h"

#define SYSTEM_INVENTORY "/etc/portolan/inventory"
#define LOCAL_INVENTORY "inventory"

static const char *find_inventory(const struct options *opts, struct error *err) {
    const char *given = options_string(opts, "inventory");
    if (given) return given;
    if (access(SYSTEM_INVENTORY, F_OK) == 0) return SYSTEM_INVENTORY;
    if (access(LOCAL_INVENTORY, F_OK) == 0) return LOCAL_INVENTORY;
    error_set(err, ERR_NOT_FOUND, "there is no inventory: neither " SYSTEM_INVENTORY " nor ./" LOCAL_INVENTORY);
    error_hint(err, "name one: --inventory PATH, or `inventory: PATH` in the configuration; a host a line is enough");
    return NULL;
}

int fleet_hosts_load(const struct options *opts, struct fleet_hosts *ret, struct error *err) {
    *ret = (struct fleet_hosts){0};
    const char *path = find_inventory(opts, err), *limit = options_string(opts, "limit");
    if (!path || !(ret->inventory = inventory_load(path, err))) return -1;
    size_t all = inventory_host_count(ret->inventory), n = 0;
    if (!all) return error_set(err, ERR_NOT_FOUND, "%s: there is no host in it", path);
    CLEANUP_FREE bool *chosen = NULL;
    if (inventory_select(ret->inventory, limit ? limit : "all", &chosen, &n, err) != 0) return -1;
    ret->host = xcalloc(n, sizeof *ret->host);
    for (size_t i = 0; i < all; i++)
        if (chosen[i]) ret->host[ret->n++] = inventory_host(ret->inventory, i);
    return 0;
}

void fleet_hosts_done(struct fleet_hosts *hosts) {
    free(hosts->host);
    inventory_free(hosts->inventory);
    *hosts = (struct fleet_hosts){0};
}
