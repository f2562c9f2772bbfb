#!/usr/bin/env bash
# The Debian packages in a bare Debian: install, run as services under systemd with the sandbox whole, are seen from outside by ssh, upgrade, remove, purge.
# The host is one of tests/rack, over the debootstrap'ed root; what the packages depend on is a layer that is kept, so that only the first run needs the
# network. Needs root.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${BUILD:=build}" "${DEPS_DIR:=.deps}"
DIR=$(mktemp -d "${TMPDIR:-/tmp}/portolan-deb.XXXXXX") || exit 1
export BUILD DEPS_DIR RACK_DIR=$DIR/rack
# shellcheck source=tests/lib/check.sh
. tests/lib/check.sh
# shellcheck source=tests/lib/debian.sh
. tests/lib/debian.sh
rack() { tests/rack/rack "$@"; }
host() { rack exec rack-1 "$@"; }
stop_all() { rack down >/dev/null 2>&1; rm -rf "$DIR"; }
trap stop_all EXIT
trap 'exit 130' INT TERM

# Wait up to SECONDS for a condition that no event announces to a shell.
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { echo "not in time: $*"; "$@"; return 1; }
        read -rt 0.2 <> <(:) || :
    done
}

# --- made ---------------------------------------------------------------------------------------------------------------
make_packages() { tools/deb && [ -s "$DEB_COORDINATOR" ] && [ -s "$DEB_AGENT" ]; }
version=$(dpkg-parsechangelog -l packaging/debian/changelog -S Version) arch=$(dpkg --print-architecture)
DEB_COORDINATOR=$BUILD/deb/portolan_${version}_$arch.deb DEB_AGENT=$BUILD/deb/portolan-agent_${version}_$arch.deb
check "packages are made of what is built" make_packages
contains() { # DEB PATTERN...: each matches a path in it
    local deb=$1 pattern list
    shift
    list=$(dpkg-deb -c "$deb" | awk '{print $6}')
    for pattern in "$@"; do grep -qxE "\./$pattern" <<<"$list" || { echo "no $pattern in $deb"; return 1; }; done
}
check "portolan has program, unit, manuals, completion and what is shipped" contains "$DEB_COORDINATOR" usr/bin/portolan \
    lib/systemd/system/portolan.service usr/share/man/man1/portolan-serve.1.gz usr/share/man/man1/portolan-problem-list.1.gz \
    usr/share/bash-completion/completions/portolan usr/share/zsh/vendor-completions/_portolan usr/share/portolan/problems/level1/gelu.yaml \
    etc/portolan/config.yaml etc/portolan/fleet.yaml usr/share/doc/portolan/docs/operations.md.gz
check "portolan-agent has program, runner, unit, manuals and completion" contains "$DEB_AGENT" usr/bin/portolan-agent \
    usr/libexec/portolan/portolan-runner lib/systemd/system/portolan-agent.service usr/share/man/man1/portolan-agent-run.1.gz \
    usr/share/bash-completion/completions/portolan-agent usr/share/zsh/vendor-completions/_portolan-agent etc/portolan/agent.yaml
check "the agent's package says that it needs an OpenCL loader and bubblewrap" bash -c \
    "dpkg-deb -f '$DEB_AGENT' Depends | grep -q bubblewrap && dpkg-deb -f '$DEB_AGENT' Depends | grep -q ocl-icd-libopencl1"

# --- a host ---------------------------------------------------------------------------------------------------------------
# The first of each alternative, without versions.
depends() {
    local deb
    for deb in "$@"; do dpkg-deb -f "$deb" Depends | tr ',' '\n' | sed 's/|.*//; s/(.*//; s/ //g'; done | sort -u
}
boot() {
    local packages
    mapfile -t packages < <(depends "$DEB_COORDINATOR" "$DEB_AGENT")
    # And of what is recommended the driver.
    debian_root && debian_layer deb "$DEBIAN_ROOT" "${packages[@]}" pocl-opencl-icd && RACK_LAYERS=$DEBIAN_LAYER rack up 1 --drivers none --no-outside || return 1
    local f
    for f in "$DEB_COORDINATOR" "$DEB_AGENT"; do host sh -c 'cat >"/root/$0"' "$(basename "$f")" <"$f" || return 1; done
}
check "a bare Debian boots, with what the packages depend on" boot
[ "$CHECK_FAILED" -eq 0 ] || { check_done; exit 1; }

