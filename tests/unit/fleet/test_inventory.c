/* The inventory's readers. That they agree with Ansible's own is checked in tests/integration/fleet.sh. */
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
#include "fleet/inventory/inventory.h"

static struct inventory *parse(const char *text, const char *filename) {
    struct error err = ERROR_INIT;
    struct inventory *inv = inventory_parse(text, strlen(text), filename, &err);
    if (!inv) fail_msg("%s", err.text);
    return inv;
}

static void refused(const char *text, const char *filename, enum error_code code, const char *part) {
    struct error err = ERROR_INIT;
    assert_null(inventory_parse(text, strlen(text), filename, &err));
    if (!strstr(err.text, part)) fail_msg("`%s` is not in: %s", part, err.text);
    assert_int_equal(err.code, code);
}

static const struct inventory_host *find(const struct inventory *inv, const char *name) {
    for (size_t i = 0; i < inventory_host_count(inv); i++)
        if (strcmp(inventory_host_name(inventory_host(inv, i)), name) == 0) return inventory_host(inv, i);
    fail_msg("no host %s", name);
    return NULL;
}

/* The variables of a host as compact JSON, keys sorted. */
static void expect_variables(const struct inventory *inv, const char *host, const char *wanted) {
    json_t *vars = inventory_host_variables(find(inv, host));
    char *text = json_dumps(vars, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, wanted);
    free(text);
    json_decref(vars);
}

static void expect_groups(const struct inventory *inv, const char *host, const char *wanted) {
    json_t *groups = inventory_host_groups(inv, find(inv, host));
    char *text = json_dumps(groups, JSON_COMPACT);
    assert_string_equal(text, wanted);
    free(text);
    json_decref(groups);
}

static void expect_chosen(const struct inventory *inv, const char *pattern, const char *wanted) {
    struct error err = ERROR_INIT;
    CLEANUP(buf_done) struct buf names = BUF_INIT;
    CLEANUP_FREE bool *chosen = NULL;
    size_t n = 0;
    if (inventory_select(inv, pattern, &chosen, &n, &err) != 0) fail_msg("%s: %s", pattern, err.text);
    for (size_t i = 0; i < inventory_host_count(inv); i++)
        if (chosen[i]) buf_printf(&names, "%s%s", names.len ? " " : "", inventory_host_name(inventory_host(inv, i)));
    assert_string_equal(names.data, wanted);
}

static void hosts_groups_and_variables_are_read_from_ini(void **state) {
    (void)state;
    CLEANUP(cleanup_inventory)
    struct inventory *inv = parse(
        "lone a=1 b='two words' c=\"x\" # end\n\n; a comment\n[gpus]\nn1:2200 v=010\n"
        "n2 v=True w=[1,'a',{'k':(2,None)}]\n[lab:children]\ngpus\n[lab:vars]\nv = lab\nq = 'x y'\n",
        "t.ini");
    assert_int_equal(inventory_host_count(inv), 3);
    expect_variables(inv, "lone", "{\"a\":1,\"b\":\"two words\",\"c\":\"x\"}");
    expect_variables(inv, "n1", "{\"ansible_port\":2200,\"q\":\"x y\",\"v\":\"010\"}");
    expect_groups(inv, "lone", "[\"ungrouped\"]");
    expect_groups(inv, "n2", "[\"gpus\",\"lab\"]");
}

static void hosts_groups_and_variables_are_read_from_yaml(void **state) {
    (void)state;
    CLEANUP(cleanup_inventory)
    struct inventory *inv = parse(
        "all:\n  vars: {p: 1, q: yes}\n  children:\n    db:\n      hosts:\n        d[1:2]: {p: two}\n"
        "      children: {inner: {hosts: deep, vars: {q: \"no\"}}}\n",
        "t.yml");
    expect_variables(inv, "d1", "{\"p\":\"two\",\"q\":true}");
    expect_variables(inv, "deep", "{\"p\":1,\"q\":\"no\"}");
    expect_groups(inv, "deep", "[\"db\",\"inner\"]");
}

