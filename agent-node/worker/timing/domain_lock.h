/* The lock of a device's domain, machine-wide: timing holds it alone; compilation, oracle and verification share it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct domain_lock;
/* `domain` and `device` are the device's ("cpu", "pocl-cpu"); the lock is a file of common/lockfile.h. Copied. */
struct domain_lock *domain_lock_new(const char *domain, const char *device);
void domain_lock_free(struct domain_lock *l); /* accepts NULL; releases */

enum domain_mode { DOMAIN_FREE, DOMAIN_SHARED, DOMAIN_EXCLUSIVE };
/* Change to `mode`, waiting as long as it takes; a held lock is released first, so others may come between.
 * *ret_waited_ns (may be NULL) is added to. ERR_CANCELLED when *cancel becomes true, ERR_IO; the lock is then free. */
int domain_lock_set(struct domain_lock *l, enum domain_mode mode, const volatile bool *cancel, int64_t *ret_waited_ns,
                    struct error *err);
enum domain_mode domain_lock_mode(const struct domain_lock *l);
