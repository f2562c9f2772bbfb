#!/usr/bin/env bash
# The wall clock is set forward and back by an hour in the middle of a campaign, at the coordinator and at each agent (a library that shifts it
# for one process: tests/shims/clock_jump.c; the machine's clock stays as it is). Nothing happens: no lease runs out, no task runs twice.
#   TASKS=N PAUSE_S=SECONDS      tasks; how long each setting of the clocks lasts
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
. tests/lib/many.sh
TASKS=${TASKS:-24}
PAUSE_S=${PAUSE_S:-5} # longer than a lease
LEASE_MS=4000
MANY_KINDS=(wrong broken)
HOUR=3600
finish() {
    fleet_stop
    kafka_stop
}
trap finish EXIT
python_install && fleet_init && fleet_calibrate pocl && kafka_start || exit 1
set_clock() { printf '%+012d\n' "$2" | dd of="$FLEET_DIR/clock-$1" conv=notrunc status=none; } # WHO SECONDS: in place, it is mapped
shifted() { echo "LD_PRELOAD=$FLEET_BUILD/shims/clock_jump.so CLOCK_JUMP_FILE=$FLEET_DIR/clock-$1"; }
for who in coordinator left right; do set_clock $who 0; done
# shellcheck disable=SC2046
export $(shifted coordinator)
fleet_serve --lease-ms $LEASE_MS || exit 1
unset LD_PRELOAD CLOCK_JUMP_FILE
# shellcheck disable=SC2046
for name in left right; do fleet_agent $name pocl $(shifted $name); done
fleet_wait_nodes 2 || exit 1
submit() { "$PORTOLAN" submit "$1" --json | jq -r .campaign; }
ended() { fleet_api "/v1/campaigns/$1" | holds '.state != "running"'; }
more_done() { fleet_api "/v1/campaigns/$NOW" | holds '.counts.done > $n or .state != "running"' --argjson n "$1"; }
pause() { read -rt "$1" <> <(:) || :; } # how long a clock stays wrong is what is tried
in_service() { fleet_has_nodes 2; }

# A setting holds for longer than a lease, over work and over quiet: who waits by the wall clock is found either way.
ALL=()
try_clocks() { # COORDINATOR LEFT RIGHT
    local name
    name=n$((${#ALL[@]} + 1))
    many_campaign $name $((TASKS / 4)) pocl-cpu >"$FLEET_DIR/file" && echo 'deadline: 30m' >>"$(cat "$FLEET_DIR/file")"
    NOW=$(submit "$(cat "$FLEET_DIR/file")")
    ALL+=("$NOW")
    fleet_until 60 more_done 0
    set_clock coordinator "$1" && set_clock left "$2" && set_clock right "$3"
    check "coordinator $1 s, agents $2 and $3 s: the campaign ends" fleet_until 120 ended "$NOW"
    pause "$PAUSE_S"
    check "and both nodes are in service" in_service
}
try_clocks $HOUR 0 0
try_clocks 0 -$HOUR $HOUR
try_clocks -$HOUR 0 -$HOUR
try_clocks 0 0 0

fleet_planned "${ALL[@]}" | sort >"$FLEET_DIR/planned"
check "all were planned" [ "$(wc -l <"$FLEET_DIR/planned")" -eq $((${#ALL[@]} * (TASKS / 4))) ]
check "a stranger finds each result once" fleet_judge once "$FLEET_DIR/planned"
only_verdicts() { all_hold 'all(.[]; .record.outcome == "verdict" and .record.attempts == 1)' <"$FLEET_DIR/results.ndjson"; }
check "each task has its verdict, by its first attempt" only_verdicts
check "every verdict is the one that its kernel deserves" many_verdicts_hold
no_lapse() { fleet_api /metrics | grep -q '^portolan_lease_lapses_total 0$'; }
check "no lease ran out" no_lapse
never_absent() { ! grep -E 'no heartbeat|lapsed' "$FLEET_DIR/coordinator.log"; }
check "no node was given up, not for an instant" never_absent
# Or nothing was tried: the logs must tell of other hours.
hours_of() { sed -nE 's/^([0-9-]+T[0-9]+):.*/\1/p' "$1" | sort -u | wc -l; }
they_jumped() { [ "$(hours_of "$FLEET_DIR/coordinator.log")" -ge 3 ] && [ "$(hours_of "$FLEET_DIR/agent-left.log")" -ge 2 ] && [ "$(hours_of "$FLEET_DIR/agent-right.log")" -ge 3 ]; }
check "the clocks did jump, as the logs show" they_jumped
near_now() { # the last campaign ran with clocks that were right again
    fleet_api "/v1/campaigns/$NOW" | holds '.finished_ms > $now - 600000 and .finished_ms <= $now' --argjson now "$(date +%s%3N)"
}
check "times are right again when the clocks are" near_now
check_done