static void ranges_are_expanded_with_their_zeros_letters_and_steps(void **state) {
    (void)state;
    CLEANUP(cleanup_inventory)
    struct inventory *inv = parse("w[08:10].x\n[a:c]-z[1:5:2]\n[2001:db8::7]:22\n::1\n", "t");
    assert_int_equal(inventory_host_count(inv), 3 + 9 + 2);
    assert_string_equal(inventory_host_name(inventory_host(inv, 2)), "w10.x");
    assert_string_equal(inventory_host_name(inventory_host(inv, 5)), "a-z5");
    assert_string_equal(inventory_host_name(inventory_host(inv, 12)), "2001:db8::7");
    assert_string_equal(inventory_host_name(inventory_host(inv, 13)), "::1");
}

static void crooked_ranges_are_refused_with_their_line(void **state) {
    (void)state;
    refused("x\nh[01:5]\n", "t", ERR_INVALID, "t:2: host `h[01:5]`: a range that begins with zeros");
    refused("h[5:1]\n", "t", ERR_INVALID, "t:1: host `h[5:1]`: a range ends before it begins");
    refused("h[a:9]\n", "t", ERR_INVALID, "neither of numbers nor of single letters");
    refused("h[1:5:0]\n", "t", ERR_INVALID, "the step of a range");
    refused("h[0:99999]\n", "t", ERR_LIMIT, "over 4096 hosts");
    refused("h:70000\n", "t", ERR_INVALID, "there is no port");
}

static void what_editors_of_windows_add_is_passed_over(void **state) {
    (void)state;
    CLEANUP(cleanup_inventory) struct inventory *inv = parse("\xef\xbb\xbf[g]\r\nh v=1\r\n", "t.ini");
    assert_int_equal(inventory_host_count(inv), 1);
    expect_variables(inv, "h", "{\"v\":1}");
    expect_groups(inv, "h", "[\"g\"]");
}

static void loops_of_groups_are_refused_with_file_line_and_way(void **state) {
    (void)state;
    refused("[a:children]\nb\n[b:children]\nc\n[c:children]\na\n", "t.ini", ERR_INVALID,
            "t.ini:6: group `a` cannot be a child of `c`: that is a loop, c -> a -> b -> c");
    refused("[a:children]\na\n", "t.ini", ERR_INVALID, "t.ini:2: group `a` cannot be a child of `a`: that is a loop");
    refused("[a:children]\nall\n", "t.ini", ERR_INVALID, "t.ini:2: group `all` holds every group");
    refused("a: {children: {all: {}}}\n", "t.yml", ERR_INVALID, "t.yml:1: group `all` holds every group");
    refused("a:\n  children:\n    b:\n      children:\n        a:\n", "t.yml", ERR_INVALID, "t.yml:5: group `a`");
    refused("[a:children]\nall\n", "t.ini", ERR_INVALID, "t.ini:2: group `all` holds every group");
}

static void what_is_no_inventory_is_refused_with_its_place(void **state) {
    (void)state;
    refused("[g\n", "t", ERR_INVALID, "t:1: the section");
    refused("[g:things]\n", "t", ERR_INVALID, "t:1: a section is [group]");
    refused("h a\n", "t", ERR_INVALID, "t:1: key=value is expected behind a host");
    refused("h a='b\n", "t", ERR_INVALID, "t:1: a quotation mark");
    refused("[x:vars]\na=1\n", "t", ERR_INVALID, "t:1: [x:vars] is for a group that is not there");
    refused("[x:vars]\na\n", "t", ERR_INVALID, "t:2: key=value");
    refused("#!/bin/sh\n", "t", ERR_UNSUPPORTED, "t:1: inventory scripts are not run");
    refused("plugin: aws_ec2\n", "t.yml", ERR_UNSUPPORTED, "t.yml:1: inventory plugins are not run");
    refused("a: {host: {x: }}\n", "t.yml", ERR_INVALID, "did you mean");
    refused("a: [x]\n", "t.yml", ERR_INVALID, "t.yml:1:");
    refused("h\x1b[2J\n", "t", ERR_INVALID, "a byte that none may have (0x1b)");
}

static void deeper_groups_then_priority_then_name_decide(void **state) {
    (void)state;
    CLEANUP(cleanup_inventory)
    struct inventory *inv = parse(
        "[a]\nh\n[b]\nh\n[c]\nh\n[top:children]\nb\n[all:vars]\nv=all\n[top:vars]\nv=top\nt=top\n"
        "[a:vars]\nv=a\nw=a\nansible_group_priority=9\n[b:vars]\nv=b\n[c:vars]\nv=c\nw=c\n",
        "t.ini");
    /* b is below top, so deeper than a and c; a's priority is above c's although its name comes first. */
    expect_variables(inv, "h", "{\"t\":\"top\",\"v\":\"b\",\"w\":\"a\"}");
}

