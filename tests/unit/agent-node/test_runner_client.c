/* Runners as a worker uses them: on the scripted device, where every misbehaviour can be had, and on PoCL, a real
 * driver. */
#include "agent-node/worker/runner_client.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/clock.h"

#define N 1024
#define BYTES (N * sizeof(float))
#define GUARD 4096
#define SLOT_AT(i) (GUARD + (size_t)(i) * (BYTES + 2 * GUARD))
#define ARENA (SLOT_AT(6) + GUARD)
#define LIMIT_MS 60000

static struct rec_device device_of(const char *backend, const char *icd) {
    struct rec_device d;
    rec_device_init(&d);
    rec_set(&d.backend, backend);
    rec_set(&d.icd, icd);
    rec_set(&d.kind, "cpu");
    d.host_memory = true;
    return d;
}

static struct runner *start_with(const char *backend, const char *icd, enum runner_kind kind,
                                 const volatile bool *cancel) {
    struct rec_device d = device_of(backend, icd);
    struct runner_config c = {.kind = kind,
                              .device = &d,
                              .arena_bytes = kind == RUNNER_MEASURE ? ARENA : 0,
                              .sandbox = true,
                              .cancel = cancel};
    struct error err = ERROR_INIT;
    struct runner *r = runner_start(&c, &err);
    if (!r) fail_msg("runner_start: %s", err.text);
    rec_device_done(&d);
    return r;
}

static struct runner *start(const char *backend, enum runner_kind kind) {
    return start_with(backend, strcmp(backend, "opencl") ? "" : "pocl.icd", kind, NULL);
}

/* One launch of `entry` over (input 0, input 1, output 2) and a float. */
struct simple_plan {
    struct plan plan;
    struct plan_buffer buffer[3];
    struct plan_launch launch;
    struct plan_arg arg[4];
};

static void simple_plan(struct simple_plan *p, const char *entry, const char *source, int n_args) {
    memset(p, 0, sizeof *p);
    for (int i = 0; i < 3; i++)
        p->buffer[i] = (struct plan_buffer){.role = i == 2 ? PLAN_OUTPUT : PLAN_INPUT, .elements = N, .bytes = BYTES};
    for (int i = 0; i < 3; i++) p->arg[i] = (struct plan_arg){PLAN_ARG_BUFFER, i, 0, 0};
    p->arg[3] = (struct plan_arg){PLAN_ARG_F32, 0, 0, 0.5f};
    p->launch = (struct plan_launch){
        .n_args = n_args, .arg = p->arg, .dims = 1, .global = {N}, .local = {64}, .has_local = true};
    snprintf(p->launch.entry, sizeof p->launch.entry, "%s", entry);
    p->plan.source = (char *)(uintptr_t)source;
    p->plan.options = (char *)(uintptr_t) "";
    p->plan.n_buffers = 3;
    p->plan.buffer = p->buffer;
    p->plan.n_launches = 1;
    p->plan.launch = &p->launch;
}

static const struct slot slots[2][3] = {{{SLOT_AT(0), BYTES}, {SLOT_AT(1), BYTES}, {SLOT_AT(2), BYTES}},
                                        {{SLOT_AT(3), BYTES}, {SLOT_AT(4), BYTES}, {SLOT_AT(5), BYTES}}};

static float *floats(struct runner *r, int set, int buffer) {
    return (float *)(void *)(runner_arena(r) + slots[set][buffer].offset);
}

/* Loads `text` as if it had been compiled (the scripted device's binary is its text) and binds both sets. */
static int load_script(struct runner *r, struct simple_plan *p, const char *text) {
    struct error err = ERROR_INIT;
    struct runner_binary binary = {(uint8_t *)(uintptr_t)text, strlen(text)};
    int program = -1, set[2] = {-1, -1};
    simple_plan(p, "k", text, 3);
    assert_int_equal(runner_load(r, &p->plan, &binary, LIMIT_MS, &program, &err), RUNNER_OK);
    for (int i = 0; i < 2; i++) assert_int_equal(runner_bind(r, program, slots[i], 3, GUARD, &set[i], &err), RUNNER_OK);
    return set[0];
}

