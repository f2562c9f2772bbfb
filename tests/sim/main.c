/* sim_fleet: thousands of virtual agents in one process. See sim.h, and docs/scale.md for the fleet file. */
#include <signal.h>
#include <string.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/options.h"
#include "tests/sim/plane.h"
#include "tests/sim/sim.h"

#define LEAVE_MOST_MS 20000
#define WAIT_MOST_MS 200

static volatile sig_atomic_t stop_asked;

static void on_signal(int signal_number) {
    (void)signal_number;
    stop_asked = 1;
}

/* --- what comes in ---------------------------------------------------------------------------- */
static void on_record(struct sim *sim, const struct inbound *in) {
    if (in->desc == &rec_task_desc) {
        struct rec_task *task = in->rec;
        struct sim_node *node = map_get(sim->by_name, task->node);
        if (node) work_on_task(node, task);
    } else if (in->desc == &rec_command_desc) {
        const struct rec_command *command = in->rec;
        struct sim_node *node = map_get(sim->by_name, command->node);
        if (node) work_on_command(node, command);
    } else if (in->desc == &rec_desired_desc) {
        const struct rec_desired *desired = in->rec;
        struct sim_node *node = map_get(sim->by_name, desired->node);
        if (node) node_on_desired(node, desired);
    } else if (in->desc == &rec_node_desc) {
        const struct rec_node *record = in->rec;
        struct sim_node *node = map_get(sim->by_name, record->node);
        if (node) node_on_node(node, record, in->offset);
    }
}

static void on_delivered(struct sim_node *node, const struct inbound *in) {
    if (in->lives != node->lives) return;
    if (in->number)
        work_on_delivered(node, in->number, in->good);
    else if (in->good)
        node_on_registered(node, in->offset);
    else
        node_publish(node, "starting");
}

static void handle(struct sim *sim, const struct inbound *in) {
    if (in->kind == IN_RECORD) on_record(sim, in);
    if (in->kind == IN_DELIVERED) on_delivered(&sim->nodes[in->node], in);
    if (in->kind == IN_JOINED) node_on_joined(&sim->nodes[in->node], in->lives, in->good);
}

/* --- the loop --------------------------------------------------------------------------------- */
static void turn(struct sim *sim) {
    struct timer timer;
    int64_t wait_ms = timers_wait_ms(&sim->timers, clock_mono_ms());
    if (wait_ms < 0 || wait_ms > WAIT_MOST_MS) wait_ms = WAIT_MOST_MS;
    for (struct inbound *in = plane_take(sim->plane, (int)wait_ms), *next; in; in = next) {
        next = in->next;
        handle(sim, in);
        inbound_free(in);
    }
    int64_t now_ms = clock_mono_ms();
    while (timers_take(&sim->timers, now_ms, &timer)) node_on_timer(&sim->nodes[timer.node], &timer);
}

static bool is_idle(const struct sim *sim, int64_t idle_ms) {
    return idle_ms > 0 && sim->held == 0 && sim->busy_ms > 0 && clock_mono_ms() - sim->busy_ms >= idle_ms;
}

static void run(struct sim *sim, int64_t for_ms, int64_t idle_ms) {
    int64_t start_ms = clock_mono_ms();
    bool told = false;
    for (size_t i = 0; i < sim->node_count; i++) node_start(&sim->nodes[i]);
    while (!stop_asked && (for_ms <= 0 || clock_mono_ms() - start_ms < for_ms) && !is_idle(sim, idle_ms)) {
        turn(sim);
        if (told || sim->joined_count < sim->node_count) continue;
        told = true;
        printf("{\"ready\":%zu,\"took_ms\":%lld}\n", sim->joined_count, (long long)(clock_mono_ms() - start_ms));
        fflush(stdout);
    }
}

static void leave_all(struct sim *sim) {
    int64_t end_ms = clock_mono_ms() + LEAVE_MOST_MS;
    bool left = false;
    sim->stopping = true;
    for (size_t i = 0; i < sim->node_count; i++) node_leave(&sim->nodes[i], -1);
    while (!left && clock_mono_ms() < end_ms) {
        turn(sim);
        left = true;
        for (size_t i = 0; i < sim->node_count && left; i++) left = sim->nodes[i].life == LIFE_OFF;
    }
}

/* --- the program ------------------------------------------------------------------------------ */
static int load(struct sim *sim, const struct options *o, struct error *err) {
    const char *const *list;
    char **args;
    size_t n = options_args(o, &args);
    for (size_t i = 0; i < n; i++)
        if (script_load(sim, args[i], err) != 0) return -1;
    n = options_list(o, "group", &list);
    for (size_t i = 0; i < n; i++)
        if (script_add_group(sim, list[i], err) != 0) return -1;
    n = options_list(o, "verdict", &list);
    for (size_t i = 0; i < n; i++)
        if (script_add_verdict(sim, list[i], err) != 0) return -1;
    if (options_given(o, "seed")) sim->seed = (uint64_t)options_int(o, "seed");
    if (options_given(o, "speed")) sim->speed = options_double(o, "speed");
    if (sim->speed <= 0) return error_set(err, ERR_USAGE, "--speed must be above 0");
    if (!sim->group_count) return error_set(err, ERR_USAGE, "no group: give a fleet file, or --group");
    if (!options_string(o, "bootstrap")) return error_set(err, ERR_USAGE, "--bootstrap is needed");
    return 0;
}

