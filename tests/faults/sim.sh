#!/usr/bin/env bash
# Faults of whole fleets, with virtual agents (tests/sim) and a real coordinator on Apache Kafka: a node that fails everything at once, a
# kernel that kills every node it starts on, and 200 nodes that are slow, die, lie, leave, freeze, fail and forget, all at the same time,
# while the coordinator is killed. What the agents did is in their trace; what came of it is read as a stranger reads it.
#   SEED=N tests/faults/sim.sh     the same draws again (see tests/sim/sim.h)
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
. tests/lib/scale.sh
SEED=${SEED:-5}
KERNELS=${KERNELS:-250} # of the mixed fleet's campaign; 10 targets each
echo "SEED=$SEED"
finish() {
    sim_stop_all
    fleet_stop
    kafka_stop
}
trap finish EXIT
python_install && fleet_init && kafka_start || exit 1
FLEET_PORT=$(kafka_free_ports 1)
fleet_serve --lease-ms 5000 || exit 1

# A wrong verdict is one that its kernel does not deserve: by its number.
VERDICTS=(--verdict '*-*3=wrong_output' --verdict '*-*7=compile_error')
sim() {
    local name=$1
    shift
    sim_start "$name" --seed "$SEED" "${VERDICTS[@]}" --trace "$FLEET_DIR/$name.trace" "$@" && sim_ready "$name" 90
}
submit() { "$PORTOLAN" submit "$1" --json "${@:2}" | jq -r .campaign; }
campaign() { fleet_api "/v1/campaigns/$1"; }
has_ended() { campaign "$1" | holds '.state != "running"'; }
ended() { fleet_until "${2:-120}" has_ended "$1" || { campaign "$1" | jq -c .counts; return 1; }; }
traced() { jq -s "$2" "$FLEET_DIR/$1.trace"; }
verdicts_hold() {
    jq -r '.record | select(.outcome == "verdict") | "\(.kernel) \(.verdict)"' "$FLEET_DIR/results.ndjson" |
        awk '{want = "correct"} $1 ~ /3$/ {want = "wrong_output"} $1 ~ /7$/ {want = "compile_error"} $2 != want {print; bad = 1}
            END {exit bad || NR == 0}'
}

# --- a bad node -----------------------------------------------------------------------------------------------------
# Four devices that fail at once, in one node; what is given to them must be little, whatever waits.
sim bad --group '{name: bad, devices: 4, targets: [sim-a], fail: 1, unhealthy: true}' \
    --group '{name: good, nodes: 3, targets: [sim-a], task_ms: [20, 60]}' || exit 1
BAD=$(submit "$(scale_campaign bad 80 sim-a)")
check "with a node that fails everything, a campaign comes to its end" ended "$BAD"
check "all of it with verdicts" holds '.counts.done == 80 and .counts.gave_up == 0' <<<"$(campaign "$BAD")"
FAILED=$(traced bad '[.[] | select(.node == "bad-0" and .what == "infrastructure")]')
check "the bad node was tried" holds 'length > 0' <<<"$FAILED"
check "it failed 3 attempts at most, of all its devices, before quarantine" holds 'length <= 3' <<<"$FAILED"
check "and no task twice" holds '(map(.task) | length) == (map(.task) | unique | length)' <<<"$FAILED"
bad_node() { fleet_api /v1/nodes | jq '.nodes[] | select(.node == "bad-0")'; }
check "it is in quarantine, with the reason" holds '.quarantine.reason | contains("scripted failure")' <<<"$(bad_node)"

# --- a poison task --------------------------------------------------------------------------------------------------
sim poison --group '{name: p, nodes: 6, targets: [sim-p], task_ms: 10, die_on: [poison-0], die_back_s: 0.3}' || exit 1
POISON=$(submit "$(scale_campaign poison 30 sim-p)")
check "with a kernel that kills its node, a campaign comes to its end" ended "$POISON"
check "the others have their verdicts" holds '.counts.done == 29 and .counts.gave_up == 1' <<<"$(campaign "$POISON")"
DEATHS=$(traced poison '[.[] | select(.what == "dies")]')
check "it killed 3 nodes at most, each once" holds 'length <= 3 and (map(.node) | length == (unique | length))' <<<"$DEATHS"
check "only that kernel did" holds 'map(.kernel) | unique == ["poison-0"]' <<<"$DEATHS"
fleet_internal() { "$VENV_PYTHON" tests/foreign/read_internal.py "$KAFKA_BOOTSTRAP" "portolan.$1" schemas; }
TASK=$(jq -r '.[0].task' <<<"$DEATHS")
has_letter() { fleet_internal deadletter | all_hold 'any(.[]; .record.source == "task" and .record.task_id == $t)' --arg t "$TASK"; }
check "the task is among the dead letters" fleet_until 30 has_letter
in_service() { fleet_api /v1/nodes | holds '[.nodes[] | select(.node | startswith("p-"))] | length == 6 and all(.[]; .state == "in_service" and .quarantine == null)'; }
check "all nodes are in service again, none is blamed" fleet_until 30 in_service
sim_stop poison

