#!/usr/bin/env bash
# Agents of other versions against this coordinator, on Apache Kafka: one that knows the records of release 0.1 only, a made-up later
# one, and one whose protocol is too old. They are foreign programs (tests/foreign/old_agent.py), so no code of ours is on both sides.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
. tests/lib/many.sh
declare -A FOREIGN=()
finish() {
    local name
    for name in "${!FOREIGN[@]}"; do kill "${FOREIGN[$name]}" 2>/dev/null; done
    fleet_stop
    kafka_stop
}
trap finish EXIT
python_install && fleet_init && kafka_start && fleet_serve --lease-ms 5000 || exit 1

foreign() { # NODE SCHEMA_FOLDER TARGET [SWITCH...]
    local node=$1 folder=$2 target=$3
    shift 3
    "$VENV_PYTHON" tests/foreign/old_agent.py "$KAFKA_BOOTSTRAP" "$folder" "$node" "$target" "$@" >"$FLEET_DIR/$node.log" 2>&1 &
    FOREIGN[$node]=$!
}
in_service() { fleet_api /v1/nodes | holds '.nodes[] | select(.node == $n) | .ready and .state == "in_service"' --arg n "$1"; }
submit() { "$PORTOLAN" submit "$1" --json | jq -r .campaign; }
ended() { fleet_api "/v1/campaigns/$1" | holds '.state != "running"'; }
all_from() { # CAMPAIGN NODE: every cell has that node's answer
    fleet_api "/v1/campaigns/$1" | holds '(.cells | length) == 4 and all(.cells[]; .outcome == "verdict" and .verdict == "wrong_output" and .node == $n)' --arg n "$2"
}
published() { # CAMPAIGN NODE
    fleet_until 30 fleet_published && fleet_read results |
        all_hold '[.[].record | select(.campaign == $c)] | length == 4 and all(.[]; .evidence == "answered by another version" and .node == $n)' --arg c "$1" --arg n "$2"
}
nothing_unreadable() { # it says at its end what it could not read
    fleet_kill TERM "${FOREIGN[$1]}"
    ! grep '"unreadable"\|Traceback' "$FLEET_DIR/$1.log"
}
no_dead_letters() {
    local letters
    letters=$("$VENV_PYTHON" tests/foreign/read_internal.py "$KAFKA_BOOTSTRAP" portolan.deadletter schemas) && [ -z "$letters" ]
}

foreign older tests/versions/0.1 older-machine
foreign newer schemas newer-machine --newer
for node in older newer; do
    check "an agent with $node records registers and is in service" fleet_until 60 in_service $node
    CAMPAIGN=$(submit "$(many_campaign $node 4 $node-machine)")
    check "it gets tasks, and its answers are accepted" fleet_until 60 ended "$CAMPAIGN"
    check "each of them" all_from "$CAMPAIGN" $node
    check "and published" published "$CAMPAIGN" $node
    check "it could read everything that was sent to it" nothing_unreadable $node
done
check "the coordinator could use everything that they sent" no_dead_letters

foreign holding tests/versions/0.1 holding-machine --hold
fleet_until 60 in_service holding
CAMPAIGN=$(submit "$(many_campaign holding 1 holding-machine)")
check "a task is given to one that keeps it" fleet_await "$FLEET_DIR/holding.log" '"task"' "${FOREIGN[holding]}"
"$PORTOLAN" cancel "$CAMPAIGN" >/dev/null
check "a command of today is understood by the older agent" fleet_await "$FLEET_DIR/holding.log" '"command": "cancel"' "${FOREIGN[holding]}"

foreign ancient tests/versions/0.1 ancient-machine --protocol 0
refused() {
    fleet_wait_gone "${FOREIGN[ancient]}" 60
    all_hold '[.[] | .refused // empty] | length == 1 and (.[0] | test("protocol") and test("0") and test("1"))' <"$FLEET_DIR/ancient.log"
}
check "an agent whose protocol is too old is refused, and told both versions" refused
shown() { fleet_api /v1/nodes | holds '.nodes[] | select(.node == "ancient") | (.state == "refused") and (.reason | test("protocol"))'; }
check "the node is listed as refused, with the reason" fleet_until 20 shown
CAMPAIGN=$(submit "$(many_campaign ancient 1 ancient-machine)")
got_nothing() { ended "$CAMPAIGN" && ! grep -q '"task"' "$FLEET_DIR/ancient.log"; }
check "it gets no work" fleet_until 30 got_nothing
check_done
