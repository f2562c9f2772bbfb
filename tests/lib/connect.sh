# Kafka Connect for tests: sourced after kafka.sh (kafka_free_ports). Needs java and mvn; installs into $DEPS_DIR/connect what
# tests/kafka/connect.xml pins.
#
#   connect_install             quick when it is there
#   connect_start               a standalone worker on $KAFKA_BOOTSTRAP, without connectors; ready when it returns. Sets CONNECT_URL, CONNECT_DIR
#                               and CONNECT_PID. Configurations may name ${file:FILE:KEY}
#   connect_post FILE           give it a connector ({"name", "config"}); "-" reads stdin
#   connect_delete NAME         stop a connector and forget it
#   connect_runs NAME           do the connector and each of its tasks run?
#   connect_stop                fit for a trap
CONNECT_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CONNECT_PID=
CONNECT_DIR=
CONNECT_URL=

connect_install() {
    local want
    want=$(sha256sum <"$CONNECT_ROOT/tests/kafka/connect.xml") || return 1
    mkdir -p "$DEPS_DIR" || return 1
    (
        flock 9 || exit 1
        [ "$(cat "$DEPS_DIR/connect/installed" 2>/dev/null)" = "$want" ] && exit 0
        command -v mvn >/dev/null || { echo 'connect: mvn is missing' >&2; exit 1; }
        rm -rf "$DEPS_DIR/connect" && mkdir -p "$DEPS_DIR/connect" || exit 1
        mvn -q -B -Dstyle.color=never -f "$CONNECT_ROOT/tests/kafka/connect.xml" \
            org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies -DincludeScope=runtime \
            -DoutputDirectory="$DEPS_DIR/connect/libs" >&2 || { echo 'connect: mvn could not fetch the jars' >&2; exit 1; }
        printf '%s\n' "$want" >"$DEPS_DIR/connect/installed"
    ) 9>"$DEPS_DIR/connect.lock"
}

connect_answers() { curl -sf --noproxy '*' --max-time 5 "$CONNECT_URL/connectors" >/dev/null; }

connect_start() {
    local end=$((SECONDS + 300)) port
    port=$(kafka_free_ports 1)
    CONNECT_URL=http://127.0.0.1:$port
    CONNECT_DIR=$(mktemp -d "${TMPDIR:-/tmp}/connect.XXXXXX") || return 1
    cat >"$CONNECT_DIR/worker.properties" <<X
bootstrap.servers=$KAFKA_BOOTSTRAP
listeners=$CONNECT_URL
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
offset.storage.file.filename=$CONNECT_DIR/offsets
offset.flush.interval.ms=500
plugin.discovery=only_scan
config.providers=file
config.providers.file.class=org.apache.kafka.common.config.provider.FileConfigProvider
X
    java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$DEPS_DIR/connect/libs/*" \
        org.apache.kafka.connect.cli.ConnectStandalone "$CONNECT_DIR/worker.properties" >"$CONNECT_DIR/log" 2>&1 </dev/null &
    CONNECT_PID=$!
    disown "$CONNECT_PID"
    until connect_answers; do
        if ! kill -0 "$CONNECT_PID" 2>/dev/null || [ $SECONDS -ge $end ]; then
            echo 'connect: it did not start; the end of its log:' >&2
            tail -n 15 "$CONNECT_DIR/log" >&2
            return 1
        fi
        read -rt 0.2 <> <(:) || :
    done
}

connect_post() { curl -sS --fail-with-body --noproxy '*' --max-time 60 -H 'Content-Type: application/json' --data @"$1" "$CONNECT_URL/connectors"; }

connect_delete() { curl -sS --fail-with-body --noproxy '*' --max-time 60 -X DELETE "$CONNECT_URL/connectors/$1"; }

connect_status() { curl -sf --noproxy '*' --max-time 5 "$CONNECT_URL/connectors/$1/status"; }
connect_runs() { connect_status "$1" | jq -n -e 'input | .connector.state == "RUNNING" and (.tasks | length > 0 and all(.[]; .state == "RUNNING"))'; }

connect_stop() {
    if [ -n "$CONNECT_PID" ]; then
        kill "$CONNECT_PID" 2>/dev/null
        timeout 30 tail --pid="$CONNECT_PID" -f /dev/null || kill -9 "$CONNECT_PID" 2>/dev/null
    fi
    CONNECT_PID=
    [ -z "$CONNECT_DIR" ] || rm -rf "$CONNECT_DIR"
    CONNECT_DIR=
}
