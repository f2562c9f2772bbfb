#!/usr/bin/env bash
# Both corpora on every OpenCL driver of this machine: each kernel of tests/cheats gets the verdict that its table names, each of
# tests/honest is correct. A driver's kernels run one after the other in one worker, so what hangs, crashes or takes its runner over is
# also followed by the next one. What needs no clock runs on all drivers side by side.
#   TARGETS="pocl-cpu" tests/integration/corpora.sh     one driver only
#   CORPORA_KEEP=1                                      keep the attempts (printed where)
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
. tests/lib/forgery.sh
BUILD=${BUILD:-build}
TABLES=(tests/cheats/README.md)
[ -e tests/honest/README.md ] && TABLES+=(tests/honest/README.md)
PROBLEMS=(problems/level1 problems/level2 tests/forgery/double.yaml)
for folder in tests/cheats/problems tests/honest/problems; do [ -d "$folder" ] && PROBLEMS+=("$folder"); done
declare -A DRIVER=([pocl-cpu]=pocl [mesa-llvmpipe]=rusticl [intel-cpu]=intel)
: "${TARGETS:=pocl-cpu mesa-llvmpipe intel-cpu}"
HANG_SECONDS=6
fleet_init || exit 1
corpora_end() {
    [ -z "${CORPORA_KEEP:-}" ] || { echo "attempts: $FLEET_DIR/*.ndjson"; FLEET_KEEP=1; }
    fleet_stop
}
trap corpora_end EXIT

check "the tables are complete, and no kernel is missing in them" python3 tests/lib/corpus.py lint "${TABLES[@]}"
check "the runner's structs and symbols are found" forgery_known "$FLEET_DIR"
if [[ $TARGETS = *intel-cpu* ]] && ! intel_env >/dev/null 2>&1; then
    echo "intel-cpu: Intel's runtime is not installed (tests/lib/python.sh): not tried"
    TARGETS=${TARGETS//intel-cpu/}
fi

# --- running --------------------------------------------------------------------------------------------------------
agent_check() { # TARGET ARGS...: the kernels' verdicts are no failure of the run
    local target=$1 rc
    shift
    "$PORTOLAN_AGENT" check "${PROBLEMS[@]}" "$@" --device "$target" --ndjson >>"$FLEET_DIR/$target.ndjson" 2>>"$FLEET_DIR/$target.log"
    rc=$?
    case $rc in 0 | 12 | 14 | 4[0-9] | 5[0-9]) return 0 ;; esac # verdicts; infrastructure and refusals have their lines too
    { echo "check on $target ended with $rc"; tail -n 5 "$FLEET_DIR/$target.log"; return 1; }
}
run_batches() { # TARGET RUN [OPTION...]
    local target=$1 run=$2 size files file paths runner
    shift 2
    while read -r size files; do
        paths=() runner=$FLEET_BUILD/portolan-runner
        for file in $files; do
            [[ $file = forge:* ]] && file=$(forged "$FLEET_DIR" "${file#forge:}") && runner=$FORGERY_RUNNER
            paths+=("$file")
        done
        PORTOLAN_RUNNER=$runner agent_check "$target" "${paths[@]}" --size "$size" "$@" || return 1
    done < <(python3 tests/lib/corpus.py batches "$target" "$run" "${TABLES[@]}")
}
untimed() { # TARGET
    export OCL_ICD_VENDORS=$FLEET_DIR/icd/$1
    run_batches "$1" verify --no-timing --timeout 60 && run_batches "$1" hang --no-timing --timeout $HANG_SECONDS
}
timed() { OCL_ICD_VENDORS=$FLEET_DIR/icd/$1 run_batches "$1" timed --sets 2 --quads 4 --retries 20 --timeout 60; }

declare -A UNTIMED=()
DRIVERS=()
begin=$SECONDS
for target in $TARGETS; do
    : >"$FLEET_DIR/$target.ndjson"
    DRIVERS+=("${DRIVER[$target]}")
    fleet_icd "$FLEET_DIR/icd/$target" "${DRIVER[$target]}" || exit 1
done
check "the drivers are measured" fleet_calibrate "${DRIVERS[@]}"
for target in $TARGETS; do
    untimed "$target" >"$FLEET_DIR/$target.out" 2>&1 &
    UNTIMED[$target]=$!
done
for target in $TARGETS; do # not by check(): only this shell can wait for its children
    wait "${UNTIMED[$target]}" || { CHECK_FAILED=$((CHECK_FAILED + 1)); echo "not ok - all kernels ran on $target"; cat "$FLEET_DIR/$target.out"; }
done
echo "without a clock: $((SECONDS - begin)) s"
for target in $TARGETS; do check "what only cheats while it is timed ran on $target" timed "$target"; done
echo "with one: $((SECONDS - begin)) s"

# --- judging --------------------------------------------------------------------------------------------------------
COUNTS=()
for target in $TARGETS; do
    while read -r line; do
        case $line in
            'ok - '*) CHECK_PASSED=$((CHECK_PASSED + 1)) ;;
            'not ok - '*) CHECK_FAILED=$((CHECK_FAILED + 1)) ;;
            *'table'*'verdict: '* | *' accepted: '*) COUNTS+=("$line"); continue ;;
        esac
        printf '%s\n' "$line"
    done < <(python3 tests/lib/corpus.py judge "$target" "$FLEET_DIR/$target.ndjson" "${TABLES[@]}")
done
a_unit_test_passes() { # BINARY NAME
    local binary
    binary=$(find "$BUILD/unit" -name "$1" -type f -perm -u+x | head -n 1)
    [ -n "$binary" ] || { echo "$1 is not built: make unit-build"; return 1; }
    "$binary" 2>&1 | grep -E "\[ +OK \] $2\$"
}
while read -r binary name; do
    check "$name ($binary)" a_unit_test_passes "$binary" "$name"
done < <(python3 tests/lib/corpus.py tests "${TABLES[@]}")
printf '%s\n' "${COUNTS[@]}"
check_done
