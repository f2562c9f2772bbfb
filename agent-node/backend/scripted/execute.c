/* What the statements do: honest arithmetic, and the tricks that the worker must see through. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent-node/backend/scripted/scripted.h"
#include "agent-node/runner/protocol.h"
#include "common/clock.h"

static void spin(double ns) {
    int64_t end = clock_mono_ns() + (int64_t)ns;
    while (clock_mono_ns() < end) continue;
}

static void put(const void *bytes, size_t len) {
    ssize_t ignored = write(WIRE_FD_CHANNEL, bytes, len);
    (void)ignored;
}

static void forge(uint32_t seq) {
    struct {
        struct wire_header done, claim_header;
        struct wire_claim claim;
    } lie = {{WIRE_MAGIC, WIRE_VERSION, WIRE_DONE, seq, 0},
             {WIRE_MAGIC, WIRE_VERSION, WIRE_CLAIM, seq, sizeof(struct wire_claim)},
             {1, 1}};
    put(&lie, sizeof lie);
}

static void flood(double kib) {
    char line[1024];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    for (double i = 0; i < kib; i++) {
        ssize_t ignored = write(STDOUT_FILENO, line, sizeof line);
        (void)ignored;
    }
}

static void *do_nothing(void *unused) {
    return unused;
}

static int try_fork(void) {
    pid_t pid = fork();
    if (pid < 0) return errno;
    if (pid == 0) _exit(0);
    waitpid(pid, NULL, 0);
    return 0;
}

static int try_thread(void) {
    pthread_t t;
    int rc = pthread_create(&t, NULL, do_nothing, NULL);
    if (rc == 0) pthread_join(t, NULL);
    return rc;
}

/* exec only returns when it failed; a child would need fork, so the program itself goes if it works. */
static int try_exec(void) {
    static char *const argv[] = {"true", NULL}, *const envp[] = {NULL};
    execve("/usr/bin/true", argv, envp);
    return errno;
}

static int try_fd(int fd) {
    if (fd < 0) return errno;
    close(fd);
    return 0;
}

static int attempt(const char *what) {
    if (!strcmp(what, "fork")) return try_fork();
    if (!strcmp(what, "thread")) return try_thread();
    if (!strcmp(what, "exec")) return try_exec();
    if (!strcmp(what, "socket")) return try_fd(socket(AF_INET, SOCK_STREAM, 0));
    if (!strcmp(what, "ptrace")) return ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 ? errno : 0;
    if (!strcmp(what, "kill")) return kill(getppid(), 0) < 0 ? errno : 0;
    if (!strcmp(what, "write_file")) return try_fd(open("/usr/portolan-test", O_WRONLY | O_CREAT, 0600));
    if (!strcmp(what, "write_home")) return try_fd(open("portolan-test", O_WRONLY | O_CREAT, 0600));
    if (!strcmp(what, "read_etc")) return try_fd(open("/etc/passwd", O_RDONLY));
    return EINVAL;
}

static float *elements(const struct span *s) {
    return (float *)(void *)s->data;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static int compute(const struct statement *s, const struct span *o, const struct span *a, const struct span *b) {
    size_t n = o->bytes / sizeof(float);
    if (a) n = smaller(n, a->bytes / sizeof(float));
    if (b) n = smaller(n, b->bytes / sizeof(float));
    float *out = elements(o), k1 = (float)s->number[1], k2 = (float)s->number[2];
    for (size_t i = 0; i < n; i++) {
        float x = a ? elements(a)[i] : 0, y = b ? elements(b)[i] : 0;
        switch (s->op) {
            case SCRIPT_ADD:
                out[i] = x + y;
                break;
            case SCRIPT_MUL:
                out[i] = x * y;
                break;
            case SCRIPT_COPY:
                out[i] = x;
                break;
            case SCRIPT_RELU:
                out[i] = x > 0 ? x : 0;
                break;
            case SCRIPT_FILL:
                out[i] = k1;
                break;
            case SCRIPT_MUL_SCALAR:
                out[i] = x * k2;
                break;
            default:
                out[i] += k1;
                break; /* SCRIPT_ADD_TO */
        }
    }
    return 0;
}

/* The buffer at operand `i`, NULL with err when there is none. */
static const struct span *operand(const struct statement *s, int i, const struct span *arg, int n_args,
                                  struct error *err) {
    int at = (int)s->number[i];
    if (at >= 0 && at < n_args && arg[at].data) return &arg[at];
    error_set(err, ERR_INVALID, "kernel %s: argument %d is no buffer", s->kernel, at);
    return NULL;
}

static int execute_on_buffers(const struct statement *s, const struct span *arg, int n_args, struct error *err) {
    bool two = s->op == SCRIPT_COPY || s->op == SCRIPT_RELU || s->op == SCRIPT_MUL_SCALAR;
    bool three = s->op == SCRIPT_ADD || s->op == SCRIPT_MUL;
    const struct span *o = operand(s, s->op == SCRIPT_TRY ? 1 : 0, arg, n_args, err);
    const struct span *a = two || three ? operand(s, 1, arg, n_args, err) : NULL;
    const struct span *b = three ? operand(s, 2, arg, n_args, err) : NULL;
    if (!o || ((two || three) && !a) || (three && !b)) return -1;
    if (s->op == SCRIPT_NAN_) return elements(o)[0] = NAN, 0;
    if (s->op == SCRIPT_TRY) return elements(o)[0] = (float)attempt(s->word), 0;
    if (s->op != SCRIPT_WRITE_OOB) return compute(s, o, a, b);
    ptrdiff_t beyond = (ptrdiff_t)s->number[1];
    volatile char *p = beyond < 0 ? o->data + beyond : o->data + o->bytes + beyond;
    *p = (char)(*p + 1);
    return 0;
}

int script_execute(const struct statement *s, const struct span *arg, int n_args, struct error *err) {
    switch (s->op) {
        case SCRIPT_SPIN:
            return spin(s->number[0]), 0;
        case SCRIPT_CRASH: /* past the handler of a sanitizer */
            signal(SIGSEGV, SIG_DFL);
            return raise(SIGSEGV);
        case SCRIPT_ABORT:
            abort();
        case SCRIPT_HANG:
            spin(1e18);
            return 0;
        case SCRIPT_EXIT:
            _exit((int)s->number[0]);
        case SCRIPT_GARBAGE:
            return put("garbage, and more of it than a header has", 41), 0;
        case SCRIPT_FORGE:
            return forge((uint32_t)s->number[0]), 0;
        case SCRIPT_FLOOD:
            return flood(s->number[0]), 0;
        case SCRIPT_REFUSE:
            return error_set(err, ERR_INVALID, "launch of kernel %s: %s", s->kernel, s->word);
        case SCRIPT_GREEDY:
            return error_set(err, ERR_LIMIT, "kernel %s wants %s", s->kernel, s->word);
        case SCRIPT_LOST:
            return error_set(err, ERR_DEVICE, "the device has gone");
        case SCRIPT_ERROR:
            return error_set(err, ERR_INVALID, "%s", s->word);
        default:
            return execute_on_buffers(s, arg, n_args, err);
    }
}
