# A store full of open tasks, and how long a coordinator needs to publish the first of them: sourced after fleet.sh.
#   open_tasks TASKS NODES   a coordinator with so many queued tasks and agents without devices (AGENT); then it is killed
#   open_tasks_recover       start it, wait for the first task in a mailbox, append the seconds to $FLEET_DIR/recoveries, kill it
OPEN_PER_CAMPAIGN=4000 # a submission has 4,096 kernels at most

# Kernels that differ in their names only, in three files of text for what would be thousands of processes.
open_tasks_write() { # CAMPAIGN KERNELS
    local folder=$FLEET_DIR/open
    mkdir -p "$folder/$1" && cp tests/campaigns/scale-shift.yaml "$folder/" || return 1
    awk -v folder="$folder/$1" -v n="$2" -v name="$1" '
        /^kernel:/ {next} {text = text $0 "\n"}
        END {for (i = 0; i < n; i++) {file = folder "/k" i ".yaml"; printf "kernel: %s-k%d\n%s", name, i, text >file; close(file)}}
    ' tests/campaigns/kernels/scale-shift.yaml
    cp tests/campaigns/kernels/scale-shift.cl "$folder/$1/"
    printf 'campaign: %s\nproblems: [scale-shift.yaml]\ntargets: [scripted-cpu]\nsize: small\nsets: 1\nkernels: ["%s/*.yaml"]\nbaselines: [plain]\n' \
        "$1" "$1" >"$folder/$1.yaml"
    echo "$folder/$1.yaml"
}

open_tasks() {
    local left=$1 i n names=()
    for ((i = 0; i < $2; i++)); do names+=("node$i"); done
    fleet_serve --lease-ms 60000 || return 1
    "$FLEET_BUILD/tools/scripted_agent" "$KAFKA_BOOTSTRAP" scripted-cpu "${names[@]}" >"$FLEET_DIR/agent.log" 2>&1 &
    AGENT=$!
    fleet_wait_nodes "$2" || return 1
    kill -STOP "$AGENT"
    for ((i = 0; left > 0; i++, left -= n)); do
        n=$((left < OPEN_PER_CAMPAIGN ? left : OPEN_PER_CAMPAIGN))
        "$PORTOLAN" submit "$(open_tasks_write "c$i" "$n")" || return 1
    done
    fleet_kill KILL "$FLEET_COORDINATOR"
    kill -CONT "$AGENT" # what the first coordinator left in the mailboxes is no part of any recovery
    fleet_until 30 open_tasks_more_than 0
    kill -STOP "$AGENT"
}

open_tasks_firsts() { grep -c '^first' "$FLEET_DIR/agent.log"; }
open_tasks_more_than() { [ "$(open_tasks_firsts)" -gt "$1" ]; }
open_tasks_recover() {
    local before began first
    before=$(open_tasks_firsts)
    kill -CONT "$AGENT"
    began=$(date +%s.%N)
    "$PORTOLAN" serve --port 0 --bootstrap "$KAFKA_BOOTSTRAP" "${FLEET_ARGS[@]}" >>"$FLEET_DIR/coordinator.log" 2>&1 &
    FLEET_COORDINATOR=$!
    disown "$FLEET_COORDINATOR"
    fleet_until 60 open_tasks_more_than "$before" || { tail -n 20 "$FLEET_DIR/coordinator.log" >&2; return 1; }
    kill -STOP "$AGENT"
    first=$(awk '/^first/ {t = $2} END {print t}' "$FLEET_DIR/agent.log")
    fleet_kill KILL "$FLEET_COORDINATOR"
    awk -v a="$began" -v b="$first" 'BEGIN {printf "%.3f\n", b - a}' | tee -a "$FLEET_DIR/recoveries"
}
