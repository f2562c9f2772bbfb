#!/usr/bin/env bash
# What operators do with nodes, and what bad nodes and poison tasks do to a fleet: approval, drain, cordon, maintenance; a simulated
# node that fails everything; a task that fails everywhere; a real device whose driver is taken away, and its way back.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
. tests/lib/many.sh
SIM=
finish() {
    [ -z "$SIM" ] || fleet_kill TERM "$SIM"
    fleet_stop
    kafka_stop
}
trap finish EXIT
python_install && fleet_init && fleet_calibrate pocl && kafka_start || exit 1
fleet_serve --window 64 --approve-nodes --lease-ms 4000 --settle-ms 0 || exit 1

node() { "$PORTOLAN" node "$@"; }
node_holds() { # NAME FILTER [JQ'S OPTIONS]
    local name=$1
    shift
    fleet_api "/v1/nodes/$name" | holds "$@"
}
is() { node_holds "$1" '.state == $s' --arg s "$2"; }
submit() { "$PORTOLAN" submit "$1" --json | jq -r .campaign; }
ended() { fleet_api "/v1/campaigns/$1" | holds '.state != "running"'; }
all_done() { fleet_api "/v1/campaigns/$1" | holds '.exit_status == 0 and (.cells | length) == $n and all(.cells[]; .state == "done")' --argjson n "$2"; }
metric() { fleet_api /metrics | sed -n "s/^portolan_$1 //p"; }
MANY_KINDS=(rows) # timing takes long enough to be seen at it

# --- approval ---------------------------------------------------------------------------------------------------------
fleet_agent one pocl && fleet_agent two pocl
"$FLEET_BUILD/tools/sim_fleet" run --bootstrap "$KAFKA_BOOTSTRAP" \
    --group '{name: bad, nodes: 1, devices: 8, targets: [sim-cpu], task_ms: 5, fail: 1}' \
    --group '{name: good, nodes: 3, devices: 2, targets: [sim-cpu, sim-gpu], task_ms: 5, fail_on: ["poison*"]}' >"$FLEET_DIR/sim.log" 2>&1 &
SIM=$!
disown "$SIM"
SIMULATED=(bad-0 good-0 good-1 good-2)
pending() { fleet_api "/v1/nodes?state=pending" | holds '(.nodes | length) == $n' --argjson n "$1"; }
check "nodes that are not known wait for approval" fleet_until 60 pending 6
says_how() { "$PORTOLAN" nodes one --state pending | grep -q '^one  *pending  *agent .* waits for approval: portolan node approve one$'; }
check "\`portolan nodes\` says so, and how to approve them" says_how
EARLY=$(submit "$(many_campaign early 1 pocl-cpu)")
no_device() { fleet_api "/v1/campaigns/$EARLY" | holds '(.cells | length) == 1 and .cells[0].state == "no_device"'; }
check "what only they serve has no device" fleet_until 20 no_device
partly() {
    node approve "${SIMULATED[@]}" three >"$FLEET_DIR/approve.out" 2>"$FLEET_DIR/approve.err"
    [ $? -ne 0 ] && [ "$(wc -l <"$FLEET_DIR/approve.out")" -eq 4 ] && grep -q 'no node `three`' "$FLEET_DIR/approve.err" &&
        grep -q '1 of 5 nodes were not changed' "$FLEET_DIR/approve.err"
}
check "of several names each is done, and the one that is not there is named" partly
check "the others wait on" pending 2

# --- a bad node -------------------------------------------------------------------------------------------------------
fleet_until 30 fleet_has_nodes 4 || exit 1
BAD=$(submit "$(many_campaign bad 40 sim-cpu)")
check "a node that fails everything is quarantined" fleet_until 60 is bad-0 quarantined
node cordon bad-0 --reason 'seen enough' >/dev/null # so that it has no second chance while the campaign lasts
check "the campaign completes without it" fleet_until 90 all_done "$BAD" 40
attempts_on() { # CAMPAIGN NODE: "task state reason" of its attempts there
    local task
    for task in $(fleet_planned "$1"); do
        fleet_api "/v1/tasks/$task" | jq -r --arg n "$2" '.task as $t | .attempt_list[] | select(.node == $n) | "\($t) \(.state) \(.reason)"'
    done
}
attempts_on "$BAD" bad-0 >"$FLEET_DIR/on-bad"
check "it had three attempts in all ($(wc -l <"$FLEET_DIR/on-bad"))" test "$(wc -l <"$FLEET_DIR/on-bad")" -eq 3
check "and one of each task at most" test -z "$(cut -d' ' -f1 "$FLEET_DIR/on-bad" | sort | uniq -d)"
blamed() { node_holds bad-0 '.failures >= 3 and (.quarantine == null or (.quarantine | .since_ms > 0 and (.reason | test("^3 failures in a row, last: .* on task [0-9a-f]+"))))'; }
check "it is known why" blamed
check "as the metrics say" test "$(metric quarantines_total)" -ge 1

