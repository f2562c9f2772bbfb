/* The hosts that a `portolan fleet` command is about: the inventory, and --limit. */
#pragma once
#include "common/options.h"
#include "fleet/inventory/inventory.h"

#define FLEET_HOST_OPTIONS                                                                                             \
    {"inventory",                                                                                                      \
     'i',                                                                                                              \
     OPTION_STRING,                                                                                                    \
     "PATH",                                                                                                           \
     "inventory",                                                                                                      \
     NULL,                                                                                                             \
     "The Ansible inventory, a file or a folder; /etc/portolan/inventory when not given, else ./inventory."},          \
    {                                                                                                                  \
        "limit", 'l', OPTION_STRING, "PATTERN", NULL, NULL,                                                            \
            "Only these hosts: names, groups, globs, ~REGEX, GROUP[0], joined by commas, with & (also in) or ! (not)." \
    }

struct fleet_hosts {
    struct inventory *inventory;
    const struct inventory_host **host; /* the chosen ones, in the inventory's order */
    size_t n;
};
/* Reads both options. Release with fleet_hosts_done(), also after an error. ERR_NOT_FOUND when there is no inventory,
 * or no host in it; what the inventory's reader complains about. */
int fleet_hosts_load(const struct options *opts, struct fleet_hosts *ret, struct error *err);
void fleet_hosts_done(struct fleet_hosts *hosts);
