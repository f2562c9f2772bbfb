#!/usr/bin/env bash
# portolan fleet over real sshd's: fifty machines in network namespaces, some of them dead, hanging, lying or no SSH servers; keys, agent
# and the user's OpenSSH configuration; copies; and the inventory beside Ansible's own reader, where that is installed.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/hosts.sh
PORTOLAN=$(cd "${BUILD:-build}" && pwd)/portolan
DIR=$(mktemp -d)
OPERATOR_AGENT=
finish() {
    [ -z "$OPERATOR_AGENT" ] || kill "$OPERATOR_AGENT" 2>/dev/null
    hosts_stop
    rm -rf "$DIR"
}
trap finish EXIT
trap 'exit 130' INT TERM
unset SSH_AUTH_SOCK
INVENTORY=$DIR/inventory
fleet() { # VERB [OPTIONS...] [-- ARGUMENTS...]
    local verb=$1
    shift
    hosts_near timeout 120 "$PORTOLAN" fleet "$verb" -i "$INVENTORY" "$@"
}
status_is() { # WANTED COMMAND...
    local wanted=$1 rc=0
    shift
    "$@" || rc=$?
    [ $rc -eq "$wanted" ] || { echo "status $rc in place of $wanted"; return 1; }
}
says() { # PATTERN COMMAND...: whatever its status
    local pattern=$1 out
    shift
    out=$("$@" 2>&1)
    grep -qE -- "$pattern" <<<"$out" || { echo "$out"; return 1; }
}

# --- the inventory: no machine needed ---------------------------------------------------------------------------------------
list() { "$PORTOLAN" fleet list -i "$@"; }
loop_is_named() {
    printf '[gpus]\nh\n[a:children]\nb\n[b:children]\na\n' >"$DIR/loop.ini"
    says 'loop.ini:6: group `a` cannot be a child of `b`: that is a loop' list "$DIR/loop.ini"
}
unreadable_is_named() {
    mkdir -p "$DIR/vars/group_vars/all.yml"/x.yml && printf 'h\n' >"$DIR/vars/hosts"
    says "No such file|not" list "$DIR/nowhere" && status_is 4 list "$DIR/nowhere" || return 1
    printf 'a: [\n' >"$DIR/vars/group_vars/all.yml/y.yml"
    says 'group_vars/all.yml/y.yml:' list "$DIR/vars/hosts"
}
secrets_are_not_shown() {
    printf 'h ansible_password=hunter2 a=b\n' >"$DIR/secret.ini"
    list "$DIR/secret.ini" --json >"$DIR/secret.json" && grep -q '"a": "b"' "$DIR/secret.json" && ! grep -q hunter2 "$DIR/secret.json"
}
# The same variables for each host, and the same groups, as ansible-inventory gives.
same_as_ansible() { # INVENTORY
    ansible-inventory -i "$1" --list 2>/dev/null | jq -S '._meta.hostvars' >"$DIR/theirs.json" &&
        list "$1" --json | jq -S '[.hosts[] | {key: .host, value: .variables} | select(.value != {})] | from_entries' >"$DIR/ours.json" &&
        [ "$(jq length "$DIR/theirs.json")" -gt 0 ] && diff "$DIR/theirs.json" "$DIR/ours.json"
}
write_inventories() {
    mkdir -p "$DIR/i/group_vars/lab" "$DIR/i/host_vars"
    cat >"$DIR/i/hosts.ini" <<'END'
lone ansible_host=10.0.0.9 ansible_port=2222 note="two words" # a comment
[2001:db8::7]:2200
web[01:03].lab:2022 x=1 y=010 z='True' w=[1,2,'a']
[gpus]
node-[a:c] vram=80 who=line
big ansible_user=root
[gpus:vars]
who=gpus
label = "quiet one"
d = {'a': 1.5, 'b': (1, 2), 'c': None}
[lab:children]
gpus
web
[web]
web01.lab
[lab:vars]
who=lab
ansible_group_priority=5
[other]
node-a
[other:vars]
place=attic
who=other
[all:vars]
place=nowhere
END
    printf 'place: from-all\nextra: yes\n' >"$DIR/i/group_vars/all.yml"
    printf 'fromdir: [1, {a: b}]\n' >"$DIR/i/group_vars/lab/main.yml"
    printf 'who: gpus-file\nf: 1.25\no: off\nq: "010"\n' >"$DIR/i/group_vars/gpus.yaml"
    printf '{"who": "host-file"}\n' >"$DIR/i/host_vars/node-b.json"
    cat >"$DIR/i/hosts.yml" <<'END'
all:
  hosts:
    mail.lab: {a: 1}
  vars: {where: nowhere}
  children:
    web:
      hosts:
        www[1:3]: {port: 80}
        www2: {port: 81, ansible_host: 10.0.0.2}
    db:
      hosts: one
      children: {inner: {hosts: {deep: }, vars: {where: inner}}}
      vars: {where: db}
END
}
write_inventories
check "a loop of groups is refused with file, line and the way round" loop_is_named
check "inventories that cannot be read are named" unreadable_is_named
check "passwords that stand in an inventory are not shown" secrets_are_not_shown
check "an inventory script is refused, with the way to a file" says 'ansible-inventory -i .* --list' list tests/integration/fleet.sh
if command -v ansible-inventory >/dev/null; then
    check "an INI inventory with its files is read as Ansible reads it" same_as_ansible "$DIR/i/hosts.ini"
    check "a YAML inventory is read as Ansible reads it" same_as_ansible "$DIR/i/hosts.yml"
