/* The macros that a device's compiler defines before the first line (OpenCL C 3.0 specification, 6.13), as options of
 * cpp. */
#pragma once
#include "agent-node/backend/backend.h"

/* Strings "-DNAME=VALUE"; the caller frees each and the array, which a NULL ends. `options` are the plan's build
 * options. */
struct macro_list {
    char **option;
    size_t n;
};
void macros_of_device(const struct backend_info *info, const char *options, struct macro_list *ret);
void macro_add(struct macro_list *list, const char *name, long long value);
void macro_list_done(struct macro_list *list);
