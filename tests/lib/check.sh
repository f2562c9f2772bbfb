# Lines and counts of an integration script: sourced. `ok COMMAND... -- sentence` style is avoided: call check_ok / check_not.
#   check SENTENCE COMMAND...   runs the command; prints "ok - SENTENCE" or "not ok - SENTENCE" with the command's output
#   holds FILTER [JQ'S OPTIONS]      does jq's filter say true of the one JSON document that comes in? (jq 1.6 is content with no input)
#   all_hold FILTER [JQ'S OPTIONS]   the same of the array of all documents that come in; no document is no
#   check_done                  prints "N passed, N failed"; returns non-zero on a failure or when nothing ran
# Tests run on machines that others use too: times are taken as they come, and what a busy machine means is tested by itself.
export PORTOLAN_BUSY=${PORTOLAN_BUSY:-note}
CHECK_PASSED=0
CHECK_FAILED=0
check() {
    local sentence=$1 out
    shift
    if out=$("$@" 2>&1); then
        CHECK_PASSED=$((CHECK_PASSED + 1))
        printf 'ok - %s\n' "$sentence"
    else
        CHECK_FAILED=$((CHECK_FAILED + 1))
        printf 'not ok - %s\n%s\n' "$sentence" "$out" | head -n 60
    fi
}
holds() {
    local filter=$1
    shift
    jq -n -e "$@" "input | any($filter; .)"
}
all_hold() {
    local filter=$1
    shift
    jq -e -s "$@" "length > 0 and ($filter)"
}
check_done() {
    printf '%d passed, %d failed\n' "$CHECK_PASSED" "$CHECK_FAILED"
    [ "$CHECK_FAILED" -eq 0 ] && [ "$CHECK_PASSED" -gt 0 ]
}
