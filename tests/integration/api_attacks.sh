#!/usr/bin/env bash
# The HTTP API in the hands of somebody without the token, and of somebody with it: what no client of ours sends. Each request is
# answered with its own status or dropped, and the coordinator goes on, in bounded memory.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
fleet_init || exit 1
trap fleet_stop EXIT
export PORTOLAN_LOG_LEVEL=warn
"$PORTOLAN" serve --embedded --port 0 >>"$FLEET_DIR/coordinator.log" 2>&1 &
FLEET_COORDINATOR=$!
disown "$FLEET_COORDINATOR"
fleet_until 30 fleet_api_answers || exit 1
API=$(jq -r .api "$FLEET_DIR/runtime/coordinator.json")
export API_PORT=${API##*:} API_TOKEN_FILE=$FLEET_DIR/state/token COORDINATOR_PID=$FLEET_COORDINATOR
try() { python3 tests/attacks/api.py "$1"; }
check "nobody without the token gets an answer or fills memory: 64 MB sent, 401" try stranger_sends_much
check "a wrong token, half of one, and one that is longer: 401" try wrong_tokens
check "another name for this machine: 403" try foreign_hosts
check "bodies over the limit, declared or not: 413, or the connection ends" try large_bodies
check "JSON 100,000 deep, with doubled keys, with NUL, cut off, not UTF-8: 400" try odd_json
check "paths that climb, that are encoded, that hold control codes, that have no end: 4xx" try odd_paths
check "requests that are none: 400, or the connection ends" try no_requests
check "a campaign whose texts are hostile is refused with its place, without their codes" try hostile_campaigns
check "numbers that are none or beyond any: 400" try odd_numbers
check "more silent connections than there may be keep the API from others for seconds only" try idle_connections
check "the coordinator outlived all this" fleet_api_answers
check_done
