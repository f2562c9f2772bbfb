/* Many hosts at once over SSH: one poll loop connects, checks host keys, authenticates and runs a command on each, or
 * copies a file to it. Wraps libssh; no type of it leaves this folder.
 *
 * The user's OpenSSH configuration holds as far as libssh reads it (docs/fleet.md has the list); what a host is given
 * here goes before it. Host keys must be in known_hosts: there is no way to accept one here. Keys and the agent are the
 * only ways in: nothing asks for a password or a passphrase, nothing takes one. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

/* How one host is reached. NULL and 0 leave it to the configuration. Texts are the caller's until reach_run() returns.
 */
struct reach_host {
    const char *name;          /* as the user calls it: found in the configuration, named in messages */
    const char *address;       /* name or address to connect to; NULL: `name` */
    const char *user;          /* remote account */
    const char *identity;      /* private key file that is tried first */
    const char *proxy_jump;    /* [user@]host[:port][,...] */
    const char *proxy_command; /* shell command whose input and output are the connection */
    const char *known_hosts;   /* file with the keys of hosts, in place of the user's */
    const char *global_known_hosts;
    int port;
    const char *refused; /* why it is not contacted at all; NULL: it is */
};

/* What to do there: run `command` with `input` (may be NULL) on its standard input; or, if `local` is set, copy. */
struct reach_job {
    struct reach_host host;
    const char *command, *input;
    size_t output_max;  /* of the command's standard output: more is REACH_FAILED; 0: as much as comes */
    const char *local;  /* a regular file */
    const char *remote; /* a path; one that is a folder there gets the file in it */
    unsigned mode;      /* of the copy, as in chmod(2) */
};

struct reach_limits {
    size_t parallel;      /* hosts at a time, 1 to REACH_MAX_PARALLEL */
    int64_t connect_ms;   /* name, TCP or proxy */
    int64_t handshake_ms; /* banner, key exchange and the host's key */
    int64_t auth_ms;
    int64_t command_ms; /* a command, from its start to its end (0: as long as it takes); of a copy: without progress */
};
#define REACH_MAX_PARALLEL 512
#define REACH_LIMITS_DEFAULT \
    { .parallel = 64, .connect_ms = 5000, .handshake_ms = 8000, .auth_ms = 8000, .command_ms = 0 }

enum reach_phase { REACH_WAITING, REACH_CONNECT, REACH_HANDSHAKE, REACH_AUTH, REACH_COMMAND, REACH_OVER };

/* How it ended. Names for JSON and tables: reach_end_name(). */
enum reach_end {
    REACH_DONE,        /* the command ended with status 0, the copy is in place */
    REACH_FAILED,      /* the command ended otherwise, the copy was refused */
    REACH_SETTINGS,    /* a configuration or a value that cannot be used; nothing was contacted */
    REACH_UNREACHABLE, /* no connection */
    REACH_NOT_SSH,     /* something answered, and no SSH came about */
    REACH_UNKNOWN_KEY, /* the host's key is not in known_hosts */
    REACH_CHANGED_KEY, /* another one is, or it is revoked */
    REACH_DENIED,      /* no key was accepted */
    REACH_TIMEOUT,     /* the phase took longer than its limit */
    REACH_LOST,        /* the connection ended in the middle of a command or copy */
};

struct reach_result {
    enum reach_end end;
    enum reach_phase phase; /* in which it ended; REACH_OVER when done */
    struct error err;       /* why; a "hint:" line with the command that mends it may follow */
    int exit_status;        /* of the command; -1 when it has none */
    int64_t ready_ms;       /* from the begin until authenticated, 0 when that never was */
    int64_t total_ms;
};

/* Called from reach_run(), in its thread; `i` is the job's place. Each but `ended` may be NULL. */
struct reach_events {
    void *context;
    void (*started)(void *context, size_t i); /* the command is about to run */
    void (*output)(void *context, size_t i, bool is_stderr, const char *data, size_t len);
    void (*copied)(void *context, size_t i, uint64_t bytes, uint64_t total_bytes); /* several times a second */
    void (*ended)(void *context, size_t i, const struct reach_result *result);     /* once for each */
    void (*tick)(void *context); /* a few times a second, whatever happens */
};

/* Does all jobs. ERR_USAGE for limits out of range, ERR_LIMIT without descriptors; what goes wrong with a host is in
 * its result only. Not thread-safe: one at a time in a process. */
int reach_run(const struct reach_job *jobs, size_t n, const struct reach_limits *limits,
              const struct reach_events *events, struct error *err);

const char *reach_end_name(enum reach_end end);       /* "changed-key" */
const char *reach_phase_name(enum reach_phase phase); /* "handshake" */
