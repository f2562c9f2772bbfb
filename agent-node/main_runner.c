/* portolan-runner: loads one device's driver and runs candidates for the worker that started it, over the socket it was
 * born with. Nothing of the judge is linked into it: whoever runs code here owns this process and nothing else. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent-node/runner/lockdown.h"
#include "agent-node/runner/session.h"
#include "common/number.h"

#define MAX_PATHS 8
#define FILE_BYTES ((size_t)1 << 30)
#define PROCESSES 512 /* and some for each processor: drivers start a thread or two on each */
#define CPU_SECONDS_TOOLS 3600
#define CPU_SECONDS_MEASURE (7 * 24 * 3600)

struct arguments {
    enum session_kind kind;
    const struct device_backend *backend;
    int64_t platform, device, arena, memory;
    bool sandbox, confine;
    const char *writable[MAX_PATHS + 1], *readable[MAX_PATHS + 1];
    int n_writable, n_readable;
};

static _Noreturn void usage(void) {
    static const char text[] = "portolan-runner is started by portolan-agent; it is of no use by itself\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    _exit(2);
}

static int64_t parse_number(const char *text) {
    int64_t v = 0;
    if (number_int(text, &v) != NUMBER_OK || v < 0) usage();
    return v;
}

static enum session_kind parse_kind(const char *text) {
    if (!strcmp(text, "probe")) return SESSION_PROBE;
    if (!strcmp(text, "compile")) return SESSION_COMPILE;
    if (!strcmp(text, "measure")) return SESSION_MEASURE;
    if (!strcmp(text, "audit")) return SESSION_AUDIT;
    usage();
}

static void parse_option(struct arguments *a, const char *name, const char *value) {
    if (!strcmp(name, "--kind")) {
        a->kind = parse_kind(value);
    } else if (!strcmp(name, "--backend")) {
        a->backend = backend_find(value);
    } else if (!strcmp(name, "--platform")) {
        a->platform = parse_number(value);
    } else if (!strcmp(name, "--device")) {
        a->device = parse_number(value);
    } else if (!strcmp(name, "--arena")) {
        a->arena = parse_number(value);
    } else if (!strcmp(name, "--memory")) {
        a->memory = parse_number(value);
    } else if (!strcmp(name, "--sandbox")) {
        a->sandbox = strcmp(value, "none") != 0;
        a->confine = !strcmp(value, "process"); /* no mount namespace: Landlock limits what may be read */
    } else if (!strcmp(name, "--writable") && a->n_writable < MAX_PATHS) {
        a->writable[a->n_writable++] = value;
    } else if (!strcmp(name, "--readable") && a->n_readable < MAX_PATHS) {
        a->readable[a->n_readable++] = value;
    } else {
        usage();
    }
}

static void parse_arguments(struct arguments *a, int argc, char **argv) {
    if (argc < 2 || argc % 2 == 0) usage();
    for (int i = 1; i < argc; i += 2) parse_option(a, argv[i], argv[i + 1]);
    if (!a->backend) usage();
}

static int map_arena(struct session *s, size_t bytes, struct error *err) {
    if (!bytes) return 0;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, WIRE_FD_ARENA, 0);
    if (p == MAP_FAILED) return error_errno(err, ERR_DEVICE, errno, "map the shared memory of %zu bytes", bytes);
    close(WIRE_FD_ARENA);
    s->arena = p;
    s->arena_bytes = bytes;
    return 0;
}

/* Limits, then Landlock while there is one thread, then the driver, then seccomp: before the driver where it needs
 * tools anyway, after it where it may not even start threads any more. */
static int enter(const struct arguments *a, struct session *s, struct wire_hello *hello, struct error *err) {
    bool tools = a->kind != SESSION_MEASURE;
    struct limits l = {(size_t)a->memory, FILE_BYTES, tools ? CPU_SECONDS_TOOLS : CPU_SECONDS_MEASURE,
                       PROCESSES + 4 * (unsigned)sysconf(_SC_NPROCESSORS_ONLN)};
    struct error ignored = ERROR_INIT;
    if (map_arena(s, (size_t)a->arena, err) < 0) return -1;
    const char *scratch = getenv("HOME"); /* not wherever the agent was started */
    if (a->sandbox && (!scratch || chdir(scratch) < 0)) return error_set(err, ERR_IO, "no scratch folder");
    if (lockdown_limits(&l, WIRE_FD_CHANNEL + 1, err) < 0) return -1;
    if (a->sandbox) hello->landlock = lockdown_landlock(LANDLOCK_NEWEST, a->writable, a->readable, a->confine);
    if (a->sandbox && tools && lockdown_seccomp(true, false, &ignored)) hello->flags |= WIRE_FLAG_SECCOMP;
    if (a->kind != SESSION_PROBE) {
        if (s->backend->open((int)a->platform, (int)a->device, &s->device, err) < 0) return -1;
        if (s->backend->in_place(s->device)) hello->flags |= WIRE_FLAG_IN_PLACE;
    }
    if (a->sandbox && !tools && lockdown_seccomp(false, !s->backend->in_place(s->device), &ignored))
        hello->flags |= WIRE_FLAG_SECCOMP;
    if (a->sandbox && !(hello->flags & WIRE_FLAG_SECCOMP)) fprintf(stderr, "portolan-runner: %s\n", ignored.text);
    return 0;
}

static void say_hello(struct session *s, struct wire_hello *hello, const struct error *err) {
    if (err->code) {
        size_t len = strlen(err->text);
        hello->status = WIRE_DEVICE_FAILED;
        memcpy(hello->text, err->text, len < sizeof hello->text ? len : sizeof hello->text - 1);
    }
    channel_send(&s->channel, WIRE_HELLO, &(struct part){hello, sizeof *hello}, 1);
}

int main(int argc, char **argv) {
    struct arguments a = {.kind = SESSION_PROBE};
    struct wire_hello hello = {0};
    struct error err = ERROR_INIT;
    parse_arguments(&a, argc, argv);
    struct session s = {.kind = a.kind, .channel = {.fd = WIRE_FD_CHANNEL}, .backend = a.backend};
    int rc = enter(&a, &s, &hello, &err);
    say_hello(&s, &hello, &err);
    if (rc == 0) session_run(&s);
    /* Straight out: a driver's exit handlers have hung before, and whoever kills the process loses nothing. */
    _exit(rc == 0 ? 0 : 1);
}
