#include "agent-node/worker/sandbox_args.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent-node/runner/devices.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"

#define SCRATCH_BYTES "1073741824" /* of the private tmpfs */
#define INSIDE "/portolan"         /* our folder in the runner's root */
#define MAX_ICD 4096
#define RUSTICL_MAX 256

void strings_add(struct strings *s, const char *text) {
    s->item = xrealloc(s->item, (s->n + 2) * sizeof *s->item);
    s->item[s->n++] = xstrdup(text);
    s->item[s->n] = NULL;
}

void strings_addf(struct strings *s, const char *fmt, ...) {
    struct buf text = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    strings_add(s, text.data ? text.data : "");
    buf_done(&text);
}

static void add_all(struct strings *s, const char *const *text) {
    for (; *text; text++) strings_add(s, *text);
}

void strings_done(struct strings *s) {
    for (size_t i = 0; i < s->n; i++) free(s->item[i]);
    free(s->item);
    *s = (struct strings){0};
}

const char *spawn_vendors_folder(void) {
    const char *folder = getenv("OCL_ICD_VENDORS");
    return folder && *folder ? folder : "/etc/OpenCL/vendors";
}

static bool is_system_folder(const char *path) {
    static const char *const system[] = {"/usr/", "/lib/", "/lib64/"};
    for (size_t i = 0; i < sizeof system / sizeof *system; i++)
        if (!strncmp(path, system[i], strlen(system[i]))) return true;
    return false;
}

static void find_folders(const char *library, struct driver_place *ret) {
    CLEANUP_FREE char *folder = path_dirname(library);
    CLEANUP_FREE char *target = realpath(library, NULL);
    CLEANUP_FREE char *real = target ? path_dirname(target) : NULL;
    if (real && strcmp(real, folder) != 0 && !is_system_folder(target)) ret->real = TAKE(real);
    if (!is_system_folder(library)) ret->folder = TAKE(folder);
}

int driver_place_find(const char *icd, struct driver_place *ret, struct error *err) {
    *ret = (struct driver_place){0};
    if (!*icd) return 0;
    if (strchr(icd, '/')) return error_set(err, ERR_INVALID, "driver %s: a file name is expected, not a path", icd);
    CLEANUP_FREE char *path = path_join(spawn_vendors_folder(), icd);
    CLEANUP_FREE char *text = file_read(path, MAX_ICD, NULL, err);
    if (!text) return error_wrap(err, "driver %s", icd);
    CLEANUP_FREE char *line = xstrndup(text, strcspn(text, "\r\n"));
    if (line[0] == '/') find_folders(line, ret);
    ret->icd_text = TAKE(text);
    return 0;
}

/* Distributions give it no .icd file, since `oclgrind PROGRAM` is how people use it. */
int driver_place_simulator(struct driver_place *ret, struct error *err) {
    static const char *const usual[] = {"/usr/lib/oclgrind/liboclgrind-rt-icd.so",
                                        "/usr/lib64/oclgrind/liboclgrind-rt-icd.so",
                                        "/usr/local/lib/oclgrind/liboclgrind-rt-icd.so"};
    const char *given = getenv("PORTOLAN_OCLGRIND"), *found = NULL;
    *ret = (struct driver_place){0};
    if (given && *given && access(given, R_OK) == 0) found = given;
    for (size_t i = 0; i < sizeof usual / sizeof *usual && !found && !(given && *given); i++)
        if (access(usual[i], R_OK) == 0) found = usual[i];
    if (!found) {
        error_set(err, ERR_NOT_FOUND, "Oclgrind is not installed on this node%s%s", given && *given ? ": no " : "",
                  given ? given : "");
        return error_hint(err,
                          "apt install oclgrind (Debian, Ubuntu), or set PORTOLAN_OCLGRIND to its "
                          "liboclgrind-rt-icd.so");
    }
    find_folders(found, ret);
    ret->icd_text = xasprintf("%s\n", found);
    return 0;
}

void driver_place_done(struct driver_place *p) {
    free(p->icd_text);
    free(p->folder);
    free(p->real);
    *p = (struct driver_place){0};
}

/* /lib and the like are links into /usr on most systems, folders of their own on some. */
static void add_system_folder(struct strings *s, const char *path) {
    char target[PATH_MAX];
    struct stat st;
    if (lstat(path, &st) < 0) return;
    ssize_t n = S_ISLNK(st.st_mode) ? readlink(path, target, sizeof target - 1) : -1;
    if (n > 0) {
        target[n] = 0;
        add_all(s, (const char *const[]){"--symlink", target, path, NULL});
    } else {
        add_all(s, (const char *const[]){"--ro-bind", path, path, NULL});
    }
}

