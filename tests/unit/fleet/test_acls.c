/* The rights of the roles, and what keeps secrets out of configurations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/fileio.h"
#include "common/log.h"
#include "common/secrets.h"
#include "fleet/bus/acls.h"
#include "fleet/bus/certificate.h"
#include "tests/tools/under_tsan.h"

static bool has(const struct acl_list *list, const char *resource, const char *name, const char *operation) {
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->items[i].resource, resource) && !strcmp(list->items[i].name, name) &&
            !strcmp(list->items[i].operation, operation))
            return true;
    return false;
}

static void an_agent_reads_its_own_mailbox_and_writes_nothing_that_is_public(void **state) {
    (void)state;
    struct acl_list list = {0};
    struct error err = ERROR_INIT;
    assert_int_equal(acls_add(&list, "acme.", ACL_AGENT, "lab-7", NULL, &err), 0);
    assert_string_equal(list.items[0].principal, "User:lab-7");
    assert_true(has(&list, "topic", "acme.tasks.lab-7", "Read"));
    for (size_t i = 0; i < list.count; i++) {
        const struct acl *acl = &list.items[i];
        if (strcmp(acl->resource, "topic") != 0) continue;
        assert_false(acl->prefixed);
        assert_int_equal(strcmp(acl->operation, "Create") == 0, 0);
        if (strcmp(acl->operation, "Write") != 0) continue;
        const struct topic_spec *spec = topic_find(acl->name + strlen("acme."));
        assert_non_null(spec);
        assert_false(spec->is_public);
        assert_string_not_equal(spec->name, "desired");
    }
    acls_done(&list);
}

/* Whoever the table of topics calls a writer or a reader has the right, and nobody else of our programs. */
static void rights_and_the_table_of_topics_say_the_same(void **state) {
    (void)state;
    struct acl_list agent = {0}, coordinator = {0};
    struct error err = ERROR_INIT;
    size_t count;
    const struct topic_spec *specs = topic_table(&count);
    assert_int_equal(acls_add(&agent, "", ACL_AGENT, "n", NULL, &err), 0);
    assert_int_equal(acls_add(&coordinator, "", ACL_COORDINATOR, NULL, NULL, &err), 0);
    for (size_t i = 1; i < count; i++) { /* the first row stands for mailboxes */
        assert_int_equal(has(&agent, "topic", specs[i].name, "Write"), strstr(specs[i].writers, "agents") != NULL);
        assert_int_equal(has(&coordinator, "topic", specs[i].name, "Write"),
                         strstr(specs[i].writers, "coordinator") != NULL);
        if (!specs[i].is_public)
            assert_int_equal(has(&agent, "topic", specs[i].name, "Read"), strstr(specs[i].readers, "agents") != NULL);
    }
    acls_done(&agent);
    acls_done(&coordinator);
}

static void a_command_holds_all_operations_on_one_resource(void **state) {
    (void)state;
    struct acl_list list = {0};
    struct error err = ERROR_INIT;
    size_t used = 0;
    assert_int_equal(acls_add(&list, "portolan.", ACL_AGENT, "n", "User:CN=n,O=Acme", &err), 0);
    for (size_t i = 0; i < list.count; i += used) {
        CLEANUP_FREE char *command = acl_command(&list, i, "b:1", &used);
        if (strstr(list.items[i].name, "nodes"))
            assert_string_equal(command,
                                "kafka-acls --bootstrap-server b:1 --command-config ADMIN.properties --add "
                                "--allow-principal 'User:CN=n,O=Acme' --operation Read --operation Write "
                                "--topic 'portolan.nodes'");
    }
    acls_done(&list);
    assert_int_equal(acls_add(&list, "portolan.", ACL_AGENT, "n", "CN=n", &err), -1);
    assert_int_equal(acls_add(&list, "portolan.", ACL_AGENT, "n", "User:x' --topic '*", &err), -1);
    assert_int_equal(acls_add(&list, "portolan.", ACL_AGENT, "N!", NULL, &err), -1);
    acls_done(&list);
}

