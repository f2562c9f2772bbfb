# Apicurio Registry for tests: sourced after kafka.sh (which has kafka_free_ports). Needs java and mvn; installs into $DEPS_DIR/apicurio.
#
#   apicurio_install        the version below; quick when it is there
#   apicurio_start          in memory, on a port that APICURIO_PORT names or the kernel gives; ready when it returns. Sets APICURIO_PORT,
#                           APICURIO_URL (Confluent's API) and APICURIO_PID
#   apicurio_stop           fit for a trap
APICURIO_VERSION=2.6.13.Final
APICURIO_PID=
APICURIO_PORT=
APICURIO_LOG=

apicurio_install() {
    mkdir -p "$DEPS_DIR" || return 1
    (
        flock 9 || exit 1
        [ "$(cat "$DEPS_DIR/apicurio/installed" 2>/dev/null)" = "$APICURIO_VERSION" ] && exit 0
        command -v mvn >/dev/null || { echo 'apicurio: mvn is missing' >&2; exit 1; }
        rm -rf "$DEPS_DIR/apicurio" && mkdir -p "$DEPS_DIR/apicurio" || exit 1
        mvn -q -B -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:3.6.1:get -Dtransitive=false \
            -Dartifact=io.apicurio:apicurio-registry-app:$APICURIO_VERSION:tar.gz:all >&2 &&
            mvn -q -B -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy -DoutputDirectory="$DEPS_DIR/apicurio" \
                -Dartifact=io.apicurio:apicurio-registry-app:$APICURIO_VERSION:tar.gz:all >&2 || exit 1
        tar -xzf "$DEPS_DIR"/apicurio/*.tar.gz -C "$DEPS_DIR/apicurio" && rm "$DEPS_DIR"/apicurio/*.tar.gz || exit 1
        printf '%s\n' "$APICURIO_VERSION" >"$DEPS_DIR/apicurio/installed"
    ) 9>"$DEPS_DIR/apicurio.lock"
}

apicurio_answers() { curl -sf --noproxy '*' --max-time 5 "$APICURIO_URL/subjects" >/dev/null; }

apicurio_start() {
    local end=$((SECONDS + 300))
    apicurio_install || return 1
    [ -n "$APICURIO_PORT" ] || APICURIO_PORT=$(kafka_free_ports 1)
    APICURIO_URL=http://127.0.0.1:$APICURIO_PORT/apis/ccompat/v7
    APICURIO_LOG=$(mktemp "${TMPDIR:-/tmp}/apicurio.XXXXXX") || return 1
    java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port="$APICURIO_PORT" \
        -jar "$(find "$DEPS_DIR/apicurio" -name '*-runner.jar' | head -n 1)" >"$APICURIO_LOG" 2>&1 </dev/null &
    APICURIO_PID=$!
    disown "$APICURIO_PID"
    until apicurio_answers; do
        if ! kill -0 "$APICURIO_PID" 2>/dev/null || [ $SECONDS -ge $end ]; then
            echo 'apicurio: it did not start; the end of its log:' >&2
            tail -n 15 "$APICURIO_LOG" >&2
            return 1
        fi
        read -rt 0.2 <> <(:) || :
    done
}

apicurio_stop() {
    if [ -n "$APICURIO_PID" ]; then
        kill "$APICURIO_PID" 2>/dev/null
        tail --pid="$APICURIO_PID" -f /dev/null
    fi
    APICURIO_PID=
    [ -z "$APICURIO_LOG" ] || rm -f "$APICURIO_LOG"
}
