/* The tasks that wait for a device, one queue per target: tries first, then by priority, then in the order of
 * submission and planning. (Fair share between campaigns has its place in the order's comparison.) */
#pragma once
#include "coordinator/core.h"

struct queue;
/* The queue of a target, made if missing. */
struct queue *queue_of(struct core *core, const char *target);
void queue_free(struct queue *queue);
/* Put a queued task where it belongs; one that is in already stays. */
void queue_add(struct core *core, struct task *task);
void queue_remove(struct core *core, struct task *task);
size_t queue_length(const struct queue *queue);
/* Lease time when a device of the target was last there; that of the queue's making before the first. */
int64_t queue_served_ms(const struct queue *queue);
void queue_set_served(struct queue *queue, int64_t lease_ms);
/* Take the first task that `fits`, looking at no more than QUEUE_LOOK ones; the others keep their places. NULL if none
 * does. */
#define QUEUE_LOOK 128
typedef bool queue_fits(void *context, const struct task *task);
struct task *queue_take(struct queue *queue, queue_fits *fits, void *context);
/* The first task without taking it; NULL when empty. */
struct task *queue_first(const struct queue *queue);
