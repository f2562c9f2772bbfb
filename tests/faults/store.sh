#!/usr/bin/env bash
# A disk that is full or broken under the coordinator's store: it ends with the reason and a status, nothing that was answered is lost,
# and it goes on when there is room. By the shim (every write fails from an instant on), then on a real file system that is full
# (a small tmpfs in a mount namespace of the script's own, where that is allowed).
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
if [ -z "${STORE_SH_INSIDE:-}" ]; then
    export STORE_SH_INSIDE=no
    unshare -m true 2>/dev/null && STORE_SH_INSIDE=yes exec unshare -m "$0" "$@"
fi
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
. tests/lib/many.sh
TASKS=40
MANY_KINDS=(rows)
AGENT=
finish() {
    [ -z "$AGENT" ] || kill -9 "$AGENT" 2>/dev/null
    fleet_stop
    mountpoint -q "$FLEET_DIR/state" && umount "$FLEET_DIR/state"
    rm -rf "$FLEET_DIR"
    kafka_stop
}
trap finish EXIT
python_install && fleet_init && kafka_start || exit 1
STORE=$FLEET_DIR/state
FULL=$FLEET_DIR/full
SHIM=$FLEET_BUILD/shims/io_faults.so
N=0
: >"$FLEET_DIR/planned"

alive() { kill -0 "$FLEET_COORDINATOR" 2>/dev/null; }
gone() { ! alive; }
fails() { ! "$@"; }
agents() {
    "$FLEET_BUILD/tools/scripted_agent" --work-ms 50 "$KAFKA_BOOTSTRAP" scripted-cpu one two >"$FLEET_DIR/agent.log" 2>&1 &
    AGENT=$!
}
launch() { # SETTINGS...
    env "$@" "$PORTOLAN" serve --port 0 --bootstrap "$KAFKA_BOOTSTRAP" --lease-ms 5000 >"$FLEET_DIR/serve.log" 2>&1 &
    FLEET_COORDINATOR=$!
}
answers_or_gone() { gone || fleet_api_answers; }
done_of() { fleet_api "/v1/campaigns/$1" | jq .counts.done; }
has_done() { [ "$(done_of "$1")" -gt "$2" ]; }
ended() { fleet_api "/v1/campaigns/$1" | holds '.state == "complete"'; }

is_kept() { [ -z "$1" ] || fleet_api "/v1/campaigns/$1" | holds '.state == "complete" or .state == "running"'; }
all_ended() { fleet_api /v1/campaigns | holds 'all(.campaigns[]; .state == "complete")'; }

# NAME REASON BEGIN END SETTINGS...: a campaign is under way when BEGIN makes the disk fail; END mends it.
try_disk() {
    local name=$1 reason=$2 begin=$3 end=$4 campaign promised before status=0
    shift 4
    launch "$@"
    fleet_until 30 fleet_api_answers || exit 1
    [ -n "$AGENT" ] || agents
    fleet_wait_nodes 2 || exit 1
    N=$((N + 1))
    campaign=$("$PORTOLAN" submit "$(many_campaign "port$N" $TASKS scripted-cpu)" --json | jq -r .campaign)
    fleet_until 30 has_done "$campaign" 3
    before=$(done_of "$campaign")
    $begin
    # What is written over needs no room: so ask for some. An answer is a promise.
    N=$((N + 1))
    promised=$("$PORTOLAN" submit "$(many_campaign "port$N" 150 scripted-cpu)" --json 2>/dev/null | jq -r .campaign)
    fleet_until 60 gone
    wait "$FLEET_COORDINATOR"
    status=$?
    check "$name: the coordinator ends" gone
    check "$name: with a status of its own, not by a signal" [ "$status" -gt 0 -a "$status" -lt 128 ]
    check "$name: it says where and why" grep -q "$STORE/portolan.db.*$reason" "$FLEET_DIR/serve.log"
    launch "$@"
    wait "$FLEET_COORDINATOR"
    check "$name: it does not start while that lasts" [ $? -gt 0 ]
    check "$name: and says why" grep -q "$reason" "$FLEET_DIR/serve.log"
    $end
    launch "$@"
    fleet_until 30 answers_or_gone
    check "$name: mended, it starts" alive
    check "$name: what was answered is there" has_done "$campaign" $((before - 1))
    check "$name: the campaign ends" fleet_until 60 ended "$campaign"
    fleet_planned "$campaign" >>"$FLEET_DIR/planned"
    # It may have been kept before the answer could be given: then it is there, too, and ends.
    check "$name: what was promised meanwhile is there" is_kept "$promised"
    check "$name: and ends" fleet_until 60 all_ended
    while read -r campaign; do fleet_planned "$campaign" >>"$FLEET_DIR/planned"; done < <(fleet_api /v1/campaigns | jq -r '.campaigns[].campaign')
    fleet_until 30 fleet_published
    fleet_kill KILL "$FLEET_COORDINATOR"
    wait "$FLEET_COORDINATOR" 2>/dev/null
}
break_disk() { touch "$FULL"; }
mend_disk() { rm "$FULL"; }
try_disk "disk full" "disk is full" break_disk mend_disk LD_PRELOAD="$SHIM" PORTOLAN_FAULT_PATH="$STORE/portolan.db*" \
    PORTOLAN_FAULT_ACTION=enospc PORTOLAN_FAULT_WHILE="$FULL"
try_disk "input/output error" "disk I/O error" break_disk mend_disk LD_PRELOAD="$SHIM" PORTOLAN_FAULT_PATH="$STORE/portolan.db*" \
    PORTOLAN_FAULT_ACTION=eio PORTOLAN_FAULT_WHILE="$FULL"

# The real thing: a file system without room.
if [ $STORE_SH_INSIDE = yes ]; then
    cp -a "$STORE" "$FLEET_DIR/before"
    mount -t tmpfs -o size=8m,mode=700 tmpfs "$STORE" && cp -a "$FLEET_DIR/before/." "$STORE/" || exit 1
    fill() { dd if=/dev/zero of="$STORE/filler" bs=64k 2>/dev/null; }
    empty() { rm "$STORE/filler" && mount -o remount,size=256m "$STORE"; } # as much as the log may need, too
    try_disk "a tmpfs that is full" "disk is full" fill empty
fi

sort -u "$FLEET_DIR/planned" >"$FLEET_DIR/planned.all"
fleet_serve --lease-ms 5000 || exit 1
check "a stranger finds each task once in its latest revision" fleet_judge upsert "$FLEET_DIR/planned.all"
check_done
