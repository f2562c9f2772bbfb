# Machines for tests of SSH: a network namespace each, joined to a bridge in one of their own, with a real sshd in it. Sourced; needs
# root, iproute2 and openssh-server. Everything lies in $HOSTS_DIR.
#   hosts_init [NAME]          folder, keys, the bridge's namespace; false where namespaces cannot be made
#   hosts_add NAME...          hosts with an sshd; HOSTS_ADDRESS[NAME] is its address, 10.78.0.N
#   hosts_sshd NAME [OPTION...]  (again) an sshd on NAME with these lines in its configuration in front
#   hosts_kill NAME            no sshd any more
#   hosts_drop NAME            the host answers nothing at all
#   hosts_in NAME COMMAND...   a command in that host's network
#   hosts_near COMMAND...      a command in the operator's network: from there the hosts are reached. Its home is $HOSTS_DIR/home,
#                              with a key that all hosts take and a known_hosts with all of them
#   hosts_stop                 end all (fit for a trap)
declare -A HOSTS_ADDRESS=() HOSTS_PID=()
HOSTS_COUNT=0

hosts_init() {
    HOSTS_ID=${1:-h$$}
    HOSTS_DIR=$(mktemp -d "${TMPDIR:-/tmp}/portolan-hosts.XXXXXX") || return 1
    chmod 755 "$HOSTS_DIR"
    mkdir -p "$HOSTS_DIR/home/.ssh" "$HOSTS_DIR/keys" "$HOSTS_DIR/far-home" && chmod 700 "$HOSTS_DIR/home" "$HOSTS_DIR/home/.ssh" "$HOSTS_DIR/keys"
    mkdir -p /run/sshd
    ssh-keygen -q -t ed25519 -N '' -C portolan-test -f "$HOSTS_DIR/home/.ssh/id_ed25519" || return 1
    cp "$HOSTS_DIR/home/.ssh/id_ed25519.pub" "$HOSTS_DIR/authorized_keys"
    chmod 600 "$HOSTS_DIR/authorized_keys"
    : >"$HOSTS_DIR/home/.ssh/known_hosts"
    # libssh finds the home of an account in the password database, and reads ~/.ssh there: it gets this one.
    ip netns add "$HOSTS_ID-near" && ip -n "$HOSTS_ID-near" link set lo up &&
        ip -n "$HOSTS_ID-near" link add bridge type bridge && ip -n "$HOSTS_ID-near" addr add 10.78.255.254/16 dev bridge &&
        ip -n "$HOSTS_ID-near" link set bridge up
}

# Made in one batch each: fifty hosts take a second. nodad and no IPv6: nothing has to settle.
hosts_wire() {
    local name n near=$HOSTS_ID-near
    for name in "$@"; do
        n=$((++HOSTS_COUNT))
        HOSTS_ADDRESS[$name]=10.78.$((n / 250)).$((n % 250 + 1))
        ip netns add "$HOSTS_ID-$name" || return 1
        ip -n "$near" -batch - <<END || return 1
link add v$n type veth peer name eth0 netns $HOSTS_ID-$name
link set v$n master bridge
link set v$n up
END
        ip -n "$HOSTS_ID-$name" -batch - <<END || return 1
link set lo up
addr add ${HOSTS_ADDRESS[$name]}/16 dev eth0
link set eth0 up
END
    done
}
hosts_add() {
    local name
    hosts_wire "$@" || return 1
    for name in "$@"; do
        ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$HOSTS_DIR/keys/$name" || return 1
        echo "${HOSTS_ADDRESS[$name]} $(cut -d' ' -f1,2 "$HOSTS_DIR/keys/$name.pub")" >>"$HOSTS_DIR/home/.ssh/known_hosts"
        hosts_sshd "$name" || return 1
    done
}
# sshd writes its process id once it listens. The accounts' home is an empty one, as on a bare machine: what this machine's owner starts at each
# login (bash reads ~/.bashrc under sshd) would be started fifty times at once.
hosts_sshd() {
    local name=$1 config=$HOSTS_DIR/sshd-$1
    shift
    hosts_kill "$name"
    {
        [ $# -eq 0 ] || printf '%s\n' "$@"
        printf '%s\n' "ListenAddress 0.0.0.0:22" "HostKey $HOSTS_DIR/keys/$name" "PidFile $config.pid" "UsePAM no" "UseDNS no" \
            "AuthorizedKeysFile $HOSTS_DIR/authorized_keys" "StrictModes no" "PasswordAuthentication no" \
            "KbdInteractiveAuthentication no" "PermitRootLogin prohibit-password" "Subsystem sftp internal-sftp" \
            "MaxStartups 100" "LogLevel ERROR" "PrintMotd no"
    } >"$config"
    rm -f "$config.pid"
    hosts_in "$name" unshare --mount -- "$BASH" -c 'mount --bind "$0/far-home" "$(getent passwd "$(id -u)" | cut -d: -f6)" && exec "$@"' "$HOSTS_DIR" \
        /usr/sbin/sshd -f "$config" -E "$config.log" || return 1
    until [ -s "$config.pid" ]; do read -rt 0.02 <> <(:) || :; done
    HOSTS_PID[$name]=$(cat "$config.pid")
}
hosts_kill() {
    [ -n "${HOSTS_PID[$1]:-}" ] || return 0
    kill "${HOSTS_PID[$1]}" 2>/dev/null
    HOSTS_PID[$1]=
}
hosts_drop() { ip -n "$HOSTS_ID-$1" link set eth0 down; }
hosts_in() { local name=$1; shift; ip netns exec "$HOSTS_ID-$name" "$@"; }
hosts_near() {
    ip netns exec "$HOSTS_ID-near" unshare --mount -- "$BASH" -c \
        'home=$(getent passwd "$(id -u)" | cut -d: -f6); mount --bind "$0/home" "$home" && HOME=$home exec "$@"' "$HOSTS_DIR" "$@"
}

hosts_stop() {
    local pid name
    [ -n "${HOSTS_ID:-}" ] || return 0
    for name in "${!HOSTS_ADDRESS[@]}" near; do
        for pid in $(ip netns pids "$HOSTS_ID-$name" 2>/dev/null); do kill -9 "$pid" 2>/dev/null; done
        ip netns del "$HOSTS_ID-$name" 2>/dev/null
    done
    [ -z "${HOSTS_KEEP:-}" ] && rm -rf "$HOSTS_DIR"
    return 0
}

# hosts_garbage NAME KIND: in place of its sshd a server that is none (garbage_server.py)
hosts_garbage() {
    local ready=$HOSTS_DIR/garbage-$1 server
    hosts_kill "$1"
    rm -f "$ready"
    hosts_in "$1" python3 "$(dirname "${BASH_SOURCE[0]}")/garbage_server.py" "$2" 22 "$ready" >"$ready.log" 2>&1 &
    server=$! # a process substitution is the last background process, too
    disown "$server"
    until [ -s "$ready" ]; do
        kill -0 "$server" 2>/dev/null || { cat "$ready.log" >&2; return 1; }
        read -rt 0.05 <> <(:) || :
    done
}
