#!/usr/bin/env bash
# The command line as a person and as a script meets it: help, completion and manual of every command, installation, and a
# campaign on the embedded broker with every listing as text and as JSON.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
fleet_init || exit 1
trap fleet_stop EXIT
DIR=$FLEET_DIR/files
mkdir -p "$DIR/k"
ESC=$'\x1b'
export TERM=xterm
unset NO_COLOR

# --- help, manual, completion ---------------------------------------------------------------------------------------------
commands_of() { "$1" help | awk '/^Commands:/ {on = 1; next} /^$/ {on = 0} on && /^  [a-z]/ {sub(/^  /, ""); sub(/  .*/, ""); print}'; }
commands_are_those_of_the_issue() {
    local c
    for c in submit try status results matrix nodes cancel 'problem list' 'problem show' 'problem check' 'problem margins' demo serve topics why; do
        commands_of "$PORTOLAN" | grep -qx "$c" || { echo "no command $c"; return 1; }
    done
}
help_teaches() { # PROGRAM COMMAND: usage, what it is for, an option a line, and the same by both ways
    local text
    # shellcheck disable=SC2086 # a command may have two words
    text=$("$1" $2 --help) && [ "$text" = "$("$1" help $2)" ] || return 1
    grep -q "^Usage: ${1##*/} $2" <<<"$text" && grep -q '^Options:' <<<"$text" && grep -q -- '--help' <<<"$text" &&
        [ "$(awk 'length > 100' <<<"$text" | grep -cv '^  ')" -eq 0 ] && ! grep -q "$ESC" <<<"$text"
}
man_page_is_well_formed() { # PROGRAM [COMMAND]
    local page warnings
    # shellcheck disable=SC2086
    page=$("$1" man ${2:-}) || return 1
    [ "$(grep -c '^\.TH ' <<<"$page")" -eq 1 ] && grep -q '^\.SH NAME' <<<"$page" && grep -q '^\.SH SYNOPSIS' <<<"$page" || return 1
    command -v groff >/dev/null || return 0
    warnings=$(groff -man -ww -z <<<"$page" 2>&1)
    echo "$warnings"
    [ -z "$warnings" ]
}
options_are_completed() { # PROGRAM COMMAND: every long option of the help
    local option words
    words=$(complete_words "$1" $2 --)
    # shellcheck disable=SC2086
    for option in $("$1" $2 --help | sed -nE 's/^ {2}(-[a-z], |    )(--[a-z-]+).*/\2/p'); do
        grep -qx -- "$option" <<<"$words" || { echo "$option is not completed"; return 1; }
    done
}
complete_words() { # PROGRAM WORD...: what bash offers for the last word
    bash -c 'program=$1; shift; source <("$program" completion bash); COMP_WORDS=("${program##*/}" "$@"); COMP_CWORD=$#
        function=$(complete -p "${program##*/}" | sed -E "s/.*-F ([^ ]+).*/\1/"); "$function"; printf "%s\n" "${COMPREPLY[@]}"' _ "$@"
}
completes() { # WANTED WORD...
    local wanted=$1
    shift
    complete_words "$PORTOLAN" "$@" | tee /dev/stderr | grep -qx -- "$wanted"
}
zsh_completion_parses() { "$1" completion zsh >"$DIR/zsh" && grep -q '^#compdef' "$DIR/zsh" && { ! command -v zsh || zsh -n "$DIR/zsh"; }; }

