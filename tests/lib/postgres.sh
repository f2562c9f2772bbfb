# PostgreSQL for tests: sourced after kafka.sh (kafka_free_ports). Debian's `postgresql`, a cluster of its own in a temporary folder. It does not
# run as root: as root, the user `postgres` runs it.
#
#   postgres_start              ready when it returns. Sets POSTGRES_PORT; user and database are `portolan`, the password is `secret`
#   postgres_json QUERY         rows of a query as JSON, one a line
#   postgres_stop               fit for a trap
POSTGRES_DIR=
POSTGRES_PORT=

postgres_as() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && exec setpriv --reuid postgres --regid postgres --init-groups env HOME="$POSTGRES_DIR" "$@")
    else
        "$@"
    fi
}

postgres_start() {
    local bin
    bin=$(find /usr/lib/postgresql/*/bin -name initdb -printf '%h\n' 2>/dev/null | sort -V | tail -n 1)
    [ -n "$bin" ] || { echo 'postgres: Debian package postgresql is missing' >&2; return 1; }
    POSTGRES_DIR=$(mktemp -d "${TMPDIR:-/tmp}/postgres.XXXXXX") && POSTGRES_PORT=$(kafka_free_ports 1) || return 1
    echo secret >"$POSTGRES_DIR/password"
    [ "$(id -u)" -ne 0 ] || chown -R postgres: "$POSTGRES_DIR" || return 1
    postgres_as "$bin/initdb" -D "$POSTGRES_DIR/data" -U portolan --pwfile="$POSTGRES_DIR/password" -A scram-sha-256 --no-sync >"$POSTGRES_DIR/initdb.log" 2>&1 &&
        postgres_as "$bin/pg_ctl" -D "$POSTGRES_DIR/data" -w -t 120 -l "$POSTGRES_DIR/data/log" \
            -o "-p $POSTGRES_PORT -c listen_addresses=127.0.0.1 -c unix_socket_directories=$POSTGRES_DIR -c fsync=off" start >"$POSTGRES_DIR/data/start.log" 2>&1 &&
        postgres_sql postgres 'CREATE DATABASE portolan' >/dev/null && return 0
    tail -n 10 "$POSTGRES_DIR/initdb.log" "$POSTGRES_DIR"/data/*log >&2
    return 1
}

postgres_sql() { PGPASSWORD=secret psql -X -q -A -t -h 127.0.0.1 -p "$POSTGRES_PORT" -U portolan -d "$1" -v ON_ERROR_STOP=1 -c "$2"; }
postgres_json() { postgres_sql portolan "SELECT row_to_json(r) FROM ($1) r"; }

postgres_stop() {
    local pid
    [ -n "$POSTGRES_DIR" ] || return 0
    if pid=$(head -n 1 "$POSTGRES_DIR/data/postmaster.pid" 2>/dev/null); then
        kill -INT "$pid" 2>/dev/null
        timeout 30 tail --pid="$pid" -f /dev/null || kill -9 "$pid"
    fi
    rm -rf "$POSTGRES_DIR"
    POSTGRES_DIR=
}