struct folder {
    char path[64];
};

static void put(const struct folder *f, const char *name, const char *text) {
    struct error err = ERROR_INIT;
    CLEANUP_FREE char *path = path_join(f->path, name), *parent = path_dirname(path);
    assert_int_equal(dir_make(parent, 0700, &err), 0);
    assert_int_equal(file_write_durable(path, text, strlen(text), 0600, &err), 0);
}

static int make_folder(void **state) {
    struct folder *f = xcalloc(1, sizeof *f);
    snprintf(f->path, sizeof f->path, "/tmp/portolan-inventory-XXXXXX");
    *state = f;
    return mkdtemp(f->path) ? 0 : -1;
}

static int remove_folder(void **state) {
    struct folder *f = *state;
    dir_remove(f->path, NULL);
    free(f);
    return 0;
}

static struct inventory *load(const struct folder *f, const char *name, struct error *err) {
    CLEANUP_FREE char *path = path_join(f->path, name);
    return inventory_load(path, err);
}

static void variables_of_files_stand_above_groups_and_below_or_above_hosts_as_in_ansible(void **state) {
    const struct folder *f = *state;
    struct error err = ERROR_INIT;
    put(f, "hosts", "[g]\nh own=line both=line\n[g:vars]\ng=inventory\na=inventory\n");
    put(f, "group_vars/all", "a: from-all\nz: 1\n");
    put(f, "group_vars/g/10-a.yml", "g: from-file\nown: no\nbig: [1, {b: c}]\n");
    put(f, "group_vars/g/20-secret.yml", "$ANSIBLE_VAULT;1.1;AES256\n616263\n");
    put(f, "group_vars/g/notes.txt", "this: is: no: yaml\n");
    put(f, "host_vars/h.yml", "both: file\nkey: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n");
    CLEANUP(cleanup_inventory) struct inventory *inv = load(f, "hosts", &err);
    assert_non_null(inv);
    /* `a`: a group's line in the inventory is below every file, even that of `all`. */
    expect_variables(inv, "h",
                     "{\"a\":\"from-all\",\"big\":[1,{\"b\":\"c\"}],\"both\":\"file\",\"g\":\"from-file\","
                     "\"key\":\"$ANSIBLE_VAULT;1.1;AES256\\n\",\"own\":\"line\",\"z\":1}");
}

static void a_folder_is_read_file_by_file_and_leftovers_are_passed_over(void **state) {
    const struct folder *f = *state;
    struct error err = ERROR_INIT;
    put(f, "inv/b.yml", "g: {hosts: {two: }}\n");
    put(f, "inv/a", "one\n");
    put(f, "inv/a~", "[broken\n");
    put(f, "inv/.hidden", "[broken\n");
    put(f, "inv/README.md", "[broken\n");
    put(f, "inv/group_vars/g.yml", "v: 1\n");
    CLEANUP(cleanup_inventory) struct inventory *inv = load(f, "inv", &err);
    if (!inv) fail_msg("%s", err.text);
    assert_int_equal(inventory_host_count(inv), 2);
    assert_string_equal(inventory_host_name(inventory_host(inv, 0)), "one");
    expect_variables(inv, "two", "{\"v\":1}");
}

static void files_that_cannot_be_read_are_named(void **state) {
    const struct folder *f = *state;
    struct error err = ERROR_INIT;
    assert_null(load(f, "nowhere", &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "nowhere"));
    put(f, "hosts", "h\n");
    put(f, "host_vars/h.yml", "a: [\n");
    assert_null(load(f, "hosts", &err));
    assert_non_null(strstr(err.text, "host_vars/h.yml:"));
}

static void put_link(const struct folder *f, const char *name, const char *to) {
    CLEANUP_FREE char *path = path_join(f->path, name);
    assert_int_equal(symlink(to, path), 0);
}

