/* Kernel files: what is accepted, and what is refused with which words. */
#include <sys/stat.h>
#include <unistd.h>

#include "common/fileio.h"
#include "unit/problems/kernels.h"

static void refused(const char *yaml, const char *source, enum error_code code, const char *part) {
    struct error err = ERROR_INIT;
    struct kernel *k = parse_kernel(yaml, source, &err);
    kernel_free(k);
    if (k) fail_msg("accepted; expected `%s`", part);
    assert_error(&err, code, part);
}

static void change_refused(const char *from, const char *to, enum error_code code, const char *part) {
    TEXT yaml = with(YAML, from, to);
    refused(yaml, SOURCE, code, part);
}

static void add_refused(const char *line, enum error_code code, const char *part) {
    TEXT yaml = xasprintf("%s%s\n", YAML, line);
    refused(yaml, SOURCE, code, part);
}

static struct kernel *with_line(const char *line) {
    TEXT yaml = xasprintf("%s%s\n", YAML, line);
    return kernel_of(yaml);
}

static void a_good_file_is_described(void **state) {
    (void)state;
    KERNEL k = kernel_of(YAML);
    struct kernel_requires needs;
    assert_string_equal(kernel_name(k), "mlp-rows");
    assert_string_equal(kernel_problem(k), "mlp");
    assert_string_equal(kernel_language(k), "opencl-c");
    assert_string_equal(kernel_yaml(k), YAML);
    assert_string_equal(kernel_source(k), SOURCE);
    assert_true(kernel_has_tuning(k));
    assert_false(kernel_specialised(k));
    assert_false(kernel_allows_atomics(k));
    assert_string_equal(kernel_precision(k), "");
    assert_int_equal(kernel_tune_count(k), 2);
    assert_string_equal(kernel_tune_name(k, 1), "VEC");
    kernel_requirements(k, &needs);
    assert_null(needs.extensions[0]);
    assert_int_equal(needs.subgroup, 0);
}

static void optional_keys_are_read(void **state) {
    (void)state;
    struct kernel_requires needs;
    KERNEL k = with_line("requires: {extensions: [cl_khr_fp16, cl_khr_subgroups], subgroup: 16, local_memory: 32768}");
    kernel_requirements(k, &needs);
    assert_string_equal(needs.extensions[1], "cl_khr_subgroups");
    assert_null(needs.extensions[2]);
    assert_int_equal(needs.subgroup, 16);
    assert_int_equal(needs.local_memory, 32768);
    KERNEL special = with_line("specialised: {K: 128}");
    assert_true(kernel_specialised(special));
    KERNEL atomics = with_line("nondeterministic: atomics");
    assert_true(kernel_allows_atomics(atomics));
    KERNEL relaxed = with_line("precision: relaxed\noptions: [-cl-fast-relaxed-math, -cl-std=CL2.0]");
    assert_string_equal(kernel_precision(relaxed), "relaxed");
    KERNEL coarse = with_line("precision: bf16");
    assert_string_equal(kernel_precision(coarse), "bf16");
    assert_int_equal(kernel_declares(coarse), PRECISION_BF16);
    assert_int_equal(kernel_declares(relaxed), PRECISION_STRICT);
    KERNEL strict = with_line("precision: strict\noptions: [-cl-mad-enable]");
    assert_string_equal(kernel_precision(strict), "");
}

static void the_hash_covers_both_texts_and_their_border(void **state) {
    (void)state;
    char a[65], b[65], c[65];
    struct error err = ERROR_INIT;
    TEXT yaml = xasprintf("%s#", YAML);
    TEXT source = xasprintf("%s\n", SOURCE);
    KERNEL first = kernel_of(YAML);
    KERNEL second = kernel_of(yaml);
    KERNEL third = parse_kernel(YAML, source, &err);
    kernel_hash(first, a);
    kernel_hash(second, b);
    kernel_hash(third, c);
    assert_string_not_equal(a, b);
    assert_string_not_equal(a, c);
    assert_string_not_equal(b, c);
}

static void unknown_keys_and_words_are_refused(void **state) {
    (void)state;
    change_refused("tune:", "tunes:", ERR_INVALID, "k.yaml:5:1: unknown key `tunes`\nhint: did you mean `tune`?");
    change_refused("opencl-c", "opencl", ERR_INVALID, "unknown language `opencl`");
    change_refused("global: [N * WG]", "globals: [N * WG]", ERR_INVALID, "unknown key `globals`");
    add_refused("precision: half", ERR_INVALID, "`precision` is strict, relaxed, tf32, f16 or bf16, not `half`");
    add_refused("nondeterministic: yes", ERR_INVALID, "`nondeterministic` can be atomics only");
}