static enum runner_status run_script(const char *text, struct runner **ret, int64_t limit_ms, struct error *err) {
    struct simple_plan p;
    struct runner *r = start("scripted", RUNNER_MEASURE);
    int set = load_script(r, &p, text);
    for (int i = 0; i < N; i++) floats(r, 0, 0)[i] = (float)i, floats(r, 0, 1)[i] = 1.0f;
    int64_t wall = 0;
    enum runner_status s = runner_run(r, &set, 1, limit_ms, &wall, err);
    *ret = r;
    return s;
}

static void a_scripted_kernel_computes_in_the_arena(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct runner *r = NULL;
    assert_int_equal(run_script("kernel k: add 2 0 1\nkernel k: mul_scalar 2 2 2\n", &r, LIMIT_MS, &err), RUNNER_OK);
    assert_true(runner_in_place(r));
    for (int i = 0; i < N; i++) assert_true(floats(r, 0, 2)[i] == ((float)i + 1.0f) * 2.0f);
    runner_free(r);
}

static const char axpy[] =
    "#ifdef cl_khr_fp64\n#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n#endif\n"
    "#if __OPENCL_VERSION__ < 120\n#error too old\n#endif\n"
    "kernel void axpy(global const float *x, global const float *y, global float *z, float a) {\n"
    "  int i = get_global_id(0);\n  z[i] = a * x[i] + y[i] + SHIFT;\n}\n";

static void compile_axpy(const char *icd, struct simple_plan *p, struct runner_binary *ret) {
    static __typeof__(*p->plan.macro) macro = {"SHIFT", 3};
    struct error err = ERROR_INIT;
    char *text = NULL;
    simple_plan(p, "axpy", axpy, 4);
    p->plan.macro = &macro;
    p->plan.n_macros = 1;
    struct runner *c = start_with("opencl", icd, RUNNER_COMPILE, NULL);
    if (runner_preprocess(c, &p->plan, LIMIT_MS, &text, &err) != RUNNER_OK) fail_msg("%s", err.text);
    assert_null(strstr(text, "SHIFT"));
    if (strstr(text, "#pragma")) assert_non_null(strstr(text, "#pragma OPENCL EXTENSION cl_khr_fp64 : enable"));
    if (runner_compile(c, &p->plan, text, LIMIT_MS, ret, &err) != RUNNER_OK) fail_msg("%s", err.text);
    assert_true(runner_reached_launch(c));
    runner_free(c);
    free(text);
}

static void a_kernel_is_preprocessed_compiled_and_measured_on(const char *icd, bool events) {
    struct error err = ERROR_INIT;
    struct simple_plan p;
    struct runner_binary binary = {0};
    compile_axpy(icd, &p, &binary);
    struct runner *r = start_with("opencl", icd, RUNNER_MEASURE, NULL);
    int program = -1, set[2], outputs[] = {2};
    if (runner_load(r, &p.plan, &binary, LIMIT_MS, &program, &err) != RUNNER_OK) fail_msg("%s", err.text);
    for (int s = 0; s < 2; s++) {
        assert_int_equal(runner_bind(r, program, slots[s], 3, GUARD, &set[s], &err), RUNNER_OK);
        for (int i = 0; i < N; i++) floats(r, s, 0)[i] = (float)(i + s), floats(r, s, 1)[i] = 1.0f;
    }
    assert_int_equal(runner_upload(r, set, 2, LIMIT_MS, &err), RUNNER_OK);
    int64_t wall = 0;
    struct run_claim claim = {0};
    if (runner_run(r, set, 2, LIMIT_MS, &wall, &err) != RUNNER_OK) fail_msg("%s", err.text);
    if (runner_claim(r, &claim, &err) != RUNNER_OK) fail_msg("%s", err.text);
    assert_true(wall > 0 && claim.span_ns <= wall && (claim.span_ns > 1000) == events); /* rusticl says 0 or 1 ns */
    for (int s = 0; s < 2; s++) {
        assert_int_equal(runner_download(r, set[s], outputs, 1, LIMIT_MS, &err), RUNNER_OK);
        for (int i = 0; i < N; i++) assert_true(floats(r, s, 2)[i] == 0.5f * (float)(i + s) + 4.0f);
    }
    runner_free(r);
    free(binary.data);
}

