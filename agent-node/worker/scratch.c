#include "agent-node/worker/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 16

struct count {
    int64_t bytes;
    int files;
};

static bool is_over(const struct count *c) {
    return c->bytes > SCRATCH_MAX_BYTES || c->files > SCRATCH_MAX_FILES;
}

/* Takes `fd` over. Returns whether the limits were passed. */
static bool add_folder(int fd, int depth, struct count *c) {
    bool over = depth > DEPTH_MAX || (fd < 0 && errno == EACCES); /* shut against its own user: to hide what is in it */
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0) close(fd);
        return over;
    }
    for (const struct dirent *e; !over && (e = readdir(dir)) != NULL;) {
        struct stat s;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (fstatat(dirfd(dir), e->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0) continue;
        c->files++;
        c->bytes += (int64_t)s.st_blocks * 512;
        over = is_over(c);
        if (!over && S_ISDIR(s.st_mode))
            over = add_folder(openat(dirfd(dir), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), depth + 1,
                              c);
    }
    closedir(dir);
    return over;
}

bool scratch_is_over(const char *folder) {
    struct count c = {0};
    return add_folder(open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), 0, &c);
}
