/* Starting and ending a runner. The requests are in runner_ops.c, what goes over the socket in runner_talk.c. */
#include "agent-node/worker/runner_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent-node/worker/runner_internal.h"
#include "common/cleanup.h"
#include "common/fileio.h"

#define HELLO_LIMIT_MS 60000
/* Address space that drivers and their compilers take for themselves: in all, and for the threads on each processor
 * (stacks, and 64 MiB reserved for each of malloc's arenas). */
#define DRIVER_MEMORY ((size_t)6 << 30)
#define PROCESSOR_MEMORY ((size_t)1 << 30)

const char *runner_status_name(enum runner_status s) {
    static const char *const name[] = {[RUNNER_OK] = "ok",
                                       [RUNNER_BUILD_FAILED] = "build failed",
                                       [RUNNER_LAUNCH_FAILED] = "launch failed",
                                       [RUNNER_CRASHED] = "crashed",
                                       [RUNNER_TIMEOUT] = "timeout",
                                       [RUNNER_CANCELLED] = "cancelled",
                                       [RUNNER_BROKE] = "broke",
                                       [RUNNER_FAILED] = "failed",
                                       [RUNNER_OVER_LIMIT] = "over a limit"};
    return name[s];
}

int runner_make_arena(struct runner *r, size_t bytes, struct error *err) {
    r->arena_fd = memfd_create("portolan-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (r->arena_fd < 0) return error_errno(err, ERR_IO, errno, "shared memory");
    if (ftruncate(r->arena_fd, (off_t)bytes) < 0)
        return error_errno(err, ERR_NOMEM, errno, "shared memory of %zu bytes", bytes);
    /* A runner that could shrink it would kill its worker by SIGBUS. */
    if (fcntl(r->arena_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return error_errno(err, ERR_IO, errno, "seal the shared memory");
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, r->arena_fd, 0);
    if (p == MAP_FAILED) return error_errno(err, ERR_NOMEM, errno, "map shared memory of %zu bytes", bytes);
    r->arena = p;
    r->arena_bytes = bytes;
    return 0;
}

/* Half of the machine's memory is what a problem may fill; drivers of GPUs map far more than they use, so those have no
 * limit. */
static size_t memory_limit(const struct runner_config *c) {
    if (c->memory_limit_bytes) return c->memory_limit_bytes + c->arena_bytes;
    if (c->kind == RUNNER_PROBE || !c->device->host_memory) return 0;
    size_t machine = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    size_t threads = (size_t)sysconf(_SC_NPROCESSORS_ONLN) * PROCESSOR_MEMORY;
    return machine / 2 + DRIVER_MEMORY + threads + c->arena_bytes;
}

static int start_process(struct runner *r, const struct runner_config *c, struct error *err) {
    static const char *const kind[] = {
        [RUNNER_PROBE] = "probe", [RUNNER_COMPILE] = "compile", [RUNNER_MEASURE] = "measure", [RUNNER_AUDIT] = "audit"};
    struct spawn_request request = {.kind = kind[c->kind],
                                    .backend = c->device->backend,
                                    .icd = c->device->icd,
                                    .platform_index = c->device->platform_index,
                                    .device_index = c->device->device_index,
                                    .arena_bytes = c->arena_bytes,
                                    .memory_bytes = memory_limit(c),
                                    .arena_fd = r->arena_fd,
                                    .cache_dir = c->cache_dir,
                                    .simulator = c->kind == RUNNER_AUDIT,
                                    .unwritten = c->unwritten,
                                    .sandbox = c->sandbox};
    snprintf(r->backend, sizeof r->backend, "%s", c->device->backend);
    snprintf(r->icd, sizeof r->icd, "%s", c->device->icd);
    snprintf(r->what, sizeof r->what, "%.60s, %s", *c->device->icd ? c->device->icd : c->device->backend,
             kind[c->kind]);
    if (spawn_runner(&request, &r->process, err) < 0) return error_wrap(err, "runner (%s)", r->what);
    r->alive = true;
    return 0;
}

static void name_level(struct runner *r) {
    static const char *const base[] = {"none", "process", "bubblewrap"};
    int n = snprintf(r->level, sizeof r->level, "%s%s", base[r->process.level],
                     r->flags & WIRE_FLAG_SECCOMP ? "+seccomp" : "");
    if (r->landlock) snprintf(r->level + n, sizeof r->level - (size_t)n, "+landlock%u", r->landlock);
}

static int greet(struct runner *r, struct error *err) {
    struct reply hello;
    if (runner_meet(r, runner_deadline(HELLO_LIMIT_MS), &hello, err) < 0) return -1;
    if (hello.hello.status != WIRE_OK) {
        CLEANUP(buf_done) struct buf text = BUF_INIT;
        text_make_printable(&text, hello.hello.text, strlen(hello.hello.text));
        return error_set(err, ERR_DEVICE, "runner (%s): %s", r->what, text.data ? text.data : "");
    }
    r->flags = hello.hello.flags;
    r->landlock = hello.hello.landlock;
    r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
    if (r->pidfd < 0 || clock_getcpuclockid(r->pid, &r->cpu_clock) != 0)
        return error_set(err, ERR_DEVICE, "runner (%s): it went away after its hello", r->what);
    name_level(r);
    return 0;
}

struct runner *runner_start(const struct runner_config *c, struct error *err) {
    struct runner *r = xcalloc(1, sizeof *r);
    r->kind = c->kind;
    r->cancel = c->cancel;
    r->pidfd = r->arena_fd = r->process.channel = r->process.output = -1;
    if ((c->arena_bytes && runner_make_arena(r, c->arena_bytes, err) < 0) || start_process(r, c, err) < 0 ||
        greet(r, err) < 0) {
        runner_free(r);
        return NULL;
    }
    return r;
}

void runner_free(struct runner *r) {
    if (!r) return;
    int saved = errno;
    runner_kill(r);
    int fd[] = {r->pidfd, r->arena_fd, r->process.channel, r->process.output};
    for (size_t i = 0; i < sizeof fd / sizeof *fd; i++)
        if (fd[i] >= 0) close(fd[i]);
    if (r->arena) munmap(r->arena, r->arena_bytes);
    if (r->process.folder) dir_remove(r->process.folder, NULL);
    free(r->process.folder);
    reply_reader_done(&r->reader);
    buf_done(&r->log);
    free(r);
    errno = saved;
}

bool runner_alive(const struct runner *r) {
    return r->alive;
}

int runner_pid(const struct runner *r) {
    return r->pid;
}

const char *runner_sandbox_level(const struct runner *r) {
    return r->level;
}

uint8_t *runner_arena(const struct runner *r) {
    return r->arena;
}

const char *runner_log(const struct runner *r) {
    return r->log.data ? r->log.data : "";
}

bool runner_in_place(const struct runner *r) {
    return r->flags & WIRE_FLAG_IN_PLACE;
}

bool runner_reached_launch(const struct runner *r) {
    return r->reached_launch;
}
