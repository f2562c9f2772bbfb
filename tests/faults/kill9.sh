#!/usr/bin/env bash
# kill -9 of agents and of the coordinator, ten times each, at seeded random instants of a campaign. Each is started again at once:
# agents under the same name, the coordinator from its store. Then a stranger must find one latest result for every planned task.
#   SEED=N tests/faults/kill9.sh     the same order of victims and the same pauses again
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
. tests/lib/many.sh
SEED=${SEED:-20261}
KILLS=${KILLS:-10}             # of each kind
PAUSE_LEAST_MS=200
PAUSE_MOST_MS=2200
LEAST_OPEN=12                  # with fewer tasks left, another campaign joins: no kill may find an idle fleet
BATCH=12
TARGETS=pocl-cpu,intel-cpu
echo "SEED=$SEED"
RANDOM=$SEED
finish() {
    fleet_stop
    kafka_stop
}
trap finish EXIT
python_install && intel_install && fleet_init && fleet_calibrate pocl intel && kafka_start || exit 1
FLEET_PORT=$(kafka_free_ports 1) # the same for every life of the coordinator: who watches finds it again
fleet_serve --lease-ms 5000 || exit 1
declare -A DRIVER=([one]=pocl [two]=pocl [three]=intel)
AGENTS=(one two three)
for name in "${AGENTS[@]}"; do fleet_agent "$name" "${DRIVER[$name]}"; done
fleet_wait_nodes 3 || exit 1

