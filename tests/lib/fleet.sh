# A coordinator and agents for tests: sourced after check.sh, kafka.sh and python.sh. Everything lives in $FLEET_DIR, a temporary folder; what
# was measured of the devices and what was compiled stays in the build folder, so that only the first script waits for it.
#   fleet_init                    the folder and the environment (PORTOLAN_STATE_DIR, ...)
#   fleet_icd FOLDER DRIVER       a folder of .icd files with one driver (pocl, rusticl, intel) in it
#   fleet_calibrate DRIVER...     measure the drivers one after the other, before anything else runs
#   fleet_serve [ARGS...]         start a coordinator on $KAFKA_BOOTSTRAP, remember its arguments; returns when its API answers;
#                                 sets FLEET_COORDINATOR. FLEET_PORT: the API's port (default: any)
#   fleet_agent NAME DRIVER [ENV=VALUE...]  start an agent; sets FLEET_AGENT[NAME], FLEET_DRIVER[NAME]
#                                 FLEET_AGENT_ARGS: further arguments of all agents that are started
#   fleet_wait_nodes N [SECONDS]  until N nodes are in service
#   fleet_until SECONDS COMMAND   until the command succeeds; for what no event announces to a shell
#   fleet_await FILE PATTERN PID [SECONDS]  until a line of FILE matches, while process PID lives
#   fleet_api PATH                GET from the coordinator
#   fleet_kill SIGNAL PID         and wait until it is gone; fleet_kill_agent NAME also says which of its runners outlived it
#   fleet_planned CAMPAIGN...     ids of the planned tasks, one a line
#   fleet_judge MODE PLANNED      read `results` as a stranger and judge them (judge_results.py)
#   fleet_stop                    end all and remove the folder (fit for a trap); FLEET_KEEP=1 keeps it
declare -A FLEET_AGENT=() FLEET_DRIVER=()
FLEET_COORDINATOR=
FLEET_PORT=0
FLEET_ARGS=()
FLEET_AGENT_ARGS=()
FLEET_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
FLEET_BUILD=$(cd "$FLEET_ROOT" && cd "${BUILD:-build}" && pwd)
PORTOLAN=$FLEET_BUILD/portolan
PORTOLAN_AGENT=$FLEET_BUILD/portolan-agent

fleet_init() {
    FLEET_DIR=$(mktemp -d "${TMPDIR:-/tmp}/portolan-test.XXXXXX") || return 1
    mkdir -p "$FLEET_DIR"/{state,runtime,config,icd,locks} "$FLEET_BUILD/fleet-cache"
    chmod 755 "$FLEET_DIR"
    export PORTOLAN_STATE_DIR=$FLEET_DIR/state PORTOLAN_RUNTIME_DIR=$FLEET_DIR/runtime PORTOLAN_CACHE_DIR=$FLEET_BUILD/fleet-cache
    export PORTOLAN_LOCK_DIR=$FLEET_DIR/locks XDG_CONFIG_HOME=$FLEET_DIR/config PORTOLAN_SHARE=${PORTOLAN_SHARE:-$FLEET_ROOT}
}

# Wait up to SECONDS for a condition that no event announces to a shell.
fleet_until() {
    local limit=$1 end
    shift
    end=$((SECONDS + limit))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { printf 'not within %d s: %s\n' "$limit" "$*" >&2; return 1; }
        read -rt 0.1 <> <(:) || :
    done
}
fleet_await() { timeout "${4:-60}" tail -s 0.05 -n +1 --pid="$3" -f "$1" 2>/dev/null | grep -q -m1 -E -- "$2"; }

# --- devices --------------------------------------------------------------------------------------------------------
fleet_icd() {
    local from=/etc/OpenCL/vendors/$2.icd
    [ "$2" = intel ] && from=$DEPS_DIR/intel/icd/intel.icd
    mkdir -p "$1" && cp "$from" "$1/$2.icd"
}

# What a busy machine measures is not kept by the agent: for tests it is good enough, and agents must not measure at each start.
fleet_keep_calibration() {
    local device file
    while read -r device; do
        file=$PORTOLAN_CACHE_DIR/devices/$(jq -r .fingerprint <<<"$device").json
        [ -e "$file" ] && continue
        mkdir -p "${file%/*}" && jq '{version: 1, copy_gbps, fma_gflops, launch_us, event_times}' <<<"$device" >"$file"
    done
}
fleet_calibrate() {
    local driver found
    for driver in "$@"; do
        fleet_icd "$FLEET_DIR/icd/calibrate-$driver" "$driver" || return 1
        found=$(OCL_ICD_VENDORS=$FLEET_DIR/icd/calibrate-$driver "$PORTOLAN_AGENT" devices --measure --json 2>>"$FLEET_DIR/calibrate.log") ||
            { tail -n 5 "$FLEET_DIR/calibrate.log" >&2; return 1; }
        jq -c '.[]' <<<"$found" | fleet_keep_calibration
    done
}

