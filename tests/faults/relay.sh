#!/usr/bin/env bash
# What lies between the fleet and the broker goes wrong (tests/tools/relay.c): connections are cut again and again, everything is late,
# one direction stands still, connections are half-open for longer than a socket's timeout. A campaign runs through all of it.
#   TASKS=N CUT_MS=MS HALF_OPEN_S=SECONDS DELAY_MS=MS     sizes; the long form sets larger ones
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
. tests/lib/many.sh
. tests/lib/relay.sh
TASKS=${TASKS:-12} # of each campaign
CUT_MS=${CUT_MS:-1000}
DELAY_MS=${DELAY_MS:-300}
HALF_OPEN_S=${HALF_OPEN_S:-8} # longer than the sockets' timeout below
LEASE_MS=4000
MANY_KINDS=(wrong broken)
finish() {
    fleet_stop
    relay_stop
    kafka_stop
}
trap finish EXIT
python_install && fleet_init && fleet_calibrate pocl && relay_start || exit 1
# librdkafka gives a connection up when a request is not answered for so long (default 60 s).
FAST=(--kafka socket.timeout.ms=6000)
FLEET_AGENT_ARGS=("${FAST[@]}")
fleet_serve --lease-ms $LEASE_MS "${FAST[@]}" || exit 1
for name in left right; do fleet_agent $name pocl; done
fleet_wait_nodes 2 || exit 1
submit() { "$PORTOLAN" submit "$(many_campaign "$1" "$TASKS" pocl-cpu)" --json | jq -r .campaign; }
ended() { fleet_api "/v1/campaigns/$1" | holds '.state != "running"'; }
done_at_least() { fleet_api "/v1/campaigns/$1" | holds '.counts.done >= $n' --argjson n "$2"; }
pause() { read -rt "$1" <> <(:) || :; } # the length of a fault is what is tried
ALL=()
campaign() { # NAME: sets NOW
    NOW=$(submit "$1")
    ALL+=("$NOW")
    fleet_until 60 done_at_least "$NOW" 2
}

campaign cut
relay cut "$CUT_MS" >"$FLEET_DIR/answer" || exit 1
check "with all connections cut every $CUT_MS ms, a campaign ends" fleet_until 240 ended "$NOW"
CUT=$(relay resume)
some_were_cut() { [[ $CUT =~ ([0-9]+)\ reset ]] && [ "${BASH_REMATCH[1]}" -ge 10 ]; }
check "connections were cut ($CUT)" some_were_cut

campaign late
relay delay "$DELAY_MS" $((DELAY_MS / 3)) >"$FLEET_DIR/answer" || exit 1
check "with everything $DELAY_MS ms late or more, a campaign ends" fleet_until 240 ended "$NOW"
relay resume >"$FLEET_DIR/answer"

campaign oneway
relay stall up >"$FLEET_DIR/answer" || exit 1
pause $((LEASE_MS / 1000 + 1))
relay resume >"$FLEET_DIR/answer"
relay stall down >"$FLEET_DIR/answer" || exit 1
pause $((LEASE_MS / 1000 + 1))
relay resume >"$FLEET_DIR/answer"
check "with each direction standing still for longer than a lease, a campaign ends" fleet_until 120 ended "$NOW"

campaign halfopen
relay swallow >"$FLEET_DIR/answer" || exit 1
pause "$HALF_OPEN_S"
relay resume >"$FLEET_DIR/answer"
check "with connections half-open for $HALF_OPEN_S s, a campaign ends" fleet_until 120 ended "$NOW"

campaign narrow
relay bandwidth 60000 >"$FLEET_DIR/answer" || exit 1
check "with 60 kB/s for all of them together, a campaign ends" fleet_until 240 ended "$NOW"
relay resume >"$FLEET_DIR/answer"

KAFKA_BOOTSTRAP=$KAFKA_DIRECT
fleet_planned "${ALL[@]}" | sort >"$FLEET_DIR/planned"
check "all were planned: $((${#ALL[@]} * TASKS)) tasks" [ "$(wc -l <"$FLEET_DIR/planned")" -eq $((${#ALL[@]} * TASKS)) ]
check "nothing was lost: a stranger finds one latest result for every planned task" fleet_judge upsert "$FLEET_DIR/planned"
only_verdicts() { all_hold 'all(.[]; .record.outcome == "verdict")' <"$FLEET_DIR/results.ndjson"; }
check "none was given up" only_verdicts
check "every verdict is the one that its kernel deserves" many_verdicts_hold
no_lapse() { fleet_api /metrics | grep -q '^portolan_lease_lapses_total 0$'; }
check "no lease ran out" no_lapse
ran_once() { all_hold 'all(.[]; .record.attempts == 1)' <"$FLEET_DIR/results.ndjson"; }
check "and each task needed one attempt: no work was thrown away" ran_once
check_done