# Examples that name files of this repository must name such as there are.
examples_are_there() {
    local file program command
    for program in "$PORTOLAN" "$PORTOLAN_AGENT"; do
        while read -r command; do
            # shellcheck disable=SC2086
            for file in $("$program" help $command | grep -oE '(kernels|problems|demo|docs)/[a-zA-Z0-9/.-]+\.(yaml|md)'); do
                [ -e "$file" ] || { echo "$command: $file is not there"; return 1; }
            done
        done < <(commands_of "$program")
    done
}
check "every command is there" commands_are_those_of_the_issue
for program in "$PORTOLAN" "$PORTOLAN_AGENT"; do
    name=${program##*/}
    check "$name: the manual is well-formed" man_page_is_well_formed "$program"
    check "$name: completion for zsh" zsh_completion_parses "$program"
    while read -r command; do
        check "$name $command: help" help_teaches "$program" "$command"
        check "$name $command: manual" man_page_is_well_formed "$program" "$command"
        check "$name $command: completion" options_are_completed "$program" "$command"
    done < <(commands_of "$program")
done
check "examples name files that are there" examples_are_there
check "commands are completed" completes submit su
check "second words are completed" completes show problem ''
check "options are completed" completes --watch submit --w
check "files are completed" completes Makefile submit Make
check "--version" grep -qxE "portolan $(cat VERSION)" <("$PORTOLAN" --version)

# --- installed ------------------------------------------------------------------------------------------------------------
# From another folder, without the environment of this one: it finds what it ships.
installed() { (cd / && env -u PORTOLAN_SHARE "$DIR/root/opt/p/bin/portolan" "$@"); }
make_install() { make --no-print-directory BUILD="${BUILD:-build}" PREFIX=/opt/p DESTDIR="$DIR/root" "$1"; }
installed_files_are_whole() {
    local share=$DIR/root/opt/p/share
    [ -s "$share/man/man1/portolan-problem-show.1" ] && [ -s "$share/man/man1/portolan-agent-check.1" ] &&
        [ -s "$share/bash-completion/completions/portolan" ] && [ -s "$share/zsh/site-functions/_portolan-agent" ] &&
        [ -s "$share/portolan/demo/campaign.yaml" ] && [ -s "$share/doc/portolan/docs/file-formats.md" ] &&
        [ "$(find "$share/portolan/problems" -name '*.yaml' | wc -l)" -eq "$(find problems -name '*.yaml' | wc -l)" ] &&
        [ "$(find "$share/portolan/kernels" -type f | wc -l)" -eq "$(find kernels -name '*.yaml' -o -name '*.cl' | wc -l)" ]
}
installed_lists_its_problems() { installed problem list --json | jq -e --arg at "$DIR/root/opt/p/share/" '.problems | length >= 8 and all(.path | startswith($at))'; }
nothing_is_left() { local left; left=$(find "$DIR/root" -mindepth 1); echo "$left"; [ -z "$left" ]; }
check "make install" make_install install
check "programs, problems, kernels, documents, manuals and completion are installed" installed_files_are_whole
check "the installed program lists the problems that came with it" installed_lists_its_problems
check "the installed program shows one" grep -q '^size check:' <(installed problem show softmax)
check "make uninstall" make_install uninstall
check "uninstall leaves nothing" nothing_is_left

# --- without a coordinator --------------------------------------------------------------------------------------------------
problems_as_json() {
    "$PORTOLAN" problem list --json | jq -e '.problems | length >= 8 and all(.name and .path and (.level | type == "number") and
        (.hash | length == 64) and (.sizes | index("check")))' &&
        "$PORTOLAN" problem show softmax --json | jq -e '.yaml and (.bound | length) == (.sizes | length) and
            (.bound[] | select(.size == "small") | .dims.N == 256 and .bytes_least > 1e6 and .flops > 1e6 and
             any(.tensors[]; .name == "y" and .role == "output" and .shape == [256, 4096]))'
}
topics_as_json() { "$PORTOLAN" topics --json | jq -e '(.topics | length == 10) and (.acls | length > 10) and any(.topics[]; .topic == "portolan.results" and .public)'; }
check "problem list and show as JSON" problems_as_json
check "topics as JSON" topics_as_json

