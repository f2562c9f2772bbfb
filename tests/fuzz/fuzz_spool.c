/* A segment of an agent's spool, as a crash or a failing disk may leave it. The input also goes in as the data of
 * records between which it stands as garbage: good records must come out as they went in, and nothing else. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent-node/daemon/spool_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t HEAD[SPOOL_HEAD_BYTES] = "PTLSPL1\nfuzzfuzz";

struct expected {
    const uint8_t *data;
    size_t len, seen;
};

static void visit(void *context, const struct spool_record *record) {
    struct expected *e = context;
    if (!e) return;
    if (strcmp(record->key, "key") != 0 || record->len != e->len || memcmp(record->data, e->data, e->len) != 0) abort();
    e->seen++;
}

static void put(uint8_t *segment, size_t *at, const void *bytes, size_t len) {
    if (len) memcpy(segment + *at, bytes, len);
    *at += len;
}

/* record, garbage, record */
static void between_records(const uint8_t *data, size_t size) {
    struct spool_record record = {.key = "key", .data = data, .len = size};
    struct expected e = {.data = data, .len = size};
    struct spool_scan scan;
    size_t len = 0, at = 0;
    uint8_t *one = spool_encode(HEAD, &record, &len), *segment = malloc(SPOOL_HEAD_BYTES + 2 * len + size);
    if (!segment) abort();
    put(segment, &at, HEAD, sizeof HEAD);
    put(segment, &at, one, len);
    put(segment, &at, data, size);
    put(segment, &at, one, len);
    spool_scan(segment, at, 1, visit, &e, &scan);
    if (e.seen != 2 || scan.good != 2 || scan.end != at || scan.torn || (scan.damaged > 0) != (size > 0)) abort();
    free(segment);
    free(one);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct spool_scan scan;
    if (size > SPOOL_RECORD_MAX_BYTES) return 0;
    spool_scan(data, size, 1, visit, NULL, &scan);
    if (scan.end > size) abort();
    between_records(data, size);
    return 0;
}
