#!/usr/bin/env bash
# A porting campaign from its file to the results stream: Apache Kafka, a coordinator, and three agents on three drivers. What came out
# is read back by strangers: kcat for keys, Python's confluent-kafka and fastavro for records.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
finish() {
    fleet_stop
    kafka_stop
}
trap finish EXIT
python_install && intel_install && fleet_init && fleet_calibrate pocl rusticl intel && kafka_start || exit 1
CAMPAIGNS=tests/campaigns
# kernel, verdict, exit status of `portolan try` (schemas/verdicts.def)
VERDICTS="gelu-erf correct 0
gelu-unfinished incomplete_write 51
scale-shift-broken compile_error 45
scale-shift-rows correct 0
scale-shift-wrong wrong_output 55
softmax-rows correct 0"

keys_of() { # TOPIC: all keys, by kcat
    kcat -b "$KAFKA_BOOTSTRAP" -C -q -e -t "portolan.$1" -o beginning -X isolation.level=read_committed -f '%k\n' 2>/dev/null
}
exits_with() { # STATUS COMMAND...
    local want=$1 rc
    shift
    "$@"
    rc=$?
    [ $rc -eq "$want" ] || { echo "exit status $rc in place of $want"; return 1; }
}

# --- topics ---------------------------------------------------------------------------------------------------------
topics() { "$PORTOLAN" topics --bootstrap "$KAFKA_BOOTSTRAP" --json >"$FLEET_DIR/topics.json"; }
topics_exist() {
    exits_with 0 topics && holds 'all(.topics[] | select(.topic | contains("<") | not); .exists and .problem == null)' <"$FLEET_DIR/topics.json"
}
check "before the first start, \`portolan topics\` misses them and exits with 1" exits_with 1 topics
fleet_serve || exit 1
fleet_agent one pocl && fleet_agent two rusticl && fleet_agent three intel && fleet_wait_nodes 3 || exit 1
check "the coordinator made all topics, and \`portolan topics\` finds no fault with them" topics_exist
three_targets() {
    "$PORTOLAN" nodes --json | holds '[.nodes[].devices[].target] | sort == ["intel-cpu", "mesa-llvmpipe", "pocl-cpu"]'
}
check "three agents are in service, on three drivers" three_targets

# --- a campaign -----------------------------------------------------------------------------------------------------
watched() { exits_with 0 "$PORTOLAN" submit $CAMPAIGNS/port.yaml --watch >"$FLEET_DIR/watch.log" 2>"$FLEET_DIR/watch.err"; }
check "\`submit --watch\` follows it to its end and exits with 0" watched
CAMPAIGN=$("$PORTOLAN" status latest --json | jq -r .campaign)
PLANNED=$FLEET_DIR/planned
fleet_planned "$CAMPAIGN" | sort >"$PLANNED"
all_combinations_are_planned() { # six kernels on three targets; the one that has something to search is searched
    [ "$(wc -l <"$PLANNED")" -eq 18 ] && "$PORTOLAN" status "$CAMPAIGN" --json >"$FLEET_DIR/status.json" &&
        [ "$(jq -r '.cells[] | "\(.kernel) \(.target)"' "$FLEET_DIR/status.json" | sort -u | wc -l)" -eq 18 ] &&
        holds '[.cells[] | select(.strategy == "search") | .kernel] | unique == ["scale-shift-rows"]' <"$FLEET_DIR/status.json"
}
one_key_each() { diff <(keys_of results | sort) "$PLANNED"; }
one_result_each() { fleet_judge once "$PLANNED"; }
verdicts_are_as_expected() {
    diff <(jq -r '.record | "\(.kernel) \(.verdict)"' "$FLEET_DIR/results.ndjson" | sort -u) <(cut -d' ' -f1,2 <<<"$VERDICTS")
}
on_their_own_device() {
    diff <(jq -r '.record | "\(.target) \(.node) \(.device)"' "$FLEET_DIR/results.ndjson" | sort -u) - <<'X'
intel-cpu three intel-cpu
mesa-llvmpipe two mesa-llvmpipe
pocl-cpu one pocl-cpu
X
}
failures_have_evidence() { all_hold 'all(.[].record | select(.verdict != "correct"); .evidence != "" and .speedup == null)' <"$FLEET_DIR/results.ndjson"; }
rows_are_flat_and_keyed() {
    fleet_read measurements >"$FLEET_DIR/measurements.ndjson" &&
        "$VENV_PYTHON" tests/foreign/judge_measurements.py "$FLEET_DIR/measurements.ndjson" "$FLEET_DIR/results.ndjson"
}
kcat_sees_the_same_rows() { diff <(keys_of measurements | sort) <(jq -r .key "$FLEET_DIR/measurements.ndjson" | sort); }
check "it has a task for every kernel and target" all_combinations_are_planned
check "kcat finds every planned task's key in \`results\` once, and no other" one_key_each
check "fastavro reads one result for every planned task, published once" one_result_each
check "each kernel got its own verdict on all three drivers" verdicts_are_as_expected
check "each task ran on the device of its target" on_their_own_device
check "what is not correct has evidence and no figures" failures_have_evidence
check "rows of \`measurements\` are flat, keyed attempt/candidate/size/role, and of accepted attempts" rows_are_flat_and_keyed
check "kcat finds the keys of those rows" kcat_sees_the_same_rows