static void add_bwrap(const struct spawn_request *r, const struct driver_place *driver, const char *bwrap,
                      struct strings *s) {
    static const char *const fixed[] = {"--unshare-all",
                                        "--die-with-parent",
                                        "--hostname",
                                        "runner",
                                        "--ro-bind",
                                        "/usr",
                                        "/usr",
                                        "--ro-bind-try",
                                        "/etc/ld.so.cache",
                                        "/etc/ld.so.cache",
                                        "--ro-bind-try",
                                        "/etc/alternatives",
                                        "/etc/alternatives",
                                        "--ro-bind",
                                        "/sys",
                                        "/sys",
                                        "--proc",
                                        "/proc",
                                        "--tmpfs",
                                        "/dev",
                                        "--dev-bind",
                                        "/dev/null",
                                        "/dev/null",
                                        "--dev-bind",
                                        "/dev/zero",
                                        "/dev/zero",
                                        "--dev-bind",
                                        "/dev/urandom",
                                        "/dev/urandom",
                                        "--size",
                                        SCRATCH_BYTES,
                                        "--tmpfs",
                                        "/tmp",
                                        NULL};
    static const char *const devices[] = {GPU_DEVICE_FILES};
    strings_add(s, bwrap);
    add_all(s, fixed);
    add_system_folder(s, "/lib");
    add_system_folder(s, "/lib64");
    add_system_folder(s, "/lib32");
    add_system_folder(s, "/bin");
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        add_all(s, (const char *const[]){"--dev-bind-try", devices[i], devices[i], NULL});
    if (driver->folder) add_all(s, (const char *const[]){"--ro-bind", driver->folder, driver->folder, NULL});
    if (driver->real) add_all(s, (const char *const[]){"--ro-bind", driver->real, driver->real, NULL});
    if (r->cache_dir) add_all(s, (const char *const[]){"--bind", r->cache_dir, INSIDE "/cache", NULL});
    strings_add(s, "--perms"), strings_add(s, "0555"), strings_add(s, "--ro-bind-data");
    strings_addf(s, "%d", CHILD_FD_PROGRAM);
    strings_add(s, INSIDE "/portolan-runner");
    if (driver->icd_text) {
        strings_add(s, "--perms"), strings_add(s, "0444"), strings_add(s, "--ro-bind-data");
        strings_addf(s, "%d", CHILD_FD_ICD);
        strings_add(s, INSIDE "/icd/driver.icd");
    }
    /* Last, so that nothing above lands on a writable root. */
    add_all(s, (const char *const[]){"--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp", "--",
                                     INSIDE "/portolan-runner", NULL});
}

static void add_runner_arguments(const struct spawn_request *r, enum sandbox_kind level,
                                 const struct driver_place *driver, const char *folder, struct strings *s) {
    static const char *const word[] = {"none", "process", "namespace"};
    bool inside = level == SANDBOX_BUBBLEWRAP;
    add_all(s, (const char *const[]){"--kind", r->kind, "--backend", r->backend, "--sandbox", word[level], NULL});
    strings_add(s, "--platform"), strings_addf(s, "%d", r->platform_index);
    strings_add(s, "--device"), strings_addf(s, "%d", r->device_index);
    strings_add(s, "--arena"), strings_addf(s, "%zu", r->arena_fd >= 0 ? r->arena_bytes : 0);
    strings_add(s, "--memory"), strings_addf(s, "%zu", r->memory_bytes);
    strings_add(s, "--writable"), strings_add(s, inside ? "/tmp" : folder);
    if (r->cache_dir) strings_add(s, "--writable"), strings_add(s, inside ? INSIDE "/cache" : r->cache_dir);
    if (driver->folder) strings_add(s, "--readable"), strings_add(s, driver->folder);
    if (driver->real) strings_add(s, "--readable"), strings_add(s, driver->real);
}

void sandbox_argv(const struct spawn_request *r, enum sandbox_kind level, const struct driver_place *driver,
                  const char *bwrap, const char *folder, struct strings *ret) {
    *ret = (struct strings){0};
    if (level == SANDBOX_BUBBLEWRAP)
        add_bwrap(r, driver, bwrap, ret);
    else
        strings_add(ret, "portolan-runner");
    add_runner_arguments(r, level, driver, folder, ret);
}

/* Which of Mesa's drivers rusticl offers: the agent's own choice, as an operator gives it to the unit for a GPU.
 * Without one the processor's, since rusticl by itself offers nothing. */
static void pass_rusticl(struct strings *s) {
    const char *enable = getenv("RUSTICL_ENABLE");
    strings_addf(s, "RUSTICL_ENABLE=%s", enable && enable[0] && strlen(enable) <= RUSTICL_MAX ? enable : "llvmpipe");
}

/* Options of the sanitizers that the runner itself may be built with. */
static void pass_sanitizer_options(struct strings *s) {
    static const char *const name[] = {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++)
        if (getenv(name[i])) strings_addf(s, "%s=%s", name[i], getenv(name[i]));
}

void sandbox_environment(const struct spawn_request *r, enum sandbox_kind level, const struct driver_place *driver,
                         const char *folder, struct strings *ret) {
    *ret = (struct strings){0};
    bool inside = level == SANDBOX_BUBBLEWRAP;
    const char *home = inside ? "/tmp" : folder, *cache = home;
    if (r->cache_dir) cache = inside ? INSIDE "/cache" : r->cache_dir;
    strings_add(ret, "PATH=/usr/bin:/bin");
    strings_add(ret, "LC_ALL=C");
    pass_rusticl(ret);
    strings_addf(ret, "HOME=%s", home);
    strings_addf(ret, "TMPDIR=%s", home);
    strings_addf(ret, "OCL_ICD_VENDORS=%s/icd", inside ? INSIDE : folder);
    strings_addf(ret, "XDG_CACHE_HOME=%s", cache);
    strings_addf(ret, "POCL_CACHE_DIR=%s/pocl", cache);
    strings_addf(ret, "MESA_SHADER_CACHE_DIR=%s/mesa", cache);
    strings_addf(ret, "CUDA_CACHE_PATH=%s/cuda", cache);
    if (r->simulator) {
        strings_add(ret, "OCLGRIND_DATA_RACES=1");
        if (r->unwritten) strings_add(ret, "OCLGRIND_UNINITIALIZED=1");
        strings_add(ret, "OCLGRIND_MAX_ERRORS=200");
        strings_addf(ret, "OCLGRIND_LOG=%s/oclgrind.log", home);
    }
    if (driver->folder)
        strings_addf(ret, "LD_LIBRARY_PATH=%s%s%s", driver->folder, driver->real ? ":" : "",
                     driver->real ? driver->real : "");
    pass_sanitizer_options(ret);
}
