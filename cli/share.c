#include "cli/share.h"

#include <limits.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"

char *program_dir(void) {
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0) return NULL;
    path[n] = '\0';
    return path_dirname(path);
}

static bool holds_problems(const char *dir) {
    CLEANUP_FREE char *probe = path_join(dir, "problems/level1");
    return access(probe, R_OK) == 0;
}

char *share_dir(struct error *err) {
    const char *given = getenv("PORTOLAN_SHARE");
    if (given && holds_problems(given)) return xstrdup(given);
    CLEANUP_FREE char *dir = program_dir();
    static const char *const beside[] = {"..", "../share/portolan"};
    for (size_t i = 0; dir && i < 2; i++) {
        CLEANUP_FREE char *candidate = path_join(dir, beside[i]);
        CLEANUP_FREE char *real = realpath(candidate, NULL);
        if (real && holds_problems(real)) return TAKE(real);
    }
    error_set(err, ERR_NOT_FOUND, "the shipped problems and kernels are not beside %s nor under ../share/portolan",
              dir ? dir : "this program");
    error_hint(err, "name their folder with PORTOLAN_SHARE");
    return NULL;
}
