# A bare Debian 12 root for tests: sourced, not run. Needs root, debootstrap and the archive that this machine's own apt uses.
#
#   debian_root            makes $DEPS_DIR/rack/root (base system, systemd, sshd, python3) when it is not there; sets DEBIAN_ROOT. Never
#                          change what is in it: lay an overlay over it (debian_overlay), or copy it
#   debian_sources FOLDER  writes this machine's Debian entries of apt into the root at FOLDER, with its settings of apt (proxies) and resolver
#   debian_overlay LOWER FOLDER   mounts FOLDER/root, an overlay over LOWER (layers, the uppermost first, with colons between); what is written goes
#                          to FOLDER/upper. FOLDER must not be on an overlay itself
#   debian_layer NAME LOWER [PACKAGE...]   makes $DEPS_DIR/rack/layer-NAME, what installing PACKAGEs writes over LOWER, once; sets DEBIAN_LAYER
#   debian_apt ROOT ARGS   apt-get in that root; needs nothing mounted in it

DEBIAN_TREE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
DEPS_DIR=${DEPS_DIR:-$DEBIAN_TREE/.deps}
case $DEPS_DIR in /*) ;; *) DEPS_DIR=$DEBIAN_TREE/$DEPS_DIR ;; esac
DEBIAN_SUITE=bookworm
# What a fresh server has that somebody administers over ssh: no more, so that roles have to bring what they need.
DEBIAN_PACKAGES=systemd,systemd-sysv,dbus,openssh-server,python3,sudo,iproute2,ca-certificates,procps,less

debian_say() { printf 'debian: %s\n' "$*" >&2; }

# One "SITE RELEASE COMPONENT" a line, of Debian's own archive only: a root lacks the keys of others.
debian_archives() {
    local site release component origin
    # shellcheck disable=SC2016 # apt expands these, not we
    apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' | sort -u |
        while read -r site release component origin; do [ "$origin" = Debian ] && echo "$site $release $component"; done
}

debian_sources() {
    local root=$1 site release component f
    rm -rf "$root/etc/apt/sources.list.d" && mkdir -p "$root/etc/apt/sources.list.d" "$root/etc/apt/apt.conf.d" || return 1
    debian_archives | while read -r site release component; do
        case $release in "$DEBIAN_SUITE"*) echo "deb $site $release $component" ;; esac
    done >"$root/etc/apt/sources.list"
    [ -s "$root/etc/apt/sources.list" ] || { debian_say "this machine's apt knows no archive of Debian $DEBIAN_SUITE (apt-get update?)"; return 1; }
    for f in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do
        [ -f "$f" ] && grep -qsiE 'proxy|CaInfo' "$f" && cp "$f" "$root/etc/apt/apt.conf.d/"
    done
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    # Whom this machine trusts beside the public authorities: an archive behind an inspecting proxy is reached with these.
    for f in /usr/local/share/ca-certificates/*.crt; do
        [ -f "$f" ] && mkdir -p "$root/usr/local/share/ca-certificates" && cp "$f" "$root/usr/local/share/ca-certificates/"
    done
    return 0
}

debian_apt() {
    local root=$1
    shift
    DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$root" /usr/bin/env PATH=/usr/sbin:/usr/bin:/sbin:/bin apt-get -q -o APT::Sandbox::User=root \
        -o Dpkg::Use-Pty=0 "$@"
}

debian_root_make() {
    local root=$1 site
    site=$(debian_archives | awk -v suite="$DEBIAN_SUITE" '$2 == suite {print $1; exit}')
    [ -n "$site" ] || { debian_say "this machine's apt knows no archive of Debian $DEBIAN_SUITE (apt-get update?)"; return 1; }
    debootstrap --variant=minbase --include="$DEBIAN_PACKAGES" "$DEBIAN_SUITE" "$root" "$site" >"$root.log" 2>&1 ||
        { tail -n 20 "$root.log" >&2; debian_say "debootstrap failed; the whole log is in $root.log"; return 1; }
    debian_sources "$root" || return 1
    [ ! -d "$root/usr/local/share/ca-certificates" ] || chroot "$root" update-ca-certificates >/dev/null 2>&1
    # Every host has keys and a machine id of its own.
    rm -f "$root"/etc/ssh/ssh_host_* "$root"/var/cache/apt/archives/*.deb "$root.log"
    : >"$root/etc/machine-id"
    debian_apt "$root" update >/dev/null || { debian_say 'apt-get update failed in the new root'; return 1; }
}

debian_root() {
    local want
    want="$DEBIAN_SUITE $DEBIAN_PACKAGES"
    DEBIAN_ROOT=$DEPS_DIR/rack/root
    command -v debootstrap >/dev/null || { debian_say 'debootstrap is missing (tools/deps check installs it)'; return 1; }
    mkdir -p "$DEPS_DIR/rack" || return 1
    (   # one at a time: scripts may run side by side
        flock 9 || exit 1
        [ "$(cat "$DEBIAN_ROOT.installed" 2>/dev/null)" = "$want" ] && exit 0
        rm -f "$DEBIAN_ROOT.installed" # first: see debian_layer
        rm -rf --one-file-system "$DEBIAN_ROOT" "$DEBIAN_ROOT.part" "$DEPS_DIR"/rack/layer-*
        debian_root_make "$DEBIAN_ROOT.part" 9>&- && mv "$DEBIAN_ROOT.part" "$DEBIAN_ROOT" && printf '%s\n' "$want" >"$DEBIAN_ROOT.installed"
    ) 9>"$DEPS_DIR/rack/root.lock"
}

debian_overlay() {
    local lower=$1 folder=$2
    mkdir -p "$folder/upper" "$folder/work" "$folder/root" &&
        mount -t overlay overlay -o "lowerdir=$lower,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
}

# In a mount namespace of its own, so that nothing stays mounted however it ends.
debian_layer() {
    local name=$1 lower=$2
    shift 2
    DEBIAN_LAYER=$DEPS_DIR/rack/layer-$name
    (
        flock 9 || exit 1
        [ "$(cat "$DEBIAN_LAYER.installed" 2>/dev/null)" = "$*" ] && exit 0
        rm -f "$DEBIAN_LAYER.installed" # first: one that breaks off here is no layer of whatever was there before
        rm -rf --one-file-system "$DEBIAN_LAYER" "$DEBIAN_LAYER.part"
        # shellcheck disable=SC2016 # the inner shell's arguments
        unshare --mount bash -c '. "$0" && debian_overlay "$1" "$2" && mount -t proc proc "$2/root/proc" && mount -t tmpfs tmpfs "$2/root/tmp" &&
            debian_apt "$2/root" install -y --no-install-recommends "${@:3}"' \
            "$DEBIAN_TREE/tests/lib/debian.sh" "$lower" "$DEBIAN_LAYER.part" "$@" >"$DEBIAN_LAYER.log" 2>&1 9>&- ||
            { tail -n 20 "$DEBIAN_LAYER.log" >&2; debian_say "installing $* failed; the whole log is in $DEBIAN_LAYER.log"; exit 1; }
        rm -f "$DEBIAN_LAYER.part"/upper/var/cache/apt/archives/*.deb "$DEBIAN_LAYER.part"/upper/var/cache/apt/*.bin
        mv "$DEBIAN_LAYER.part/upper" "$DEBIAN_LAYER" && rm -rf "$DEBIAN_LAYER.part" "$DEBIAN_LAYER.log" && printf '%s\n' "$*" >"$DEBIAN_LAYER.installed"
    ) 9>"$DEPS_DIR/rack/layer-$name.lock"
}
