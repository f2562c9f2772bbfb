/* Folders: made with their parents, removed with their contents, and portolan's standard ones. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "common/random.h"

static bool is_dir(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

int dir_make(const char *path, unsigned mode, struct error *err) {
    CLEANUP_FREE char *part = xstrdup(path);
    for (char *p = part + (part[0] == '/');; p++) {
        if (*p != '/' && *p != 0) continue;
        char keep = *p;
        *p = 0;
        if (part[0] && mkdir(part, mode) != 0 && !is_dir(part)) {
            int why = errno == EEXIST ? ENOTDIR : errno;
            return error_errno(err, ERR_IO, why, "cannot make the folder %s", part);
        }
        *p = keep;
        if (keep == 0) return 0;
    }
}

/* Deeper folders are moved up to the one being removed, so that a tree of any depth needs few descriptors: what is
 * removed here is often what a candidate kernel's process left behind. */
#define REMOVE_DEPTH_MAX 32

static int remove_entries(int dir_fd, int top_fd, int depth);

static int remove_dir_at(int parent_fd, const char *name, int top_fd, int depth) {
    if (depth >= REMOVE_DEPTH_MAX) {
        char moved[40] = ".portolan-removed-";
        random_hex(moved + strlen(moved), 8);
        return renameat(parent_fd, name, top_fd, moved);
    }
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && fchmodat(parent_fd, name, 0700, 0) == 0)
        fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return -1;
    if (remove_entries(fd, top_fd < 0 ? fd : top_fd, depth + 1) != 0) return -1;
    return unlinkat(parent_fd, name, AT_REMOVEDIR);
}

static int remove_entry(int dir_fd, const char *name, int top_fd, int depth) {
    if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT) return 0;
    if (errno == EISDIR || errno == EPERM) return remove_dir_at(dir_fd, name, top_fd, depth);
    /* A folder without write permission keeps its entries. */
    if (errno == EACCES && fchmod(dir_fd, 0700) == 0) {
        if (unlinkat(dir_fd, name, 0) == 0) return 0;
        if (errno == EISDIR || errno == EPERM) return remove_dir_at(dir_fd, name, top_fd, depth);
    }
    return -1;
}

/* Takes `dir_fd` over. Reads the folder again until it is empty, since folders may have been moved into it. */
static int remove_entries(int dir_fd, int top_fd, int depth) {
    DIR *dir = fdopendir(dir_fd);
    if (!dir) return close(dir_fd), -1;
    int why = 0;
    for (bool found = true; found && why == 0;) {
        found = false;
        rewinddir(dir);
        for (const struct dirent *e; why == 0 && (e = readdir(dir)) != NULL;) {
            if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
            found = true;
            if (remove_entry(dir_fd, e->d_name, top_fd, depth) != 0) why = errno;
        }
    }
    closedir(dir);
    errno = why;
    return why ? -1 : 0;
}

int dir_remove(const char *path, struct error *err) {
    struct stat s;
    if (lstat(path, &s) != 0) {
        if (errno == ENOENT) return 0;
        return error_errno(err, ERR_IO, errno, "cannot remove %s", path);
    }
    int status = S_ISDIR(s.st_mode) ? remove_dir_at(AT_FDCWD, path, -1, 0) : unlink(path);
    if (status != 0 && errno != ENOENT) return error_errno(err, ERR_IO, errno, "cannot remove %s", path);
    return 0;
}

struct standard_dir {
    const char *what, *override_env, *system, *xdg_env, *below_home;
};

static const struct standard_dir STANDARD[] = {
    {"state", "PORTOLAN_STATE_DIR", "/var/lib/portolan", "XDG_STATE_HOME", ".local/state"},
    {"cache", "PORTOLAN_CACHE_DIR", "/var/cache/portolan", "XDG_CACHE_HOME", ".cache"},
    {"config", "PORTOLAN_CONFIG_DIR", "/etc/portolan", "XDG_CONFIG_HOME", ".config"},
    {"runtime", "PORTOLAN_RUNTIME_DIR", "/run/portolan", "XDG_RUNTIME_DIR", NULL},
};

/* An environment variable that is set and not empty. */
static const char *env(const char *name) {
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

static char *home_dir(void) {
    const char *home = env("HOME");
    if (home) return xstrdup(home);
    struct passwd entry, *found = NULL;
    char text[4096];
    if (getpwuid_r(getuid(), &entry, text, sizeof text, &found) != 0 || !found) return NULL;
    return xstrdup(found->pw_dir);
}

static char *standard_path(const struct standard_dir *d) {
    const char *override = env(d->override_env), *xdg = env(d->xdg_env);
    if (override) return xstrdup(override);
    if (env("PORTOLAN_SYSTEM")) return xstrdup(d->system);
    if (xdg && xdg[0] == '/') return path_join(xdg, "portolan"); /* relative ones are to be ignored, says XDG */
    if (!d->below_home) return xasprintf("/tmp/portolan-%u", (unsigned)getuid());
    CLEANUP_FREE char *home = home_dir();
    return home ? xasprintf("%s/%s/portolan", home, d->below_home) : NULL;
}

/* In /tmp another user may have made the folder first, to read or replace what is put there. */
static int check_owner(const char *path, struct error *err) {
    struct stat s;
    if (lstat(path, &s) != 0) return error_errno(err, ERR_IO, errno, "cannot look at %s", path);
    if (S_ISDIR(s.st_mode) && s.st_uid == getuid() && (s.st_mode & 022) == 0) return 0;
    error_set(err, ERR_AUTH, "the folder %s is not owned by this user alone", path);
    return error_hint(err, "remove it, or set XDG_RUNTIME_DIR");
}

char *dir_standard(const char *what, struct error *err) {
    for (size_t i = 0; i < sizeof STANDARD / sizeof *STANDARD; i++) {
        if (strcmp(STANDARD[i].what, what) != 0) continue;
        CLEANUP_FREE char *path = standard_path(&STANDARD[i]);
        if (!path) {
            error_set(err, ERR_INVALID, "no home folder to keep portolan's %s in", what);
            error_hint(err, "set HOME or %s", STANDARD[i].override_env);
            return NULL;
        }
        if (dir_make(path, env("PORTOLAN_SYSTEM") ? 0755 : 0700, err) != 0) return NULL;
        if (strncmp(path, "/tmp/portolan-", 14) == 0 && check_owner(path, err) != 0) return NULL;
        return TAKE(path);
    }
    error_set(err, ERR_INTERNAL, "no standard folder is called %s", what);
    return NULL;
}

char *runtime_file(const char *name, struct error *err) {
    CLEANUP_FREE char *dir = dir_standard("runtime", err);
    if (!dir) return NULL;
    CLEANUP_FREE char *own = path_join(dir, name);
    bool elsewhere = env("PORTOLAN_RUNTIME_DIR") && !env("PORTOLAN_SYSTEM");
    if (elsewhere || access(own, F_OK) == 0) return TAKE(own);
    CLEANUP_FREE char *service = path_join("/run/portolan", name);
    return access(service, F_OK) == 0 ? TAKE(service) : TAKE(own);
}
