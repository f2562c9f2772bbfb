#!/usr/bin/env bash
# portolan-agent check, bench and devices on the OpenCL drivers of this machine: verdicts have their exit statuses and readable evidence,
# several kernels run in one worker, times come with intervals. Which verdict each cheat gets is corpora.sh's.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
AGENT=${BUILD:-build}/portolan-agent
DIR=$(mktemp -d "${TMPDIR:-/tmp}/check.XXXXXX") || exit 1
trap 'rm -rf "$DIR"' EXIT
export PORTOLAN_CACHE_DIR=$DIR/cache PORTOLAN_LOCK_DIR=$DIR/lock PORTOLAN_LOG_LEVEL=warn
export POCL=pocl MESA=llvmpipe

# Runs check; prints its output; succeeds when the status is as expected and the first line names the verdict.
verdict_is() { # VERDICT STATUS PROBLEM KERNEL DEVICE [OPTION...]
    local verdict=$1 status=$2 problem=$3 kernel=$4 device=$5 out rc
    shift 5
    out=$("$AGENT" check "problems/$problem.yaml" "$kernel" --device "$device" "$@" 2>&1)
    rc=$?
    printf '%s\n' "$out"
    [ $rc -eq "$status" ] && grep -qE "^[a-z0-9-]+: $verdict(:|$)" <<<"$out"
}

# --- devices ------------------------------------------------------------------------------------------------------------
devices_are_listed() {
    "$AGENT" devices --measure --json >"$DIR/devices.json" 2>"$DIR/devices.log" || { cat "$DIR/devices.log"; return 1; }
    python3 - "$DIR/devices.json" <<'PY'
import json, sys
devices = {d["id"]: d for d in json.load(open(sys.argv[1]))}
for name in ("pocl-cpu", "mesa-llvmpipe"):
    d = devices[name]
    assert d["host_memory"] and d["domain"] and d["fingerprint"], d
    assert d["copy_gbps"] > 0.1 and d["fma_gflops"] > 1 and d["launch_us"] > 0, d
assert devices["pocl-cpu"]["domain"] == devices["mesa-llvmpipe"]["domain"], "one machine, one domain"
PY
}
an_unknown_device_is_named() {
    local out
    out=$("$AGENT" check problems/level1/gelu.yaml tests/honest/gelu-plain.yaml --device no-such-device 2>&1)
    [ $? -eq 4 ] && grep -q 'no-such-device' <<<"$out" && grep -q 'hint:' <<<"$out"
}
check "devices are found, measured and share a domain" devices_are_listed
check "a device that is not there is an error with a hint" an_unknown_device_is_named

# --- verdicts ------------------------------------------------------------------------------------------------------------
for kernel in gelu-plain gelu-scratch gelu-vector matmul-plain; do
    check "honest $kernel is correct on PoCL" verdict_is correct 0 "level1/${kernel%%-*}" "tests/honest/$kernel.yaml" "$POCL" --no-timing
