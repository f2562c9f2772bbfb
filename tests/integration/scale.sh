#!/usr/bin/env bash
# A fleet of hundreds on one machine: 250 virtual agents register, a campaign of 3,000 tasks is planned, handed out, watched and published
# once. The long form, with 1,000 agents and 100,000 tasks, is tests/soak/scale; what it measures is in docs/scale.md.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
. tests/lib/scale.sh
AGENTS=250
KERNELS=120
TARGETS=25
TASKS=$((KERNELS * TARGETS))
finish() {
    sim_stop_all
    fleet_stop
    kafka_stop
}
trap finish EXIT
python_install && fleet_init && kafka_start && fleet_serve || exit 1
check "a fleet file's mistake is named with its line" \
    eval '! "$SIM_FLEET" run --bootstrap x --group "{name: a, targets: [t], fial: 1}" 2>&1 | grep -q "ready" && "$SIM_FLEET" run --bootstrap x --group "{name: a, targets: [t], fial: 1}" 2>&1 | grep -q "did you mean .fail"'
sim_start fleet --group "{name: a, nodes: $AGENTS, targets: ['t{0..$((TARGETS - 1))}'], task_ms: [50, 150]}" --verdict '*-*3=wrong_output'
check "$AGENTS virtual agents join" sim_ready fleet 120
check "the coordinator has them in service" fleet_wait_nodes $AGENTS
FILE=$(scale_campaign many $KERNELS "$(seq -s, -f 't%g' 0 $((TARGETS - 1)))")
before=$(cpu_ms "$FLEET_COORDINATOR")
timeout 600 "$PORTOLAN" submit "$FILE" --watch >"$FLEET_DIR/watch.log" 2>&1 &
WATCH=$!
wait $WATCH # ends with the campaign
used=$(($(cpu_ms "$FLEET_COORDINATOR") - before))
watched() { grep -q "^verdicts: .*correct $((TASKS * 9 / 10))" "$FLEET_DIR/watch.log" || { tail -n 3 "$FLEET_DIR/watch.log"; return 1; }; }
check "$TASKS tasks complete; who watches sees the end, and every verdict" watched
CAMPAIGN=$(fleet_api /v1/campaigns | jq -r '.campaigns[0].campaign')
fleet_planned "$CAMPAIGN" | sort >"$FLEET_DIR/planned"
check "the campaign is shown whole" [ "$(sort -u "$FLEET_DIR/planned" | wc -l)" -eq $TASKS ]
check "a stranger finds each result once" fleet_judge once "$FLEET_DIR/planned"
rss=$(rss_kb "$FLEET_COORDINATOR")
check "the coordinator keeps to 200 MB ($((rss / 1024)) MB)" [ "$rss" -lt 204800 ]
check "and to 3 ms of processor time a task ($((used * 1000 / TASKS)) us)" [ $((used * 1000)) -lt $((TASKS * 3000)) ]
sim_stop fleet
check "each task was handed out once, and none came twice" \
    [ "$(sim_stat fleet '*' '"\(.tasks) \(.begun) \(.repeated) \(.stale) \(.infrastructure)"')" = "$TASKS $TASKS 0 0 0" ]
check "no device had more than its window in hand" [ "$(sim_stat fleet '*' .most_held)" -le 4 ]
check_done
