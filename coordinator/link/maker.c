/* Makes mailboxes, one after the other: creating a topic takes the broker tens of milliseconds, or its absence. */
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/log.h"
#include "coordinator/link/internal.h"
#include "coordinator/map.h"
#include "fleet/bus/topics.h"

#define CREATE_TIMEOUT_MS 10000
#define RETRY_MS 1000

#define FOUND ((void *)1)

int maker_look(struct link *link, struct error *err) {
    char **names = NULL;
    size_t count = 0;
    if (bus_topics(link->bus, CREATE_TIMEOUT_MS, &names, &count, err) != 0) return -1;
    pthread_mutex_lock(&link->mutex);
    for (size_t i = 0; i < count; i++) map_put(link->found, names[i], FOUND);
    pthread_mutex_unlock(&link->mutex);
    bus_topics_free(names, count);
    return 0;
}

static void tell(struct link *link, enum error_code code, char *node) {
    struct event *event = event_new(EVENT_MAILBOX);
    event->code = code;
    event->text = node;
    loop_post(link->loop, event);
}

/* Thousands of nodes have theirs from before a restart: asking for each would take as many round trips. Believed once:
 * who asks again may have found it missing. */
static bool was_found(struct link *link, const char *node) {
    char topic[BUS_TOPIC_MAX + 1];
    if (topic_mailbox(node, topic, NULL) != 0) return false;
    pthread_mutex_lock(&link->mutex);
    bool found = map_remove(link->found, topic) != NULL;
    pthread_mutex_unlock(&link->mutex);
    return found;
}

void maker_want(struct link *link, const char *node) {
    if (was_found(link, node)) {
        tell(link, ERR_NONE, xstrdup(node));
        return;
    }
    pthread_mutex_lock(&link->mutex);
    bool known = false;
    for (size_t i = 0; i < link->wanted_count && !known; i++) known = strcmp(link->wanted[i], node) == 0;
    if (!known) {
        link->wanted = xrealloc(link->wanted, (link->wanted_count + 1) * sizeof *link->wanted);
        link->wanted[link->wanted_count++] = xstrdup(node);
        pthread_cond_broadcast(&link->wake);
    }
    pthread_mutex_unlock(&link->mutex);
}

void maker_done(struct link *link) {
    for (size_t i = 0; i < link->wanted_count; i++) free(link->wanted[i]);
    free(link->wanted);
    map_free(link->found);
}

void link_pause(struct link *link, int ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&link->mutex);
    if (!link->stop) pthread_cond_timedwait(&link->wake, &link->mutex, &until);
    pthread_mutex_unlock(&link->mutex);
}

static char *next_wanted(struct link *link) {
    char *node = NULL;
    pthread_mutex_lock(&link->mutex);
    while (!link->stop && link->wanted_count == 0) pthread_cond_wait(&link->wake, &link->mutex);
    if (!link->stop) {
        node = link->wanted[0];
        memmove(link->wanted, link->wanted + 1, --link->wanted_count * sizeof *link->wanted);
    }
    pthread_mutex_unlock(&link->mutex);
    return node;
}

/* Where nobody may create topics, the mailbox was made beforehand (`portolan topics`): then it is there. */
static int make(struct link *link, const char *node, struct error *err) {
    char topic[BUS_TOPIC_MAX + 1];
    int32_t partitions = 0;
    struct error refused = ERROR_INIT;
    if (topic_create_mailbox(link->bus, node, link->replication, CREATE_TIMEOUT_MS, err) == 0) return 0;
    if (topic_mailbox(node, topic, NULL) == 0 &&
        bus_partitions(link->bus, topic, CREATE_TIMEOUT_MS, &partitions, &refused) == 0)
        return 0;
    return -1;
}

void *maker_run(void *context) {
    struct link *link = context;
    char *node;
    while ((node = next_wanted(link))) {
        struct error err = ERROR_INIT;
        int status = make(link, node, &err);
        if (status != 0) log_warn("the mailbox of %s cannot be made: %s", node, err.text);
        if (status != 0) link_pause(link, RETRY_MS);
        tell(link, status == 0 ? ERR_NONE : err.code, node);
    }
    return NULL;
}