static void pocl_compiles_and_runs_a_kernel(void **state) {
    (void)state;
    a_kernel_is_preprocessed_compiled_and_measured_on("pocl.icd", true);
}

static void rusticl_compiles_and_runs_a_kernel_without_event_times(void **state) {
    (void)state;
    a_kernel_is_preprocessed_compiled_and_measured_on("rusticl.icd", false);
}

static bool log_has(const struct runner *r, const char *text) {
    return strstr(runner_log(r), text) != NULL;
}

static void misbehaves(const char *script, enum runner_status expected, const char *said) {
    struct error err = ERROR_INIT;
    struct runner *r = NULL;
    enum runner_status s = run_script(script, &r, LIMIT_MS, &err);
    if (s != expected) fail_msg("%s: %s, %s", script, runner_status_name(s), err.text);
    if (!log_has(r, said)) fail_msg("%s: \"%s\" lacks \"%s\"", script, runner_log(r), said);
    runner_free(r);
}

static void a_crash_is_told_with_its_signal(void **state) {
    (void)state;
    misbehaves("kernel k: crash\n", RUNNER_CRASHED, "signal 11 (Segmentation fault)");
    misbehaves("kernel k: abort\n", RUNNER_CRASHED, "signal 6 (Aborted)");
    misbehaves("kernel k: exit 3\n", RUNNER_CRASHED, "exited with status 3");
}

static void a_refused_launch_keeps_the_drivers_words(void **state) {
    (void)state;
    misbehaves("kernel k: refuse CL_INVALID_KERNEL_ARGS (-52)\n", RUNNER_LAUNCH_FAILED, "CL_INVALID_KERNEL_ARGS (-52)");
}

static void what_the_device_has_too_little_of_is_named(void **state) {
    (void)state;
    misbehaves("kernel k: greedy 9 bytes of local memory\n", RUNNER_OVER_LIMIT,
               "kernel k wants 9 bytes of local memory");
}

static void a_lost_device_is_not_believed_once_a_candidate_ran(void **state) {
    (void)state;
    misbehaves("kernel k: lost\n", RUNNER_LAUNCH_FAILED, "the device has gone");
}

static void garbage_on_the_socket_ends_the_runner(void **state) {
    (void)state;
    misbehaves("kernel k: garbage\nkernel k: add 2 0 1\n", RUNNER_BROKE, "no frame");
}

/* A candidate that ended its runner must not turn into a failure of the machine at the next request. */
static void what_ended_a_runner_is_what_later_calls_say(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct runner *r = NULL;
    int set = 0;
    int64_t wall = 0;
    assert_int_equal(run_script("kernel k: hang\n", &r, 300, &err), RUNNER_TIMEOUT);
    runner_unbind_all(r);
    assert_int_equal(runner_run(r, &set, 1, LIMIT_MS, &wall, &err), RUNNER_TIMEOUT);
    assert_int_equal(runner_bind(r, 0, slots[0], 3, GUARD, &set, &err), RUNNER_TIMEOUT);
    assert_true(log_has(r, "time limit"));
    runner_free(r);
}

static void a_hanging_kernel_is_killed_in_time(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct runner *r = NULL;
    int64_t begin = clock_mono_ms();
    assert_int_equal(run_script("kernel k: hang\n", &r, 300, &err), RUNNER_TIMEOUT);
    assert_in_range(clock_mono_ms() - begin, 300, 10000);
    assert_false(runner_alive(r));
    assert_true(kill(runner_pid(r), 0) < 0 && errno == ESRCH);
    runner_free(r);
}

