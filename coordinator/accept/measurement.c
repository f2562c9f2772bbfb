/* Rows of the `measurements` topic. A row holds what its result and attempt say and nothing else, so that it comes out
 * the same when it has to be written again (but for `revision`, where a promotion raised the result's since). */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "coordinator/accept/result.h"
#include "coordinator/plan/promotion.h"
#include "coordinator/schedule/attempts.h"
#include "fleet/bus/topics.h"

#define KEY_MAX 1024

/* The fields that both records have under the same name and kind, looked up once. */
#define SHARED_MAX 64
struct shared {
    const struct rec_field *from, *to;
};
static struct shared shared[SHARED_MAX];
static size_t shared_count;
static pthread_once_t shared_once = PTHREAD_ONCE_INIT;

static void find_shared(void) {
    for (size_t i = 0; i < rec_measured_desc.field_count; i++) {
        const struct rec_field *from = &rec_measured_desc.fields[i], *to = rec_find(&rec_measurement_desc, from->name);
        if (!to || to->kind != from->kind) continue;
        if (shared_count == SHARED_MAX) abort(); /* the schemas are built in */
        shared[shared_count++] = (struct shared){.from = from, .to = to};
    }
}

static void copy_field(const struct shared *field, const void *from, void *to) {
    const char *source = (const char *)from + field->from->offset;
    char *target = (char *)to + field->to->offset;
    switch (field->from->kind) {
        case REC_STRING:
        case REC_OPT_STRING:
            rec_set((char **)(void *)target, *(char *const *)(const void *)source);
            break;
        case REC_INT:
            memcpy(target, source, sizeof(int32_t));
            break;
        case REC_LONG:
            memcpy(target, source, sizeof(int64_t));
            break;
        case REC_DOUBLE:
            memcpy(target, source, sizeof(double));
            break;
        case REC_OPT_DOUBLE:
            memcpy(target, source, sizeof(double));
            memcpy((char *)to + field->to->has_offset, (const char *)from + field->from->has_offset, sizeof(bool));
            break;
        default:
            break;
    }
}

static void copy_measured(const struct rec_measured *from, struct rec_measurement *to) {
    pthread_once(&shared_once, find_shared);
    for (size_t i = 0; i < shared_count; i++) copy_field(&shared[i], from, to);
}

static void fill(const struct rec_result *result, const struct rec_attempt *attempt,
                 const struct rec_measured *measured, struct rec_measurement *ret) {
    copy_measured(measured, ret);
    rec_set(&ret->task_id, result->task_id);
    rec_set(&ret->attempt_id, attempt->attempt_id);
    ret->revision = result->revision;
    rec_set(&ret->campaign, result->campaign);
    rec_set(&ret->campaign_name, result->campaign_name);
    rec_set(&ret->problem, result->problem);
    rec_set(&ret->target, result->target);
    /* A result that was promoted has two attempts, and speaks of the second's place. */
    bool promotion = strncmp(attempt->attempt_id, result->task_id, strlen(result->task_id)) != 0;
    rec_set(&ret->purpose, promotion ? PROMOTION_PURPOSE : result->purpose);
    rec_set(&ret->node, attempt->node);
    rec_set(&ret->device, attempt->device);
    const char *device_name = *attempt->device_name ? attempt->device_name : result->device_name;
    const char *driver = *attempt->driver_version ? attempt->driver_version : result->driver_version;
    rec_set(&ret->device_name, device_name ? device_name : "");
    rec_set(&ret->driver_version, driver ? driver : "");
    rec_set(&ret->fingerprint, attempt->fingerprint);
    ret->finished_ms = attempt->finished_ms;
}

static int visit_one(const struct rec_result *result, const struct rec_attempt *attempt,
                     const struct rec_measured *measured, measurement_fn *visit, void *context, struct error *err) {
    struct rec_measurement row;
    char key[KEY_MAX];
    rec_measurement_init(&row);
    fill(result, attempt, measured, &row);
    /* Baselines of one attempt differ by name only: it stands for the candidate. */
    snprintf(key, sizeof key, "%s/%.200s/%.64s/%.32s", attempt->attempt_id, *row.candidate ? row.candidate : row.kernel,
             row.size, row.role);
    int status = visit(context, key, &row, err);
    rec_measurement_done(&row);
    return status;
}

static int visit_attempt(const struct rec_result *result, const struct rec_attempt *attempt, measurement_fn *visit,
                         void *context, struct error *err) {
    for (size_t i = 0; i < attempt->measured.count; i++)
        if (visit_one(result, attempt, &attempt->measured.items[i], visit, context, err) != 0) return -1;
    return 0;
}

/* --- publishing ------------------------------------------------------------------------------- */
static int publish_one(void *context, const char *key, const struct rec_measurement *row, struct error *err) {
    struct core *core = context;
    CLEANUP_FREE uint8_t *value = NULL;
    size_t len = 0;
    if (codec_encode(&rec_measurement_desc, row, CODEC_CONFLUENT, (uint32_t)core->schema_measurement, &value, &len,
                     err) != 0)
        return -1;
    return store_outbox_add(core->store, TOPIC_MEASUREMENTS, key, value, len, err);
}

int measurements_publish(struct core *core, const struct rec_result *result, const struct rec_attempt *attempt,
                         struct error *err) {
    return visit_attempt(result, attempt, publish_one, core, err);
}

int measurements_publish_stored(struct core *core, const struct rec_result *result, struct error *err) {
    return measurements_stored(core, result, publish_one, core, err);
}

/* --- from the store --------------------------------------------------------------------------- */
/* Of the attempt called `name`, "task.n"; NULL for none. */
static int visit_named(struct core *core, const struct rec_result *result, const char *name, measurement_fn *visit,
                       void *context, struct error *err) {
    char task[TASK_ID_SIZE];
    int n = 0;
    CLEANUP_FREE uint8_t *data = NULL;
    size_t len = 0;
    struct rec_attempt attempt;
    struct error problem = ERROR_INIT;
    if (!name || !attempt_name_split(name, task, &n)) return 0;
    if (store_attempt_record_get(core->store, task, n, &data, &len, &problem) != 0) {
        if (problem.code == ERR_NOT_FOUND) return 0;
        if (err) *err = problem;
        return -1;
    }
    if (codec_decode_as(core->codec, data, len, &rec_attempt_desc, &attempt, err) != 0) return -1;
    int status = visit_attempt(result, &attempt, visit, context, err);
    rec_attempt_done(&attempt);
    return status;
}

/* A result that was told again may have been promoted here since, or have come with its origin's promotion. */
static bool promotion_of_campaign(struct core *core, const struct rec_result *result) {
    struct row_task row;
    return result->promotion && store_task_find(core->store, result->promotion, &row, NULL) == 0 &&
           strcmp(row.campaign, result->campaign) == 0;
}

int measurements_stored(struct core *core, const struct rec_result *result, measurement_fn *visit, void *context,
                        struct error *err) {
    /* Those of a result that was told again are its origin's, and come with that. */
    bool own = !result->deduplicated_from;
    if (own && visit_named(core, result, result->result_id, visit, context, err) != 0) return -1;
    if (!own && !promotion_of_campaign(core, result)) return 0;
    return visit_named(core, result, result->promotion_id, visit, context, err);
}
