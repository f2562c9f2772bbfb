/* The coordinator's state and what happens to it: campaigns, tasks, attempts, nodes. One thread owns it (loop.c);
 * nothing here blocks, talks to the broker or reads a clock but the injected one. A call changes memory and writes the
 * store inside the open transaction; what must follow the commit - records to send, mailboxes to make - is left as
 * effects.
 *
 * Errors: ERR_IO and ERR_NOMEM mean that memory and store may differ: the process must end and start again from the
 * store. All other errors are the caller's (a wrong submission, an unknown id) and left nothing behind. */
#pragma once
#include "common/cleanup.h"
#include "coordinator/heap.h"
#include "coordinator/map.h"
#include "coordinator/schedule/lease.h"
#include "coordinator/store/store.h"
#include "fleet/target/rules.h"
#include "records.h"
#include "schemas/codec.h"

#define ATTEMPTS_MAX 3  /* attempts that may fail before a task is given up */
#define BUSY_MAX 10     /* times a task goes back for a busy machine before its verdict is taken without times */
#define BUSY_NOTE_MAX 2 /* the same where its policy takes times from a busy machine in the end */
#define TASKS_PER_CAMPAIGN_MAX 100000
#define NODES_MAX 4096

/* Time as the coordinator sees it; tests set their own. */
struct coordinator_clock {
    int64_t (*mono_ms)(void *context);
    int64_t (*wall_ms)(void *context);
    void *context;
};

struct campaign;
struct suite;    /* plan/suite.h */
struct webhooks; /* sweep/webhook.h */
struct texts;    /* texts.h */
struct gc;
struct sweeps; /* sweep/sweep.h */
struct fleet_node;
struct health; /* schedule/quarantine.h */
struct device {
    struct fleet_node *node;
    const struct rec_device *info; /* in node->info */
    char target[TARGET_SIZE];      /* by the coordinator's rules */
    int held;                      /* attempts in its mailbox or running */
    int level;                     /* where slots.c lists it by `held`; -1: nowhere */
    struct device *level_prev, *level_next;
    struct health *health; /* among the node's */
};
struct fleet_node {
    struct row_node row;
    struct rec_node *info;
    struct device *devices;
    size_t device_count;
    struct health *health; /* of the node as a whole, then of its devices */
    bool loss_counted;     /* its silence stands among its failures already */
    bool heard;            /* a heartbeat, or its registration, came since the link is up */
    bool mailbox_ready;    /* its topic exists */
    int64_t lease_until;   /* in lease time */
    int64_t heard_mono_ms;
    int64_t beat_sequence; /* of the latest heartbeat of this incarnation */
    double load_1m;
};
struct attempt {
    struct row_attempt row;
    struct task *task;
    struct attempt *next; /* of the same task */
    size_t index;         /* in core->open */
    uint64_t order;       /* of being handed out: agents take a device's attempts in it */
    int64_t lease_until;  /* in lease time; runs from the delivery report */
    bool holds_slot;      /* counted in its device's `held` */
    bool presumed;        /* taken for one that ran when its node was lost, though no heartbeat said so */
    double charged_ms;    /* what its campaign was charged for it (queue.h); 0 when that is settled */
    int64_t ran_mono_ms;  /* when it was first heard of as running; 0 before */
    struct attempt_sign { /* what heartbeats said of it last (schedule/limits.h) */
        bool heard;
        char phase[32];
        double progress;
        int64_t steps;
        int64_t moved_ms; /* lease time of its last change */
    } sign;
};
struct task {
    struct row_task row;
    struct campaign *campaign;
    struct attempt *attempts;  /* live ones: publishing, open, lapsed */
    struct rec_result *result; /* once accepted */
    int64_t not_before_ms;     /* monotonic: back off before the next attempt */
    char phase[32];
    double progress;
    uint64_t changed;  /* core->change of its latest change */
    bool in_queue;     /* or backing off */
    struct flow *flow; /* queue.c: of its campaign and target; NULL before it was queued */
    struct lane *lane; /* while it is in the queue */
    size_t lane_place, backoff_place;
};
struct campaign {
    struct row_campaign row;
    struct task **tasks; /* in the order of planning */
    size_t task_count, task_room;
    int64_t counts[TASK_STATE_COUNT];
    uint64_t changed;
    int64_t ended_mono_ms;      /* dropped from memory some time after; 0 while running */
    bool detached;              /* a copy for reading: not indexed, freed by campaign_release() */
    struct flow *flows;         /* its places in the queues */
    struct campaign_file *file; /* plan/definition.h; NULL until file_read, and for what has none */
    bool file_read;
    struct map *open_cells; /* plan/promotion.h */
    int64_t queue_due_ms;   /* service time when a task may be too long in the queue */
};

