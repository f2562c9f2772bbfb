/* The loop: begins sessions up to the limit, waits for their descriptors and deadlines, moves each on. */
#include "fleet/ssh/reach.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/utf8.h"
#include "fleet/ssh/agent.h"
#include "fleet/ssh/internal.h"

/* libssh may hold what has arrived already, and names are looked up without a descriptor: all are looked at so often.
 */
#define TICK_MS 50
#define FDS_PER_SESSION 6

const char *reach_end_name(enum reach_end end) {
    static const char *const names[] = {"ok",          "failed",      "settings", "unreachable", "not-ssh",
                                        "unknown-key", "changed-key", "denied",   "timeout",     "lost"};
    return names[end];
}

const char *reach_phase_name(enum reach_phase phase) {
    static const char *const names[] = {"waiting", "connect", "handshake", "authentication", "command", "over"};
    return names[phase];
}

/* --- one session ------------------------------------------------------------------------------ */
enum step session_end(struct session *s, enum reach_end end, enum error_code code, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    error_vset(&s->result.err, code, fmt, ap);
    va_end(ap);
    utf8_clean(s->result.err.text); /* much of it was said by the host */
    s->result.end = end;
    return STEP_ENDED;
}

void session_peer(const struct session *s, char out[320]) {
    snprintf(out, 320, "%.60s@%.200s port %u", s->user, s->host, s->port);
}

const char *session_complaint(const struct session *s) {
    static char text[300];
    utf8_copy(text, sizeof text, s->ssh ? ssh_get_error(s->ssh) : "");
    for (char *c = text; *c; c++)
        if (*c == '\n' || *c == '\t') *c = ' ';
    return text;
}

char *session_option(const struct session *s, enum ssh_options_e option) {
    char *text = NULL, *copy = NULL;
    if (ssh_options_get(s->ssh, option, &text) == SSH_OK && text) copy = xstrdup(text);
    ssh_string_free_char(text);
    return copy;
}

static int64_t limit_of(const struct reach_limits *l, enum reach_phase phase) {
    return phase == REACH_CONNECT     ? l->connect_ms
           : phase == REACH_HANDSHAKE ? l->handshake_ms
           : phase == REACH_AUTH      ? l->auth_ms
                                      : l->command_ms;
}

static void set_phase(struct session *s, enum reach_phase phase) {
    int64_t now = clock_mono_ms(), limit_ms = limit_of(s->limits, phase);
    s->phase = phase;
    s->deadline_ms = limit_ms ? now + limit_ms : INT64_MAX;
    if (phase == REACH_COMMAND) s->result.ready_ms = now - s->begin_ms;
}

static enum step handshake_step(struct session *s) {
    int status = ssh_connect(s->ssh);
    if (status == SSH_AGAIN) return STEP_AGAIN;
    if (status == SSH_OK) return hostkey_check(s);
    const char *why = session_complaint(s), *proxy = dial_state(s);
    if (*proxy) return session_end(s, REACH_UNREACHABLE, ERR_NETWORK, "no connection through the proxy: %s", proxy);
    session_end(s, REACH_NOT_SSH, ERR_NETWORK, "%s port %u does not speak SSH: %s", s->host, s->port,
                *why ? why : "the connection was closed before the key exchange was over");
    error_hint(&s->result.err, "`ssh -v -p %u %s` shows what it says; is port %u right?", s->port, s->host, s->port);
    return STEP_ENDED;
}

static enum step one_step(struct session *s) {
    switch (s->phase) {
        case REACH_CONNECT:
            return dial_step(s);
        case REACH_HANDSHAKE:
            return handshake_step(s);
        case REACH_AUTH:
            return auth_step(s);
        case REACH_COMMAND:
            return s->job->local ? copy_step(s) : command_step(s);
        default:
            return STEP_AGAIN;
    }
}

static enum step advance(struct session *s) {
    for (;;) {
        enum step step = one_step(s);
        if (step != STEP_ON) return step;
        if (s->phase == REACH_COMMAND) return STEP_AGAIN;
        set_phase(s, s->phase + 1);
    }
}

static enum step overdue(struct session *s) {
    static const char *const what[] = {[REACH_CONNECT] = "no connection",
                                       [REACH_HANDSHAKE] = "connected, but the SSH handshake was not over",
                                       [REACH_AUTH] = "the handshake was done, but authentication did not end",
                                       [REACH_COMMAND] = "the command did not end"};
    int64_t limit_ms = limit_of(s->limits, s->phase);
    const char *more = dial_state(s);
    const char *text = s->job->local && s->phase == REACH_COMMAND ? "the copy made no progress" : what[s->phase];
    return session_end(s, s->phase == REACH_CONNECT ? REACH_UNREACHABLE : REACH_TIMEOUT, ERR_TIMEOUT,
                       "%s port %u: %s within %.4g s%s%s", s->host, s->port, text, (double)limit_ms / 1000,
                       *more ? "; the proxy says: " : "", more);
}

