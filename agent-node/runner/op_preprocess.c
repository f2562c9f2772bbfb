/* WIRE_PREPROCESS: the C preprocessor over a candidate's source, with the device's macros and the plan's. What comes
 * out is what the worker checks and what is compiled, so nothing may be left that a driver's own preprocessor would
 * still expand into something else: trigraphs are replaced here (-std=c99) and included files are refused. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent-node/runner/macros.h"
#include "agent-node/runner/session.h"
#include "common/cleanup.h"
#include "common/fileio.h"

#define PREPROCESSOR "/usr/bin/cpp"
#define CPU_SECONDS 20

struct scratch_files {
    char *source, *text, *said;
};

static void scratch_files_done(struct scratch_files *f) {
    unlink(f->source);
    unlink(f->text);
    unlink(f->said);
    free(f->source);
    free(f->text);
    free(f->said);
}

static void scratch_files_init(struct scratch_files *f) {
    const char *folder = getenv("TMPDIR");
    if (!folder) folder = "/tmp";
    *f = (struct scratch_files){path_join(folder, "kernel.cl"), path_join(folder, "kernel.i"),
                                path_join(folder, "kernel.log")};
}

static int write_source(const char *path, const char *data, size_t len, struct error *err) {
    CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return error_errno(err, ERR_IO, errno, "%s", path);
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, data + done, len - done);
        if (n < 0) return error_errno(err, ERR_IO, errno, "%s", path);
        done += (size_t)n;
    }
    return 0;
}

static void build_argv(const struct scratch_files *f, const struct macro_list *macros, struct buf *ret) {
    /* -H names each included file; -w: warnings are the driver's business. */
    const char *fixed[] = {PREPROCESSOR, "-undef", "-nostdinc", "-P", "-H", "-w", "-x", "c", "-std=c99"};
    const char *files[] = {"-o", f->text, f->source, NULL};
    buf_append(ret, fixed, sizeof fixed);
    buf_append(ret, macros->option, macros->n * sizeof *macros->option);
    buf_append(ret, files, sizeof files);
}

/* In the child: after fork() in a process with threads only system calls are safe. */
static _Noreturn void exec_preprocessor(char *const *argv, int said) {
    struct rlimit size = {WIRE_MAX_TEXT + 1, WIRE_MAX_TEXT + 1}, cpu = {CPU_SECONDS, CPU_SECONDS};
    setrlimit(RLIMIT_FSIZE, &size);
    setrlimit(RLIMIT_CPU, &cpu);
    dup2(said, STDERR_FILENO);
    execv(PREPROCESSOR, argv);
    _exit(127);
}

static int run_preprocessor(char *const *argv, const char *said_path, int *ret_status, struct error *err) {
    CLEANUP_FD int said = open(said_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (said < 0) return error_errno(err, ERR_IO, errno, "%s", said_path);
    pid_t pid = fork();
    if (pid < 0) return error_errno(err, ERR_DEVICE, errno, "start %s", PREPROCESSOR);
    if (pid == 0) exec_preprocessor(argv, said);
    while (waitpid(pid, ret_status, 0) < 0)
        if (errno != EINTR) return error_errno(err, ERR_DEVICE, errno, "wait for %s", PREPROCESSOR);
    if (WIFEXITED(*ret_status) && WEXITSTATUS(*ret_status) == 127)
        return error_set(err, ERR_DEVICE, "%s cannot be run\nhint: install the package `cpp`", PREPROCESSOR);
    return 0;
}

/* With -H each included file is a line of dots, a space and its name. */
static bool included_something(const char *said, char *name, size_t size) {
    for (const char *line = said; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        size_t dots = strspn(line, ".");
        if (!dots || line[dots] != ' ') continue;
        snprintf(name, size, "%.*s", (int)strcspn(line + dots + 1, "\n"), line + dots + 1);
        return true;
    }
    return false;
}

/* Messages name the source by its scratch path; a reader knows it as the kernel's source. */
static void say_without_path(struct buf *log, const char *said, const char *path) {
    size_t len = strlen(path);
    for (const char *hit; (hit = strstr(said, path)); said = hit + len) {
        buf_append(log, said, (size_t)(hit - said));
        buf_puts(log, "source");
    }
    buf_puts(log, said);
}

static int check_outcome(const struct scratch_files *f, int status, struct buf *log, struct error *err) {
    char name[256];
    CLEANUP_FREE char *said = file_read(f->said, WIRE_MAX_TEXT + 1, NULL, err);
    if (!said) return -1;
    if (included_something(said, name, sizeof name))
        return error_set(err, ERR_INVALID, "#include of %s: kernels are one file", name);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
    say_without_path(log, said, f->source);
    return error_set(
        err, ERR_INVALID, "the preprocessor failed%s",
        WIFSIGNALED(status) || strstr(said, "File size limit") ? ": it ran too long, or its output is over 4 MiB" : "");
}

static int preprocess(struct session *s, const struct run_plan *plan, struct buf *log, char **ret, size_t *ret_len,
                      struct error *err) {
    CLEANUP(scratch_files_done) struct scratch_files f;
    CLEANUP(macro_list_done) struct macro_list macros;
    CLEANUP(buf_done) struct buf argv = BUF_INIT;
    scratch_files_init(&f);
    macros_of_device(s->backend->info(s->device), plan->options, &macros);
    for (uint32_t i = 0; i < plan->n_macros; i++) macro_add(&macros, plan->macro[i].name, plan->macro[i].value);
    build_argv(&f, &macros, &argv);
    int status = 0;
    if (write_source(f.source, plan->rest, plan->rest_len, err) < 0) return -1;
    if (run_preprocessor((char *const *)(void *)argv.data, f.said, &status, err) < 0) return -1;
    if (check_outcome(&f, status, log, err) < 0) return -1;
    *ret = file_read(f.text, WIRE_MAX_TEXT, ret_len, err);
    return *ret ? 0 : -1;
}

void session_preprocess(struct session *s, const void *payload, size_t len) {
    struct error err = ERROR_INIT;
    CLEANUP(buf_done) struct buf log = BUF_INIT;
    CLEANUP(run_plan_done) struct run_plan plan = {0};
    CLEANUP_FREE char *text = NULL;
    size_t text_len = 0;
    if (run_plan_decode(payload, len, &plan, &err) < 0) return session_fail(s, WIRE_BUILD_FAILED, NULL, &err);
    if (preprocess(s, &plan, &log, &text, &text_len, &err) < 0) return session_fail(s, WIRE_BUILD_FAILED, &log, &err);
    channel_result(&s->channel, WIRE_OK, 0, "", 0, text, text_len);
}
