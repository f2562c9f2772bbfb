#include "coordinator/api/tls.h"

#include <microhttpd.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/fileio.h"
#include "common/secrets.h"

#define PEM_LIMIT (256 * 1024)

static int check(const char *file, const struct certificate *info, struct error *err) {
    if (info->expired) {
        error_set(err, ERR_INVALID, "%s: the certificate (%s) expired on %s", file, info->subject, info->until);
        return error_hint(err, "have a new one made, or is this machine's clock wrong?");
    }
    if (*info->names) return 0;
    error_set(err, ERR_INVALID, "%s: the certificate (%s) has no names", file, info->subject);
    return error_hint(err, "clients want a subjectAltName: -addext subjectAltName=DNS:NAME,IP:ADDRESS");
}

int api_tls_read(const char *certificate_file, const char *key_file, struct api_tls **ret, struct error *err) {
    *ret = NULL;
    if (!certificate_file && !key_file) return 0;
    if (!certificate_file || !key_file) return error_set(err, ERR_USAGE, "TLS needs both --tls-cert and --tls-key");
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        return error_set(err, ERR_UNSUPPORTED, "libmicrohttpd was built without TLS here");
    if (secret_check_file(key_file, err) != 0) return -1;
    CLEANUP(cleanup_api_tls) struct api_tls *tls = xcalloc(1, sizeof *tls);
    tls->certificate = file_read(certificate_file, PEM_LIMIT, NULL, err);
    tls->key = tls->certificate ? file_read(key_file, PEM_LIMIT, NULL, err) : NULL;
    if (!tls->key) return error_wrap(err, "TLS of the API");
    if (!certificate_read_file(certificate_file, &tls->info))
        return error_set(err, ERR_INVALID, "%s: not a certificate in PEM", certificate_file);
    if (check(certificate_file, &tls->info, err) != 0) return -1;
    *ret = TAKE(tls);
    return 0;
}

void api_tls_free(struct api_tls *tls) {
    if (!tls) return;
    if (tls->key) explicit_bzero(tls->key, strlen(tls->key));
    free(tls->certificate);
    free(tls->key);
    free(tls);
}

/* Names stand in the certificate as "a, b". */
static bool any_name(const struct api_tls *tls, const char *host, size_t len) {
    for (const char *at = tls->info.names; *at;) {
        size_t n = strcspn(at, ",");
        if (n == len && strncasecmp(at, host, len) == 0) return true;
        at += n + strspn(at + n, ", ");
    }
    return false;
}

bool api_tls_has_name(const struct api_tls *tls, const char *host) {
    bool v6 = *host == '[';
    const char *name = host + v6;
    size_t len = strcspn(name, v6 ? "]" : ":");
    const char *rest = name + len + (v6 && name[len]);
    if (*rest && (*rest != ':' || !rest[1] || rest[1 + strspn(rest + 1, "0123456789")])) return false;
    return len > 0 && any_name(tls, name, len);
}

char *api_tls_name(const struct api_tls *tls) {
    static const char *const near[] = {"127.0.0.1", "localhost", "::1"};
    for (size_t i = 0; i < sizeof near / sizeof *near; i++)
        if (any_name(tls, near[i], strlen(near[i]))) return xstrdup(near[i]);
    return xstrndup(tls->info.names, strcspn(tls->info.names, ","));
}
