#!/usr/bin/env bash
# The bus on Apache Kafka: topics, deliveries, transactions, fencing, and a broker that is killed and comes back. What was
# written is read back by kcat and by Python's confluent-kafka, not by our own code only.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
TOOL=${BUILD:-build}/tools/bus_tool
DIR=$(mktemp -d "${TMPDIR:-/tmp}/bus.XXXXXX") || exit 1
BACKGROUND=
finish() {
    [ -n "$BACKGROUND" ] && kill $BACKGROUND 2>/dev/null
    kafka_stop
    rm -rf "$DIR"
}
trap finish EXIT

# As brokers come: what is asked for and missing appears with the broker's own settings, if a client lets it.
export KAFKA_PROPERTIES=$'auto.create.topics.enable=true\nnum.partitions=3'
python_install && kafka_start || exit 1

# Everything in a topic by kcat: "PARTITION OFFSET KEY VALUE" a line, sorted by partition and offset.
read_topic() { # TOPIC ISOLATION
    kcat -b "$KAFKA_BOOTSTRAP" -C -q -e -t "portolan.$1" -o beginning -X isolation.level="$2" -f '%p %o %k %s\n' 2>/dev/null |
        sort -n -k1,1 -k2,2
}
make_topic() { # TOPIC PARTITIONS
    "$VENV_PYTHON" - "$KAFKA_BOOTSTRAP" "portolan.$1" "$2" <<'PY'
import sys
from confluent_kafka.admin import AdminClient, NewTopic
admin = AdminClient({"bootstrap.servers": sys.argv[1]})
for future in admin.create_topics([NewTopic(sys.argv[2], int(sys.argv[3]), 1)]).values():
    future.result(30)
PY
}
# Wait until FILE holds a line that matches, while process PID lives.
await_line() { # FILE PATTERN PID
    timeout 60 tail -n +1 --pid="$3" -f "$1" 2>/dev/null | grep -q -m1 -- "$2"
}

# --- topics ---------------------------------------------------------------------------------------------------------
topics_are_created() { "$TOOL" topics "$KAFKA_BOOTSTRAP" create >"$DIR/topics.json"; }
topics_are_created_again() { "$TOOL" topics "$KAFKA_BOOTSTRAP" create >"$DIR/topics.json"; }
topics_are_right() { # by our own check, and by a foreign client
    "$VENV_PYTHON" - "$KAFKA_BOOTSTRAP" "$DIR/topics.json" <<'PY'
import json, sys
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
rows = [t for t in json.load(open(sys.argv[2]))["topics"] if "<" not in t["topic"]]
assert len(rows) == 9, rows
admin = AdminClient({"bootstrap.servers": sys.argv[1]})
found = admin.list_topics(timeout=30).topics
assert "portolan.tasks.node-1" in found, sorted(found)
for row in rows:
    assert row["exists"] and row["problem"] is None, row
    name = row["topic"]
    assert len(found[name].partitions) == row["partitions"], name
    config = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name)])
    config = list(config.values())[0].result(30)
    assert config["cleanup.policy"].value == row["cleanup_policy"], name
    assert config["retention.ms"].value == str(row["retention_ms"]), name
PY
}
a_wrong_setting_is_found() {
    "$VENV_PYTHON" - "$KAFKA_BOOTSTRAP" <<'PY'
import sys
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
admin = AdminClient({"bootstrap.servers": sys.argv[1]})
entry = ConfigEntry("cleanup.policy", "delete", incremental_operation=AlterConfigOpType.SET)
resource = ConfigResource(ResourceType.TOPIC, "portolan.results", incremental_configs=[entry])
for future in admin.incremental_alter_configs([resource]).values():
    future.result(30)
PY
    "$TOOL" topics "$KAFKA_BOOTSTRAP" check | grep -q 'cleanup.policy is delete, should be compact'
}
topics_there() { kcat -b "$KAFKA_BOOTSTRAP" -L -J | jq -r '.topics[].topic' | grep '^portolan' | sort; }
nothing_appears_by_itself() {
    "$TOOL" produce "$KAFKA_BOOTSTRAP" nodes 1 0 >"$DIR/early" 2>&1 && return 1
    "$TOOL" consume "$KAFKA_BOOTSTRAP" desired 0 uncommitted >>"$DIR/early" 2>&1 && return 1
    [ -z "$(topics_there)" ] || { topics_there; return 1; }
}
check "a client that is there before the topics does not bring them up with the broker's defaults" nothing_appears_by_itself
check "all topics and a mailbox are created" topics_are_created
check "creating them again changes nothing" topics_are_created_again
check "their partitions, cleanup and retention are as the table says" topics_are_right
check "a topic whose cleanup policy was changed is reported" a_wrong_setting_is_found

