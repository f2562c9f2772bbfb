# npm packages for tests: sourced, not run. Installs what tests/foreign/npm/package-lock.json pins into $DEPS_DIR/node; quick when it is there.
#
#   node_install          $DEPS_DIR/node/node_modules: kafkajs and its schema registry client
#   node_run FILE ARGS... runs a program with them, NODE_LIMIT_S seconds (120) at most
NODE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
DEPS_DIR=${DEPS_DIR:-$NODE_ROOT/.deps}
case $DEPS_DIR in /*) ;; *) DEPS_DIR=$NODE_ROOT/$DEPS_DIR ;; esac

node_install() {
    local folder=$DEPS_DIR/node want log
    want=$(cat "$NODE_ROOT"/tests/foreign/npm/*.json | sha256sum) || return 1
    mkdir -p "$DEPS_DIR" || return 1
    (
        flock 9 || exit 1
        [ "$(cat "$folder/installed" 2>/dev/null)" = "$want" ] && exit 0
        command -v npm >/dev/null || { echo 'node: npm is missing' >&2; exit 1; }
        rm -rf "$folder" && mkdir -p "$folder" && cp "$NODE_ROOT"/tests/foreign/npm/*.json "$folder" || exit 1
        log=$(npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error 2>&1) || { printf '%s\n' "$log" >&2; exit 1; }
        printf '%s\n' "$want" >"$folder/installed"
    ) 9>"$DEPS_DIR/node.lock"
}
# NODE_PATH is for CommonJS: the programs are.
node_run() { NODE_PATH=$DEPS_DIR/node/node_modules NODE_NO_WARNINGS=1 timeout "${NODE_LIMIT_S:-120}" node "$@"; }