static int with_secret_file(void **state) {
    static char path[] = "/tmp/portolan-secret-XXXXXX";
    strcpy(path, "/tmp/portolan-secret-XXXXXX");
    int fd = mkstemp(path);
    if (fd < 0) return -1;
    close(fd);
    *state = path;
    return file_write_durable(path, "correct horse\nx\n", 16, 0600, NULL);
}
static int without_secret_file(void **state) {
    return unlink(*state);
}

static void a_secret_that_others_can_read_is_refused(void **state) {
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *secret = secret_read(*state, 100, &err);
    assert_string_equal(secret, "correct horse");
    static const unsigned modes[] = {0640, 0604, 0622, 0666};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        chmod(*state, modes[i]);
        assert_null(secret_read(*state, 100, &err));
        assert_int_equal(err.code, ERR_AUTH);
        assert_non_null(strstr(err.text, "chmod 600"));
    }
}

static void a_password_comes_from_a_file_and_never_shows(void **state) {
    if (UNDER_TSAN) skip();
    struct error err = ERROR_INIT;
    const char *keys[] = {"security.protocol", "sasl.mechanism", "sasl.username", "sasl.password.file"};
    const char *values[] = {"sasl_ssl", "PLAIN", "lab-7", *state};
    struct bus_config config = {.bootstrap = "127.0.0.1:1", .keys = keys, .values = values, .property_count = 4};
    struct bus *bus = bus_new(&config, &err);
    if (!bus) fail_msg("%s", err.text);
    assert_string_equal(bus_principal(bus), "User:lab-7");
    bus_free(bus);
    error_set(&err, ERR_AUTH, "the broker did not like `%s` at all", "correct horse");
    assert_string_equal(err.text, "the broker did not like `*************` at all");
    chmod(*state, 0644);
    assert_null(bus_new(&config, &err));
    assert_int_equal(err.code, ERR_AUTH);
    assert_non_null(strstr(err.text, "sasl.password.file"));
}

static void short_texts_are_not_blotted_out(void **state) {
    (void)state;
    char text[] = "abc abc";
    secret_declare("abc");
    assert_false(secret_blot(text));
    assert_string_equal(text, "abc abc");
}

static void only_secrets_have_files(void **state) {
    (void)state;
    char out[64];
    assert_true(secret_property_file("sasl.password.file", out, sizeof out));
    assert_string_equal(out, "sasl.password");
    assert_false(secret_property_file("ssl.ca.location.file", out, sizeof out));
    assert_false(secret_property_file(".file", out, sizeof out));
    assert_true(secret_property("ssl.key.password"));
    assert_false(secret_property("sasl.username"));
}

static void faults_of_certificates_are_told_apart(void **state) {
    (void)state;
    struct certificate none;
    assert_int_equal(certificate_fault(10), CERTIFICATE_EXPIRED);
    assert_int_equal(certificate_fault(9), CERTIFICATE_NOT_YET);
    assert_int_equal(certificate_fault(20), CERTIFICATE_UNTRUSTED);
    assert_int_equal(certificate_fault(62), CERTIFICATE_OTHER_NAME);
    assert_int_equal(certificate_fault(64), CERTIFICATE_OTHER_NAME);
    assert_int_equal(certificate_fault(23), CERTIFICATE_OTHER);
    assert_false(certificate_read_der("no certificate", 14, &none));
    assert_false(certificate_read_file("/nonexistent", &none));
}

int main(void) {
    log_setup(LOG_ERROR, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agent_reads_its_own_mailbox_and_writes_nothing_that_is_public),
        cmocka_unit_test(rights_and_the_table_of_topics_say_the_same),
        cmocka_unit_test(a_command_holds_all_operations_on_one_resource),
        cmocka_unit_test_setup_teardown(a_secret_that_others_can_read_is_refused, with_secret_file,
                                        without_secret_file),
        cmocka_unit_test_setup_teardown(a_password_comes_from_a_file_and_never_shows, with_secret_file,
                                        without_secret_file),
        cmocka_unit_test(short_texts_are_not_blotted_out),
        cmocka_unit_test(only_secrets_have_files),
        cmocka_unit_test(faults_of_certificates_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
