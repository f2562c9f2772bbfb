#!/usr/bin/env bash
# A candidate that owns its runner, on PoCL: tests/forgery/forge.cl overwrites the runner's memory and speaks in its name, once
# through pointers made from integers with the token rules switched off, once through out-of-bounds indices that pass them.
# What it says must arrive, and must change neither the verdict nor a time; and the next task must run as if nothing had been.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
BUILD=${BUILD:-build}
. tests/lib/forgery.sh
DIR=$(mktemp -d "${TMPDIR:-/tmp}/forgery.XXXXXX") || exit 1
trap 'rm -rf "$DIR"' EXIT
export PORTOLAN_RUNNER=$FORGERY_RUNNER PORTOLAN_TEST_HOOKS=1 PORTOLAN_CACHE_DIR=$DIR/cache PORTOLAN_RUNTIME_DIR=$DIR/runtime
mkdir -p "$DIR/cache" "$DIR/runtime"
cp tests/forgery/honest.* "$DIR"
HONEST=$DIR/honest.yaml

# --- what an attacker knows -------------------------------------------------------------------------------------------
check "the attacker finds the runner's structs and symbols in its source and its binary" forgery_known "$DIR"
kernel() { forged "$DIR" "$@"; }

# --- the switch ---------------------------------------------------------------------------------------------------------
agent_check() { "$BUILD/portolan-agent" check tests/forgery/double.yaml "$1" --device pocl-cpu --size small --sets 0 --json; }
integers_are_refused() {
    agent_check "$(kernel TIME INTEGER)" >"$DIR/refused.json"
    [ $? -eq 43 ] && jq -e '.[0].verdict == "refused_source" and (.[0].evidence | test("a pointer made from an integer"))' "$DIR/refused.json"
}
the_switch_alone_does_nothing() {
    ! PORTOLAN_TEST_HOOKS=0 PORTOLAN_TEST_SOURCE_RULES=off agent_check "$(kernel TIME INTEGER)" >"$DIR/switch.json" &&
        jq -e '.[0].outcome == "refused" and .[0].verdict == null and .[0].measured == []' "$DIR/switch.json"
}
check "the token rules refuse the kernel with pointers made from integers" integers_are_refused
check "the switch for tests does nothing without PORTOLAN_TEST_HOOKS=1" the_switch_alone_does_nothing

# --- the runner that is shipped -----------------------------------------------------------------------------------------
its_imports_cannot_be_written() {
    mkdir -p "$DIR/shipped"
    FORGERY_RUNNER=$BUILD/portolan-runner forgery_known "$DIR/shipped" || return 1
    env -u PORTOLAN_RUNNER "$BUILD/portolan-agent" check tests/forgery/double.yaml "$(forged "$DIR/shipped" SILENT)" --device pocl-cpu \
        --size small --sets 0 --json >"$DIR/shipped.json"
    jq -e '.[0].verdict == "crashed" and (.[0].evidence | test("signal 11"))' "$DIR/shipped.json" >/dev/null || { cat "$DIR/shipped.json"; return 1; }
}
check "in the runner that is shipped imports are read-only: who writes to them crashes" its_imports_cannot_be_written