/* Two links to the folder that they are in make 2^n ways n deep: the first is one too many. */
static void folders_that_lead_back_to_themselves_come_to_an_end(void **state) {
    const struct folder *f = *state;
    struct error err = ERROR_INIT;
    put(f, "inv/hosts", "h\n");
    put(f, "inv/sub/host_vars/.keep", "");
    put_link(f, "inv/sub/a", ".");
    put_link(f, "inv/sub/b", ".");
    assert_null(load(f, "inv", &err));
    assert_non_null(strstr(err.text, "inv/sub/a/a/a"));
    put(f, "hosts", "h\n");
    put(f, "host_vars/h/.keep", "");
    put_link(f, "host_vars/h/a", ".");
    put_link(f, "host_vars/h/b", ".");
    assert_null(load(f, "hosts", &err));
    assert_non_null(strstr(err.text, "host_vars/h/a/a"));
}

static void a_pipe_in_a_folder_is_refused_and_not_waited_for(void **state) {
    const struct folder *f = *state;
    struct error err = ERROR_INIT;
    put(f, "inv/hosts", "h\n");
    CLEANUP_FREE char *pipe = path_join(f->path, "inv/pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_null(load(f, "inv", &err));
    assert_non_null(strstr(err.text, "inv/pipe is neither a file nor a folder"));
}

static void patterns_choose_as_ansibles_do(void **state) {
    (void)state;
    CLEANUP(cleanup_inventory)
    struct inventory *inv = parse("lone\n[web]\nw[1:4]\n[gpu]\nw2\ng1\ng2\n[lab:children]\nweb\n", "t.ini");
    expect_chosen(inv, "all", "lone w1 w2 w3 w4 g1 g2");
    expect_chosen(inv, "*", "lone w1 w2 w3 w4 g1 g2");
    expect_chosen(inv, "web:gpu", "w1 w2 w3 w4 g1 g2");
    expect_chosen(inv, "lab:&gpu", "w2");
    expect_chosen(inv, "gpu,!w2", "g1 g2");
    expect_chosen(inv, "!web", "lone g1 g2");
    expect_chosen(inv, "w*,g1", "w1 w2 w3 w4 g1");
    expect_chosen(inv, "~(w1|g.)$", "w1 g1 g2");
    expect_chosen(inv, "web[0]", "w1");
    expect_chosen(inv, "web[-1]", "w4");
    expect_chosen(inv, "web[1:2]", "w2 w3");
    expect_chosen(inv, "web[2:]:lone", "lone w3 w4");
    expect_chosen(inv, "ungrouped", "lone");
}

static void patterns_that_choose_nothing_say_which_part(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    bool *chosen = NULL;
    size_t n = 0;
    CLEANUP(cleanup_inventory) struct inventory *inv = parse("[web]\nw1\n", "t.ini");
    assert_int_equal(inventory_select(inv, "web,nope", &chosen, &n, &err), -1);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "`nope`"));
    assert_int_equal(inventory_select(inv, "web:!w1", &chosen, &n, &err), -1);
    assert_non_null(strstr(err.text, "leaves no host"));
    assert_int_equal(inventory_select(inv, "~(", &chosen, &n, &err), -1);
    assert_int_equal(err.code, ERR_INVALID);
    assert_null(chosen);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_groups_and_variables_are_read_from_ini),
        cmocka_unit_test(hosts_groups_and_variables_are_read_from_yaml),
        cmocka_unit_test(ranges_are_expanded_with_their_zeros_letters_and_steps),
        cmocka_unit_test(crooked_ranges_are_refused_with_their_line),
        cmocka_unit_test(what_editors_of_windows_add_is_passed_over),
        cmocka_unit_test(loops_of_groups_are_refused_with_file_line_and_way),
        cmocka_unit_test(what_is_no_inventory_is_refused_with_its_place),
        cmocka_unit_test(deeper_groups_then_priority_then_name_decide),
        cmocka_unit_test_setup_teardown(variables_of_files_stand_above_groups_and_below_or_above_hosts_as_in_ansible,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_folder_is_read_file_by_file_and_leftovers_are_passed_over, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(files_that_cannot_be_read_are_named, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(folders_that_lead_back_to_themselves_come_to_an_end, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_pipe_in_a_folder_is_refused_and_not_waited_for, make_folder, remove_folder),
        cmocka_unit_test(patterns_choose_as_ansibles_do),
        cmocka_unit_test(patterns_that_choose_nothing_say_which_part)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
