# ansible/ over hosts of a rack, for tests: sourced after check.sh and many.sh. Needs $DIR, a folder of the test's own, and sets what the rack and Ansible read.
#   rack COMMAND...             tests/rack/rack in $DIR/rack
#   site_address HOST           its address
#   site_vars                   the `vars:` of an inventory: how hosts are reached, where packages are
#   play ARGS...                Debian's ansible-playbook in ansible/ over $DIR/hosts.yml: that of a control machine with Debian 12
#   run_play ARGS...            the same into $DIR/play.log; prints its recap, or the log's end when it fails
#   changes_nothing ARGS...     run_play; false when a host reports changed or failed tasks
#   site_portolan HOST ARGS...  portolan on the coordinator's host, as an administrator would
#   site_bring HOST             the campaigns of many.sh to HOST, as /tmp/many
#   site_host [N]               the rack's host N (default 1), bare but for what our packages and roles depend on: a layer that is kept, so that only the first run
#                               needs the network. $DIR/debs has the packages of what is built (needs debian.sh)
#   host_lists HOST             what a removal has to give back: files, contents of /etc, packages, users, units
export RACK_DIR=$DIR/rack ANSIBLE_CONFIG=$PWD/ansible/ansible.cfg ANSIBLE_HOME=$DIR/home ANSIBLE_NOCOLOR=1
FLEET_DIR=$DIR

rack() { tests/rack/rack "$@"; }
site_address() { rack hosts | awk -F '\t' -v h="$1" '$1 == h {print $2}'; }
site_vars() {
    cat <<EOF
  vars:
    ansible_user: admin
    ansible_ssh_private_key_file: $RACK_DIR/key
    ansible_ssh_common_args: '-o UserKnownHostsFile=$RACK_DIR/known_hosts -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes'
    ansible_python_interpreter: /usr/bin/python3
    portolan_packages_dir: $DIR/debs
    kafka_heap: 512m
    agent_config: {busy: note}        # hosts of one machine disturb each other
EOF
}
play() { (cd ansible && timeout 1500 /usr/bin/ansible-playbook -i "$DIR/hosts.yml" "$@"); }
recap() { sed -n '/^PLAY RECAP/,$p' "$DIR/play.log"; }
run_play() { play "$@" >"$DIR/play.log" 2>&1 || { tail -n 40 "$DIR/play.log"; return 1; }; recap; }
changes_nothing() { run_play "$@" && recap | grep -qE '^[a-z0-9-]+ +: ok=' && ! recap | grep -E '^[a-z0-9-]+ +:' | grep -v 'changed=0 .*failed=0'; }
site_portolan() { rack exec "$1" env PORTOLAN_SYSTEM=1 portolan "${@:2}"; }
site_bring() { tar -C "$DIR/many" -c . | rack exec "$1" sh -c 'rm -rf /tmp/many && mkdir /tmp/many && tar -C /tmp/many -x'; }
site_host() {
    local f packages
    rm -rf "$DIR/debs" && mkdir "$DIR/debs" && tools/deb >"$DIR/deb.log" 2>&1 && cp "$BUILD"/deb/*.deb "$DIR/debs" || { cat "$DIR/deb.log"; return 1; }
    mapfile -t packages < <(for f in "$DIR"/debs/*.deb; do dpkg-deb -f "$f" Depends | tr ',' '\n' | sed 's/|.*//; s/(.*//; s/ //g'; done | grep . | sort -u)
    debian_root && debian_layer site "$DEBIAN_ROOT" "${packages[@]}" pocl-opencl-icd clinfo openssl openjdk-17-jre-headless python3-apt || return 1
    RACK_LAYERS=$DEBIAN_LAYER rack up "${1:-1}" --drivers none --no-outside >"$DIR/rack.log" 2>&1 || { cat "$DIR/rack.log"; return 1; }
}
# Left out is what a host writes by itself (logs, the state of systemd), the homes of those who log in, apt's lists and caches, the books of dpkg and ucf (the list
# of packages is compared instead); of /etc's contents what is made of others (the linker's cache) and backups of the lists of users.
host_lists() {
    rack exec "$1" sh -c "find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp -o -path /var/log -o -path /var/cache \
        -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/lib/ucf -o -path /var/lib/systemd -o -path /root -o -path /home \) -prune -o -print | sort
        find /var/cache -name '*portolan*' -o -name '*.deb'
        find /etc -xdev -type f -not -name ld.so.cache -not -name '*-' -exec sha256sum {} + | sort
        dpkg-query -W -f '\${Package} \${db:Status-Abbrev}\n' | sort; cut -d: -f1 /etc/passwd /etc/group | sort; systemctl list-unit-files --no-legend | awk '{print \$1}' | sort"
}
