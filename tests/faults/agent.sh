#!/usr/bin/env bash
# Agents and devices that fail in other ways than by dying: one that is stopped past its lease and goes on later, a driver that
# disappears in mid-campaign and comes back, two agents under one name, an agent without a device.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
. tests/lib/many.sh
finish() {
    fleet_stop
    kafka_stop
}
trap finish EXIT
python_install && intel_install && fleet_init && fleet_calibrate pocl rusticl intel && kafka_start || exit 1

# --- a mailbox that is not there yet ----------------------------------------------------------------------------------
# As right after the coordinator has made it, when not every broker knows it: here nobody has made it at all.
"$PORTOLAN" topics --bootstrap "$KAFKA_BOOTSTRAP" --create >"$FLEET_DIR/topics.log" || exit 1
fleet_agent deaf pocl
registered() { grep -q 'registered node deaf' "$FLEET_DIR/agent-deaf.log"; }
fleet_until 60 registered
INCARNATION=$(sed -nE 's/.*registered node deaf, incarnation ([0-9a-f]+);.*/\1/p' "$FLEET_DIR/agent-deaf.log")
"$VENV_PYTHON" tests/foreign/write_desired.py "$KAFKA_BOOTSTRAP" schemas deaf "$INCARNATION" tasks.deaf || exit 1
check "an agent whose mailbox is not there says so and tries again" \
    fleet_await "$FLEET_DIR/agent-deaf.log" 'mailbox tasks.deaf: .*trying again' "${FLEET_AGENT[deaf]}"
"$VENV_PYTHON" tests/foreign/write_desired.py "$KAFKA_BOOTSTRAP" --create portolan.tasks.deaf || exit 1
is_ready() {
    "$VENV_PYTHON" tests/foreign/read_internal.py "$KAFKA_BOOTSTRAP" portolan.nodes schemas |
        all_hold 'any(.[].record; .node == "deaf" and .state == "ready")'
}
check "it is ready as soon as the mailbox is there" fleet_until 30 is_ready
fleet_kill TERM "${FLEET_AGENT[deaf]}"

fleet_serve --lease-ms 3000 --absent-ms 4000 || exit 1
# As if each had a machine of its own: who is stopped there holds no lock here.
for name in slow quick; do fleet_agent $name rusticl PORTOLAN_LOCK_DIR="$FLEET_DIR/locks-$name"; done
fleet_wait_nodes 2 || exit 1

submit() { "$PORTOLAN" submit "$1" --json | jq -r .campaign; }
ended() { fleet_api "/v1/campaigns/$1" | holds '.state != "running"'; }
# Results of one campaign, into the file that fleet_judge leaves.
judge() { # MODE CAMPAIGN
    fleet_planned "$2" >"$FLEET_DIR/planned" && fleet_until 30 fleet_published &&
        fleet_read results | jq -c --arg c "$2" 'select(.record.campaign == $c)' >"$FLEET_DIR/results.ndjson" &&
        "$VENV_PYTHON" tests/foreign/judge_results.py "$FLEET_DIR/results.ndjson" "$FLEET_DIR/planned" "$1"
}