/* Requests so far: load, bind, bind; the run is the fourth. */
static void a_forged_answer_arrives_and_the_real_one_gives_it_away(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct simple_plan p;
    struct runner *r = start("scripted", RUNNER_MEASURE);
    int set = load_script(r, &p, "kernel k: forge 4\nkernel k: spin_ns 200000000\nkernel k: fill 2 7\n");
    int64_t wall = 0;
    struct run_claim claim = {0};
    assert_int_equal(runner_run(r, &set, 1, LIMIT_MS, &wall, &err), RUNNER_OK);
    assert_true(wall < 200000000);
    assert_true(floats(r, 0, 2)[0] == 0.0f); /* the answer is not there, whatever was claimed */
    int64_t used = runner_cpu_ns(r), end = clock_mono_ms() + 30;
    while (clock_mono_ms() < end) usleep(1000);
    assert_true(runner_cpu_ns(r) == used);
    assert_int_equal(runner_claim(r, &claim, &err), RUNNER_OK);
    assert_int_equal(claim.span_ns, 1);
    while (floats(r, 0, 2)[0] != 7.0f) usleep(1000);
    usleep(2000);
    assert_int_equal(runner_run(r, &set, 1, LIMIT_MS, &wall, &err), RUNNER_BROKE);
    assert_false(runner_alive(r));
    runner_free(r);
}

static void an_answer_to_a_question_not_yet_asked_ends_the_runner(void **state) {
    (void)state;
    misbehaves("kernel k: forge 5\nkernel k: spin_ns 1000000\n", RUNNER_BROKE, "answered request 5 while 4 was open");
}

static void a_flood_of_output_blocks_nothing_and_is_cut(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct runner *r = NULL;
    assert_int_equal(run_script("kernel k: flood 65536\nkernel k: exit 1\n", &r, LIMIT_MS, &err), RUNNER_CRASHED);
    assert_true(strlen(runner_log(r)) < 80 * 1024);
    assert_true(log_has(r, "bytes left out") && log_has(r, "xxxx"));
    runner_free(r);
}

static void a_write_out_of_bounds_lands_in_the_guard_band(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct runner *r = NULL;
    assert_int_equal(run_script("kernel k: write_oob 2 5\nkernel k: write_oob 2 -3\n", &r, LIMIT_MS, &err), RUNNER_OK);
    const uint8_t *data = runner_arena(r) + slots[0][2].offset;
    assert_int_equal(data[BYTES + 5], 1);
    assert_int_equal(data[-3], 1);
    runner_free(r);
}

static void what_a_candidate_tries(const char *level) {
    static const char *const what[] = {"fork", "thread", "exec", "socket", "ptrace", "kill", "write_file", "read_etc"};
    for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
        char script[64];
        struct error err = ERROR_INIT;
        struct runner *r = NULL;
        snprintf(script, sizeof script, "kernel k: try %s 2\n", what[i]);
        enum runner_status s = run_script(script, &r, LIMIT_MS, &err);
        if (s != RUNNER_OK) fail_msg("%s: %s", what[i], err.text);
        if (strncmp(runner_sandbox_level(r), level, strlen(level)) != 0) /* and Landlock's version */
            fail_msg("%s, not %s", runner_sandbox_level(r), level);
        if (floats(r, 0, 2)[0] == 0) fail_msg("%s: worked inside %s", what[i], level);
        runner_free(r);
    }
}

static void a_candidate_reaches_nothing_inside_bubblewrap(void **state) {
    (void)state;
    what_a_candidate_tries("bubblewrap+seccomp+landlock");
}

static void a_candidate_reaches_nothing_without_bubblewrap_either(void **state) {
    (void)state;
    setenv("PORTOLAN_SANDBOX", "process", 1);
    what_a_candidate_tries("process+seccomp+landlock");
    unsetenv("PORTOLAN_SANDBOX");
}

static void its_own_scratch_folder_is_writable(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct runner *r = NULL;
    assert_int_equal(run_script("kernel k: fill 2 9\nkernel k: try write_home 2\n", &r, LIMIT_MS, &err), RUNNER_OK);
    assert_true(floats(r, 0, 2)[0] == 0);
    runner_free(r);
}

static void a_stopped_runner_uses_no_time_and_any_call_resumes_it(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct simple_plan p;
    struct runner *r = start("scripted", RUNNER_MEASURE);
    int set = load_script(r, &p, "kernel k: spin_ns 20000000\n");
    int64_t wall = 0, before = runner_cpu_ns(r);
    assert_int_equal(runner_pause(r, &err), 0);
    assert_int_equal(runner_pause(r, &err), 0);
    assert_int_equal(runner_run(r, &set, 1, LIMIT_MS, &wall, &err), RUNNER_OK);
    assert_true(wall >= 20000000);
    assert_true(runner_cpu_ns(r) > before + 500000); /* on a busy machine it gets less than it waits */
    runner_free(r);
}

