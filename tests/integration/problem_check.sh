#!/usr/bin/env bash
# `portolan problem check` over the suite and over problems that are known to be bad, `portolan problem margins` over the
# suite. On the host, without devices.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/check.sh
BUILD=${BUILD:-build}
PORTOLAN=$BUILD/portolan
export PORTOLAN_SHARE=$PWD
DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT

# --- the suite --------------------------------------------------------------------------------------------------------
"$PORTOLAN" problem check --json >"$DIR/suite.json" 2>"$DIR/suite.err"
echo $? >"$DIR/suite.status"
suite_is_admissible() {
    cat "$DIR/suite.err"
    jq -r '.problems[] | select(.admissible | not) | .problem, (.complaints[] | "  \(.what): \(.remedy)")' "$DIR/suite.json"
    [ "$(cat "$DIR/suite.status")" -eq 0 ] && holds '.admissible and (.problems | length) >= 9' <"$DIR/suite.json"
}
every_problem_was_looked_at() { # each at four sizes, with at least ten trivial answers, all of them caught
    holds 'all(.problems[]; .sizes == "check, held2, held1, small" and (.answers | length) >= 8 and all(.answers[]; .caught))' <"$DIR/suite.json" &&
        [ "$(jq '.problems | length' "$DIR/suite.json")" -eq "$(find problems/level* -name '*.yaml' | wc -l)" ]
}
branches_are_taken() { holds '[.problems[].branches[]] | length >= 2 and all(.elements > 0)' <"$DIR/suite.json"; }
check "every shipped problem is admissible" suite_is_admissible
check "each was looked at with all trivial answers, at all small sizes" every_problem_was_looked_at
check "branches of operators are taken" branches_are_taken

# --- what is bad --------------------------------------------------------------------------------------------------------
is_refused_with_its_remedy() { # FILE: the exit status and every `# expect:` line of the file
    local status=0 wanted
    "$PORTOLAN" problem check "$1" >"$DIR/out" 2>"$DIR/err" || status=$?
    cat "$DIR/out" "$DIR/err"
    [ $status -eq 1 ] && grep -q "^[a-z-]*: not admissible" "$DIR/out" || return 1
    while read -r wanted; do
        grep -qE -- "$wanted" "$DIR/out" || { echo "does not say: $wanted"; return 1; }
    done < <(sed -n 's/^# expect: //p' "$1")
}
for file in tests/problems/bad/*.yaml; do
    check "$(basename "$file" .yaml): $(head -n 1 "$file" | cut -c 3-)" is_refused_with_its_remedy "$file"
done
exempt_says_why() {
    "$PORTOLAN" problem check tests/problems/exempt.yaml | tee "$DIR/out"
    [ "${PIPESTATUS[0]}" -eq 0 ] && grep -q 'not admissible, exempt: a fixture' "$DIR/out"
}
check "a problem that says \`exempt\` is reported and let through" exempt_says_why
several_at_once() { # the status is that of the worst, and all are shown
    "$PORTOLAN" problem check gelu tests/problems/bad/identity.yaml >"$DIR/out"
    [ $? -eq 1 ] && grep -q '^gelu: admissible' "$DIR/out" && grep -q '^identity: not admissible' "$DIR/out"
}
check "several problems: each is shown, one bad one decides" several_at_once
unknown_name() { "$PORTOLAN" problem check sofmax >"$DIR/out" 2>&1; [ $? -eq 4 ] && grep -q 'did you mean `softmax`' "$DIR/out"; }
check "an unknown name is told from a bad problem" unknown_name
verbose_shows_where() { "$PORTOLAN" problem check mlp --verbose | tee "$DIR/out"; grep -qE '^zeros +check, declared' "$DIR/out" && grep -qE '^line [0-9]+: relu takes `negative` [0-9]+ times' "$DIR/out"; }
check "--verbose shows where each answer is caught" verbose_shows_where

# --- the tolerance ------------------------------------------------------------------------------------------------------
"$PORTOLAN" problem margins --size check --size held1 --size held2 --json >"$DIR/margins.json" 2>"$DIR/margins.err"
echo $? >"$DIR/margins.status"
margins_are_right() {
    cat "$DIR/margins.err"
    jq -r '.problems[] | .problem as $p | .margins[] | select(.as_it_should | not) | "\($p): \(.evaluation): \(.element) \(.class) at \(.size), \(.data)"' "$DIR/margins.json"
    [ "$(cat "$DIR/margins.status")" -eq 0 ] && holds '[.problems[].margins[]] | length > 150 and all(.as_it_should)' <"$DIR/margins.json"
}
check "honest arithmetic is accepted and dishonest caught, on every shipped problem" margins_are_right
long_reductions() { # sums of 65,536 and 262,144 terms
    "$PORTOLAN" problem margins tests/problems/long/{layer-norm,positive-matmul,softmax}.yaml --json >"$DIR/long.json"
    local status=$?
    jq -r '.problems[] | .problem as $p | .margins[] | select(.as_it_should | not) | "\($p): \(.evaluation): \(.element) \(.class) at \(.size), \(.data)"' "$DIR/long.json"
    [ $status -eq 0 ] && holds '(.problems | length) == 3' <"$DIR/long.json"
}
check "the same over very long reductions" long_reductions
half_problem() { "$PORTOLAN" problem margins tests/problems/half.yaml | tee "$DIR/out"; [ "${PIPESTATUS[0]}" -eq 0 ] && grep -q '^half: every operation .*accepted' "$DIR/out" && grep -q '^sums in bf16 .*caught' "$DIR/out"; }
check "half problems accept half and catch bfloat16" half_problem
check_done
