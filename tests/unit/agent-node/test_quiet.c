/* Waiting for a quiet device, on a made-up machine and over a library that is built here in NVML's place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent-node/worker/timing/quiet.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/fileio.h"

/* A machine whose others use `foreign` of it until `quiet_ns` on the clock. */
struct machine {
    double foreign;
    int64_t quiet_ns;
};
static int64_t machine_ns(void *context) {
    const struct machine *m = context;
    int64_t now_ns = clock_mono_ns(), busy_ns = now_ns < m->quiet_ns ? now_ns : m->quiet_ns;
    return (int64_t)(m->foreign * 2 * (double)busy_ns);
}
static int64_t self_ns(void *context) {
    return (void)context, 0;
}
static int64_t now_ns(void *context) {
    return (void)context, clock_mono_ns();
}

struct scene {
    char folder[64];
    struct machine machine;
    struct load_source load;
    struct worker worker;
    struct rec_task task;
    struct rec_attempt out;
    struct worker_hooks hooks;
    volatile bool cancel;
    bool cancel_when_waiting;
    int told;
    char phase[40], detail[200];
    struct trial trial;
    struct finding finding;
};

static void on_progress(void *context, const char *phase, double done, const char *detail) {
    struct scene *s = context;
    s->told++;
    assert_true(done >= 0 && done < 1);
    snprintf(s->phase, sizeof s->phase, "%s", phase);
    snprintf(s->detail, sizeof s->detail, "%s", detail);
    s->cancel = s->cancel_when_waiting;
}

static int begin(void **state) {
    struct scene *s = xcalloc(1, sizeof *s);
    strcpy(s->folder, "/tmp/portolan-quiet-XXXXXX");
    if (!mkdtemp(s->folder)) return -1;
    setenv("PORTOLAN_LOCK_DIR", s->folder, 1);
    s->machine = (struct machine){.foreign = 0.5, .quiet_ns = INT64_MAX};
    s->load = (struct load_source){
        .machine_ns = machine_ns, .self_ns = self_ns, .now_ns = now_ns, .context = &s->machine, .cores = 2};
    rec_device_init(&s->worker.device);
    s->worker.device.host_memory = true;
    s->worker.load = &s->load;
    s->worker.quiet_ms = 700;
    s->worker.domain = domain_lock_new("quiet", "dev");
    rec_task_init(&s->task);
    s->task.busy_left = 1;
    rec_attempt_init(&s->out);
    s->hooks = (struct worker_hooks){.progress = on_progress, .context = s, .cancel = &s->cancel};
    s->trial = (struct trial){.worker = &s->worker, .task = &s->task, .hooks = &s->hooks, .out = &s->out};
    if (trial_lock(&s->trial, DOMAIN_EXCLUSIVE, &s->finding) != 0) return -1;
    *state = s;
    return 0;
}
static int end(void **state) {
    struct scene *s = *state;
    finding_done(&s->finding);
    sensors_close(s->worker.sensors);
    domain_lock_free(s->worker.domain);
    rec_device_done(&s->worker.device);
    rec_task_done(&s->task);
    rec_attempt_done(&s->out);
    dir_remove(s->folder, NULL);
    free(s);
    return 0;
}

static void assert_goes_on(struct scene *s) {
    if (quiet_await(&s->trial, &s->finding) != 0) fail_msg("%s", s->finding.text);
    assert_int_equal(domain_lock_mode(s->worker.domain), DOMAIN_EXCLUSIVE);
}

static void a_quiet_machine_is_timed_on_without_a_word(void **state) {
    struct scene *s = *state;
    s->machine.foreign = 0.02;
    assert_goes_on(s);
    assert_int_equal(s->told, 0);
}

static void a_busy_one_is_waited_for_and_the_phase_says_so(void **state) {
    struct scene *s = *state;
    s->machine.quiet_ns = clock_mono_ns() + 300000000;
    s->worker.quiet_ms = 20000;
    assert_goes_on(s);
    assert_true(s->told >= 1);
    assert_string_equal(s->phase, "waiting for a quiet device");
    assert_non_null(strstr(s->detail, "% of the processors"));
}

static void patience_ends_with_a_busy_machine(void **state) {
    struct scene *s = *state;
    assert_int_equal(quiet_await(&s->trial, &s->finding), -1);
    assert_int_equal(s->finding.kind, FINDING_BUSY);
    assert_non_null(strstr(s->finding.text, "others use 5")); /* 50 %, give or take */
    assert_non_null(strstr(s->finding.text, "for the 1 s that timing waited"));
    assert_true(s->told >= 2);
}

static void where_times_are_noted_nobody_waits(void **state) {
    struct scene *s = *state;
    s->worker.notes_load = true;
    assert_goes_on(s);
    assert_int_equal(s->told, 0);
}

