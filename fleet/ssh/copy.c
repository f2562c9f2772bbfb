/* Copies a file: to a hidden name beside its place, synced, its mode set, then renamed over. libssh's SFTP blocks, so
 * it has a thread while the poll loop keeps the time: a copy without progress loses its connection. SFTP version 3
 * cannot rename over a file that is there, so that is left to `mv` on the host. */
#include <errno.h>
#include <fcntl.h>
#include <libssh/sftp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fileio.h"
#include "common/random.h"
#include "common/shell.h"
#include "fleet/ssh/internal.h"

#define CHUNK_BYTES 32000 /* one SFTP packet: OpenSSH takes 34,000 with its frame */
#define SHOW_MS 200

struct copy {
    pthread_t thread;
    int event; /* readable when the thread is over */
    bool running;
    atomic_bool over;
    atomic_ullong bytes;
    unsigned long long seen_bytes, total_bytes;
    int64_t shown_ms;
    /* the thread's until it is over */
    sftp_session sftp;
    sftp_file file;
    int local;
    char *target, *temporary;
    struct error err;
    int status;
};

static int refused(struct session *s, const char *what, const char *path) {
    struct copy *c = s->copy;
    static const char *const texts[] = {[SSH_FX_NO_SUCH_FILE] = "no such file or folder",
                                        [SSH_FX_PERMISSION_DENIED] = "permission denied",
                                        [SSH_FX_FAILURE] = "the server says no more than `failure`: is the disk full?",
                                        [SSH_FX_NO_CONNECTION] = "the connection ended",
                                        [SSH_FX_CONNECTION_LOST] = "the connection ended",
                                        [SSH_FX_OP_UNSUPPORTED] = "the server cannot do that"};
    int code = c->sftp ? sftp_get_error(c->sftp) : 0;
    const char *text = code > 0 && (size_t)code < sizeof texts / sizeof *texts ? texts[code] : NULL;
    return error_set(&c->err, ERR_IO, "%s %.400s: %s", what, path, text ? text : session_complaint(s));
}

/* "DIR" gets the file's own name in it. */
static int find_target(struct session *s) {
    struct copy *c = s->copy;
    const char *remote = s->job->remote;
    sftp_attributes there = sftp_stat(c->sftp, remote);
    bool folder = there && there->type == SSH_FILEXFER_TYPE_DIRECTORY;
    sftp_attributes_free(there);
    size_t len = strlen(remote);
    if (!folder && len && remote[len - 1] == '/')
        return error_set(&c->err, ERR_NOT_FOUND, "%.400s is no folder there", remote);
    c->target = folder ? path_join(remote, path_basename(s->job->local)) : xstrdup(remote);
    CLEANUP_FREE char *parent = path_dirname(c->target);
    char word[17];
    random_hex(word, 8);
    CLEANUP_FREE char *name = xasprintf(".%.200s.%s", path_basename(c->target), word);
    c->temporary = strchr(c->target, '/') ? path_join(parent, name) : TAKE(name);
    return 0;
}

