#!/usr/bin/env bash
# ansible/ without a fleet: the playbooks' syntax, the filters over what the program prints, the inventory as `portolan fleet` reads it, `--check --diff` on a
# bare host of tests/rack, which must change nothing there, the choice of drivers over made-up PCI folders, and what is refused. Then the short form of the
# whole way, on one host that has what packages depend on already: site.yml, a campaign, a second run that changes nothing, a removal that leaves nothing.
# The long form, from bare hosts, with an upgrade in the middle of a campaign, is tests/soak/ansible. Needs root.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${BUILD:=build}" "${DEPS_DIR:=.deps}"
DIR=$(mktemp -d "${TMPDIR:-/tmp}/portolan-ansible.XXXXXX") || exit 1
export BUILD DEPS_DIR
# shellcheck source=tests/lib/check.sh
. tests/lib/check.sh
# shellcheck source=tests/lib/many.sh
. tests/lib/many.sh
# shellcheck source=tests/lib/debian.sh
. tests/lib/debian.sh
# shellcheck source=tests/lib/site.sh
. tests/lib/site.sh
stop_all() { rack down >/dev/null 2>&1; rm -rf "$DIR"; }
trap stop_all EXIT
trap 'exit 130' INT TERM

# --- on paper ---------------------------------------------------------------------------------------------------------------------------
syntax() { (cd ansible && /usr/bin/ansible-playbook -i example/hosts.yml site.yml agents.yml upgrade.yml remove.yml --syntax-check); }
check "all playbooks parse, with the inventory of the example" syntax
"$BUILD/portolan" topics --json --config /dev/null >"$DIR/topics.json"
"$BUILD/portolan" topics --acls --json --config /dev/null --node lab-7 --principal lab-7=User:CN=lab-7 >"$DIR/acls.json"
check "missing topics and ACLs become commands of Kafka's, and what is there none" python3 tests/ansible/filters.py "$DIR/topics.json" "$DIR/acls.json"
same_hosts() {
    local ours theirs
    ours=$("$BUILD/portolan" fleet list -i ansible/example/hosts.yml --json | jq -c '[.hosts[] | {(.host): (.variables.ansible_host // null)}] | add | to_entries | sort') &&
        theirs=$(/usr/bin/ansible-inventory -i ansible/example/hosts.yml --list |
            jq -c '._meta.hostvars | to_entries | map({key, value: (.value.ansible_host // null)}) | sort') || return 1
    printf '%s\n%s\n' "$ours" "$theirs"
    [ "$(jq length <<<"$ours")" -ge 3 ] && [ "$ours" = "$theirs" ]
}
check "portolan fleet reads the same hosts from the inventory as Ansible does" same_hosts

# --- on a bare host ---------------------------------------------------------------------------------------------------------------------
rack up 1 --drivers none --no-outside >"$DIR/rack.log" 2>&1 || { cat "$DIR/rack.log"; exit 1; }
mkdir "$DIR/debs" && : >"$DIR/debs/portolan_0.1.0-1_all.deb" && : >"$DIR/debs/portolan-agent_0.1.0-1_all.deb"
one_host() { # NAME: it is everything
    cat <<EOF
all:
$(site_vars)
    kafka_cache_dir: ${2:-$DIR/cache}
  children:
    kafka: {hosts: {$1: {ansible_host: $(site_address "$1")}}}
    coordinator: {hosts: {$1: }}
    agents: {hosts: {$1: }}
EOF
}
one_host rack-1 >"$DIR/hosts.yml"
# What is on its disk, but for what any login leaves and what its services write.
disk() {
    find "$RACK_DIR/hosts/rack-1/upper" -not -path '*/home/admin*' -not -path '*/root/.ansible*' -not -path '*/tmp/*' -not -path '*/var/log/*' \
        -not -path '*/var/lib/systemd/*' -not -name '*.lock' -type f -printf '%P %s %T@\n' | sort
}
would() { # a real run would change things; this one must not
    disk >"$DIR/before"
    play site.yml --check --diff || return 1
    disk >"$DIR/after"
    diff "$DIR/before" "$DIR/after" && [ ! -e "$DIR/cache" ] && [ ! -e "$DIR/tls" ]
}
check "site.yml --check --diff goes through on a bare host, and changes nothing" would

