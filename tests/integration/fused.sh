#!/usr/bin/env bash
# On each driver that is installed: both baselines of graphs made to be awkward for fusion agree with the oracle.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/python.sh
TOOL=${BUILD:-build}/tools/plan_device_check
DIR=$(mktemp -d "${TMPDIR:-/tmp}/fused.XXXXXX") || exit 1
trap 'rm -rf "$DIR"' EXIT

check_driver() { # NAME ENVIRONMENT...
    local name=$1 graph size baseline
    shift
    for graph in tests/graphs/*.yaml; do
        for size in check even one; do
            for baseline in plain fused; do
                check "$name: $baseline of $(basename "$graph" .yaml) at $size agrees with the oracle" \
                    env "$@" "$TOOL" "$baseline" "$graph" "$size"
            done
        done
    done
}

mkdir "$DIR/pocl" "$DIR/rusticl"
cp /etc/OpenCL/vendors/pocl.icd "$DIR/pocl/"
cp /etc/OpenCL/vendors/rusticl.icd "$DIR/rusticl/"
check_driver PoCL OCL_ICD_VENDORS="$DIR/pocl" POCL_CACHE_DIR="$DIR/pocl-cache"
check_driver rusticl OCL_ICD_VENDORS="$DIR/rusticl" RUSTICL_ENABLE=llvmpipe MESA_SHADER_CACHE_DIR="$DIR/mesa-cache"
mapfile -t intel < <(intel_env 2>/dev/null)
[ ${#intel[@]} -gt 0 ] && check_driver Intel "${intel[@]}"
check_done
