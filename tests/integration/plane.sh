#!/usr/bin/env bash
# No-op tasks through the whole plane on Apache Kafka: what tests/bench/throughput measures works at all, and each task is
# accepted once and published. No time is asserted here.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
RESULT=$(mktemp)
trap 'rm -f "$RESULT"' EXIT

figures() { holds "$1" <"$RESULT"; }
check "no-op tasks go through, planned beforehand, at a window of 128 and of 2, and as tries one and sixteen at a time" \
    env JSON="$RESULT" CAMPAIGNS=2 TASKS=400 SECONDS_EACH=1 tests/bench/throughput throughput latency
check "each planned task has one result, accepted and published, of one attempt" \
    figures '.throughput | .results == 800 and .attempts == 800 and .published_s >= .accepted_s'
check "each try has its result" figures '.try_1.failed == 0 and .try_16.failed == 0 and .try_16.tries > 0'
check "the processor time of each part is told" figures '[.throughput.cpu_us_per_task[]] | length == 3 and all(. > 0)'
check_done
