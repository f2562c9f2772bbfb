/* Keys, nothing else: the inventory's identity first, then the agent's and the configuration's. A key with a passphrase
 * is used by way of the agent. */
#include <stdlib.h>
#include <string.h>

#include "fleet/ssh/internal.h"

enum { AUTH_NONE, AUTH_LOAD, AUTH_OFFER, AUTH_SIGN, AUTH_AUTO };

static enum step denied(struct session *s, const char *why) {
    char peer[320], methods[120] = "";
    int offered = ssh_userauth_list(s->ssh, NULL);
    snprintf(methods, sizeof methods, "%s%s%s%s", offered & SSH_AUTH_METHOD_PUBLICKEY ? " publickey" : "",
             offered & SSH_AUTH_METHOD_PASSWORD ? " password" : "",
             offered & SSH_AUTH_METHOD_INTERACTIVE ? " keyboard-interactive" : "",
             offered & (SSH_AUTH_METHOD_HOSTBASED | SSH_AUTH_METHOD_GSSAPI_MIC) ? " others" : "");
    session_peer(s, peer);
    session_end(s, REACH_DENIED, ERR_AUTH, "%s accepts none of the keys%s%s%s%s", peer, why ? ": " : "", why ? why : "",
                methods[0] ? "; it would take:" : "", methods);
    error_hint(&s->result.err, "`ssh-copy-id -p %u %s@%s` installs yours there; `ssh-add -l` lists the agent's",
               s->port, s->user, s->host);
    return STEP_ENDED;
}

static enum step ended(struct session *s) {
    const char *why = session_complaint(s);
    char peer[320];
    if (ssh_is_connected(s->ssh)) return denied(s, NULL);
    session_peer(s, peer);
    session_end(s, REACH_DENIED, ERR_AUTH, "%s closed the connection during authentication%s%s", peer, *why ? ": " : "",
                why);
    error_hint(&s->result.err,
               "an agent with many keys uses up the server's MaxAuthTries: give the host's own key as "
               "ansible_ssh_private_key_file");
    return STEP_ENDED;
}

/* The inventory's key. Its absence is the operator's slip, not a reason to try others. */
static enum step load(struct session *s) {
    const char *path = s->job->host.identity;
    CLEANUP_FREE char *expanded = NULL;
    const char *home = getenv("HOME");
    s->auth_step = AUTH_AUTO;
    if (!path) return STEP_ON;
    if (path[0] == '~' && path[1] == '/' && home) path = expanded = xasprintf("%s%s", home, path + 1);
    int status = ssh_pki_import_privkey_file(path, NULL, NULL, NULL, &s->key);
    if (status == SSH_OK) {
        s->auth_step = AUTH_OFFER;
        return STEP_ON;
    }
    if (status == SSH_EOF) {
        session_end(s, REACH_SETTINGS, ERR_NOT_FOUND, "the key %.300s is not there, or cannot be read", path);
        error_hint(&s->result.err, "the inventory names it as ansible_ssh_private_key_file");
        return STEP_ENDED;
    }
    return STEP_ON; /* a passphrase: the agent may have it */
}

/* One call of libssh; STEP_ON with auth_step advanced, or with *ret_done set when the host let us in. */
static enum step try_one(struct session *s, bool *ret_done) {
    int status = SSH_AUTH_ERROR, next = AUTH_AUTO;
    switch (s->auth_step) {
        case AUTH_NONE: /* tells which methods there are */
            status = ssh_userauth_none(s->ssh, NULL);
            next = AUTH_LOAD;
            break;
        case AUTH_LOAD:
            return load(s);
        case AUTH_OFFER:
            status = ssh_userauth_try_publickey(s->ssh, NULL, s->key);
            break;
        case AUTH_SIGN:
            status = ssh_userauth_publickey(s->ssh, NULL, s->key);
            break;
        default:
            status = ssh_userauth_publickey_auto(s->ssh, NULL, NULL);
    }
    if (status == SSH_AUTH_AGAIN) return STEP_AGAIN;
    if (status == SSH_AUTH_SUCCESS && s->auth_step == AUTH_OFFER) return s->auth_step = AUTH_SIGN, STEP_ON;
    if (status == SSH_AUTH_SUCCESS) return *ret_done = true, STEP_ON;
    if (status == SSH_AUTH_PARTIAL) return denied(s, "it wants a second factor");
    if (!ssh_is_connected(s->ssh) || (status == SSH_AUTH_ERROR && s->auth_step == AUTH_NONE)) return ended(s);
    if (s->auth_step == AUTH_AUTO) return denied(s, NULL);
    s->auth_step = next;
    return STEP_ON;
}

enum step auth_step(struct session *s) {
    bool done = false;
    enum step step = STEP_ON;
    while (step == STEP_ON && !done) step = try_one(s, &done);
    return step;
}
