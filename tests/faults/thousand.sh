#!/usr/bin/env bash
# A thousand tasks, and agents killed (-9) a hundred times while they work: 0 lost, 0 accepted twice. The agents are the real daemon, each a process
# of its own, over a worker that only takes its time (tests/bench/noop_agent.c), so that what is tried is the plane; kills under real
# kernels are tests/faults/kills.sh. Every other victim comes back at once, the rest after their leases have run out.
#   SEED=N TASKS=N KILLS=N
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
SEED=${SEED:-1000}
TASKS=${TASKS:-1000}
KILLS=${KILLS:-100}
AGENTS=10
LEASE_MS=3000
AWAY=3 # victims that stay away until their leases have run out, at a time
echo "SEED=$SEED"
RANDOM=$SEED
finish() {
    fleet_stop
    kafka_stop
}
trap finish EXIT
python_install && fleet_init && kafka_start || exit 1
export NOOP_DEVICES=1 NOOP_WORK_MS=500 PORTOLAN_LOG_LEVEL=info
noop_agent() { # NAME
    "$FLEET_BUILD/tools/noop_agent" run --node "$1" --bootstrap "$KAFKA_BOOTSTRAP" >>"$FLEET_DIR/agent-$1.log" 2>&1 &
    FLEET_AGENT[$1]=$!
    disown "${FLEET_AGENT[$1]}"
}
open_tasks() { fleet_api /v1/campaigns | jq '[.campaigns[].counts | .queued + .published + .running] | add'; }
running() { fleet_api "/v1/nodes/$1" | jq '[.nodes[].devices[].running | select(.)] | length'; }
all_ended() { fleet_api /v1/campaigns | holds 'all(.campaigns[]; .state != "running")'; }

fleet_serve --lease-ms $LEASE_MS || exit 1
for ((i = 0; i < AGENTS; i++)); do noop_agent "n$i"; done
fleet_wait_nodes $AGENTS || exit 1
API=$(jq -r .api "$FLEET_DIR/runtime/coordinator.json")
python3 tests/bench/throughput.py plan "$API" "$FLEET_DIR/state/token" 1 "$TASKS" noop >"$FLEET_DIR/plan.json" || exit 1
CAMPAIGN=$(fleet_api /v1/campaigns | jq -r '.campaigns[0].campaign // .campaigns[0].id')
check "$TASKS tasks are planned" [ "$(jq .tasks "$FLEET_DIR/plan.json")" -eq "$TASKS" ]

# --- kills ----------------------------------------------------------------------------------------------------------
away=() killed=0 idle=0
while [ $killed -lt "$KILLS" ]; do
    victim=n$((RANDOM % AGENTS))
    [[ " ${away[*]} " != *" $victim "* ]] || continue
    read -rt "0.$((RANDOM % 4 + 1))" <> <(:) || :
    [ "$(open_tasks)" -gt 0 ] || { idle=$((KILLS - killed)); break; }
    kill -9 "${FLEET_AGENT[$victim]}" && fleet_wait_gone "${FLEET_AGENT[$victim]}" || break
    killed=$((killed + 1))
    if [ $((killed % 2)) -eq 0 ]; then
        noop_agent "$victim"
    else
        away+=("$victim")
    fi
    if [ ${#away[@]} -gt $AWAY ]; then
        noop_agent "${away[0]}"
        away=("${away[@]:1}")
    fi
done
for victim in "${away[@]}"; do noop_agent "$victim"; done
check "agents were killed $KILLS times, each time with tasks open ($idle too late)" [ "$killed" -eq "$KILLS" ]
check "the campaign comes to its end" fleet_until 300 all_ended

# --- what came of it ------------------------------------------------------------------------------------------------
fleet_planned "$CAMPAIGN" | sort >"$FLEET_DIR/planned"
check "0 lost, 0 accepted twice: a stranger finds one result for each of $TASKS tasks" fleet_judge once "$FLEET_DIR/planned"
OUTCOMES=$(jq -r .record.outcome "$FLEET_DIR/results.ndjson" | sort | uniq -c | tr -s ' \n' ' ')
# One that three kills met on three nodes is rightly taken for poison; it has its result, too.
check "at least 99 in 100 have their verdict ($OUTCOMES)" all_hold 'map(select(.record.outcome == "verdict")) | length * 100 >= ($n | tonumber) * 99' --arg n "$TASKS" <"$FLEET_DIR/results.ndjson"
ATTEMPTS=$(fleet_api "/v1/campaigns/$CAMPAIGN" | jq '[.cells[].attempts] | add')
check "and kills met work: $ATTEMPTS attempts for $TASKS tasks" [ "$ATTEMPTS" -gt $((TASKS + KILLS / 4)) ]
check_done
