#!/usr/bin/env bash
# Checks tests/model/lease.pml with spin: every run of two faults keeps what is promised and reaches every statement of the model, and
# the model fails with any one guard taken out. MODEL_FAULTS=3 (make soak) has too many states to keep: spin then remembers each by some
# bits of a hash (supertrace), and prints how well that covered them.
set -u
cd "$(dirname "$0")" || exit 1
. ../lib/check.sh
MODEL=$PWD/lease.pml
FAULTS=${MODEL_FAULTS:-2}
KEEP=-DMEMLIM=4000 HASH=-w24
[ "$FAULTS" -le 2 ] || KEEP=-DBITSTATE HASH=-w${MODEL_HASH_BITS:-34}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/portolan-model.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
cd "$WORK" || exit 1

# explore NAME FAULTS [DEFINITION...]: what pan printed goes to NAME.out; its state space is its own.
explore() {
    local name=$1 faults=$2
    shift 2
    mkdir -p "$name" && (
        cd "$name" &&
            spin -a "-DFAULTS=$faults" "$@" "$MODEL" >spin.out 2>&1 &&
            gcc -O2 -w -DSAFETY "$KEEP" -o pan pan.c &&
            ./pan -m500000 "$HASH" >pan.out 2>&1
    )
    cp "$name/pan.out" "$name.out" 2>/dev/null || cat "$name/spin.out"
}
finished() { grep -q 'errors: 0' "$1.out" && ! grep -q 'Search not completed' "$1.out"; }
reaches_all() { awk '/^unreached in/ {at = $0} /^\t.*state [0-9]+, "/ && !/"-end-"/ {print at ": " $0; bad = 1} END {exit bad}' "$1.out"; }
violates() { grep -E 'assertion violated|invalid end state' "$1.out" && ! grep -q 'reached -DMEMLIM' "$1.out"; }

explore whole "$FAULTS"
check "with up to $FAULTS faults each task has one result, everybody can read it, and nothing is lost or counted twice" finished whole
check "every statement of the model is reached" reaches_all whole
awk '/states, stored/ {n = $1} /hash factor/ {f = ", " $0} /elapsed time/ {print "model: " n " states, " $4 " s" f}' whole.out
KEEP=-DMEMLIM=4000 HASH=-w24

guards=$(grep -o 'WITHOUT_[A-Z_]*[A-Z]' "$MODEL" | sort -u)
for guard in $guards; do
    explore "$guard" 1 "-D$guard"
    check "it fails $(tr '_A-Z' ' a-z' <<<"$guard")" violates "$guard"
done
check_done
