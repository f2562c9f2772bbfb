#include "fleet/bus/security.h"

#include <stdlib.h>
#include <string.h>

#include "common/secrets.h"
#include "fleet/bus/acls.h"
#include "fleet/bus/certificate.h"

#define SECRET_FILE_LIMIT 65536
#define LIBRDKAFKA_SCRAM_MENDED 0x020601ff

const char *bus_property(const struct bus *bus, const char *key) {
    const char *value = NULL; /* librdkafka takes the last one */
    for (size_t i = 0; i < bus->property_count; i++)
        if (!strcmp(bus->keys[i], key)) value = bus->values[i];
    return value;
}

static const char *property_or(const struct bus *bus, const char *key, const char *otherwise) {
    const char *value = bus_property(bus, key);
    return value ? value : otherwise;
}

static bool protocol_has(const struct bus *bus, const char *word) {
    const char *protocol = property_or(bus, "security.protocol", "plaintext");
    for (const char *at = protocol; *at; at++)
        if (!strncasecmp(at, word, strlen(word))) return true;
    return false;
}

static const char *mechanism(const struct bus *bus) {
    return property_or(bus, "sasl.mechanism", property_or(bus, "sasl.mechanisms", "GSSAPI"));
}

/* --- at the start ----------------------------------------------------------------------------- */
static int resolve(struct bus *bus, size_t i, struct error *err) {
    char property[64];
    if (secret_property(bus->keys[i])) secret_declare(bus->values[i]);
    if (!secret_property_file(bus->keys[i], property, sizeof property)) return 0;
    char *secret = secret_read(bus->values[i], SECRET_FILE_LIMIT, err);
    if (!secret) return error_wrap(err, "kafka property %s", bus->keys[i]);
    free(bus->values[i]);
    bus->values[i] = secret;
    bus->keys[i][strlen(property)] = 0;
    return 0;
}

/* As the broker derives it by default; its ssl.principal.mapping.rules may change a certificate's. */
static void find_principal(struct bus *bus) {
    struct certificate own;
    const char *file = bus_property(bus, "ssl.certificate.location"), *user = bus_property(bus, "sasl.username");
    const char *name = "ANONYMOUS";
    if (protocol_has(bus, "sasl"))
        name = user ? user : property_or(bus, "sasl.kerberos.principal", "<of the SASL token>");
    else if (protocol_has(bus, "ssl") && file)
        name = certificate_read_file(file, &own) ? own.subject : "<of the client certificate>";
    snprintf(bus->principal, sizeof bus->principal, "User:%s", name);
}

int bus_security_init(struct bus *bus, struct error *err) {
    static const char *const keys_of_ours[] = {"ssl.key.location", "ssl.keystore.location"};
    for (size_t i = 0; i < bus->property_count; i++)
        if (resolve(bus, i, err) != 0) return -1;
    for (size_t i = 0; i < sizeof keys_of_ours / sizeof *keys_of_ours; i++) {
        const char *path = bus_property(bus, keys_of_ours[i]);
        if (path && secret_check_file(path, err) != 0) return error_wrap(err, "kafka property %s", keys_of_ours[i]);
    }
    find_principal(bus);
    return 0;
}

/* --- why a broker does not let us in ---------------------------------------------------------- */
static void set_trouble(struct bus *bus, const struct error *err) {
    pthread_mutex_lock(&bus->lock);
    snprintf(bus->trouble, sizeof bus->trouble, "%s", err->text);
    pthread_mutex_unlock(&bus->lock);
}

