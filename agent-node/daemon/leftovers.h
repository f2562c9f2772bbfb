/* What an agent leaves on its machine, and which of it nobody needs any more: binaries that were not used for long or
 * are too many, measurements of devices that are gone, half-written files, folders of runners that were killed, and the
 * spools of nodes that are no more. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct leftovers_limits {
    int64_t binaries_bytes;     /* of the cache of binaries; the longest unused go first */
    int64_t binaries_age_ms;    /* since a binary was used last */
    int64_t measured_age_ms;    /* since a device's measurements were written */
    int64_t spool_age_ms;       /* since a spool that no agent holds was written */
    const char *scratch_parent; /* where runners' folders are; NULL: TMPDIR, else /tmp */
};
#define LEFTOVERS_DEFAULTS                                                                 \
    {                                                                                      \
        .binaries_bytes = INT64_C(1) << 30, .binaries_age_ms = INT64_C(30) * 86400000,     \
        .measured_age_ms = INT64_C(180) * 86400000, .spool_age_ms = INT64_C(90) * 86400000 \
    }
struct leftovers_kind {
    int64_t removed, bytes; /* files, or folders of runners and spools; what they took on disk */
    int64_t kept, kept_bytes;
};
struct leftovers {
    struct leftovers_kind binaries, measurements, temporary, scratch, spools;
};
/* Looks through `cache_dir` and `state_dir` (folders that do not exist are empty) and removes, unless `dry`. What is in
 * use stays: spools that an agent holds, folders that a process was started with. Agents may run meanwhile. ERR_IO. */
int leftovers_remove(const char *cache_dir, const char *state_dir, const struct leftovers_limits *limits, bool dry,
                     struct leftovers *ret, struct error *err);
