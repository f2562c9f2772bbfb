/* Names, meanings and exit statuses of verdicts, from the one table. */
#include "agent-node/worker/verdict.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *name, *what;
    int exit_status;
} VERDICT[] = {
#define X(id, text, status, meaning) [id] = {.name = text, .what = meaning, .exit_status = status},
#include "schemas/verdicts.def"
#undef X
};

const char *verdict_name(enum verdict v) {
    assert(v < VERDICT_COUNT);
    return VERDICT[v].name;
}

const char *verdict_meaning(enum verdict v) {
    assert(v < VERDICT_COUNT);
    return VERDICT[v].what;
}

int verdict_exit_status(enum verdict v) {
    assert(v < VERDICT_COUNT);
    return VERDICT[v].exit_status;
}

int verdict_from_name(const char *name) {
    for (size_t i = 0; i < VERDICT_COUNT; i++)
        if (strcmp(VERDICT[i].name, name) == 0) return (int)i;
    return -1;
}

enum verdict verdict_of_kernel_file(enum error_code code) {
    if (code == ERR_LIMIT) return VERDICT_LIMIT_EXCEEDED;
    return code == ERR_UNSUPPORTED ? VERDICT_UNSUPPORTED : VERDICT_BAD_KERNEL_FILE;
}
