/* A fleet of virtual agents in one process, over few Kafka handles: what they say is real (schemas, registration,
 * heartbeats, attempts), what they do is scripted. One thread owns nodes and jobs; plane.c's threads talk to Kafka.
 *
 * Chance is drawn from SEED and names (node, kernel, problem, target, size, number of the attempt), not from the order
 * of events: the same fleet does the same to the same campaign again. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/error.h"
#include "coordinator/map.h"
#include "records.h"
#include "tests/sim/stats.h"
#include "tests/sim/timers.h"

#define SIM_NAME_SIZE 128
#define SIM_INCARNATION_DIGITS 32

struct plane;
struct sim;

/* --- what the script says --------------------------------------------------------------------------------------- */
struct sim_patterns {
    char **items; /* fnmatch(3) over kernel names */
    size_t count;
};
/* What a lying node sends beside the truth, and with which probability for an attempt. */
enum sim_lie {
    LIE_GARBAGE,       /* bytes that no schema explains */
    LIE_IDS,           /* task_id, attempt and attempt_id that do not fit together */
    LIE_UNKNOWN,       /* a verdict for a task that nobody planned */
    LIE_STOLEN,        /* a verdict for another node's attempt */
    LIE_INCARNATION,   /* as of another start of the agent */
    LIE_EPOCH,         /* as of another start of the coordinator */
    LIE_VERDICT,       /* a verdict that is none */
    LIE_FOREIGN,       /* a record of another type on `attempts` */
    LIE_HELD,          /* a heartbeat with attempts that it never had */
    LIE_DUPLICATE,     /* the truth twice */
    LIE_CONTRADICTION, /* after the truth its opposite */
    LIE_COUNT
};
struct sim_group {
    char name[SIM_NAME_SIZE];
    int64_t nodes, devices;
    char (*targets)[SIM_NAME_SIZE]; /* device i serves targets[i % target_count], node after node */
    size_t target_count;
    double task_ms[2]; /* uniform between them; virtual time */
    /* probabilities for an attempt */
    double fail, busy, silent, lose, late;
    double lie[LIE_COUNT];
    struct sim_patterns fail_on, die_on, hang_on;
    /* seconds between, exponentially distributed; 0 for never. After *_back_s it is there again; < 0: never */
    double die_every_s, die_back_s, flap_every_s, flap_back_s, freeze_every_s, freeze_s;
    double late_s;  /* how long a `late` result is kept back, unlisted */
    bool deaf;      /* follows no command */
    bool unhealthy; /* its devices fail the health checks that they are asked for */
    int64_t protocol;
    char trouble[SIM_NAME_SIZE];
    double health_ms;
    struct sim_stats stats;
};

/* --- what there is ------------------------------------------------------------------------------------------------ */
enum sim_job_state { SIM_QUEUED, SIM_RUNNING, SIM_REPORTING };
struct sim_job {
    struct rec_task task; /* without its texts */
    uint64_t serial;
    enum sim_job_state state;
    int64_t since_ms, run_ms;
    bool silent, unlisted;
    uint8_t *report; /* kept until it is delivered */
    size_t report_len;
    struct sim_job *next;
};
struct sim_device {
    char id[SIM_NAME_SIZE];
    const char *target;
    struct sim_job *running;
    int64_t health_checks, failing_since_ms;
    bool check_asked, checking, failing;
};
enum node_life {
    LIFE_OFF,      /* dead or left */
    LIFE_STARTING, /* registered, no mailbox yet */
    LIFE_READY,
    LIFE_LEAVING, /* waits for its reports to arrive */
};
struct sim_node {
    struct sim *sim;
    struct sim_group *group;
    size_t index;
    char name[SIM_NAME_SIZE];
    char incarnation[SIM_INCARNATION_DIGITS + 1];
    enum node_life life;
    uint32_t lives; /* counted at each start and end: timers of an earlier life are void */
    uint64_t rng;
    struct sim_device *devices;
    struct sim_job *first;
    char topic[256]; /* mailbox; "" before it is known */
    int32_t partition;
    bool joined, was_ready;    /* the latter in any life */
    int64_t registered_offset; /* of its latest `starting`; -1 before the broker told */
    int64_t epoch, lease_ms, sequence, started_ms;
    int64_t node_sequence, desired_epoch, desired_sequence;
    int64_t beat_ms, frozen_until_ms;
    bool beat_soon, beat_armed;
    char desired[32];
};
struct sim {
    uint64_t seed;
    double speed; /* virtual seconds in a real one */
    struct sim_group *groups;
    size_t group_count;
    struct sim_patterns verdict_patterns;
    char **verdicts; /* of the pattern with the same index */
    struct sim_node *nodes;
    size_t node_count;
    struct map *by_name;
    struct timers timers;
    struct plane *plane;
    uint64_t serials;
    size_t ready_count, joined_count, held; /* nodes in service; nodes that were once; attempts */
    int64_t busy_ms;                        /* when something was held or received last */
    struct rec_task last_task;              /* for thieves: somebody's */
    char last_incarnation[SIM_INCARNATION_DIGITS + 1], last_node[SIM_NAME_SIZE];
    FILE *trace;
    bool stopping;
};

