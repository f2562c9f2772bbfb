/* The domain's lock: a lock file, waited for in short turns, so that a cancel is seen. */
#include "agent-node/worker/timing/domain_lock.h"

#include <stdlib.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/life.h"
#include "common/lockfile.h"

#define TURN_MS 80

struct domain_lock {
    char *name, *holder;
    struct lockfile *lock;
    enum domain_mode mode;
};

/* Domains may have any characters (a PCI address has colons); file names keep to a few. */
static char *file_name(const char *domain) {
    struct buf b = BUF_INIT;
    buf_puts(&b, "domain-");
    for (const char *c = domain[0] ? domain : "cpu"; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '-';
        buf_putc(&b, plain ? *c : '_');
    }
    return buf_take(&b);
}

struct domain_lock *domain_lock_new(const char *domain, const char *device) {
    struct domain_lock *l = xcalloc(1, sizeof *l);
    l->name = file_name(domain);
    l->holder = xasprintf("portolan-agent, timing on %s", device);
    return l;
}

void domain_lock_free(struct domain_lock *l) {
    if (!l) return;
    lockfile_release(l->lock);
    free(l->name);
    free(l->holder);
    free(l);
}

static int acquire(struct domain_lock *l, enum domain_mode mode, const volatile bool *cancel, struct error *err) {
    enum lock_mode how = mode == DOMAIN_EXCLUSIVE ? LOCK_EXCLUSIVE : LOCK_SHARED;
    for (;;) {
        struct error why = ERROR_INIT;
        life_sign();
        l->lock = lockfile_acquire(l->name, how, TURN_MS, l->holder, &why);
        if (l->lock) return 0;
        if (why.code != ERR_BUSY) {
            if (err) *err = why;
            return -1;
        }
        if (cancel && *cancel) return error_set(err, ERR_CANCELLED, "cancelled while waiting for the device's domain");
    }
}

int domain_lock_set(struct domain_lock *l, enum domain_mode mode, const volatile bool *cancel, int64_t *ret_waited_ns,
                    struct error *err) {
    if (mode == l->mode) return 0;
    lockfile_release(l->lock);
    l->lock = NULL;
    l->mode = DOMAIN_FREE;
    if (mode == DOMAIN_FREE) return 0;
    int64_t from = clock_mono_ns();
    int status = acquire(l, mode, cancel, err);
    if (status == 0) l->mode = mode;
    if (ret_waited_ns) *ret_waited_ns += clock_mono_ns() - from;
    return status;
}

enum domain_mode domain_lock_mode(const struct domain_lock *l) {
    return l->mode;
}
