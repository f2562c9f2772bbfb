#!/usr/bin/env bash
# A sweep on Apache Kafka, over the demo's three drivers: what a campaign has promoted is measured again when its time comes, once,
# although the coordinator is killed meanwhile; a stranger reads it. Then the kernel gets a text that is slow on one of the drivers:
# the next run finds it, measures it again, and tells it once, to a webhook that refuses at first. Files that are wrong, pauses,
# runs by hand. The nights between the first real one and that run are made (tests/sweep/earlier_nights.py).
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
trap 'hook_stop; fleet_stop; kafka_stop' EXIT
export RUSTICL_ENABLE=llvmpipe
HOOK=
hook_start() {
    mkdir -p "$FLEET_DIR/hook" && { "$VENV_PYTHON" tests/sweep/webhook.py "$FLEET_DIR/hook" >"$FLEET_DIR/hook.log" 2>&1 & } && HOOK=$! &&
        fleet_until 20 test -s "$FLEET_DIR/hook/port" || return 1
    (umask 077 && echo "http://127.0.0.1:$(cat "$FLEET_DIR/hook/port")/secret-of-the-team" >"$FLEET_DIR/team.url")
}
hook_stop() { [ -z "$HOOK" ] || kill "$HOOK"; }
python_install && intel_install && fleet_init && fleet_calibrate pocl rusticl intel && kafka_start && hook_start || exit 1
fleet_serve --fleet tests/promotion/fleet.yaml --webhook team="$FLEET_DIR/team.url" || exit 1
fleet_agent one pocl
fleet_agent two rusticl
fleet_agent three intel
fleet_wait_nodes 3 || exit 1

sweep() { "$PORTOLAN" sweep "$@"; }
sweep_holds() { sweep "$1" minutely --json | holds "$2"; }
refuses() { # FILE'S CHANGE (sed), SAID
    sed -e "$1" tests/sweep/minutely.yaml >"$FLEET_DIR/wrong.yaml"
    ! sweep add "$FLEET_DIR/wrong.yaml" >"$FLEET_DIR/refused.log" 2>&1 && grep -q -- "$2" "$FLEET_DIR/refused.log" || { cat "$FLEET_DIR/refused.log"; return 1; }
}

# --- a campaign promotes, while the sweep waits for its minute -------------------------------------------------------
CAMPAIGN=$("$PORTOLAN" submit tests/sweep/promote.campaign.yaml --json | jq -r .campaign)
promoted() { fleet_api "/v1/campaigns/$CAMPAIGN" | holds '.finished_ms != null and any(.cells[]; .status == "confirmed")'; }
check "a schedule that never comes is refused with its column" refuses 's/^cron:.*/cron: 0 0 30 2 */' "wrong.yaml:2:7: .cron.: column 1: .* never fires"
check "so is an hour that there is not" refuses 's/^cron:.*/cron: 0 25 * * */' 'column 3: hour 25 is above 23'
check "and a zone that there is not" refuses 's/Berlin/Berln/' 'wrong.yaml:3:12: .time_zone.: there is no time zone'
check "and a kernel that nothing promoted" refuses '$akernels: [nobody-knows]' 'wrong.yaml:10:11: .kernels.: nothing of the name .nobody-knows. was promoted'
unknown_hook() {
    sed -e 's/^sweep:.*/sweep: deaf/; s/team/nobody/' tests/sweep/minutely.yaml >"$FLEET_DIR/deaf.yaml"
    sweep add "$FLEET_DIR/deaf.yaml" 2>&1 | grep -q 'the coordinator has no webhook .nobody.' && sweep show deaf | grep -q 'webhook nobody is NOT CONFIGURED' && sweep remove deaf
}
check "a webhook that the coordinator does not have is told of when the sweep is added, and shown" unknown_hook
check "a sweep is added" sweep add tests/sweep/minutely.yaml
check "not a second one of its name" refuses '' 'there is a sweep .minutely. already'
check "the campaign confirms a kernel" fleet_until 300 promoted || fleet_api "/v1/campaigns/$CAMPAIGN"
check "it would be measured on all three devices" sweep_holds show '.measures | length == 1 and .[0].kernel == "everywhere" and (.[0].devices | length) == 3'

# --- its time comes, and the coordinator goes -------------------------------------------------------------------------
check "when its minute comes a run is open" fleet_until 150 sweep_holds show '.open.planned == 3'
RUN=$(sweep show minutely --json | jq -r .open.campaign)
check "a pause lets the open run go on" sweep pause minutely --reason "one is enough"
fleet_kill KILL "$FLEET_COORDINATOR"
fleet_serve_again || exit 1
ended() { sweep history minutely --json | holds '.runs[] | select(.campaign == $c) | .finished_ms != null' --arg c "$RUN"; }
check "a coordinator that was killed goes on with the run" fleet_until 300 ended
sweep history minutely >"$FLEET_DIR/history.log"
sweep history minutely --json >"$FLEET_DIR/history.json"
of_history() { holds "$1" --arg c "$RUN" <"$FLEET_DIR/history.json" || { cat "$FLEET_DIR/history.log"; return 1; }; }
check "all devices were measured, and all are right" of_history 'any(.runs[]; .campaign == $c and .state == "complete" and .measured == 3 and .wrong == 0)'
check "each time became one run at most" of_history '([.runs[].due_s] | length == (unique | length)) and ([.runs[] | select(.planned > 0)] | length) == 1'
where_measured() {
    fleet_until 30 fleet_published && fleet_read measurements >"$FLEET_DIR/measurements.ndjson" &&
        all_hold '[.[].record | select(.purpose == "sweep")] | ([.[] | select(.role == "candidate") | .node] | unique) == ["one", "three", "two"]
            and ([.[] | select(.role == "baseline") | .node] | unique) == ["one", "three", "two"]' <"$FLEET_DIR/measurements.ndjson"
}
# Records may come twice after a kill: they are upserted by key.
check "a stranger reads kernel and baseline of all devices, for a sweep" where_measured
check "the pause outlived the coordinator" sweep_holds show '.paused and .reason == "one is enough" and .next == null'

