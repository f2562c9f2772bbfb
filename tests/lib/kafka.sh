# Apache Kafka for tests: sourced, not run. Needs java and mvn; installs into $DEPS_DIR/kafka (default .deps).
#
#   kafka_install              the jars that tests/kafka/pom.xml pins; quick when they are there
#   kafka_start [N]            N brokers (default 1, KRaft, data in a temporary folder, ports given by the kernel), ready
#                              when it returns; sets KAFKA_BOOTSTRAP, KAFKA_HOME_DIR and the array KAFKA_PIDS
#   kafka_kill I               kill -9 broker I (from 0)
#   kafka_restart I            start broker I again on its port and data, ready when it returns
#   kafka_stop                 kill all of them and remove their data (also fit for a trap)
#   kafka_run CLASS ARGS...    one of Kafka's own tools, e.g. kafka_run org.apache.kafka.tools.TopicCommand --list ...
#
#   kafka_secure FOLDER USER=PASSWORD...   the next kafka_start is of one broker that speaks TLS only and lets nobody do anything without
#                              an ACL: FOLDER has its certificates (below); users of SCRAM-SHA-512 and PLAIN. Sets then also KAFKA_SASL, KAFKA_EXPIRED
#
# A secured broker reads FOLDER/ca.pem (whom it trusts), broker.store.pem (CN=broker: the only super user) and expired.store.pem.
# KAFKA_BOOTSTRAP is its listener for client certificates, KAFKA_SASL the one for passwords, KAFKA_EXPIRED one whose certificate is over.
# KAFKA_ADDRESS is where they listen (default 127.0.0.1).
#
# With KAFKA_RELAY_PORT set, a broker has a second listener, which advertises that port: who bootstraps from there stays there. It
# listens on KAFKA_RELAY_TARGET (tests/lib/relay.sh puts tests/tools/relay.c in between). One broker only.
#
# KAFKA_PROPERTIES may hold further lines for server.properties; KAFKA_HEAP (default 512m) the heap of each broker.