fi

# --- fifty machines ---------------------------------------------------------------------------------------------------------
if [ "$(id -u)" -ne 0 ] || ! hosts_init "f$$"; then
    echo "# not root, or no network namespaces here: the machines are left out"
    check_done
    exit
fi
mapfile -t NAMES < <(seq -f 'n%02g' 1 50)
hosts_add "${NAMES[@]}" || exit 1
for name in "${NAMES[@]}"; do echo "$name ansible_host=${HOSTS_ADDRESS[$name]}"; done >"$INVENTORY"
for name in n46 n47 n48; do hosts_kill "$name"; done # nothing listens
for name in n49 n50; do hosts_drop "$name"; done     # nothing answers
sed -i "s|^${HOSTS_ADDRESS[n45]} .*|${HOSTS_ADDRESS[n45]} $(cut -d' ' -f1,2 "$HOSTS_DIR/keys/n01.pub")|" "$HOSTS_DIR/home/.ssh/known_hosts"
# sshd runs such a command only where no other account may have written it.
HANG=$(mktemp /run/portolan-test-hang.XXXXXX) && printf '#!/bin/sh\nexec sleep 600\n' >"$HANG" && chmod 755 "$HANG"
trap 'rm -f "$HANG"; finish' EXIT
hosts_sshd n44 "AuthorizedKeysFile none" "AuthorizedKeysCommand $HANG" "AuthorizedKeysCommandUser root"

# By the clock on the wall, from the command's start to its end. Fifty sshd's share this machine with whatever else it does: a first probe that was
# too slow may be repeated once, and both times are shown.
PROBE_MS=()
probe_all() {
    local begin=${EPOCHREALTIME/./} probe_ms
    fleet probe --json >"$DIR/probe.json" 2>"$DIR/probe.err"
    PROBE_STATUS=$?
    probe_ms=$(((${EPOCHREALTIME/./} - begin) / 1000))
    PROBE_MS+=("$probe_ms")
    [ $probe_ms -lt 15000 ]
}
probe_all || probe_all
probed() { holds "$@" <"$DIR/probe.json"; }
state_of() { probed '.hosts[] | select(.host == $h) | .state == $s and (.reason | test($r))' --arg h "$1" --arg s "$2" --arg r "$3"; }
each_is_named() {
    local name
    for name in n46 n47 n48; do state_of "$name" unreachable 'Connection refused' || { echo "$name"; return 1; }; done
    for name in n49 n50; do state_of "$name" unreachable 'No route to host|no connection within' || { echo "$name"; return 1; }; done
    state_of n45 changed-key 'has changed: .*known_hosts has another for 10.78' && state_of n44 timeout 'handshake was done, but authentication did not end within'
}
check "43 of 50 machines answer the probe" probed '[.hosts[] | select(.state == "ok")] | length == 43'
check "the five dead, the changed key and the hanging one are named with their reasons" each_is_named
check "all of it took less than 15 s (${PROBE_MS[*]} ms)" [ "${PROBE_MS[-1]}" -lt 15000 ]
check "the exit status tells how many failed" [ "$PROBE_STATUS" -eq 199 ]
check "a changed key is mended by the command in the hint" probed '.hosts[] | select(.host == "n45") | .hint | test("ssh-keygen -R .10.78.*ssh-keyscan")'
check "clock, disk and drivers are told" probed '[.hosts[] | select(.state == "ok") | .probe | (.clock_skew_ms | type) == "number" and (.disks | length) > 0 and (.opencl_drivers | type) == "array"] | all'
check "the clocks of one machine agree within what is claimed" probed '[.hosts[] | select(.state == "ok") | .probe | (.clock_skew_ms | fabs) <= .clock_uncertainty_ms] | all'
check "the table names each with its reason, hints go to stderr" says 'n45 +changed-key .*the host.s key has changed' fleet probe -l n45

