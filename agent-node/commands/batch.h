/* What `check` is asked to try: the kernel files among its arguments, each with the problem file that it is for. */
#pragma once
#include <stddef.h>

#include "common/error.h"

#define BATCH_FILES_MAX 1024
#define BATCH_FILE_MAX_BYTES ((size_t)1 << 20)

struct batch_kernel {
    char *file;         /* the kernel file, as it was named or found */
    char *problem_file; /* the problem that it is for */
};
struct batch {
    struct batch_kernel *kernel; /* in the order of the arguments, a folder's by name; each file once */
    size_t n;
};
/* Arguments are problem files, kernel files and folders, in any order; a folder stands for the problem and kernel files
 * that lie in it (not below it), its other files are passed over. Files are told apart by their keys. A kernel finds
 * its problem by the name that it gives; a kernel file that names none goes with the only problem there is, and the
 * worker says what is wrong with it. ERR_USAGE: no problem or no kernel among them; ERR_NOT_FOUND: a kernel's problem
 * is not among them; ERR_CONFLICT: two problems of one name; ERR_INVALID: neither kind of file, or no YAML at all;
 * ERR_LIMIT; ERR_IO. *ret is empty then. Release with batch_done(). */
int batch_collect(char *const *args, size_t n, struct batch *ret, struct error *err);
void batch_done(struct batch *b);
