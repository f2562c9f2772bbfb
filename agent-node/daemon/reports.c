#include "agent-node/daemon/reports.h"

#include <pthread.h>
#include <string.h>

#include "common/buf.h"
#include "common/log.h"
#include "fleet/bus/topics.h"
#include "schemas/codec.h"

struct report {
    struct job *job;
    char *key;
    uint8_t *data;
    size_t len;
    bool in_flight;
    unsigned generation; /* of the producer it was last given to */
    struct report *next;
};
struct reports {
    pthread_mutex_t mutex;
    struct jobs *jobs;
    struct bus_producer *producer;
    unsigned generation;
    struct report *first;
    size_t waiting;
};

struct reports *reports_new(struct jobs *jobs) {
    struct reports *reports = xcalloc(1, sizeof *reports);
    pthread_mutex_init(&reports->mutex, NULL);
    reports->jobs = jobs;
    return reports;
}

static void report_free(struct report *report) {
    free(report->key);
    free(report->data);
    free(report);
}

void reports_free(struct reports *reports) {
    if (!reports) return;
    while (reports->first) {
        struct report *report = reports->first;
        reports->first = report->next;
        report_free(report);
    }
    pthread_mutex_destroy(&reports->mutex);
    free(reports);
}

static void send_locked(struct reports *reports, struct report *report) {
    if (!reports->producer || report->in_flight) return;
    struct error err = ERROR_INIT;
    if (bus_send(reports->producer, TOPIC_ATTEMPTS, BUS_ANY_PARTITION, report->key, report->data, report->len, report,
                 &err)) {
        log_warn("report of attempt %s is kept: %s", report->job->task.attempt_id, err.text);
        return;
    }
    report->in_flight = true;
    report->generation = reports->generation;
}

void reports_attach(struct reports *reports, struct bus_producer *producer) {
    pthread_mutex_lock(&reports->mutex);
    reports->producer = producer;
    reports->generation++;
    for (struct report *r = reports->first; r && producer; r = r->next) {
        r->in_flight = false;
        send_locked(reports, r);
    }
    pthread_mutex_unlock(&reports->mutex);
}

static struct report *unlink_locked(struct reports *reports, const void *token) {
    struct report **at = &reports->first;
    while (*at && *at != token) at = &(*at)->next;
    struct report *found = *at;
    if (found) {
        *at = found->next;
        reports->waiting--;
    }
    return found;
}

void reports_delivered(struct reports *reports, const struct bus_delivery *delivery) {
    if (!delivery->token) return;
    pthread_mutex_lock(&reports->mutex);
    struct report *done = NULL;
    if (delivery->code == ERR_NONE) {
        done = unlink_locked(reports, delivery->token);
    } else {
        for (struct report *r = reports->first; r; r = r->next)
            if (r == delivery->token && r->generation == reports->generation) r->in_flight = false;
        log_warn("a report was not delivered and is kept: %s", delivery->text);
    }
    pthread_mutex_unlock(&reports->mutex);
    if (!done) return;
    jobs_remove(reports->jobs, done->job);
    report_free(done);
}

void reports_add(struct reports *reports, struct job *job, const struct rec_attempt *attempt) {
    struct error err = ERROR_INIT;
    struct report *report = xcalloc(1, sizeof *report);
    report->job = job;
    report->key = xstrdup(attempt->task_id);
    jobs_reporting(reports->jobs, job);
    if (codec_encode(&rec_attempt_desc, attempt, CODEC_SINGLE_OBJECT, 0, &report->data, &report->len, &err)) {
        /* Too large even after the cuts: the outcome matters more than its attachments. */
        struct rec_attempt slim;
        rec_attempt_copy(&slim, attempt);
        rec_set(&slim.samples, "");
        rec_set(&slim.log, "");
        rec_setf(&slim.evidence, "%.2000s (attachments dropped: %.200s)", attempt->evidence, err.text);
        if (codec_encode(&rec_attempt_desc, &slim, CODEC_SINGLE_OBJECT, 0, &report->data, &report->len, &err)) abort();
        rec_attempt_done(&slim);
    }
    pthread_mutex_lock(&reports->mutex);
    report->next = reports->first;
    reports->first = report;
    reports->waiting++;
    send_locked(reports, report);
    pthread_mutex_unlock(&reports->mutex);
}

void reports_retry(struct reports *reports) {
    pthread_mutex_lock(&reports->mutex);
    for (struct report *r = reports->first; r; r = r->next) send_locked(reports, r);
    pthread_mutex_unlock(&reports->mutex);
}

size_t reports_waiting(struct reports *reports) {
    pthread_mutex_lock(&reports->mutex);
    size_t n = reports->waiting;
    pthread_mutex_unlock(&reports->mutex);
    return n;
}