static enum step session_begin(struct session *s) {
    s->begin_ms = clock_mono_ms();
    s->exit_status = s->result.exit_status = -1;
    s->phase = REACH_CONNECT;
    enum step step = settings_read(s);
    if (step != STEP_ON) return step;
    set_phase(s, REACH_CONNECT);
    step = dial_begin(s);
    if (step != STEP_ON) return step;
    set_phase(s, REACH_HANDSHAKE);
    return STEP_AGAIN;
}

static void session_done(struct session *s) {
    copy_free(s);
    if (s->channel) {
        ssh_remove_channel_callbacks(s->channel, &s->callbacks);
        ssh_channel_free(s->channel);
    }
    if (s->key) ssh_key_free(s->key);
    if (s->ssh) {
        ssh_silent_disconnect(s->ssh);
        ssh_free(s->ssh);
    }
    dial_free(s->dial);
    free(s->host);
    free(s->user);
    free(s->proxy);
    free(s);
}

static int session_poll(const struct session *s, struct pollfd *ret) {
    if (s->copy) return copy_poll(s, ret);
    if (s->phase == REACH_CONNECT) return dial_poll(s, ret);
    int fd = s->ssh ? (int)ssh_get_fd(s->ssh) : -1;
    if (fd < 0) return 0;
    *ret = (struct pollfd){.fd = fd, .events = POLLIN};
    if (ssh_get_poll_flags(s->ssh) & SSH_WRITE_PENDING) ret->events |= POLLOUT;
    return 1;
}

/* --- all sessions ----------------------------------------------------------------------------- */
struct loop {
    const struct reach_job *jobs;
    size_t n, next, n_active;
    const struct reach_limits *limits;
    const struct reach_events *events;
    struct session **active; /* limits->parallel places */
    struct pollfd *fds;
};

static void conclude(struct loop *l, struct session *s) {
    s->result.phase = s->phase;
    s->result.total_ms = clock_mono_ms() - s->begin_ms;
    l->events->ended(l->events->context, s->index, &s->result);
    session_done(s);
}

static void begin_more(struct loop *l) {
    while (l->next < l->n && l->n_active < l->limits->parallel) {
        struct session *s = xcalloc(1, sizeof *s);
        s->index = l->next++;
        s->job = &l->jobs[s->index];
        s->events = l->events;
        s->limits = l->limits;
        if (session_begin(s) == STEP_ENDED)
            conclude(l, s);
        else
            l->active[l->n_active++] = s;
    }
}

static void wait_for_events(struct loop *l) {
    nfds_t n = 0;
    int64_t until = clock_mono_ms() + TICK_MS;
    for (size_t i = 0; i < l->n_active; i++) {
        n += (nfds_t)session_poll(l->active[i], &l->fds[n]);
        if (l->active[i]->deadline_ms < until) until = l->active[i]->deadline_ms;
    }
    int64_t now = clock_mono_ms();
    poll(l->fds, n, until > now ? (int)(until - now) : 0);
}

static void move_all(struct loop *l) {
    size_t kept = 0;
    for (size_t i = 0; i < l->n_active; i++) {
        struct session *s = l->active[i];
        enum step step = advance(s);
        if (step != STEP_ENDED && clock_mono_ms() >= s->deadline_ms) step = overdue(s);
        if (step == STEP_ENDED)
            conclude(l, s);
        else
            l->active[kept++] = s;
    }
    l->n_active = kept;
}

static int check_limits(const struct reach_limits *l, struct error *err) {
    struct rlimit files;
    if (l->parallel < 1 || l->parallel > REACH_MAX_PARALLEL)
        return error_set(err, ERR_USAGE, "%zu hosts at a time; 1 to %d are possible", l->parallel, REACH_MAX_PARALLEL);
    if (l->connect_ms < 1 || l->handshake_ms < 1 || l->auth_ms < 1 || l->command_ms < 0)
        return error_set(err, ERR_USAGE, "a time-out must be longer than nothing");
    rlim_t needed = l->parallel * FDS_PER_SESSION + 64;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= needed) return 0;
    files.rlim_cur = files.rlim_max < needed ? files.rlim_max : needed;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur >= needed) return 0;
    error_set(err, ERR_LIMIT, "%zu hosts at a time may need %llu open files, and the limit is %llu", l->parallel,
              (unsigned long long)needed, (unsigned long long)files.rlim_cur);
    return error_hint(err, "raise it with `ulimit -n`, or take fewer at a time");
}

int reach_run(const struct reach_job *jobs, size_t n, const struct reach_limits *limits,
              const struct reach_events *events, struct error *err) {
    if (check_limits(limits, err) != 0) return -1;
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    ssh_set_log_level(SSH_LOG_NONE);
    agent_leave_if_silent();
    struct loop l = {.jobs = jobs, .n = n, .limits = limits, .events = events};
    l.active = xcalloc(limits->parallel, sizeof *l.active);
    l.fds = xcalloc(limits->parallel, sizeof *l.fds);
    while (begin_more(&l), l.n_active) {
        wait_for_events(&l);
        move_all(&l);
        if (events->tick) events->tick(events->context);
    }
    free(l.active);
    free(l.fds);
    signal(SIGPIPE, before);
    return 0;
}