done
check "honest gelu-plain is correct on llvmpipe" verdict_is correct 0 level1/gelu tests/honest/gelu-plain.yaml "$MESA" --no-timing
evidence_is_readable() {
    "$AGENT" check problems/level1/matmul.yaml tests/cheats/matmul-prefix.yaml --device "$POCL" --no-timing 2>/dev/null >"$DIR/out"
    cat "$DIR/out"
    grep -qE 'size [a-z0-9]+ \(.*=.*\), data [a-z ]+: y\[[0-9]+, [0-9]+\] is .*, expected .* \(tolerance .*\); [0-9]+ of [0-9]+ elements' "$DIR/out"
}
check "the evidence names size, data, element, both values and the tolerance" evidence_is_readable
busy_machine() { # as many neighbours as processors, that want all of them
    local i neighbours=() rc
    for ((i = $(nproc); i > 0; i--)); do timeout 120 sh -c 'while :; do :; done' & neighbours+=($!); done
    "$AGENT" check problems/level1/gelu.yaml tests/honest/gelu-plain.yaml --device "$POCL" --size held1 --sets 1 --busy "$1" --retries 0 >"$DIR/out" 2>&1
    rc=$?
    kill "${neighbours[@]}" && wait "${neighbours[@]}" 2>/dev/null
    cat "$DIR/out"
    [ $rc -eq "$2" ] && grep -q '^pocl-cpu: correct' "$DIR/out" && grep -qE "$3" "$DIR/out"
}
check "on a busy machine the verdict comes without times: exit status 13" busy_machine refuse 13 'not timed, the machine was busy: (others use|[0-9]+ of [0-9]+ quads)'
check "with --busy note it comes with times, and what they suffered from" busy_machine note 0 'others used|quads were disturbed'
several_in_one_worker() { # one crashes, one is wrong, one is no kernel file; the last one runs all the same
    local all=("$AGENT" check tests/cheats/{segfault,zeros,option-include}.yaml problems/level1 tests/honest/gelu-plain.yaml --device "$POCL" --no-timing --size held1)
    "${all[@]}" --ndjson >"$DIR/lines" 2>"$DIR/log"
    local rc=$?
    cat "$DIR/lines" "$DIR/log"
    [ $rc -eq 40 ] && [ "$(jq -r '[.file, .kernel, .problem, .size, .verdict] | join(" ")' "$DIR/lines" | paste -sd ,)" = \
"tests/cheats/segfault.yaml segfault gelu held1 crashed,tests/cheats/zeros.yaml zeros gelu held1 wrong_output,\
tests/cheats/option-include.yaml option-include.yaml gelu held1 bad_kernel_file,tests/honest/gelu-plain.yaml gelu-plain gelu held1 correct" ]
}
check "several kernels run in one worker, whatever those before did, and each has its line" several_in_one_worker
verdicts_are_counted() {
    "$AGENT" check problems/level1/gelu.yaml tests/cheats/{zeros,identity}.yaml --device "$POCL" --no-timing --size held1 >"$DIR/out" 2>&1
    local rc=$?
    cat "$DIR/out"
    [ $rc -eq 55 ] && grep -q '^pocl-cpu: 2 kernels: 2 wrong_output$' "$DIR/out"
}
check "the verdicts of several kernels are counted" verdicts_are_counted
a_missing_problem_is_named() {
    local out
    out=$("$AGENT" check problems/level1/softmax.yaml tests/cheats/zeros.yaml 2>&1)
    [ $? -eq 4 ] && grep -q 'zeros.yaml is for problem gelu' <<<"$out" && grep -q 'hint:' <<<"$out"
}
check "a kernel whose problem is not given is an error with a hint" a_missing_problem_is_named
worst_decides() { # all devices: the exit status is the most severe
    "$AGENT" check problems/level1/gelu.yaml tests/cheats/partial.yaml --no-timing --size held1 >"$DIR/out" 2>&1
    [ $? -eq 51 ] && [ "$(grep -c 'incomplete_write' "$DIR/out")" -ge 2 ]
}
check "without --device every device is tried" worst_decides