static void explain_certificate(struct bus *bus, const char *broker, int x509_error, int depth,
                                const struct certificate *c, struct error *err) {
    const char *whose = depth > 0 ? "of the authority behind broker" : "of broker";
    const char *ca = property_or(bus, "ssl.ca.location", "the system's store (ssl.ca.location is not set)");
    switch (certificate_fault(x509_error)) {
        case CERTIFICATE_EXPIRED:
            error_set(err, ERR_AUTH, "the certificate %s %s (%s) expired on %s", whose, broker, c->subject, c->until);
            error_hint(err, "who runs the broker must renew it; or is this machine's clock wrong?");
            return;
        case CERTIFICATE_NOT_YET:
            error_set(err, ERR_AUTH, "the certificate %s %s (%s) is not valid before %s", whose, broker, c->subject,
                      c->from);
            error_hint(err, "is this machine's clock wrong?");
            return;
        case CERTIFICATE_UNTRUSTED:
            error_set(err, ERR_AUTH, "the certificate of broker %s was issued by `%s`, which %s does not vouch for",
                      broker, c->issuer, ca);
            error_hint(err, "kafka: {ssl.ca.location: FILE} must name the certificate of that authority");
            return;
        case CERTIFICATE_OTHER_NAME:
            error_set(err, ERR_AUTH, "the certificate of broker %s is for other names: %s", broker,
                      *c->names ? c->names : c->subject);
            error_hint(err,
                       "reach the broker by one of these (bootstrap address and its advertised.listeners), or have a "
                       "certificate made that has this name");
            return;
        case CERTIFICATE_OTHER:
            break;
    }
    error_set(err, ERR_AUTH, "the certificate %s %s (%s) is refused: %s", whose, broker, c->subject,
              certificate_fault_text(x509_error));
    error_hint(err, "kafka: ssl.ca.location, ssl.crl.location and the broker's certificate must fit together");
}

/* On a thread of librdkafka. Says what OpenSSL has found, and changes nothing of it. */
static int on_certificate(rd_kafka_t *client, const char *broker, int32_t id, int *x509_error, int depth,
                          const char *der, size_t len, char *reason, size_t reason_size, void *opaque) {
    struct bus *bus = *(struct bus **)opaque;
    struct certificate certificate;
    struct error err = ERROR_INIT;
    (void)client, (void)id;
    if (*x509_error == 0) return 1;
    certificate_read_der(der, len, &certificate);
    explain_certificate(bus, broker, *x509_error, depth, &certificate, &err);
    set_trouble(bus, &err);
    snprintf(reason, reason_size, "%s", err.text);
    return 0;
}

void bus_security_conf(const struct bus *bus, rd_kafka_conf_t *conf) {
    bool verifies = strcasecmp(property_or(bus, "enable.ssl.certificate.verification", "true"), "false") != 0;
    if (verifies && protocol_has(bus, "ssl")) rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate);
}

/* "ssl://host:port/bootstrap: text" -> "host:port" */
static void broker_of(const char *reason, char out[128]) {
    const char *start = strstr(reason, "://");
    start = start ? start + 3 : reason;
    snprintf(out, 128, "%.*s", (int)strcspn(start, "/ "), start);
    size_t len = strlen(out);
    if (len && out[len - 1] == ':') out[len - 1] = 0;
}

static void explain_alert(const struct bus *bus, const char *broker, const char *reason, struct error *err) {
    struct certificate own;
    const char *file = bus_property(bus, "ssl.certificate.location");
    if (!strstr(reason, "certificate") && !strstr(reason, "unknown ca")) {
        error_set(err, ERR_AUTH, "broker %s ends the TLS handshake: %s", broker, reason);
        error_hint(err,
                   "the broker's log says why; kafka: {security.protocol, ssl.cipher.suites} must suit its listener");
    } else if (!file && !bus_property(bus, "ssl.keystore.location") && !bus_property(bus, "ssl.certificate.pem")) {
        error_set(err, ERR_AUTH, "broker %s wants a client certificate, and none is configured", broker);
        error_hint(err, "kafka: {ssl.certificate.location: FILE, ssl.key.location: FILE}, or a listener for passwords");
    } else if (file && certificate_read_file(file, &own) && (own.expired || own.not_yet)) {
        error_set(err, ERR_AUTH, "our certificate %s (%s) %s %s: broker %s refuses it", file, own.subject,
                  own.expired ? "expired on" : "is not valid before", own.expired ? own.until : own.from, broker);
        error_hint(err, "have a new one made and name it in kafka: {ssl.certificate.location: FILE}");
    } else {
        error_set(err, ERR_AUTH, "broker %s refuses our certificate %s%s%s%s", broker, file ? file : "",
                  file ? " (issued by `" : "", file ? own.issuer : "", file ? "`)" : "");
        error_hint(err, "the broker trusts other authorities, or it was revoked: the broker's log says why");
    }
}

