# A coordinator and agents for tests: sourced after kafka.sh and python.sh. Everything lives in $FLEET_DIR, a temporary folder.
#   fleet_init                    the folder and the environment (PORTOLAN_STATE_DIR, ...)
#   fleet_serve [ARGS...]         start a coordinator on $KAFKA_BOOTSTRAP; returns when its API answers; sets FLEET_COORDINATOR
#   fleet_agent NAME DRIVER       start an agent (drivers: pocl, rusticl, intel); sets FLEET_AGENT[NAME]
#   fleet_wait_nodes N            until N nodes are in service
#   fleet_stop                    end all and remove the folder (fit for a trap)
declare -A FLEET_AGENT=()
FLEET_COORDINATOR=
FLEET_BUILD=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && cd "${BUILD:-build}" && pwd)
PORTOLAN=$FLEET_BUILD/portolan
PORTOLAN_AGENT=$FLEET_BUILD/portolan-agent

fleet_init() {
    FLEET_DIR=$(mktemp -d "${TMPDIR:-/tmp}/portolan-test.XXXXXX") || return 1
    mkdir -p "$FLEET_DIR"/{state,runtime,cache,config}
    export PORTOLAN_STATE_DIR=$FLEET_DIR/state PORTOLAN_RUNTIME_DIR=$FLEET_DIR/runtime PORTOLAN_CACHE_DIR=$FLEET_DIR/cache
    export XDG_CONFIG_HOME=$FLEET_DIR/config
}

# Wait up to SECONDS for a condition that no event announces to a shell.
fleet_until() {
    local limit=$1 end
    shift
    end=$((SECONDS + limit))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        read -rt 0.1 <> <(:) || :
    done
}

fleet_serve() {
    rm -f "$FLEET_DIR/runtime/coordinator.json"
    "$PORTOLAN" serve --port 0 --bootstrap "$KAFKA_BOOTSTRAP" "$@" >>"$FLEET_DIR/coordinator.log" 2>&1 &
    FLEET_COORDINATOR=$!
    disown "$FLEET_COORDINATOR"
    fleet_until 30 fleet_api_answers || { tail -n 30 "$FLEET_DIR/coordinator.log" >&2; return 1; }
}
fleet_api_answers() { "$PORTOLAN" nodes --json; }

fleet_agent() {
    local name=$1 driver=$2 env=()
    case $driver in
    intel) mapfile -t env < <(intel_env) ;;
    rusticl) env=(RUSTICL_ENABLE=llvmpipe) ;;
    esac
    env "${env[@]}" "$PORTOLAN_AGENT" run --node "$name" --driver "$driver" --bootstrap "$KAFKA_BOOTSTRAP" \
        >>"$FLEET_DIR/agent-$name.log" 2>&1 &
    FLEET_AGENT[$name]=$!
    disown "${FLEET_AGENT[$name]}"
}

fleet_nodes_in_service() { "$PORTOLAN" nodes --json | jq '[.nodes[] | select(.ready and .state == "in_service")] | length'; }
fleet_has_nodes() { [ "$(fleet_nodes_in_service)" -ge "$1" ]; }
fleet_wait_nodes() {
    fleet_until "${2:-90}" fleet_has_nodes "$1" && return 0
    tail -n 15 "$FLEET_DIR"/agent-*.log >&2
    return 1
}

fleet_kill() { # SIGNAL PID: and wait until it is gone
    kill "-$1" "$2" 2>/dev/null || return 0
    timeout 30 tail --pid="$2" -f /dev/null
}

fleet_stop() {
    local name
    for name in "${!FLEET_AGENT[@]}"; do kill -TERM "${FLEET_AGENT[$name]}" 2>/dev/null; done
    for name in "${!FLEET_AGENT[@]}"; do
        timeout 15 tail --pid="${FLEET_AGENT[$name]}" -f /dev/null || kill -9 "${FLEET_AGENT[$name]}" 2>/dev/null
    done
    FLEET_AGENT=()
    [ -z "$FLEET_COORDINATOR" ] || fleet_kill TERM "$FLEET_COORDINATOR"
    FLEET_COORDINATOR=
    [ -z "${FLEET_KEEP:-}" ] && [ -n "${FLEET_DIR:-}" ] && rm -rf "$FLEET_DIR"
    return 0
}
