#!/usr/bin/env bash
# Promotion and replay on Apache Kafka: a winner is confirmed on a second device, through a coordinator that is killed meanwhile; one that
# is right on one driver only is retracted; both read back by a stranger. Stored results run again, and records that were changed do not.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
PROMOTION=tests/promotion
trap 'fleet_stop; kafka_stop' EXIT
python_install && intel_install && fleet_init && fleet_calibrate pocl intel && kafka_start || exit 1
fleet_serve --fleet $PROMOTION/fleet.yaml || exit 1
fleet_agent one pocl
fleet_agent two pocl
fleet_wait_nodes 2 || exit 1

submit() { CAMPAIGN=$("$PORTOLAN" submit "$PROMOTION/$1.campaign.yaml" --json | jq -r .campaign); }
cells() { fleet_api "/v1/campaigns/$CAMPAIGN" | jq "$@"; }
ended() { cells -e '.finished_ms != null' >/dev/null; }
runs() { cells -e --arg p "$1" 'any(.cells[]; .purpose == $p and .state == "running")' >/dev/null; }
# What a stranger finds of the campaign on `results`, in order.
read_results() {
    fleet_until 30 fleet_published && fleet_read results | jq -c --arg c "$CAMPAIGN" 'select(.record.campaign == $c) | .record' >"$FLEET_DIR/revisions.ndjson"
}
revisions() { all_hold "$@" <"$FLEET_DIR/revisions.ndjson" || { cut -c 1-1500 "$FLEET_DIR/revisions.ndjson"; return 1; }; }

# --- confirmed ------------------------------------------------------------------------------------------------------
submit everywhere
check "the winner's promotion runs once its cell is complete" fleet_until 90 runs promotion
"$PORTOLAN" why "$(cells -r '.cells[] | select(.purpose == "promotion") | .task')" >"$FLEET_DIR/why.log"
fleet_kill KILL "$FLEET_COORDINATOR"
fleet_serve_again || exit 1
check "a coordinator that was killed meanwhile goes on: the campaign ends" fleet_until 120 ended
read_results
check "\`why\` says what is measured again, and where" grep -q '^runs: promotion of task .*measured on \(one\|two\)/pocl-cpu.*runs on' "$FLEET_DIR/why.log"
check "a stranger reads provisional, then confirmed, of one task" revisions 'map(.status) | unique == ["confirmed", "provisional"]'
check "and the higher revision is the confirmed one" revisions 'sort_by(.revision) | .[0].status == "provisional" and .[-1].status == "confirmed"
    and ([.[].task_id] | unique | length) == 1 and ([.[].result_id] | unique | length) == 1'
check "it was confirmed on the second device" revisions 'max_by(.revision) | .promotion_device == "another" and .node != .first_node and ([.node, .first_node] | sort) == ["one", "two"]'
check "the first figures are kept beside the second ones, with the winner's curse" revisions \
    'max_by(.revision) | .speedup_low > 1.005 and .first_speedup > 1 and ((.winners_curse - .first_speedup / .speedup) | fabs) < 1e-9'
check "the promotion's kernel was audited" revisions 'max_by(.revision) | .audit | startswith("clean: ")'
check "fresh seeds are told" revisions 'max_by(.revision) | .seeds | fromjson | .sets | length > 5 and all(.[]; has("seed"))'
measured_twice() {
    fleet_read measurements >"$FLEET_DIR/measurements.ndjson" && all_hold '[.[].record | select(.role == "candidate") | .purpose] | sort == ["campaign", "promotion"]' <"$FLEET_DIR/measurements.ndjson"
}
check "both measurements are published" measured_twice
"$PORTOLAN" matrix "$CAMPAIGN" >"$FLEET_DIR/matrix.log"
check "\`matrix\` marks it as confirmed and says the winner's curse" grep -q "promotions: 1 confirmed, 0 retracted; winner's curse" "$FLEET_DIR/matrix.log"

