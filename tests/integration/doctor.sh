#!/usr/bin/env bash
# portolan doctor: what it says of a machine without drivers, of wrong files, of a broker that is away, secured or without topics, and of a fleet.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${BUILD:=build}" "${DEPS_DIR:=.deps}"
export BUILD DEPS_DIR
# shellcheck source=tests/lib/check.sh
. tests/lib/check.sh
# shellcheck source=tests/lib/kafka.sh
. tests/lib/kafka.sh
# shellcheck source=tests/lib/python.sh
. tests/lib/python.sh
# shellcheck source=tests/lib/fleet.sh
. tests/lib/fleet.sh
stop_all() { fleet_stop; kafka_stop; }
trap stop_all EXIT
trap 'exit 130' INT TERM
fleet_init || exit 1
export PORTOLAN_CONFIG_DIR=$FLEET_DIR/config

# STATUS FILTER OPTIONS...: doctor --json ends with STATUS, and jq's FILTER is true of it
says() {
    local status=$1 filter=$2 rc
    shift 2
    "$PORTOLAN" doctor --json "$@" >"$FLEET_DIR/said.json" 2>"$FLEET_DIR/said.log"
    rc=$?
    cat "$FLEET_DIR/said.json" "$FLEET_DIR/said.log"
    [ $rc -eq "$status" ] || { echo "exit status $rc, not $status"; return 1; }
    holds "$filter" <"$FLEET_DIR/said.json"
}
found() { # CHECK HEALTH TEXT [FIX]: a filter
    printf '([.findings[] | select(.check == "%s" and .health == "%s" and (.text | test("%s")) and ((.fix // "") | test("%s")))] | length >= 1)' "$1" "$2" "$3" "${4:-}"
}

# --- this machine -----------------------------------------------------------------------------------------------------------
fleet_icd "$FLEET_DIR/icd/pocl" pocl && mkdir -p "$FLEET_DIR"/icd/{none,broken} && echo libnothing.so.9 >"$FLEET_DIR/icd/broken/x.icd"
with_icd() { local folder=$1; shift; OCL_ICD_VENDORS=$FLEET_DIR/icd/$folder "$@"; }
machine_is_seen() { # the clock may be warned of or not
    with_icd pocl "$PORTOLAN" doctor --only machine --json >"$FLEET_DIR/said.json"
    local rc=$?
    cat "$FLEET_DIR/said.json"
    { [ $rc -eq 0 ] || [ $rc -eq 20 ]; } && holds "$(found drivers ok pocl-cpu) and ($(found sandbox ok seccomp)
        or $(found sandbox warning seccomp)) and ($(found disk ok GiB)) and all(.findings[]; .area == \"machine\")" <"$FLEET_DIR/said.json"
}
check "a machine with a driver: device, sandbox and disk are seen" machine_is_seen
check "no driver is missing, with the command that installs one" with_icd none says 21 "$(found drivers missing 'no OpenCL driver' 'apt-get install pocl')" --only machine
check "a driver that does not load is named" with_icd broken says 21 "$(found drivers warning 'x.icd is left out' 'reinstall')" --only machine
people_read() { with_icd none "$PORTOLAN" doctor --only machine | tee /dev/stderr | grep -qE '^  missing +drivers +no OpenCL driver' && with_icd none "$PORTOLAN" doctor --only machine | grep -q '> apt-get install'; }
check "people read the same" people_read

wrong() { printf '%s\n' "$2" >"$PORTOLAN_CONFIG_DIR/$1"; }
wrong config.yaml 'prefixx: a.'
check "a key that nobody knows is found by file and line, and the doctor goes on" with_icd none says 21 "$(found config missing 'config.yaml:1:1: .prefixx' 'prefix') and ($(found disk ok GiB))" --only machine
wrong config.yaml "fleet: $FLEET_DIR/fleet.yaml"
printf 'targets:\n  - {target: A B, when: {vendor: x}}\n' >"$FLEET_DIR/fleet.yaml"
check "a wrong fleet file is found" with_icd none says 21 "$(found config missing 'fleet.yaml:2')" --only machine
wrong config.yaml '' && wrong agent.yaml 'labels: [a'
check "a wrong agent.yaml is found" with_icd none says 21 "$(found config missing 'agent.yaml')" --only machine
rm "$PORTOLAN_CONFIG_DIR"/*.yaml
check "an unknown area is refused" bash -c '"$0" doctor --only moon; [ $? -eq 2 ]' "$PORTOLAN"

# --- the broker ---------------------------------------------------------------------------------------------------------------
check "no broker named: missing" says 21 "$(found reach missing 'no broker is named' 'bootstrap.servers')" --only broker
check "a broker that is away: missing, with its address" says 21 "$(found reach missing '127.0.0.1:1' .)" --only broker --bootstrap 127.0.0.1:1
kafka_install && kafka_start || { echo "no Kafka"; exit 1; }
check "topics that are not there: each by its name, with the command" says 21 "$(found topics missing 'portolan.results' 'portolan topics .*--create')" --only broker --bootstrap "$KAFKA_BOOTSTRAP"
"$PORTOLAN" topics --bootstrap "$KAFKA_BOOTSTRAP" --create >/dev/null || exit 1
check "topics that are there: ok" says 0 "$(found topics ok 'topics are there')" --only broker --bootstrap "$KAFKA_BOOTSTRAP"
wrong agent.yaml "kafka: {bootstrap.servers: \"$KAFKA_BOOTSTRAP\"}"
check "on an agent's machine its own file says where the broker is" says 0 "$(found reach ok "$KAFKA_BOOTSTRAP")" --only broker
rm "$PORTOLAN_CONFIG_DIR/agent.yaml"

# --- the fleet --------------------------------------------------------------------------------------------------------------------
check "no coordinator here: skipped, not wrong" says 0 "$(found coordinator skipped 'no coordinator runs')" --only fleet
check "a coordinator that does not answer is missing" says 21 "$(found coordinator missing .)" --only fleet --api http://127.0.0.1:1 --token-file <(echo 0123456789)
fleet_serve --lease-ms 2000 || exit 1
check "no node: missing" says 21 "$(found nodes missing 'no node has registered' 'portolan-agent run')" --only fleet
fleet_calibrate pocl && fleet_agent one pocl && fleet_wait_nodes 1 120 || exit 1
check "a node in service: ok" says 0 "$(found nodes ok '1 of 1') and ($(found coordinator ok 'version'))" --only fleet
printf 'one\nnobody.invalid\n' >"$FLEET_DIR/inventory"
check "a host of the inventory without a node is named" says 20 "$(found inventory warning 'nobody.invalid' 'ansible/agents.yml')" --only fleet --no-probe -i "$FLEET_DIR/inventory"
check "and probed: who cannot be reached is missing" says 21 "$(found hosts missing 'nobody.invalid' .)" --only fleet --limit nobody.invalid -i "$FLEET_DIR/inventory"
printf '[a:children]\na\n' >"$FLEET_DIR/inventory"
check "a wrong inventory is missing, by its line" says 21 "$(found inventory missing 'inventory:')" --only fleet -i "$FLEET_DIR/inventory"
fleet_kill_agent one
absent() { "$PORTOLAN" nodes --json | holds '.nodes[0].state == "absent"'; }
fleet_until 60 absent
check "a node that is gone is missing, with the command that brings it back" says 21 "$(found nodes missing 'one is absent' 'ssh one sudo systemctl')" --only fleet
check_done
