#!/usr/bin/env bash
# What an agent keeps on disk, and what it does when that disk fails: a result that was measured while the broker was away survives the
# agent's own end; a full disk and a log that cannot be written stop new work until they are well again; an agent with an end of its own
# (--for, --exit-when-idle) loses nothing either. The disk that is filled is a small tmpfs in the agent's own mount namespace.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
. tests/lib/many.sh
finish() {
    fleet_stop
    kafka_stop
}
trap finish EXIT
python_install && fleet_init && fleet_calibrate pocl rusticl && kafka_start && fleet_serve --lease-ms 3000 --absent-ms 60000 || exit 1

MANY_KINDS=(wrong broken) # nothing is timed: how busy this machine is does not matter
submit() { "$PORTOLAN" submit "$@" --json | jq -r .campaign; }
started_as() { # NODE PID
    FLEET_AGENT[$1]=$2
    disown "$2"
}
ended() { fleet_api "/v1/campaigns/$1" | holds '.state != "running"'; }
done_by() { fleet_api "/v1/campaigns/$1" | holds '.state == "complete" and all(.cells[]; .outcome == "verdict")'; }
trouble_of() { fleet_api /v1/nodes | holds '.nodes[] | select(.node == $n) | .trouble // "" | test($t)' --arg n "$1" --arg t "$2"; }
no_trouble() { fleet_api /v1/nodes | holds '.nodes[] | select(.node == $n) | .ready and .trouble == null' --arg n "$1"; }

# --- the broker goes, then the agent ----------------------------------------------------------------------------------
fleet_agent keeper pocl
fleet_wait_nodes 1 || exit 1
LONG=$(submit "$(many_campaign long 12 pocl-cpu)")
ended_attempts() { sed -nE 's/.*info  verdict .* task=([0-9a-f]{32}\.[0-9]+).*/\1/p' "$FLEET_DIR/agent-keeper.log"; }
has_ended() { [ "$(ended_attempts | wc -l)" -gt "$1" ]; }
begun() { grep -c ' info  runs ' "$FLEET_DIR/agent-keeper.log"; }
is_stopped() { grep -q '^State:.T' "/proc/${FLEET_AGENT[keeper]}/status"; }
stop_under_work() { # what has begun by then ends when the broker is gone
    kill -STOP "${FLEET_AGENT[keeper]}" && fleet_until 5 is_stopped
    [ "$(begun)" -gt "$(ended_attempts | wc -l)" ] || { kill -CONT "${FLEET_AGENT[keeper]}" && return 1; }
}
fleet_until 60 has_ended 0 && fleet_until 60 stop_under_work
BEFORE=$(ended_attempts | wc -l)
kafka_kill 0
kill -CONT "${FLEET_AGENT[keeper]}"
in_spool() { [ -n "$(find "$FLEET_DIR/state/spool/portolan.keeper" -name '*.seg' -size +100c)" ]; }
check "what ends while the broker is away" fleet_until 60 has_ended "$BEFORE"
check "goes to the spool" fleet_until 10 in_spool
ended_attempts | tail -n +"$((BEFORE + 1))" >"$FLEET_DIR/away"
sleep 2 # what ended within the last second is what a kill may take
fleet_kill_agent keeper
check "and outlives an agent that is killed" in_spool
kafka_restart 0 || exit 1
fleet_agent_again keeper
check "the next start finds it" fleet_await "$FLEET_DIR/agent-keeper.log" 'reports of an earlier start in the spool' "${FLEET_AGENT[keeper]}"
check "the campaign ends" fleet_until 120 ended "$LONG"
accepted() { # every attempt that ended while the broker was away, though its incarnation was over when it came
    local attempt
    while read -r attempt; do
        fleet_api "/v1/tasks/${attempt%.*}" | holds '.attempt_list | any(.attempt_id == $a and .state == "accepted")' --arg a "$attempt" || { echo "$attempt"; return 1; }
    done <"$FLEET_DIR/away"
    [ -s "$FLEET_DIR/away" ]
}
check "what was measured meanwhile was accepted, and not measured again ($(wc -l <"$FLEET_DIR/away"))" accepted
emptied() { [ -z "$(find "$FLEET_DIR/state/spool/portolan.keeper" -name '*.seg')" ]; }
check "and the spool is empty again" fleet_until 20 emptied