# --- what people see of it ------------------------------------------------------------------------------------------
results_agree() {
    diff <("$PORTOLAN" results --campaign "$CAMPAIGN" --json | jq -cS .) <(jq -cS .record "$FLEET_DIR/results.ndjson" | sort) ||
        diff <("$PORTOLAN" results --campaign "$CAMPAIGN" --json | jq -cS . | sort) <(jq -cS .record "$FLEET_DIR/results.ndjson" | sort)
}
matrix_is_whole() {
    "$PORTOLAN" matrix "$CAMPAIGN" --json >"$FLEET_DIR/matrix.json" &&
        holds '(.cells | length) == 9 and ([.cells[] | "\(.problem) \(.target)"] | unique | length) == 9
      and all(.cells[]; .state == "done" and .verdict == "correct" and .speedup > 0 and .score >= 1 and (.baseline | IN("plain", "fused")))
      and (.verdicts | to_entries | map(.value) | add) == 18 and ([.scores[] | select(.size == null).target] | length) == 3' <"$FLEET_DIR/matrix.json"
}
printed_for_people() {
    grep -q '^problem .*intel-cpu .*mesa-llvmpipe .*pocl-cpu' "$FLEET_DIR/watch.log" && grep -q '^verdicts: ' "$FLEET_DIR/watch.log" &&
        [ "$(grep -c -E '^(correct|wrong_output|compile_error|incomplete_write) +(intel-cpu|mesa-llvmpipe|pocl-cpu) ' "$FLEET_DIR/watch.log")" -eq 18 ]
}
check "\`results --json\` says what the topic says" results_agree
check "\`matrix --json\` has problems x targets with speedup, interval, baseline and scores" matrix_is_whole
check "the watcher saw each cell end, and the matrix" printed_for_people

try_streams() { # KERNEL STATUS VERDICT: on one target
    exits_with "$2" "$PORTOLAN" try "$CAMPAIGNS/kernels/$1.yaml" --problem $CAMPAIGNS/scale-shift.yaml --on intel-cpu --size small --sets 1 --json \
        >"$FLEET_DIR/try.ndjson" || return 1
    all_hold '([.[].event] | .[0] == "planned" and .[-1] == "end" and ($verdict != "correct" or index("running") != null))
    and ([.[] | select(.event == "result")] | length == 1 and .[0].result.verdict == $verdict and .[0].cell.node == "three")' --arg verdict "$3" <"$FLEET_DIR/try.ndjson" ||
        { cat "$FLEET_DIR/try.ndjson"; return 1; }
}
check "\`try\` streams a correct kernel's verdict and exits with 0" try_streams scale-shift 0 correct
check "\`try\` of a wrong kernel exits with the verdict's own status" try_streams scale-shift-wrong 55 wrong_output
check "\`try\` of one that does not compile, too" try_streams scale-shift-broken 45 compile_error
try_everywhere() {
    exits_with 45 "$PORTOLAN" try $CAMPAIGNS/kernels/scale-shift-broken.yaml --problem $CAMPAIGNS/scale-shift.yaml >"$FLEET_DIR/try.log" 2>&1 &&
        [ "$(grep -c '^compile_error ' "$FLEET_DIR/try.log")" -eq 3 ] && grep -q shift_of "$FLEET_DIR/try.log"
}
check "\`try\` without --on asks every target in service, and shows the compiler's words" try_everywhere
no_device_is_said() {
    exits_with 1 "$PORTOLAN" submit $CAMPAIGNS/nowhere.yaml --watch >"$FLEET_DIR/nowhere.log" 2>&1 &&
        "$PORTOLAN" status latest --json | holds '.counts.no_device == 1 and .counts.done == 1 and .exit_status == 1'
}
check "a target that no device serves ends as no_device, and the exit status is 1" no_device_is_said

