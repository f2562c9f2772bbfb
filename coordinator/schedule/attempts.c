#include "coordinator/schedule/attempts.h"

#include <string.h>

#include "common/log.h"
#include "common/number.h"
#include "coordinator/accept/result.h"
#include "coordinator/schedule/limits.h"
#include "coordinator/schedule/quarantine.h"
#include "fleet/bus/topics.h"

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS 60000

bool attempt_name_split(const char *name, char task[TASK_ID_SIZE], int *ret_n) {
    int64_t n = 0;
    if (strlen(name) < TASK_ID_SIZE + 1 || name[TASK_ID_SIZE - 1] != '.') return false;
    if (number_int(name + TASK_ID_SIZE, &n) != NUMBER_OK || n < 1 || n > INT32_MAX) return false;
    memcpy(task, name, TASK_ID_SIZE - 1);
    task[TASK_ID_SIZE - 1] = 0;
    *ret_n = (int)n;
    return true;
}

/* --- failing and queueing again --------------------------------------------------------------- */
bool task_avoids(const struct task *task, const char *node, const char *device) {
    char name[2 * LABEL_SIZE];
    size_t len = (size_t)snprintf(name, sizeof name, "%s/%s", node, device);
    for (const char *at = task->row.avoid; (at = strstr(at, name)); at += len)
        if ((at == task->row.avoid || at[-1] == ' ') && (at[len] == 0 || at[len] == ' ')) return true;
    return false;
}

bool task_avoids_node(const struct task *task, const char *node) {
    char name[LABEL_SIZE + 1];
    size_t len = (size_t)snprintf(name, sizeof name, "%s/", node);
    for (const char *at = task->row.avoid; (at = strstr(at, name)); at += len)
        if (at == task->row.avoid || at[-1] == ' ') return true;
    return false;
}

/* Nodes that it failed on. A promotion avoids in the first place where it was measured before: no failure. */
static int nodes_failed_on(const struct task *task) {
    int count = 0;
    const char *all = task->row.avoid;
    if (*task->row.parent) all += strcspn(all, " ");
    for (const char *at = all; *at; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        size_t len = strcspn(at, "/") + 1;
        bool again = false;
        for (const char *before = all; before < at && !again; before++)
            again = strncmp(before, at, len) == 0 && (before == all || before[-1] == ' ');
        count += *at && !again;
    }
    return count;
}

/* Three failures at most; what does not fit pushes the oldest out. */
static void avoid(struct task *task, const char *node, const char *device) {
    if (task_avoids(task, node, device)) return;
    char joined[sizeof task->row.avoid + 2 * LABEL_SIZE + 2];
    snprintf(joined, sizeof joined, "%s%s%s/%s", task->row.avoid, *task->row.avoid ? " " : "", node, device);
    const char *from = joined;
    while (strlen(from) >= sizeof task->row.avoid) from = strchr(from, ' ') + 1;
    snprintf(task->row.avoid, sizeof task->row.avoid, "%s", from);
}

static bool has_live_attempt(const struct task *task) {
    for (const struct attempt *a = task->attempts; a; a = a->next)
        if (a->row.state <= ATTEMPT_OPEN) return true;
    return false;
}

static int requeue(struct core *core, struct task *task, const char *reason, int backoff_step, struct error *err) {
    if (task_state_ended(task->row.state) || has_live_attempt(task)) return 0;
    snprintf(task->row.reason, sizeof task->row.reason, "%s", reason);
    if (backoff_step > 0) {
        int64_t delay = BACKOFF_FIRST_MS;
        for (int i = 1; i < backoff_step && delay < BACKOFF_MAX_MS; i++) delay *= 2;
        task->not_before_ms = core_mono_ms(core) + delay;
    }
    return core_task_set(core, task, TASK_QUEUED, err);
}

static int dead_letter(struct core *core, const struct task *task, const char *reason, struct error *err) {
    struct rec_dead_letter letter;
    rec_dead_letter_init(&letter);
    rec_set(&letter.source, "task");
    rec_set(&letter.task_id, task->row.id);
    rec_set(&letter.reason, reason);
    rec_set(&letter.seen_by, "coordinator");
    letter.at_ms = core_wall_ms(core);
    int status = core_dead_letter(core, &letter, err);
    rec_dead_letter_done(&letter);
    return status;
}

int task_give_up(struct core *core, struct task *task, const char *reason, struct error *err) {
    log_warn("task %s is given up: %s", task->row.id, reason);
    snprintf(task->row.reason, sizeof task->row.reason, "%s", reason);
    while (task->attempts) {
        if (core_attempt_set(core, task->attempts, ATTEMPT_ABANDONED, "the task was given up", err) != 0) return -1;
        core_attempt_drop(core, task->attempts);
    }
    if (result_without_attempt(core, task, "gave_up", reason, err) != 0 || dead_letter(core, task, reason, err) != 0)
        return -1;
    return core_task_set(core, task, TASK_GAVE_UP, err);
}

