/* The preflight: may this principal do what its role needs? */
#pragma once
#include "fleet/bus/acls.h"
#include "fleet/bus/probe.h"

struct right_status {
    struct acl acl;
    enum right state;
    char why[256]; /* of RIGHT_UNSEEN */
};
/* Probes each right of `list` (of one subject) as the principal that `bus` has. *ret has list->count rows; the caller
 * frees it. ERR_AUTH, ERR_TIMEOUT: no broker lets us in; ERR_UNSUPPORTED: the embedded broker knows no rights. */
int rights_check(struct bus *bus, const struct acl_list *list, int timeout_ms, struct right_status **ret,
                 struct error *err);
/* How many are missing: denied, or their topic is not there. */
size_t rights_missing(const struct right_status *rows, size_t count);
void rights_print(const struct right_status *rows, size_t count, const char *bootstrap, FILE *out);
json_t *rights_json(const struct right_status *rows, size_t count, const char *bootstrap);