# --- work -----------------------------------------------------------------------------------------------------------
WATCHERS=()
submit() {
    local n=${#WATCHERS[@]} file
    file=$(many_campaign "batch$n" $BATCH $TARGETS)
    "$PORTOLAN" submit "$file" --watch >"$FLEET_DIR/watch$n.log" 2>&1 &
    WATCHERS+=($!)
    fleet_await "$FLEET_DIR/watch$n.log" '^campaign ' $!
}
# Tasks that are not done, and those of them that agents hold: "OPEN HELD". (What runs this instant nobody but the agents knows.)
open_tasks() {
    fleet_api /v1/campaigns | jq -r '[.campaigns[].counts | [.queued + .published + .running, .published + .running]] | transpose | map(add) | join(" ")'
}
all_ended() { fleet_api /v1/campaigns | holds 'all(.campaigns[]; .state != "running")'; }

# --- kills ----------------------------------------------------------------------------------------------------------
ORDER=()
for ((i = 0; i < KILLS; i++)); do ORDER+=(agent coordinator); done
for ((i = ${#ORDER[@]} - 1; i > 0; i--)); do # Fisher and Yates
    j=$((RANDOM % (i + 1))) swap=${ORDER[i]} ORDER[i]=${ORDER[j]} ORDER[j]=$swap
done
STRAYS=0
kill_one() {
    case $1 in
    coordinator)
        fleet_kill KILL "$FLEET_COORDINATOR"
        fleet_serve_again
        ;;
    *)
        fleet_kill_agent "$1" || STRAYS=$((STRAYS + 1))
        fleet_agent_again "$1"
        ;;
    esac
}
submit || exit 1
KILLED=$FLEET_DIR/killed
for victim in "${ORDER[@]}"; do
    pause=$((PAUSE_LEAST_MS + RANDOM % (PAUSE_MOST_MS - PAUSE_LEAST_MS)))
    [ "$victim" = agent ] && victim=${AGENTS[RANDOM % 3]}
    read -rt "$(printf '%d.%03d' $((pause / 1000)) $((pause % 1000)))" <> <(:) || : # the random instant
    read -r open held <<<"$(open_tasks)"
    [ "$open" -ge $LEAST_OPEN ] || { submit && read -r open held <<<"$(open_tasks)"; }
    echo "$victim $open $held" >>"$KILLED"
    kill_one "$victim" || { echo "kill of $victim: no new life"; break; }
done
echo "kills (victim, open tasks, those that agents hold): $(tr '\n' ';' <"$KILLED" | sed 's/;/; /g')"

# --- what is left ---------------------------------------------------------------------------------------------------
kills_of() { grep -c "$@" "$KILLED"; }
check "agents were killed $KILLS times, and the coordinator $KILLS times" \
    [ "$(kills_of -v '^coordinator'):$(kills_of '^coordinator')" = "$KILLS:$KILLS" ]
work_was_under_way() { awk '$2 < 1 {print; bad = 1} $3 > 0 {busy++} END {exit bad || 2 * busy < NR}' "$KILLED"; }
check "work was under way at each kill, and agents held tasks at most of them" work_was_under_way
check "all campaigns come to their end" fleet_until 150 all_ended
CAMPAIGNS=$(fleet_api /v1/campaigns | jq -r '.campaigns[].campaign')
fleet_planned $CAMPAIGNS | sort >"$FLEET_DIR/planned"
check "all were planned whole: $((${#WATCHERS[@]} * BATCH * 2)) tasks" [ "$(wc -l <"$FLEET_DIR/planned")" -eq $((${#WATCHERS[@]} * BATCH * 2)) ]
check "a stranger finds one latest result for every planned task" fleet_judge upsert "$FLEET_DIR/planned"
keys_of_results() { kcat -b "$KAFKA_BOOTSTRAP" -C -q -e -t portolan.results -o beginning -X isolation.level=read_committed -f '%k\n' 2>/dev/null; }
kcat_agrees() { diff <(keys_of_results | sort -u) "$FLEET_DIR/planned"; }
check "kcat finds the same keys" kcat_agrees
check "no kernel was blamed for a kill: every verdict is the one it deserves" many_verdicts_hold
# Three lost attempts make `gave_up`: possible for a task that met three kills, not for many.
GAVE_UP=$(jq -r '.record | select(.outcome == "gave_up") | .task_id' "$FLEET_DIR/results.ndjson" | sort -u | wc -l)
check "at most 3 tasks met so many kills that they were given up ($GAVE_UP)" [ "$GAVE_UP" -le 3 ]
check "nothing else than verdicts and those" \
    [ "$(jq -r .record.outcome "$FLEET_DIR/results.ndjson" | grep -c -v -E '^(verdict|gave_up)$')" -eq 0 ]
rows_hold() {
    fleet_read measurements >"$FLEET_DIR/measurements.ndjson" &&
        "$VENV_PYTHON" tests/foreign/judge_measurements.py <(jq -c -s 'unique_by(.key)[]' "$FLEET_DIR/measurements.ndjson") \
            <(jq -c -s 'unique_by(.key)[]' "$FLEET_DIR/results.ndjson")
}
check "\`measurements\` has rows of accepted attempts only" rows_hold
check "the coordinator is in its $((KILLS + 1))th epoch" [ "$(fleet_api /v1/health | jq .epoch)" -eq $((KILLS + 1)) ]
watched=0
for pid in "${WATCHERS[@]}"; do
    wait "$pid"
    case $? in 0 | 1) watched=$((watched + 1)) ;; esac
done
ends_seen() { [ "$watched" -eq ${#WATCHERS[@]} ] && [ "$(grep -l '^verdicts: ' "$FLEET_DIR"/watch*.log | wc -l)" -eq ${#WATCHERS[@]} ]; }
check "who watched saw the end, over every death of the coordinator" ends_seen
check "no runner outlived its agent" [ "$STRAYS" -eq 0 ]
LEFT=$(for pid in "${FLEET_AGENT[@]}"; do fleet_descendants "$pid"; done)
for name in "${AGENTS[@]}"; do fleet_kill TERM "${FLEET_AGENT[$name]}"; done
none_left() { [ -z "$(for pid in $LEFT; do [ -e "/proc/$pid" ] && echo "$pid"; done)" ]; }
check "agents that are stopped leave no process behind" fleet_until 5 none_left
check_done
