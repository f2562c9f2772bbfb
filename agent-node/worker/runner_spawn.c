#include "agent-node/worker/runner_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent-node/runner/protocol.h"
#include "agent-node/worker/child.h"
#include "agent-node/worker/sandbox_args.h"
#include "common/buf.h"
#include "common/cleanup.h"
#include "common/fileio.h"
#include "common/log.h"
#include "common/sanitizer.h"

char *spawn_program(struct error *err) {
    const char *given = getenv("PORTOLAN_RUNNER");
    if (given && *given) return xstrdup(given);
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0) {
        error_errno(err, ERR_IO, errno, "find this program's folder");
        return NULL;
    }
    self[n] = 0;
    CLEANUP_FREE char *folder = path_dirname(self);
    /* Beside the agent; installed; or, for the unit tests, in the build folder above them. */
    static const char *const place[] = {"", "/../libexec/portolan", "/..", "/../.."};
    for (size_t i = 0; i < sizeof place / sizeof *place; i++) {
        CLEANUP_FREE char *path = xasprintf("%s%s/portolan-runner", folder, place[i]);
        if (access(path, X_OK) == 0) return TAKE(path);
    }
    error_set(err, ERR_NOT_FOUND, "portolan-runner is not beside %s\nhint: set PORTOLAN_RUNNER to its path", self);
    return NULL;
}

static const char *find_bwrap(void) {
    static const char *const place[] = {"/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"};
    for (size_t i = 0; i < sizeof place / sizeof *place; i++)
        if (access(place[i], X_OK) == 0) return place[i];
    return NULL;
}

/* Containers often forbid the namespaces that bubblewrap needs, so it is tried once with nothing inside. */
static bool try_bwrap(const char *bwrap, const struct runner_user *user) {
    static char *const environment[] = {NULL};
    char *argv[] = {(char *)(uintptr_t)bwrap,
                    "--unshare-all",
                    "--die-with-parent",
                    "--ro-bind",
                    "/",
                    "/",
                    "--proc",
                    "/proc",
                    "--",
                    "/bin/true",
                    NULL};
    struct child_plan p = {
        .path = bwrap, .argv = argv, .envp = environment, .fd = {-1, -1, -1}, .n_fds = 3, .user = *user};
    pid_t pid = child_start(&p, NULL);
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static struct {
    pthread_once_t once;
    struct runner_user user;
    const char *bwrap; /* NULL when it cannot be used */
} machine = {.once = PTHREAD_ONCE_INIT};

/* Runners of an agent that is not root have its user, and without namespaces could read its memory and its files'
 * descriptors. (A sanitizer's leak check traces its own process, which this would forbid.) */
static void close_own_memory(void) {
    if (!machine.user.change && !BUILT_WITH_SANITIZER) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static void look_at_machine(void) {
    machine.user = runner_user_find();
    close_own_memory();
    const char *bwrap = find_bwrap();
    if (bwrap && try_bwrap(bwrap, &machine.user)) machine.bwrap = bwrap;
    if (!machine.bwrap)
        log_warn("bubblewrap %s: runners are confined by seccomp, Landlock and limits only",
                 bwrap ? "is not allowed to make namespaces here" : "is not installed");
}

static int choose_level(const struct spawn_request *r, enum sandbox_kind *ret, struct error *err) {
    pthread_once(&machine.once, look_at_machine);
    const char *wish = getenv("PORTOLAN_SANDBOX");
    if (!wish || !*wish) wish = "auto";
    bool insist = !strcmp(wish, "bubblewrap"), process = !strcmp(wish, "process");
    if (!insist && !process && strcmp(wish, "auto") != 0)
        return error_set(err, ERR_INVALID, "PORTOLAN_SANDBOX=%s: auto, bubblewrap or process is expected", wish);
    *ret = !r->sandbox ? SANDBOX_NONE : machine.bwrap && !process ? SANDBOX_BUBBLEWRAP : SANDBOX_PROCESS;
    if (insist && *ret == SANDBOX_PROCESS)
        return error_set(err, ERR_UNSUPPORTED, "PORTOLAN_SANDBOX=bubblewrap, but bubblewrap cannot be used here");
    return 0;
}

static void close_pair(int pair[2]) {
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0) close(pair[i]);
}

static int open_channel(int pair[2], struct error *err) {
    int on = 1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return error_errno(err, ERR_IO, errno, "socket for a runner");
    /* The kernel then tells the runner's pid with its first words. */
    if (setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0)
        return error_errno(err, ERR_IO, errno, "credentials of a runner");
    return 0;
}

/* What a runner prints must never make it wait: its end does not block, what does not fit is lost. */
static int open_output(int pair[2], struct error *err) {
    return pipe2(pair, O_CLOEXEC | O_NONBLOCK) < 0 ? error_errno(err, ERR_IO, errno, "pipe for a runner") : 0;
}

static int text_file(const char *name, const char *text, struct error *err) {
    CLEANUP_FD int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0) return error_errno(err, ERR_IO, errno, "%s", name);
    size_t len = strlen(text);
    if (write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) < 0)
        return error_errno(err, ERR_IO, errno, "%s", name);
    int taken = fd;
    fd = -1;
    return taken;
}

