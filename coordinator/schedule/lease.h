/* Lease time: it advances only by ticks that the coordinator wrote to every partition of the heartbeats topic and has
 * read back from all of them, one round in flight. So while the broker or the coordinator is away, or the coordinator
 * lags behind in reading, no lease runs out; and whatever was written before a round's ticks has been read when the
 * round counts. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define LEASE_TICK_MS 500
#define LEASE_PARTITIONS_MAX 256
/* When two rounds were completed further apart than this, there was a gap: every lease is full again after it. */
#define LEASE_GAP_MS 5000
/* A round whose ticks are not all back after this is given up for a new one: a tick can be lost to the reader (a
 * partition that was assigned anew). Late ticks of the old round no longer count. */
#define LEASE_RESEND_MS 10000

struct lease_clock {
    int64_t now_ms; /* lease time */
    int64_t round;  /* sequence number of the round in flight, or of the last one */
    int partitions; /* 0: not linked */
    bool in_flight;
    int64_t sent_mono_ms; /* when the round was sent */
    int64_t done_mono_ms; /* when the last one was completed */
    int64_t due_mono_ms;  /* earliest time of the next round */
    bool back[LEASE_PARTITIONS_MAX];
    int missing; /* partitions whose tick is not back */
};

/* The link is up with this many partitions: no round is in flight, the next one is due. Lease time goes on. */
void lease_clock_link(struct lease_clock *clock, int partitions, int64_t mono_ms);
void lease_clock_unlink(struct lease_clock *clock);
/* Whether a round is to be sent now; begins it and gives its number. */
bool lease_clock_begin(struct lease_clock *clock, int64_t mono_ms, int64_t *ret_round);
/* A tick of ours was read. True when that completes the round in flight: lease time has advanced, and *ret_gap tells
 * whether all leases are to be filled again. Ticks of other rounds, and repeated ones, change nothing. */
bool lease_clock_read(struct lease_clock *clock, int partition, int64_t round, int64_t mono_ms, bool *ret_gap);
/* A tick could not be delivered: the round is sent anew, with a new number, at the next lease_clock_begin(). */
void lease_clock_lost(struct lease_clock *clock, int64_t mono_ms);
/* Milliseconds until the next round is due; -1 while not linked. */
int64_t lease_clock_wait_ms(const struct lease_clock *clock, int64_t mono_ms);