# --- a campaign on the embedded broker ----------------------------------------------------------------------------------------
fleet_calibrate pocl || exit 1
"$PORTOLAN" serve --embedded --port 0 >"$FLEET_DIR/coordinator.log" 2>&1 &
FLEET_COORDINATOR=$!
disown "$FLEET_COORDINATOR"
fleet_until 30 fleet_api_answers || { tail "$FLEET_DIR/coordinator.log"; exit 1; }
empty_lists_say_so() {
    "$PORTOLAN" nodes 2>&1 | grep -q 'no node has registered yet' && "$PORTOLAN" status 2>&1 | grep -q 'no campaign yet' &&
        "$PORTOLAN" results 2>&1 | grep -q 'no results' && "$PORTOLAN" matrix | grep -q 'no cells yet' &&
        [ "$("$PORTOLAN" nodes --json | jq -c .)" = '{"nodes":[]}' ]
}
check "empty lists say so" empty_lists_say_so
KAFKA_BOOTSTRAP=$(jq -r .kafka "$FLEET_DIR/runtime/coordinator.json")
fleet_agent a1 pocl
fleet_wait_nodes 1 || exit 1
check "nodes" grep -qzP '(?m)^a1 +in_service +agent .*\n  pocl-cpu +idle +pocl-cpu +0/' <("$PORTOLAN" nodes)
check "nodes as JSON" jq -e '.nodes[0] | .node == "a1" and .ready and (.devices[0] | .target == "pocl-cpu" and .copy_gbps > 0)' <("$PORTOLAN" nodes --json)
check "the topics of the broker are as they should be" "$PORTOLAN" topics --bootstrap "$KAFKA_BOOTSTRAP"

