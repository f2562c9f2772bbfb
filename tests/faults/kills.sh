#!/usr/bin/env bash
# Agents are killed (-9) at random instants of a campaign of many tasks. Every other one is started again at once, the others stay dead until
# their leases have run out: then it is measured how long their work took to start elsewhere. Nothing is lost, nothing accepted twice.
#   SEED=N TASKS=N KILLS=N LEASE_MS=MS      the order; sizes: the long form sets larger ones
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
. tests/lib/many.sh
SEED=${SEED:-20266}
TASKS=${TASKS:-60} # at least: as many as it takes to have some open at each kill
KILLS=${KILLS:-8}
LEASE_MS=${LEASE_MS:-3000}
BATCH=30      # tasks of a campaign
LEAST_OPEN=15 # with fewer open, the next campaign joins: no kill may find an idle fleet
PAUSE_LEAST_MS=200
PAUSE_MOST_MS=1200
MANY_KINDS=(wrong broken wrong)
AGENTS=(one two three)
echo "SEED=$SEED"
RANDOM=$SEED
finish() {
    fleet_stop
    kafka_stop
}
trap finish EXIT
python_install && fleet_init && fleet_calibrate pocl && kafka_start || exit 1
fleet_serve --lease-ms "$LEASE_MS" || exit 1
for name in "${AGENTS[@]}"; do fleet_agent "$name" pocl; done
fleet_wait_nodes ${#AGENTS[@]} || exit 1

CAMPAIGNS=()
submit() { CAMPAIGNS+=("$("$PORTOLAN" submit "$(many_campaign "batch${#CAMPAIGNS[@]}" $BATCH pocl-cpu)" --json | jq -r .campaign)"); }
open_tasks() { fleet_api /v1/campaigns | jq '[.campaigns[].counts | .queued + .published + .running] | add'; }
all_ended() { fleet_api /v1/campaigns | holds 'all(.campaigns[]; .state != "running")'; }
pause_ms() { read -rt "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))" <> <(:) || :; }

# --- kills ----------------------------------------------------------------------------------------------------------
submit
T0=$SECONDS KILLED=0
while [ $KILLED -lt "$KILLS" ]; do
    pause_ms $((PAUSE_LEAST_MS + RANDOM % (PAUSE_MOST_MS - PAUSE_LEAST_MS)))
    [ "$(open_tasks)" -ge $LEAST_OPEN ] || submit
    victim=${AGENTS[RANDOM % ${#AGENTS[@]}]}
    open=$(open_tasks)
    kill -9 "${FLEET_AGENT[$victim]}" || break
    echo "$(date +%s%3N) $victim $open" >>"$FLEET_DIR/kills"
    KILLED=$((KILLED + 1))
    fleet_wait_gone "${FLEET_AGENT[$victim]}" || break
    [ $((KILLED % 2)) -eq 0 ] || pause_ms $((LEASE_MS + 1500))
    fleet_agent_again "$victim"
done
while [ $((${#CAMPAIGNS[@]} * BATCH)) -lt "$TASKS" ]; do submit; done
check "agents were killed $KILLS times, each time with work under way" [ "$(awk '$3 > 0' "$FLEET_DIR/kills" | wc -l)" -eq "$KILLS" ]
check "the campaigns come to their end" fleet_until 600 all_ended
echo "$((SECONDS - T0)) s"

# --- what came of it ------------------------------------------------------------------------------------------------
fleet_planned "${CAMPAIGNS[@]}" | sort >"$FLEET_DIR/planned"
check "all were planned: $(wc -l <"$FLEET_DIR/planned") tasks" [ "$(wc -l <"$FLEET_DIR/planned")" -eq $((${#CAMPAIGNS[@]} * BATCH)) ]
check "0 lost, 0 accepted twice: a stranger finds one result for every planned task" fleet_judge once "$FLEET_DIR/planned"
check "no kernel was blamed for a kill: every verdict is the one it deserves" many_verdicts_hold
OUTCOMES=$(jq -r .record.outcome "$FLEET_DIR/results.ndjson" | sort | uniq -c | tr -s ' \n' ' ')
check "every task has its verdict ($OUTCOMES)" all_hold 'all(.[]; .record.outcome == "verdict")' <"$FLEET_DIR/results.ndjson"
for task in $(jq -r '.record | select(.attempts > 1) | .task_id' "$FLEET_DIR/results.ndjson"); do fleet_api "/v1/tasks/$task" | jq -c .; done >"$FLEET_DIR/attempts"
elsewhere() { "$VENV_PYTHON" tests/lib/lapses.py "$FLEET_DIR/kills" "$FLEET_DIR/attempts" "$FLEET_DIR"/agent-*.log -- "$LEASE_MS"; }
elsewhere
check "work of a dead agent is elsewhere within its lease and a second" elsewhere
echo "tasks with more than one attempt: $(wc -l <"$FLEET_DIR/attempts"); lapses: $(fleet_api /metrics | sed -n 's/^portolan_lease_lapses_total //p')"
check_done