static void what_nothing_runs_yet_is_unsupported(void **state) {
    (void)state;
    change_refused("opencl-c", "cuda-c", ERR_UNSUPPORTED, "language `cuda-c` cannot be run yet");
    change_refused("kernel: first,", "library: gemm,", ERR_UNSUPPORTED, "library steps cannot be run yet");
}

static void in_place_maps_outputs_to_inputs(void **state) {
    (void)state;
    add_refused("in_place: x", ERR_INVALID, "`in_place` must map outputs to inputs, as {y: x}");
    add_refused("in_place: {y: x, z: x}", ERR_INVALID, "`y` and `z` cannot both be computed in place of `x`");
    add_refused("in_place: {y: float}", ERR_INVALID, "the name `float`");
    add_refused("in_place: {y: [x]}", ERR_INVALID, "in_place");
    KERNEL k = with_line("in_place: {y: x}");
    assert_non_null(k);
}

static void build_options_come_from_a_list(void **state) {
    (void)state;
    add_refused("options: [-I/etc]", ERR_INVALID, "the build option `-I/etc` is not allowed\nhint: allowed are");
    add_refused("options: [\"-cl-mad-enable -DX=1\"]", ERR_INVALID, "is not allowed");
    add_refused("options: [-cl-std=CL1.2 -I.]", ERR_INVALID, "is not allowed");
    add_refused("options: [-cl-fast-relaxed-math]", ERR_INVALID, "allowed with `precision: relaxed` only");
    add_refused("options: [-cl-unsafe-math-optimizations]", ERR_INVALID, "allowed with `precision: relaxed` only");
    add_refused("options: [-cl-std=CL1.2, -cl-std=CL2.0]", ERR_INVALID, "`-cl-std` comes twice");
    add_refused("options: -cl-mad-enable", ERR_INVALID, "must be a list");
}

static void tunables_have_fit_names_and_whole_values(void **state) {
    (void)state;
    change_refused("VEC: [4, 1]", "float4: [4, 1]", ERR_INVALID, "the tunable's name `float4` is a word of C");
    change_refused("VEC: [4, 1]", "get_local_id: [4, 1]", ERR_INVALID, "begins like the built-in functions");
    change_refused("VEC: [4, 1]", "\"V=1 -DX\": [4, 1]", ERR_INVALID, "must be letters, digits and underscores");
    change_refused("VEC: [4, 1]", "VEC: [4, 1.5]", ERR_INVALID, "must be a whole number");
    change_refused("VEC: [4, 1]", "VEC: [4, 4]", ERR_INVALID, "`VEC` lists 4 twice");
    change_refused("VEC: [4, 1]", "VEC: []", ERR_INVALID, "must list its values");
    change_refused("{partial: ", "{WG: ", ERR_INVALID, "the name `WG` clashes with a tunable");
}

static void tuning_spaces_have_a_limit(void **state) {
    (void)state;
    CLEANUP(buf_done) struct buf tune = BUF_INIT;
    for (int t = 0; t < 4; t++) {
        buf_printf(&tune, "  T%d: [0", t);
        for (int v = 1; v < 40; v++) buf_printf(&tune, ", %d", v);
        buf_puts(&tune, "]\n");
    }
    change_refused("  VEC: [4, 1]\n", tune.data, ERR_LIMIT, "over 100000 configurations");
    CLEANUP(buf_done) struct buf values = BUF_INIT;
    for (int v = 0; v < 65; v++) buf_printf(&values, "%s%d", v ? ", " : "VEC: [", v);
    buf_puts(&values, "]");
    change_refused("VEC: [4, 1]", values.data, ERR_LIMIT, "65 values; at most 64");
}

static void launches_are_checked_against_the_source(void **state) {
    (void)state;
    change_refused("kernel: second", "kernel: secnd", ERR_INVALID,
                   "k.yaml:12:13: launch 2: the source mlp.cl has no kernel `secnd`");
    change_refused("{float: 0.5}]", "{float: 0.5}, M]", ERR_INVALID,
                   "launch 1: `first` takes 6 arguments in the source, and 7");
    refused(YAML, "void first() {}\n", ERR_INVALID, "has no kernel `first`");
    refused(YAML, "// kernel void first(int a)\n", ERR_INVALID, "has no kernel `first`");
}

static void sources_that_macros_write_are_left_to_the_compiler(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    KERNEL k = parse_kernel(YAML, "#define DEFINE(n) __kernel void n(void) {}\nDEFINE(first) DEFINE(second)\n", &err);
    assert_non_null(k);
}