on_a_terminal() { # whom it waits for; and a reason in full, which the table cuts
    hosts_near script -qec "stty cols 70; timeout 60 $PORTOLAN fleet probe -i $INVENTORY -l n01,n49 --connect-timeout 2s" /dev/null </dev/null >"$DIR/terminal"
    cat -v "$DIR/terminal"
    grep -q 'probing .* 1/2 (50 %)  waiting for n49' "$DIR/terminal" && grep -qE '^n49: unreachable: .* port 22: (no connection within|No route|Connection timed out)' "$DIR/terminal"
}
check "a terminal shows whom it waits for, and reasons in full" on_a_terminal

# --- what is no SSH server --------------------------------------------------------------------------------------------------
KINDS=(http endless chatter silent noise)
for i in 0 1 2 3 4; do hosts_garbage "n4${i}" "${KINDS[$i]}" || exit 1; done
fleet probe --json -l n40,n41,n42,n43,n44 --handshake-timeout 2s --auth-timeout 2s >"$DIR/garbage.json" 2>"$DIR/garbage.err"
garbage() { holds '.hosts[] | select(.host == $h) | .state == $s and (.reason | test("\u001b") | not)' --arg h "$1" --arg s "$2" <"$DIR/garbage.json"; }
check "a web server is no SSH server" garbage n40 not-ssh
check "a banner without an end is cut off" garbage n41 not-ssh
check "lines without an end run into the time-out" garbage n42 timeout
check "a server that says nothing runs into the time-out" garbage n43 timeout
check "noise after the banner is no SSH" garbage n44 not-ssh

# Who answers without end is left at once, and does not keep the others waiting for a minute.
endless_answer() {
    hosts_sshd n39 "ForceCommand yes portolan-probe 1" && hosts_sshd n38 "ForceCommand /bin/false" || return 1
    says 'n39 +failed .*the answer is longer than 1048576 bytes' fleet probe -l n38,n39 --timeout 100s && says 'n38 +failed .*the host answers nothing' fleet probe -l n38
}
check "an answer without an end is cut off, an account without a shell is told" endless_answer

# --- known_hosts ------------------------------------------------------------------------------------------------------------
KNOWN=$HOSTS_DIR/home/.ssh/known_hosts
key_of() { cut -d' ' -f2 "$HOSTS_DIR/keys/$1.pub"; }
unknown_is_refused() {
    grep -v "^${HOSTS_ADDRESS[n02]} " "$KNOWN" >"$KNOWN.less" && cp "$KNOWN" "$KNOWN.all" && cp "$KNOWN.less" "$KNOWN"
    printf 'Host *\n  StrictHostKeyChecking no\n' >"$HOSTS_DIR/home/.ssh/config"
    says 'n02 +unknown-key' fleet probe -l n02
    local rc=$?
    cp "$KNOWN.all" "$KNOWN"
    rm "$HOSTS_DIR/home/.ssh/config"
    return $rc
}
revoked_is_refused() {
    echo "@revoked * ssh-ed25519 $(key_of n03)" >>"$KNOWN"
    says 'n03 +changed-key .*@revoked' fleet probe -l n03
    local rc=$?
    sed -i '/^@revoked/d' "$KNOWN"
    return $rc
}
check "an unknown key is refused, whatever StrictHostKeyChecking says" unknown_is_refused
check "a revoked key is refused" revoked_is_refused

