#!/usr/bin/env bash
# The broker is killed in the middle of a campaign and stays away for longer than leases last. Agents finish what they hold and keep the results
# in their spools; one of them is killed meanwhile (-9) and started again. Nothing is lost, and nothing that was measured is thrown away.
#   OUTAGE_S=SECONDS TASKS=N
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
. tests/lib/many.sh
OUTAGE_S=${OUTAGE_S:-20}
TASKS=${TASKS:-30}
LEASE_MS=4000
WINDOW=${WINDOW:-6} # so that there is work for the outage
MANY_KINDS=(wrong)
finish() {
    fleet_stop
    kafka_stop
}
trap finish EXIT
python_install && fleet_init && fleet_calibrate pocl && kafka_start || exit 1
fleet_serve --lease-ms $LEASE_MS --window $WINDOW || exit 1
for name in left right; do fleet_agent $name pocl; done
fleet_wait_nodes 2 || exit 1
ended() { fleet_api "/v1/campaigns/$NOW" | holds '.state != "running"'; }
done_at_least() { fleet_api "/v1/campaigns/$NOW" | holds '.counts.done >= $n' --argjson n "$1"; }
outcomes() { grep -c -E ' verdict [a-z_]+ after ' "$FLEET_DIR/agent-$1.log"; }
spooled() { find "$FLEET_DIR/state/spool" -path "*$1*" -name '*.seg' -size +200c 2>/dev/null; }
idle() { [ "$(grep -c ' runs ' "$FLEET_DIR/agent-$1.log")" -eq "$(outcomes "$1")" ]; }
# Attempts that an agent ended after the broker was gone, from its log.
ended_since() { awk -v since="$2" '/ verdict [a-z_]+ after / && $1 > since' "$FLEET_DIR/agent-$1.log" | sed -nE 's/.* task=([0-9a-f.]+).*/\1/p' | sort; }

NOW=$("$PORTOLAN" submit "$(many_campaign outage "$TASKS" pocl-cpu)" --json | jq -r .campaign)
# A device that is new to the coordinator gets few at first: both must hold what the outage is to find them with.
both_hold() { done_at_least 4 && fleet_api /v1/nodes | holds '[.nodes[] | select([.devices[].held] | add >= 4)] | length == 2'; }
fleet_until 60 both_hold || { echo "outage.sh: the agents never held 4 attempts each" >&2; exit 1; }
SINCE=$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ) GONE=$SECONDS
kafka_kill 0
both_idle() { idle left && idle right; }
check "without a broker, both agents finish what they hold" fleet_until 120 both_idle
both_spooled() { [ -n "$(spooled left)" ] && [ -n "$(spooled right)" ]; }
check "and keep the results in their spools" fleet_until 20 both_spooled
read -rt 5 <> <(:) || : # until the last one has gone there, too: no event tells a shell
fleet_kill_agent left
LEFT=$(ended_since left "$SINCE") RIGHT=$(ended_since right "$SINCE")
echo "ended without a broker: $(wc -w <<<"$LEFT") attempts by the agent that was killed then, $(wc -w <<<"$RIGHT") by the other"
fleet_agent_again left
away=$((OUTAGE_S - (SECONDS - GONE)))
[ $away -le 0 ] || read -rt $away <> <(:) || : # the length of the outage is what is tried
kafka_restart 0 || exit 1
echo "the broker was away for $((SECONDS - GONE)) s"
check "with the broker back, the campaign ends" fleet_until 180 ended
fleet_planned "$NOW" >"$FLEET_DIR/planned"
check "nothing was lost: one latest result for every planned task" fleet_judge upsert "$FLEET_DIR/planned"
check "every verdict is the one that its kernel deserves" many_verdicts_hold
accepted() { jq -r .record.result_id "$FLEET_DIR/results.ndjson" | sort -u; }
all_accepted() { [ -n "$1" ] && [ -z "$(comm -23 <(echo "$1") <(accepted))" ] || { echo "not accepted:"; comm -23 <(echo "$1") <(accepted); return 1; }; }
check "what the one that stayed had measured is what was accepted" all_accepted "$RIGHT"
# Its next start may come after its task was given to the other one: then the second of the two results is superseded.
arrived() { local a; for a in $LEFT; do fleet_api "/v1/tasks/${a%.*}" | holds '.attempt_list[] | select(.attempt_id == $a) | .state | IN("accepted", "superseded")' --arg a "$a" || { echo "$a"; return 1; }; done; }
check "what the killed one had measured arrived: its spool was read at its next start" arrived
no_lapse() { fleet_api /metrics | grep -q '^portolan_lease_lapses_total 0$'; }
check "no lease ran out" no_lapse
emptied() { [ -z "$(spooled '')" ]; }
check "the spools are empty again" fleet_until 20 emptied
RAN=$(cat "$FLEET_DIR"/agent-*.log | grep -c ' runs ')
echo "attempts begun: $RAN for $TASKS tasks"
check "at most what the killed agent held was begun twice" [ "$RAN" -le $((TASKS + WINDOW)) ]
check_done
