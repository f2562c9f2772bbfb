#!/usr/bin/env bash
# Three brokers, three replicas of every topic: in the middle of a campaign one of them is killed (-9), later it comes back and the next one is
# killed. The campaign goes on and ends; nothing is lost, no lease runs out, no work is done twice.
#   TASKS=N KILLS=N      tasks; how many brokers are killed, one after the other
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
. tests/lib/many.sh
TASKS=${TASKS:-24} # of each campaign: one for each kill
KILLS=${KILLS:-1}
LEASE_MS=5000
MANY_KINDS=(wrong broken)
finish() {
    fleet_stop
    kafka_stop
}
trap finish EXIT
python_install && fleet_init && fleet_calibrate pocl || exit 1
KAFKA_HEAP=384m kafka_start 3 || exit 1
fleet_serve --lease-ms $LEASE_MS || exit 1
for name in left right; do fleet_agent $name pocl; done
fleet_wait_nodes 2 || exit 1
replicas_of() { kcat -b "$KAFKA_BOOTSTRAP" -L -J 2>/dev/null | jq --arg t "$1" '[.topics[] | select(.topic == $t) | .partitions[].replicas | length] | min'; }
leader_of() { kcat -b "$KAFKA_BOOTSTRAP" -L -J 2>/dev/null | jq --arg t "$1" '.topics[] | select(.topic == $t) | .partitions[0].leader'; }
thrice() { [ "$(replicas_of portolan.results)" -eq 3 ] && [ "$(replicas_of portolan.tasks.left)" -eq 3 ]; }
check "topics have three replicas" fleet_until 10 thrice
submit() { "$PORTOLAN" submit "$(many_campaign "$1" "$TASKS" pocl-cpu)" --json | jq -r .campaign; }
ended() { fleet_api "/v1/campaigns/$1" | holds '.state != "running"'; }
begun() { fleet_api "/v1/campaigns/$NOW" | holds '.counts.done >= 2'; }
open_still() { fleet_api "/v1/campaigns/$NOW" | holds '.state == "running"'; }

ALL=()
for ((k = 0; k < KILLS; k++)); do
    NOW=$(submit "n$k")
    ALL+=("$NOW")
    fleet_until 60 begun
    # The one that leads a mailbox: an agent is cut off until another has taken over.
    next=$(($(leader_of portolan.tasks.left) - 1))
    kafka_kill "$next"
    check "broker $((next + 1)), which leads a mailbox, is killed in mid-campaign" open_still
    check "the campaign ends" fleet_until 180 ended "$NOW"
    [ $((k + 1)) -lt "$KILLS" ] && { kafka_restart "$next" || exit 1; }
done
fleet_planned "${ALL[@]}" | sort >"$FLEET_DIR/planned"
check "all were planned: $((${#ALL[@]} * TASKS)) tasks" [ "$(wc -l <"$FLEET_DIR/planned")" -eq $((${#ALL[@]} * TASKS)) ]
check "nothing was lost: a stranger finds one latest result for every planned task" fleet_judge upsert "$FLEET_DIR/planned"
only_verdicts() { all_hold 'all(.[]; .record.outcome == "verdict")' <"$FLEET_DIR/results.ndjson"; }
check "each task has its verdict" only_verdicts
check "every verdict is the one that its kernel deserves" many_verdicts_hold
no_lapse() { fleet_api /metrics | grep -q '^portolan_lease_lapses_total 0$'; }
check "no lease ran out" no_lapse
ran_once() { all_hold 'all(.[]; .record.attempts == 1)' <"$FLEET_DIR/results.ndjson"; }
check "and each task needed one attempt" ran_once
check_done