# --- stopped past its lease -----------------------------------------------------------------------------------------
sed 's/^sets: .*/sets: 12/' "$(many_campaign long 1 mesa-llvmpipe)" >"$FLEET_DIR/many/long12.yaml"
LONG=$(submit "$FLEET_DIR/many/long12.yaml")
TASK=$(fleet_planned "$LONG")
timing() { fleet_api "/v1/tasks/$TASK" | holds '.state == "running" and .phase == "time"'; }
attempt_is() { # N STATE
    fleet_api "/v1/tasks/$TASK" | holds '.attempt_list | any(.attempt_id == "\($task).\($n)" and .state == $state)' --argjson n "$1" --arg state "$2" \
        --arg task "$TASK"
}
fleet_until 60 timing
FROZEN=$(fleet_api "/v1/tasks/$TASK" | jq -r .node)
kill -STOP "${FLEET_AGENT[$FROZEN]}"
node_is() { fleet_api /v1/nodes | holds '.nodes[] | select(.node == $node) | .state == $state' --arg node "$1" --arg state "$2"; }
check "an agent that falls silent loses its lease" fleet_until 20 attempt_is 1 lapsed
check "its node is absent" fleet_until 10 node_is "$FROZEN" absent
check "its task is done by another node" fleet_until 180 attempt_is 2 accepted
kill -CONT "${FLEET_AGENT[$FROZEN]}"
check "the agent goes on, and its node is in service again" fleet_until 20 node_is "$FROZEN" in_service
check "its own outcome comes late and is superseded" fleet_until 180 attempt_is 1 superseded
accepted_once() { judge once "$LONG" && holds '.record.result_id == $id and .record.verdict == "correct"' --arg id "$TASK.2" <"$FLEET_DIR/results.ndjson"; }
check "the task was accepted once, and its result not changed" accepted_once
rows_of_the_accepted() { [ "$(fleet_read measurements | jq -r .record.attempt_id | sort -u)" = "$TASK.2" ]; }
check "\`measurements\` has the accepted attempt's rows only" rows_of_the_accepted

# The other order: the second one is stopped, too, before it is done, and the first one goes on.
sed 's/^sets: .*/sets: 12/' "$(many_campaign long2 1 mesa-llvmpipe)" >"$FLEET_DIR/many/long2-12.yaml"
LONG=$(submit "$FLEET_DIR/many/long2-12.yaml")
TASK=$(fleet_planned "$LONG")
fleet_until 60 timing
FROZEN=$(fleet_api "/v1/tasks/$TASK" | jq -r .node)
kill -STOP "${FLEET_AGENT[$FROZEN]}"
taken_over() { fleet_api "/v1/tasks/$TASK" | holds '.state == "running" and .node != $node' --arg node "$FROZEN"; }
fleet_until 60 taken_over
SECOND=$(fleet_api "/v1/tasks/$TASK" | jq -r .node)
kill -STOP "${FLEET_AGENT[$SECOND]}"
kill -CONT "${FLEET_AGENT[$FROZEN]}"
check "when the first agent goes on before the second is done, its result is accepted" fleet_until 180 attempt_is 1 accepted
kill -CONT "${FLEET_AGENT[$SECOND]}"
check "and the second one's is superseded" fleet_until 180 attempt_is 2 superseded
first_accepted() { judge once "$LONG" && holds '.record.result_id == $id' --arg id "$TASK.1" <"$FLEET_DIR/results.ndjson"; }
check "again the task was accepted once" first_accepted

