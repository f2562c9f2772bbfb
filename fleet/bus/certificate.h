/* X.509 certificates as far as messages need them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define CERTIFICATE_NAME_MAX 256
struct certificate {
    char subject[CERTIFICATE_NAME_MAX], issuer[CERTIFICATE_NAME_MAX]; /* RFC 2253, as Kafka names principals */
    char from[32], until[32];                                         /* dates */
    char names[CERTIFICATE_NAME_MAX];                                 /* DNS names and addresses, ", " between them */
    bool expired, not_yet;
};
/* False when it is none. */
bool certificate_read_der(const void *data, size_t len, struct certificate *ret);
/* The first one of a PEM file. */
bool certificate_read_file(const char *path, struct certificate *ret);
/* What is wrong, by OpenSSL's code of a verification. */
enum certificate_fault {
    CERTIFICATE_EXPIRED,
    CERTIFICATE_NOT_YET,
    CERTIFICATE_UNTRUSTED,
    CERTIFICATE_OTHER_NAME,
    CERTIFICATE_OTHER,
};
enum certificate_fault certificate_fault(int x509_error);
const char *certificate_fault_text(int x509_error); /* OpenSSL's own words */
