/* The connection below SSH: a name's addresses one after the other, or a proxy's command. It is made here, not by
 * libssh, so that looking up names and proxies waits for nobody else and ends with its time. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/display.h"
#include "fleet/ssh/internal.h"

/* A look-up that nobody waits for any more goes on in glibc's thread: it keeps its memory. */
struct lookup {
    struct gaicb request;
    struct addrinfo hints;
    char *host, port[8];
};

struct dial {
    struct lookup *lookup;
    struct addrinfo *found, *next;
    int fd; /* being connected; -1: none */
    int64_t address_deadline_ms;
    int last_errno;
    struct process proxy;
    int proxy_stderr;
    char proxy_text[400]; /* the last that it said */
};

static void lookup_free(struct lookup *l) {
    free(l->host);
    free(l);
}

void dial_free(struct dial *d) {
    if (!d) return;
    if (d->lookup && gai_cancel(&d->lookup->request) != EAI_NOTCANCELED) lookup_free(d->lookup);
    if (d->found) freeaddrinfo(d->found);
    if (d->fd >= 0) close(d->fd);
    if (d->proxy_stderr >= 0) close(d->proxy_stderr);
    process_done(&d->proxy);
    free(d);
}

static enum step hand_over(struct session *s) {
    struct dial *d = s->dial;
    ssh_options_set(s->ssh, SSH_OPTIONS_FD, &d->fd); /* libssh closes it from now on */
    d->fd = -1;
    return STEP_ON;
}

/* --- proxy ------------------------------------------------------------------------------------ */
/* Ours, with an askpass that always fails: a jump host that wants a password is refused, and nobody is asked. */
static const char **proxy_environment(void) {
    size_t n = 0, kept = 0;
    while (environ[n]) n++;
    const char **envp = xcalloc(n + 3, sizeof *envp);
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "SSH_ASKPASS", 11) != 0) envp[kept++] = environ[i];
    envp[kept++] = "SSH_ASKPASS=/bin/false";
    envp[kept] = "SSH_ASKPASS_REQUIRE=force";
    return envp;
}

