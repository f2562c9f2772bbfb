#!/usr/bin/env bash
# The rack (tests/rack/rack): two hosts with systemd, a third without, on one machine. Each answers on ssh to who checks its key, is a machine of its
# own, sees its own driver and nothing of this machine's devices; what happens when `up` is killed, and that nothing stays behind.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/check.sh
RACK=tests/rack/rack
AT=$(mktemp -d "${TMPDIR:-/tmp}/portolan-test.XXXXXX") || exit 1
chmod 755 "$AT"
export RACK_DIR=$AT/rack
trap '$RACK down; rm -rf "$AT"' EXIT
trap 'exit 130' INT TERM
if [ "$(id -u)" -ne 0 ]; then
    echo 'the rack needs root' >&2
    exit 1
fi

# --- bad input: nothing is made ----------------------------------------------------------------------------------------------
refuses() { # PATTERN COMMAND...
    local out pattern=$1
    shift
    out=$("$@" 2>&1) && { echo "it passed: $out"; return 1; }
    grep -qE -- "$pattern" <<<"$out" && [ ! -e "$RACK_DIR" ] || { echo "$out"; return 1; }
}
refuses_nonsense() {
    refuses 'how many hosts' $RACK up && refuses 'how many hosts' $RACK up 0 && refuses 'how many hosts' $RACK up 201 && refuses 'not a number' $RACK up two &&
        refuses "no driver 'cuda'; there are: pocl" $RACK up 1 --drivers cuda && refuses 'systemd or sshd' $RACK up 1 --init upstart &&
        refuses 'not running' $RACK exec rack-1 true && refuses 'no host rack-9' $RACK ssh rack-9 && refuses 'no rack in' $RACK inventory
}
check "nonsense is refused with a reason, and makes nothing" refuses_nonsense

# --- an `up` that is killed, then one that is not ----------------------------------------------------------------------------
# Killed when the first host has started: a namespace, a process, a bridge and an interface are there already.
up_is_killed() {
    local pid i
    setsid $RACK up 2 --drivers pocl,rusticl >"$AT/killed.log" 2>&1 &
    pid=$!
    for ((i = 0; i < 6000; i++)); do
        [ -s "$RACK_DIR/hosts/rack-1/pid" ] && break
        kill -0 $pid 2>/dev/null || { cat "$AT/killed.log"; return 1; }
        read -rt 0.05 <> <(:)
    done
    kill -9 $pid
    [ -s "$RACK_DIR/hosts/rack-1/pid" ] || { echo 'no host within 300 s'; return 1; }
}
GROUP=portolan-rack-$(realpath -m "$RACK_DIR" | sha256sum | cut -c 1-12) # other racks of this machine have theirs
# A process by its number and when it began: numbers are given again.
processes() { find "$RACK_DIR/cgroup/$GROUP" -name cgroup.procs -exec cat {} + | while read -r p; do cut -d ' ' -f 1,22 "/proc/$p/stat"; done 2>/dev/null; }
check "an up is killed (-9) half way" up_is_killed
wait 2>/dev/null
check "the next one brings up what is missing" $RACK up 2 --drivers pocl,rusticl
first=$($RACK exec rack-1 cut -d ' ' -f 22 /proc/1/stat)
check "a third host joins, whose process 1 is sshd's shell" $RACK up 3 --drivers none --init sshd
same_hosts() { [ -n "$first" ] && [ "$($RACK exec rack-1 cut -d ' ' -f 22 /proc/1/stat)" = "$first" ]; }
check "who was up stayed up" same_hosts