# --- a kernel that got slower on one driver -------------------------------------------------------------------------------
fleet_kill TERM "$FLEET_COORDINATOR"
"$VENV_PYTHON" tests/sweep/earlier_nights.py "$FLEET_DIR/state/portolan.db" 12 >"$FLEET_DIR/nights.log" 2>&1 || cat "$FLEET_DIR/nights.log"
fleet_serve_again && fleet_wait_nodes 3 || exit 1
# While Intel's driver is away, a new text of the kernel is confirmed: where it was tried it is as good as before.
check "the node that would show it takes no work" "$PORTOLAN" node cordon three
CAMPAIGN=$("$PORTOLAN" submit tests/sweep/slower.campaign.yaml --json | jq -r .campaign)
check "a new text of the kernel is confirmed elsewhere" fleet_until 300 promoted || fleet_api "/v1/campaigns/$CAMPAIGN"
check "and the node is back" "$PORTOLAN" node resume three
check "a run by hand starts in spite of the pause" sweep run minutely
again() { ! sweep run minutely >"$FLEET_DIR/again.log" 2>&1 && grep -q 'a run of sweep minutely is open' "$FLEET_DIR/again.log"; }
check "one at a time" again
RUN=$(sweep show minutely --json | jq -r .open.campaign)
check "it ends" fleet_until 300 ended
sweep history minutely --json >"$FLEET_DIR/history.json"
check "what looked slower was measured again, and is a finding" of_history 'any(.runs[]; .campaign == $c and .measured == 3 and .suspects >= 1 and .confirmed >= 1)'
found() {
    sweep findings minutely --json >"$FLEET_DIR/findings.json" && holds '[.findings[] | select(.faster | not)] | length == 1 and (.[0] | .kernel == "chain/everywhere" and (.device | startswith("three/intel"))
        and .cause == "one node only" and .effect > 0.5 and .state == "open" and (.note | contains("text")))' <"$FLEET_DIR/findings.json" || { cat "$FLEET_DIR/findings.json"; return 1; }
}
check "it names the kernel, the device and the likely cause" found
measured_twice() {
    fleet_until 30 fleet_published && fleet_read measurements >"$FLEET_DIR/measurements.ndjson" &&
        all_hold '[.[].record | select(.campaign == $c and .role == "candidate" and .node == "three") | .attempt_id] | unique | length == 2' --arg c "$RUN" <"$FLEET_DIR/measurements.ndjson"
}
check "a stranger reads both measurements of it" measured_twice
refused() { sweep show minutely | grep 'webhook team is FAILING, 1 digest waits: webhook team: it answered 500'; }
check "that the webhook refused the digest is to be seen" fleet_until 30 refused
metrics() { fleet_api /metrics | grep -q '^portolan_webhooks_failing 1'; }
check "in the metrics, too" metrics
hooked() { [ -e "$FLEET_DIR/hook/2.json" ] && sweep show minutely --json | holds '.notify | .state == "ok" and .sent == 1 and .waiting == 0'; }
check "it is delivered at the second try" fleet_until 60 hooked
digest() {
    [ ! -e "$FLEET_DIR/hook/3.json" ] && cmp "$FLEET_DIR/hook/1.json" "$FLEET_DIR/hook/2.json" &&
        holds '([.blocks[].text.text] | join("\n")) as $t | (.text | test(": 1 slower.*; 3 of 3 measured")) and ($t | contains("chain/everywhere on three/intel"))
            and ($t | contains("likely: one node only"))' <"$FLEET_DIR/hook/2.json" || { cat "$FLEET_DIR"/hook/*.json; return 1; }
}
check "one digest names kernel, device and cause" digest
quiet_log() { ! grep -q secret-of-the-team "$FLEET_DIR/coordinator.log"; }
check "and the webhook's address is in no log" quiet_log
acknowledged() { sweep ack minutely "$(jq '[.findings[] | select(.faster | not)][0].id' "$FLEET_DIR/findings.json")" && sweep findings minutely --all --json | holds 'any(.findings[]; .state == "acknowledged")'; }
check "the new level is accepted" acknowledged

# --- by hand ------------------------------------------------------------------------------------------------------------
check "another run by hand" sweep run minutely
RUN=$(sweep show minutely --json | jq -r .open.campaign)
check "a sweep that is removed" sweep remove minutely
cancelled() { fleet_api "/v1/campaigns/$RUN" | holds '.state == "cancelled" and .purpose == "sweep"'; }
check "takes its open run with it" cancelled
gone() { sweep list --json | holds '.sweeps == []' && ! sweep show minutely 2>"$FLEET_DIR/gone.log" && grep -q 'there is no sweep' "$FLEET_DIR/gone.log"; }
check "and is gone" gone
check_done