# --- a disk that is full, and a log -----------------------------------------------------------------------------------
mkdir -p "$FLEET_DIR/small"
fleet_icd "$FLEET_DIR/icd/small" rusticl || exit 1
# shellcheck disable=SC2016
OCL_ICD_VENDORS=$FLEET_DIR/icd/small PORTOLAN_STATE_DIR=$FLEET_DIR/small unshare -m sh -c \
    'mount -t tmpfs -o size=8m,mode=0700 tmpfs "$PORTOLAN_STATE_DIR" && exec "$@"' sh "$PORTOLAN_AGENT" run --node small --bootstrap "$KAFKA_BOOTSTRAP" \
    >"$FLEET_DIR/agent-small.log" 2>&1 &
started_as small $!
fleet_until 60 no_trouble small
DISK=/proc/${FLEET_AGENT[small]}/root$FLEET_DIR/small
dd if=/dev/zero of="$DISK/fill" bs=64k >/dev/null 2>&1
check "a full disk is trouble, and the node says which" fleet_until 30 trouble_of small "spool.*full"
once() { [ "$(grep -c 'no new work is taken: ' "$FLEET_DIR/agent-small.log")" = 1 ]; }
check "with one error in its log" once
HELD=$(submit "$(many_campaign held 2 mesa-llvmpipe)")
is_waiting() { fleet_api "/v1/campaigns/$HELD" | holds '.state == "running" and all(.cells[]; .state != "running" and .state != "done")'; }
queued() { fleet_api "/v1/campaigns/$HELD" | holds '.cells | length == 2'; }
fleet_until 20 queued && sleep 2 # long enough for a coordinator that would give it work all the same
check "it gets no work meanwhile" is_waiting
rm "$DISK/fill"
check "it recovers by itself when there is room" fleet_until 30 no_trouble small
check "and does the work" fleet_until 90 done_by "$HELD"
fleet_kill TERM "${FLEET_AGENT[small]}"

fleet_icd "$FLEET_DIR/icd/mute" rusticl || exit 1
OCL_ICD_VENDORS=$FLEET_DIR/icd/mute "$PORTOLAN_AGENT" run --node mute --bootstrap "$KAFKA_BOOTSTRAP" >/dev/full 2>&1 &
started_as mute $!
check "a log on a full disk is trouble, and no end" fleet_until 60 trouble_of mute "the log cannot be written: No space"
fleet_kill TERM "${FLEET_AGENT[mute]}"

# --- inside a batch job -----------------------------------------------------------------------------------------------
timed() { # NODE OPTION...: its exit status goes to NODE.status
    local node=$1
    shift
    fleet_icd "$FLEET_DIR/icd/$node" rusticl || return 1
    (
        OCL_ICD_VENDORS=$FLEET_DIR/icd/$node "$PORTOLAN_AGENT" run --node "$node" --bootstrap "$KAFKA_BOOTSTRAP" "$@" >"$FLEET_DIR/agent-$node.log" 2>&1
        echo $? >"$FLEET_DIR/$node.status"
    ) &
}
timed brief --for 30s
timed idle --exit-when-idle --idle-after 2s
ready() { fleet_api /v1/nodes | holds '.nodes[] | select(.node == $n) | .ready' --arg n "$1"; }
fleet_until 30 ready brief
JOB=$(submit --force "$(many_campaign job 8 mesa-llvmpipe)")
ended_well() { [ "$(cat "$FLEET_DIR/$1.status" 2>/dev/null)" = 0 ] && grep -q "ends by itself: .*$2" "$FLEET_DIR/agent-$1.log"; }
check "an agent with --for ends by itself, with status 0" fleet_until 60 ended_well brief "--for"
check "one with --exit-when-idle does, too" fleet_until 90 ended_well idle "--exit-when-idle"
left() { fleet_api /v1/nodes | holds '.nodes[] | select(.node == $n) | .ready | not' --arg n "$1"; }
check "the coordinator knows that they have left" fleet_until 10 left brief
fleet_agent late rusticl
check "what they did not get to is done elsewhere" fleet_until 120 done_by "$JOB"
one_result_each() { fleet_planned "$LONG" "$HELD" "$JOB" >"$FLEET_DIR/planned" && fleet_judge many "$FLEET_DIR/planned" && many_verdicts_hold; }
check "each task has its verdict, and no kernel is blamed" one_result_each
check_done
