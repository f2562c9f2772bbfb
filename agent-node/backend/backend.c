/* The backends that this runner was built with. */
#include "agent-node/backend/backend.h"

#include <stdlib.h>
#include <string.h>

const struct device_backend *backend_find(const char *name) {
    static const struct device_backend *const known[] = {&backend_opencl, &backend_scripted};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i]->name, name)) return known[i];
    return NULL;
}

void backend_info_done(struct backend_info *info) {
    free(info->extensions);
    free(info->features);
    info->extensions = info->features = NULL;
}