KAFKA_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
DEPS_DIR=${DEPS_DIR:-$KAFKA_ROOT/.deps}
case $DEPS_DIR in /*) ;; *) DEPS_DIR=$KAFKA_ROOT/$DEPS_DIR ;; esac
KAFKA_PIDS=()
KAFKA_PORTS=()
KAFKA_HOME_DIR=
KAFKA_BOOTSTRAP=

kafka_say() { printf 'kafka: %s\n' "$*" >&2; }

kafka_install() {
    local want stamp=$DEPS_DIR/kafka/installed
    want=$(sha256sum <"$KAFKA_ROOT/tests/kafka/pom.xml") || return 1
    mkdir -p "$DEPS_DIR" || return 1
    (   # one installer at a time: test scripts may run side by side
        flock 9 || exit 1
        [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] && exit 0
        command -v mvn >/dev/null || { kafka_say 'mvn is missing'; exit 1; }
        rm -rf "$DEPS_DIR/kafka" && mkdir -p "$DEPS_DIR/kafka" || exit 1
        mvn -q -B -Dstyle.color=never -f "$KAFKA_ROOT/tests/kafka/pom.xml" \
            org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
            -DoutputDirectory="$DEPS_DIR/kafka/libs" >&2 || { kafka_say 'mvn could not fetch the jars'; exit 1; }
        printf '%s\n' "$want" >"$stamp"
    ) 9>"$DEPS_DIR/kafka.lock"
}

kafka_run() { java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$DEPS_DIR/kafka/libs/*" "$@"; }

# N ports that were free a moment ago, all different.
kafka_free_ports() {
    python3 - "$1" <<'PY'
import socket, sys
held = []
for _ in range(int(sys.argv[1])):
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    held.append(s)
print(*[s.getsockname()[1] for s in held])
PY
}

KAFKA_SECURE=
KAFKA_USERS=()
kafka_secure() {
    KAFKA_SECURE=$1
    shift
    KAFKA_USERS=("$@")
}
kafka_secure_addresses() {
    local at=${KAFKA_ADDRESS:-127.0.0.1}
    KAFKA_BOOTSTRAP=$at:${KAFKA_PORTS[0]} KAFKA_SASL=$at:${KAFKA_PORTS[2]} KAFKA_EXPIRED=$at:${KAFKA_PORTS[3]}
}
# Replaces the plain listeners: what comes later in a properties file counts.
kafka_secure_properties() {
    local p=("${KAFKA_PORTS[@]}") at=${KAFKA_ADDRESS:-127.0.0.1} user
    cat <<EOF
listeners=MTLS://$at:${p[0]},PASSWORD://$at:${p[2]},EXPIRED://$at:${p[3]},CONTROLLER://127.0.0.1:${p[1]}
advertised.listeners=MTLS://$at:${p[0]},PASSWORD://$at:${p[2]},EXPIRED://$at:${p[3]}
listener.security.protocol.map=MTLS:SSL,PASSWORD:SASL_SSL,EXPIRED:SSL,CONTROLLER:SSL
inter.broker.listener.name=MTLS
ssl.client.auth=required
listener.name.password.ssl.client.auth=none
ssl.keystore.type=PEM
ssl.keystore.location=$KAFKA_SECURE/broker.store.pem
listener.name.expired.ssl.keystore.location=$KAFKA_SECURE/expired.store.pem
ssl.truststore.type=PEM
ssl.truststore.location=$KAFKA_SECURE/ca.pem
sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN
listener.name.password.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required $(
        for user in "${KAFKA_USERS[@]}"; do printf 'user_%s="%s" ' "${user%%=*}" "${user#*=}"; done);
listener.name.password.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:CN=broker
EOF
}
kafka_format_users() {
    local user
    [ -z "$KAFKA_SECURE" ] || for user in "${KAFKA_USERS[@]}"; do
        printf '%s\n' --add-scram "SCRAM-SHA-512=[name=${user%%=*},password=${user#*=}]"
    done
}

kafka_write_config() { # index, brokers, voters
    local i=$1 n=$2 voters=$3 replicas=$2 isr=1
    [ "$n" -gt 1 ] && isr=2
    [ "$replicas" -gt 3 ] && replicas=3
    cat >"$KAFKA_HOME_DIR/$i.properties" <<EOF
process.roles=broker,controller
node.id=$((i + 1))
controller.quorum.voters=$voters
listeners=PLAINTEXT://127.0.0.1:${KAFKA_PORTS[i]},CONTROLLER://127.0.0.1:${KAFKA_PORTS[n + i]}
advertised.listeners=PLAINTEXT://127.0.0.1:${KAFKA_PORTS[i]}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$KAFKA_HOME_DIR/data$i
default.replication.factor=$replicas
min.insync.replicas=$isr
offsets.topic.replication.factor=$replicas
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=$isr
transaction.state.log.num.partitions=4
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
${KAFKA_PROPERTIES:-}
EOF
    # Of two lines for one property the last one counts.
    [ -z "${KAFKA_RELAY_PORT:-}" ] || cat >>"$KAFKA_HOME_DIR/$i.properties" <<EOF
listeners=PLAINTEXT://127.0.0.1:${KAFKA_PORTS[i]},CONTROLLER://127.0.0.1:${KAFKA_PORTS[n + i]},RELAY://127.0.0.1:$KAFKA_RELAY_TARGET
advertised.listeners=PLAINTEXT://127.0.0.1:${KAFKA_PORTS[i]},RELAY://127.0.0.1:$KAFKA_RELAY_PORT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,RELAY:PLAINTEXT
EOF
    [ -z "$KAFKA_SECURE" ] || kafka_secure_properties >>"$KAFKA_HOME_DIR/$i.properties"
}

# Launch broker I and return when it says that it serves. Fails when it ends before, or after 60 s.
kafka_launch() {
    local i=$1 log pid
    log=$KAFKA_HOME_DIR/$i.log
    : >"$log"
    java -Xmx"${KAFKA_HEAP:-512m}" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$DEPS_DIR/kafka/libs/*" \
        kafka.Kafka "$KAFKA_HOME_DIR/$i.properties" >"$log" 2>&1 </dev/null &
    pid=$!
    disown "$pid"
    KAFKA_PIDS[i]=$pid
}

kafka_wait_ready() {
    local i=$1
    # Not a pipeline: tail dies of SIGPIPE when grep has seen enough, which a caller's pipefail would call a failure.
    grep -q -m1 'Kafka Server started' \
        < <(exec timeout 60 tail -n +1 --pid="${KAFKA_PIDS[i]}" -f "$KAFKA_HOME_DIR/$i.log" 2>/dev/null) && return 0
    kafka_say "broker $i did not start; the end of its log:"
    tail -n 15 "$KAFKA_HOME_DIR/$i.log" >&2
    return 1
}

kafka_start_once() {
    local n=$1 i voters= id users
    KAFKA_HOME_DIR=$(mktemp -d "${TMPDIR:-/tmp}/kafka.XXXXXX") || return 1
    read -r -a KAFKA_PORTS <<<"$(kafka_free_ports $((2 * n + 2)))"
    KAFKA_RELAY_TARGET=${KAFKA_PORTS[2 * n]}
    KAFKA_PIDS=() KAFKA_BOOTSTRAP=
    for ((i = 0; i < n; i++)); do
        voters+=${voters:+,}$((i + 1))@127.0.0.1:${KAFKA_PORTS[n + i]}
        KAFKA_BOOTSTRAP+=${KAFKA_BOOTSTRAP:+,}127.0.0.1:${KAFKA_PORTS[i]}
    done
    id=$(python3 -c 'import base64, uuid; print(base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="))')
    case $id in -*) id=A${id#-} ;; esac # a leading dash would read as an option
    [ -z "$KAFKA_SECURE" ] || kafka_secure_addresses
    mapfile -t users < <(kafka_format_users)
    for ((i = 0; i < n; i++)); do
        kafka_write_config "$i" "$n" "$voters"
        kafka_run kafka.tools.StorageTool format -t "$id" -c "$KAFKA_HOME_DIR/$i.properties" "${users[@]}" \
            >"$KAFKA_HOME_DIR/format.log" 2>&1 || { cat "$KAFKA_HOME_DIR/format.log" >&2; return 1; }
    done
    for ((i = 0; i < n; i++)); do kafka_launch "$i"; done
    for ((i = 0; i < n; i++)); do kafka_wait_ready "$i" || return 1; done
}

kafka_start() {
    local try
    kafka_install || return 1
    for try in 1 2 3; do # another process may have taken a port between our look and Kafka's bind
        kafka_start_once "${1:-1}" && return 0
        kafka_say "start $try of 3 failed"
        kafka_stop
    done
    return 1
}

kafka_kill() {
    local pid=${KAFKA_PIDS[$1]:-}
    [ -n "$pid" ] || return 0
    kill -9 "$pid" 2>/dev/null
    tail --pid="$pid" -f /dev/null # until it is gone, whoever its parent is
    KAFKA_PIDS[$1]=
}

kafka_restart() {
    kafka_kill "$1"
    kafka_launch "$1" && kafka_wait_ready "$1"
}

kafka_stop() {
    local i
    for i in "${!KAFKA_PIDS[@]}"; do kafka_kill "$i"; done
    KAFKA_PIDS=()
    [ -n "$KAFKA_HOME_DIR" ] && rm -rf "$KAFKA_HOME_DIR"
    KAFKA_HOME_DIR=
}
