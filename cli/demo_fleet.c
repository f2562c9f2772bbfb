#include "cli/demo_fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/render.h"
#include "cli/share.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/fileio.h"
#include "common/process.h"

#define START_LIMIT_MS 60000
#define STOP_LIMIT_MS 15000
#define LOG_TAIL 2000
#define ENV_MAX 128

struct demo_fleet {
    char *dir, *programs;
    char *env_text[8]; /* PORTOLAN_..._DIR=... */
    const char *env[ENV_MAX];
    char *api, *token_file;
    struct process process[DEMO_AGENTS_MAX + 1]; /* the coordinator first */
    size_t n_processes;
};

/* The process ids once more, for a thread that may look at any instant: filled in before they are counted. */
static pid_t started[DEMO_AGENTS_MAX + 1];
static atomic_size_t n_started;

const char *demo_fleet_api(const struct demo_fleet *f) {
    return f->api;
}
const char *demo_fleet_token_file(const struct demo_fleet *f) {
    return f->token_file;
}

/* --- processes -------------------------------------------------------------------------------- */
extern char **environ;

/* The user's environment, with our own folders in place of the user's. */
static int make_environment(struct demo_fleet *f, struct error *err) {
    static const char *const kind[] = {"STATE", "RUNTIME", "CACHE"};
    size_t n = 0;
    for (size_t i = 0; i < 3; i++) {
        CLEANUP_FREE char *folder = xasprintf("%s/%s", f->dir, kind[i]);
        for (char *c = folder + strlen(f->dir); *c; c++)
            if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + 32);
        if (dir_make(folder, 0700, err)) return -1;
        f->env_text[i] = xasprintf("PORTOLAN_%s_DIR=%s", kind[i], folder);
        f->env[n++] = f->env_text[i];
    }
    for (char **e = environ; *e && n < ENV_MAX - 1; e++)
        if (strncmp(*e, "PORTOLAN_STATE_DIR=", 19) != 0 && strncmp(*e, "PORTOLAN_RUNTIME_DIR=", 21) != 0 &&
            strncmp(*e, "PORTOLAN_CACHE_DIR=", 19) != 0)
            f->env[n++] = *e;
    f->env[n] = NULL;
    return 0;
}

/* In the child: our own mask, by which a thread takes the signals, is not for our programs. */
static int unblock_signals(void *context) {
    sigset_t none;
    (void)context;
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) ? errno : 0;
}

/* Start one of our programs with its output in DIR/NAME.log. */
static int start(struct demo_fleet *f, const char *name, const char *const *argv, struct error *err) {
    CLEANUP_FREE char *log = xasprintf("%s/%s.log", f->dir, name);
    CLEANUP_FD int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return error_set(err, ERR_IO, "cannot write %s", log);
    const struct process_fd fds[] = {{fd, 1}, {fd, 2}};
    struct process_spec spec = {.argv = argv, .envp = f->env, .fds = fds, .n_fds = 2, .prepare = unblock_signals};
    if (process_spawn(&spec, &f->process[f->n_processes], err)) return error_wrap(err, "%s", name);
    started[f->n_processes] = f->process[f->n_processes].pid;
    atomic_store(&n_started, ++f->n_processes);
    return 0;
}

static int error_with_log(const struct demo_fleet *f, const char *name, struct error *err) {
    CLEANUP_FREE char *log = xasprintf("%s/%s.log", f->dir, name);
    size_t len = 0;
    CLEANUP_FREE char *text = file_read(log, 16 * 1024 * 1024, &len, NULL);
    return error_hint(err, "the end of %s says:\n%s", log,
                      text ? text + (len > LOG_TAIL ? len - LOG_TAIL : 0) : "(nothing)");
}

/* --- coordinator ------------------------------------------------------------------------------ */
static bool read_runtime_file(struct demo_fleet *f) {
    CLEANUP_FREE char *path = xasprintf("%s/runtime/coordinator.json", f->dir);
    CLEANUP_JSON json_t *root = json_load_file(path, 0, NULL);
    const char *api = json_text(root, "api"), *token = json_text(root, "token_file");
    if (!*api || !*token || !*json_text(root, "kafka")) return false;
    f->api = xstrdup(api);
    f->token_file = xstrdup(token);
    return true;
}

static int wait_for_coordinator(struct demo_fleet *f, struct error *err) {
    int64_t until_ms = clock_mono_ms() + START_LIMIT_MS;
    while (clock_mono_ms() < until_ms) {
        if (read_runtime_file(f)) return 0;
        struct process_result result;
        if (!process_wait(&f->process[0], clock_mono_ms() + 100, &result, NULL)) {
            char how[64];
            process_result_text(&result, how);
            error_set(err, ERR_INTERNAL, "the coordinator ended with %s", how);
            return error_with_log(f, "coordinator", err);
        }
    }
    error_set(err, ERR_TIMEOUT, "the coordinator is not ready after %d s", START_LIMIT_MS / 1000);
    return error_with_log(f, "coordinator", err);
}

