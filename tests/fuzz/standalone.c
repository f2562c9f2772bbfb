/* Runs a fuzz target over the files named on the command line: `make check` replays the seeds with any compiler and
 * without libFuzzer. Exits 1 when a file cannot be read; a target that finds a fault aborts. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/fileio.h"

#define SEED_BYTES_MAX (16 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path) {
    struct error err = ERROR_INIT;
    size_t len;
    CLEANUP_FREE char *text = file_read(path, SEED_BYTES_MAX, &len, &err);
    if (!text) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    /* An exact copy, so that AddressSanitizer sees a read beyond the end: file_read appends a NUL. */
    CLEANUP_FREE uint8_t *exact = malloc(len ? len : 1);
    if (!exact) return -1;
    for (size_t i = 0; i < len; i++) exact[i] = (uint8_t)text[i];
    LLVMFuzzerTestOneInput(exact, len);
    return 0;
}

int main(int argc, char **argv) {
    int failed = 0;
    for (int i = 1; i < argc; i++)
        if (replay(argv[i]) != 0) failed = 1;
    if (!failed) printf("%d inputs replayed\n", argc - 1);
    return failed;
}
