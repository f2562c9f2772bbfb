#!/usr/bin/env bash
# Attacks on a machine through real drivers and a real agent: kernels that fork, flood, hang, bomb the compiler, make system calls of
# their own or break off in every way, all in one worker on PoCL, an honest one after each. Then the attacks of tests/attacks/ as
# another user, and an agent that is somebody without rights. What is tried from inside the sandbox is told there.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
BUILD=${BUILD:-build}
AGENT=$BUILD/portolan-agent
DIR=$(mktemp -d "${TMPDIR:-/tmp}/sandbox.XXXXXX") || exit 1
chmod 755 "$DIR"
trap 'rm -rf "$DIR"' EXIT
export PORTOLAN_CACHE_DIR=$DIR/cache PORTOLAN_RUNTIME_DIR=$DIR/runtime PORTOLAN_LOCK_DIR=$DIR/lock PORTOLAN_LOG_LEVEL=warn
mkdir -p "$DIR/cache" "$DIR/runtime" "$DIR/lock"
KERNELS=tests/attacks/kernels
TIMEOUT_S=5

# --- levels -------------------------------------------------------------------------------------------------------------------
devices_say_the_level() {
    "$AGENT" devices --device pocl-cpu --json >"$DIR/devices.json" || return 1
    "$AGENT" devices --device pocl-cpu
    holds '.[0].sandbox | test("^(bubblewrap|process)(\\+seccomp)?(\\+landlock[1-6])?$")' <"$DIR/devices.json"
}
check "the list of devices says which level their runners reach" devices_say_the_level
LEVEL=$(jq -r '.[0].sandbox' "$DIR/devices.json")
echo "# level: $LEVEL; kernel $(uname -r)"