# --- the attacks, each followed by an honest task in the same worker ------------------------------------------------------
run_in_turn() {
    "$BUILD/tools/tasks_in_turn" pocl-cpu tests/forgery/double.yaml small "$HONEST" \
        "$(kernel TIME)" "$HONEST" "!$(kernel TIME INTEGER)" "$HONEST" "$(kernel ALL)" "$HONEST" "!$(kernel ALL INTEGER)" "$HONEST" \
        "$(kernel DONE)" "$HONEST" "!$(kernel DONE INTEGER)" "$HONEST" "$(kernel WORDS)" "$HONEST" >"$DIR/attempts.json" || return 1
    jq -e 'length == 15' "$DIR/attempts.json"
}
# On a machine that is busy with others a window has few launches, and there the forger behaves (FEW_SETS: 16 sets are bound for 7); or the
# honest twin gets no time. Then nothing was tried.
was_tried() {
    jq -e 'def launches: .samples // "" | if . == "" then 99 else fromjson | .candidate_window.launches // 99 end;
        def untimed: [.measured[] | select(.role == "candidate" and .time_ns_p50 == null)] != [];
        ([.[1, 3, 5, 7, 9, 11] | launches] | min > 7) and ([.[0, 2, 4, 6, 8, 10, 12, 14] | untimed] | any | not)' "$DIR/attempts.json" >/dev/null
}
all_run() {
    local i
    for i in 1 2 3 4; do
        run_in_turn || return 1
        was_tried && return 0
        echo "# the machine was busy: tried again"
    done
}
# Does attempt number N fulfil a jq EXPRESSION? Of what its samples say of the second set of runners (in the first one the forger
# behaves): `clock` and `claim` are the candidate's windows by the worker's clock and as claimed, `base` the baseline's by the
# clock; nanoseconds a launch.
holds() { # N EXPRESSION
    local attempt
    attempt=$(jq ".[$1] | .samples |= (if . == \"\" then {sets: []} else fromjson end)" "$DIR/attempts.json") || return 1
    [ -n "$attempt" ] || { echo "there are no attempts"; return 1; } # jq 1.6 is content with no input
    jq -e "def clock: .samples.sets[1].candidate; def claim: .samples.sets[1].candidate_claimed;
        def base: .samples.sets[1].baseline; def median: sort | .[length / 2 | floor];
        def unpublished: [.measured[] | select(.role == \"candidate\" and .time_ns_p50 != null)] == []; $2" <<<"$attempt" >/dev/null && return 0
    jq -c '{outcome, verdict, evidence, infrastructure, measured, samples}' <<<"$attempt" | cut -c1-3000
    return 1
}
honest_is_correct() { # FIRST...
    local n
    for n in "$@"; do
        holds "$n" '.verdict == "correct" and ([.measured[] | select(.role == "candidate")][0].time_ns_p50 > 0)' || return 1
    done
}
check "all tasks run, one after the other, in one worker" all_run
check "the honest twin is correct" honest_is_correct 0
check "its claims agree with the worker's clock" holds 0 '(claim | median) > (clock | median) / 3 and (claim | median) < (clock | median) * 1.05'

i=1
for how in "out-of-bounds indices" "pointers made from integers"; do
    check "by $how: the right answers and a claimed microsecond: it arrives" \
        holds $i '(claim | length) > 0 and (claim | max) <= 1000 and (claim | min) > 0'
    check "by $how: the time was the worker's, near the baseline's" holds $i '(clock | median) > (base | median) / 4'
    check "by $how: the verdict was the worker's" \
        holds $i '.verdict == "implausible" and (.evidence | test("claims .* the worker.s clock says")) and unpublished'
    i=$((i + 2))
done
for how in "out-of-bounds indices" "pointers made from integers"; do
    check "by $how: \"done\" and a microsecond at once, nothing computed: both arrive" \
        holds $i '(clock | length) > 0 and (claim | length) > 0 and (claim | max) <= 1000'
    check "by $how: the verdict was the worker's, who looked" \
        holds $i '.verdict == "incomplete_write" and (.evidence | test("timed launch")) and unpublished'
    i=$((i + 2))
done
# By whom depends on when the rest is done: before the judge looks, when it asks for the claim, or when the runner goes on with another set.
for how in "out-of-bounds indices" "pointers made from integers"; do
    check "by $how: \"done\" at half time, the rest before a claim that fits: found out" \
        holds $i '(.verdict | IN("incomplete_write", "implausible", "out_of_bounds")) and (.evidence | test("timed|after it had said|claims")) and unpublished'
    i=$((i + 2))
done
check "a reply that says \"correct\" arrives, and is no reply to any question" \
    holds $i '.verdict == "crashed" and (.evidence | test("verdict: correct")) and unpublished'
check "after each of them the next task, in the same worker, is correct" honest_is_correct 2 4 6 8 10 12 14
check_done