for kernel in tests/honest/gelu-plain tests/cheats/uncompilable; do cp "$kernel".{yaml,cl} "$DIR/k/"; done
cat >"$DIR/c.yaml" <<'YAML'
campaign: cli
problems: [gelu]
targets: [pocl-cpu]
size: check
strategies: [human]
kernels: [k/*.yaml]
sets: 1
YAML
watch_in_a_pipe() { # lines for the cells, the end, the matrix; no colours, no carriage returns
    "$PORTOLAN" submit --force "$DIR/c.yaml" --watch >"$DIR/out" 2>"$DIR/err" || { cat "$DIR/out" "$DIR/err"; return 1; }
    cat "$DIR/out"
    ! grep -q "[$ESC"$'\r]' "$DIR/out" "$DIR/err" && grep -qE '^campaign c[0-9a-f]+ \(cli\): 2 tasks$' "$DIR/out" &&
        grep -qE '^correct +pocl-cpu +gelu-plain +check +[0-9.]+ us  [0-9.]+x( \[[0-9.]+, [0-9.]+\])? vs (plain|fused)$' "$DIR/out" &&
        grep -qE '^compile_error +pocl-cpu +[a-z-]+ +check +' "$DIR/out" &&
        grep -qE '^campaign c[0-9a-f]+ is complete after .*: 2 of 2 cells; (correct 1, compile_error 1|compile_error 1, correct 1)$' "$DIR/out" &&
        grep -qE '^gelu +[0-9.]+x' "$DIR/out" && grep -q '^verdicts: ' "$DIR/out"
}
check "submit --watch in a pipe: plain lines, then the matrix" watch_in_a_pipe
on_a_terminal() { # a live line that is redrawn, and result lines between
    script -qefc "stty cols 120; '$PORTOLAN' submit --force '$DIR/c.yaml' --watch" /dev/null </dev/null >"$DIR/tty" 2>&1 || { cat "$DIR/tty"; return 1; }
    grep -q $'\r'"c[0-9a-f]* \[[#.]*\] [0-2]/2 .*${ESC}\[K" "$DIR/tty" && grep -q "${ESC}\[32mcorrect${ESC}\[0m  " "$DIR/tty" &&
        grep -q "${ESC}\[31mcompile_error${ESC}\[0m  " "$DIR/tty"
}
check "submit --watch on a terminal: a live line and colours" on_a_terminal
without_colours() { NO_COLOR=1 script -qefc "'$PORTOLAN' status latest" /dev/null </dev/null >"$DIR/tty" && ! grep -q "$ESC" "$DIR/tty"; }
check "NO_COLOR is heeded" without_colours

follow() { # every result of the campaign, in JSON, until it ends; the first ones may be there before we ask
    local id
    id=$("$PORTOLAN" submit --force "$DIR/c.yaml" --json | jq -r .campaign) || return 1
    timeout 60 "$PORTOLAN" results --follow --json --campaign "$id" >"$DIR/follow" || return 1
    "$PORTOLAN" results --json --campaign "$id" >"$DIR/once"
    diff "$DIR/follow" "$DIR/once" && [ "$(jq -s 'length' "$DIR/once")" -eq 2 ] &&
        jq -se --arg id "$id" 'all(.campaign == $id and .problem == "gelu" and .target == "pocl-cpu" and .status == "provisional" and
            .outcome == "verdict" and (.task_id | length == 32) and .revision > 0 and .attempts == 1) and
            ([.[].verdict] | sort == ["compile_error", "correct"]) and ([.[].task_id] | unique | length == 2)' "$DIR/once"
}
check "results --follow --json gives every result and ends with the campaign" follow
check "results as a table" grep -qE '^c[0-9a-f]+ +gelu +pocl-cpu +check +gelu-plain +correct +[0-9.]+ us +' <("$PORTOLAN" results)
check "results by filter" jq -se 'length == 0' <("$PORTOLAN" results --json --problem softmax)
status_as_json() {
    "$PORTOLAN" status --json | jq -e '(.campaigns | length == 3) and all(.campaigns[]; .state == "complete" and .exit_status == 0 and
        .counts.done == 2 and .verdicts.correct == 1)' &&
        "$PORTOLAN" status latest --json | jq -e '.name == "cli" and (.cells | length == 2) and .definition and
            all(.cells[]; .state == "done" and .kernel_hash and .size == "check")'
}
check "status as JSON" status_as_json
check "status" grep -qE '^c[0-9a-f]+ +cli +complete +2/2 ' <("$PORTOLAN" status)
check "status of one campaign" grep -qE '^[0-9a-f]{12} +gelu +pocl-cpu +check +gelu-plain +correct ' <("$PORTOLAN" status latest)
matrix_as_json() {
    "$PORTOLAN" matrix latest --json | jq -e '.problems == ["gelu"] and .targets == ["pocl-cpu"] and (.cells | length == 1) and
        (.cells[0] | .verdict == "correct" and .tasks == 2 and .speedup > 0 and .score >= 1 and .time_ns_p50 > 0 and .baseline) and
        (.scores[0] | .planned == 1 and .correct == 1 and .coverage == 1) and .verdicts.correct == 1'
}
check "matrix as JSON" matrix_as_json
check "the matrix of all campaigns" grep -qE '^gelu +[0-9.]+x' <("$PORTOLAN" matrix)
why_a_task() {
    local task
    task=$("$PORTOLAN" status latest --json | jq -r '.cells[] | select(.verdict == "compile_error") | .task')
    "$PORTOLAN" why "${task:0:8}" | tee "$DIR/why"
    grep -q '^compile_error  ' "$DIR/why" && grep -qE 'error:' "$DIR/why" && grep -qE '^1 +a1 +pocl-cpu +accepted +compile_error ' "$DIR/why" &&
        "$PORTOLAN" why "$task" --json | jq -e '.why == "done" and .result.verdict == "compile_error" and (.attempt_list | length == 1) and .log != ""'
}
check "why: a task with its evidence, log and attempts" why_a_task

# --- try ------------------------------------------------------------------------------------------------------------------
try_as_json() {
    "$PORTOLAN" try "$DIR/k/gelu-plain.yaml" --size check --sets 1 --on pocl-cpu --json >"$DIR/try" || return 1
    jq -se '.[0].event == "planned" and .[-1].event == "end" and .[-1].exit_status == 0 and
        ([.[] | select(.event == "result")] | length == 1 and (.[0] | .cell.verdict == "correct" and .result.verdict == "correct" and
         any(.measured[]; .role == "baseline") and any(.phases[]; .name == "verify")))' "$DIR/try"
}
try_in_words() {
    "$PORTOLAN" try "$DIR/k/gelu-plain.yaml" --size check --sets 1 2>/dev/null | tee "$DIR/try" &&
        grep -qxE 'correct  gelu-plain on pocl-cpu \(node a1\), size check' "$DIR/try" && grep -qE '^  time +[0-9.]+ us a run' "$DIR/try" &&
        grep -qE '^  speedup +[0-9.]+x' "$DIR/try" && grep -qE '^  baselines +(plain|fused) ' "$DIR/try" && grep -qE '^  took +' "$DIR/try"
}
try_fails_as_its_verdict() {
    "$PORTOLAN" try "$DIR/k/uncompilable.yaml" --size check >"$DIR/try" 2>/dev/null
    [ $? -eq "$(sed -nE 's/^X\([A-Z_]+, "compile_error", ([0-9]+),.*/\1/p' schemas/verdicts.def)" ] && grep -q '^compile_error  ' "$DIR/try"
}
check "try as JSON: planned, result with what was measured, end" try_as_json
check "try in words" try_in_words
check "the exit status of try is its verdict's" try_fails_as_its_verdict
check "tries are listed apart" jq -e '(.campaigns | length == 3) and all(.campaigns[]; .purpose == "try")' <("$PORTOLAN" status --tries --json)

