# The network of a rack: sourced by `rack`. A namespace of its own, the switch, holds the bridge; each host's veth ends there, and so does one of this
# machine's. Nothing of this machine is changed but for that one interface: no forwarding, no filter rules.
#
#   this machine: rackX, 10.77.X.254/24 ─┐
#   hosts: eth0, 10.77.X.1/24, ...      ─┴─ switch: bridge, 10.77.X.253/24, the hosts' gateway ── masquerading ── tap0: slirp4netns, the outside
#
# X is the first that is free, so that two racks can be up. slirp4netns speaks for the hosts from a process of this machine: what they reach is what
# any program here reaches, with this machine's resolver.
NET_TRIES=64

net_in() { # NAME COMMAND...: in that network namespace
    local at=$RACK_DIR/net/$1
    shift
    nsenter "--net=$at" "$@"
}
net_namespace() { # NAME: made when it is not there
    local at=$RACK_DIR/net/$1
    mountpoint -q "$at" || { : >"$at" && unshare "--net=$at" true; } || return 1
    nsenter "--net=$at" ip link set lo up
}
net_address() { echo "10.77.$(<"$RACK_DIR/net.number").$1"; }

# This machine's end. An interface's name is taken or free in one step, so the number is ours when the link is made. Each step is repeated by an `up` that
# follows one that was killed in between.
net_uplink_made() { [ -s "$RACK_DIR/net.number" ] && net_in switch ip link show uplink >/dev/null 2>&1 && ip link show "rack$(<"$RACK_DIR/net.number")" >/dev/null 2>&1; }
net_uplink_make() {
    local x
    net_in switch ip link del uplink 2>/dev/null # made, and its number not written down
    for ((x = 0; x < NET_TRIES; x++)); do
        [ -z "$(ip -4 route show root "10.77.$x.0/24")" ] || continue
        ip link add "rack$x" type veth peer name uplink netns "/proc/self/fd/9" 9<"$RACK_DIR/net/switch" 2>/dev/null || continue
        echo "$x" >"$RACK_DIR/net.number"
        return
    done
    rack_say "no network of 10.77.0.0 to 10.77.$NET_TRIES.0 is free"
    return 1
}
net_uplink() {
    net_uplink_made || net_uplink_make || return 1
    ip addr replace "$(net_address 254)/24" dev "rack$(<"$RACK_DIR/net.number")" && ip link set "rack$(<"$RACK_DIR/net.number")" up &&
        net_in switch ip link set uplink master bridge up
}

net_outside_up() {
    command -v slirp4netns >/dev/null && command -v nft >/dev/null || { rack_say 'no slirp4netns or no nft: hosts reach nothing outside'; return 0; }
    net_in switch ip link show tap0 >/dev/null 2>&1 && return 0
    net_in switch sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
    net_in switch nft -f - <<RULES || return 1
table ip rack
flush table ip rack
table ip rack { chain out { type nat hook postrouting priority srcnat; oifname "tap0" masquerade; }; }
RULES
    (rack_enter outer && exec setsid slirp4netns --configure --mtu=1500 --disable-host-loopback --netns-type=path "$RACK_DIR/net/switch" tap0 8>&- \
        >"$RACK_DIR/slirp4netns.log" 2>&1 </dev/null) &
    rack_until 90 net_in switch ip route get 192.0.2.1 || { tail -n 5 "$RACK_DIR/slirp4netns.log" >&2; rack_say 'slirp4netns does not come up'; return 1; }
}

net_up() { # 1: with the outside
    net_namespace switch || return 1
    net_in switch ip link show bridge >/dev/null 2>&1 || net_in switch ip link add bridge type bridge || return 1
    net_in switch ip link set bridge up && net_uplink || return 1
    net_in switch ip addr replace "$(net_address 253)/24" dev bridge || return 1
    [ -z "$1" ] || net_outside_up
}

# The cable of host I: plugged before the host starts, so that nothing has to be waited for inside.
net_host() {
    local i=$1 name=rack-$1
    net_namespace "$name" || return 1
    net_in "$name" ip link show eth0 >/dev/null 2>&1 ||
        net_in switch ip link add "port$i" type veth peer name eth0 netns /proc/self/fd/9 9<"$RACK_DIR/net/$name" || return 1
    net_in switch ip link set "port$i" master bridge up && net_in "$name" ip addr replace "$(net_address "$i")/24" dev eth0 &&
        net_in "$name" ip link set eth0 up && net_in "$name" ip route replace default via "$(net_address 253)"
}
