#!/usr/bin/env bash
# On each driver that is installed: the same data bits as on the host, and both baselines of every problem within the
# oracle's tolerance, sums that are longer than a driver's loop limit among them.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/python.sh
TOOLS=${BUILD:-build}/tools
DIR=$(mktemp -d "${TMPDIR:-/tmp}/device.XXXXXX") || exit 1
trap 'rm -rf "$DIR"' EXIT

cat >"$DIR/long.yaml" <<'YAML'
problem: long-sums
level: 1
sizes: {check: {K: 200000}}
inputs:
  x: {dtype: f32, shape: [3, K], fill: uniform(-1, 1)}
  z: {dtype: f32, shape: [2, 140001], fill: uniform(-1, 1)}
weights:
  w: {dtype: f32, shape: [2, K], fill: kaiming}
  b: {dtype: f32, shape: [2], fill: uniform(-1, 1)}
  g: {dtype: f32, shape: [K], fill: uniform(-1, 1)}
graph:
  - a = linear(x, w, b)
  - c = matmul(x, w, transpose_b=true)
  - d = softmax(x, axis=1)
  - e = layer_norm(x, g, g)
  - f = avg_pool1d(z, kernel=70001)
outputs: [a, c, d, e, f]
YAML

check_driver() { # NAME ENVIRONMENT...
    local name=$1 problem
    shift
    check "$name makes the host's data bit for bit" env "$@" "$TOOLS/data_device_check"
    check "$name: plain sums longer than 65,535" env "$@" "$TOOLS/plan_device_check" plain "$DIR/long.yaml" check
    for problem in problems/level*/*.yaml; do
        check "$name: plain of $(basename "$problem" .yaml) agrees with the oracle" \
            env "$@" "$TOOLS/plan_device_check" plain "$problem" check
        check "$name: fused of $(basename "$problem" .yaml) agrees with the oracle on the precision probe" \
            env "$@" "$TOOLS/plan_device_check" fused "$problem" check "precision probe"
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
