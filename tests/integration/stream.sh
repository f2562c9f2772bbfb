#!/usr/bin/env bash
# The public stream on Apache Kafka, read by strangers: kafkajs, confluent-kafka and kcat, with the coordinator as registry and with
# Apicurio as one that was away at first; schemas of several versions, both ways; `portolan results` following over a killed broker and
# a killed coordinator, and exporting; /metrics as promtool wants it.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/node.sh
. tests/lib/apicurio.sh
. tests/lib/fleet.sh
. tests/lib/many.sh
MANY_KINDS=(rows)
SCRIPTED= FOLLOW=() REFUSING=
stop_scripted() {
    [ -z "$SCRIPTED" ] || { kill "$SCRIPTED" 2>/dev/null; fleet_wait_gone "$SCRIPTED"; }
    [ ${#FOLLOW[@]} -eq 0 ] || kill "${FOLLOW[@]}" 2>/dev/null
    SCRIPTED= FOLLOW=()
}
finish() {
    stop_scripted
    [ -z "$REFUSING" ] || kill "$REFUSING" 2>/dev/null
    fleet_stop
    apicurio_stop
    kafka_stop
}
trap finish EXIT
python_install && node_install && apicurio_install && fleet_init && kafka_start && fleet_serve || exit 1
scripted() { # two nodes: a winner is measured again on the other one
    "$FLEET_BUILD/tools/scripted_agent" "$KAFKA_BOOTSTRAP" scripted-cpu one two >"$FLEET_DIR/scripted.log" 2>&1 &
    SCRIPTED=$!
    fleet_wait_nodes 2
}
scripted || exit 1

# NAME TASKS [LINES...]: submit, and wait for its end
campaign() {
    local path id
    path=$(many_campaign "$1" "$2" scripted-cpu) && printf '%s\n' "${@:3}" >>"$path"
    id=$("$PORTOLAN" submit "$path" --json | jq -r .campaign) && fleet_until 60 ended "$id" && echo "$id"
}
ended() { fleet_api "/v1/campaigns/$1" | holds '.state != "running"'; }
api() { jq -r .api "$FLEET_DIR/runtime/coordinator.json"; }
sorted() { jq -cS "$@" | sort; }
show() { head -c 2000 "$@"; return 1; }

# --- three strangers ------------------------------------------------------------------------------------------------
# They agree with each other, field by field, and with what the store exports. $1: prefix, the rest: the registry.
decode() { # WHO TOPIC REGISTRY...
    local who=$1
    shift
    case $who in
    kafkajs) node_run tests/foreign/decode.js "$KAFKA_BOOTSTRAP" "$@" ;;
    confluent-kafka) "$VENV_PYTHON" tests/foreign/decode.py "$KAFKA_BOOTSTRAP" "$@" ;;
    esac
}
decodes() { # WHO PREFIX ROWS REGISTRY...
    local who=$1 prefix=$2 rows=$3 topic
    shift 3
    for topic in results measurements; do
        decode "$who" "$prefix$topic" "$@" >"$FLEET_DIR/$who.$topic" || return 1
    done
    all_hold 'all(.[]; .key == .record.task_id and .headers == 0)' <"$FLEET_DIR/$who.results" || show "$FLEET_DIR/$who.results"
    all_hold '(length == $rows) and all(.[]; .record as $r | .key == ([$r.attempt_id, $r.candidate, $r.size, $r.role] | join("/")) and $r.time_ns_p10 == null
        and $r.time_ns_p50 > 0 and .headers == 0)' --argjson rows "$rows" <"$FLEET_DIR/$who.measurements" || show "$FLEET_DIR/$who.measurements"
}
agree() {
    local topic
    for topic in results measurements; do
        diff <(sorted . <"$FLEET_DIR/kafkajs.$topic") <(sorted . <"$FLEET_DIR/confluent-kafka.$topic") || return 1
    done
}
as_exported() { # the latest revision of each key is what `portolan results` has
    diff <(jq -cs 'group_by(.key)[] | max_by(.record.revision) | .record' <"$FLEET_DIR/kafkajs.results" | sorted .) <("$PORTOLAN" results --json | sorted .) | head -c 2000
    [ "${PIPESTATUS[0]}" -eq 0 ]
}
# So are the measurements; but for the revision, which a promotion has raised since.
measured_as_exported() {
    diff <(jq -c '.record | del(.revision)' "$FLEET_DIR/kafkajs.measurements" | sorted .) <("$PORTOLAN" results --measurements --json | jq -cS 'del(.revision)' | sort) | head -c 2000
    [ "${PIPESTATUS[0]}" -eq 0 ]
}
kcat_keys() { # PREFIX
    local topic
    for topic in results measurements; do
        kcat -q -b "$KAFKA_BOOTSTRAP" -C -t "$1$topic" -X isolation.level=read_committed -f '%k [%h]\n' -e | sort >"$FLEET_DIR/kcat.$topic" &&
            diff "$FLEET_DIR/kcat.$topic" <(jq -r '"\(.key) []"' "$FLEET_DIR/kafkajs.$topic" | sort) || return 1
    done
}