static void explain_sasl(const struct bus *bus, const char *broker, const char *reason, struct error *err) {
    const char *offered = strstr(reason, "supported mechanisms: "), *user = bus_property(bus, "sasl.username");
    if (offered) {
        offered += strlen("supported mechanisms: ");
        error_set(err, ERR_AUTH, "broker %s does not know the SASL mechanism %s; it has: %.*s", broker, mechanism(bus),
                  (int)strcspn(offered, "("), offered);
        error_hint(err, "kafka: {sasl.mechanism: NAME}");
        return;
    }
    const char *text = strstr(reason, "SASL");
    error_set(err, ERR_AUTH,
              "broker %s does not let in user `%s` (%s): the user is unknown to it, or the password wrong (%.*s)",
              broker, user ? user : "", mechanism(bus), text ? (int)strcspn(text, "(") : 0, text ? text : "");
    error_hint(err, "kafka: {sasl.username: NAME, sasl.password: {file: PATH}}");
    /* Its client-final-message repeats the nonce, which Kafka takes for a wrong password since 4.0. */
    if (!strncasecmp(mechanism(bus), "SCRAM", 5) && rd_kafka_version() < LIBRDKAFKA_SCRAM_MENDED)
        error_hint(err,
                   "librdkafka %s cannot do SCRAM with Apache Kafka 4 (its issue 4895, mended in 2.6.1): use "
                   "sasl.mechanism PLAIN over TLS, or client certificates",
                   rd_kafka_version_str());
}

bool bus_security_explain(struct bus *bus, rd_kafka_resp_err_t code, const char *reason) {
    struct error err = ERROR_INIT;
    char broker[128];
    broker_of(reason, broker);
    if (strstr(reason, "certificate verify failed")) return true; /* on_certificate() has said why */
    if (strstr(reason, "SSL alert number"))
        explain_alert(bus, broker, reason, &err);
    else if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED)
        explain_sasl(bus, broker, reason, &err);
    if (!err.code) return false;
    set_trouble(bus, &err);
    return true;
}

void bus_security_clear(struct bus *bus) {
    pthread_mutex_lock(&bus->lock);
    bus->trouble[0] = 0;
    bus->all_down = false;
    pthread_mutex_unlock(&bus->lock);
}

bool bus_security_refused(struct bus *bus, struct error *err) {
    pthread_mutex_lock(&bus->lock);
    bool refused = *bus->trouble && bus->all_down;
    if (refused) error_set(err, ERR_AUTH, "%s", bus->trouble);
    pthread_mutex_unlock(&bus->lock);
    return refused;
}

/* --- what we may not do ----------------------------------------------------------------------- */
bool bus_is_denied(rd_kafka_resp_err_t code) {
    return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
}

int bus_denied(const struct bus *bus, struct error *err, const char *operation, const char *resource,
               const char *name) {
    bool cluster = !strcmp(resource, "cluster");
    char upper[32];
    acl_operation_upper(operation, upper);
    error_set(err, ERR_AUTH, "principal %s may not %s %s%s%s", bus->principal, upper, resource, cluster ? "" : " ",
              cluster ? "" : name);
    return error_hint(err,
                      "kafka-acls --bootstrap-server %s --command-config ADMIN.properties --add --allow-principal '%s' "
                      "--operation %s --%s%s%s",
                      bus->bootstrap, bus->principal, operation, resource, cluster ? "" : " ", cluster ? "" : name);
}

void bus_tell_denied(struct bus *bus, const char *topic, struct error *err) {
    bus_denied(bus, err, "Write", "topic", topic);
    bus_warn(bus, err->text);
}
