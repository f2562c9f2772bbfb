# Campaigns of many short tasks for the fault tests: sourced after fleet.sh. The kernels differ in their text, so each is compiled,
# verified and, one in four, timed on its own.
#   many_campaign NAME KERNELS TARGETS   writes $FLEET_DIR/many/NAME.yaml and its kernels; prints its path
#                                        MANY_KINDS: which ones, in turn; `rows` is the one that is timed
#   many_verdict KERNEL                  the verdict that such a kernel deserves
MANY_FROM=tests/campaigns
MANY_KINDS=(rows wrong broken wrong)

many_kernel() { # FOLDER NAME KIND
    local suffix=-$3
    [ "$3" = rows ] && suffix=
    sed -e "s/^kernel: .*/kernel: $2-$3/" -e "s/^source: .*/source: $2.cl/" "$MANY_FROM/kernels/scale-shift$suffix.yaml" >"$1/$2.yaml"
    # A constant of its own: comments are gone before anything is compiled or looked up.
    { echo "__constant int number = 1${2//[^0-9]/};"; cat "$MANY_FROM/kernels/scale-shift$suffix.cl"; } >"$1/$2.cl"
}
many_campaign() {
    local folder=$FLEET_DIR/many/$1 i
    mkdir -p "$folder" && cp $MANY_FROM/scale-shift.yaml "$FLEET_DIR/many/" || return 1
    for ((i = 0; i < $2; i++)); do many_kernel "$folder" "$1k$i" "${MANY_KINDS[i % ${#MANY_KINDS[@]}]}"; done
    cat >"$FLEET_DIR/many/$1.yaml" <<X
campaign: $1
problems: [scale-shift.yaml]
targets: [$3]
size: small
sets: 1
kernels: ["$1/*.yaml"]
baselines: [plain]
X
    echo "$FLEET_DIR/many/$1.yaml"
}
many_verdict() {
    case $1 in
    *-rows) echo correct ;;
    *-wrong) echo wrong_output ;;
    *-broken) echo compile_error ;;
    esac
}
# Every verdict in $FLEET_DIR/results.ndjson is the one that the kernel deserves: whatever failed around it, no kernel is blamed.
many_verdicts_hold() {
    local kernel verdict bad=0
    while read -r kernel verdict; do
        [ "$verdict" = "$(many_verdict "$kernel")" ] && continue
        echo "$kernel: $verdict"
        bad=1
    done < <(jq -r '.record | select(.outcome == "verdict") | "\(.kernel) \(.verdict)"' "$FLEET_DIR/results.ndjson" | sort -u)
    return $bad
}
