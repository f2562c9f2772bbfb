# One host: its folder, its start, its state. Sourced by `rack`.
#   $RACK_DIR/hosts/NAME: address, driver, init, lower (layers), keys.pub, pid (of the outer process), boot.log, upper/ (its disk), work/, root/
host_names() { find "$RACK_DIR/hosts" -mindepth 2 -maxdepth 2 -name address -printf '%h\n' 2>/dev/null | sed 's|.*/||' | sort -V; }

host_ssh_keys() { # FOLDER UPPER
    local type
    mkdir -p "$2/etc/ssh"
    for type in ed25519 ecdsa; do
        [ -s "$2/etc/ssh/ssh_host_${type}_key.pub" ] && continue
        rm -f "$2/etc/ssh/ssh_host_${type}_key"
        ssh-keygen -q -t "$type" -N '' -C "$(basename "$1")" -f "$2/etc/ssh/ssh_host_${type}_key" || return 1
    done
    cut -d ' ' -f 1,2 "$2"/etc/ssh/ssh_host_*_key.pub >"$1/keys.pub"
}
host_login() { # NAME UPPER: what an administrator has on a fresh server: a user, a key, sudo
    local name=$1 upper=$2
    mkdir -p "$upper/root/.ssh" "$upper/home/admin/.ssh" "$upper/etc/sudoers.d" || return 1
    cp "$RACK_DIR/key.pub" "$upper/root/.ssh/authorized_keys" && cp "$RACK_DIR/key.pub" "$upper/home/admin/.ssh/authorized_keys" || return 1
    chmod 700 "$upper/root" "$upper/root/.ssh" "$upper/home/admin" "$upper/home/admin/.ssh" && chown -R 1000:1000 "$upper/home/admin" || return 1
    for f in passwd group shadow; do cp -p "$DEBIAN_ROOT/etc/$f" "$upper/etc/$f" || return 1; done
    echo 'admin:x:1000:1000:Administrator:/home/admin:/bin/bash' >>"$upper/etc/passwd"
    echo 'admin:x:1000:' >>"$upper/etc/group"
    echo 'admin:*:19000:0:99999:7:::' >>"$upper/etc/shadow"
    echo 'admin ALL=(ALL) NOPASSWD: ALL' >"$upper/etc/sudoers.d/admin" && chmod 440 "$upper/etc/sudoers.d/admin"
    echo "$name" >"$upper/etc/hostname"
    printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >"$upper/etc/hosts"
    # slirp4netns answers there and asks this machine's resolver.
    printf 'nameserver 10.0.2.3\n' >"$upper/etc/resolv.conf"
}
# What a host must not do to the kernel that it shares with this machine, and what costs time for nothing.
HOST_MASKED='systemd-sysctl.service systemd-modules-load.service sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount
sys-fs-fuse-connections.mount dev-hugepages.mount systemd-remount-fs.service apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer
systemd-journald-audit.socket systemd-udevd.service getty.target'
host_units() {
    local unit
    mkdir -p "$1/etc/systemd/system" || return 1
    for unit in $HOST_MASKED; do ln -sfn /dev/null "$1/etc/systemd/system/$unit" || return 1; done
}

# Host number I with DRIVER and INIT; one that is there already stays as it is.
host_make() {
    local i=$1 driver=$2 init=$3 at=$RACK_DIR/hosts/rack-$1
    [ -s "$RACK_DIR/key.pub" ] || { rm -f "$RACK_DIR/key" && ssh-keygen -q -t ed25519 -N '' -C rack -f "$RACK_DIR/key"; } || return 1
    net_host "$i" || { rack_say "no network for rack-$i"; return 1; }
    [ -e "$at/address" ] && return 0
    driver_layers "$driver" || return 1
    [ "$driver" != intel ] || driver_intel_folder || return 1
    rm -rf --one-file-system "$at" && mkdir -p "$at/upper" "$at/work" "$at/root" && chmod 755 "$at/upper" || return 1
    host_login "rack-$i" "$at/upper" && host_ssh_keys "$at" "$at/upper" && host_units "$at/upper" && driver_settle "$driver" "$at/upper" || return 1
    echo "$driver" >"$at/driver" && echo "$init" >"$at/init" && echo "$DRIVER_LOWER" >"$at/lower" || return 1
    net_address "$i" >"$at/address" # last: with it the host counts as made
}

# The process that is 1 in the host. The outer one may have been started by an `up` that was killed.
host_pid() {
    local outer
    outer=$(cat "$RACK_DIR/hosts/$1/pid" 2>/dev/null) && grep -qx "$outer" "$RACK_CGROUP/outer-$1/cgroup.procs" 2>/dev/null || return 1
    awk '{print $1; found = $1} END {exit !found}' "/proc/$outer/task/$outer/children" 2>/dev/null
}

host_start() {
    local name=rack-$1 at=$RACK_DIR/hosts/rack-$1
    host_pid "$name" >/dev/null && return 0
    host_end "$name" && mkdir -p "$RACK_CGROUP/$name" "$RACK_CGROUP/outer-$name" || return 1
    rm -rf "$at/work" && mkdir "$at/work" # a volatile overlay that was not unmounted refuses its old one
    (
        rack_enter "outer-$name" && echo "$BASHPID" >"$at/pid.new" && mv "$at/pid.new" "$at/pid"
        exec setsid nsenter "--net=$RACK_DIR/net/$name" unshare --mount --pid --uts --ipc --fork --kill-child=KILL \
            "$RACK_HERE/host-init" "$at" "$RACK_CGROUP/$name" "$DEPS_DIR/rack/intel" "$RACK_WITHOUT" 8>&- >"$at/boot.log" 2>&1 </dev/null
    ) &
}

host_answers() { timeout 20 bash -c 'read -r line <"/dev/tcp/$0/22" && [[ $line == SSH-2.0-* ]]' "$(<"$RACK_DIR/hosts/$1/address")"; }
host_wait() {
    local name=rack-$1
    rack_until 300 host_answers "$name" || { tail -n 20 "$RACK_DIR/hosts/$name/boot.log" >&2; rack_say "$name does not answer on ssh"; return 1; }
}
# What is outside first: a process inside is gone only when its parent outside has heard of it, or is gone.
host_end() { rack_group_end "$RACK_CGROUP/outer-$1" && rack_group_end "$RACK_CGROUP/$1" && rm -f "$RACK_DIR/hosts/$1/pid"; }
# running, degraded, ... as systemd says; sshd where that is pid 1; off.
host_state() {
    local pid
    pid=$(host_pid "$1") || { echo off; return; }
    [ "$(<"$RACK_DIR/hosts/$1/init")" = systemd ] || { echo sshd; return; }
    nsenter -t "$pid" --mount --uts --ipc --net --pid --cgroup --root systemctl is-system-running 2>/dev/null
}
host_list() {
    local name at
    for name in $(host_names); do
        at=$RACK_DIR/hosts/$name
        printf '%s\t%s\t%s\t%s\n' "$name" "$(<"$at/address")" "$(<"$at/driver")" "$(host_state "$name")"
    done
}