# --- what a host is ----------------------------------------------------------------------------------------------------------
by_ssh() { # HOST: a user, sudo, a name of its own
    [ "$($RACK ssh "$1" 'echo "$(id -un) $(sudo -n id -un) $(hostname)"')" = "admin root $1" ]
}
all_by_ssh() { by_ssh rack-1 && by_ssh rack-2 && by_ssh rack-3; }
check "ssh to each, its host key checked, and sudo" all_by_ssh
changed_key() {
    sed -n 's/^rack-2,[^ ]*/rack-1,'"$(cat "$RACK_DIR/hosts/rack-1/address")"'/p' "$RACK_DIR/known_hosts" >"$AT/swapped"
    ! ssh -F /dev/null -i "$RACK_DIR/key" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$AT/swapped" \
        -o GlobalKnownHostsFile=/dev/null -l admin "$(cat "$RACK_DIR/hosts/rack-1/address")" true 2>"$AT/changed" &&
        grep -q 'HOST IDENTIFICATION HAS CHANGED' "$AT/changed"
}
check "each has a key of its own: another's is refused" changed_key
states() {
    $RACK hosts | tee "$AT/hosts" && grep -qE '^rack-1\s10\.77\.[0-9]+\.1\spocl\s(running|degraded)$' "$AT/hosts" &&
        grep -qE '^rack-2\s10\.77\.[0-9]+\.2\srusticl\s(running|degraded)$' "$AT/hosts" && grep -qE '^rack-3\s.*\snone\ssshd$' "$AT/hosts"
}
settled() { # `running`, or `degraded` by what is named: nothing that the rack's own hosts bring
    local host
    for host in rack-1 rack-2; do
        $RACK exec $host systemctl is-system-running --wait || { $RACK exec $host systemctl --failed --no-pager; return 1; }
    done
}
check "systemd has booted on two of them, with no failed unit" settled
check "the list says so, and of the third that it has none" states
service() {
    $RACK exec rack-2 systemd-run -q --unit tried -p DynamicUser=yes -p PrivateTmp=yes -p ProtectSystem=strict -p Restart=on-failure sleep infinity || return 1
    $RACK exec rack-2 systemctl is-active tried && $RACK exec rack-2 systemctl kill -s KILL tried &&
        $RACK exec rack-2 sh -c 'until [ "$(systemctl show -p NRestarts --value tried)" -ge 1 ] && systemctl -q is-active tried; do read -r _ </proc/uptime; done' &&
        $RACK exec rack-2 systemctl stop tried
}
check "a hardened unit runs under a user of its own, and is started again when it is killed" service
apart() {
    [ "$($RACK exec rack-1 sh -c 'ls -d /proc/[0-9]* | wc -l')" -lt 60 ] && [ "$($RACK exec rack-1 cat /proc/1/comm)" = systemd ] &&
        ! $RACK exec rack-1 test -e "$RACK_DIR" && [ -z "$($RACK exec rack-1 sh -c 'ls -d /dev/dri /dev/kfd /dev/nvidia* /dev/vd* /dev/sd* 2>/dev/null')" ] &&
        $RACK exec rack-1 touch /etc/only-here && ! $RACK exec rack-2 test -e /etc/only-here
}
check "a host sees its own processes and files, no device of this machine, nothing of its neighbour" apart
# Bits of the clock (25), modules (16), reboot (22) and ports (17): read from the mask. Never by trying: a failure would have effect.
harmless() {
    local way mask
    for way in 'exec rack-1' 'exec rack-3' 'ssh rack-1 sudo' 'ssh rack-3 sudo'; do
        # shellcheck disable=SC2086 # words
        mask=$($RACK $way grep CapBnd /proc/self/status | cut -f 2)
        [ ${#mask} -eq 16 ] && [ $((16#$mask & (1 << 25 | 1 << 16 | 1 << 22 | 1 << 17))) -eq 0 ] || { echo "$way: $mask"; return 1; }
    done
}
check "no process in a host, not root's either, may set this machine's clock, load modules or reboot" harmless
talk() { $RACK exec rack-1 bash -c "read -rt 20 line </dev/tcp/$(cat "$RACK_DIR/hosts/rack-2/address")/22 && echo \"\$line\"" | grep -q '^SSH-2.0-'; }
check "hosts reach each other over the bridge" talk

# --- drivers -----------------------------------------------------------------------------------------------------------------
platforms() { $RACK exec "$1" env $2 clinfo --raw | awk '$2 == "CL_PLATFORM_NAME" {$1 = $2 = ""; print substr($0, 3)}' | sort -u | tr '\n' ';'; }
own_driver() {
    platforms rack-1 && platforms rack-2 && [ "$(platforms rack-1)" = 'Portable Computing Language;' ] && platforms rack-2 | grep -q rusticl &&
        ! platforms rack-2 | grep -q Portable && ! $RACK exec rack-3 sh -c 'ls /etc/OpenCL/vendors/*.icd' 2>/dev/null
}
check "each sees its own OpenCL driver only, the third none" own_driver

# --- ends --------------------------------------------------------------------------------------------------------------------
power_cut() {
    $RACK exec rack-2 sh -c 'echo kept >/etc/kept' && $RACK off rack-2 && $RACK hosts | grep -qE '^rack-2\s.*\soff$' && ! $RACK exec rack-2 true &&
        $RACK up 2 && [ "$($RACK exec rack-2 cat /etc/kept)" = kept ] && by_ssh rack-2
}
check "a host whose power is cut boots again from its disk" power_cut
lists_for_ansible() {
    $RACK inventory | grep -qE '^rack-3 ansible_host=10\.77\.[0-9]+\.3 ' && $RACK inventory | grep -q '^ansible_ssh_private_key_file=' &&
        [ "$(cut -d ' ' -f 1,2 "$RACK_DIR/known_hosts" | sort -u | wc -l)" -eq 6 ]
}
check "the inventory names each host, known_hosts two keys of each" lists_for_ansible
link=rack$(cat "$RACK_DIR/net.number")
setsid $RACK exec rack-1 sh -c 'trap "" TERM HUP; exec sleep 100000' >/dev/null 2>&1 &
disown
rack_processes() { processes >"$AT/processes" && [ "$(wc -l <"$AT/processes")" -gt 15 ]; }
gone() {
    local p began
    ! [ -e "$RACK_DIR" ] && [ ! -e "$RACK_DIR.lock" ] && ! grep -F "$AT" /proc/self/mountinfo && ! ip link show "$link" 2>/dev/null || return 1
    while read -r p began; do # a dead one may wait to be buried by somebody else's process 1; one that is ending has no command line any more
        [ "$(awk '$3 != "Z" && $3 != "X" {print $22}' "/proc/$p/stat" 2>/dev/null)" != "$began" ] || ! tr -d '\0' 2>/dev/null <"/proc/$p/cmdline" | grep . || return 1
    done <"$AT/processes"
    mkdir "$AT/groups" && mount -t cgroup2 none "$AT/groups" && { [ ! -e "$AT/groups/$GROUP" ]; p=$?; umount "$AT/groups"; return $p; }
}
check "its control group has all of its processes" rack_processes
check "down ends what is there, a process that ignores signals too" $RACK down
check "nothing is left: no process, mount, namespace, interface, control group or file" gone
check "down where nothing is up is content" $RACK down
check_done
