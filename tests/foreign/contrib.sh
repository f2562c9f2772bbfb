#!/usr/bin/env bash
# What contrib/ has for other tools, as far as it can be checked without them: dashboards against Grafana's own schema, their queries by
# promtool, the rules and their tests. What needs a running ClickHouse or Kafka Connect is in tests/soak/contrib.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/python.sh
python_install || exit 1
WORK=$(mktemp -d "${TMPDIR:-/tmp}/portolan-contrib.XXXXXX") || exit 1
trap 'rm -rf "$WORK"' EXIT
dashboards() { "$VENV_PYTHON" tests/foreign/dashboards.py "$@"; }
check "dashboards are what Grafana's schema has" dashboards contrib/grafana/*.json
unknown() { # JQ'S CHANGE, what is said
    jq "$1" contrib/grafana/fleet.json >"$WORK/changed.json"
    ! dashboards "$WORK/changed.json" >"$WORK/out" && grep -q "$2" "$WORK/out" || { cat "$WORK/out"; return 1; }
}
check "a key that Grafana does not have is found" unknown '.panels[0].gridpos = {h: 1}' gridpos
check "and panels that lie on each other" unknown '.panels[1].gridPos = .panels[0].gridPos' 'lies on'
promql() { dashboards --promql contrib/grafana/*.json >"$WORK/rules.yml" && promtool check rules "$WORK/rules.yml"; }
check "promtool reads every query of theirs" promql
check "rules and their tests pass, and each alert has one" tools/lint-contrib
# A column that is not in the schema would stay empty for ever, and a field without a column be lost.
columns() { # TOPIC SCHEMA
    diff <(sed -n "/^CREATE TABLE portolan.$1_queue\$/,/^)/s/^    \([a-z_0-9]*\) .*/\1/p" contrib/clickhouse/portolan.sql) \
        <(jq -r '.fields[].name | select(. as $n | ["problem_yaml", "kernel_yaml", "kernel_source", "policy", "seeds", "record_check"] | index($n) | not)' "schemas/$2.avsc")
}
check "the ClickHouse tables have the schema's fields: results" columns results result
check "and measurements" columns measurements measurement
sinks() { # FOLDER: each field that is named is in the schema, and the keys are never null
    local topic field
    for topic in results measurements; do
        for field in $(jq -r '.config | (."primary.key.fields", ."transforms.drop.exclude") // empty' "$1/$topic.json" | tr , ' '); do
            jq -e --arg f "$field" 'any(.fields[]; .name == $f)' "schemas/${topic%s}.avsc" >/dev/null || { echo "$topic: $field"; return 1; }
        done
        for field in $(jq -r '.config."primary.key.fields"' "$1/$topic.json" | tr , ' '); do
            jq -e --arg f "$field" 'any(.fields[]; .name == $f and .type == "string")' "schemas/${topic%s}.avsc" >/dev/null || { echo "$topic: $field is no key"; return 1; }
        done
    done
}
check "the JDBC sinks name fields that there are, and keys that are never null" sinks contrib/kafka-connect
misnamed() { # JQ'S CHANGE, what is said
    mkdir -p "$WORK/sinks" && cp contrib/kafka-connect/measurements.json "$WORK/sinks/" && jq "$1" contrib/kafka-connect/results.json >"$WORK/sinks/results.json" || return 1
    ! sinks "$WORK/sinks" >"$WORK/out" && grep -q "$2" "$WORK/out"
}
check "a field that there is not is found" misnamed '.config."transforms.drop.exclude" += ",colour"' colour
check "and a key that may be null" misnamed '.config."primary.key.fields" = "device"' 'device is no key'
check_done