# --- a poison task ----------------------------------------------------------------------------------------------------
good_ones() { for n in good-0 good-1 good-2; do is $n in_service && node_holds $n '.failures == 0 and all(.devices[]; .failures == 0)' || return 1; done; }
many_campaign poison 1 sim-gpu >/dev/null
POISON=$(submit "$FLEET_DIR/many/poison.yaml")
check "a task that fails on every node ends" fleet_until 60 ended "$POISON"
TASK=$(fleet_planned "$POISON")
gave_up() { fleet_api "/v1/tasks/$TASK" | holds '.state == "gave_up" and (.why | test("poison: it failed on 3 nodes")) and ([.attempt_list[].node] | unique | length) == 3 and (.attempt_list | length) == 3'; }
check "given up after three attempts on three nodes" gave_up
check "none of which is blamed" good_ones
letter() {
    "$VENV_PYTHON" tests/foreign/read_internal.py "$KAFKA_BOOTSTRAP" portolan.deadletter schemas |
        all_hold 'any(.[].record; .task_id == $t and (.reason | test("poison")))' --arg t "$TASK"
}
check "it is a dead letter" fleet_until 20 letter
fleet_kill TERM "$SIM"
SIM=

# --- drain with work running --------------------------------------------------------------------------------------------
node approve one two >/dev/null
in_service() { is "$1" in_service && is "$2" in_service; }
fleet_until 60 in_service one two || exit 1
runs() { node_holds "$1" 'any(.devices[]; .runs.for_ms != null)'; }
DRAIN=$(submit "$(many_campaign drain 4 pocl-cpu)")
fleet_until 120 runs one || exit 1
shown() { "$PORTOLAN" nodes one | grep -qE '^  pocl-cpu +busy +pocl-cpu +[0-9]+/[0-9]+  drain.* of scale-shift: [a-z]+ [0-9]+ %, for .*, task [0-9a-f]{12}$'; }
check "\`portolan nodes\` shows what a device runs, and for how long" fleet_until 20 shown
check "a drain waits for what runs" timeout 300 "$PORTOLAN" node drain one --reason 'new power supply' --wait
drained() { node_holds one '.state == "drained" and .reason == "new power supply" and .held == 0'; }
check "then the node is drained, with the reason" drained
check "the campaign completes on the other" fleet_until 300 all_done "$DRAIN" 4
nothing_was_lost() {
    attempts_on "$DRAIN" one >"$FLEET_DIR/on-one"
    test -s "$FLEET_DIR/on-one" && ! grep -vE '^[0-9a-f]+ (accepted|abandoned|failed machine busy)' "$FLEET_DIR/on-one"
}
check "what ran there was finished, what waited was given back, nothing failed" nothing_was_lost

# --- maintenance over restarts ------------------------------------------------------------------------------------------
check "a drained node goes into maintenance" node maintenance one --reason 'new disk'
wrong() { ! node drain one 2>"$FLEET_DIR/wrong" && grep -q 'cannot be drained: it is in maintenance' "$FLEET_DIR/wrong" && grep -q 'portolan node resume one' "$FLEET_DIR/wrong"; }
check "what cannot be done from there is said with the remedy" wrong
fleet_kill TERM "${FLEET_AGENT[one]}"
fleet_kill KILL "$FLEET_COORDINATOR"
fleet_serve_again || exit 1
fleet_agent one pocl
back() { node_holds one '.presence == "ready" and .heartbeat_age_ms != null'; }
fleet_until 60 back || exit 1
maintained() { node_holds one '.state == "maintenance" and .reason == "new disk"' && grep -q 'the coordinator wants this node maintenance: new disk' "$FLEET_DIR/agent-one.log"; }
check "it is in maintenance after a restart of agent and coordinator, and the agent knows" fleet_until 20 maintained
fleet_until 60 is two in_service || exit 1
node resume one >/dev/null
check "until it is resumed" fleet_until 20 is one in_service

# --- a driver disappears, with its mailbox full --------------------------------------------------------------------------
fleet_until 60 node_holds two '.held == 0' || exit 1
node cordon two >/dev/null
MANY_KINDS=(wrong rows wrong wrong)
QUARANTINE=$(submit "$(many_campaign quarantine 6 pocl-cpu)")
full() { node_holds one '.held >= 4 and any(.devices[]; .runs.phase == "time")'; } # open as wide as it does after a first success
fleet_until 120 full || exit 1
check "a cordoned node gets nothing" node_holds two '.state == "cordoned" and .held == 0'
mkdir "$FLEET_DIR/away" && mv "$FLEET_DIR/icd/one/pocl.icd" "$FLEET_DIR/away/"
quarantined() { node_holds one '.quarantine.reason | test("^3 failures in a row, last: ")'; }
check "three failures in a row quarantine the node" fleet_until 60 quarantined
check "and the device that fails its check is shown" fleet_until 30 node_holds one 'any(.failing[]; .id == "pocl-cpu" and .reason != "")'
listed() { "$PORTOLAN" nodes --state quarantined | grep -qE '^one +quarantined .*(for [0-9]+ s more|until its health check passes): 3 failures in a row'; }
check "\`portolan nodes\` says why and for how long" listed
mv "$FLEET_DIR/away/pocl.icd" "$FLEET_DIR/icd/one/"
check "its driver back, a passed health check lifts the quarantine" fleet_until 90 is one in_service
lifted() { grep -q 'one is out of quarantine: the health check was passed' "$FLEET_DIR/coordinator.log"; }
check "as the log says" lifted
check "and it does the rest of the campaign" fleet_until 300 all_done "$QUARANTINE" 6
blameless() { fleet_api "/v1/campaigns/$QUARANTINE" | holds 'all(.cells[]; .verdict == (if (.kernel | test("-wrong$")) then "wrong_output" else "correct" end))'; }
check "no kernel was blamed" blameless
check_done