/* Whom a failure speaks against, besides the task. */
enum blame { BLAME_NOBODY, BLAME_DEVICE, BLAME_NODE };

static int blame(struct core *core, enum blame whom, const struct row_attempt *row, const char *reason,
                 struct error *err) {
    if (whom == BLAME_DEVICE) return health_failed(core, row, reason, err);
    return whom == BLAME_NODE ? health_lost(core, row, reason, err) : 0;
}

/* Count a failure of `row`: queue the task again, elsewhere if possible, or give it up. One that fails on three nodes
 * is poison: not they are at fault. */
static int count_failure(struct core *core, struct task *task, const struct row_attempt *row, const char *reason,
                         enum blame whom, bool back_off, struct error *err) {
    char text[400];
    if (task_state_ended(task->row.state)) return blame(core, whom, row, reason, err);
    task->row.failures++;
    avoid(task, row->node, row->device);
    snprintf(text, sizeof text, "%.120s on %s/%s (failure %d of %d)", reason, row->node, row->device,
             task->row.failures, ATTEMPTS_MAX);
    if (task->row.failures < ATTEMPTS_MAX || has_live_attempt(task)) {
        if (requeue(core, task, text, back_off ? task->row.failures : 0, err) != 0) return -1;
        return blame(core, whom, row, reason, err);
    }
    bool poison = nodes_failed_on(task) >= ATTEMPTS_MAX;
    if (poison)
        snprintf(text, sizeof text, "poison: it failed on %d nodes, the last time on %s/%s: %.100s", ATTEMPTS_MAX,
                 row->node, row->device, reason);
    if (task_give_up(core, task, text, err) != 0) return -1;
    return poison ? health_pardon(core, row->task, err) : blame(core, whom, row, reason, err);
}

int attempt_failed(struct core *core, struct attempt *attempt, const char *reason, enum failure failure,
                   struct error *err) {
    struct task *task = attempt->task;
    struct row_attempt row = attempt->row;
    bool busy = failure == FAILURE_BUSY;
    if (core_attempt_set(core, attempt, ATTEMPT_FAILED, reason, err) != 0) return -1;
    core_attempt_drop(core, attempt);
    if (!busy || task->row.busy >= BUSY_MAX)
        return count_failure(core, task, &row, reason, failure == FAILURE_INFRASTRUCTURE ? BLAME_DEVICE : BLAME_NOBODY,
                             true, err);
    char text[256];
    task->row.busy++;
    /* Another machine may be quieter; the one that was busy is as good as before. */
    snprintf(text, sizeof text, "%.150s (on %.60s, time %d)", reason, row.node, task->row.busy);
    return requeue(core, task, text, task->row.busy, err);
}

int attempts_revoke(struct core *core, const char *node, const char *device, const char *reason, struct error *err) {
    for (size_t i = core->open_count; i-- > 0;) {
        if (i >= core->open_count) continue;
        struct attempt *attempt = core->open[i];
        struct task *task = attempt->task;
        if (strcmp(attempt->row.node, node) != 0 || (device && strcmp(attempt->row.device, device) != 0)) continue;
        if (core_attempt_set(core, attempt, ATTEMPT_REVOKED, reason, err) != 0) return -1;
        if (attempt_send_cancel(core, &attempt->row, reason, err) != 0) return -1;
        core_attempt_drop(core, attempt);
        if (requeue(core, task, reason, 0, err) != 0) return -1;
    }
    return 0;
}

int attempt_returned(struct core *core, struct attempt *attempt, const char *reason, struct error *err) {
    struct task *task = attempt->task;
    if (core_attempt_set(core, attempt, ATTEMPT_ABANDONED, reason, err) != 0) return -1;
    core_attempt_drop(core, attempt);
    return requeue(core, task, reason, 0, err);
}

static bool is_same_place(const struct row_attempt *a, const struct row_attempt *b) {
    return strcmp(a->node, b->node) == 0 && strcmp(a->device, b->device) == 0 &&
           strcmp(a->incarnation, b->incarnation) == 0;
}

/* Its node is lost: is it to be taken for one that ran, though no heartbeat said so? A kernel that takes its node down
 * at once is never heard of. So the first that was delivered to a device on which nothing else ran counts as running;
 * else such a kernel would go from node to node for ever, and a node that dies of everything would try everything. */
static bool is_presumed(const struct core *core, const struct attempt *attempt) {
    if (attempt->row.ran || attempt->row.state != ATTEMPT_OPEN) return false;
    for (size_t i = 0; i < core->open_count; i++) {
        const struct attempt *other = core->open[i];
        if (other != attempt && is_same_place(&other->row, &attempt->row) &&
            (other->row.ran || other->order < attempt->order))
            return false;
    }
    return true;
}

