#!/usr/bin/env bash
# The public schemas: each release's reads what every other's wrote, and the data dictionary says of each field what is true.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/python.sh
python_install || exit 1
WORK=$(mktemp -d "${TMPDIR:-/tmp}/portolan-schemas.XXXXXX") || exit 1
trap 'rm -rf "$WORK"' EXIT
compatible() { "$VENV_PYTHON" tests/foreign/compatibility.py "$1" tests/versions; }
check "every version of the public schemas reads every other" compatible schemas

# What the checks are for, made and found.
copy() { mkdir -p "$WORK/$1" && cp -r schemas docs tools "$WORK/$1/"; }
change() { # FOLDER JQ'S CHANGE
    copy "$1" && jq "$2" schemas/measurement.avsc >"$WORK/$1/schemas/measurement.avsc"
}
incompatible() { change "$1" "$2" && ! compatible "$WORK/$1/schemas" >"$WORK/out" && grep -q "^measurement.avsc: .*$3" "$WORK/out" || { cat "$WORK/out"; return 1; }; }
check "a field that was renamed is found" incompatible renamed '(.fields[] | select(.name == "time_ns_p50")).name = "time_p50"' 'time_ns_p50 is gone'
check "and one that changed its type" incompatible retyped '(.fields[] | select(.name == "sets")) |= (.type = "string" | .default = "")' 'int is not string'
dictionary() { "$WORK/$1/tools/results-dictionary" >"$WORK/out" 2>&1; }
differs() { change "$1" "$2" && ! dictionary "$1" && grep -q "$3" "$WORK/out" || { cat "$WORK/out"; return 1; }; }
check "the data dictionary names each field as the schemas have it" tools/results-dictionary
check "a new field that it does not have is found" differs added '.fields += [{name: "colour", type: "string", default: "", doc: "of it"}]' colour
check "a number without a unit, too" differs unit '.fields += [{name: "weight", type: "double", default: 0.0, doc: "of it"}]' 'weight.*UNITS'
check "and one whose null says nothing" differs null '.fields += [{name: "node2", type: ["null", "string"], default: null, doc: "of it"}]' 'node2.*NULLS'
check "a meaning that was changed on one side only, too" differs doc '(.fields[] | select(.name == "sets")).doc = "other"' other
check_done
