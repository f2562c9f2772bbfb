# Python packages for tests: sourced, not run. Installs into $DEPS_DIR (default .deps), with the versions that
# tests/requirements*.txt pin; quick when they are there.
#
#   python_install        $DEPS_DIR/venv: fastavro, confluent-kafka. Its interpreter is $VENV_PYTHON
#   intel_install         $DEPS_DIR/intel: Intel's OpenCL CPU runtime and $DEPS_DIR/intel/icd/intel.icd
#   ansible_lint_install  $DEPS_DIR/ansible: ansible-lint, and an ansible-core of its own
#   celery_install        $DEPS_DIR/celery: what tests/bench/throughput is compared with
#   clickhouse_install    $DEPS_DIR/clickhouse: ClickHouse as a library, for tests/soak/contrib
#   otava_install         $DEPS_DIR/otava: what the judge of sweeps is compared with
#   intel_env             prints OCL_ICD_VENDORS=... and LD_LIBRARY_PATH=..., one a line, for `env $(intel_env) PROGRAM`

PYTHON_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
DEPS_DIR=${DEPS_DIR:-$PYTHON_ROOT/.deps}
case $DEPS_DIR in /*) ;; *) DEPS_DIR=$PYTHON_ROOT/$DEPS_DIR ;; esac
VENV_PYTHON=$DEPS_DIR/venv/bin/python

# venv_install FOLDER REQUIREMENTS
venv_install() {
    local folder=$1 requirements=$2 want python
    want=$(sha256sum <"$requirements") || return 1
    mkdir -p "$DEPS_DIR" || return 1
    (
        flock 9 || exit 1
        [ "$(cat "$folder/installed" 2>/dev/null)" = "$want" ] && exit 0
        rm -rf "$folder"
        # Debian splits ensurepip off its own interpreter: take the first that can make an environment.
        for python in ${PYTHON:-} python3 /usr/bin/python3; do
            "$python" -m venv "$folder" >/dev/null 2>&1 && break
            rm -rf "$folder"
        done
        [ -x "$folder/bin/python" ] || { echo 'python: no python3 here can make a venv (python3-venv missing?)' >&2; exit 1; }
        "$folder/bin/python" -m pip install --quiet --no-color --progress-bar off --disable-pip-version-check -r "$requirements" >&2 || exit 1
        printf '%s\n' "$want" >"$folder/installed"
    ) 9>"$folder.lock"
}

python_install() { venv_install "$DEPS_DIR/venv" "$PYTHON_ROOT/tests/requirements.txt"; }

ansible_lint_install() { venv_install "$DEPS_DIR/ansible" "$PYTHON_ROOT/tests/requirements-ansible.txt"; }

celery_install() { venv_install "$DEPS_DIR/celery" "$PYTHON_ROOT/tests/requirements-bench.txt"; }

clickhouse_install() { venv_install "$DEPS_DIR/clickhouse" "$PYTHON_ROOT/tests/requirements-clickhouse.txt"; }
otava_install() { venv_install "$DEPS_DIR/otava" "$PYTHON_ROOT/tests/requirements-otava.txt"; }

intel_install() {
    local library
    venv_install "$DEPS_DIR/intel" "$PYTHON_ROOT/tests/requirements-intel.txt" || return 1
    library=$(find "$DEPS_DIR/intel/lib" -name 'libintelocl.so' | head -n 1)
    [ -n "$library" ] || { echo 'python: the Intel package holds no libintelocl.so' >&2; return 1; }
    mkdir -p "$DEPS_DIR/intel/icd" && printf '%s\n' "$library" >"$DEPS_DIR/intel/icd/intel.icd"
}

intel_env() {
    [ -f "$DEPS_DIR/intel/icd/intel.icd" ] || return 1
    printf 'OCL_ICD_VENDORS=%s\nLD_LIBRARY_PATH=%s\n' "$DEPS_DIR/intel/icd" "$DEPS_DIR/intel/lib"
}
