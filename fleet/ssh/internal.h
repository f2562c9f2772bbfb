/* One host's session and the steps it takes. */
#pragma once
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <netdb.h>
#include <poll.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/process.h"
#include "fleet/ssh/reach.h"

struct dial;
struct copy;

enum step { STEP_AGAIN, STEP_ON, STEP_ENDED }; /* wait for an event; the next step at once; the result is set */

struct session {
    const struct reach_job *job;
    const struct reach_events *events;
    const struct reach_limits *limits;
    size_t index;
    enum reach_phase phase;
    int64_t begin_ms, deadline_ms; /* CLOCK_MONOTONIC; INT64_MAX: none */
    struct reach_result result;
    char *host, *user, *proxy; /* what the configuration made of them */
    unsigned port;
    struct dial *dial;
    ssh_session ssh;
    int auth_step;
    ssh_key key;
    ssh_channel channel;
    struct ssh_channel_callbacks_struct callbacks;
    int command_step;
    size_t input_sent, output_bytes;
    int exit_status; /* -1 until known */
    char signal[32];
    struct copy *copy;
};

/* Ends the session with this result; the caller adds a hint to s->result.err. Returns STEP_ENDED. */
enum step session_end(struct session *s, enum reach_end end, enum error_code code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* "USER@HOST:PORT" as a message names the peer, into a text of 320 bytes. */
void session_peer(const struct session *s, char out[320]);
/* libssh's last complaint in one line, fit for a terminal; "" when there is none. Overwritten by the next call. */
const char *session_complaint(const struct session *s);

/* What libssh has under that option, NULL when nothing; the caller frees. */
char *session_option(const struct session *s, enum ssh_options_e option);

/* The configuration's words on the host, into the session. */
enum step settings_read(struct session *s);
/* Connection: begins, goes on, gives the descriptor to libssh. */
enum step dial_begin(struct session *s);
enum step dial_step(struct session *s);
int dial_poll(const struct session *s, struct pollfd *ret); /* what to wait for; 0 when only time helps */
const char *dial_state(const struct session *s); /* for a time-out's message; "" when there is nothing to add */
void dial_free(struct dial *d);
/* Is the host's key the one in known_hosts? */
enum step hostkey_check(struct session *s);
enum step auth_step(struct session *s);
enum step command_step(struct session *s);
/* The copy runs in a thread of its own: libssh's SFTP blocks. */
enum step copy_step(struct session *s);
int copy_poll(const struct session *s, struct pollfd *ret);
void copy_free(struct session *s);
