# Lines and counts of an integration script: sourced. `ok COMMAND... -- sentence` style is avoided: call check_ok / check_not.
#   check SENTENCE COMMAND...   runs the command; prints "ok - SENTENCE" or "not ok - SENTENCE" with the command's output
#   check_done                  prints "N passed, N failed"; returns non-zero on a failure or when nothing ran
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
check_done() {
    printf '%d passed, %d failed\n' "$CHECK_PASSED" "$CHECK_FAILED"
    [ "$CHECK_FAILED" -eq 0 ] && [ "$CHECK_PASSED" -gt 0 ]
}