/* --- script.c: the fleet file ----------------------------------------------------------------- */
/* A file (`groups:`, `verdicts:`, `seed:`, `speed:`) or a single group as a flow mapping. ERR_INVALID with the line. */
int script_load(struct sim *sim, const char *path, struct error *err);
int script_add_group(struct sim *sim, const char *yaml, struct error *err);
/* "PATTERN=VERDICT". ERR_USAGE. */
int script_add_verdict(struct sim *sim, const char *text, struct error *err);
bool sim_matches(const struct sim_patterns *patterns, const char *name);
void script_done(struct sim *sim);
const char *sim_lie_name(enum sim_lie lie);
/* The verdict that a kernel deserves, on every device: that of the first pattern, else `correct`. */
const char *sim_verdict(const struct sim *sim, const char *kernel);

/* --- chance ------------------------------------------------------------------------------------------------------- */
/* Uniform in [0, 1) for (seed, what, node, task, attempt): always the same. */
double sim_draw(const struct sim_node *node, const struct rec_task *task, const char *what);
/* Uniform in [0, 1), the node's next. */
double sim_next(struct sim_node *node);
/* Exponential with this mean. */
double sim_wait_s(struct sim_node *node, double mean_s);
uint64_t sim_hash(uint64_t h, const char *text);

/* --- node.c: a node's life ---------------------------------------------------------------------------------------- */
void nodes_make(struct sim *sim);
void nodes_free(struct sim *sim);
void node_start(struct sim_node *node);
/* No farewell: heartbeats stop, all it held is forgotten. back_s < 0: for ever. */
void node_die(struct sim_node *node, double back_s);
/* Gives its work back and says so. */
void node_leave(struct sim_node *node, double back_s);
void node_on_registered(struct sim_node *node, int64_t offset);
void node_on_desired(struct sim_node *node, const struct rec_desired *desired);
void node_on_joined(struct sim_node *node, uint32_t lives, bool good);
/* Somebody else's later registration under its name ends it. */
void node_on_node(struct sim_node *node, const struct rec_node *record, int64_t offset);
void node_on_timer(struct sim_node *node, const struct timer *timer);
/* A heartbeat is due sooner, since something began. */
void node_beat_soon(struct sim_node *node);
/* Publish the inventory anew. */
void node_publish(struct sim_node *node, const char *state);
/* Its last report was delivered while it was leaving. */
void node_check_left(struct sim_node *node);

/* --- work.c: tasks ---------------------------------------------------------------------------- */
void work_on_task(struct sim_node *node, struct rec_task *task);
void work_on_command(struct sim_node *node, const struct rec_command *command);
/* Its time is over. */
void work_on_due(struct sim_node *node, uint64_t serial);
/* Start what can start. */
void work_start(struct sim_node *node);
/* Forget everything. */
void work_drop(struct sim_node *node);
/* Give back what waits, and what runs too. */
void work_return(struct sim_node *node, const char *outcome, const char *reason, bool running_too);
void work_list(const struct sim_node *node, struct rec_list_held *list);
/* A delivery report of a result. */
void work_on_delivered(struct sim_node *node, uint64_t serial, bool good);
void work_on_retry(struct sim_node *node, uint64_t serial);
/* A health check of device i is over. */
void work_on_checked(struct sim_node *node, size_t device);

/* --- attempt.c: what is reported -------------------------------------------------------------- */
/* Initialises and fills *ret; the caller releases it. `verdict` NULL: outcome `infrastructure` or `cancelled` for
 * `reason`. */
void attempt_fill(const struct sim_node *node, const struct sim_job *job, const char *outcome, const char *verdict,
                  const char *reason, struct rec_attempt *ret);
/* lies.c: send what the script has a liar say about an attempt, before or after the truth. */
void lies_before(struct sim_node *node, const struct sim_job *job, const struct rec_attempt *truth);
void lies_after(struct sim_node *node, const struct sim_job *job, const struct rec_attempt *truth);

/* --- report.c --------------------------------------------------------------------------------- */
/* A line of NDJSON for each group, and one for all. */
void report_print(const struct sim *sim, FILE *out, int64_t took_ms);
/* A line of the trace: what, when (ms of the monotonic clock), which attempt where. */
void report_trace(const struct sim_node *node, const struct rec_task *task, const char *what);