static void geometry_and_arguments_have_a_form(void **state) {
    (void)state;
    change_refused("global: [N * WG]", "global: [1, 1, 1, 1]", ERR_INVALID, "must list one to three sizes");
    change_refused("local: [WG, 1]", "local: [WG]", ERR_INVALID, "`global` has 2 sizes, `local` 1");
    change_refused("global: [N * WG], ", "", ERR_INVALID, "launch `first` has no `global` size");
    change_refused("{float: 0.5}", "{double: 0.5}", ERR_INVALID, "unknown key `double`");
    change_refused("{float: 0.5}", "{float: 1e300}", ERR_INVALID, "`float` is out of range");
    change_refused("{float: 0.5}", "{float: 0.5, long: 1}", ERR_INVALID, "one of {long: N}");
    change_refused("{float: 0.5}", "0.5", ERR_INVALID, "hint: an argument is a tensor");
    change_refused("ceil_div(M, 2)", "ceil_div(M, 2", ERR_INVALID, "k.yaml:13:");
}

static void unused_scratch_is_refused(void **state) {
    (void)state;
    TEXT yaml = with(YAML, "{partial: ", "{spare: {dtype: f32, shape: [N]}, partial: ");
    refused(yaml, SOURCE, ERR_INVALID, "the scratch buffer `spare` is used by no launch");
}

static void sources_have_a_limit_and_no_nul(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    TEXT big = xmalloc(KERNEL_MAX_BYTES);
    memset(big, ' ', KERNEL_MAX_BYTES);
    assert_null(kernel_parse(YAML, strlen(YAML), "k.yaml", big, KERNEL_MAX_BYTES, &err));
    assert_error(&err, ERR_LIMIT, "over the limit of 262144");
    assert_null(kernel_parse(YAML, strlen(YAML), "k.yaml", "kernel\0void", 11, &err));
    assert_error(&err, ERR_INVALID, "NUL byte");
}

struct folder {
    char path[64];
};

static void put(const struct folder *f, const char *name, const char *text) {
    TEXT path = path_join(f->path, name);
    assert_int_equal(file_write_durable(path, text, strlen(text), 0600, NULL), 0);
}

static struct kernel *load(const struct folder *f, struct error *err) {
    TEXT path = path_join(f->path, "in/k.yaml");
    return kernel_load(path, err);
}

static void make_folder(struct folder *f) {
    struct error err = ERROR_INIT;
    strcpy(f->path, "/tmp/portolan-test-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    TEXT in = path_join(f->path, "in");
    assert_int_equal(dir_make(in, 0700, &err), 0);
}

static void a_source_beside_the_file_is_loaded(void **state) {
    (void)state;
    struct folder f;
    struct error err = ERROR_INIT;
    make_folder(&f);
    put(&f, "in/k.yaml", YAML);
    put(&f, "in/mlp.cl", SOURCE);
    KERNEL k = load(&f, &err);
    if (!k) fail_msg("%s", err.text);
    assert_string_equal(kernel_source(k), SOURCE);
    dir_remove(f.path, NULL);
}

static void a_source_outside_the_folder_is_refused(void **state) {
    (void)state;
    struct folder f;
    struct error err = ERROR_INIT;
    make_folder(&f);
    TEXT up = with(YAML, "mlp.cl", "../mlp.cl");
    TEXT absolute = with(YAML, "mlp.cl", "/etc/passwd");
    TEXT link = path_join(f.path, "in/mlp.cl");
    put(&f, "mlp.cl", SOURCE);
    put(&f, "in/k.yaml", up);
    assert_null(load(&f, &err));
    assert_error(&err, ERR_INVALID, "must stay inside the kernel file's folder");
    put(&f, "in/k.yaml", absolute);
    assert_null(load(&f, &err));
    assert_error(&err, ERR_INVALID, "must stay inside the kernel file's folder");
    put(&f, "in/k.yaml", YAML);
    assert_null(load(&f, &err));
    assert_error(&err, ERR_NOT_FOUND, "`source`: mlp.cl");
    assert_int_equal(symlink("../mlp.cl", link), 0);
    assert_null(load(&f, &err));
    assert_error(&err, ERR_INVALID, "leads out of the kernel file's folder");
    dir_remove(f.path, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_is_described),
        cmocka_unit_test(optional_keys_are_read),
        cmocka_unit_test(the_hash_covers_both_texts_and_their_border),
        cmocka_unit_test(unknown_keys_and_words_are_refused),
        cmocka_unit_test(what_nothing_runs_yet_is_unsupported),
        cmocka_unit_test(in_place_maps_outputs_to_inputs),
        cmocka_unit_test(build_options_come_from_a_list),
        cmocka_unit_test(tunables_have_fit_names_and_whole_values),
        cmocka_unit_test(tuning_spaces_have_a_limit),
        cmocka_unit_test(launches_are_checked_against_the_source),
        cmocka_unit_test(sources_that_macros_write_are_left_to_the_compiler),
        cmocka_unit_test(geometry_and_arguments_have_a_form),
        cmocka_unit_test(unused_scratch_is_refused),
        cmocka_unit_test(sources_have_a_limit_and_no_nul),
        cmocka_unit_test(a_source_beside_the_file_is_loaded),
        cmocka_unit_test(a_source_outside_the_folder_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
