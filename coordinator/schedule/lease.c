#include "coordinator/schedule/lease.h"

#include <string.h>

void lease_clock_link(struct lease_clock *clock, int partitions, int64_t mono_ms) {
    if (partitions > LEASE_PARTITIONS_MAX) partitions = LEASE_PARTITIONS_MAX;
    clock->partitions = partitions;
    clock->in_flight = false;
    clock->due_mono_ms = clock->done_mono_ms = mono_ms;
}

void lease_clock_unlink(struct lease_clock *clock) {
    clock->partitions = 0;
    clock->in_flight = false;
}

bool lease_clock_begin(struct lease_clock *clock, int64_t mono_ms, int64_t *ret_round) {
    if (clock->in_flight && mono_ms - clock->sent_mono_ms >= LEASE_RESEND_MS) lease_clock_lost(clock, mono_ms);
    if (clock->partitions == 0 || clock->in_flight || mono_ms < clock->due_mono_ms) return false;
    clock->round++;
    clock->in_flight = true;
    clock->sent_mono_ms = mono_ms;
    clock->due_mono_ms = mono_ms + LEASE_TICK_MS;
    memset(clock->back, 0, sizeof clock->back);
    clock->missing = clock->partitions;
    *ret_round = clock->round;
    return true;
}

bool lease_clock_read(struct lease_clock *clock, int partition, int64_t round, int64_t mono_ms, bool *ret_gap) {
    *ret_gap = false;
    if (!clock->in_flight || round != clock->round) return false;
    if (partition < 0 || partition >= clock->partitions || clock->back[partition]) return false;
    clock->back[partition] = true;
    if (--clock->missing > 0) return false;
    clock->in_flight = false;
    clock->now_ms += LEASE_TICK_MS;
    *ret_gap = mono_ms - clock->done_mono_ms > LEASE_GAP_MS;
    clock->done_mono_ms = mono_ms;
    return true;
}

void lease_clock_lost(struct lease_clock *clock, int64_t mono_ms) {
    if (!clock->in_flight) return;
    clock->in_flight = false;
    clock->due_mono_ms = mono_ms;
}

int64_t lease_clock_wait_ms(const struct lease_clock *clock, int64_t mono_ms) {
    if (clock->partitions == 0) return -1;
    if (clock->in_flight) {
        int64_t left = clock->sent_mono_ms + LEASE_RESEND_MS - mono_ms;
        return left > 0 ? left : 0;
    }
    return clock->due_mono_ms > mono_ms ? clock->due_mono_ms - mono_ms : 0;
}
