/* How records lie in a segment of the spool. Inside the spool only. */
#pragma once
#include "agent-node/daemon/spool.h"

#define SPOOL_HEAD_BYTES 16  /* of a segment */
#define SPOOL_FRAME_BYTES 12 /* in front of a record's body */
#define SPOOL_FILE_SUFFIX ".seg"

/* CRC-32C (Castagnoli), going on from `crc`; 0 to begin. */
uint32_t spool_crc(uint32_t crc, const void *data, size_t len);
/* The head of a new segment. */
void spool_head(uint8_t out[SPOOL_HEAD_BYTES]);
/* The whole record, heap, *ret_len bytes; the caller frees. `head` is its segment's. */
uint8_t *spool_encode(const uint8_t head[SPOOL_HEAD_BYTES], const struct spool_record *record, size_t *ret_len);

/* What a segment's bytes hold. */
struct spool_scan {
    size_t good; /* records */
    int damaged; /* places that were skipped */
    size_t end;  /* behind the last good record: what follows, if anything, was torn or is damaged */
    bool torn;   /* the rest begins like a record that was not written to its end */
};
/* Calls `visit` for each good record, with `segment` in it. A segment without a head has no records. */
void spool_scan(const uint8_t *bytes, size_t len, uint64_t segment, spool_visit_fn *visit, void *context,
                struct spool_scan *ret);