static int give(const char *path, const struct runner_user *u, struct error *err) {
    if (u->change && chown(path, u->uid, u->gid) < 0) return error_errno(err, ERR_IO, errno, "give %s away", path);
    return 0;
}

/* The folder of a runner without bubblewrap: scratch space, and the one .icd in a folder of its own. */
static int make_folder(const struct driver_place *driver, char **ret, struct error *err) {
    const char *base = getenv("TMPDIR");
    CLEANUP_FREE char *folder = xasprintf("%s/portolan-runner-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(folder)) return error_errno(err, ERR_IO, errno, "make %s", folder);
    CLEANUP_FREE char *vendors = path_join(folder, "icd");
    CLEANUP_FREE char *icd = path_join(vendors, "driver.icd");
    int rc = dir_make(vendors, 0755, err);
    if (rc == 0 && driver->icd_text)
        rc = file_write_durable(icd, driver->icd_text, strlen(driver->icd_text), 0644, err);
    if (rc == 0) rc = give(folder, &machine.user, err);
    if (rc < 0)
        dir_remove(folder, NULL);
    else
        *ret = TAKE(folder);
    return rc;
}

struct pieces {
    int channel[2], output[2], program, icd;
    char *path;
    struct driver_place driver;
    struct strings argv, envp;
};

static void pieces_done(struct pieces *p) {
    close_pair(p->channel);
    close_pair(p->output);
    if (p->program >= 0) close(p->program);
    if (p->icd >= 0) close(p->icd);
    free(p->path);
    driver_place_done(&p->driver);
    strings_done(&p->argv);
    strings_done(&p->envp);
}

static int gather(const struct spawn_request *r, struct pieces *p, struct error *err) {
    if ((r->simulator ? driver_place_simulator(&p->driver, err) : driver_place_find(r->icd, &p->driver, err)) < 0)
        return -1;
    p->path = spawn_program(err);
    if (!p->path) return -1;
    p->program = open(p->path, O_RDONLY | O_CLOEXEC);
    if (p->program < 0) return error_errno(err, ERR_NOT_FOUND, errno, "%s", p->path);
    if (p->driver.icd_text && (p->icd = text_file("icd", p->driver.icd_text, err)) < 0) return -1;
    if (r->cache_dir && (dir_make(r->cache_dir, 0700, err) < 0 || give(r->cache_dir, &machine.user, err) < 0))
        return -1;
    return open_channel(p->channel, err) < 0 ? -1 : open_output(p->output, err);
}

static pid_t start(const struct spawn_request *r, struct pieces *p, const struct spawned *s, struct error *err) {
    bool bwrap = s->level == SANDBOX_BUBBLEWRAP;
    sandbox_argv(r, s->level, &p->driver, machine.bwrap, s->folder, &p->argv);
    sandbox_environment(r, s->level, &p->driver, s->folder, &p->envp);
    struct child_plan c = {.path = bwrap ? machine.bwrap : NULL,
                           .program = p->program,
                           .argv = p->argv.item,
                           .envp = p->envp.item,
                           .fd = {-1, p->output[1], p->output[1], p->channel[1], r->arena_fd, p->program, p->icd},
                           .n_fds = bwrap ? CHILD_FD_COUNT : WIRE_FD_ARENA + 1,
                           .user = machine.user,
                           .die_with_parent = !bwrap};
    return child_start(&c, err);
}

int spawn_runner(const struct spawn_request *r, struct spawned *ret, struct error *err) {
    struct spawned s = {.outer = -1};
    CLEANUP(pieces_done) struct pieces p = {.channel = {-1, -1}, .output = {-1, -1}, .program = -1, .icd = -1};
    if (choose_level(r, &s.level, err) < 0 || gather(r, &p, err) < 0) return -1;
    if (s.level != SANDBOX_BUBBLEWRAP && make_folder(&p.driver, &s.folder, err) < 0) return -1;
    s.outer = start(r, &p, &s, err);
    if (s.outer < 0) {
        if (s.folder) dir_remove(s.folder, NULL);
        free(s.folder);
        return -1;
    }
    s.channel = p.channel[0];
    s.output = p.output[0];
    p.channel[0] = p.output[0] = -1;
    *ret = s;
    return 0;
}