# --- replay ---------------------------------------------------------------------------------------------------------
try() { # KERNEL PROBLEM: its task's id
    "$PORTOLAN" try "$1" --problem "$2" --on any-cpu --size small --sets 1 --baseline plain --json >"$FLEET_DIR/try.ndjson"
    jq -r 'select(.event == "result") | .result.task_id' "$FLEET_DIR/try.ndjson"
}
replays() { # FILTER: of the comparison
    "$PORTOLAN" replay "$TASK" --json >"$FLEET_DIR/replay.json" 2>"$FLEET_DIR/replay.err" || { cat "$FLEET_DIR"/replay.*; return 1; }
    holds "$1" <"$FLEET_DIR/replay.json"
}
TASK=$(try $PROMOTION/everywhere.yaml $PROMOTION/chain.yaml)
check "a correct result replays: same verdict, same data, same answers" replays '.agrees and .verdict.same and .data.sets > 5 and .data.same == .data.sets
    and .answers.compared > 5 and .answers.same == .answers.compared and .device.same'
TASK=$(try tests/campaigns/kernels/scale-shift-wrong.yaml tests/campaigns/scale-shift.yaml)
check "a refused one too: same verdict, same first wrong element" replays '.agrees and .verdict.now == "wrong_output" and .evidence.same and .data.same == .data.sets'
"$PORTOLAN" results --json | jq -c --arg t "$TASK" 'select(.task_id == $t)' >"$FLEET_DIR/record.json"
agent_replays() { OCL_ICD_VENDORS=$FLEET_DIR/icd/one "$PORTOLAN_AGENT" replay "$FLEET_DIR/record.json" | grep -q 'the replay agrees with the record'; }
check "the agent replays a record from a file, without coordinator" agent_replays
refuses() { # FIELD, JQ'S CHANGE
    jq -c "$2" "$FLEET_DIR/record.json" >"$FLEET_DIR/changed.json"
    ! "$PORTOLAN" replay "$FLEET_DIR/changed.json" >"$FLEET_DIR/refused.log" 2>&1 && grep -q "changed.*\`$1\`" "$FLEET_DIR/refused.log" || { cat "$FLEET_DIR/refused.log"; return 1; }
}
check "a record whose source was changed is refused, and says so" refuses kernel_source '.kernel_source += " "'
check "a record whose verdict was changed, too" refuses verdict '.verdict = "correct"'
forged() { # whoever changes a field and its hash is found by who has the original
    jq -c '.node = "elsewhere"' "$FLEET_DIR/record.json" >"$FLEET_DIR/changed.json"
    ! "$PORTOLAN" replay "$FLEET_DIR/changed.json" >"$FLEET_DIR/refused.log" 2>&1 && grep -q 'not what is stored.*`node`' "$FLEET_DIR/refused.log"
}
check "the coordinator compares with what it has stored" forged

# --- retracted ------------------------------------------------------------------------------------------------------
fleet_kill TERM "${FLEET_AGENT[two]}"
submit only-here
check "with one device left, the promotion runs there, too" fleet_until 120 runs promotion
fleet_kill TERM "${FLEET_AGENT[one]}" # at once: it must not end there
fleet_agent three intel
check "that one leaves, another driver takes the promotion over, and the campaign ends" fleet_until 120 ended
read_results
check "what is right on one driver only is retracted, with the verdict and the evidence of the second" revisions \
    'max_by(.revision) | .status == "retracted" and .verdict == "wrong_output" and .node == "three" and .first_node == "one" and (.evidence | test("y\\["))'
check "and loses its figures" revisions 'max_by(.revision) | .speedup == null and .time_ns_p50 == null and .first_speedup > 1'
check "the scores no longer count it" holds '.promotions.retracted == 1 and .scores[0].correct == 0' < <("$PORTOLAN" matrix "$CAMPAIGN" --json)
check_done
