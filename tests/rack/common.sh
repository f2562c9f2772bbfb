# The rack's folder, its lock, its control group and how it ends: sourced by `rack`.
# A rack owns three kinds of things, all found again without any record of them, so that `down` needs nothing of a killed `up`:
#   processes   in the control group /portolan-rack-ID, where ID follows from the folder's name
#   mounts      below $RACK_DIR: a view of control groups, and network namespaces. What hosts mount is in namespaces of theirs and ends with them
#   interfaces  in those network namespaces; the one on this machine's side is the peer of one of them, and goes with it
RACK_MAX_HOSTS=200
# Hosts share this machine's kernel: what no process of theirs, root's included, may do to it. Whatever enters a host drops these first.
RACK_WITHOUT=-sys_time,-wake_alarm,-sys_module,-sys_boot,-sys_rawio,-syslog,-mac_admin,-mac_override

rack_say() { printf 'rack: %s\n' "$*" >&2; }
rack_fail() { rack_say "$@"; exit 1; }

rack_init() {
    RACK_DIR=$(realpath -m "${RACK_DIR:-${TMPDIR:-/tmp}/portolan-rack}")
    case $RACK_DIR in *[\ ,:\\]*) rack_fail "the folder $RACK_DIR has a character in its name that mount options cannot hold" ;; esac
    RACK_CGROUP=$RACK_DIR/cgroup/portolan-rack-$(sha256sum <<<"$RACK_DIR" | cut -c 1-12)
}
rack_opened() { mountpoint -q "$RACK_DIR/cgroup"; }

rack_open() {
    mkdir -p "$RACK_DIR/cgroup" "$RACK_DIR/net" "$RACK_DIR/hosts" && chmod 755 "$RACK_DIR" || return 1
    case $(stat -f -c %T "$RACK_DIR") in
        overlayfs) rack_say "$RACK_DIR is on an overlay, over which no other can be laid: set RACK_DIR to a folder on a disk"; return 1 ;;
    esac
    rack_opened || mount -t cgroup2 portolan-rack "$RACK_DIR/cgroup" || { rack_say 'this kernel mounts no cgroup2'; return 1; }
    mkdir -p "$RACK_CGROUP/outer" || return 1
    rack_controllers "$RACK_CGROUP/.." "$RACK_CGROUP"
}
# Hand on what controllers there are; with none (cgroup v1 has them) systemd runs, and its limits do nothing.
rack_controllers() {
    local group controller
    for group in "$@"; do
        for controller in $(cat "$group/cgroup.controllers"); do echo "+$controller" 2>/dev/null >"$group/cgroup.subtree_control"; done
    done
    return 0
}

# One at a time in one rack. The lock is beside the folder, so that `down` can remove the folder with it held.
rack_lock() {
    mkdir -p "${RACK_DIR%/*}"
    while :; do
        { exec 8>"$RACK_DIR.lock" && flock 8; } || rack_fail "cannot lock $RACK_DIR.lock"
        [ "$(stat -L -c %i /proc/self/fd/8)" = "$(stat -c %i "$RACK_DIR.lock" 2>/dev/null)" ] && return # not one that a `down` has removed meanwhile
    done
}

# Move this process into the control group NAME of the rack.
rack_enter() { echo 0 >"$RACK_CGROUP/$1/cgroup.procs"; }

# Wait up to SECONDS for a condition that no event announces to a shell.
rack_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        read -rt 0.1 <> <(:) || :
    done
}

# Kill all processes in a control group, wait until they are gone, remove it with those below.
rack_group_empty() { grep -qx 'populated 0' "$1/cgroup.events"; }
rack_group_end() {
    [ -d "$1" ] || return 0
    echo 1 >"$1/cgroup.kill" || return 1
    rack_until 60 rack_group_empty "$1" || { rack_say "processes of $1 do not end: $(cat "$1"/cgroup.procs "$1"/*/cgroup.procs 2>/dev/null | tr '\n' ' ')"; return 1; }
    find "$1" -depth -type d -exec rmdir {} +
}

rack_mounts() { awk -v at="$RACK_DIR/" 'index($5, at) == 1 {print $5}' /proc/self/mountinfo | sort -r; }

rack_end() {
    local target
    rack_group_end "$RACK_CGROUP" || return 1
    rack_mounts | while read -r target; do umount "$target" || umount -l "$target"; done
    [ -z "$(rack_mounts)" ] || { rack_say "still mounted: $(rack_mounts | tr '\n' ' ')"; return 1; }
    rm -rf --one-file-system "$RACK_DIR" "$RACK_DIR.lock"
}

# known_hosts and the inventory, from the folders of the hosts.
rack_lists() {
    local host name
    for host in $(host_names); do
        name=$RACK_DIR/hosts/$host
        sed "s/^/$host,$(<"$name/address") /" "$name/keys.pub"
    done >"$RACK_DIR/known_hosts.new" && mv "$RACK_DIR/known_hosts.new" "$RACK_DIR/known_hosts" || return 1
    {
        echo '# Written by tests/rack/rack.'
        for host in $(host_names); do
            name=$RACK_DIR/hosts/$host
            echo "$host ansible_host=$(<"$name/address") rack_driver=$(<"$name/driver")"
        done
        printf '\n[rack]\n'
        host_names
        printf '\n[rack:vars]\nansible_user=admin\nansible_ssh_private_key_file=%s\n' "$RACK_DIR/key"
        printf "ansible_ssh_common_args='-o UserKnownHostsFile=%s -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes'\n" "$RACK_DIR/known_hosts"
        printf 'ansible_python_interpreter=/usr/bin/python3\n'
    } >"$RACK_DIR/inventory.new" && mv "$RACK_DIR/inventory.new" "$RACK_DIR/inventory"
}
