/* A campaign's tasks for one target, as the queue orders them. Internal to queue.c and flow.c. */
#pragma once
#include "coordinator/schedule/queue.h"

/* Tasks that a device fits or does not fit alike: what they avoid, want and are for is the same. */
struct lane {
    struct flow *flow;
    char *avoid, *wanted, *purpose;
    struct heap tasks;
};
struct level {
    enum queue_class class;
    int32_t priority;
    struct heap flows; /* that have tasks */
    double now;        /* the tag that was served last */
};
struct flow {
    struct queue *queue;
    struct level *level;
    struct campaign *campaign;
    struct flow *next;  /* of the campaign */
    struct flow *aside; /* while a level is searched */
    struct lane **lanes;
    size_t lane_count;
    size_t length;
    double tag;     /* device time used, in ms over the weight */
    double cost_ms; /* usual length of an attempt; 0: none has ended */
    size_t place;   /* in level->flows */
};
/* Order of flows in a level. */
bool flow_before(const void *a, const void *b);
void flow_free(struct flow *flow);
/* The task belongs to the flow's campaign and target. */
void flow_add(struct flow *flow, struct task *task);
void flow_remove(struct flow *flow, struct task *task);
/* The first task in the order of planning that the wish takes; NULL for none. It stays in. */
struct task *flow_find(const struct flow *flow, const struct queue_wish *wish);
/* Tasks of the flow that come before `task`, which is in it. */
size_t flow_tasks_before(const struct flow *flow, const struct task *task);
/* What an attempt of the flow will probably take, given what one takes on the target. */
double flow_expects_ms(const struct flow *flow, double usual_ms);
