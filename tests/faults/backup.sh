#!/usr/bin/env bash
# A store that is lost: a backup is made while the coordinator works, work goes on, results are published, the store is destroyed. A
# coordinator starts from the backup on the same broker, with the same agents at work, and the campaign ends. A stranger reads the
# public topics from their beginning: what was published stays what it was, nothing is missing, nothing is there twice.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
. tests/lib/many.sh
TASKS=200
MANY_KINDS=(rows)
AGENT=
finish() {
    [ -z "$AGENT" ] || kill -9 "$AGENT" 2>/dev/null
    fleet_stop
    kafka_stop
}
trap finish EXIT
python_install && fleet_init && kafka_start || exit 1
BACKUP=$FLEET_DIR/backup.db
dead_letters() { kcat -b "$KAFKA_BOOTSTRAP" -C -t portolan.deadletter -o beginning -e -q -f '%k\n' 2>/dev/null | wc -l; }
results() { fleet_api "/v1/campaigns/$CAMPAIGN" | jq .counts.done; }
more_results_than() { [ "$(results)" -gt "$1" ]; }
ended() { fleet_api "/v1/campaigns/$CAMPAIGN" | holds '.state == "complete"'; }
fails() { ! "$@"; }
says() { # PATTERN COMMAND...: it fails and says so
    local pattern=$1
    shift
    fails "$@" 2>&1 | grep -q -e "$pattern"
}

# --- before ---------------------------------------------------------------------------------------------------------------
fleet_serve --lease-ms 5000 || exit 1
"$FLEET_BUILD/tools/scripted_agent" --work-ms 40 "$KAFKA_BOOTSTRAP" scripted-cpu one two >"$FLEET_DIR/agent.log" 2>&1 &
AGENT=$!
fleet_wait_nodes 2 || exit 1
CAMPAIGN=$("$PORTOLAN" submit "$(many_campaign port $TASKS scripted-cpu)" --json | jq -r .campaign)
fleet_until 60 more_results_than 20 || exit 1
check "a backup is made while results come in" "$PORTOLAN" backup "$BACKUP"
AT_BACKUP=$(sqlite3 "file:$BACKUP?immutable=1" 'SELECT count(*) FROM results')
EPOCH=$(sqlite3 "file:$BACKUP?immutable=1" "SELECT value FROM meta WHERE key = 'epoch'")
check "only its owner can read it" [ "$(stat -c %a "$BACKUP")" = 600 ]
check "it is one file, and nothing is left beside it" [ "$(find "$FLEET_DIR" -maxdepth 1 -name '*backup.db*' | wc -l)" = 1 ]
check "another one in its place needs --force" says 'exists' "$PORTOLAN" backup "$BACKUP"
check "with --force it is replaced" "$PORTOLAN" backup "$FLEET_DIR/second.db"
check "and again" "$PORTOLAN" backup "$FLEET_DIR/second.db" --force
check "where there is no store it says so" says 'there is no store' "$PORTOLAN" backup "$FLEET_DIR/third.db" --state-dir "$FLEET_DIR/nowhere"
check "nor does it leave anything then" fails test -e "$FLEET_DIR/third.db"
fleet_until 60 more_results_than $((AT_BACKUP + 40)) || exit 1
check "a backup does not start where there is a store" says 'without a store' \
    "$PORTOLAN" serve --restore "$BACKUP" --bootstrap "$KAFKA_BOOTSTRAP" --state-dir "$FLEET_DIR/state" --port 0
fleet_planned "$CAMPAIGN" | sort >"$FLEET_DIR/planned"

# --- the loss ---------------------------------------------------------------------------------------------------------------
fleet_kill KILL "$FLEET_COORDINATOR"
rm -rf "$FLEET_DIR/state"
fleet_read_public() { "$VENV_PYTHON" tests/foreign/read_results.py "$KAFKA_BOOTSTRAP" portolan.results "$(jq -r .api "$FLEET_DIR/runtime/coordinator.json")" "$FLEET_DIR/state/token"; }
LETTERS=$(dead_letters)
head -c 100000 "$BACKUP" >"$FLEET_DIR/torn.db"
check "half a backup is refused" fails timeout 20 "$PORTOLAN" serve --restore "$FLEET_DIR/torn.db" --bootstrap "$KAFKA_BOOTSTRAP" --port 0
check "and leaves no store behind" fails test -e "$FLEET_DIR/state/portolan.db"

# --- after --------------------------------------------------------------------------------------------------------------------
fleet_serve --lease-ms 5000 --restore "$BACKUP" || exit 1
fleet_until 30 grep -q 'known again' "$FLEET_DIR/coordinator.log"
ADOPTED=$(sed -n 's/.*with a backup: \([0-9]*\) results.*/\1/p' "$FLEET_DIR/coordinator.log")
echo "$AT_BACKUP results in the backup, $ADOPTED published after it and read back"
check "what was published after the backup is known again" [ "${ADOPTED:-0}" -ge 40 ]
FLEET_ARGS=(--lease-ms 5000)
check "it goes on above all epochs before" awk -v a="$(fleet_api /v1/health | jq .epoch)" -v b="$EPOCH" 'BEGIN {exit !(a > b + 1)}'
check "the campaign ends" fleet_until 90 ended
check "outcomes of attempts that it does not know are no dead letters" [ "$(dead_letters)" = "$LETTERS" ]
check "the log says why they are ignored" grep -q 'a store which is gone has handed out' "$FLEET_DIR/coordinator.log"
fleet_planned "$CAMPAIGN" | sort >"$FLEET_DIR/planned.after"
check "it plans what was planned before" cmp "$FLEET_DIR/planned" "$FLEET_DIR/planned.after"
check "a stranger finds each task once in its latest revision" fleet_judge upsert "$FLEET_DIR/planned"
same_results() { # each task was accepted once: nothing that was public became something else
    jq -s -e 'group_by(.key) | all(.[]; (map(.record | {result_id, finished_ms, verdict}) | unique | length) == 1)' "$FLEET_DIR/results.ndjson"
}
check "no task has a second result" same_results
check_done
