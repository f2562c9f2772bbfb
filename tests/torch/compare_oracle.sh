#!/usr/bin/env bash
# The oracle against PyTorch. Debian's python3-torch belongs to /usr/bin/python3, whatever python3 is on the PATH.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
exec /usr/bin/python3 tests/torch/compare_oracle.py "${BUILD:-build}/tools/oracle_dump" .
