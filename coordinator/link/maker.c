/* Makes mailboxes, many by one request: creating a topic takes the broker tens of milliseconds, or its absence, and a
 * fleet that starts wants a thousand. Then gets the producer ready for them, so that the loop need not wait for it. */
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "coordinator/link/internal.h"
#include "coordinator/map.h"
#include "fleet/bus/topics.h"

#define CREATE_TIMEOUT_MS 10000
#define RETRY_MS 1000
#define BATCH_MOST 200

#define FOUND ((void *)1)

/* So that the loop does not wait for the broker at the first record to each. */
static void open_mailboxes(struct link *link, char *const *topics, size_t count) {
    const char **mailboxes = xcalloc(count + 1, sizeof *mailboxes);
    const struct topic_spec *any = topic_find(TOPIC_MAILBOX);
    struct error err = ERROR_INIT;
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (topic_find(topics[i]) == any) mailboxes[n++] = topics[i];
    if (n > 0 && bus_producer_open(link->producer, mailboxes, n, &err) != 0) log_warn("mailboxes: %s", err.text);
    free(mailboxes);
}

int maker_look(struct link *link, struct error *err) {
    char **names = NULL;
    size_t count = 0;
    if (bus_topics(link->bus, CREATE_TIMEOUT_MS, &names, &count, err) != 0) return -1;
    open_mailboxes(link, names, count);
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
    int64_t until_ns = clock_mono_ns() + ms * INT64_C(1000000);
    pthread_mutex_lock(&link->mutex);
    if (!link->stop) clock_cond_wait(&link->wake, &link->mutex, until_ns);
    pthread_mutex_unlock(&link->mutex);
}

/* Up to `most` nodes, waiting for the first; 0 when stopping. The caller frees the names. */
static size_t next_wanted(struct link *link, char **ret, size_t most) {
    size_t count = 0;
    pthread_mutex_lock(&link->mutex);
    while (!link->stop && link->wanted_count == 0) pthread_cond_wait(&link->wake, &link->mutex);
    if (!link->stop) count = link->wanted_count < most ? link->wanted_count : most;
    if (count > 0) {
        memcpy(ret, link->wanted, count * sizeof *ret);
        link->wanted_count -= count;
        memmove(link->wanted, link->wanted + count, link->wanted_count * sizeof *link->wanted);
    }
    pthread_mutex_unlock(&link->mutex);
    return count;
}

/* Where nobody may create topics, the mailbox was made beforehand (`portolan topics`): then it is there. */
static void look_instead(struct link *link, const char *node, struct error *err) {
    char topic[BUS_TOPIC_MAX + 1];
    int32_t partitions = 0;
    if (topic_mailbox(node, topic, NULL) == 0 &&
        bus_partitions(link->bus, topic, CREATE_TIMEOUT_MS, &partitions, NULL) == 0)
        err->code = ERR_NONE;
}

static void make(struct link *link, char **nodes, size_t count, struct error *errs) {
    struct error whole = ERROR_INIT;
    const char *const *names = (const char *const *)nodes;
    if (topic_create_mailboxes(link->bus, names, count, link->replication, CREATE_TIMEOUT_MS, errs, &whole) != 0)
        for (size_t i = 0; i < count; i++) errs[i] = whole;
    for (size_t i = 0; i < count; i++)
        if (errs[i].code != ERR_NONE && !link_stopping(link)) look_instead(link, nodes[i], &errs[i]);
}

static void get_ready(struct link *link, char **nodes, size_t count, const struct error *errs) {
    char **topics = xcalloc(count, sizeof *topics);
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        char topic[BUS_TOPIC_MAX + 1];
        if (errs[i].code == ERR_NONE && topic_mailbox(nodes[i], topic, NULL) == 0) topics[n++] = xstrdup(topic);
    }
    open_mailboxes(link, topics, n);
    for (size_t i = 0; i < n; i++) free(topics[i]);
    free(topics);
}

void *maker_run(void *context) {
    struct link *link = context;
    char *nodes[BATCH_MOST];
    struct error *errs = xcalloc(BATCH_MOST, sizeof *errs);
    size_t count;
    while ((count = next_wanted(link, nodes, BATCH_MOST)) > 0) {
        bool failed = false;
        make(link, nodes, count, errs);
        get_ready(link, nodes, count, errs);
        for (size_t i = 0; i < count; i++) failed |= errs[i].code != ERR_NONE;
        if (failed) link_pause(link, RETRY_MS);
        for (size_t i = 0; i < count; i++) {
            if (errs[i].code != ERR_NONE) log_warn("the mailbox of %s cannot be made: %s", nodes[i], errs[i].text);
            tell(link, errs[i].code, nodes[i]);
        }
    }
    free(errs);
    return NULL;
}
