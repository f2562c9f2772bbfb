/* TLS of the API: the certificate that it shows, and the names it has there. */
#pragma once
#include "common/cleanup.h"
#include "common/error.h"
#include "fleet/bus/certificate.h"

struct api_tls {
    char *certificate, *key; /* PEM */
    struct certificate info;
};
/* Both files, or neither: then *ret is NULL. ERR_USAGE: one of the two; ERR_AUTH: others can read the key; ERR_INVALID:
 * no certificate, over, or without a name; ERR_UNSUPPORTED: libmicrohttpd was built without TLS. */
int api_tls_read(const char *certificate_file, const char *key_file, struct api_tls **ret, struct error *err);
void api_tls_free(struct api_tls *tls); /* accepts NULL */
DEFINE_CLEANUP(cleanup_api_tls, struct api_tls *, api_tls_free)
/* Is the Host header, with or without a port, a name of the certificate? */
bool api_tls_has_name(const struct api_tls *tls, const char *host);
/* The name by which programs of this machine reach the API: a loopback one if the certificate has one, else its first.
 * The caller frees. */
char *api_tls_name(const struct api_tls *tls);
