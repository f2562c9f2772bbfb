#!/usr/bin/env bash
# Agents are killed (-9): first under a task that runs, with the others idle, to measure how long it takes to start elsewhere; then at random
# instants of a campaign of many tasks, every other one started again at once, the others after their leases have run out. Nothing is lost,
# nothing accepted twice.
#   SEED=N TASKS=N KILLS=N MEASURED=N LEASE_MS=MS      the order; sizes: the long form sets larger ones
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
MEASURED=${MEASURED:-2} # tasks that are killed from agent to agent
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
kill_now() { # NODE FILE
    kill -9 "${FLEET_AGENT[$1]}" && echo "$(date +%s%3N) $1 $(open_tasks)" >>"$2" && fleet_wait_gone "${FLEET_AGENT[$1]}"
}
several_attempts() { # CAMPAIGN...: those of its tasks that needed more than one, with their attempts
    local task
    for task in $(for c in "$@"; do fleet_api "/v1/campaigns/$c" | jq -r '.cells[] | select(.attempts > 1) | .task'; done); do fleet_api "/v1/tasks/$task" | jq -c .; done
}
# Ticks are written to every partition of the topic in one go.
ticks() { kcat -b "$KAFKA_BOOTSTRAP" -C -q -e -t portolan.heartbeats -p 0 -o beginning -f '%k %T\n' 2>/dev/null | sed -n 's/^coordinator //p'; }
elsewhere() { # WHAT KILLS CAMPAIGN...
    several_attempts "${@:3}" >"$FLEET_DIR/attempts" && ticks >"$FLEET_DIR/ticks" &&
        "$VENV_PYTHON" tests/lib/lapses.py "$1" "$LEASE_MS" "$2" "$FLEET_DIR/ticks" "$FLEET_DIR/attempts" "$FLEET_DIR"/*.log
}

# --- one task, and others that are idle -----------------------------------------------------------------------------
# It runs on one agent until that is killed, then on the next until that is: twice, since a third failure would end it.
running_as() { fleet_api "/v1/tasks/$TASK" | holds '.state == "running" and .phase == "time" and (.attempt_list | length) == $n' --argjson n "$1"; }
IDLE=()
for ((i = 0; i < MEASURED; i++)); do
    sed 's/^sets: .*/sets: 12/' "$(MANY_KINDS=(rows); many_campaign "long$i" 1 pocl-cpu)" >"$FLEET_DIR/many/long$i-12.yaml"
    IDLE+=("$("$PORTOLAN" submit "$FLEET_DIR/many/long$i-12.yaml" --json | jq -r .campaign)")
    TASK=$(fleet_planned "${IDLE[i]}")
    for n in 1 2; do
        fleet_until 60 running_as $n && kill_now "$(fleet_api "/v1/tasks/$TASK" | jq -r .node)" "$FLEET_DIR/kills-idle"
    done
    fleet_until 60 running_as 3
    "$PORTOLAN" cancel "${IDLE[i]}" >"$FLEET_DIR/cancel.log" 2>&1
    for name in "${AGENTS[@]}"; do kill -0 "${FLEET_AGENT[$name]}" 2>/dev/null || fleet_agent_again "$name"; done
    fleet_wait_nodes ${#AGENTS[@]} || exit 1
done
elsewhere begun "$FLEET_DIR/kills-idle" "${IDLE[@]}"
check "work of a dead agent starts elsewhere within its lease and a second" elsewhere begun "$FLEET_DIR/kills-idle" "${IDLE[@]}"

# --- kills ----------------------------------------------------------------------------------------------------------
submit
T0=$SECONDS KILLED=0
while [ $KILLED -lt "$KILLS" ]; do
    fleet_wait_nodes ${#AGENTS[@]} || break # the others are there to take over; tests/faults/kill9.sh kills agents that still start
    pause_ms $((PAUSE_LEAST_MS + RANDOM % (PAUSE_MOST_MS - PAUSE_LEAST_MS)))
    [ "$(open_tasks)" -ge $LEAST_OPEN ] || submit
    victim=${AGENTS[RANDOM % ${#AGENTS[@]}]}
    kill_now "$victim" "$FLEET_DIR/kills" || break
    KILLED=$((KILLED + 1))
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
only_these() { # MODE: the planned ones; those of the first part were cancelled
    fleet_until 60 fleet_published && fleet_read results | jq -c --argjson c "$(printf '%s\n' "${CAMPAIGNS[@]}" | jq -R . | jq -s .)" 'select(.record.campaign | IN($c[]))' >"$FLEET_DIR/results.ndjson" &&
        "$VENV_PYTHON" tests/foreign/judge_results.py "$FLEET_DIR/results.ndjson" "$FLEET_DIR/planned" "$1"
}
check "0 lost, 0 accepted twice: a stranger finds one result for every planned task" only_these once
check "no kernel was blamed for a kill: every verdict is the one it deserves" many_verdicts_hold
OUTCOMES=$(jq -r .record.outcome "$FLEET_DIR/results.ndjson" | sort | uniq -c | tr -s ' \n' ' ')
check "every task has its verdict ($OUTCOMES)" all_hold 'all(.[]; .record.outcome == "verdict")' <"$FLEET_DIR/results.ndjson"
elsewhere lapsed "$FLEET_DIR/kills" "${CAMPAIGNS[@]}"
check "leases of dead agents ran out within a second of their end" elsewhere lapsed "$FLEET_DIR/kills" "${CAMPAIGNS[@]}"
echo "tasks with more than one attempt: $(wc -l <"$FLEET_DIR/attempts"); lapses: $(fleet_api /metrics | sed -n 's/^portolan_lease_lapses_total //p')"
check_done