# --- cancel ---------------------------------------------------------------------------------------------------------------
cancelled_while_watched() { # its exit status is that of a cancelled campaign, and the watcher hears of the end
    local watcher status id
    sed -i 's/^sets: 1/sets: 64/' "$DIR/c.yaml"
    "$PORTOLAN" submit --force "$DIR/c.yaml" --watch --json >"$DIR/events" &
    watcher=$!
    fleet_until 30 grep -q '"state":"running"' "$DIR/events" || return 1
    id=$("$PORTOLAN" status --json | jq -r '.campaigns[0].campaign')
    "$PORTOLAN" cancel "${id:0:6}" --reason 'no longer wanted' | tee "$DIR/cancel"
    wait $watcher
    status=$?
    [ $status -eq 16 ] && grep -qE "^campaign $id is cancelled: [12] cells? ended by it" "$DIR/cancel" &&
        tail -n 1 "$DIR/events" | jq -e '.event == "end" and .state == "cancelled" and .exit_status == 16' &&
        "$PORTOLAN" status "$id" --json | jq -e '.state == "cancelled" and any(.cells[]; .evidence | test("no longer wanted"))'
}
cancel_again() { local out; out=$("$PORTOLAN" cancel latest 2>&1); [ $? -eq 5 ] && grep -q 'cancelled already' <<<"$out"; }
check "cancel ends the campaign, stops what runs and is heard by the watcher" cancelled_while_watched
check "cancelling again is a conflict" cancel_again
check "the device is free again" fleet_until 20 sh -c "'$PORTOLAN' nodes --json | jq -e '.nodes[0].devices[0].state == \"idle\"'"

interrupted() { # Ctrl-C ends the view, not the campaign, which is long enough (64 sets) to be running still
    local pid status
    setsid "$PORTOLAN" submit --force "$DIR/c.yaml" --watch >"$DIR/out" 2>"$DIR/err" &
    pid=$!
    fleet_until 60 grep -q ' tasks$' "$DIR/out" || return 1
    kill -INT $pid
    wait $pid
    status=$?
    cat "$DIR/out" "$DIR/err"
    [ $status -eq 130 ] && grep -q 'the campaign goes on: `portolan status c' "$DIR/err" &&
        "$PORTOLAN" status latest --json | jq -e '.state == "running"' && "$PORTOLAN" cancel latest &&
        fleet_until 60 sh -c "'$PORTOLAN' status latest --json | jq -e '.state == \"cancelled\"'"
}
check "an interrupted view leaves the campaign running" interrupted
check_done