static int open_all(struct sim *sim, const struct options *o, struct error *err) {
    const char **keys, **values;
    const char *trace = options_string(o, "trace");
    size_t n = options_properties(o, "kafka", &keys, &values);
    struct plane_config config = {.bootstrap = options_string(o, "bootstrap"),
                                  .prefix = options_string(o, "prefix"),
                                  .keys = keys,
                                  .values = values,
                                  .property_count = n,
                                  .consumers = (int)options_int(o, "consumers"),
                                  .mailboxes = sim->node_count};
    if (trace && !(sim->trace = fopen(trace, "we"))) return error_set(err, ERR_IO, "%s cannot be written", trace);
    if (sim->trace) setvbuf(sim->trace, NULL, _IOLBF, 0);
    if (config.consumers < 1) return error_set(err, ERR_USAGE, "--consumers must be at least 1");
    sim->plane = plane_new(&config, err);
    return sim->plane ? 0 : -1;
}

static void sim_done(struct sim *sim) {
    nodes_free(sim);
    plane_free(sim->plane);
    timers_done(&sim->timers);
    script_done(sim);
    rec_task_done(&sim->last_task);
    if (sim->trace) fclose(sim->trace);
}

static int run_fleet(const struct options *o) {
    CLEANUP(sim_done) struct sim sim = {.seed = 1, .speed = 1};
    struct error err = ERROR_INIT;
    int64_t start_ms = clock_mono_ms();
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_signal}, NULL);
    sigaction(SIGINT, &(struct sigaction){.sa_handler = on_signal}, NULL);
    rec_task_init(&sim.last_task);
    if (load(&sim, o, &err) != 0) return program_fail("sim_fleet", &err);
    nodes_make(&sim);
    if (open_all(&sim, o, &err) != 0) return program_fail("sim_fleet", &err);
    run(&sim, (int64_t)(1000 * options_double(o, "for")), (int64_t)(1000 * options_double(o, "idle")));
    if (!options_flag(o, "abrupt")) leave_all(&sim);
    report_print(&sim, stdout, clock_mono_ms() - start_ms);
    return 0;
}

static const struct option_spec options[] = {
    {"bootstrap", 0, OPTION_STRING, "HOST:PORT,...", NULL, NULL, "Kafka's brokers."},
    {"prefix", 0, OPTION_STRING, "TEXT", NULL, "portolan.", "Prefix of the topics' names."},
    {"kafka", 0, OPTION_LIST, "KEY=VALUE", NULL, NULL, "A property of librdkafka. May be repeated."},
    {"group", 0, OPTION_LIST, "MAPPING", NULL, NULL,
     "A group of nodes as in a fleet file, such as '{name: good, nodes: 10, targets: [sim-cpu]}'. May be repeated."},
    {"verdict", 0, OPTION_LIST, "PATTERN=VERDICT", NULL, NULL,
     "What kernels of that name deserve; others are correct. May be repeated."},
    {"seed", 0, OPTION_INT, "N", NULL, "1", "Where all chance comes from."},
    {"speed", 0, OPTION_DOUBLE, "X", NULL, "1", "Virtual seconds in a real one: tasks take so much less."},
    {"consumers", 0, OPTION_INT, "N", NULL, "4", "Kafka consumers that share the mailboxes, 16 at most."},
    {"for", 0, OPTION_DOUBLE, "SECONDS", NULL, "0", "End after that time; 0: never."},
    {"idle", 0, OPTION_DOUBLE, "SECONDS", NULL, "0",
     "End when no node has held a task for that time, once one had; 0: never."},
    {"abrupt", 0, OPTION_FLAG, NULL, NULL, NULL, "End without a farewell."},
    {"trace", 0, OPTION_STRING, "FILE", NULL, NULL, "A line of JSON for everything that happens to an attempt."},
    {0},
};
static const struct command command = {
    .name = "run",
    .usage = "run [FLEET.yaml] [options]",
    .summary = "Run a simulated fleet against a coordinator's Kafka.",
    .details =
        "Prints a line of JSON when all nodes are ready, and statistics by group at the end (SIGTERM, --for, --idle).",
    .options = options,
    .run = run_fleet,
};

int main(int argc, char **argv) {
    static const struct command *const commands[] = {&command, NULL};
    return program_main("sim_fleet", "A simulated fleet: many virtual agents over few Kafka handles", commands, argc,
                        argv);
}
