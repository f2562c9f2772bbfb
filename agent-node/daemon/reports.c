#include "agent-node/daemon/reports.h"

#include <pthread.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "fleet/bus/topics.h"
#include "schemas/codec.h"

#define BATCH_RECORDS 256
#define BATCH_BYTES (8 << 20)
#define AGAIN_MS 2000 /* after the spool could not be written */
#define LOOK_MS 5000  /* whether the spool has room, while nothing else is to be done */

enum where { IN_MEMORY, ON_ITS_WAY, IN_SPOOL };
struct report {
    struct job *job; /* NULL: of an earlier start */
    char *key;
    uint8_t *data;
    size_t len;
    int64_t since_ms; /* monotonic */
    enum where where;
    uint64_t segment; /* of the spool */
    bool acknowledged;
    bool in_flight;
    unsigned generation; /* of the producer it was last given to */
    struct report *next, *prev;
};
struct reports {
    pthread_mutex_t mutex;
    struct jobs *jobs;
    struct spool *spool;
    struct duty *duty;
    struct bus_producer *producer;
    unsigned generation;
    struct report *first, *last; /* oldest first */
    size_t waiting;
    bool away, stopping;
    pthread_t thread; /* the spooler */
    bool started;
    pthread_cond_t wake;
    bool sleeping;    /* the spooler has nothing to wait for but new reports */
    bool trouble;     /* the spooler's own: what it told last */
    int64_t again_ms; /* not before this is the spool written again; 0: whenever */
};

/* --- the list ---------------------------------------------------------------------------------------------------- */
static void report_free(struct report *report) {
    free(report->key);
    free(report->data);
    free(report);
}

static void append_locked(struct reports *reports, struct report *report) {
    report->prev = reports->last;
    *(reports->last ? &reports->last->next : &reports->first) = report;
    reports->last = report;
    reports->waiting++;
}

static void unlink_locked(struct reports *reports, struct report *report) {
    *(report->prev ? &report->prev->next : &reports->first) = report->next;
    *(report->next ? &report->next->prev : &reports->last) = report->prev;
    reports->waiting--;
}

/* It is acknowledged, and nobody else knows of it any more. */
static void finish(struct reports *reports, struct report *report) {
    if (report->job) jobs_remove(reports->jobs, report->job);
    if (report->where == IN_SPOOL) spool_release(reports->spool, report->segment);
    report_free(report);
}

