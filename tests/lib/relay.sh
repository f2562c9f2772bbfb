# A relay (tests/tools/relay.c) between the fleet and the broker: sourced after kafka.sh and fleet.sh.
#   relay_start           the relay and one broker behind it; what is started afterwards (coordinator, agents) goes through it, and
#                         $KAFKA_DIRECT is the way around it, for those who judge
#   relay COMMAND...      have it do something (cut, refuse, swallow, stall, delay, bandwidth, resume, status); prints its answer
#   relay_stop            end it (fit for a trap)
RELAY_PID=
relay_start() {
    local ready
    KAFKA_RELAY_PORT=$(kafka_free_ports 1) || return 1
    kafka_start || return 1
    coproc RELAY { exec "$FLEET_BUILD/tools/relay" "$KAFKA_RELAY_PORT" "$KAFKA_RELAY_TARGET" 2>&1; }
    exec {RELAY_IN}>&"${RELAY[1]}" {RELAY_OUT}<&"${RELAY[0]}" || return 1
    read -rt 10 -u "$RELAY_OUT" ready && [[ $ready == listening:* ]] || { echo "relay: ${ready:-no answer}" >&2; return 1; }
    KAFKA_DIRECT=$KAFKA_BOOTSTRAP KAFKA_BOOTSTRAP=127.0.0.1:$KAFKA_RELAY_PORT
}
relay() {
    local answer
    echo "$*" >&"$RELAY_IN" && read -rt 10 -u "$RELAY_OUT" answer && [[ $answer == "$*":* ]] || { echo "relay $*: ${answer:-no answer}" >&2; return 1; }
    echo "$answer"
}
relay_stop() {
    [ -z "$RELAY_PID" ] || { kill "$RELAY_PID" 2>/dev/null; wait "$RELAY_PID" 2>/dev/null; }
    RELAY_PID=
}
