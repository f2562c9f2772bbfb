/* Runners as a worker uses them: on the scripted device, where every misbehaviour can be had, and on PoCL, a real driver. */
#include "agent-node/worker/runner_client.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
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
    struct runner_config c = {.kind = kind, .device = &d, .arena_bytes = kind == RUNNER_MEASURE ? ARENA : 0,
                              .sandbox = true, .cancel = cancel};
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
    p->launch = (struct plan_launch){.n_args = n_args, .arg = p->arg, .dims = 1, .global = {N}, .local = {64},
                                     .has_local = true};
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
    for (int i = 0; i < 2; i++)
        assert_int_equal(runner_bind(r, program, slots[i], 3, GUARD, &set[i], &err), RUNNER_OK);
    return set[0];
}

static enum runner_status run_script(const char *text, struct runner **ret, int64_t limit_ms, struct error *err) {
    struct simple_plan p;
    struct runner *r = start("scripted", RUNNER_MEASURE);
    int set = load_script(r, &p, text);
    for (int i = 0; i < N; i++) floats(r, 0, 0)[i] = (float)i, floats(r, 0, 1)[i] = 1.0f;
    int64_t wall = 0;
    struct run_claim claim = {0};
    enum runner_status s = runner_run(r, &set, 1, limit_ms, &wall, &claim, err);
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

static void a_pocl_kernel_is_preprocessed_compiled_and_measured(void **state) {
    (void)state;
    static const char source[] =
        "#ifdef cl_khr_fp64\n#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n#endif\n"
        "#if __OPENCL_VERSION__ < 120\n#error too old\n#endif\n"
        "kernel void axpy(global const float *x, global const float *y, global float *z, float a) {\n"
        "  int i = get_global_id(0);\n  z[i] = a * x[i] + y[i] + SHIFT;\n}\n";
    struct error err = ERROR_INIT;
    struct simple_plan p;
    simple_plan(&p, "axpy", source, 4);
    __typeof__(*p.plan.macro) macro = {"SHIFT", 3};
    p.plan.macro = &macro;
    p.plan.n_macros = 1;
    struct runner *c = start("opencl", RUNNER_COMPILE);
    char *text = NULL;
    struct runner_binary binary = {0};
    if (runner_preprocess(c, &p.plan, LIMIT_MS, &text, &err) != RUNNER_OK) fail_msg("%s", err.text);
    assert_null(strstr(text, "SHIFT"));
    assert_non_null(strstr(text, "#pragma OPENCL EXTENSION cl_khr_fp64 : enable"));
    if (runner_compile(c, &p.plan, text, LIMIT_MS, &binary, &err) != RUNNER_OK) fail_msg("%s", err.text);
    assert_true(runner_reached_launch(c));
    runner_free(c);
    free(text);

    struct runner *r = start("opencl", RUNNER_MEASURE);
    int program = -1, set[2];
    if (runner_load(r, &p.plan, &binary, LIMIT_MS, &program, &err) != RUNNER_OK) fail_msg("%s", err.text);
    for (int i = 0; i < 2; i++)
        assert_int_equal(runner_bind(r, program, slots[i], 3, GUARD, &set[i], &err), RUNNER_OK);
    for (int s = 0; s < 2; s++)
        for (int i = 0; i < N; i++) floats(r, s, 0)[i] = (float)(i + s), floats(r, s, 1)[i] = 1.0f;
    assert_int_equal(runner_upload(r, set, 2, LIMIT_MS, &err), RUNNER_OK);
    int64_t wall = 0;
    struct run_claim claim = {0};
    if (runner_run(r, set, 2, LIMIT_MS, &wall, &claim, &err) != RUNNER_OK) fail_msg("%s", err.text);
    assert_true(wall > 0 && claim.span_ns > 0 && claim.span_ns <= wall && claim.sum_ns > 0);
    int outputs[] = {2};
    for (int s = 0; s < 2; s++) {
        assert_int_equal(runner_download(r, set[s], outputs, 1, LIMIT_MS, &err), RUNNER_OK);
        for (int i = 0; i < N; i++) assert_true(floats(r, s, 2)[i] == 0.5f * (float)(i + s) + 4.0f);
    }
    printf("pocl: %s, wall %.1f us, span %.1f us\n", runner_sandbox_level(r), (double)wall / 1e3,
           (double)claim.span_ns / 1e3);
    runner_free(r);
    free(binary.data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scripted_kernel_computes_in_the_arena),
        cmocka_unit_test(a_pocl_kernel_is_preprocessed_compiled_and_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
