#!/usr/bin/env bash
# A sweep on Apache Kafka: what a campaign has promoted is measured again on two drivers when its time comes, once, although the
# coordinator is killed meanwhile; a stranger reads it. Files that are wrong, pauses, runs by hand.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
trap 'fleet_stop; kafka_stop' EXIT
python_install && fleet_init && fleet_calibrate pocl && RUSTICL_ENABLE=llvmpipe fleet_calibrate rusticl && kafka_start || exit 1
fleet_serve --fleet tests/promotion/fleet.yaml || exit 1
fleet_agent one pocl
fleet_agent two rusticl RUSTICL_ENABLE=llvmpipe
fleet_wait_nodes 2 || exit 1

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
check "and a kernel that nothing promoted" refuses '$akernels: [nobody-knows]' 'wrong.yaml:8:11: .kernels.: nothing of the name .nobody-knows. was promoted'
check "a sweep is added" sweep add tests/sweep/minutely.yaml
check "not a second one of its name" refuses '' 'there is a sweep .minutely. already'
check "the campaign confirms a kernel" fleet_until 300 promoted || fleet_api "/v1/campaigns/$CAMPAIGN"
check "it would be measured on both devices" sweep_holds show '.measures | length == 1 and .[0].kernel == "everywhere" and (.[0].devices | length) == 2'

# --- its time comes, and the coordinator goes -------------------------------------------------------------------------
check "when its minute comes a run is open" fleet_until 150 sweep_holds show '.open.planned == 2'
RUN=$(sweep show minutely --json | jq -r .open.campaign)
check "a pause lets the open run go on" sweep pause minutely --reason "one is enough"
fleet_kill KILL "$FLEET_COORDINATOR"
fleet_serve_again || exit 1
ended() { sweep history minutely --json | holds '.runs[] | select(.campaign == $c) | .finished_ms != null' --arg c "$RUN"; }
check "a coordinator that was killed goes on with the run" fleet_until 300 ended
sweep history minutely >"$FLEET_DIR/history.log"
sweep history minutely --json >"$FLEET_DIR/history.json"
of_history() { holds "$1" --arg c "$RUN" <"$FLEET_DIR/history.json" || { cat "$FLEET_DIR/history.log"; return 1; }; }
check "both devices were measured, and both are right" of_history 'any(.runs[]; .campaign == $c and .state == "complete" and .measured == 2 and .wrong == 0)'
check "each time became one run at most" of_history '([.runs[].due_s] | length == (unique | length)) and ([.runs[] | select(.planned > 0)] | length) == 1'
where_measured() {
    fleet_until 30 fleet_published && fleet_read measurements >"$FLEET_DIR/measurements.ndjson" &&
        all_hold '[.[].record | select(.purpose == "sweep")] | ([.[] | select(.role == "candidate") | .node] | unique) == ["one", "two"]
            and ([.[] | select(.role == "baseline") | .node] | unique) == ["one", "two"]' <"$FLEET_DIR/measurements.ndjson"
}
# Records may come twice after a kill: they are upserted by key.
check "a stranger reads kernel and baseline of both devices, for a sweep" where_measured
check "the pause outlived the coordinator" sweep_holds show '.paused and .reason == "one is enough" and .next == null'

# --- by hand ------------------------------------------------------------------------------------------------------------
check "a run by hand starts in spite of the pause" sweep run minutely
again() { ! sweep run minutely >"$FLEET_DIR/again.log" 2>&1 && grep -q 'a run of sweep minutely is open' "$FLEET_DIR/again.log"; }
check "one at a time" again
RUN=$(sweep show minutely --json | jq -r .open.campaign)
check "a sweep that is removed" sweep remove minutely
cancelled() { fleet_api "/v1/campaigns/$RUN" | holds '.state == "cancelled" and .purpose == "sweep"'; }
check "takes its open run with it" cancelled
gone() { sweep list --json | holds '.sweeps == []' && ! sweep show minutely 2>"$FLEET_DIR/gone.log" && grep -q 'there is no sweep' "$FLEET_DIR/gone.log"; }
check "and is gone" gone
check_done
