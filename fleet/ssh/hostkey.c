/* Strict host keys. A key is right when known_hosts has it for this host; everything else is refused, with both
 * fingerprints' source and the command that mends it. libssh passes over `@revoked` lines: they are looked at here. */
#include <stdlib.h>
#include <string.h>

#include "common/fileio.h"
#include "fleet/ssh/internal.h"

#define KNOWN_HOSTS_MAX_BYTES (16 << 20)

struct shown_key {
    char *type, *fingerprint, *base64;
};

static void shown_key_done(struct shown_key *k) {
    free(k->type);
    free(k->fingerprint);
    free(k->base64);
}

static int show_key(const struct session *s, struct shown_key *ret) {
    ssh_key key = NULL;
    unsigned char *hash = NULL;
    size_t len = 0;
    if (ssh_get_server_publickey(s->ssh, &key) != SSH_OK) return -1;
    const char *type = ssh_key_type_to_char(ssh_key_type(key));
    char *base64 = NULL, *fingerprint = NULL;
    ret->type = xstrdup(type ? type : "unknown");
    if (ssh_pki_export_pubkey_base64(key, &base64) == SSH_OK) ret->base64 = xstrdup(base64);
    if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len) == 0)
        fingerprint = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, len);
    ret->fingerprint = xstrdup(fingerprint ? fingerprint : "unknown");
    ssh_clean_pubkey_hash(&hash);
    ssh_string_free_char(fingerprint);
    ssh_string_free_char(base64);
    ssh_key_free(key);
    return ret->base64 ? 0 : -1;
}

/* A line "@revoked HOSTS TYPE KEY" with this key, whatever its hosts: a revoked key is nobody's. */
static bool revoked_in(const char *path, const char *base64) {
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *text = file_read(path, KNOWN_HOSTS_MAX_BYTES, NULL, &err);
    for (char *rest = text, *line; rest && (line = strsep(&rest, "\n")) != NULL;) {
        line += strspn(line, " \t");
        const char *at = strncmp(line, "@revoked", 8) == 0 ? strstr(line, base64) : NULL;
        size_t len = strlen(base64);
        if (at && (at[-1] == ' ' || at[-1] == '\t') && (!at[len] || strchr(" \t\r", at[len]))) return true;
    }
    return false;
}

/* How known_hosts spells the host. */
static char *spelled(const struct session *s) {
    return s->port == 22 ? xstrdup(s->host) : xasprintf("[%s]:%u", s->host, s->port);
}

/* The word for a key's type in names of files and for ssh-keyscan. */
static const char *short_type(const char *type) {
    return strstr(type, "ed25519") ? "ed25519" : strstr(type, "rsa") ? "rsa" : "ecdsa";
}

static enum step unknown(struct session *s, const struct shown_key *key, const char *file) {
    CLEANUP_FREE char *name = spelled(s);
    const char *type = short_type(key->type);
    session_end(s, REACH_UNKNOWN_KEY, ERR_AUTH, "the host's key is unknown: %s has none for %s (it shows %s %s)", file,
                name, key->type, key->fingerprint);
    error_hint(&s->result.err,
               "compare with `ssh-keygen -lf /etc/ssh/ssh_host_%s_key.pub` on the host's console; if it is the same:\n "
               " ssh-keyscan -p %u -t %s %s >> %s",
               type, s->port, type, s->host, file);
    return STEP_ENDED;
}

static enum step changed(struct session *s, const struct shown_key *key, const char *file, bool other_type) {
    CLEANUP_FREE char *name = spelled(s);
    session_end(s, REACH_CHANGED_KEY, ERR_AUTH, "the host's key has changed: %s has another%s for %s (it shows %s %s)",
                file, other_type ? " of another type" : "", name, key->type, key->fingerprint);
    error_hint(&s->result.err,
               "either the machine was installed anew, or something else answers in its place: ask who runs it. If the "
               "new key is right:\n  ssh-keygen -R '%s' -f %s && ssh-keyscan -p %u %s >> %s",
               name, file, s->port, s->host, file);
    return STEP_ENDED;
}

static enum step judge(struct session *s, const struct shown_key *key) {
    CLEANUP_FREE char *own = session_option(s, SSH_OPTIONS_KNOWNHOSTS),
                      *global = session_option(s, SSH_OPTIONS_GLOBAL_KNOWNHOSTS);
    const char *file = own ? own : "~/.ssh/known_hosts";
    if (revoked_in(file, key->base64) || revoked_in(global ? global : "/etc/ssh/ssh_known_hosts", key->base64)) {
        session_end(s, REACH_CHANGED_KEY, ERR_AUTH, "the host's key %s is marked @revoked in known_hosts",
                    key->fingerprint);
        error_hint(&s->result.err, "the host needs a new key: `ssh-keygen -A` there, after the old ones were removed");
        return STEP_ENDED;
    }
    switch (ssh_session_is_known_server(s->ssh)) {
        case SSH_KNOWN_HOSTS_OK:
            return STEP_ON;
        case SSH_KNOWN_HOSTS_CHANGED:
            return changed(s, key, file, false);
        case SSH_KNOWN_HOSTS_OTHER:
            return changed(s, key, file, true);
        case SSH_KNOWN_HOSTS_NOT_FOUND:
        case SSH_KNOWN_HOSTS_UNKNOWN:
            return unknown(s, key, file);
        case SSH_KNOWN_HOSTS_ERROR:
            break;
    }
    return session_end(s, REACH_UNKNOWN_KEY, ERR_IO, "%s cannot be read: %s", file, session_complaint(s));
}

enum step hostkey_check(struct session *s) {
    CLEANUP(shown_key_done) struct shown_key key = {0};
    if (show_key(s, &key) != 0)
        return session_end(s, REACH_NOT_SSH, ERR_NETWORK, "the host shows no key that can be read");
    return judge(s, &key);
}
