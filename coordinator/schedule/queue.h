/* The tasks that wait for a device: one queue per target.
 *
 *   queue ─▶ levels: tries, then campaigns, then sweeps; in each by priority
 *              └▶ flows: one a campaign, that with the least device time used for its weight first
 *                   └▶ lanes: tasks that any device fits or does not fit alike, each in the order of planning
 *
 * Fair share is start-time fair queueing (Goyal, Vin, Cheng: SIGCOMM 1996) over device time: each flow has a tag that
 * grows by the time its attempts take, divided by the campaign's weight, and the lowest tag is served. While an attempt
 * runs its length is not known: it is charged the flow's usual one, and what it really took once it ended. A flow that
 * was empty begins at the level's present tag: nobody catches up for being away, nor is anybody punished for having had
 * the devices alone. Shares are counted per target and begin anew with the coordinator.
 *
 * Adding and removing cost O(log n); taking O(log of the campaigns) where the first task fits. What backs off stands
 * aside until its time (backoff.h). */
#pragma once
#include "coordinator/core.h"

enum queue_class { QUEUE_TRY, QUEUE_CAMPAIGN, QUEUE_SWEEP };
/* Of a campaign's purpose. */
enum queue_class queue_class_of(const char *purpose);

struct queue;
/* The queue of a target, made if missing. */
struct queue *queue_of(struct core *core, const char *target);
void queue_free(struct queue *queue);
/* Put a queued task where it belongs; one that is in already stays. A task whose not_before_ms is to come waits aside
 * for it. */
void queue_add(struct core *core, struct task *task);
void queue_remove(struct core *core, struct task *task);
/* Tasks that could start now. */
size_t queue_length(const struct queue *queue);
/* Lease time when a device of the target was last there; that of the queue's making before the first. */
int64_t queue_served_ms(const struct queue *queue);
void queue_set_served(struct queue *queue, int64_t lease_ms);

/* Who asks for a task. Both functions may be NULL: everything fits. */
struct queue_wish {
    enum queue_class last; /* no classes after this one */
    bool (*takes_campaign)(void *context, struct campaign *campaign);
    bool (*takes_task)(void *context, const struct task *task); /* asked once for tasks that fit alike */
    void *context;
};
/* Take the first task that fits, and charge its campaign for an attempt; *ret_charged_ms is for queue_settle(). NULL if
 * none does. */
struct task *queue_take(struct queue *queue, const struct queue_wish *wish, double *ret_charged_ms);
/* An attempt that was charged has ended after `took_ms` of device time. */
void queue_settle(struct task *task, double charged_ms, double took_ms);
/* The first task without taking it; NULL when empty. */
struct task *queue_first(const struct queue *queue);
/* A campaign is forgotten: its flows with it. */
void queue_forget(struct campaign *campaign);

/* How many tasks will probably start before `task` (which is queued and does not back off), and the campaign with most
 * of them (its own, too; NULL when there is none). */
struct queue_ahead {
    size_t tasks;
    const struct campaign *campaign;
    size_t of_campaign;
};
void queue_look_ahead(const struct task *task, struct queue_ahead *ret);