# --- times ----------------------------------------------------------------------------------------------------------------
a_timed_attempt_is_complete() { # DEVICE
    "$AGENT" check problems/level1/matmul.yaml tests/honest/matmul-plain.yaml --device "$1" --sets 2 --quads 2 --json >"$DIR/attempt.json" 2>"$DIR/log"
    local rc=$?
    cat "$DIR/log"
    [ $rc -eq 0 ] || { cat "$DIR/attempt.json"; return 1; }
    python3 - "$DIR/attempt.json" <<'PY'
import json, sys
(a,) = json.load(open(sys.argv[1]))
assert a["outcome"] == "verdict" and a["verdict"] == "correct", a
(c,) = [m for m in a["measured"] if m["role"] == "candidate"]
base = {m["kernel"]: m for m in a["measured"] if m["role"] == "baseline"}
assert set(base) == {"plain", "fused"} and c["baseline"] in base, base.keys()
assert c["speedup_low"] <= c["speedup"] <= c["speedup_high"], c
assert abs(base[c["baseline"]]["time_ns_p50"] / c["time_ns_p50"] / c["speedup"] - 1) < 0.5, c
assert 0 < c["error_max"] <= 1 and c["error_rms"] < 12, c
assert c["time_ns_p10"] <= c["time_ns_p50"] <= c["time_ns_p90"], c
assert len(a["sizes_checked"]) == 4 and a["generality"] == "general", a["sizes_checked"]
assert "bubblewrap" in a["sandbox"] or "none" not in a["sandbox"], a["sandbox"]
samples = json.loads(a["samples"])
assert len(samples["sets"]) == 2 and all(len(s["candidate"]) >= 4 for s in samples["sets"]), samples
names = {p["name"] for p in a["phases"]}
assert {"compile", "oracle", "verify", "time", "overhead"} <= names, names
overhead = [p["ms"] for p in a["phases"] if p["name"] == "overhead"][0]
assert overhead <= 500, overhead
PY
}
check "times come with interval, baselines, samples and phases on PoCL" a_timed_attempt_is_complete "$POCL"
check "and on llvmpipe" a_timed_attempt_is_complete "$MESA"
bench_times_baselines() {
    "$AGENT" bench problems/level1/softmax.yaml --size small --device "$POCL" --sets 2 --quads 2 >"$DIR/out" 2>&1
    local rc=$?
    cat "$DIR/out"
    [ $rc -eq 0 ] && grep -q '^baseline *plain' "$DIR/out" && grep -q '^baseline *fused' "$DIR/out"
}
check "bench times the baselines against the fastest" bench_times_baselines
search_finds_the_best() {
    "$AGENT" check problems/level1/gelu.yaml kernels/gelu/rational.yaml --device "$POCL" --search --sets 2 --quads 2 >"$DIR/out" 2>&1
    local rc=$?
    cat "$DIR/out"
    [ $rc -eq 0 ] && grep -qE 'tried: [0-9]+ correct' "$DIR/out" && grep -q 'configuration {' "$DIR/out"
}
check "a search reports the best configuration and counts the others" search_finds_the_best
a_cancel_is_quick() {
    PORTOLAN_LOG_LEVEL=debug "$AGENT" check problems/level1/gelu.yaml tests/cheats/endless.yaml --device "$POCL" --no-timing >"$DIR/out" 2>&1 &
    local pid=$! t0 rc
    timeout 60 tail -n +1 --pid=$pid -f "$DIR/out" 2>/dev/null | grep -q -m1 'debug compile' # an endless kernel's first launch
    t0=$(date +%s%N)
    kill -INT "$pid"
    wait "$pid"
    rc=$?
    cat "$DIR/out"
    [ $rc -eq 16 ] && [ $((($(date +%s%N) - t0) / 1000000)) -lt 1500 ] && grep -q ': cancelled' "$DIR/out"
}
check "an interrupt cancels and leaves nothing behind" a_cancel_is_quick
nothing_is_left() { ! pgrep -f "portolan-runner.*$DIR" >/dev/null; }
check "no runner is left" nothing_is_left

# --- files ----------------------------------------------------------------------------------------------------------------
bad_files_are_named() {
    printf 'kernel: k\nproblem: gelu\nlanguage: opencl-c\nsource: k.cl\nlaunches:\n  - {kernel: k, args: [x, z], global: [N]}\n' >"$DIR/k.yaml"
    printf '__kernel void k(__global float *x, __global float *z) {}\n' >"$DIR/k.cl"
    "$AGENT" check problems/level1/gelu.yaml "$DIR/k.yaml" --device "$POCL" >"$DIR/out" 2>&1
    local rc=$?
    cat "$DIR/out"
    [ $rc -eq 40 ] && grep -q 'bad_kernel_file' "$DIR/out" && grep -q 'z' "$DIR/out"
}
check "an argument that is no tensor is bad_kernel_file with its name" bad_files_are_named
usage_is_2() { "$AGENT" check problems/level1/gelu.yaml >/dev/null 2>&1; [ $? -eq 2 ]; }
check "a missing argument is a usage error" usage_is_2
check_done
