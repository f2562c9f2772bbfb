#!/usr/bin/env bash
# Every record of the internal topics comes twice, the second time late and in another order, while agents and the coordinator are
# killed and started again: so records of incarnations and epochs that are over come, too. The results are those of a run without.
#   SEED=N KERNELS=N MOST_S=SECONDS     the order; kernels a campaign; how late copies come
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
. tests/lib/many.sh
SEED=${SEED:-20265}
KERNELS=${KERNELS:-16}
MOST_S=${MOST_S:-1.5}
MANY_KINDS=(wrong broken) # nothing is timed: the outcome of each attempt is the same however busy the machine is
DUPLICATOR=
finish() {
    [ -z "$DUPLICATOR" ] || kill -9 "$DUPLICATOR" 2>/dev/null
    fleet_stop
    kafka_stop
}
trap finish EXIT
echo "SEED=$SEED"
python_install && fleet_init && fleet_calibrate pocl && kafka_start || exit 1
FLEET_PORT=$(kafka_free_ports 1)
fleet_serve --lease-ms 5000 || exit 1
for name in left right; do fleet_agent $name pocl; done
fleet_wait_nodes 2 || exit 1
submit() { "$PORTOLAN" submit "$(many_campaign "$1" "$KERNELS" pocl-cpu)" --json | jq -r .campaign; }
ended() { fleet_api "/v1/campaigns/$1" | holds '.state != "running"'; }
done_at_least() { fleet_api "/v1/campaigns/$1" | holds '.counts.done >= $n' --argjson n "$2"; }

# --- without --------------------------------------------------------------------------------------------------------
PLAIN=$(submit plain)
check "a campaign without copies ends" fleet_until 120 ended "$PLAIN"

# --- with -----------------------------------------------------------------------------------------------------------
"$VENV_PYTHON" tests/foreign/duplicate.py "$KAFKA_BOOTSTRAP" portolan. "$MOST_S" "$SEED" >"$FLEET_DIR/copies" 2>"$FLEET_DIR/duplicator.log" &
DUPLICATOR=$!
disown "$DUPLICATOR"
TWICE=$(submit twice)
fleet_until 60 done_at_least "$TWICE" $((KERNELS / 5))
fleet_kill_agent right && fleet_agent_again right
fleet_until 60 done_at_least "$TWICE" $((KERNELS * 2 / 5))
fleet_kill KILL "$FLEET_COORDINATOR" && fleet_serve_again || exit 1
fleet_kill TERM "${FLEET_AGENT[left]}" && fleet_agent_again left # what it said when it left comes again, too
fleet_wait_nodes 2
kill -USR1 "$DUPLICATOR" # all that was ever said of nodes and desired states, shuffled
check "with every record twice, and agents and coordinator killed meanwhile, it ends too" fleet_until 120 ended "$TWICE"
kill -TERM "$DUPLICATOR"
all_were_copied() {
    fleet_wait_gone "$DUPLICATOR" 60 && cat "$FLEET_DIR/duplicator.log" &&
        holds '[.tasks, .attempts, .heartbeats, .nodes, .desired] | all(. > 0)' <"$FLEET_DIR/copies"
}
check "copies of every kind were delivered: $(fleet_wait_gone "$DUPLICATOR" 60; cat "$FLEET_DIR/copies")" all_were_copied

# --- what came of it ------------------------------------------------------------------------------------------------
fleet_planned "$PLAIN" "$TWICE" | sort >"$FLEET_DIR/planned"
check "all were planned: $((2 * KERNELS)) tasks" [ "$(wc -l <"$FLEET_DIR/planned")" -eq $((2 * KERNELS)) ]
check "a stranger finds one latest result for every planned task" fleet_judge upsert "$FLEET_DIR/planned"
verdicts_of() { jq -r --arg c "$1" '.record | select(.campaign == $c) | "\(.kernel | sub("^[a-z]*"; "")) \(.outcome) \(.verdict)"' "$FLEET_DIR/results.ndjson" | sort -u; }
same_verdicts() { diff <(verdicts_of "$PLAIN") <(verdicts_of "$TWICE"); }
check "the results are those of the campaign without copies" same_verdicts
check "every verdict is the one that its kernel deserves" many_verdicts_hold
twice_accepted() { fleet_api "/v1/tasks/$1" | holds '[.attempt_list[] | select(.state == "accepted")] | length == 1'; }
none_twice_accepted() { local task; while read -r task; do twice_accepted "$task" || { echo "$task"; return 1; }; done <"$FLEET_DIR/planned"; }
check "no task has two accepted attempts" none_twice_accepted
ran_twice() { cat "$FLEET_DIR"/agent-*.log | sed -nE 's/.* runs .* task=([0-9a-f.]+).*/\1/p' | sort | uniq -d; }
check "no attempt ran twice" [ -z "$(ran_twice)" ]
some_were_dropped() { grep -q 'was given before' "$FLEET_DIR"/agent-*.log && grep -q 'a record is dropped, it is of an incarnation that is over' "$FLEET_DIR/coordinator.log"; }
check "agents dropped tasks that they had, and the coordinator registrations that are over" some_were_dropped
no_letters() { [ -z "$(kcat -b "$KAFKA_BOOTSTRAP" -C -q -e -t portolan.deadletter -o beginning -f '%k\n' 2>/dev/null)" ]; }
check "no copy became a dead letter" no_letters
check "both nodes are in service" fleet_has_nodes 2
alive() { for name in left right; do kill -0 "${FLEET_AGENT[$name]}" || return 1; done; }
check "no agent gave way to a copy" alive
LAST=$("$PORTOLAN" submit "$(many_campaign last 2 pocl-cpu)" --json | jq -r .campaign)
check "and they work" fleet_until 60 ended "$LAST"
check_done
