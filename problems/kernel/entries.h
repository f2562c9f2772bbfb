/* Finding the entry points of OpenCL C source without compiling it: tolerant, and only as sure as it says. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define ENTRIES_MAX 256
struct entry {
    char name[64];
    int params; /* -1: cannot be told (macros or directives among them) */
};
struct entries {
    int n;
    struct entry entry[ENTRIES_MAX];
    bool generated; /* macros may declare further ones */
};
/* `kernel` and `__kernel` functions of `source`, comments, strings and inactive-looking text skipped as they stand:
 * conditional compilation is not evaluated, so a name may come twice. */
void entries_scan(const char *source, size_t len, struct entries *ret);
const struct entry *entries_find(const struct entries *e, const char *name); /* the first of that name, or NULL */
