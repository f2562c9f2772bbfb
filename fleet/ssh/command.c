/* A command on an authenticated session: opened, started, fed, listened to. */
#include <string.h>

#include "common/utf8.h"
#include "fleet/ssh/internal.h"

enum { COMMAND_OPEN, COMMAND_EXEC, COMMAND_RUN };

static void exit_status(ssh_session ssh, ssh_channel channel, int status, void *userdata) {
    (void)ssh, (void)channel;
    ((struct session *)userdata)->exit_status = status;
}

static void exit_signal(ssh_session ssh, ssh_channel channel, const char *signal, int core, const char *message,
                        const char *language, void *userdata) {
    (void)ssh, (void)channel, (void)core, (void)message, (void)language;
    struct session *s = userdata;
    utf8_copy(s->signal, sizeof s->signal, signal ? signal : "?");
}

static enum step lost(struct session *s, const char *what) {
    const char *why = session_complaint(s);
    return session_end(s, REACH_LOST, ERR_NETWORK, "the connection ended %s%s%s", what, *why ? ": " : "", why);
}

static enum step open_channel(struct session *s) {
    if (!s->channel) {
        s->channel = ssh_channel_new(s->ssh);
        if (!s->channel) return lost(s, "before the command");
        s->callbacks = (struct ssh_channel_callbacks_struct){
            .userdata = s, .channel_exit_status_function = exit_status, .channel_exit_signal_function = exit_signal};
        ssh_callbacks_init(&s->callbacks);
        ssh_set_channel_callbacks(s->channel, &s->callbacks);
    }
    int status = ssh_channel_open_session(s->channel);
    if (status == SSH_AGAIN) return STEP_AGAIN;
    if (status != SSH_OK) return lost(s, "before the command");
    s->command_step = COMMAND_EXEC;
    return STEP_ON;
}

static enum step start(struct session *s) {
    int status = ssh_channel_request_exec(s->channel, s->job->command);
    if (status == SSH_AGAIN) return STEP_AGAIN;
    if (status != SSH_OK) {
        if (!ssh_is_connected(s->ssh)) return lost(s, "before the command");
        return session_end(s, REACH_FAILED, ERR_AUTH, "the server refuses to run commands: %s", session_complaint(s));
    }
    if (s->events->started) s->events->started(s->events->context, s->index);
    s->command_step = COMMAND_RUN;
    return STEP_ON;
}

/* As much of the input as the window takes. */
static bool feed(struct session *s) {
    const char *input = s->job->input ? s->job->input : "";
    size_t len = strlen(input), left = len - s->input_sent;
    if (s->input_sent > len) return true;
    uint32_t window = ssh_channel_window_size(s->channel), chunk = left < window ? (uint32_t)left : window;
    int n = chunk ? ssh_channel_write(s->channel, input + s->input_sent, chunk) : 0;
    if (n < 0 && n != SSH_AGAIN) return false;
    if (n > 0) s->input_sent += (size_t)n;
    if (s->input_sent == len) {
        ssh_channel_send_eof(s->channel);
        s->input_sent = len + 1;
    }
    return true;
}

static bool too_much(const struct session *s) {
    return s->job->output_max && s->output_bytes > s->job->output_max;
}

/* Everything that has arrived. False when the connection is gone. */
static bool listen_to(struct session *s, bool is_stderr) {
    char data[16384];
    while (!too_much(s)) {
        int n = ssh_channel_read_nonblocking(s->channel, data, sizeof data, is_stderr);
        if (n == 0 || n == SSH_AGAIN || n == SSH_EOF) return true;
        if (n < 0) return false;
        if (!is_stderr) s->output_bytes += (size_t)n;
        if (s->events->output) s->events->output(s->events->context, s->index, is_stderr, data, (size_t)n);
    }
    return true;
}

static enum step finish(struct session *s) {
    s->result.exit_status = s->exit_status;
    if (s->signal[0]) return session_end(s, REACH_FAILED, ERR_IO, "the command ended by signal %s", s->signal);
    if (s->exit_status > 0)
        return session_end(s, REACH_FAILED, ERR_IO, "the command ended with status %d", s->exit_status);
    if (s->exit_status < 0) return lost(s, "without a status of the command");
    s->result.end = REACH_DONE;
    s->phase = REACH_OVER;
    return STEP_ENDED;
}

static enum step run(struct session *s) {
    bool alive = feed(s);
    alive = listen_to(s, false) && alive;
    alive = listen_to(s, true) && alive;
    if (too_much(s))
        return session_end(s, REACH_FAILED, ERR_LIMIT, "the command wrote over %zu bytes", s->job->output_max);
    /* libssh's reading takes no more packets after the end of the output; the status may come behind it. */
    if (ssh_channel_is_eof(s->channel) && s->exit_status < 0) ssh_channel_get_exit_status(s->channel);
    bool over =
        ssh_channel_is_closed(s->channel) || (ssh_channel_is_eof(s->channel) && (s->exit_status >= 0 || s->signal[0]));
    if (over) return finish(s);
    if (!alive || !ssh_is_connected(s->ssh)) return lost(s, "before the command had ended");
    return STEP_AGAIN;
}

enum step command_step(struct session *s) {
    enum step step = STEP_ON;
    while (step == STEP_ON) {
        if (s->command_step == COMMAND_OPEN)
            step = open_channel(s);
        else
            step = s->command_step == COMMAND_EXEC ? start(s) : run(s);
    }
    return step;
}
