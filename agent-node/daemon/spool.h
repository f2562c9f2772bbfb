/* Reports that the broker has not acknowledged, kept on disk: they survive the agent, and are sent again by its next
 * start. Append-only segment files in one folder; a segment is deleted when the last of its records is released.
 *
 *   segment   "PTLSPL1\n", 8 random bytes, records
 *   record    "PSR1", length of the body (4 bytes), CRC-32C (4 bytes), body: length of the key (2 bytes), key, data
 *
 * Numbers are little endian. The checksum begins with the segment's random bytes, so that nothing inside a record's
 * data (a kernel's output, say) can pass for a record when a damaged place is skipped. A record counts as kept when
 * spool_write() has returned: it was fsynced then. Thread-safe. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/error.h"

#define SPOOL_RECORD_MAX_BYTES (1 << 20)
#define SPOOL_KEY_MAX_BYTES 255
#define SPOOL_SEGMENT_BYTES (1 << 20) /* a segment that is longer takes no more records */

struct spool_limits {
    int64_t bytes, records; /* of files; of records not released. 0: 256 MiB; 10,000 */
    int64_t lock_wait_ms;   /* 0: 5 s, for a child of an agent that was killed may hold the lock for a moment longer */
};
struct spool_record {
    const char *key;
    const void *data;
    size_t len;
    uint64_t segment; /* set by spool_write(): to release it */
};
struct spool;

/* Opens (and makes) the folder and locks it: ERR_BUSY names who has it, after a few seconds of waiting. ERR_IO. Nothing
 * is written before spool_write(). */
struct spool *spool_open(const char *folder, const struct spool_limits *limits, struct error *err);
/* Accepts NULL. What was not released stays for the next start. */
void spool_close(struct spool *spool);
DEFINE_CLEANUP(cleanup_spool, struct spool *, spool_close)

/* What earlier starts left behind, oldest first: `visit` gets each good record (valid during the call). A record that a
 * crash has torn at a segment's end is cut off, damaged ones are skipped; both are logged. Returns the number of
 * damaged places, -1 with err when the folder cannot be read. Call it once, before the first spool_write(). */
typedef void spool_visit_fn(void *context, const struct spool_record *record);
int spool_load(struct spool *spool, spool_visit_fn *visit, void *context, struct error *err);

/* Appends records with one fsync for all. Those that fit the limits are kept, in order; *ret_kept is their number (may
 * be NULL). -1 when it is less than `count`: ERR_LIMIT, or ERR_IO and none of these is kept. */
int spool_write(struct spool *spool, struct spool_record *records, size_t count, size_t *ret_kept, struct error *err);
/* One record of this segment is acknowledged. */
void spool_release(struct spool *spool, uint64_t segment);

/* Can the folder be written again? Writes and removes a small file. */
int spool_probe(struct spool *spool, struct error *err);
/* Is there room for a record of the usual size? ERR_LIMIT names the limit; ERR_IO: the disk is nearly full. */
int spool_has_room(struct spool *spool, struct error *err);
struct spool_usage {
    int64_t bytes, records;
    int segments;
};
void spool_usage(struct spool *spool, struct spool_usage *ret);
