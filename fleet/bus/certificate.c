#include "fleet/bus/certificate.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void copy_name(const X509_NAME *name, char out[CERTIFICATE_NAME_MAX]) {
    BIO *text = BIO_new(BIO_s_mem());
    out[0] = 0;
    if (!text) return;
    if (X509_NAME_print_ex(text, name, 0, XN_FLAG_RFC2253) >= 0) {
        int n = BIO_read(text, out, CERTIFICATE_NAME_MAX - 1);
        out[n > 0 ? n : 0] = 0;
    }
    BIO_free(text);
}

static void copy_date(const ASN1_TIME *time, char out[32]) {
    struct tm parts;
    snprintf(out, 32, "?");
    if (ASN1_TIME_to_tm(time, &parts) == 1) strftime(out, 32, "%Y-%m-%d %H:%M UTC", &parts);
}

static void add_name(char out[CERTIFICATE_NAME_MAX], const char *name, size_t len) {
    size_t at = strlen(out);
    if (at + len + 3 > CERTIFICATE_NAME_MAX) return;
    snprintf(out + at, CERTIFICATE_NAME_MAX - at, "%s%.*s", at ? ", " : "", (int)len, name);
}

static void copy_alternatives(const X509 *x509, char out[CERTIFICATE_NAME_MAX]) {
    GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    out[0] = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        char address[INET6_ADDRSTRLEN];
        if (name->type == GEN_DNS) {
            const ASN1_STRING *text = name->d.dNSName;
            add_name(out, (const char *)ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
        } else if (name->type == GEN_IPADD) {
            const ASN1_STRING *bytes = name->d.iPAddress;
            int family = ASN1_STRING_length(bytes) == 4 ? AF_INET : AF_INET6;
            if (inet_ntop(family, ASN1_STRING_get0_data(bytes), address, sizeof address))
                add_name(out, address, strlen(address));
        }
    }
    GENERAL_NAMES_free(names);
}

static bool read_x509(X509 *x509, struct certificate *ret) {
    memset(ret, 0, sizeof *ret);
    if (!x509) return false;
    copy_name(X509_get_subject_name(x509), ret->subject);
    copy_name(X509_get_issuer_name(x509), ret->issuer);
    copy_date(X509_get0_notBefore(x509), ret->from);
    copy_date(X509_get0_notAfter(x509), ret->until);
    copy_alternatives(x509, ret->names);
    ret->expired = X509_cmp_current_time(X509_get0_notAfter(x509)) < 0;
    ret->not_yet = X509_cmp_current_time(X509_get0_notBefore(x509)) > 0;
    X509_free(x509);
    return true;
}

bool certificate_read_der(const void *data, size_t len, struct certificate *ret) {
    const unsigned char *at = data;
    return read_x509(d2i_X509(NULL, &at, (long)len), ret);
}

bool certificate_read_file(const char *path, struct certificate *ret) {
    BIO *file = BIO_new_file(path, "r");
    X509 *x509 = file ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
    BIO_free(file);
    return read_x509(x509, ret);
}

enum certificate_fault certificate_fault(int x509_error) {
    switch (x509_error) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return CERTIFICATE_EXPIRED;
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return CERTIFICATE_NOT_YET;
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
            return CERTIFICATE_UNTRUSTED;
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return CERTIFICATE_OTHER_NAME;
        default:
            return CERTIFICATE_OTHER;
    }
}

const char *certificate_fault_text(int x509_error) {
    return X509_verify_cert_error_string(x509_error);
}