static void *set_after_a_while(void *flag) {
    usleep(200000);
    __atomic_store_n((volatile bool *)flag, true, __ATOMIC_RELAXED);
    return NULL;
}

static void a_cancel_ends_a_call_in_flight(void **state) {
    (void)state;
    volatile bool cancel = false;
    struct error err = ERROR_INIT;
    struct simple_plan p;
    struct runner *r = start_with("scripted", "", RUNNER_MEASURE, &cancel);
    int set = load_script(r, &p, "kernel k: hang\n");
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, set_after_a_while, (void *)(uintptr_t)&cancel), 0);
    int64_t wall = 0, begin = clock_mono_ms();
    assert_int_equal(runner_run(r, &set, 1, LIMIT_MS, &wall, &err), RUNNER_CANCELLED);
    assert_in_range(clock_mono_ms() - begin, 150, 10000);
    assert_int_equal(err.code, ERR_CANCELLED);
    pthread_join(t, NULL);
    runner_free(r);
}

static enum runner_status compile_script(const char *script, int64_t limit_ms, char *log, size_t size, bool *launched) {
    struct error err = ERROR_INIT;
    struct simple_plan p;
    struct runner_binary binary = {0};
    struct runner *r = start("scripted", RUNNER_COMPILE);
    simple_plan(&p, "k", script, 3);
    enum runner_status s = runner_compile(r, &p.plan, script, limit_ms, &binary, &err);
    snprintf(log, size, "%s", runner_log(r));
    *launched = runner_reached_launch(r);
    free(binary.data);
    runner_free(r);
    return s;
}

static void compilers_fail_crash_and_hang(void **state) {
    (void)state;
    char log[256];
    bool launched;
    assert_int_equal(compile_script("build: error no such type\n", LIMIT_MS, log, sizeof log, &launched),
                     RUNNER_BUILD_FAILED);
    assert_non_null(strstr(log, "no such type"));
    assert_int_equal(compile_script("kernel k: nonsense\n", LIMIT_MS, log, sizeof log, &launched), RUNNER_BUILD_FAILED);
    assert_non_null(strstr(log, "line 1"));
    assert_int_equal(compile_script("build: crash\n", LIMIT_MS, log, sizeof log, &launched), RUNNER_CRASHED);
    assert_false(launched);
    assert_int_equal(compile_script("build: hang\n", 300, log, sizeof log, &launched), RUNNER_TIMEOUT);
    assert_false(launched);
    assert_int_equal(compile_script("kernel other: fill 2 0\n", LIMIT_MS, log, sizeof log, &launched),
                     RUNNER_LAUNCH_FAILED);
    assert_true(launched);
    assert_non_null(strstr(log, "CL_INVALID_KERNEL_NAME"));
}

static enum runner_status preprocess(struct runner *r, const char *source, char **text) {
    struct error err = ERROR_INIT;
    struct simple_plan p;
    simple_plan(&p, "k", source, 3);
    *text = NULL;
    return runner_preprocess(r, &p.plan, LIMIT_MS, text, &err);
}

static void the_preprocessor_refuses_what_it_must(void **state) {
    (void)state;
    struct runner *r = start("opencl", RUNNER_COMPILE);
    char *text = NULL;
    assert_int_equal(preprocess(r, "#include \"/etc/hostname\"\n", &text), RUNNER_BUILD_FAILED);
    assert_int_equal(preprocess(r, "#define X \"/usr/include/errno.h\"\n#include X\n", &text), RUNNER_BUILD_FAILED);
    assert_true(log_has(r, "#include of /usr/include/errno.h"));
    assert_int_equal(preprocess(r, "?\?=include \"/usr/include/errno.h\"\n", &text), RUNNER_BUILD_FAILED);
    assert_int_equal(preprocess(r, "\n#error too new\n", &text), RUNNER_BUILD_FAILED);
    assert_true(log_has(r, "source:2:2: error: #error too new"));
    static const char bomb[] =
        "#define A(x) x x x x x x x x x x x x x x x x\n"
        "A(A(A(A(A(A(float)))))) ;\n";
    assert_int_equal(preprocess(r, bomb, &text), RUNNER_BUILD_FAILED);
    assert_int_equal(preprocess(r, "int a = __OPENCL_C_VERSION__ + cl_khr_fp64;\n", &text), RUNNER_OK);
    assert_non_null(strstr(text, "int a = 120 + 1;"));
    free(text);
    runner_free(r);
}