"$PORTOLAN" results --follow --json >"$FLEET_DIR/followed.ndjson" 2>"$FLEET_DIR/follow.log" &
FOLLOW+=($!)
"$PORTOLAN" results --follow --measurements --json >"$FLEET_DIR/measured.ndjson" 2>/dev/null &
FOLLOW+=($!)
FIRST=$(campaign first 4 'promote: true') || exit 1
fleet_until 30 fleet_published || exit 1
# 4 tasks and a promotion, each with a candidate and a baseline.
check "kafkajs and its registry client decode both topics, from the coordinator's registry" decodes kafkajs portolan. 10 "$(api)" "$FLEET_DIR/state/token"
check "confluent-kafka's Avro deserialiser, too" decodes confluent-kafka portolan. 10 "$(api)" "$FLEET_DIR/state/token"
check "they read the same, field by field" agree
check "and what the store exports" as_exported
check "its measurements, too" measured_as_exported
check "kcat reads keys and headers of both topics" kcat_keys portolan.
revised() { all_hold 'map(.record) | group_by(.task_id) | map(select(length == 2)) | length == 1 and all(.[]; max_by(.revision) | .promotion != null and .status != "provisional")' <"$FLEET_DIR/kafkajs.results"; }
check "the promoted result is there in both revisions, the higher one with its outcome" revised

# A consumer that was built with the schema of the first release, and one with a schema that a later release may have.
jq '.fields += [{name: "added", type: ["null", "int"], default: null, doc: "of a later release"}]' schemas/result.avsc >"$FLEET_DIR/later.avsc"
reads_ours() { # WHO READER FILTER: of each record
    decode "$1" portolan.results "$(api)" "$FLEET_DIR/state/token" --reader "$2" >"$FLEET_DIR/read" &&
        all_hold "length >= 4 and all(.[]; .key == .record.task_id and .record.time_ns_p50 > 0 and (.record | $3))" <"$FLEET_DIR/read" || show "$FLEET_DIR/read"
}
for who in kafkajs confluent-kafka; do
    check "$who reads today's records with 0.1's schema" reads_ours $who tests/versions/0.1/result.avsc 'has("deduplicated_from") | not'
    check "$who reads them with one that has an added field" reads_ours $who "$FLEET_DIR/later.avsc" 'has("added") and .added == null'
done