# --- kernels that attack ------------------------------------------------------------------------------------------------------
yaml_of() { # NAME: a kernel file, whose source is NAME.cl
    printf 'kernel: %s\nproblem: attacked\nlanguage: opencl-c\nsource: %s.cl\nlaunches:\n  - {kernel: k, args: [x, y, N], global: [N], local: [1]}\n' "$1" "$1"
}
honest() { # FILE without suffix
    printf '__kernel void k(__global const float *x, __global float *y, int n) { y[get_global_id(0)] = fmax(x[get_global_id(0)], 0.0f); }\n' >"$1.cl"
    yaml_of "$(basename "$1")" >"$1.yaml"
}
# Folder `on` and folder `off` by the token rules; files are taken in the order of their names: 01-endless, 01-endless-honest, ...
prepare() {
    local file name folder n=10
    for file in "$KERNELS"/*.cl; do
        name=$n-$(basename "$file" .cl) folder=$DIR/on
        grep -q '^ \* rules: off' "$file" && folder=$DIR/off
        mkdir -p "$folder"
        if [ "$folder" = "$DIR/off" ]; then cat "$KERNELS/syscall.h" "$file"; else cat "$file"; fi >"$folder/$name.cl"
        yaml_of "$name" >"$folder/$name.yaml"
        honest "$folder/$name-then-honest"
        n=$((n + 1))
    done
}
run_all() { # on|off
    local hooks=()
    [ "$1" = off ] && hooks=(PORTOLAN_TEST_HOOKS=1 PORTOLAN_TEST_SOURCE_RULES=off)
    env "${hooks[@]}" "$AGENT" check "$KERNELS/attacked.yaml" "$DIR/$1" --device pocl-cpu --no-timing --timeout $TIMEOUT_S --ndjson \
        >"$DIR/$1.ndjson" 2>"$DIR/$1.log"
    cat "$DIR/$1.log"
    [ "$(wc -l <"$DIR/$1.ndjson")" -eq "$(find "$DIR/$1" -name '*.yaml' | wc -l)" ]
}
ends_as() { # FOLDER FILE VERDICT[|VERDICT]
    jq -c --arg k "$2" 'select(.kernel == $k) | {verdict, outcome, evidence, infrastructure, sandbox}' "$DIR/$1.ndjson"
    jq -e -s --arg k "$2" --arg v "$3" 'map(select(.kernel == $k)) | length == 1 and (.[0].verdict // "none" | test("^(" + $v + ")$"))' "$DIR/$1.ndjson"
}
honest_follows() { ends_as "$1" "$2-then-honest" correct; }
attacks_of() { # on|off
    local yaml name source expected
    check "the attacking kernels run in one worker, token rules $1" run_all "$1"
    for yaml in "$DIR/$1"/*.yaml; do
        name=$(basename "$yaml" .yaml)
        [ "${name%-then-honest}" = "$name" ] || continue
        source=$KERNELS/${name#*-}.cl
        expected=$(sed -nE '1s|^/\* expect: ([a-z_\|]+).*|\1|p' "$source")
        check "${name#*-} is ${expected//|/ or }, and the next kernel is correct" eval "ends_as $1 $name '$expected' && honest_follows $1 $name"
    done
}
no_control_codes() { ! LC_ALL=C grep -lP '[\x00-\x08\x0b-\x1f\x7f]' "$DIR"/*.ndjson "$DIR"/*.log; }
prepare
attacks_of on
if [ "$(uname -m)" = x86_64 ]; then attacks_of off; else echo "# kernels with system calls of their own: not tried, they are written for x86-64"; fi
check "no control code comes out" no_control_codes
names_are_harmless() { # a folder that came from somewhere
    local evil=$'\e[2J\e]0;owned\a'
    mkdir -p "$DIR/names" && honest "$DIR/names/plain" && cp "$DIR/names/plain.cl" "$DIR/names/$evil.cl" && cp "$DIR/names/plain.yaml" "$DIR/names/$evil.yaml"
    "$AGENT" check "$KERNELS/attacked.yaml" "$DIR/names" --device pocl-cpu --no-timing >"$DIR/names.out" 2>&1 || { cat -v "$DIR/names.out"; return 1; }
    printf 'kernel: x\nproblem: attacked\nsource: none.cl\n' >"$DIR/names/broken$evil.yaml"
    "$AGENT" check "$KERNELS/attacked.yaml" "$DIR/names" --device pocl-cpu --no-timing >>"$DIR/names.out" 2>&1
    cat -v "$DIR/names.out"
    [ "$(grep -c owned "$DIR/names.out")" -ge 2 ] && ! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$DIR/names.out"
}
check "files whose names hold escape codes are named without them" names_are_harmless

# --- whose agent it is --------------------------------------------------------------------------------------------------------
# Users that nobody else is, so that limits by user are not shared with other work on this machine.
USER_ID=64321
if [ "$(id -u)" -eq 0 ]; then
    mkdir -p "$DIR/bin/unit/attacks" "$DIR/bin/tools" "$DIR/user" && cp "$BUILD/portolan-agent" "$BUILD/portolan-runner" "$DIR/bin" &&
        cp "$BUILD/unit/attacks/test_sandbox" "$DIR/bin/unit/attacks" && cp "$BUILD/tools/hostile_runner" "$DIR/bin/tools" && chown -R $USER_ID "$DIR/user"
    as_user() { # COMMAND...: without rights, groups, or a home to write to
        setpriv --reuid $USER_ID --regid $USER_ID --clear-groups env HOME="$DIR/user" PORTOLAN_CACHE_DIR="$DIR/user/cache" \
            PORTOLAN_RUNTIME_DIR="$DIR/user/run" PORTOLAN_LOCK_DIR="$DIR/user/lock" "$@"
    }
    a_users_agent_works() {
        as_user "$DIR/bin/portolan-agent" check "$KERNELS/attacked.yaml" tests/attacks/kernels/honest.yaml --device pocl-cpu --no-timing 2>&1 | tee "$DIR/out"
        grep -q 'pocl-cpu: correct' "$DIR/out" && grep -qE 'sandbox (bubblewrap|process)\+seccomp' "$DIR/out"
    }
    attacks_as_a_user() { as_user ATTACKS_LEVEL="$1" timeout 100 "$DIR/bin/unit/attacks/test_sandbox"; }
    check "an agent of a user without rights works, and says its level" a_users_agent_works
    check "the attacks of tests/attacks are held for a user's agent too, a fork bomb without namespaces among them" attacks_as_a_user process
    a_rootless_container() { # one user id, which is called root
        as_user unshare --user --map-root-user "$DIR/bin/portolan-agent" check "$KERNELS/attacked.yaml" tests/attacks/kernels/honest.yaml --device pocl-cpu --no-timing 2>&1 | tee "$DIR/out"
        grep -q 'pocl-cpu: correct' "$DIR/out" && grep -qE 'sandbox (bubblewrap|process)\+seccomp' "$DIR/out"
    }
    if as_user unshare --user --map-root-user true 2>/dev/null; then
        check "so does one in a rootless container with a single user id" a_rootless_container
    else
        echo "# a rootless container: not tried, this machine makes no user namespaces for users"
    fi
else
    echo "# another user's agent: not tried, that takes root"
fi
check_done