/* What has to happen after the commit, in this order. */
enum effect_kind { EFFECT_SEND, EFFECT_MAILBOX };
struct effect {
    enum effect_kind kind;
    char *topic; /* short name; EFFECT_MAILBOX: the node */
    int32_t partition;
    char *key;
    uint8_t *value;
    size_t len;
    char *attempt; /* "task.n" whose delivery is to be reported, or NULL */
};

/* How long the store keeps things after their end (retention.h); 0: for ever. */
struct retention {
    int64_t campaigns_ms, tries_ms, attempts_ms;
};

struct core_config {
    const char *prefix;
    const char *problems_dir; /* of the shipped problems, or NULL */
    const char *fleet_file;   /* target rules, or NULL */
    int64_t lease_ms;
    int window;        /* attempts in a device's mailbox at a time */
    int64_t settle_ms; /* after the link is up, how long cells without a device wait at least */
    int64_t absent_ms; /* lease time after which a target without any device gives its tasks up */
    struct retention retention;
    bool approve_nodes; /* unknown nodes wait for `portolan node approve` */
};
/* What is known of the broker, for people. */
struct link_status {
    bool connected, tried;
    bool embedded;
    char bootstrap[256], cluster_id[128], last_error[512];
};
/* Of the external schema registry, for people. */
struct registry_status {
    char url[256]; /* "": none is configured, this coordinator is the registry */
    bool waiting;  /* results wait for it */
    char last_error[512];
};
struct metrics {
    int64_t results, deadletters, lapses, ticks, quarantines, published;
    int64_t attempts[ATTEMPT_STATE_COUNT];
};
struct core {
    struct store *store;
    struct codec *codec;
    struct coordinator_clock clock;
    struct core_config config;
    struct target_rules *rules; /* NULL: the built-in ones alone */
    struct suite *shipped;
    struct gc *gc; /* retention.c's */
    struct sweeps *sweeps;
    struct texts *texts;
    struct map *tasks, *campaigns, *nodes, *queues;
    struct map *summaries; /* of ended campaigns, as JSON text: they do not change any more */
    struct attempt **open; /* live attempts of all tasks */
    size_t open_count, open_room;
    struct lease_clock lease;
    struct link_status link;
    int64_t nodes_high;     /* records of nodes from this offset on are news */
    bool linked;            /* topics are there and assigned, and a broker answers */
    int64_t linked_mono_ms; /* when the link came up last; valid while linked */
    uint32_t revision_counter;
    uint64_t attempt_orders;
    int64_t known_since;                       /* attempts of earlier epochs may be of a store that is gone */
    int64_t strangers;                         /* such attempts that reported, since it was last said */
    int64_t strangers_mono_ms;                 /* when it was last said */
    int64_t desired_count;                     /* `desired` records of this epoch */
    uint64_t change;                           /* counts changes that streams show */
    int32_t schema_result, schema_measurement; /* the store's ids; on the topics as publish/wire.h says */
    struct registry_status registry;
    struct webhooks *webhooks; /* the coordinator's; NULL: digests wait in the store */
    int64_t digests_dropped;   /* since the start */
    struct effect *effects;
    size_t effect_count, effect_room;
    struct metrics metrics;
    struct heap backing_off;                              /* queued tasks with not_before_ms (schedule/backoff.h) */
    struct slots *slots;                                  /* devices by what they hold (schedule/slots.h) */
    bool fleet_changed;                                   /* nodes or devices did: `slots` is of the past */
    int64_t up_base_ms, service_base_ms, clocks_saved_ms; /* clocks.h */
    bool announce_wanted;                                 /* cluster or epoch are other ones than was announced */
    bool schedule_wanted;                                 /* something changed that may let a task start */
    bool plan_wanted; /* a node said something new: campaigns may gain cells (plan/plan.h) */
};

