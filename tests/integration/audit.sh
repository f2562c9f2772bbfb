#!/usr/bin/env bash
# The audit under real Oclgrind, beside PoCL: what no check of outputs sees is found, with its line; honest kernels are clean; where there is
# no Oclgrind the answer says so. One agent process for each answer, no broker.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/fleet.sh
trap fleet_stop EXIT
fleet_init && fleet_icd "$FLEET_DIR/icd/pocl" pocl || exit 1
export OCL_ICD_VENDORS=$FLEET_DIR/icd/pocl

audits() { # KERNEL STATUS JQ'S FILTER OF THE ATTEMPT [OPTION...]
    local kernel=$1 status=$2 filter=$3 rc
    shift 3
    "$PORTOLAN_AGENT" check problems/level1/gelu.yaml "tests/audit/$kernel.yaml" --no-timing --json "$@" >"$FLEET_DIR/$kernel.json"
    rc=$?
    [ $rc -eq "$status" ] && holds ".[0] | $filter" <"$FLEET_DIR/$kernel.json" ||
        { echo "exit status $rc"; jq -c '.[0] | [.outcome, .verdict, .evidence, .audit]' "$FLEET_DIR/$kernel.json"; return 1; }
}
for kernel in races unwritten reads-outside honest; do
    check "\`$kernel\` passes every other check" audits $kernel 0 '.verdict == "correct" and .audit == ""'
done
check "a data race is nondeterministic, with its line" audits races 56 '.verdict == "nondeterministic" and (.evidence | test("data race.*line 7 .*half_")) and
    (.audit | startswith("found: "))' --audit
check "so is a value that was never written" audits unwritten 56 '.verdict == "nondeterministic" and (.evidence | test("never written.*line 4 .*spare"))' --audit
check "a read outside a buffer is out_of_bounds, and its log is kept, and bounded" audits reads-outside 49 '.verdict == "out_of_bounds" and (.evidence | test("reads outside.*Invalid read of size 4.*line 4 ")) and
    (.log | contains("Invalid read of size 4")) and (.log | length) < 70000' --audit
check "an honest kernel with local memory and barriers is clean" audits honest 0 '.verdict == "correct" and (.audit | startswith("clean: "))' --audit
export PORTOLAN_OCLGRIND=/nowhere/liboclgrind-rt-icd.so
check "without Oclgrind there is no verdict of it and no pass, but how to install it" audits reads-outside 0 \
    '.verdict == "correct" and (.audit | test("^not audited: Oclgrind is not installed.*apt install oclgrind"))' --audit
check_done