# All that there is, but what runs, what logs, and dpkg's own books.
everything() {
    host sh -c 'find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /root -o -path /var/log -o -path /var/cache \
        -o -path /var/tmp -o -path /var/lib/dpkg -o -path /var/lib/systemd \) -prune -o -print | sort; ls -A /var/cache /run/portolan* 2>/dev/null
        cut -d : -f 1 /etc/passwd /etc/group /etc/shadow /etc/gshadow; find /var/lib/systemd /run/lock -name "*portolan*"'
}
everything >"$DIR/before"
coordinator=/root/$(basename "$DEB_COORDINATOR") agent=/root/$(basename "$DEB_AGENT")
install_both() { host dpkg -i "$coordinator" "$agent"; }
check "both install, with no more than they depend on" install_both
check "no library is missing" host sh -c '! ldd /usr/bin/portolan /usr/bin/portolan-agent /usr/libexec/portolan/portolan-runner | grep "not found"'
check "user, group and the folder of locks are there" host sh -c 'id portolan && [ "$(stat -c %a /run/lock/portolan)" = 1777 ]'
check "neither is started nor enabled before somebody names a broker" host sh -c '! systemctl is-active portolan portolan-agent &&
    ! systemctl is-enabled portolan && ! systemctl is-enabled portolan-agent'
check "configuration files are dpkg's, the manual is found by its name" host sh -c \
    'dpkg-query -W -f "\${Conffiles}\n" portolan portolan-agent | grep -c /etc/portolan/ | grep -qx 3 && test -s /usr/share/man/man1/portolan-agent.1.gz'
check "systemd finds nothing to say about the units" host sh -c '[ -z "$(systemd-analyze verify --man=no portolan.service portolan-agent.service 2>&1)" ]'
as_portolan() { host setpriv --reuid portolan --regid portolan --clear-groups env HOME=/tmp/p PORTOLAN_STATE_DIR=/tmp/p PORTOLAN_CACHE_DIR=/tmp/p PORTOLAN_RUNTIME_DIR=/tmp/p "$@"; }
check "portolan-agent devices" holds '.[0].target == "pocl-cpu" and (.[0].sandbox | startswith("bubblewrap+seccomp"))' < <(as_portolan portolan-agent devices --json)
check "the shipped problems are found" holds '.problems | length >= 8' < <(host portolan problem list --json)

# --- as services ------------------------------------------------------------------------------------------------------------
tell() { host systemctl --no-pager status portolan portolan-agent; host journalctl --no-pager -n 30 -u portolan -u portolan-agent; }
configure() {
    host sh -c 'printf "embedded: true\napi: {port: 7070}\n" >>/etc/portolan/config.yaml && printf "busy: note\nnode: deb-test\n" >>/etc/portolan/agent.yaml &&
        systemctl start portolan portolan-agent'
}
in_service() { until_true 120 node_is_ready || { tell; return 1; }; }
node_is_ready() { host portolan nodes --json | holds '.nodes[] | select(.node == "deb-test") | .state == "in_service"'; }
check "the services start" configure
check "root finds the coordinator that runs as a service" until_true 60 host portolan status
check "the agent finds that coordinator's broker, and its device is in service" in_service
level() { host portolan nodes --json | jq -r '.nodes[] | select(.node == "deb-test") | .sandbox'; }
LEVEL=$(level)
check "under the unit's hardening the sandbox is whole: $LEVEL" grep -qE '^bubblewrap\+seccomp(\+landlock[1-9])?$' <<<"$LEVEL"
both_hardened() {
    local unit pid
    for unit in portolan portolan-agent; do
        pid=$(host systemctl show -p MainPID --value $unit) && host grep -qx 'NoNewPrivs:	1' "/proc/$pid/status" &&
            host grep -qx 'CapBnd:	0000000000000000' "/proc/$pid/status" && host grep -qx 'Seccomp:	2' "/proc/$pid/status" || return 1
    done
}
check "both run without rights, filtered" both_hardened

# --- seen from outside ------------------------------------------------------------------------------------------------------
ADMINS=$RACK_DIR/inventory ROOTS=$DIR/inventory.root # root may read the journal
fleet() { # VERB OPTIONS...
    local verb=$1
    shift
    env -u SSH_AUTH_SOCK timeout 120 "$BUILD/portolan" fleet "$verb" "$@"
}
probe_finds_it() {
    fleet probe -i "$ADMINS" --json >"$DIR/probe.json"
    cat "$DIR/probe.json"
    holds '.hosts[0] | .state == "ok" and .probe.agent_state == "active" and .probe.agent.version == $v and
        any(.probe.devices[]; .target == "pocl-cpu" and .driver_version != "")' --arg v "$(cat VERSION)" <"$DIR/probe.json"
}
follow_begins() {
    sed 's/^ansible_user=.*/ansible_user=root/' "$ADMINS" >"$ROOTS" && until_true 60 grep -q '^rack-1 | .*portolan-agent' "$DIR/followed"
}
followed() { until_true 60 grep -q "^rack-1 | .*systemd.*$1 portolan-agent.service" "$DIR/followed"; }
# TERM, since what a script starts in the background ignores INT. journalctl notices that nobody reads any more.
follow_ends() { kill -TERM "$FOLLOWER" && timeout 30 tail --pid="$FOLLOWER" -f /dev/null && until_true 60 host sh -c '! pgrep -x journalctl'; }
check "a probe by ssh finds the agent, its version, its state and its device" probe_finds_it
check "who may not read the journal is told so" grep -qE 'insufficient permissions' <(fleet logs -i "$ADMINS" 2>&1)
(until [ -s "$ROOTS" ]; do read -rt 0.1 <> <(:) || :; done; exec env -u SSH_AUTH_SOCK "$BUILD/portolan" fleet logs -i "$ROOTS" --follow) >"$DIR/followed" 2>&1 &
FOLLOWER=$!
check "the agent's journal can be followed from outside" follow_begins