# --- cancel ---------------------------------------------------------------------------------------------------------
"$PORTOLAN" submit $CAMPAIGNS/endless.yaml --watch >"$FLEET_DIR/endless.log" 2>&1 &
WATCHER=$!
running_now() { "$PORTOLAN" status latest --json | holds '.name == "endless" and .counts.running >= 1'; }
fleet_until 60 running_now
CANCELLED=$("$PORTOLAN" status latest --json | jq -r .campaign)
cancels() { "$PORTOLAN" cancel "$CANCELLED" --reason 'nobody waits for it' --json | holds '.state == "cancelled" and .cancelled >= 6'; }
# What the coordinator counts, and what the agents really have.
nothing_runs() {
    fleet_api /v1/nodes | holds 'all(.nodes[].devices[]; .running == null and .held == 0)' &&
        [ -z "$(for pid in "${FLEET_AGENT[@]}"; do fleet_descendants "$pid"; done)" ]
}
all_cancelled_once() {
    fleet_planned "$CANCELLED" >"$FLEET_DIR/cancelled.planned"
    fleet_until 30 fleet_published && fleet_read results | jq -c --arg c "$CANCELLED" 'select(.record.campaign == $c)' >"$FLEET_DIR/cancelled.ndjson"
    "$VENV_PYTHON" tests/foreign/judge_results.py "$FLEET_DIR/cancelled.ndjson" "$FLEET_DIR/cancelled.planned" once &&
        all_hold '([.[].record.outcome] | unique - ["cancelled", "verdict"]) == [] and ([.[] | select(.record.outcome == "cancelled")] | length) >= 6
      and all(.[].record | select(.outcome == "cancelled"); .verdict == null and .evidence == "nobody waits for it")' <"$FLEET_DIR/cancelled.ndjson"
}
cancel_again() { ! "$PORTOLAN" cancel "$CANCELLED" >"$FLEET_DIR/again.log" 2>&1 && grep -q 'cancelled already' "$FLEET_DIR/again.log"; }
check "\`cancel\` ends a running campaign" cancels
wait $WATCHER
WATCHED=$?
check "who watches it is told: exit status 16" [ $WATCHED -eq 16 ]
check "what was running stops: no attempt is held, no runner is left" fleet_until 20 nothing_runs
check "every task of it has one result: cancelled, with the reason, unless it had its verdict" all_cancelled_once
check "cancelling it again is refused" cancel_again

# --- garbage --------------------------------------------------------------------------------------------------------
letters() { "$VENV_PYTHON" tests/foreign/read_internal.py "$KAFKA_BOOTSTRAP" portolan.deadletter schemas >"$FLEET_DIR/letters.ndjson"; }
letter_about() { # SEEN_BY TOPIC TEXT
    letters && all_hold 'any(.[]; .record.seen_by == $by and .record.topic == $topic and (.record.reason + .record.payload | contains($text)) and .record.reason != ""
      and .key == "\(.record.topic)/\(.record.partition)/\(.record.offset)")' --arg by "$1" --arg topic "$2" --arg text "$3" <"$FLEET_DIR/letters.ndjson"
}
write() { kcat -b "$KAFKA_BOOTSTRAP" -P -t "portolan.$1" -k rubbish; }
{ echo 'not Avro at all'; printf '\xc3\x01\x01\x02\x03\x04\x05\x06\x07\x08 of no schema\n'; } | write attempts
echo 'a task for nobody' | write tasks.one
# A record that is what it says, in the wrong place: a node among the attempts.
kcat -b "$KAFKA_BOOTSTRAP" -C -q -c 1 -t portolan.nodes -o beginning -f '%s' 2>/dev/null >"$FLEET_DIR/node.bin"
kcat -b "$KAFKA_BOOTSTRAP" -P -t portolan.attempts -k misplaced "$FLEET_DIR/node.bin"
check "what is no record in \`attempts\` becomes a dead letter of the coordinator" fleet_until 20 letter_about coordinator attempts 'not Avro at all'
check "so does a record of an unknown schema" fleet_until 20 letter_about coordinator attempts 'of no schema'
check "and a record of another type" fleet_until 20 letter_about coordinator attempts 'of type Node does not belong here'
check "what is no record in a mailbox becomes a dead letter of its agent" fleet_until 20 letter_about one tasks.one 'a task for nobody'
check "both go on: a try on that agent has its verdict" exits_with 45 "$PORTOLAN" try $CAMPAIGNS/kernels/scale-shift-broken.yaml \
    --problem $CAMPAIGNS/scale-shift.yaml --on pocl-cpu

# --- the end --------------------------------------------------------------------------------------------------------
agent_stops() {
    local pid=${FLEET_AGENT[two]}
    fleet_kill TERM "$pid" && fleet_until 10 node_left two
}
node_left() { fleet_api /v1/nodes | holds '.nodes[] | select(.node == $node) | .state == "left"' --arg node "$1"; }
coordinator_stops() { fleet_kill TERM "$FLEET_COORDINATOR" && [ ! -e "$FLEET_DIR/runtime/coordinator.json" ]; }
check "an agent that is stopped says so" agent_stops
check "a coordinator that is stopped takes its announcement with it" coordinator_stops
check_done
