/* Scope-bound cleanup: a local marked CLEANUP(fn) is released when it goes out of scope, TAKE(p) hands it over.
 * Pattern of the cleanup attribute (GCC manual, "Common Variable Attributes"). */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Returns the pointer `p` and leaves NULL behind, so that its CLEANUP does nothing. */
#define TAKE(p)                     \
    ({                              \
        __typeof__(p) taken_ = (p); \
        (p) = NULL;                 \
        taken_;                     \
    })

/* Declares `name`, a CLEANUP function for variables of `type` (a pointer type) that calls `release` if not NULL. */
#define DEFINE_CLEANUP(name, type, release) \
    static inline void name(type *p) {      \
        if (*p) release(*p);                \
    }

static inline void cleanup_free(void *p) {
    free(*(void **)p);
}
static inline void cleanup_file(FILE **f) {
    if (*f) fclose(*f);
}
static inline void cleanup_fd(int *fd) {
    if (*fd >= 0) close(*fd);
}
#define CLEANUP_FREE CLEANUP(cleanup_free)
#define CLEANUP_FILE CLEANUP(cleanup_file)
#define CLEANUP_FD CLEANUP(cleanup_fd)