static enum step start_proxy(struct session *s) {
    struct dial *d = s->dial;
    int pair[2], errors[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return session_end(s, REACH_SETTINGS, ERR_LIMIT, "no descriptors are left: %s", strerror(errno));
    d->fd = pair[0];
    CLEANUP_FD int theirs = pair[1];
    if (pipe2(errors, O_CLOEXEC | O_NONBLOCK) != 0)
        return session_end(s, REACH_SETTINGS, ERR_LIMIT, "no descriptors are left: %s", strerror(errno));
    d->proxy_stderr = errors[0];
    CLEANUP_FD int their_errors = errors[1];
    CLEANUP_FREE char *command = xasprintf("exec %s", s->proxy);
    const char *const argv[] = {"/bin/sh", "-c", command, NULL};
    CLEANUP_FREE const char **envp = proxy_environment();
    const struct process_fd fds[] = {{theirs, 0}, {theirs, 1}, {their_errors, 2}};
    const struct process_spec spec = {.argv = argv, .envp = envp, .fds = fds, .n_fds = sizeof fds / sizeof *fds};
    struct error err = ERROR_INIT;
    if (process_spawn(&spec, &d->proxy, &err) != 0)
        return session_end(s, REACH_UNREACHABLE, err.code, "the proxy command cannot be started: %s", err.text);
    fcntl(d->fd, F_SETFL, O_NONBLOCK);
    return hand_over(s);
}

const char *dial_state(const struct session *s) {
    struct dial *d = s->dial;
    if (!d || d->proxy_stderr < 0) return "";
    ssize_t n = read(d->proxy_stderr, d->proxy_text, sizeof d->proxy_text - 1);
    if (n > 0) d->proxy_text[n] = 0;
    for (size_t len = strlen(d->proxy_text); len && strchr(" \r\n", d->proxy_text[len - 1]);) d->proxy_text[--len] = 0;
    CLEANUP_FREE char *line = display_line(d->proxy_text);
    snprintf(d->proxy_text, sizeof d->proxy_text, "%s", line);
    return d->proxy_text;
}

/* --- addresses -------------------------------------------------------------------------------- */
static enum step start_lookup(struct session *s) {
    struct lookup *l = s->dial->lookup = xcalloc(1, sizeof *l);
    l->host = xstrdup(s->host);
    snprintf(l->port, sizeof l->port, "%u", s->port);
    l->hints = (struct addrinfo){.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    l->request = (struct gaicb){.ar_name = l->host, .ar_service = l->port, .ar_request = &l->hints};
    struct gaicb *list[] = {&l->request};
    int failed = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
    if (failed)
        return session_end(s, REACH_UNREACHABLE, ERR_NETWORK, "%s cannot be looked up: %s", s->host,
                           gai_strerror(failed));
    return STEP_AGAIN;
}

static enum step finish_lookup(struct session *s) {
    struct dial *d = s->dial;
    int status = gai_error(&d->lookup->request);
    if (status == EAI_INPROGRESS) return STEP_AGAIN;
    d->found = d->next = d->lookup->request.ar_result;
    lookup_free(TAKE(d->lookup));
    if (status == 0 && d->found) return STEP_ON;
    session_end(s, REACH_UNREACHABLE, ERR_NETWORK, "the name %s has no address: %s", s->host, gai_strerror(status));
    error_hint(&s->result.err, "give `ansible_host` in the inventory, or HostName in ~/.ssh/config");
    return STEP_ENDED;
}

static int64_t addresses_left(const struct addrinfo *a) {
    int64_t n = 0;
    for (; a; a = a->ai_next) n++;
    return n;
}

/* Begins with the next address; each gets its share of the time that is left. */
static enum step next_address(struct session *s) {
    struct dial *d = s->dial;
    for (; d->next; d->next = d->next->ai_next) {
        d->fd = socket(d->next->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (d->fd < 0) {
            d->last_errno = errno;
            continue;
        }
        int on = 1;
        setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(d->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        int64_t now = clock_mono_ms();
        d->address_deadline_ms = now + (s->deadline_ms - now) / addresses_left(d->next);
        if (connect(d->fd, d->next->ai_addr, d->next->ai_addrlen) == 0 || errno == EINPROGRESS) {
            d->next = d->next->ai_next;
            return STEP_AGAIN;
        }
        d->last_errno = errno;
        close(d->fd);
        d->fd = -1;
    }
    session_end(s, REACH_UNREACHABLE, ERR_NETWORK, "%s port %u: %s", s->host, s->port, strerror(d->last_errno));
    if (d->last_errno == ECONNREFUSED)
        error_hint(&s->result.err, "the machine is up and nothing listens there: is sshd running, is port %u right?",
                   s->port);
    return STEP_ENDED;
}

static enum step finish_connect(struct session *s) {
    struct dial *d = s->dial;
    struct pollfd p = {.fd = d->fd, .events = POLLOUT};
    int failed = 0;
    socklen_t len = sizeof failed;
    if (poll(&p, 1, 0) == 0) {
        if (clock_mono_ms() < d->address_deadline_ms) return STEP_AGAIN;
        failed = ETIMEDOUT;
    } else if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0) {
        failed = errno;
    }
    if (failed == 0) return hand_over(s);
    d->last_errno = failed;
    close(d->fd);
    d->fd = -1;
    return next_address(s);
}

enum step dial_begin(struct session *s) {
    struct dial *d = s->dial = xcalloc(1, sizeof *d);
    *d = (struct dial){.fd = -1, .proxy = PROCESS_INIT, .proxy_stderr = -1};
    return s->proxy ? start_proxy(s) : start_lookup(s);
}

enum step dial_step(struct session *s) {
    struct dial *d = s->dial;
    if (d->lookup) {
        enum step step = finish_lookup(s);
        return step == STEP_ON ? next_address(s) : step;
    }
    return finish_connect(s);
}

int dial_poll(const struct session *s, struct pollfd *ret) {
    if (!s->dial || s->dial->fd < 0) return 0;
    *ret = (struct pollfd){.fd = s->dial->fd, .events = POLLOUT};
    return 1;
}
