#include "coordinator/accept/verdicts.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    int exit_status;
} verdicts[] = {
#define X(id, name, exit_status, what) {name, exit_status},
#include "schemas/verdicts.def"
#undef X
};

static int find(const char *name) {
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
        if (strcmp(verdicts[i].name, name) == 0) return (int)i;
    return -1;
}

bool verdict_known(const char *name) {
    return find(name) >= 0;
}

bool verdict_is_correct(const char *name) {
    return name && strcmp(name, "correct") == 0;
}

int verdict_exit_status(const char *name) {
    int i = find(name);
    return i >= 0 ? verdicts[i].exit_status : 1;
}