static int open_both(struct session *s) {
    struct copy *c = s->copy;
    struct stat st;
    c->local = open(s->job->local, O_RDONLY | O_CLOEXEC);
    if (c->local < 0 || fstat(c->local, &st) != 0) return error_errno(&c->err, ERR_IO, errno, "%s", s->job->local);
    c->total_bytes = (unsigned long long)st.st_size;
    c->sftp = sftp_new(s->ssh);
    if (!c->sftp || sftp_init(c->sftp) != 0) {
        error_set(&c->err, ERR_UNSUPPORTED, "the server offers no SFTP: %s", session_complaint(s));
        return error_hint(&c->err, "sshd_config on the host needs a line: Subsystem sftp internal-sftp");
    }
    if (find_target(s) != 0) return -1;
    c->file = sftp_open(c->sftp, c->temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
    return c->file ? 0 : refused(s, "cannot create", c->temporary);
}

static int transfer(struct session *s) {
    struct copy *c = s->copy;
    char chunk[CHUNK_BYTES];
    for (;;) {
        ssize_t n = read(c->local, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return error_errno(&c->err, ERR_IO, errno, "%s", s->job->local);
        if (n == 0) break;
        if (sftp_write(c->file, chunk, (size_t)n) != n) return refused(s, "cannot write", c->temporary);
        atomic_fetch_add(&c->bytes, (unsigned long long)n);
    }
    if (sftp_extension_supported(c->sftp, "fsync@openssh.com", "1") && sftp_fsync(c->file) != 0)
        return refused(s, "cannot sync", c->temporary);
    int closed = sftp_close(TAKE(c->file));
    if (closed != SSH_OK) return refused(s, "cannot close", c->temporary);
    return sftp_chmod(c->sftp, c->temporary, s->job->mode) == 0 ? 0
                                                                : refused(s, "cannot set the mode of", c->temporary);
}

/* rename(2) by the host's mv, which replaces in one step within a folder. */
static int move(struct session *s) {
    struct copy *c = s->copy;
    CLEANUP(buf_done) struct buf command = BUF_INIT;
    char text[300] = "";
    int status = -1, n;
    buf_puts(&command, "mv -f -T -- "); /* -T: a folder that stands there is not moved into */
    shell_quote(&command, c->temporary);
    buf_putc(&command, ' ');
    shell_quote(&command, c->target);
    ssh_channel channel = ssh_channel_new(s->ssh);
    if (channel && ssh_channel_open_session(channel) == SSH_OK &&
        ssh_channel_request_exec(channel, command.data) == SSH_OK) {
        for (size_t len = 0; len < sizeof text - 1; len += (size_t)n)
            if ((n = ssh_channel_read(channel, text + len, (uint32_t)(sizeof text - 1 - len), 1)) <= 0) break;
        status = ssh_channel_get_exit_status(channel);
    }
    if (channel) ssh_channel_free(channel);
    if (status == 0) return 0;
    text[strcspn(text, "\r\n")] = 0;
    return error_set(&c->err, ERR_IO, "cannot replace %.400s: %s", c->target, text[0] ? text : session_complaint(s));
}

static int put(struct session *s) {
    struct copy *c = s->copy;
    if (open_both(s) != 0 || transfer(s) != 0) return -1;
    return sftp_rename(c->sftp, c->temporary, c->target) == 0 ? 0 : move(s);
}

static void *work(void *context) {
    struct session *s = context;
    struct copy *c = s->copy;
    c->status = put(s);
    if (c->file) sftp_close(TAKE(c->file));
    if (c->status != 0 && c->temporary && ssh_is_connected(s->ssh)) sftp_unlink(c->sftp, c->temporary);
    if (c->sftp) sftp_free(c->sftp);
    atomic_store(&c->over, true);
    uint64_t one = 1;
    if (write(c->event, &one, sizeof one) < 0) {
    } /* the loop also looks by time */
    return NULL;
}

static enum step begin(struct session *s) {
    struct copy *c = s->copy = xcalloc(1, sizeof *c);
    c->local = -1;
    c->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ssh_set_blocking(s->ssh, 1);
    if (c->event < 0 || pthread_create(&c->thread, NULL, work, s) != 0)
        return session_end(s, REACH_SETTINGS, ERR_LIMIT, "no thread or descriptor is left for the copy");
    c->running = true;
    if (s->events->started) s->events->started(s->events->context, s->index);
    return STEP_AGAIN;
}

static void show(struct session *s, unsigned long long bytes) {
    struct copy *c = s->copy;
    int64_t now = clock_mono_ms();
    if (!s->events->copied || (now - c->shown_ms < SHOW_MS && bytes < c->total_bytes)) return;
    c->shown_ms = now;
    s->events->copied(s->events->context, s->index, bytes, c->total_bytes);
}

/* Progress pushes the deadline on. */
static void watch(struct session *s) {
    struct copy *c = s->copy;
    unsigned long long bytes = atomic_load(&c->bytes);
    if (bytes == c->seen_bytes) return;
    c->seen_bytes = bytes;
    if (s->limits->command_ms) s->deadline_ms = clock_mono_ms() + s->limits->command_ms;
    show(s, bytes);
}

enum step copy_step(struct session *s) {
    if (!s->copy) return begin(s);
    struct copy *c = s->copy;
    watch(s);
    if (!atomic_load(&c->over)) return STEP_AGAIN;
    pthread_join(c->thread, NULL);
    c->running = false;
    if (c->status == 0) {
        s->result.end = REACH_DONE;
        s->result.exit_status = 0;
        s->phase = REACH_OVER;
        return STEP_ENDED;
    }
    return session_end(s, ssh_is_connected(s->ssh) ? REACH_FAILED : REACH_LOST, c->err.code, "%s", c->err.text);
}

int copy_poll(const struct session *s, struct pollfd *ret) {
    if (!s->copy) return 0;
    *ret = (struct pollfd){.fd = s->copy->event, .events = POLLIN};
    return 1;
}

void copy_free(struct session *s) {
    struct copy *c = s->copy;
    if (!c) return;
    if (c->running) {
        shutdown(ssh_get_fd(s->ssh), SHUT_RDWR); /* every call of libssh fails now, and the thread ends */
        pthread_join(c->thread, NULL);
    }
    if (c->event >= 0) close(c->event);
    if (c->local >= 0) close(c->local);
    free(c->target);
    free(c->temporary);
    free(c);
    s->copy = NULL;
}