cat >"$DIR/drivers.yml" <<EOF
- hosts: agents
  become: true
  tasks:
    - ansible.builtin.include_role: {name: $PWD/ansible/roles/opencl_drivers}
    - ansible.builtin.debug: {msg: "chosen {{ opencl_drivers_chosen.install | join(',') }}"}
EOF
pci() { # VENDOR...: a host with a display controller of each
    rack exec rack-1 sh -c 'rm -rf /tmp/pci; i=0; for v; do i=$((i + 1)); mkdir -p /tmp/pci/$i; echo 0x030000 >/tmp/pci/$i/class; echo $v >/tmp/pci/$i/vendor
        echo 0x1234 >/tmp/pci/$i/device; done; mkdir -p /tmp/pci/net; echo 0x020000 >/tmp/pci/net/class; echo 0x10de >/tmp/pci/net/vendor; echo 1 >/tmp/pci/net/device' sh "$@"
}
drivers() { # VENDORS CHOSEN EXPLAINED ARGS...
    local vendors=$1 chosen=$2 explained=$3 out
    shift 3
    # shellcheck disable=SC2086 # several vendors
    pci $vendors && out=$(play "$DIR/drivers.yml" --check -e opencl_drivers_pci_dir=/tmp/pci "$@") || { printf '%s\n' "$out"; return 1; }
    printf '%s\n' "$out" | sed -n '/Explain what is left/,$p'
    grep -q "chosen $chosen\$" <<<"$out" || { echo "not chosen: $chosen"; return 1; }
    if [ -n "$explained" ]; then tr -s ' \n' ' ' <<<"$out" | grep -qE "$explained"; else ! grep -q ' GPU: ' <<<"$out"; fi
}
check "without a GPU the processor's driver is chosen, and nothing is explained" drivers "" "pocl-opencl-icd,clinfo" ""
check "GPUs of all vendors: what the distribution has is chosen, the rest explained with its remedy" drivers "0x10de 0x1002 0x8086" \
    "pocl-opencl-icd,intel-opencl-icd,mesa-opencl-icd,clinfo" "Intel GPU: its kernel module .i915 or xe. is not loaded.*AMD GPU.*NVIDIA GPU: this host.{1,2}s apt sources have no OpenCL driver.*non-free"

refused() { # PATTERN ARGS...
    local pattern=$1 out
    shift
    out=$(play site.yml --check "$@") && { echo "was not refused: $*"; return 1; }
    tr -s ' \n' ' ' <<<"$out" | grep -qE "$pattern" || { printf '%s\n' "$out"; return 1; }
}
check "a tarball of Kafka without its checksum is refused" refused 'needs .*kafka_tarball_checksum' -e kafka_tarball=/x.tgz
check "a version of Kafka without known checksums is refused" refused 'No checksums of Kafka 9.9.9' -e kafka_version=9.9.9 -e kafka_jars_checksums=/none

# --- the whole way in short ---------------------------------------------------------------------------------------------------------------
site_host 2 || exit 1
one_host rack-2 "$DEPS_DIR/rack/kafka-cache" >"$DIR/hosts.yml"
host_lists rack-2 >"$DIR/rack-2.before"
portolan() { site_portolan rack-2 "$@"; }
MANY_KINDS=(rows wrong)
check "site.yml brings Kafka, the coordinator and an agent onto one host, in working order" run_play site.yml
campaign() {
    many_campaign short 2 '"*"' >/dev/null && site_bring rack-2 && portolan submit /tmp/many/short.yaml --watch || return 1
    portolan status --json | holds '.campaigns[0].state == "complete"'
}
check "a campaign runs to its end" campaign
check "a second run changes nothing" changes_nothing site.yml
rack exec rack-2 rm -rf /tmp/many
check "remove.yml goes through" run_play remove.yml -e remove_data=true
nothing_left() { host_lists rack-2 | diff "$DIR/rack-2.before" -; }
check "nothing that site.yml brought is left" nothing_left
check_done