struct demo_fleet *demo_fleet_start(const char *dir, struct error *err) {
    struct demo_fleet *f = xcalloc(1, sizeof *f);
    f->dir = xstrdup(dir);
    f->programs = program_dir();
    for (size_t i = 0; i <= DEMO_AGENTS_MAX; i++) f->process[i].pidfd = -1;
    CLEANUP_FREE char *program = path_join(f->programs ? f->programs : ".", "portolan");
    const char *const argv[] = {program, "serve", "--embedded", "--port", "0", NULL};
    if (!make_environment(f, err) && !start(f, "coordinator", argv, err) && !wait_for_coordinator(f, err)) return f;
    demo_fleet_stop(f);
    return NULL;
}

/* --- agents ----------------------------------------------------------------------------------- */
/* Output of `portolan-agent devices --json`; new reference. */
static json_t *list_devices(struct demo_fleet *f, const char *program, struct error *err) {
    CLEANUP_FREE char *path = xasprintf("%s/devices.json", f->dir);
    CLEANUP_FREE char *log = xasprintf("%s/devices.log", f->dir);
    CLEANUP_FD int out = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CLEANUP_FD int errors = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (out < 0 || errors < 0) {
        error_set(err, ERR_IO, "cannot write in %s", f->dir);
        return NULL;
    }
    const struct process_fd fds[] = {{out, 1}, {errors, 2}};
    const char *const argv[] = {program, "devices", "--json", NULL};
    struct process_spec spec = {.argv = argv, .envp = f->env, .fds = fds, .n_fds = 2};
    struct process process = PROCESS_INIT;
    struct process_result result;
    if (process_spawn(&spec, &process, err)) return NULL;
    int rc = process_wait(&process, clock_mono_ms() + START_LIMIT_MS, &result, err);
    process_done(&process);
    json_t *root = rc || result.status ? NULL : json_load_file(path, 0, NULL);
    if (!root) {
        error_set(err, ERR_DEVICE, "the devices of this machine cannot be listed");
        error_with_log(f, "devices", err);
    }
    return root;
}

static int start_agent(struct demo_fleet *f, const char *program, const char *device, struct error *err) {
    CLEANUP_FREE char *name = xasprintf("demo-%s", device);
    /* Agents of one machine disturb each other: times are kept at once, with the load beside them. */
    const char *const argv[] = {program, "run", "--node", name, "--driver", device, "--busy", "note", NULL};
    return start(f, name, argv, err);
}

size_t demo_fleet_add_agents(struct demo_fleet *f, struct error *err) {
    CLEANUP_FREE char *program = path_join(f->programs ? f->programs : ".", "portolan-agent");
    CLEANUP_JSON json_t *root = list_devices(f, program, err);
    if (!root) return 0;
    size_t i, n = 0;
    json_t *device;
    json_array_foreach(root, i, device) {
        if (n == DEMO_AGENTS_MAX) break;
        if (start_agent(f, program, json_text(device, "id"), err)) return 0;
        n++;
    }
    if (n) return n;
    error_set(err, ERR_NOT_FOUND, "this machine has no OpenCL device");
    error_hint(err, "apt-get install pocl-opencl-icd gives any machine one");
    return 0;
}

/* --- the end ---------------------------------------------------------------------------------- */
void demo_fleet_end_all(void) {
    size_t n = atomic_load(&n_started);
    for (size_t i = n; i-- > 0;) kill(started[i], SIGTERM);
    int64_t until_ms = clock_mono_ms() + STOP_LIMIT_MS;
    for (size_t i = n; i-- > 0;)
        while (kill(started[i], 0) == 0 && waitpid(started[i], NULL, WNOHANG) == 0 && clock_mono_ms() < until_ms)
            usleep(20000);
}

void demo_fleet_stop(struct demo_fleet *f) {
    if (!f) return;
    for (size_t i = f->n_processes; i-- > 0;) process_kill(&f->process[i], SIGTERM);
    int64_t until_ms = clock_mono_ms() + STOP_LIMIT_MS;
    for (size_t i = f->n_processes; i-- > 0;) {
        process_wait(&f->process[i], until_ms, NULL, NULL);
        process_done(&f->process[i]);
    }
    for (size_t i = 0; i < 8; i++) free(f->env_text[i]);
    free(f->api);
    free(f->token_file);
    free(f->programs);
    free(f->dir);
    free(f);
}