/* Whether an error means that memory and store may differ. */
static inline bool core_is_broken(const struct error *err) {
    return err->code == ERR_IO || err->code == ERR_NOMEM;
}

/* Whether a device takes work may have changed: presence, state, health, what it reports. */
static inline void core_fleet_changed(struct core *core) {
    core->fleet_changed = core->schedule_wanted = true;
}

/* --- life ------------------------------------------------------------------------------------- */
/* Takes `store` and `codec`; loads what is running. NULL with err, and both are still the caller's then. */
struct core *core_new(struct store *store, struct codec *codec, const struct coordinator_clock *clock,
                      const struct core_config *config, struct error *err);
void core_free(struct core *core);
DEFINE_CLEANUP(cleanup_core, struct core *, core_free)
int64_t core_mono_ms(const struct core *core);
int64_t core_wall_ms(const struct core *core);
int64_t core_next_revision(struct core *core);

/* --- containers ------------------------------------------------------------------------------- */
struct campaign *core_campaign(struct core *core, const char *id);                   /* in memory; NULL */
struct task *core_task(struct core *core, const char *id);                           /* in memory; NULL */
struct fleet_node *core_node(struct core *core, const char *name);                   /* NULL */
struct device *core_device(struct core *core, const char *node, const char *device); /* NULL */
struct attempt *task_attempt(const struct task *task, int n);                        /* a live one, or NULL */
/* In memory, else loaded from the store as a detached copy; end with campaign_release(). ERR_NOT_FOUND, ERR_CONFLICT.
 */
struct campaign *core_campaign_view(struct core *core, const char *id, struct error *err);
void campaign_release(struct campaign *campaign); /* frees detached ones only; accepts NULL */
DEFINE_CLEANUP(cleanup_campaign_view, struct campaign *, campaign_release)
/* Index a campaign whose row is in the store. */
struct campaign *core_campaign_add(struct core *core, const struct row_campaign *row);
/* Add a task whose row is in the store; queues it if it is queued. */
struct task *core_task_add(struct core *core, struct campaign *campaign, const struct row_task *row);
/* Forget a task (its row was deleted). */
void core_task_drop(struct core *core, struct task *task);
/* Forget an ended campaign's memory; the store keeps it. */
void core_campaign_drop(struct core *core, struct campaign *campaign);
struct attempt *core_attempt_add(struct core *core, struct task *task, const struct row_attempt *row);
/* Take it off the live ones, release its slot and free it. */
void core_attempt_drop(struct core *core, struct attempt *attempt);
void core_attempt_release_slot(struct core *core, struct attempt *attempt);
/* Count it on its device again; no-op where it is counted, or the device is gone. */
void core_attempt_hold_slot(struct core *core, struct attempt *attempt);

/* --- changes ---------------------------------------------------------------------------------- */
/* Move to `state`, write the row, count, and let streams know. */
int core_task_set(struct core *core, struct task *task, enum task_state state, struct error *err);
/* An attempt of the task is out. Memory only: the row of a live attempt says it, and is read so at a start. */
void core_task_published(struct core *core, struct task *task);
/* Streams show it anew. */
void core_task_changed(struct core *core, struct task *task);
int core_attempt_set(struct core *core, struct attempt *attempt, enum attempt_state state, const char *reason,
                     struct error *err);
/* PUBLISHING to OPEN. Memory only: whether a record arrived is not known after a start, and taken for granted. */
void core_attempt_opened(struct core *core, struct attempt *attempt);
/* End a campaign all of whose tasks have ended: state, exit status, record for the `campaigns` topic. */
int core_campaign_check(struct core *core, struct campaign *campaign, struct error *err);

/* --- effects ---------------------------------------------------------------------------------- */
/* Queue a record in the single-object encoding. `attempt` may be NULL. ERR_LIMIT: the record is too large. */
int core_send(struct core *core, const char *topic, int32_t partition, const char *key, const struct rec_desc *desc,
              const void *rec, const char *attempt, struct error *err);
void core_want_mailbox(struct core *core, const char *node);
/* Hands the effects over; the caller frees each with effect_done() and the array. */
struct effect *core_take_effects(struct core *core, size_t *ret_count);
void effect_done(struct effect *effect);
/* A dead letter, through the outbox. `payload` may be NULL. */
int core_dead_letter(struct core *core, const struct rec_dead_letter *letter, struct error *err);