static void pocl_says_what_is_wrong_with_a_kernel(void **state) {
    (void)state;
    struct error err = ERROR_INIT;
    struct simple_plan p;
    struct runner_binary binary = {0};
    struct runner *r = start("opencl", RUNNER_COMPILE);
    static const char bad[] = "kernel void k(global float *x) { x[0] = undefined_thing; }\n";
    simple_plan(&p, "k", bad, 1);
    assert_int_equal(runner_compile(r, &p.plan, bad, LIMIT_MS, &binary, &err), RUNNER_BUILD_FAILED);
    assert_true(log_has(r, "undefined_thing"));
    static const char good[] = "kernel void k(global float *x, int n) { x[0] = n; }\n";
    simple_plan(&p, "k", good, 1);
    assert_int_equal(runner_compile(r, &p.plan, good, LIMIT_MS, &binary, &err), RUNNER_LAUNCH_FAILED);
    assert_true(log_has(r, "takes 2 arguments"));
    runner_free(r);
}

static void a_driver_that_is_not_there_is_named(void **state) {
    (void)state;
    char folder[] = "/tmp/portolan-test-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/gone.icd", folder);
    FILE *f = fopen(path, "w");
    fputs("libPortolanHasNoSuchDriver.so\n", f);
    fclose(f);
    setenv("OCL_ICD_VENDORS", folder, 1);
    struct rec_device d = device_of("opencl", "gone.icd");
    struct runner_config c = {.kind = RUNNER_MEASURE, .device = &d, .sandbox = true};
    struct error err = ERROR_INIT;
    assert_null(runner_start(&c, &err));
    assert_int_equal(err.code, ERR_DEVICE);
    assert_non_null(strstr(err.text, "gone.icd"));
    rec_set(&d.icd, "other.icd");
    assert_null(runner_start(&c, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    unsetenv("OCL_ICD_VENDORS");
    rec_device_done(&d);
    unlink(path);
    rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scripted_kernel_computes_in_the_arena),
        cmocka_unit_test(pocl_compiles_and_runs_a_kernel),
        cmocka_unit_test(rusticl_compiles_and_runs_a_kernel_without_event_times),
        cmocka_unit_test(a_crash_is_told_with_its_signal),
        cmocka_unit_test(a_refused_launch_keeps_the_drivers_words),
        cmocka_unit_test(what_the_device_has_too_little_of_is_named),
        cmocka_unit_test(a_lost_device_is_not_believed_once_a_candidate_ran),
        cmocka_unit_test(garbage_on_the_socket_ends_the_runner),
        cmocka_unit_test(a_hanging_kernel_is_killed_in_time),
        cmocka_unit_test(what_ended_a_runner_is_what_later_calls_say),
        cmocka_unit_test(a_forged_answer_arrives_and_the_real_one_gives_it_away),
        cmocka_unit_test(an_answer_to_a_question_not_yet_asked_ends_the_runner),
        cmocka_unit_test(a_flood_of_output_blocks_nothing_and_is_cut),
        cmocka_unit_test(a_write_out_of_bounds_lands_in_the_guard_band),
        cmocka_unit_test(a_candidate_reaches_nothing_inside_bubblewrap),
        cmocka_unit_test(a_candidate_reaches_nothing_without_bubblewrap_either),
        cmocka_unit_test(its_own_scratch_folder_is_writable),
        cmocka_unit_test(a_stopped_runner_uses_no_time_and_any_call_resumes_it),
        cmocka_unit_test(a_cancel_ends_a_call_in_flight),
        cmocka_unit_test(compilers_fail_crash_and_hang),
        cmocka_unit_test(the_preprocessor_refuses_what_it_must),
        cmocka_unit_test(pocl_says_what_is_wrong_with_a_kernel),
        cmocka_unit_test(a_driver_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