# --- a driver disappears --------------------------------------------------------------------------------------------
for name in slow quick; do fleet_kill TERM "${FLEET_AGENT[$name]}"; done
fleet_agent left pocl && fleet_agent right pocl && fleet_agent gone intel && fleet_wait_nodes 3 || exit 1
LOST=$(submit "$(many_campaign lost 16 pocl-cpu,intel-cpu)")
under_way() { # both nodes that will lose their device have begun
    fleet_api "/v1/campaigns/$LOST" | holds '[.cells[] | select(.state == "running" or .state == "done") | .node] | index("left") and index("gone")'
}
fleet_until 60 under_way
mkdir "$FLEET_DIR/away" && mv "$FLEET_DIR/icd/left/pocl.icd" "$FLEET_DIR/icd/gone/intel.icd" "$FLEET_DIR/away/"
no_device() { fleet_api /v1/nodes | holds '.nodes[] | select(.node == $node) | .presence == "ready" and .devices == []' --arg node "$1"; }
check "a device whose driver is gone fails its health check and leaves the inventory" fleet_until 120 no_device gone
check "so does the other" fleet_until 120 no_device left
check "the campaign ends all the same" fleet_until 300 ended "$LOST"
check "each task has one result" judge once "$LOST"
outcomes() { jq -r --arg t "$1" '.record | select(.target == $t) | .outcome' "$FLEET_DIR/results.ndjson" | sort | uniq -c | tr -s ' \n' ' '; }
moved_elsewhere() { all_hold 'all(.[].record | select(.target == "pocl-cpu"); .outcome == "verdict") and any(.[].record; .node == "right")' <"$FLEET_DIR/results.ndjson"; }
given_up() {
    all_hold '[.[].record | select(.target == "intel-cpu" and .outcome == "gave_up")] | length > 0 and all(.[]; .evidence != "" and .verdict == null)' <"$FLEET_DIR/results.ndjson"
}
check "tasks of the target that has another device had their verdict there ($(outcomes pocl-cpu))" moved_elsewhere
check "tasks of the other target were given up, with the reason ($(outcomes intel-cpu))" given_up
check "no kernel was blamed for it" many_verdicts_hold
letters_of_the_given_up() {
    diff <("$VENV_PYTHON" tests/foreign/read_internal.py "$KAFKA_BOOTSTRAP" portolan.deadletter schemas | jq -r 'select(.record.source == "task") | .record.task_id' | sort) \
        <(jq -r '.record | select(.outcome == "gave_up") | .task_id' "$FLEET_DIR/results.ndjson" | sort)
}
check "those are the dead letters" letters_of_the_given_up
exit_status_says_so() { fleet_api "/v1/campaigns/$LOST" | holds '.exit_status == 1'; }
check "the campaign's exit status is 1" exit_status_says_so
mv "$FLEET_DIR/away/pocl.icd" "$FLEET_DIR/icd/left/" && mv "$FLEET_DIR/away/intel.icd" "$FLEET_DIR/icd/gone/"
has_device() { fleet_api /v1/nodes | holds '.nodes[] | select(.node == $node) | (.devices | length) == 1' --arg node "$1"; }

# --- names and nothing (while the devices wait for their next health check) ----------------------------------------------
FIRST=${FLEET_AGENT[right]}
refused_here() {
    OCL_ICD_VENDORS=$FLEET_DIR/icd/right "$PORTOLAN_AGENT" run --node right --bootstrap "$KAFKA_BOOTSTRAP" >"$FLEET_DIR/second.log" 2>&1
    [ $? -ne 0 ] && grep -q 'is locked' "$FLEET_DIR/second.log" && grep -q 'hint: an agent of this name runs already' "$FLEET_DIR/second.log"
}
check "a second agent of a name is refused where the first one's spool is" refused_here
fleet_agent right pocl PORTOLAN_STATE_DIR="$FLEET_DIR/state-elsewhere" # as if on another machine
fenced() { fleet_wait_gone "$FIRST" 30 && grep -q 'another agent has started as node right' "$FLEET_DIR/agent-right.log"; }
check "an agent whose name is taken by a second one ends and says so" fenced
no_driver() {
    mkdir -p "$FLEET_DIR/icd/none"
    OCL_ICD_VENDORS=$FLEET_DIR/icd/none "$PORTOLAN_AGENT" run --node nothing --bootstrap "$KAFKA_BOOTSTRAP" >"$FLEET_DIR/nothing.log" 2>&1
    [ $? -ne 0 ] && grep -q 'no device found' "$FLEET_DIR/nothing.log" && grep -q 'hint: ' "$FLEET_DIR/nothing.log"
}
check "an agent without a device says so and ends" no_driver
check "a device whose driver is back comes into service again" fleet_until 120 has_device gone
verdict_again() { "$PORTOLAN" try tests/campaigns/kernels/scale-shift-broken.yaml --problem tests/campaigns/scale-shift.yaml --on intel-cpu; [ $? -eq 45 ]; }
check "and gives verdicts" verdict_again
check_done