# --- the bad node again, some time after ------------------------------------------------------------------------------
checked() { [ "$(traced bad '[.[] | select(.what == "checks")] | length')" -gt 0 ]; }
check "after its back-off it is asked for a health check" fleet_until 40 checked
check "which it fails: no device of it is offered" fleet_until 20 eval 'bad_node | holds ".devices == []"'
sim_stop bad
check "what the bad node says agrees: one failure for each that it was given" \
    [ "$(sim_stat bad bad .infrastructure)" -eq "$(jq length <<<"$FAILED")" ]

# --- everything at once ---------------------------------------------------------------------------------------------
letters_before=$(fleet_internal deadletter | wc -l)
cat >"$FLEET_DIR/mixed.yaml" <<'Y'
groups:
  - {name: steady, nodes: 100, targets: ["m{0..9}"], task_ms: [20, 200]}
  - {name: slow, nodes: 10, targets: ["m{0..9}"], task_ms: [400, 900]}
  - {name: dying, nodes: 20, targets: ["m{0..9}"], task_ms: [20, 200], die_every_s: 8, die_back_s: 1}
  - {name: flapping, nodes: 20, targets: ["m{0..9}"], task_ms: [20, 200], flap_every_s: 6, flap_back_s: 0.5}
  - {name: lying, nodes: 20, targets: ["m{0..9}"], task_ms: [20, 200], lies: {garbage: 0.1, ids: 0.1, unknown: 0.1, stolen: 0.1,
       incarnation: 0.1, epoch: 0.1, verdict: 0.1, foreign: 0.1, held: 0.1, duplicate: 0.3, contradiction: 0.3}}
  - {name: frozen, nodes: 10, targets: ["m{0..9}"], task_ms: [20, 200], freeze_every_s: 5, freeze_s: 8}
  - {name: failing, nodes: 10, targets: ["m{0..9}"], task_ms: [20, 200], fail: 0.2}
  - {name: careless, nodes: 10, targets: ["m{0..9}"], task_ms: [20, 200], lose: 0.05, late: 0.1, late_s: 8, busy: 0.1, silent: 0.02}
Y
sim mixed "$FLEET_DIR/mixed.yaml" || exit 1
FILE=$(scale_campaign mixed "$KERNELS" m0,m1,m2,m3,m4,m5,m6,m7,m8,m9)
echo 'limits: {silence: 10s}' >>"$FILE"
MIXED=$(submit "$FILE")
done_so_far() { campaign "$MIXED" | jq .counts.done; }
half_done() { [ "$(done_so_far)" -ge $((KERNELS * 5)) ]; }
fleet_until 120 half_done
fleet_kill KILL "$FLEET_COORDINATOR"
fleet_serve_again # not by `check`: what it starts would be that of a subshell
check "in the middle of it the coordinator is killed, and starts again" fleet_api_answers
check "200 nodes, all faults at once: $((KERNELS * 10)) tasks come to their end" ended "$MIXED" 240
sim_stop mixed
fleet_planned "$MIXED" | sort >"$FLEET_DIR/planned"
check "all were planned" [ "$(wc -l <"$FLEET_DIR/planned")" -eq $((KERNELS * 10)) ]
fleet_until 60 fleet_published
fleet_read results | jq -c --arg c "$MIXED" 'select(.record.campaign == $c)' >"$FLEET_DIR/results.ndjson"
check "a stranger finds one latest result for every task, none accepted twice" \
    "$VENV_PYTHON" tests/foreign/judge_results.py "$FLEET_DIR/results.ndjson" "$FLEET_DIR/planned" upsert
check "every verdict is the one that its kernel deserves" verdicts_hold
GAVE_UP=$(jq -r '.record | select(.outcome == "gave_up") | .task_id' "$FLEET_DIR/results.ndjson" | sort -u | wc -l)
check "hardly a task met three failures and was given up ($GAVE_UP)" [ "$GAVE_UP" -le 15 ]
told() { sim_stat mixed '*' "[.lies | $1] | add"; }
WRONG=$(told '.garbage, .ids, .unknown, .stolen, .incarnation, .epoch, .verdict, .foreign')
LETTERS=$(fleet_internal deadletter | tail -n +$((letters_before + 1)) | jq -s '[.[] | select(.record.source == "record")] | length')
check "all $WRONG lies are dead letters, and nothing else is ($LETTERS)" [ "$WRONG" -gt 100 ] && [ "$LETTERS" -eq "$WRONG" ]
faults_happened() {
    sim_stat mixed '*' 'if .deaths > 20 and .leaves > 20 and .freezes > 5 and .infrastructure > 10 and .lost > 0 and .late > 0 and
        .busy > 0 and .silent > 0 and .lies.duplicate > 20 and .lies.contradiction > 20 then "yes" else . end' | grep -qx yes || sim_stat mixed '*' .
}
check "every kind of fault did happen" faults_happened
sim_stat mixed '*' '"mixed: \(.tasks) attempts received, \(.sent) reports, \(.deaths) deaths, \(.leaves) leaves, \(.freezes) freezes, \(.infrastructure) failures, \(.lost) lost, \(.late) late, \(.silent) silent"'
check_done