# --- another version --------------------------------------------------------------------------------------------------------
# The same files under a higher number, and with other configuration shipped: what an upgrade has to decide about.
newer() { # DEB
    local tree=$DIR/newer f out=$DIR/newer.deb
    rm -rf "$tree" && dpkg-deb -R "$1" "$tree" && sed -i "s/^Version: .*/Version: $NEWER/" "$tree/DEBIAN/control" || return 1
    for f in "$tree"/etc/portolan/*; do echo "# as $NEWER ships it" >>"$f"; done
    dpkg-deb -b --root-owner-group "$tree" "$out" >/dev/null && host sh -c 'cat >"/root/$0"' "$(newer_name "$1")" <"$out"
}
newer_name() { basename "$1" | sed "s/$version/$NEWER/"; }
NEWER=$version+newer
main_pid() { host systemctl show -p MainPID --value "$1"; }
pids() { main_pid portolan; main_pid portolan-agent; }
both_are_newer() { host dpkg-query -W -f '${Version} ${Status}\n' portolan portolan-agent | grep -c "^$NEWER install ok installed" | grep -qx 2; }
upgrade() {
    newer "$DEB_COORDINATOR" && newer "$DEB_AGENT" && host portolan token create --role read --name kept --out /root/kept.token >/dev/null || return 1
    pids >"$DIR/pids" && host dpkg --force-confold -i "/root/$(newer_name "$DEB_COORDINATOR")" "/root/$(newer_name "$DEB_AGENT")" && both_are_newer
}
configuration_is_kept() {
    host sh -c 'grep -q "^embedded: true" /etc/portolan/config.yaml && grep -q "^node: deb-test" /etc/portolan/agent.yaml &&
        grep -q "^# as .* ships it" /etc/portolan/config.yaml.dpkg-dist && grep -q "^# as .* ships it" /etc/portolan/fleet.yaml'
}
new_programs_run() {
    local unit
    for unit in portolan portolan-agent; do
        [ "$(host readlink "/proc/$(main_pid $unit)/exe")" = "/usr/bin/$unit" ] && ! grep -qx "$(main_pid $unit)" "$DIR/pids" || { echo $unit; return 1; }
    done
}
state_is_kept() { host portolan token list --json | holds 'any(.tokens[]; .name == "kept")'; }
check "a newer version installs over both, which run" upgrade
check "what was configured is kept, what nobody had changed is new" configuration_is_kept
check "both run on, as the new programs" new_programs_run
check "the agent that ran came to its end before, as its journal says" followed Stopped
check "who stops following leaves no journalctl behind" follow_ends
check "the coordinator has kept its store" until_true 60 state_is_kept
check "the device is in service again" in_service
stopped_stays_so() { host systemctl stop portolan-agent && host dpkg --force-confold -i "/root/$(newer_name "$DEB_AGENT")" && ! host systemctl is-active portolan-agent; }
check "what was stopped stays so over an upgrade" stopped_stays_so
check "the agent's package can go alone: user and coordinator stay" host sh -c 'dpkg -P portolan-agent && id portolan && systemctl is-active portolan &&
    [ ! -e /var/lib/portolan-agent ] && [ ! -e /etc/portolan/agent.yaml ]'
check "removed, the store and the configuration stay" host sh -c 'dpkg -r portolan && [ -s /var/lib/portolan/portolan.db ] && [ -s /etc/portolan/config.yaml ] &&
    [ ! -e /usr/bin/portolan ] && ! systemctl is-active portolan'
check "purged" host dpkg -P portolan
check "purged twice is no error" host sh -c 'dpkg -P portolan portolan-agent'
nothing_left() { everything >"$DIR/after"; diff "$DIR/before" "$DIR/after"; }
check "nothing is left" nothing_left
check_done
