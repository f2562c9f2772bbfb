/* What the OpenSSH configuration and the inventory say of a host. libssh reads ~/.ssh/config and /etc/ssh/ssh_config;
 * what the inventory says is set over it. Strictness is not theirs to choose: `StrictHostKeyChecking no` would make
 * libssh accept unknown hosts. */
#include <string.h>

#include "fleet/ssh/internal.h"

/* Addresses, accounts and jumps become words of a shell's command line for proxies. */
static bool plain(const char *text, const char *more) {
    if (!text) return true;
    if (!*text || *text == '-' || strlen(text) > 1000) return false;
    for (const char *c = text; *c; c++) {
        bool word = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        if (!word && !strchr(more, *c)) return false;
    }
    return true;
}

static enum step refuse(struct session *s, const char *what, const char *value) {
    return session_end(s, REACH_SETTINGS, ERR_INVALID, "%s `%.200s` has characters that none has", what, value);
}

static enum step check_host(struct session *s) {
    const struct reach_host *h = &s->job->host;
    const char *address = h->address ? h->address : h->name;
    if (h->refused) return session_end(s, REACH_SETTINGS, ERR_INVALID, "%s", h->refused);
    if (!plain(address, "._:%-")) return refuse(s, "the address", address);
    if (!plain(h->user, "._@$\\-")) return refuse(s, "the user", h->user);
    if (!plain(h->proxy_jump, "._@:,[]%-")) return refuse(s, "the proxy jump", h->proxy_jump);
    if (h->port < 0 || h->port > 65535)
        return session_end(s, REACH_SETTINGS, ERR_INVALID, "there is no port %d", h->port);
    return STEP_ON;
}

/* libssh's spelling: the last jump carries the connection, those before it go to ssh's own -J. */
static char *jump_command(const char *jump) {
    const char *comma = strrchr(jump, ','), *last = comma ? comma + 1 : jump;
    CLEANUP_FREE char *before = comma ? xstrndup(jump, (size_t)(comma - jump)) : NULL;
    CLEANUP_FREE char *target = xstrdup(last);
    char *colon = strrchr(target, ':');
    bool port = colon && !strchr(colon, ']') && colon[1] && colon[1 + strspn(colon + 1, "0123456789")] == 0;
    if (port) *colon++ = 0;
    return xasprintf("ssh -o BatchMode=yes%s%s%s%s -W '[%%h]:%%p' -- '%s'", before ? " -J " : "", before ? before : "",
                     port ? " -p " : "", port ? colon : "", target);
}

/* %h, %p, %r, %n and %% of a proxy command. */
static char *expand(const struct session *s, const char *command) {
    struct buf out = BUF_INIT;
    for (const char *c = command; *c; c++) {
        if (*c != '%' || !c[1]) {
            buf_putc(&out, *c);
            continue;
        }
        switch (*++c) {
            case 'h':
                buf_puts(&out, s->host);
                break;
            case 'p':
                buf_printf(&out, "%u", s->port);
                break;
            case 'r':
                buf_puts(&out, s->user);
                break;
            case 'n':
                buf_puts(&out, s->job->host.name);
                break;
            default: /* %% among them; what is unknown is left to the program */
                if (*c != '%') buf_putc(&out, '%');
                buf_putc(&out, *c);
        }
    }
    return buf_take(&out);
}

static int set_all(struct session *s, const char *name) {
    static const int strict = 1;
    const struct reach_host *h = &s->job->host;
    int failed = ssh_options_set(s->ssh, SSH_OPTIONS_HOST, name) < 0;
    failed |= ssh_options_parse_config(s->ssh, NULL) < 0;
    failed |= ssh_options_set(s->ssh, SSH_OPTIONS_STRICTHOSTKEYCHECK, &strict) < 0;
    unsigned port = (unsigned)h->port;
    if (port) failed |= ssh_options_set(s->ssh, SSH_OPTIONS_PORT, &port) < 0;
    if (h->user) failed |= ssh_options_set(s->ssh, SSH_OPTIONS_USER, h->user) < 0;
    if (h->known_hosts) failed |= ssh_options_set(s->ssh, SSH_OPTIONS_KNOWNHOSTS, h->known_hosts) < 0;
    if (h->global_known_hosts)
        failed |= ssh_options_set(s->ssh, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, h->global_known_hosts) < 0;
    return failed ? -1 : 0;
}

static void read_back(struct session *s) {
    s->host = session_option(s, SSH_OPTIONS_HOST);
    CLEANUP_FREE char *user = session_option(s, SSH_OPTIONS_USER);
    if (!user) ssh_options_set(s->ssh, SSH_OPTIONS_USER, NULL); /* who we are here */
    s->user = session_option(s, SSH_OPTIONS_USER);
    ssh_options_get_port(s->ssh, &s->port);
}

static void choose_proxy(struct session *s) {
    const struct reach_host *h = &s->job->host;
    CLEANUP_FREE char *configured = session_option(s, SSH_OPTIONS_PROXYCOMMAND);
    CLEANUP_FREE char *jump = h->proxy_jump ? jump_command(h->proxy_jump) : NULL;
    const char *command = jump ? jump : h->proxy_command ? h->proxy_command : configured;
    if (command && strcmp(command, "none") != 0) s->proxy = expand(s, command);
    /* The connection is made by us: libssh must not make another. */
    ssh_options_set(s->ssh, SSH_OPTIONS_PROXYCOMMAND, "none");
}

enum step settings_read(struct session *s) {
    const struct reach_host *h = &s->job->host;
    if (check_host(s) != STEP_ON) return STEP_ENDED;
    s->ssh = ssh_new();
    if (!s->ssh) return session_end(s, REACH_SETTINGS, ERR_NOMEM, "no memory for a session");
    if (set_all(s, h->address ? h->address : h->name) != 0) {
        session_end(s, REACH_SETTINGS, ERR_INVALID, "the OpenSSH configuration cannot be used for this host: %s",
                    session_complaint(s));
        error_hint(&s->result.err, "`ssh -G %s` shows what OpenSSH makes of it", h->name);
        return STEP_ENDED;
    }
    read_back(s);
    if (!s->host || !s->user || !plain(s->host, "._:%-") || !plain(s->user, "._@$\\-"))
        return session_end(s, REACH_SETTINGS, ERR_INVALID,
                           "the OpenSSH configuration gives a host or user that cannot be used");
    choose_proxy(s);
    ssh_set_blocking(s->ssh, 0);
    return STEP_ON;
}