# --- commands ---------------------------------------------------------------------------------------------------------------
exec_prints_both() {
    fleet exec -l n01,n02 -- 'echo out; echo err >&2' >"$DIR/out" 2>"$DIR/err" && [ "$(sort "$DIR/out")" = $'n01 | out\nn02 | out' ] && grep -q '^n02 | err' "$DIR/err"
}
exec_counts() { status_is 194 fleet exec -l n01,n02,n03 -- 'ip -br addr show eth0 | grep -q 10.78.0.2/' && says 'n02 .*failed: the command ended with status 1' fleet exec -l n02 -- false; }
exec_json() { fleet exec --json -l n01 -- 'printf "a\033b"; exit 7' | holds '.hosts[0] | .exit_status == 7 and .stdout == "a?b" and .state == "failed"'; }
# A pipe that the command leaves open to a process of its own does not hold the answer back for ever.
exec_times_out() { says 'timeout: .*did not end within 1 s' fleet exec -l n01 --timeout 1s -- sleep 30; }
exec_much() { [ "$(fleet exec -l n01,n02,n03 -- 'seq 1 100000' | cut -d'|' -f2 | sort | uniq -c | awk '$1 == 3' | wc -l)" -eq 100000 ]; }
check "lines of both outputs come with the host's name" exec_prints_both
check "commands that fail count" exec_counts
check "JSON has status and output, and no control characters" exec_json
check "a command that takes too long is given up" exec_times_out
check "300,000 lines of three hosts arrive whole" exec_much
check "no command is a usage error" status_is 2 fleet exec
check "a pattern without a host contacts nobody" status_is 4 fleet exec -l nobody -- true
check "a journal that is not there is said, or its lines come" says '^n01 \||^$|hosts failed' fleet logs -l n01

# --- the way in -------------------------------------------------------------------------------------------------------------
HOME_SSH=$HOSTS_DIR/home/.ssh
reaches() { status_is 0 fleet exec -l "$1" -- true; } # from here on the keys lie elsewhere
config_is_honoured() {
    mv "$HOME_SSH/id_ed25519" "$HOME_SSH/other" && mv "$HOME_SSH/id_ed25519.pub" "$HOME_SSH/other.pub"
    hosts_sshd n04 "Port 2204" "ListenAddress 0.0.0.0:2204"
    echo "[${HOSTS_ADDRESS[n04]}]:2204 ssh-ed25519 $(key_of n04)" >>"$KNOWN"
    printf 'Host four\n  HostName %s\n  Port 2204\n  User root\n  IdentityFile ~/.ssh/other\n' "${HOSTS_ADDRESS[n04]}" >"$HOME_SSH/config"
    echo four >>"$INVENTORY"
    reaches four
}
inventory_goes_before() {
    sed -i 's/Port 2204/Port 1/' "$HOME_SSH/config"
    echo "five ansible_host=four ansible_port=2204 ansible_user=root ansible_ssh_private_key_file=$HOME_SSH/other" >>"$INVENTORY"
    reaches five
}
agent_is_asked() {
    rm "$HOME_SSH/config"
    status_is 193 fleet exec -l n01 -- true && ssh-add -q "$HOME_SSH/other" && reaches n01
}
silent_agent_is_left() {
    kill -STOP "$OPERATOR_AGENT"
    says 'agent at SSH_AUTH_SOCK .* does not answer' fleet exec -l n01 -- true
    local rc=$?
    kill -CONT "$OPERATOR_AGENT"
    return $rc
}
denied_is_told() {
    ssh-add -q -D && says 'n01 .*denied: root@10.78.* accepts none of the keys.*publickey' fleet exec -l n01 -- true
}
other_known_hosts_hold() {
    grep "^${HOSTS_ADDRESS[n01]} " "$KNOWN" >"$DIR/known" && sed -i "/^${HOSTS_ADDRESS[n01]} /d" "$KNOWN" && : >"$DIR/known.none" || return 1
    echo "elsewhere ansible_host=${HOSTS_ADDRESS[n01]} ansible_ssh_private_key_file=$HOME_SSH/other ansible_ssh_common_args='-o UserKnownHostsFile=$DIR/known -o StrictHostKeyChecking=no'" >>"$INVENTORY"
    echo "nowhere ansible_host=${HOSTS_ADDRESS[n01]} ansible_ssh_private_key_file=$HOME_SSH/other ansible_ssh_common_args='-o UserKnownHostsFile=$DIR/known.none -o StrictHostKeyChecking=no'" >>"$INVENTORY"
    reaches elsewhere && says 'nowhere .*unknown-key.*/known.none has none' fleet exec -l nowhere -- true
    local rc=$?
    cat "$DIR/known" >>"$KNOWN"
    return $rc
}
jump_is_taken() { # n06 takes connections from n05 only
    ssh-add -q "$HOME_SSH/other"
    hosts_in n06 ip route add blackhole 10.78.255.254
    echo "far ansible_host=${HOSTS_ADDRESS[n06]} ansible_ssh_common_args='-o ProxyJump=root@${HOSTS_ADDRESS[n05]}'" >>"$INVENTORY"
    status_is 193 fleet exec -l n06 --connect-timeout 2s -- true && reaches far
}
dead_jump_is_told() {
    echo "lost ansible_host=${HOSTS_ADDRESS[n06]} ansible_ssh_common_args='-J root@${HOSTS_ADDRESS[n46]}'" >>"$INVENTORY"
    says 'lost .*(proxy|unreachable).*Connection refused' fleet exec -l lost -- true
}
names_are_no_shell() {
    printf 'evil ansible_host="$(touch %s/pwned)" ansible_ssh_common_args=-Jx\n' "$DIR" >"$DIR/evil"
    hosts_near "$PORTOLAN" fleet exec -i "$DIR/evil" -- true 2>&1 | grep -q 'has characters that none has' && [ ! -e "$DIR/pwned" ]
}
check "HostName, Port, User and IdentityFile of the OpenSSH configuration hold" config_is_honoured
check "what the inventory says goes before it" inventory_goes_before
eval "$(ssh-agent -a "$DIR/agent")" >/dev/null
OPERATOR_AGENT=$SSH_AGENT_PID
check "the agent's keys are used" agent_is_asked
check "an agent that does not answer is left" silent_agent_is_left
check "a host that takes none of the keys says what it would take" denied_is_told
check "the inventory's UserKnownHostsFile holds, and is as strict" other_known_hosts_hold
check "a proxy jump is taken" jump_is_taken
check "a jump host that is gone is named" dead_jump_is_told
check "an address is no shell's text" names_are_no_shell
check "nothing on any command line takes a password" [ -z "$("$PORTOLAN" help fleet exec | grep -iE -- '--[a-z-]*pass')" ]