/* Of all at once, before the first of them is gone. */
static void note_presumed(struct core *core, const char *node, const char *except) {
    for (size_t i = 0; i < core->open_count; i++) {
        struct attempt *attempt = core->open[i];
        if (strcmp(attempt->row.node, node) != 0 || (except && strcmp(attempt->row.incarnation, except) == 0)) continue;
        attempt->presumed = is_presumed(core, attempt);
    }
}

int attempts_abandon_node(struct core *core, const char *node, const char *except, bool counts, const char *reason,
                          struct error *err) {
    if (counts) note_presumed(core, node, except);
    for (size_t i = core->open_count; i-- > 0;) {
        /* Giving a task up drops its other attempts too: the list may be shorter now. */
        if (i >= core->open_count) continue;
        struct attempt *attempt = core->open[i];
        struct task *task = attempt->task;
        struct row_attempt row = attempt->row;
        if (strcmp(row.node, node) != 0 || (except && strcmp(row.incarnation, except) == 0)) continue;
        /* What never ran says nothing about task or device; a lapsed one was counted when it lapsed. */
        bool failed = counts && (row.ran || attempt->presumed) && row.state != ATTEMPT_LAPSED;
        if (core_attempt_set(core, attempt, ATTEMPT_ABANDONED, reason, err) != 0) return -1;
        core_attempt_drop(core, attempt);
        if ((failed ? count_failure(core, task, &row, reason, BLAME_NODE, row.ran, err)
                    : requeue(core, task, reason, 0, err)) != 0)
            return -1;
    }
    return 0;
}

/* --- delivery, heartbeats, leases ------------------------------------------------------------- */
int attempt_on_delivery(struct core *core, const char *name, enum error_code code, const char *text,
                        struct error *err) {
    char id[TASK_ID_SIZE];
    int n = 0;
    struct task *task = attempt_name_split(name, id, &n) ? core_task(core, id) : NULL;
    struct attempt *attempt = task ? task_attempt(task, n) : NULL;
    if (!attempt || attempt->row.state != ATTEMPT_PUBLISHING) return 0;
    if (code == ERR_NONE) {
        attempt->lease_until = core->lease.now_ms + core->config.lease_ms;
        core_attempt_opened(core, attempt);
        return 0;
    }
    log_warn("attempt %s could not be delivered: %s", name, text);
    if (core_attempt_set(core, attempt, ATTEMPT_FAILED, text, err) != 0) return -1;
    core_attempt_drop(core, attempt);
    return requeue(core, task, "its record could not be delivered", 1, err);
}

int attempt_send_cancel(struct core *core, const struct row_attempt *row, const char *reason, struct error *err) {
    const struct fleet_node *node = core_node(core, row->node);
    struct rec_command command;
    if (!node || strcmp(node->row.incarnation, row->incarnation) != 0) return 0;
    rec_command_init(&command);
    command.epoch = store_epoch(core->store);
    rec_set(&command.node, row->node);
    rec_set(&command.incarnation, row->incarnation);
    rec_set(&command.command, "cancel");
    rec_set(&command.task_id, row->task);
    rec_setf(&command.attempt_id, "%s.%d", row->task, row->n);
    rec_set(&command.reason, reason);
    int status = core_send(core, node->row.mailbox, node->row.mailbox_partition, row->task, &rec_command_desc, &command,
                           NULL, err);
    rec_command_done(&command);
    return status;
}

/* The node holds what it should not: a cancel that got lost with a broker or an incarnation is sent again. */
static int stop_unwanted(struct core *core, const struct fleet_node *node, const char *task, int n, struct error *err) {
    struct row_attempt row;
    struct error missing = ERROR_INIT;
    if (store_attempt_get(core->store, task, n, &row, &missing) != 0) {
        if (missing.code != ERR_NOT_FOUND && err) *err = missing;
        return missing.code == ERR_NOT_FOUND ? 0 : -1;
    }
    if (row.state != ATTEMPT_REVOKED || strcmp(row.incarnation, node->row.incarnation) != 0) return 0;
    return attempt_send_cancel(core, &row, "revoked", err);
}