/* --- sending ----------------------------------------------------------------------------------------------------- */
static void send_locked(struct reports *reports, struct report *report) {
    if (!reports->producer || report->in_flight || report->acknowledged) return;
    struct error err = ERROR_INIT;
    if (bus_send(reports->producer, TOPIC_ATTEMPTS, BUS_ANY_PARTITION, report->key, report->data, report->len, report,
                 &err)) {
        log_warn("a report of task %s is kept: %s", report->key, err.text);
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

void reports_away(struct reports *reports, bool away) {
    pthread_mutex_lock(&reports->mutex);
    reports->away = away;
    pthread_cond_signal(&reports->wake);
    pthread_mutex_unlock(&reports->mutex);
}

/* Each delivery is told once, and a report is freed at one that succeeded only: the token is always a report. */
void reports_delivered(struct reports *reports, const struct bus_delivery *delivery) {
    struct report *report = delivery->token;
    if (!report) return;
    bool done = false;
    pthread_mutex_lock(&reports->mutex);
    if (delivery->code == ERR_NONE) {
        report->acknowledged = true;
        done = report->where != ON_ITS_WAY; /* else the spooler ends it */
        if (done) unlink_locked(reports, report);
    } else {
        if (report->generation == reports->generation) report->in_flight = false;
        log_warn("a report was not delivered and is kept: %s", delivery->text);
    }
    pthread_mutex_unlock(&reports->mutex);
    if (done) finish(reports, report);
}

static void encode(struct report *report, const struct rec_attempt *attempt) {
    struct error err = ERROR_INIT;
    if (!codec_encode(&rec_attempt_desc, attempt, CODEC_SINGLE_OBJECT, 0, &report->data, &report->len, &err)) return;
    /* Too large even after the cuts: the outcome matters more than its attachments. */
    struct rec_attempt slim;
    rec_attempt_copy(&slim, attempt);
    rec_set(&slim.samples, "");
    rec_set(&slim.log, "");
    rec_setf(&slim.evidence, "%.2000s (attachments dropped: %.200s)", attempt->evidence, err.text);
    if (codec_encode(&rec_attempt_desc, &slim, CODEC_SINGLE_OBJECT, 0, &report->data, &report->len, &err)) abort();
    rec_attempt_done(&slim);
}

void reports_add(struct reports *reports, struct job *job, const struct rec_attempt *attempt) {
    struct report *report = xcalloc(1, sizeof *report);
    report->job = job;
    report->key = xstrdup(attempt->task_id);
    report->since_ms = clock_mono_ms();
    jobs_reporting(reports->jobs, job);
    encode(report, attempt);
    pthread_mutex_lock(&reports->mutex);
    append_locked(reports, report);
    send_locked(reports, report);
    if (reports->sleeping) pthread_cond_signal(&reports->wake);
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

/* --- the spooler ------------------------------------------------------------------------------ */
/* Reports to be kept on disk now, ON_ITS_WAY from here on. *ret_due_ms: when the first of the others is. */
static size_t collect_locked(struct reports *reports, struct report **batch, int64_t *ret_due_ms) {
    size_t n = 0, bytes = 0;
    int64_t now_ms = clock_mono_ms();
    bool at_once = reports->away || reports->stopping || !reports->producer;
    *ret_due_ms = INT64_MAX;
    for (struct report *r = reports->first; r; r = r->next) {
        if (r->where != IN_MEMORY) continue;
        *ret_due_ms = r->since_ms + REPORTS_SPOOL_AFTER_MS;
        if ((!at_once && now_ms < *ret_due_ms) || n == BATCH_RECORDS || bytes > BATCH_BYTES) break;
        r->where = ON_ITS_WAY;
        bytes += r->len;
        batch[n++] = r;
        *ret_due_ms = INT64_MAX;
    }
    return n;
}

static void settle(struct reports *reports, struct report **batch, size_t n, const struct spool_record *records,
                   size_t kept) {
    struct report *done[BATCH_RECORDS];
    size_t done_n = 0;
    pthread_mutex_lock(&reports->mutex);
    for (size_t i = 0; i < n; i++) {
        batch[i]->where = i < kept ? IN_SPOOL : IN_MEMORY;
        batch[i]->segment = records[i].segment;
        if (!batch[i]->acknowledged) continue;
        unlink_locked(reports, batch[i]);
        done[done_n++] = batch[i];
    }
    pthread_mutex_unlock(&reports->mutex);
    for (size_t i = 0; i < done_n; i++) finish(reports, done[i]);
}

static void tell(struct reports *reports, const char *trouble) {
    reports->trouble = trouble != NULL;
    duty_set_trouble(reports->duty, TROUBLE_SPOOL, trouble);
}

/* Without the mutex. */
static int write_batch(struct reports *reports, struct report **batch, size_t n) {
    struct error err = ERROR_INIT;
    struct spool_record records[BATCH_RECORDS];
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        records[i] = (struct spool_record){.key = batch[i]->key, .data = batch[i]->data, .len = batch[i]->len};
    int status = spool_write(reports->spool, records, n, &kept, &err);
    settle(reports, batch, n, records, kept);
    if (status != 0) tell(reports, err.text);
    return status;
}

/* Whether the spool can take more, when there is nothing to be written to it: trouble ends here, and is foreseen. */
static int look(struct reports *reports) {
    struct error err = ERROR_INIT;
    int status = spool_has_room(reports->spool, &err);
    if (status == 0 && reports->trouble) status = spool_probe(reports->spool, &err);
    tell(reports, status ? err.text : NULL);
    return status;
}

static void *spooler(void *arg) {
    struct reports *reports = arg;
    struct report *batch[BATCH_RECORDS];
    int64_t look_ms = 0;
    pthread_mutex_lock(&reports->mutex);
    while (!reports->stopping) {
        int64_t now_ms = clock_mono_ms(), due_ms = INT64_MAX;
        size_t n = now_ms >= reports->again_ms ? collect_locked(reports, batch, &due_ms) : 0;
        bool looks = !n && now_ms >= look_ms && now_ms >= reports->again_ms;
        if (n || looks) {
            pthread_mutex_unlock(&reports->mutex);
            int status = n ? write_batch(reports, batch, n) : look(reports);
            pthread_mutex_lock(&reports->mutex);
            now_ms = clock_mono_ms();
            reports->again_ms = status ? now_ms + AGAIN_MS : 0;
            look_ms = n && reports->trouble ? 0 : now_ms + LOOK_MS;
            continue;
        }
        reports->sleeping = due_ms == INT64_MAX;
        if (due_ms > look_ms) due_ms = look_ms;
        if (due_ms < reports->again_ms) due_ms = reports->again_ms;
        clock_cond_wait(&reports->wake, &reports->mutex, due_ms * 1000000);
        reports->sleeping = false;
    }
    pthread_mutex_unlock(&reports->mutex);
    return NULL;
}

/* --- life ------------------------------------------------------------------------------------- */
static void of_an_earlier_start(void *context, const struct spool_record *record) {
    struct reports *reports = context;
    struct report *report = xcalloc(1, sizeof *report);
    report->key = xstrdup(record->key);
    report->data = xmalloc(record->len ? record->len : 1);
    if (record->len) memcpy(report->data, record->data, record->len);
    report->len = record->len;
    report->where = IN_SPOOL;
    report->segment = record->segment;
    append_locked(reports, report);
}

struct reports *reports_new(struct jobs *jobs, struct spool *spool, struct duty *duty, struct error *err) {
    struct reports *reports = xcalloc(1, sizeof *reports);
    pthread_mutex_init(&reports->mutex, NULL);
    clock_cond_init(&reports->wake);
    reports->jobs = jobs;
    reports->spool = spool;
    reports->duty = duty;
    int status = spool && spool_load(spool, of_an_earlier_start, reports, err) < 0 ? -1 : 0;
    if (reports->waiting) log_info("reports of an earlier start in the spool, to be sent again: %zu", reports->waiting);
    if (status == 0 && spool) {
        if (pthread_create(&reports->thread, NULL, spooler, reports))
            status = error_set(err, ERR_NOMEM, "no thread for the spool");
        else
            reports->started = true;
    }
    if (status == 0) return reports;
    reports_free(reports);
    return NULL;
}

/* What is only in memory now would be lost. */
static void keep_the_rest(struct reports *reports) {
    struct report *batch[BATCH_RECORDS];
    int64_t due_ms;
    size_t n;
    while ((n = collect_locked(reports, batch, &due_ms)) > 0)
        if (write_batch(reports, batch, n) != 0) break;
    size_t lost = 0;
    for (const struct report *r = reports->first; r; r = r->next) lost += r->where != IN_SPOOL;
    if (lost) log_error("reports that could neither be sent nor kept, and are lost: %zu", lost);
    if (reports->waiting > lost)
        log_info("reports in the spool, for the next start to send: %zu", reports->waiting - lost);
}

void reports_free(struct reports *reports) {
    if (!reports) return;
    pthread_mutex_lock(&reports->mutex);
    reports->stopping = true;
    pthread_cond_signal(&reports->wake);
    pthread_mutex_unlock(&reports->mutex);
    if (reports->started) {
        pthread_join(reports->thread, NULL);
        keep_the_rest(reports);
    }
    while (reports->first) {
        struct report *report = reports->first;
        reports->first = report->next;
        report_free(report);
    }
    pthread_cond_destroy(&reports->wake);
    pthread_mutex_destroy(&reports->mutex);
    free(reports);
}