# --- follow and export ----------------------------------------------------------------------------------------------
followed() { [ "$(wc -l <"$FLEET_DIR/followed.ndjson")" -ge "$1" ]; }
check "--follow has told each of them" fleet_until 30 followed 5
MIDDLE=$(date -u +%Y-%m-%dT%H:%M:%SZ)
read -rt 1.1 <> <(:) || : # the resolution of --since
kafka_kill 0
fleet_kill KILL "$FLEET_COORDINATOR"
kafka_restart 0 || exit 1
fleet_serve_again && fleet_wait_nodes 2 || exit 1
SECOND=$(campaign second 3) || exit 1
check "broker and coordinator were killed: it goes on with the next ones" fleet_until 60 followed 8
check "and said so, once" test "$(grep -c 'the coordinator is away' "$FLEET_DIR/follow.log")" = 1
once_each() {
    all_hold 'length == 8 and (map([.task_id, .revision]) | unique | length) == 8 and . == sort_by(.revision)' <"$FLEET_DIR/followed.ndjson" || show "$FLEET_DIR/followed.ndjson"
}
check "each result once in each revision, in order" once_each
follow_text() { timeout 30 "$PORTOLAN" results --follow --campaign "$FIRST" >"$FLEET_DIR/text" && [ "$(grep -c '^new  ' "$FLEET_DIR/text") $(grep -c '^revised  ' "$FLEET_DIR/text")" = "3 1" ] || show "$FLEET_DIR/text"; }
check "with --campaign it ends with it, and marks what was revised" follow_text
exports() { # ROWS ARGS...
    local rows=$1
    shift
    [ "$("$PORTOLAN" results --json "$@" | wc -l)" = "$rows" ]
}
check "exports by time: since" exports 3 --since "$MIDDLE"
check "until" exports 4 --until "$MIDDLE"
check "and in between nothing" exports 0 --since "$MIDDLE" --until "$(date -u -d "$MIDDLE 1 second" +%Y-%m-%dT%H:%M:%SZ)"
check "by verdict, kernel and limit" exports 1 --verdict correct --purpose campaign --kernel firstk0-rows
check "with a limit" exports 2 --limit 2 --status provisional
csv_is() {
    "$PORTOLAN" results --csv >"$FLEET_DIR/results.csv" && diff <(python3 -c '
import csv, json, sys
for row in csv.DictReader(sys.stdin):
    print(json.dumps([row["task_id"], int(row["revision"]), row["kernel"], float(row["time_ns_p50"]), row["evidence"]]))' <"$FLEET_DIR/results.csv" | jq -c .) \
        <("$PORTOLAN" results --json | jq -c '[.task_id, .revision, .kernel, .time_ns_p50, .evidence]')
}
check "as CSV, the same rows" csv_is
rows() { # ROWS ARGS...
    local rows=$1
    shift
    [ "$("$PORTOLAN" results --measurements --json "$@" | wc -l)" = "$rows" ]
}
check "measurements by time and filter: a candidate and a baseline of each result" rows 6 --since "$MIDDLE" --verdict correct --target scripted-cpu
check "of one kernel, to a limit" rows 1 --since "$MIDDLE" --kernel secondk0-rows --limit 1
check "and none of a kernel that there is not" rows 0 --kernel none
csv_is_measured() {
    "$PORTOLAN" results --measurements --csv >"$FLEET_DIR/measurements.csv" && diff <(python3 -c '
import csv, json, sys
for row in csv.DictReader(sys.stdin):
    print(json.dumps([row["attempt_id"], row["role"], float(row["time_ns_p50"]), row["time_ns_p10"] or None, int(row["sets"])]))' <"$FLEET_DIR/measurements.csv" | jq -c .) \
        <("$PORTOLAN" results --measurements --json | jq -c '[.attempt_id, .role, .time_ns_p50, .time_ns_p10, .sets]') && [ "$(wc -l <"$FLEET_DIR/measurements.csv")" = 17 ]
}
check "as CSV, the same rows" csv_is_measured
row_key='[.attempt_id, (if .candidate == "" then .kernel else .candidate end), .size, .role]'
followed_rows() { all_hold "map($row_key) | unique | length == 16" <"$FLEET_DIR/measured.ndjson"; }
check "--follow told every measurement, over both that were killed" fleet_until 30 followed_rows
each_row_once() { all_hold "(map($row_key + [.revision]) | length == (unique | length)) and . == sort_by(.revision)" <"$FLEET_DIR/measured.ndjson" || show "$FLEET_DIR/measured.ndjson"; }
check "each once in each revision" each_row_once
emptied() {
    "$VENV_PYTHON" tests/foreign/empty_topic.py "$KAFKA_BOOTSTRAP" portolan.measurements && decode confluent-kafka portolan.measurements "$(api)" "$FLEET_DIR/state/token" >"$FLEET_DIR/left" &&
        [ ! -s "$FLEET_DIR/left" ]
}
check "the topic's retention is over: it holds no measurement any more" emptied
check "and the store still exports them" rows 16
pages() { # by hand, two a page
    local since=0 n=0 page
    while page=$(fleet_api "/v1/results?brief=1&limit=2&since=$since") && [ "$(jq length <<<"$page")" -gt 0 ]; do
        n=$((n + $(jq length <<<"$page"))) since=$(jq '.[-1].revision' <<<"$page")
    done
    [ $n -eq 7 ]
}
check "pages of the API go on where the last one ended" pages
refused() { # WHAT ARGS...
    local what=$1
    shift
    ! "$PORTOLAN" results "$@" >"$FLEET_DIR/out" 2>&1 && grep -q -- "$what" "$FLEET_DIR/out"
}
check "a time that is none is refused with its option" refused '--since: `soon`' --since soon
check "measurements as a table are refused with what to ask for" refused '--json or --csv' --measurements
check "a verdict that there is not is refused, with the one that was meant" refused 'did you mean `correct`' --verdict corect --json
check "and an end before the beginning" refused 'not after' --since 1h --until 2h
too_many() { fleet_api "/v1/results?limit=10001" | grep -q 'format=ndjson'; }
check "an array over the limit, with the way to more" too_many

# --- /metrics -------------------------------------------------------------------------------------------------------
fleet_api /metrics >"$FLEET_DIR/metrics"
check "promtool finds nothing against /metrics" promtool check metrics <"$FLEET_DIR/metrics"
labels() { ! grep -oE '[a-z_]+="' "$FLEET_DIR/metrics" | sort -u | grep -vE '^(state|version)="$'; }
check "labels are the state and the version, nothing that grows" labels
used() { # metrics that rules and dashboard ask for are there
    local name
    for name in $(grep -ohE '\bportolan_[a-z_]+' contrib/prometheus/portolan.rules.yml contrib/grafana/*.json | sort -u); do
        case $name in portolan_schema_registry_up) continue ;; esac # only with an external one
        grep -q "^${name}[ {]" "$FLEET_DIR/metrics" || { echo "$name"; return 1; }
    done
}
check "rules and dashboard ask for no metric that is not there" used

# --- an external registry -------------------------------------------------------------------------------------------
stop_scripted
fleet_stop
fleet_init || exit 1
APICURIO_PORT=$(kafka_free_ports 1)
export PORTOLAN_PREFIX=ext. PORTOLAN_SCHEMA_REGISTRY=http://127.0.0.1:$APICURIO_PORT/apis/ccompat/v7
fleet_serve && scripted || exit 1
EXTERNAL=$(campaign external 3) || exit 1
waits() { fleet_api /v1/health | holds '.status == "degraded" and .schema_registry.state == "waiting" and .outbox > 0 and (.schema_registry.last_error | test("127.0.0.1:.*onnect"))'; }
check "results are accepted while the registry is away, wait for it, and health says why" fleet_until 30 waits
nothing_out() { [ -z "$(kcat -q -b "$KAFKA_BOOTSTRAP" -C -t ext.results -f '%k\n' -e)" ]; }
check "nothing is on the topic" nothing_out
metric_is() { fleet_api /metrics | grep -qx "$1"; }
check "/metrics has it" metric_is 'portolan_schema_registry_up 0'
"$VENV_PYTHON" tests/foreign/refusing_registry.py "$APICURIO_PORT" &
REFUSING=$!
refused_schema() { fleet_api /v1/health | holds '.schema_registry.state == "waiting" and .outbox > 0 and (.schema_registry.last_error | test("results-value is not compatible.*colour"))'; }
check "one that refuses the schema: health says which, and what it answered" fleet_until 60 refused_schema
check "nothing is on the topic" nothing_out
kill "$REFUSING" && fleet_wait_gone "$REFUSING"
REFUSING=
apicurio_start || exit 1
check "when it is there, they go out" fleet_until 60 fleet_published
check "and all is well" metric_is 'portolan_schema_registry_up 1'
check "kafkajs decodes both topics, from Apicurio" decodes kafkajs ext. 6 "$APICURIO_URL"
check "confluent-kafka, too" decodes confluent-kafka ext. 6 "$APICURIO_URL"
check "they read the same, field by field" agree
check "and what the store exports" as_exported
check "its measurements, too" measured_as_exported
check "kcat reads keys and headers of both topics" kcat_keys ext.
elsewhere() { fleet_api /subjects | grep -q "in the registry at http://127.0.0.1:$APICURIO_PORT"; }
check "the coordinator's own registry names the other one" elsewhere
fleet_kill TERM "$FLEET_COORDINATOR"
without() { ! PORTOLAN_SCHEMA_REGISTRY= timeout 30 "$PORTOLAN" serve --port 0 --bootstrap "$KAFKA_BOOTSTRAP" >"$FLEET_DIR/out" 2>&1 && grep -q 'hold schema ids of an external registry' "$FLEET_DIR/out"; }
check "a start without the registry is refused: ids would be mixed" without

# --- versions of a schema -------------------------------------------------------------------------------------------
jq '.fields += [{name: "added", type: ["null", "int"], default: null, doc: "of a later release"}]' schemas/result.avsc >"$FLEET_DIR/later.avsc"
jq 'del(.fields[] | select(.name == "speedup"))' schemas/result.avsc | jq '.fields += [{name: "speedup", type: "string", doc: "broken"}]' >"$FLEET_DIR/broken.avsc"
VERSIONS=(tests/versions/*/result.avsc schemas/result.avsc "$FLEET_DIR/later.avsc")
check "Apicurio takes all released versions, today's and one with an added field as fully compatible" \
    "$VENV_PYTHON" tests/foreign/evolve.py "$KAFKA_BOOTSTRAP" versions "$APICURIO_URL" "${VERSIONS[@]}"
check "and refuses one that is not" "$VENV_PYTHON" tests/foreign/evolve.py --refuses "$APICURIO_URL" versions-value "$FLEET_DIR/broken.avsc"
reads() { # WHO READER FILTER: of each record
    decode "$1" versions "$APICURIO_URL" --reader "$2" >"$FLEET_DIR/read" &&
        all_hold "length == $((${#VERSIONS[@]})) and ([.[].record.task_id] | unique | length) == length and all(.[].record; .time_ns_p50 == null and .evidence == \"\" and $3)" <"$FLEET_DIR/read" || show "$FLEET_DIR/read"
}
for who in kafkajs confluent-kafka; do
    check "$who reads old and new records with the oldest schema" reads $who "${VERSIONS[0]}" 'has("added") | not'
    check "$who reads them with the one that has an added field" reads $who "$FLEET_DIR/later.avsc" '.added == (if .task_id == "v2" then 42 else null end)'
done

# --- a restart while the registry is away ---------------------------------------------------------------------------
apicurio_stop
fleet_serve_again && fleet_wait_nodes 2 || exit 1
LATER=$(campaign later 2) || exit 1
check "a coordinator that knows the ids publishes while the registry is away" fleet_until 60 fleet_published
check_done
