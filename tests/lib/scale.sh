# Large campaigns and simulated fleets: sourced after fleet.sh.
#   scale_campaign NAME KERNELS TARGETS  writes $FLEET_DIR/scale/NAME.yaml and its kernels, which differ in their text; prints its path.
#                                        TARGETS: a YAML list without its brackets
#   sim_start NAME ARGS...               a simulated fleet on $KAFKA_BOOTSTRAP; sets SIM_PID; its lines go to $FLEET_DIR/NAME.sim
#   sim_ready NAME [SECONDS]             until all its nodes are in service
#   sim_stop NAME                        end it and wait for its statistics
#   sim_stat NAME GROUP FILTER           a figure of its statistics, by jq; GROUP `*` for all together
#   cpu_ms PID, rss_kb PID               processor time used so far; largest memory so far
SIM_FLEET=$FLEET_BUILD/tools/sim_fleet
declare -A SIM_PIDS=()
scale_campaign() {
    local folder=$FLEET_DIR/scale/$1
    mkdir -p "$folder" && cp tests/campaigns/scale-shift.yaml "$FLEET_DIR/scale/" || return 1
    awk -v n="$2" -v folder="$folder" -v name="$1" '
        FILENAME ~ /\.cl$/ {source = source $0 "\n"; next}
        {yaml = yaml $0 "\n"}
        END {
            for (i = 0; i < n; i++) {
                text = yaml
                sub(/kernel: [^\n]*/, "kernel: " name "-" i, text)
                sub(/source: [^\n]*/, "source: " i ".cl", text)
                file = folder "/" i ".yaml"; printf "%s", text > file; close(file)
                file = folder "/" i ".cl"; printf "__constant int number = 1%d;\n%s", i, source > file; close(file)
            }
        }' tests/campaigns/kernels/scale-shift.cl tests/campaigns/kernels/scale-shift.yaml || return 1
    cat >"$FLEET_DIR/scale/$1.yaml" <<Y
campaign: $1
problems: [scale-shift.yaml]
targets: [$3]
size: small
sets: 1
kernels: ["$1/*.yaml"]
baselines: [plain]
Y
    echo "$FLEET_DIR/scale/$1.yaml"
}

sim_start() {
    local name=$1
    shift
    "$SIM_FLEET" run --bootstrap "$KAFKA_BOOTSTRAP" "$@" >"$FLEET_DIR/$name.sim" 2>"$FLEET_DIR/$name.sim.log" &
    SIM_PID=$!
    SIM_PIDS[$name]=$SIM_PID
    disown "$SIM_PID"
}
sim_ready() {
    fleet_await "$FLEET_DIR/$1.sim" '"ready":' "${SIM_PIDS[$1]}" "${2:-60}" && return 0
    tail -n 5 "$FLEET_DIR/$1.sim.log" "$FLEET_DIR/coordinator.log" >&2
    return 1
}
sim_stop() { fleet_kill TERM "${SIM_PIDS[$1]}" && unset "SIM_PIDS[$1]"; }
sim_stop_all() {
    local name
    for name in "${!SIM_PIDS[@]}"; do kill -9 "${SIM_PIDS[$name]}" 2>/dev/null; done
    SIM_PIDS=()
}
sim_stat() { jq -r --arg g "$2" "select(.group == \$g) | $3" "$FLEET_DIR/$1.sim"; }

cpu_ms() { awk '{sub(/.*\) /, ""); print ($12 + $13) * 10}' "/proc/$1/stat"; }
rss_kb() { awk '/VmHWM/ {print $2}' "/proc/$1/status"; }