# --- copies -----------------------------------------------------------------------------------------------------------------
head -c 3000000 /dev/urandom >"$DIR/file"
copies_arrive() {
    fleet push -l n01 "$DIR/file" "$DIR/new" --mode 0640 && cmp "$DIR/file" "$DIR/new" && [ "$(stat -c %a "$DIR/new")" = 640 ]
}
copies_replace() {
    local old=$DIR/"-an old 'one'; \$(touch pwned)"
    echo old >"$old" && exec 9<"$old" && fleet push -l n02 "$DIR/file" "$old" && cmp "$DIR/file" "$old" && [ "$(cat <&9)" = old ] &&
        [ -z "$(find "$DIR" "$HOSTS_DIR/far-home" -name '.-an old*' -o -name pwned)" ]
}
copies_go_into_folders() { mkdir "$DIR/a folder's" && fleet push -l n03 "$DIR/file" "$DIR/a folder's" && cmp "$DIR/file" "$DIR/a folder's/file"; }
copies_fail_clean() {
    says 'n01 .*failed .*cannot create .*: no such file' fleet push -l n01 "$DIR/file" /nowhere/x || return 1
    mkdir "$DIR/target" && mkdir "$DIR/target/file" # a folder stands where the file is to go
    says 'n01 .*failed' fleet push -l n01 "$DIR/file" "$DIR/target" && [ -z "$(find "$DIR/target" -name '.*' -type f)" ]
}
# Where the host has no mv, a file that is there stays, and a new place is still filled.
copies_need_mv_to_replace() {
    hosts_sshd n07 "SetEnv PATH=/nowhere" && echo old >"$DIR/kept" && says 'n07 .*failed .*cannot replace .*: .*mv.*not found' fleet push -l n07 "$DIR/file" "$DIR/kept" &&
        [ "$(cat "$DIR/kept")" = old ] && [ -z "$(find "$DIR" -name '.kept.*')" ] && fleet push -l n07 "$DIR/file" "$DIR/fresh" && cmp "$DIR/file" "$DIR/fresh"
}
check "a copy arrives with its mode" copies_arrive
check "a copy replaces what was there in one step" copies_replace
check "a copy that cannot replace says so, and leaves what was there" copies_need_mv_to_replace
check "a folder gets the file in it" copies_go_into_folders
check "a copy that fails leaves nothing behind" copies_fail_clean
check_done
