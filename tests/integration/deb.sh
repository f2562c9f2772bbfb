#!/usr/bin/env bash
# The Debian packages in a bare Debian: install, run as services under systemd with the sandbox whole, upgrade, remove, purge. The host is one of
# tests/rack, over the debootstrap'ed root; what the packages depend on is a layer that is kept, so that only the first run needs the network. Needs root.
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
    # And of what is recommended the driver, with gcc, whose library PoCL links with.
    debian_root && debian_layer deb "$DEBIAN_ROOT" "${packages[@]}" pocl-opencl-icd gcc && RACK_LAYERS=$DEBIAN_LAYER rack up 1 --drivers none --no-outside || return 1
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
node_is_ready() { host portolan nodes --json | jq -e '.nodes[] | select(.node == "deb-test" and .state == "in_service")'; }
check "the services start" configure
check "root finds the coordinator that runs as a service" until_true 60 host portolan status
check "the agent finds that coordinator's broker, and its device is in service" in_service
level() { host portolan nodes --json | jq -r '.nodes[0].sandbox'; }
check "under the unit's hardening the sandbox is whole" grep -qE '^bubblewrap\+seccomp(\+landlock[1-6])?$' <(level)
both_hardened() {
    local unit pid
    for unit in portolan portolan-agent; do
        pid=$(host systemctl show -p MainPID --value $unit) && host grep -qx 'NoNewPrivs:	1' "/proc/$pid/status" &&
            host grep -qx 'CapBnd:	0000000000000000' "/proc/$pid/status" && host grep -qx 'Seccomp:	2' "/proc/$pid/status" || return 1
    done
}
check "both run without rights, filtered" both_hardened

# --- again ------------------------------------------------------------------------------------------------------------------
main_pid() { host systemctl show -p MainPID --value "$1"; }
pid_before=$(main_pid portolan)
upgrade_keeps() {
    install_both && host grep -q '^embedded: true' /etc/portolan/config.yaml && host systemctl is-active portolan portolan-agent &&
        [ "$(main_pid portolan)" != "$pid_before" ]
}
check "installed again they keep what was configured, and what ran is started anew" upgrade_keeps
check "the agent's package can go alone: user and coordinator stay" host sh -c 'dpkg -P portolan-agent && id portolan && systemctl is-active portolan &&
    [ ! -e /var/lib/portolan-agent ] && [ ! -e /etc/portolan/agent.yaml ]'
check "removed, the store and the configuration stay" host sh -c 'dpkg -r portolan && [ -s /var/lib/portolan/portolan.db ] && [ -s /etc/portolan/config.yaml ] &&
    [ ! -e /usr/bin/portolan ] && ! systemctl is-active portolan'
check "purged" host dpkg -P portolan
check "purged twice is no error" host sh -c 'dpkg -P portolan portolan-agent'
nothing_left() { everything >"$DIR/after"; diff "$DIR/before" "$DIR/after"; }
check "nothing is left" nothing_left
check_done