# --- deliveries -----------------------------------------------------------------------------------------------------
every_record_is_reported_once() {
    "$TOOL" produce "$KAFKA_BOOTSTRAP" many 10000 0 >"$DIR/many" || return 1
    [ "$(grep -c '^delivered ' "$DIR/many")" -eq 10000 ] && [ "$(awk '/^delivered/{print $2}' "$DIR/many" | sort -u | wc -l)" -eq 10000 ]
}
kcat_finds_them_where_reported() {
    awk '/^delivered/{print $3, $4, "key" $2 % 97, "value" $2}' "$DIR/many" | sort -n -k1,1 -k2,2 >"$DIR/many.said"
    read_topic many read_uncommitted >"$DIR/many.found"
    cmp "$DIR/many.said" "$DIR/many.found"
}
we_read_the_same() {
    "$TOOL" consume "$KAFKA_BOOTSTRAP" many 0 uncommitted | sed -n 's/^record //p' | sort -n -k1,1 -k2,2 | cmp - "$DIR/many.found"
}
java_partitioner_agrees() { # confluent-kafka with the Java client's partitioner puts the same keys into the same partitions
    "$VENV_PYTHON" - "$KAFKA_BOOTSTRAP" "$DIR/many.found" <<'PY'
import sys
from confluent_kafka import Producer
ours = {line.split()[2]: int(line.split()[0]) for line in open(sys.argv[2])}
theirs = {}
producer = Producer({"bootstrap.servers": sys.argv[1], "partitioner": "murmur2_random"})
for key in ours:
    producer.produce("portolan.other", key=key, value="x", on_delivery=lambda e, m: theirs.__setitem__(m.key().decode(), m.partition()))
producer.flush(30)
assert ours == theirs and len(ours) == 97
PY
}
make_topic many 4
make_topic other 4
check "each of 10,000 records gets exactly one delivery report" every_record_is_reported_once
check "kcat finds every one at the partition and offset reported" kcat_finds_them_where_reported
check "our consumer reads the same" we_read_the_same
check "keys go to the partitions that other clients put them in" java_partitioner_agrees

# --- transactions ---------------------------------------------------------------------------------------------------
committed_and_aborted() {
    "$TOOL" transact "$KAFKA_BOOTSTRAP" tx 20 abort >/dev/null && "$TOOL" transact "$KAFKA_BOOTSTRAP" tx 30 commit >/dev/null &&
        "$TOOL" transact "$KAFKA_BOOTSTRAP" tx 5 abort >/dev/null
}
records_in() { "$TOOL" consume "$KAFKA_BOOTSTRAP" tx 0 "$1" | grep -c '^record '; }
read_committed_sees_the_committed() { [ "$(records_in committed)" -eq 30 ] && [ "$(read_topic tx read_committed | wc -l)" -eq 30 ]; }
read_uncommitted_sees_all() { [ "$(records_in uncommitted)" -eq 55 ]; }
an_older_producer_is_fenced() {
    "$TOOL" fence "$KAFKA_BOOTSTRAP" fenced | grep -v -e connected -e warning | tee "$DIR/fence" | cmp - <(printf 'old fenced\nagain fenced\nnew ok\n') ||
        { cat "$DIR/fence"; return 1; }
}
the_fenced_record_is_not_there() { [ "$(read_topic fenced read_committed | cut -d' ' -f4)" = value2 ]; }
make_topic tx 2
make_topic fenced 1
check "transactions commit and abort" committed_and_aborted
check "a read_committed consumer, ours and kcat, gets the committed records only, and reaches the end" read_committed_sees_the_committed
check "a read_uncommitted consumer gets the aborted ones too" read_uncommitted_sees_all
check "an older producer of the same transactional id is fenced for good" an_older_producer_is_fenced
check "what the fenced one sent is not there, what the newer one sent is" the_fenced_record_is_not_there

# --- kill -9 of the broker ------------------------------------------------------------------------------------------
COUNT=3000
outage() {
    "$TOOL" consume "$KAFKA_BOOTSTRAP" outage $COUNT uncommitted >"$DIR/reader" 2>&1 &
    local reader=$!
    "$TOOL" produce "$KAFKA_BOOTSTRAP" outage $COUNT 400 >"$DIR/writer" 2>&1 &
    local writer=$!
    BACKGROUND="$reader $writer"
    await_line "$DIR/writer" '^delivered 500 ' $writer || return 1
    kafka_kill 0
    await_line "$DIR/writer" '^unreachable ' $writer || return 1
    await_line "$DIR/reader" '^unreachable ' $reader || return 1
    kafka_restart 0 || return 1
    wait $writer || { tail -n 3 "$DIR/writer"; return 1; }
    wait $reader || { tail -n 3 "$DIR/reader"; return 1; }
    BACKGROUND=
}
the_state_was_told() {
    grep -q '^unreachable no broker answers: tried 127.0.0.1:.*; retrying' "$DIR/writer" &&
        [ "$(grep -c '^connected' "$DIR/writer")" -ge 2 ]
}
each_record_is_there_once_and_in_order() {
    read_topic outage read_uncommitted >"$DIR/outage.found"
    [ "$(wc -l <"$DIR/outage.found")" -eq $COUNT ] && [ "$(cut -d' ' -f4 "$DIR/outage.found" | sort -u | wc -l)" -eq $COUNT ] &&
        awk '{sub("value", "", $4); if ($4 + 0 < last[$1]) exit 1; last[$1] = $4 + 0}' "$DIR/outage.found"
}
the_reader_saw_each_once() {
    sed -n 's/^record //p' "$DIR/reader" | sort -n -k1,1 -k2,2 | cmp - "$DIR/outage.found"
}
make_topic outage 3
check "a producer and a consumer outlive kill -9 and restart of the broker" outage
check "both were told that no broker answers, which were tried, and that it is back" the_state_was_told
check "every record is in the log once and in order" each_record_is_there_once_and_in_order
check "the consumer went on where it was: each record once" the_reader_saw_each_once
check_done
