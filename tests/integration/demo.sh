#!/usr/bin/env bash
# `portolan demo` on a campaign of two problems: every driver of this machine gets an agent, honest kernels are correct, each
# wrong one is refused for its own reason, nothing is left running, nothing is written elsewhere. (`make demo` runs it all.)
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
fleet_init || exit 1
trap fleet_stop EXIT
DIR=$FLEET_DIR/demo
export HOME=$FLEET_DIR/home TMPDIR=$FLEET_DIR/tmp
mkdir -p "$DIR/k" "$HOME" "$TMPDIR"
unset PORTOLAN_STATE_DIR PORTOLAN_RUNTIME_DIR XDG_CONFIG_HOME # as a new user has it
cp kernels/demo-bad/* tests/honest/gelu-plain.{yaml,cl} "$DIR/k/"
cat >"$DIR/c.yaml" <<'YAML'
campaign: small-demo
problems: [softmax, gelu, avg-pool1d]
targets: ["*"]
size: check
strategies: [human]
kernels: [k/*.yaml]
sets: 1
YAML
# The devices are measured once for all tests; the demo looks for that in its own folder.
fleet_calibrate pocl rusticl || exit 1
cp -r "$PORTOLAN_CACHE_DIR" "$DIR/cache"
DRIVERS=$("$PORTOLAN_AGENT" devices --json 2>/dev/null | jq length)
unset PORTOLAN_CACHE_DIR

demo_runs() {
    timeout 300 "$PORTOLAN" demo --dir "$DIR" --campaign "$DIR/c.yaml" >"$DIR/out" 2>"$DIR/err"
    local rc=$?
    cat "$DIR/out" "$DIR/err"
    [ $rc -eq 0 ]
}
count() { [ "$(grep -cE -- "$2" "$DIR/out")" -eq "$1" ] || { echo "not $1 times: $2"; return 1; }; }
refused_for() { # KERNEL VERDICT: below the heading, on every target, with the evidence in the next line
    sed -n '/^Kernels that are wrong on purpose/,$p' "$DIR/out" | grep -A1 -E "^$2  $1 on " | grep -qE '^    .{20,}'
}
matrix_has() { sed -n '/^The port matrix/,/^verdicts:/p' "$DIR/out" | grep -qE "$1"; }
nothing_runs() { ! pgrep -f -- "$DIR" && ! pgrep -f 'run --node demo-'; }
nothing_elsewhere() { local found; found=$(find "$HOME" "$TMPDIR" -mindepth 1); echo "$found"; [ -z "$found" ]; }

check "the demo ends with exit status 0" demo_runs
check "an agent a driver" count "$DRIVERS" '^demo-[a-z-]+ +in_service '
check "an honest kernel is correct on every target" count "$DRIVERS" '^correct +[a-z-]+ +gelu-plain +check '
check "the matrix has a row a problem" matrix_has '^gelu +[0-9.]+x'
check "the matrix is followed by the scores" matrix_has '^pocl-cpu +check +[0-9]/[0-9] '
check "and by the verdicts counted" matrix_has '^verdicts: .*compile_error [0-9]'
for kernel in kernels/demo-bad/*.yaml; do
    name=$(sed -nE 's/^kernel: *//p' "$kernel") verdict=$(sed -nE 's/^# Expected verdict: ([a-z_]+).*/\1/p' "$kernel")
    check "$name is refused as $verdict, with the evidence" refused_for "$name" "$verdict"
done
check "it says where to look next" grep -q '^Where to look next' "$DIR/out"
check "nothing of it runs on" nothing_runs
check "nothing is written outside its folder" nothing_elsewhere
interrupted() { # Ctrl-C: everything ends
    timeout -s INT 6 "$PORTOLAN" demo --dir "$DIR" --campaign "$DIR/c.yaml" >"$DIR/out" 2>&1
    cat "$DIR/out"
    grep -q 'interrupted: ' "$DIR/out" && fleet_until 10 nothing_runs
}
check "an interrupted demo leaves nothing running" interrupted
check_done