static void a_policy_that_notes_them_in_the_end_times_after_the_wait(void **state) {
    struct scene *s = *state;
    s->task.busy_left = 0;
    rec_set(&s->task.policy.busy, "note");
    assert_goes_on(s);
    assert_true(s->told >= 1);
}

static void a_cancel_ends_the_wait(void **state) {
    struct scene *s = *state;
    s->worker.quiet_ms = 60000;
    s->cancel_when_waiting = true;
    int64_t from_ms = clock_mono_ms();
    assert_int_equal(quiet_await(&s->trial, &s->finding), -1);
    assert_int_equal(s->finding.kind, FINDING_CANCELLED);
    assert_true(clock_mono_ms() - from_ms < 30000);
}

static void a_coarse_counter_has_its_grain_forgiven(void **state) {
    struct scene *s = *state;
    s->machine.foreign = 0.05;
    s->load.grain_ns = 2e7; /* a tick on each of two processors */
    assert_goes_on(s);
    assert_int_equal(s->told, 0);
}

/* --- a GPU ------------------------------------------------------------------------------------ */
static const char STANDIN[] =
    "#include <stdlib.h>\n"
    "int nvmlInit_v2(void) { return 0; }\n"
    "int nvmlShutdown(void) { return 0; }\n"
    "int nvmlDeviceGetHandleByPciBusId_v2(const char *id, void **ret) { *ret = (void *)id; return 0; }\n"
    "struct info { unsigned pid; unsigned long long memory; unsigned gi, ci; };\n"
    "int nvmlDeviceGetComputeRunningProcesses_v3(void *d, unsigned *n, struct info *ret) {\n"
    "    const char *pid = getenv(\"NVML_PID\"); (void)d; *n = pid ? 1 : 0;\n"
    "    if (pid) ret[0].pid = atoi(pid); return 0; }\n"
    "int nvmlDeviceGetUtilizationRates(void *d, unsigned *ret) {\n"
    "    const char *share = getenv(\"NVML_SHARE\"); (void)d; if (share) *ret = atoi(share); return share ? 0 : 3; }\n";

static void use_nvidia(struct scene *s) {
    CLEANUP_FREE char *source = path_join(s->folder, "nvml.c"), *library = path_join(s->folder, "nvml.so");
    CLEANUP_FREE char *command = xasprintf("cc -shared -fPIC -o %s %s 2>&1", library, source);
    assert_int_equal(file_write_durable(source, STANDIN, strlen(STANDIN), 0600, NULL), 0);
    assert_int_equal(system(command), 0);
    s->worker.device.host_memory = false;
    rec_set(&s->worker.device.vendor, "NVIDIA Corporation");
    rec_set(&s->worker.device.domain, "pci-0000:65:00.0");
    s->worker.sensors = sensors_open(&s->worker.device, "/", library);
    assert_non_null(s->worker.sensors);
    unsetenv("NVML_PID");
    unsetenv("NVML_SHARE");
}

static void with_process(pid_t pid) {
    char text[16];
    snprintf(text, sizeof text, "%d", (int)pid);
    setenv("NVML_PID", text, 1);
}

static void a_gpu_that_a_stranger_computes_on_is_busy(void **state) {
    struct scene *s = *state;
    use_nvidia(s);
    assert_goes_on(s); /* nobody */
    with_process(getppid());
    assert_int_equal(quiet_await(&s->trial, &s->finding), -1);
    assert_int_equal(s->finding.kind, FINDING_BUSY);
    assert_non_null(strstr(s->finding.text, "1 other process computes on the device"));
}

static void one_that_leaves_it_alone_disturbs_nobody(void **state) {
    struct scene *s = *state;
    use_nvidia(s);
    with_process(getppid());
    setenv("NVML_SHARE", "0", 1);
    assert_goes_on(s);
    setenv("NVML_SHARE", "12", 1);
    assert_int_equal(quiet_await(&s->trial, &s->finding), -1);
}

static void processes_of_our_own_are_not_others(void **state) {
    struct scene *s = *state;
    use_nvidia(s);
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    with_process(child); /* as a runner is */
    int status = quiet_await(&s->trial, &s->finding);
    with_process(getpid());
    assert_goes_on(s);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    with_process(child); /* gone, or another namespace's */
    assert_goes_on(s);
    assert_int_equal(status, 0);
    assert_false(quiet_is_ours(1, NULL));
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(a_quiet_machine_is_timed_on_without_a_word),
        T(a_busy_one_is_waited_for_and_the_phase_says_so),
        T(patience_ends_with_a_busy_machine),
        T(where_times_are_noted_nobody_waits),
        T(a_policy_that_notes_them_in_the_end_times_after_the_wait),
        T(a_cancel_ends_the_wait),
        T(a_coarse_counter_has_its_grain_forgiven),
        T(a_gpu_that_a_stranger_computes_on_is_busy),
        T(one_that_leaves_it_alone_disturbs_nobody),
        T(processes_of_our_own_are_not_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
