#!/usr/bin/env bash
# Writes of an agent fail with EIO (tests/shims/io_faults.c) under its spool and its cache, in the middle of a campaign and while the broker is away.
# It says so, takes no new work as long as its spool fails, and loses nothing: what it could not write it kept in memory.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
. tests/lib/many.sh
TASKS=${TASKS:-16}
OUTAGE_S=${OUTAGE_S:-5}
LEASE_MS=4000
MANY_KINDS=(wrong broken)
finish() {
    fleet_stop
    kafka_stop
}
trap finish EXIT
python_install && fleet_init && fleet_calibrate pocl && kafka_start || exit 1
fleet_serve --lease-ms $LEASE_MS --window 4 || exit 1
FAILING=$FLEET_DIR/failing # calls fail while this file exists
mkdir -p "$FLEET_DIR/cache" && cp -r "$PORTOLAN_CACHE_DIR/." "$FLEET_DIR/cache" # of its own: others share theirs
fleet_agent ill pocl LD_PRELOAD="$FLEET_BUILD/shims/io_faults.so" PORTOLAN_CACHE_DIR="$FLEET_DIR/cache" PORTOLAN_FAULT_ACTION=eio \
    PORTOLAN_FAULT_WHILE="$FAILING" PORTOLAN_FAULT_COMM=portolan-agent PORTOLAN_FAULT_PATH="$FLEET_DIR/state/spool/*:$FLEET_DIR/cache/*"
fleet_wait_nodes 1 || exit 1
ended() { fleet_api "/v1/campaigns/$1" | holds '.state != "running"'; }
done_at_least() { fleet_api "/v1/campaigns/$NOW" | holds '.counts.done >= $n' --argjson n "$1"; }
trouble() { fleet_api /v1/nodes | holds '.nodes[0].trouble // "" | test($t)' --arg t "$1"; }
well() { fleet_api /v1/nodes | holds '.nodes[0] | .ready and ((.trouble // "") == "")'; }
alive() { kill -0 "${FLEET_AGENT[ill]}"; }

NOW=$("$PORTOLAN" submit "$(many_campaign errors "$TASKS" pocl-cpu)" --json | jq -r .campaign)
fleet_until 60 done_at_least 2
touch "$FAILING"
kafka_kill 0
check "an agent whose spool cannot be written says so, and that it takes no new work" \
    fleet_await "$FLEET_DIR/agent-ill.log" 'no new work is taken: .*spool.*Input/output error' "${FLEET_AGENT[ill]}"
read -rt "$OUTAGE_S" <> <(:) || :
check "it lives on without disk and broker" alive
kafka_restart 0 || exit 1
check "with the broker back, the coordinator shows it" fleet_until 60 trouble "spool.*Input/output error"
rm "$FAILING"
check "with the disk well again, so is the node" fleet_until 60 well
check "and the campaign ends" fleet_until 180 ended "$NOW"
fleet_planned "$NOW" >"$FLEET_DIR/planned"
check "nothing was lost: one latest result for every planned task" fleet_judge upsert "$FLEET_DIR/planned"
only_verdicts() { all_hold 'all(.[]; .record.outcome == "verdict")' <"$FLEET_DIR/results.ndjson"; }
check "each task has its verdict" only_verdicts
check "every verdict is the one that its kernel deserves" many_verdicts_hold
said() { grep -E 'Input/output error' "$FLEET_DIR/agent-ill.log" | grep -q "$FLEET_DIR/state/spool"; }
check "its log names the file and the error" said
check_done
