#!/usr/bin/env bash
# The broker is not there: at the start of coordinator and agent, and in mid-campaign for longer than a lease, with the coordinator
# killed meanwhile. And what a coordinator says when something that it needs is taken.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
. tests/lib/many.sh
LEASE_MS=3000
MANY_KINDS=(wrong broken) # nothing is timed: a busy machine sends nothing back, and each task has one attempt
finish() {
    fleet_stop
    kafka_stop
}
trap finish EXIT
python_install && fleet_init && fleet_calibrate pocl && kafka_start || exit 1
COORDINATOR_LOG=$FLEET_DIR/coordinator.log AGENT_LOG=$FLEET_DIR/agent-one.log
lines() { grep -c -E "$2" "$1"; }
more_lines() { [ "$(lines "$1" "$2")" -gt "$3" ]; } # FILE PATTERN COUNT
broker_is() { fleet_api /v1/health | holds '.broker.state == $state and (.status == "ok") == ($state == "connected")' --arg state "$1"; }
ended() { fleet_api "/v1/campaigns/$1" | holds '.state == "complete" and .exit_status == 0'; }
AWAY="no broker answers.*tried $KAFKA_BOOTSTRAP.*retrying"

# --- not there at the start -----------------------------------------------------------------------------------------
kafka_kill 0
FLEET_PORT=$(kafka_free_ports 1)
fleet_serve --lease-ms $LEASE_MS || exit 1
fleet_agent one pocl
check "a coordinator without its broker says what it tried, and that it goes on trying" fleet_await "$COORDINATOR_LOG" "$AWAY" "$FLEET_COORDINATOR"
check "so does an agent" fleet_await "$AGENT_LOG" "$AWAY" "${FLEET_AGENT[one]}"
check "the API answers and says that the broker is absent" fleet_until 20 broker_is absent
EARLY=$("$PORTOLAN" submit "$(many_campaign early 4 pocl-cpu)" --json | jq -r .campaign)
check "a campaign is taken meanwhile" [ -n "$EARLY" ]
kafka_restart 0 || exit 1
check "with the broker there, the agent joins" fleet_wait_nodes 1 60
check "the coordinator says that it is connected" fleet_until 10 broker_is connected
check "the campaign runs to its end" fleet_until 60 ended "$EARLY"

# --- away in mid-campaign -------------------------------------------------------------------------------------------
LONG=$("$PORTOLAN" submit "$(many_campaign outage 16 pocl-cpu)" --json | jq -r .campaign)
begun() { fleet_api "/v1/campaigns/$LONG" | holds '.counts.done >= 2 and .counts.done <= 13'; }
fleet_until 60 begun
COORDINATOR_SAID=$(lines "$COORDINATOR_LOG" "$AWAY") AGENT_SAID=$(lines "$AGENT_LOG" "$AWAY") RAN=$(lines "$AGENT_LOG" ' (verdict|runs) ')
kafka_kill 0
check "the broker is killed in mid-campaign" begun
check "the coordinator says so" fleet_until 30 more_lines "$COORDINATOR_LOG" "$AWAY" "$COORDINATOR_SAID"
check "the agent says so" fleet_until 30 more_lines "$AGENT_LOG" "$AWAY" "$AGENT_SAID"
check "the agent finishes what it holds" fleet_until 30 more_lines "$AGENT_LOG" ' (verdict|runs) ' "$RAN"
agent_idle() { [ "$(lines "$AGENT_LOG" ' runs ')" -eq "$(lines "$AGENT_LOG" ' verdict [a-z_]+ after ')" ]; }
fleet_until 60 agent_idle
fleet_kill KILL "$FLEET_COORDINATOR"
COORDINATOR_SAID=$(lines "$COORDINATOR_LOG" "$AWAY")
fleet_serve_again || exit 1
check "a coordinator that is killed and started meanwhile knows the campaign" begun
check "and waits for the broker" fleet_until 30 more_lines "$COORDINATOR_LOG" "$AWAY" "$COORDINATOR_SAID"
read -rt "$((LEASE_MS / 1000 + 2))" <> <(:) || : # longer than a lease: this is what is tried
kafka_restart 0 || exit 1
check "with the broker back, the campaign runs to its end" fleet_until 90 ended "$LONG"
fleet_planned "$EARLY" "$LONG" >"$FLEET_DIR/planned"
check "nothing was lost: one latest result for every planned task" fleet_judge upsert "$FLEET_DIR/planned"
check "every verdict is the one that its kernel deserves" many_verdicts_hold
no_lease_lapsed() { fleet_api /metrics | grep -q '^portolan_lease_lapses_total 0$' && ! grep -q ' lapsed' "$COORDINATOR_LOG"; }
check "no lease ran out, and no task was run twice" no_lease_lapsed
ran_once() { all_hold 'all(.[]; .record.attempts == 1)' <"$FLEET_DIR/results.ndjson"; }
check "each task needed one attempt" ran_once

# --- what is taken --------------------------------------------------------------------------------------------------
BUSY=13 # exit status of what is taken (common/errors.def)
other() { timeout 60 "$PORTOLAN" serve --bootstrap "$KAFKA_BOOTSTRAP" "$@" >"$FLEET_DIR/other.log" 2>&1; }
port_taken() {
    other --port "$FLEET_PORT" --state-dir "$FLEET_DIR/other"
    [ $? -eq $BUSY ] && grep -q "port $FLEET_PORT of 127.0.0.1 is in use" "$FLEET_DIR/other.log" && grep -q '^hint: ' "$FLEET_DIR/other.log"
}
store_taken() {
    other --port 0
    [ $? -eq $BUSY ] && grep -q "is in use by process $FLEET_COORDINATOR" "$FLEET_DIR/other.log"
}
still_there() { fleet_api_answers; }
check "a port that is in use: the coordinator names it and ends" port_taken
check "a store that is in use: the same" store_taken
check "the first coordinator did not notice" still_there
no_broker_named() { "$PORTOLAN" serve --state-dir "$FLEET_DIR/other" >"$FLEET_DIR/other.log" 2>&1; [ $? -eq 2 ] && grep -q 'hint: ' "$FLEET_DIR/other.log"; }
check "no broker named: usage" no_broker_named
taken_over() {
    mkdir -p "$FLEET_DIR/other-run"
    PORTOLAN_RUNTIME_DIR=$FLEET_DIR/other-run timeout 60 "$PORTOLAN" serve --bootstrap "$KAFKA_BOOTSTRAP" --port 0 --state-dir "$FLEET_DIR/other" \
        >"$FLEET_DIR/other.log" 2>&1 &
    local second=$! rc=0
    fleet_wait_gone "$FLEET_COORDINATOR" 40 && grep -q 'has taken over' "$COORDINATOR_LOG" || rc=1
    kill "$second" && wait "$second"
    [ $rc -eq 0 ] || tail -n 20 "$FLEET_DIR/other.log" "$COORDINATOR_LOG"
    return $rc
}
check "a second coordinator on the same topics takes over, and the first one ends and says why" taken_over
check_done