static int renew(struct core *core, struct attempt *attempt, struct error *err) {
    struct task *task = attempt->task;
    attempt->lease_until = core->lease.now_ms + core->config.lease_ms;
    if (attempt->row.state == ATTEMPT_PUBLISHING) core_attempt_opened(core, attempt);
    /* It lapsed and is there again. As long as nobody else has the task, it goes on as if nothing had been. */
    if (attempt->row.state != ATTEMPT_LAPSED || task->row.state != TASK_QUEUED) return 0;
    core_attempt_hold_slot(core, attempt);
    attempt->sign.heard = false; /* nobody knows what it did meanwhile */
    if ((attempt->row.ran || attempt->presumed) && task->row.failures > 0)
        task->row.failures--; /* counted when it lapsed: it may do so again */
    if (health_heard_again(core, &attempt->row, err) != 0) return -1;
    if (core_attempt_set(core, attempt, ATTEMPT_OPEN, "heard again", err) != 0) return -1;
    return core_task_set(core, task, attempt->row.ran ? TASK_RUNNING : TASK_PUBLISHED, err);
}

static int show_progress(struct core *core, struct attempt *attempt, const struct rec_held *held, struct error *err) {
    struct task *task = attempt->task;
    if (!attempt->row.ran) {
        attempt->row.ran = true;
        attempt->ran_mono_ms = core_mono_ms(core);
        if (store_attempt_update(core->store, &attempt->row, err) != 0) return -1;
    }
    double moved = held->progress - task->progress;
    if (strcmp(task->phase, held->phase) != 0 || moved >= 0.05 || moved < 0 || held->progress >= 1) {
        snprintf(task->phase, sizeof task->phase, "%s", held->phase);
        task->progress = held->progress >= 0 && held->progress <= 1 ? held->progress : 0;
        core_task_changed(core, task);
    }
    return task->row.state == TASK_PUBLISHED ? core_task_set(core, task, TASK_RUNNING, err) : 0;
}

/* Its worker does nothing any more: it is told to stop, for what that is worth, and is not waited for. */
static int revoke_silent(struct core *core, struct attempt *attempt, const char *reason, struct error *err) {
    struct task *task = attempt->task;
    struct row_attempt row = attempt->row;
    log_warn("attempt %s.%d on %s/%s: %s", row.task, row.n, row.node, row.device, reason);
    if (core_attempt_set(core, attempt, ATTEMPT_REVOKED, reason, err) != 0) return -1;
    if (attempt_send_cancel(core, &row, reason, err) != 0) return -1;
    core_attempt_drop(core, attempt);
    return count_failure(core, task, &row, reason, BLAME_DEVICE, true, err);
}

int attempt_on_held(struct core *core, const struct fleet_node *node, const struct rec_held *held, struct error *err) {
    char id[TASK_ID_SIZE];
    int n = 0;
    if (!attempt_name_split(held->attempt_id, id, &n)) return 0;
    struct task *task = core_task(core, id);
    struct attempt *attempt = task ? task_attempt(task, n) : NULL;
    if (!attempt) return stop_unwanted(core, node, id, n, err);
    if (strcmp(attempt->row.node, node->row.name) != 0 || strcmp(attempt->row.incarnation, node->row.incarnation) != 0)
        return 0;
    if (renew(core, attempt, err) != 0) return -1;
    char reason[LIMITS_REASON_SIZE];
    if (strcmp(held->state, "running") != 0 || attempt->row.state != ATTEMPT_OPEN) return 0;
    if (limits_silent(core, attempt, held, reason)) return revoke_silent(core, attempt, reason, err);
    return show_progress(core, attempt, held, err);
}

static int lapse(struct core *core, struct attempt *attempt, struct error *err) {
    struct task *task = attempt->task;
    struct row_attempt row = attempt->row;
    log_warn("attempt %s.%d on %s/%s lapsed", row.task, row.n, row.node, row.device);
    core->metrics.lapses++;
    /* Where the node is heard, it is the device's attempt that it has lost. */
    const struct fleet_node *node = core_node(core, row.node);
    bool heard = node && node->row.presence == NODE_READY && node->heard;
    attempt->presumed = !heard && is_presumed(core, attempt);
    if (core_attempt_set(core, attempt, ATTEMPT_LAPSED, "its lease ran out", err) != 0) return -1;
    core_attempt_release_slot(core, attempt);
    /* No back-off: the lease was wait enough, and the work is to start elsewhere within a second of its end. */
    if (row.ran || attempt->presumed)
        return count_failure(core, task, &row, "its lease ran out", heard ? BLAME_DEVICE : BLAME_NODE, false, err);
    return requeue(core, task, "its lease ran out before it began", 0, err);
}

int attempts_on_lease_time(struct core *core, bool gap, struct error *err) {
    for (size_t i = core->open_count; i-- > 0;) {
        if (i >= core->open_count) continue;
        struct attempt *attempt = core->open[i];
        if (gap) attempt->lease_until = core->lease.now_ms + core->config.lease_ms;
        if (attempt->row.state != ATTEMPT_OPEN || core->lease.now_ms <= attempt->lease_until) continue;
        if (lapse(core, attempt, err) != 0) return -1;
    }
    return 0;
}
