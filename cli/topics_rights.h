/* The rights part of `portolan topics`: --acls, --apply and --check. */
#pragma once
#include "common/options.h"
#include "fleet/bus/bus.h"

/* Print the ACLs of the roles and nodes chosen by --as, --node and --principal; with `bus` (--apply) create them first.
 * Returns the exit status. */
int topics_acls(const struct options *opts, struct bus *bus);
/* The preflight, as the principal that `bus` has. Returns the exit status. */
int topics_preflight(const struct options *opts, struct bus *bus);