# --- coordinator ----------------------------------------------------------------------------------------------------
fleet_serve() {
    FLEET_ARGS=("$@")
    fleet_serve_again
}
fleet_serve_again() {
    "$PORTOLAN" serve --port "$FLEET_PORT" --bootstrap "$KAFKA_BOOTSTRAP" "${FLEET_ARGS[@]}" >>"$FLEET_DIR/coordinator.log" 2>&1 &
    FLEET_COORDINATOR=$!
    disown "$FLEET_COORDINATOR"
    fleet_until 30 fleet_api_answers || { tail -n 30 "$FLEET_DIR/coordinator.log" >&2; return 1; }
}
# The file of a coordinator that was killed names a process that is gone.
fleet_api_answers() { [ "$(jq .pid "$FLEET_DIR/runtime/coordinator.json")" = "$FLEET_COORDINATOR" ] && fleet_api /v1/health; }
fleet_api() {
    curl -sS --fail-with-body --noproxy '*' --max-time 20 -H "Authorization: Bearer $(head -n 1 "$FLEET_DIR/state/token")" \
        "$(jq -r .api "$FLEET_DIR/runtime/coordinator.json")$1"
}

# --- agents ---------------------------------------------------------------------------------------------------------
fleet_agent() {
    local name=$1 driver=$2
    shift 2
    [ -d "$FLEET_DIR/icd/$name" ] || fleet_icd "$FLEET_DIR/icd/$name" "$driver" || return 1
    env OCL_ICD_VENDORS="$FLEET_DIR/icd/$name" "$@" "$PORTOLAN_AGENT" run --node "$name" --bootstrap "$KAFKA_BOOTSTRAP" "${FLEET_AGENT_ARGS[@]}" \
        >>"$FLEET_DIR/agent-$name.log" 2>&1 &
    FLEET_AGENT[$name]=$!
    FLEET_DRIVER[$name]=$driver
    disown "${FLEET_AGENT[$name]}"
}
fleet_nodes_in_service() {
    fleet_api /v1/nodes | jq '[.nodes[] | select(.ready and .state == "in_service" and (.devices | length) > 0)] | length'
}
fleet_has_nodes() { [ "$(fleet_nodes_in_service)" -ge "$1" ]; }
fleet_wait_nodes() {
    fleet_until "${2:-90}" fleet_has_nodes "$1" && return 0
    tail -n 15 "$FLEET_DIR"/agent-*.log "$FLEET_DIR/coordinator.log" >&2
    return 1
}

# --- ends -----------------------------------------------------------------------------------------------------------
fleet_wait_gone() { timeout "${2:-30}" tail -s 0.02 --pid="$1" -f /dev/null; }
fleet_kill() {
    kill "-$1" "$2" 2>/dev/null || return 0
    fleet_wait_gone "$2"
}
fleet_descendants() {
    local child
    for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do
        echo "$child"
        fleet_descendants "$child"
    done
}
# Kill an agent; then its runners must be gone, too. Stopped for the instant in which they are listed: none is missed.
fleet_kill_agent() {
    local pid=${FLEET_AGENT[$1]} runners runner
    kill -STOP "$pid" || return 1
    runners=$(fleet_descendants "$pid")
    fleet_kill KILL "$pid"
    for runner in $runners; do
        fleet_wait_gone "$runner" 5 || { echo "runner $runner of agent $1 lives on: $(tr '\0' ' ' </proc/"$runner"/cmdline)" >&2; return 1; }
    done
}
fleet_agent_again() { fleet_agent "$1" "${FLEET_DRIVER[$1]}"; }

fleet_stop() {
    local name
    for name in "${!FLEET_AGENT[@]}"; do kill -CONT "${FLEET_AGENT[$name]}" 2>/dev/null; kill -TERM "${FLEET_AGENT[$name]}" 2>/dev/null; done
    for name in "${!FLEET_AGENT[@]}"; do
        fleet_wait_gone "${FLEET_AGENT[$name]}" 15 || kill -9 "${FLEET_AGENT[$name]}" 2>/dev/null
    done
    FLEET_AGENT=()
    [ -z "$FLEET_COORDINATOR" ] || fleet_kill TERM "$FLEET_COORDINATOR" || kill -9 "$FLEET_COORDINATOR" 2>/dev/null
    FLEET_COORDINATOR=
    [ -z "${FLEET_KEEP:-}" ] && [ -n "${FLEET_DIR:-}" ] && rm -rf "$FLEET_DIR"
    return 0
}

# --- campaigns and results ------------------------------------------------------------------------------------------
# A cell without a device was never sent, so there is no result to expect of it; a promotion's is a revision of its parent's.
fleet_planned() {
    local campaign
    for campaign in "$@"; do
        fleet_api "/v1/campaigns/$campaign" | jq -r '.cells[] | select(.state != "no_device" and .state != "waiting" and .purpose != "promotion") | .task'
    done
}
# Records of a public topic, by confluent-kafka and fastavro, one JSON object a line.
fleet_read() {
    "$VENV_PYTHON" tests/foreign/read_results.py "$KAFKA_BOOTSTRAP" "portolan.$1" "$(jq -r .api "$FLEET_DIR/runtime/coordinator.json")" \
        "$FLEET_DIR/state/token"
}
fleet_published() { fleet_api /v1/health | holds '.outbox == 0'; }
fleet_judge() {
    fleet_until 30 fleet_published && fleet_read results >"$FLEET_DIR/results.ndjson" &&
        "$VENV_PYTHON" tests/foreign/judge_results.py "$FLEET_DIR/results.ndjson" "$2" "$1"
}
