#!/usr/bin/env bash
# Our codec against Python's fastavro, both ways, for every record type.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/python.sh
python_install || exit 1
exec "$VENV_PYTHON" tests/foreign/fastavro_agree.py "${BUILD:-build}/tools/codec_tool" schemas
