/* After a start from a backup, reads the results that are public already and hands them to the core. */
#include "coordinator/accept/adopt.h"

#include <string.h>

#include "common/buf.h"
#include "common/log.h"
#include "coordinator/link/internal.h"
#include "fleet/bus/topics.h"

#define BATCH_RECORDS 256
#define BATCH_BYTES (4 * 1024 * 1024)
#define READ_TIMEOUT_MS 10000

struct adopting {
    struct link *link;
    struct adopt_batch batch;
};

static int hand_over(struct adopting *a, struct error *err) {
    int status = a->batch.count > 0 ? loop_call(a->link->loop, adopt_results, &a->batch, err) : 0;
    for (size_t i = 0; i < a->batch.count; i++) free(a->batch.records[i].value);
    a->batch.count = a->batch.bytes = 0;
    return status;
}

static int collect(void *context, const struct bus_record *record, struct error *err) {
    struct adopting *a = context;
    if (!record->value) return 0;
    struct adopt_record *r = &a->batch.records[a->batch.count++];
    r->value = xmalloc(record->len + 1);
    r->len = record->len;
    memcpy(r->value, record->value, record->len);
    struct error foreign = ERROR_INIT;
    if (wire_in(a->link->wire, r->value, r->len, &foreign) != 0) {
        log_warn("a published result is left out: offset %lld: %s", (long long)record->offset, foreign.text);
        free(r->value);
        a->batch.count--;
        return 0;
    }
    a->batch.bytes += record->len;
    if (a->batch.count < BATCH_RECORDS && a->batch.bytes < BATCH_BYTES) return 0;
    if (link_stopping(a->link)) return error_set(err, ERR_CANCELLED, "the coordinator is stopping");
    return hand_over(a, err);
}

static int ask(struct core *core, void *context, struct error *err) {
    *(bool *)context = adopt_wanted(core, err);
    return err && err->code != ERR_NONE ? -1 : 0;
}

int adopt_published(struct link *link, struct error *err) {
    struct adopting a = {.link = link};
    bool wanted = false;
    if (loop_call(link->loop, ask, &wanted, err) != 0) return -1;
    if (!wanted) return 0;
    if (wire_register(link->wire, err) != 0) return -1;
    a.batch.records = xcalloc(BATCH_RECORDS, sizeof *a.batch.records);
    int status = bus_replay(link->bus, TOPIC_RESULTS, true, READ_TIMEOUT_MS, collect, &a, err);
    int last = hand_over(&a, status == 0 ? err : NULL);
    if (status == 0) status = last;
    if (status == 0) status = loop_call(link->loop, adopt_done, &a.batch, err);
    free(a.batch.records);
    return status;
}
