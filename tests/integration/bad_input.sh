#!/usr/bin/env bash
# What people get wrong, and what they are told: each case must fail with its own exit status (common/errors.def,
# schemas/verdicts.def) and name the file, the line, the key and what to do. Nothing may crash, hang or be accepted.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
fleet_init || exit 1
DIR=$FLEET_DIR/files
TINY=$FLEET_DIR/tiny
WEB=
mkdir -p "$DIR" "$TINY"
finish() {
    [ -z "$WEB" ] || kill "$WEB" 2>/dev/null
    fleet_stop_all
    kafka_stop
}
fleet_stop_all() {
    if mountpoint -q "$TINY" 2>/dev/null; then umount -l "$TINY"; fi
    fleet_stop
}
trap finish EXIT
export PORTOLAN_LOG_LEVEL=warn

USAGE=2 INVALID=3 NOT_FOUND=4 LIMIT=6 IO=7 NETWORK=9 AUTH=10 TIMEOUT=11 BUSY=13 UNSUPPORTED=14
verdict_status() { sed -nE "s/^X\\([A-Z_]+, \"$1\", ([0-9]+),.*/\\1/p" schemas/verdicts.def; }

# says STATUS PATTERN... -- COMMAND...: the command ends within 60 s with that status and its output has every pattern.
says() {
    local status=$1 patterns=() out rc p
    shift
    while [ "$1" != -- ]; do
        patterns+=("$1")
        shift
    done
    shift
    out=$(timeout 60 "$@" 2>&1)
    rc=$?
    printf '%s\n(exit status %d)\n' "$out" "$rc"
    [ "$rc" -eq "$status" ] || { echo "expected exit status $status"; return 1; }
    for p in "${patterns[@]}"; do grep -qE -- "$p" <<<"$out" || { echo "does not say: $p"; return 1; }; done
    ! grep -qiE 'sanitizer|assertion|stack smashing' <<<"$out"
}

# --- problem files ----------------------------------------------------------------------------------------------------
PROBLEM='problem: px
level: 1
origin: mine
sizes:
  full: {N: 4, D: 8}
  small: {N: 2, D: 4}
  check: {N: 3, D: 5}
inputs:
  x: {dtype: f32, shape: [N, D], fill: "uniform(-1, 1)"}
graph:
  - y = softmax(x, axis=1)
outputs: [y]'
# problem SENTENCE SED STATUS PATTERN...
problem() {
    local sentence=$1 script=$2 status=$3
    shift 3
    sed -E "$script" <<<"$PROBLEM" >"$DIR/p.yaml"
    check "problem: $sentence" says "$status" "$@" -- "$PORTOLAN" problem show "$DIR/p.yaml"
}
problem "the file that the others differ from is accepted" '' 0 'size check: N=3 D=5'
problem "an unknown operator" 's/softmax\(/sofmax(/' $INVALID 'p.yaml:11:9: unknown operator `sofmax`' 'did you mean `softmax`'
problem "an unknown key" 's/^level:/levle:/' $INVALID 'p.yaml:2:1: unknown key `levle`' 'did you mean `level`'
problem "an unknown key of a tensor" 's/fill:/fil:/' $INVALID 'p.yaml:9:34: unknown key `fil`' 'did you mean `fill`'
problem "an unknown attribute" 's/axis=1/axes=1/' $INVALID 'p.yaml:11:20: .*no attribute `axes`' 'did you mean `axis`'
problem "an axis that does not exist" 's/axis=1/axis=2/' $INVALID 'p.yaml:11:9: size `full`: .*axis=2 does not exist'
problem "shapes that do not fit" 's/y = softmax.*/y = matmul(x, x)/' $INVALID 'p.yaml:11:9: .*8 columns meet 4 rows' 'hint: transpose'
problem "a zero-size tensor" 's/N: 2, D: 4/N: 0, D: 4/' $INVALID 'p.yaml:9:3: size `small`: `x` has shape \[0, 4\]' '1 or more'
problem "a negative dim" 's/N: 2/N: -2/' $INVALID 'p.yaml:6:14: `N` is -2; it must lie between'
problem "dims whose product overflows" 's/N: 4, D: 8/N: 4000000000, D: 4000000000/' $LIMIT 'p.yaml:9:3: .*over the limit of 2\^40 elements'
problem "a dim beyond 64 bits" 's/N: 4, D: 8/N: 99999999999999999999, D: 8/' $INVALID 'p.yaml:5:13: `N` is 9{20}; it must lie between'
problem "a result named as an input" 's/- y = softmax.*/- x = relu(x)/' $INVALID 'p.yaml:11:5: the name `x` clashes with the tensor of line 9'
problem "a tensor named as a dim" 's/^  x: /  N: /' $INVALID 'p.yaml:9:3: the name `N` clashes with the dim `N`'
problem "the same tensor twice" 's/^inputs:/inputs:\n  x: {dtype: f32, shape: [N]}/' $INVALID 'p.yaml:10:3: the key `x` is there twice, first on line 9'
problem "an argument that does not exist" 's/softmax\(x/softmax(z/' $INVALID 'p.yaml:11:17: `z` is no tensor' 'did you mean `x`'
problem "an output that does not exist" 's/outputs: \[y\]/outputs: [q]/' $INVALID 'p.yaml:12:11: the output `q`'
problem "an unknown dtype" 's/f32/f31/' $INVALID 'p.yaml:9:14: unknown dtype `f31`; it is f32'
problem "an unknown fill" 's/uniform/unifrm/' $INVALID 'p.yaml:9:40: unknown fill' 'hint: there are uniform'
problem "a dim of no size" 's/\[N, D\]/[N, E]/' $INVALID 'p.yaml:9:30: .*`E` is no dim'
problem "no size at all" '/^  (full|small|check):/d' $INVALID 'p.yaml:4:7: `sizes` must name at least one'

show=("$PORTOLAN" problem show)
head -c 3000 /dev/urandom >"$DIR/garbage.yaml"
head -c 3000000 /dev/zero | tr '\0' a >"$DIR/huge.yaml"
printf 'a: &a [*a]\n' >"$DIR/alias.yaml"
head -c 100000 /dev/zero | tr '\0' '[' >"$DIR/deep.yaml"
printf 'a: [\n' >"$DIR/open.yaml"
: >"$DIR/empty.yaml"
check "problem: binary garbage" says $INVALID 'garbage.yaml:[0-9]+:[0-9]+: ' -- "${show[@]}" "$DIR/garbage.yaml"
check "problem: a huge file" says $LIMIT 'huge.yaml is larger than the limit of [0-9]+ bytes' -- "${show[@]}" "$DIR/huge.yaml"
check "problem: aliases" says $INVALID 'alias.yaml:1:[0-9]+: anchors and aliases' -- "${show[@]}" "$DIR/alias.yaml"
check "problem: nested too deeply" says $LIMIT 'deep.yaml:1:[0-9]+: nested deeper' -- "${show[@]}" "$DIR/deep.yaml"
check "problem: a bracket left open" says $INVALID 'open.yaml:2:1: ' -- "${show[@]}" "$DIR/open.yaml"
check "problem: an empty file" says $INVALID 'empty.yaml:1:1: a mapping' -- "${show[@]}" "$DIR/empty.yaml"
check "problem: a folder" says $IO 'Is a directory' -- "${show[@]}" "$DIR/"
check "problem: a file that is not there" says $NOT_FOUND 'cannot open .*gone.yaml: No such file' -- "${show[@]}" "$DIR/gone.yaml"
check "problem: a name that is not shipped" says $NOT_FOUND 'no problem is called `sotfmax`' 'did you mean `softmax`' -- "${show[@]}" sotfmax

# --- the command line, and no coordinator ---------------------------------------------------------------------------------
check "an unknown command" says $USAGE 'unknown command statsu' 'did you mean `portolan status`' -- "$PORTOLAN" statsu
check "an unknown second word" says $USAGE 'after problem may follow: list, show' -- "$PORTOLAN" problem lits
check "an unknown option" says $USAGE 'unknown option --wacth' 'watch' -- "$PORTOLAN" submit x.yaml --wacth
check "a missing argument" says $USAGE 'give a campaign file' 'usage: portolan submit' -- "$PORTOLAN" submit
check "one argument too many" says $USAGE 'give only one kernel file' 'usage: portolan try' -- "$PORTOLAN" try a.yaml b.yaml
check "a number that is none" says $USAGE '--port must be a whole number, not `abc`' -- "$PORTOLAN" serve --embedded --port abc
check "a port out of range" says $USAGE '--port is 70000; it must lie between 0 and 65535' -- "$PORTOLAN" serve --embedded --port 70000
check "a window of nothing" says $USAGE '--window is 0; it must lie between' -- "$PORTOLAN" serve --embedded --window 0
check "no broker named" says $USAGE 'no broker is named' 'bootstrap HOST:PORT' -- "$PORTOLAN" serve
check "two brokers named" says $USAGE 'exclude each other' -- "$PORTOLAN" serve --embedded --bootstrap localhost:1
check "an unknown Kafka property" says $INVALID 'kafka property foo' -- "$PORTOLAN" serve --embedded --kafka foo=bar
check "an address off loopback" says $UNSUPPORTED 'not on 0.0.0.0' 'hint:' -- "$PORTOLAN" serve --embedded --port 0 --address 0.0.0.0
check "a fleet file that is not there" says $NOT_FOUND 'cannot open /nonexistent' -- "$PORTOLAN" serve --embedded --fleet /nonexistent
check "a folder of problems that is not there" says $NOT_FOUND 'problems-dir /nonexistent' -- "$PORTOLAN" serve --embedded --problems-dir /nonexistent
check "a state folder that cannot be" says $IO 'cannot make the folder /proc/none' -- "$PORTOLAN" serve --embedded --state-dir /proc/none
check "a configuration file with an error" says $INVALID 'open.yaml:2:1: ' -- "$PORTOLAN" serve --embedded --config "$DIR/open.yaml"
check "no coordinator" says $NOT_FOUND 'no coordinator runs on this machine' 'portolan serve --embedded' -- "$PORTOLAN" status
printf '{}' >"$FLEET_DIR/runtime/coordinator.json"
check "a runtime file that says nothing" says $INVALID 'coordinator.json is not what a coordinator writes' 'hint:' -- "$PORTOLAN" status
rm "$FLEET_DIR/runtime/coordinator.json"
echo secret >"$DIR/token" && chmod 600 "$DIR/token"
check "nobody at the address" says $NETWORK 'coordinator at http://127.0.0.1:1: ' 'is it running' -- \
    "$PORTOLAN" status --api http://127.0.0.1:1 --token-file "$DIR/token"

# --- an embedded coordinator and one agent --------------------------------------------------------------------------------
serve_embedded() { # FOLDER ARGS...: its state; sets FLEET_COORDINATOR
    local state=$1
    shift
    PORTOLAN_STATE_DIR=$state "$PORTOLAN" serve --embedded --port 0 "$@" >>"$FLEET_DIR/coordinator.log" 2>&1 &
    FLEET_COORDINATOR=$!
    disown "$FLEET_COORDINATOR"
    fleet_until 30 runtime_names "$FLEET_COORDINATOR" || { tail "$FLEET_DIR/coordinator.log" >&2; return 1; }
    KAFKA_BOOTSTRAP=$(jq -r .kafka "$FLEET_DIR/runtime/coordinator.json")
}
runtime_names() { [ "$(jq .pid "$FLEET_DIR/runtime/coordinator.json")" = "$1" ] && "$PORTOLAN" nodes; }
api() { jq -r .api "$FLEET_DIR/runtime/coordinator.json"; }
fleet_calibrate pocl || exit 1
serve_embedded "$FLEET_DIR/state" --absent-ms 3000 || exit 1
fleet_agent a1 pocl
fleet_wait_nodes 1 || exit 1

check "a second coordinator on the same store" says $BUSY "in use by process $FLEET_COORDINATOR" 'its own --state-dir' -- \
    env PORTOLAN_RUNTIME_DIR="$DIR" "$PORTOLAN" serve --embedded --port 0
python3 -m http.server 0 --bind 127.0.0.1 --directory "$TINY" >"$DIR/web.log" 2>&1 &
WEB=$!
disown $WEB
web_port() { python3 - "$WEB" <<'PY'
import os, sys
inodes = {os.readlink(f"/proc/{sys.argv[1]}/fd/{f}") for f in os.listdir(f"/proc/{sys.argv[1]}/fd")}
for line in open("/proc/net/tcp").readlines()[1:]:
    fields = line.split()
    if f"socket:[{fields[9]}]" in inodes and fields[3] == "0A":
        print(int(fields[1].split(":")[1], 16))
PY
}
web_port_known() { [ -n "$(web_port)" ]; }
fleet_until 20 web_port_known
check "a port in use" says $BUSY "port $(web_port) of 127.0.0.1 is in use" 'choose another --port' -- \
    env PORTOLAN_RUNTIME_DIR="$DIR" "$PORTOLAN" serve --embedded --port "$(web_port)" --state-dir "$DIR/other"
check "an address where something else answers" says $NETWORK 'HTTP status 404, and not as a coordinator does' -- \
    "$PORTOLAN" status --api "http://127.0.0.1:$(web_port)" --token-file "$DIR/token"
kill $WEB
WEB=
check "a token that is not there" says $NOT_FOUND 'API token: cannot open .*/gone' 'token-file' -- \
    "$PORTOLAN" status --api "$(api)" --token-file "$DIR/gone"
check "a wrong token" says $AUTH 'the token is wrong' 'hint:' -- "$PORTOLAN" status --api "$(api)" --token-file "$DIR/token"
unreadable_token() { # root reads everything: then somebody else must try
    chmod 000 "$DIR/token"
    local as=()
    [ "$(id -u)" -ne 0 ] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    chmod 755 "$DIR" "$FLEET_DIR"
    says $IO 'API token: cannot open .*/token: Permission denied' 'the user who runs the coordinator' -- \
        "${as[@]}" env XDG_CONFIG_HOME="$DIR" "$PORTOLAN" status --api "$(api)" --token-file "$DIR/token"
}
check "an unreadable token" unreadable_token
check "a broker that does not answer" says $TIMEOUT 'waiting for a broker: .*127.0.0.1:1.*Connection refused' -- "$PORTOLAN" topics --bootstrap 127.0.0.1:1

# --- kernel files -----------------------------------------------------------------------------------------------------
cat >"$DIR/k.cl" <<'CL'
__kernel void gelu(__global const float *x, __global float *y, int n) {
    int i = get_global_id(0);
    if (i < n) y[i] = 0.5f * x[i] * (1.0f + erf(x[i] * 0.70710678f));
}
CL
KERNEL='kernel: mine
problem: gelu
language: opencl-c
source: k.cl
tune:
  WG: [8, 64]
launches:
  - kernel: gelu
    args: [x, y, N * D]
    global: ["ceil_div(N * D, WG) * WG"]
    local: [WG]'
# kernel SENTENCE SED STATUS PATTERN...
kernel() {
    local sentence=$1 script=$2 status=$3
    shift 3
    sed -E "$script" <<<"$KERNEL" >"$DIR/k.yaml"
    check "kernel: $sentence" says "$status" "$@" -- "$PORTOLAN" try "$DIR/k.yaml" --size check
}
kernel "a problem that does not exist" 's/^problem: gelu/problem: gleu/' $INVALID 'no problem matches `gleu`' 'did you mean `gelu`'
kernel "an unknown key" 's/^tune:/tuen:/' $INVALID 'k.yaml:5:1: unknown key `tuen`' 'did you mean `tune`'
kernel "a misspelt source key" 's/^source:/sorce:/' $INVALID 'k.yaml:4:1: unknown key `sorce`' 'did you mean `source`'
kernel "an unknown language" 's/opencl-c/opencl/' $INVALID 'k.yaml:3:11: unknown language `opencl`' 'opencl-c'
kernel "a source that is not there" 's/k\.cl/gone.cl/' $NOT_FOUND 'k.yaml:4:9: `source`: gone.cl: No such file' 'looked for in'
kernel "a source outside its folder" 's,k\.cl,../secret.cl,' $INVALID 'k.yaml:4:9: `source` must stay inside'
kernel "an absolute source" 's,k\.cl,/etc/passwd,' $INVALID 'k.yaml:4:9: `source` must stay inside'
ln -s /etc/passwd "$DIR/link.cl"
kernel "a source that a link leads outside" 's,k\.cl,link.cl,' $INVALID 'k.yaml:4:9: .*leads out of the kernel file'
kernel "an argument bound to no tensor" 's/args: \[x, y/args: [x, z/' $INVALID 'k.yaml:9:15: .*argument `z` is no input'
kernel "too few arguments" 's/, N \* D\]/]/' $INVALID 'k.yaml:8:13: .*takes 3 arguments in the source, and 2 are given'
kernel "an entry that the source lacks" 's/- kernel: gelu/- kernel: gleu/' $INVALID 'k.yaml:8:13: .*no kernel `gleu`' 'its first kernel is `gelu`'
kernel "a dim that the problem lacks" 's/N \* D, WG/N * E, WG/' $INVALID 'k.yaml:10:14: .*`E` is neither a dim'
kernel "a tunable named as a dim" 's/  WG: \[8/  N: [8/' $INVALID 'k.yaml:6:3: the tunable `N` clashes with a dim'
kernel "a key twice" 's/^source/problem: softmax\nsource/' $INVALID 'k.yaml:4:1: the key `problem` is there twice, first on line 2'
kernel "a global size that overflows" 's/global: .*/global: ["N * 4000000000 * 4000000000"]/' $INVALID 'k.yaml:10:14: .*does not fit 64 bits'
kernel "a global size that the group does not divide" 's/global: .*/global: [N * D]/' $INVALID 'k.yaml:10:14: .*no multiple of the local size 8' 'rounds up'
head -c 400000 /dev/zero | tr '\0' ' ' >"$DIR/big.cl"
kernel "a huge source" 's/k\.cl/big.cl/' $LIMIT 'big.cl is larger than the limit of 262144 bytes'
head -c 4000 /dev/urandom >"$DIR/binary.cl"
kernel "a source of binary garbage" 's/k\.cl/binary.cl/' $INVALID 'k.yaml:4:9: .*NUL byte'
: >"$DIR/empty.cl"
kernel "an empty source" 's/k\.cl/empty.cl/' $INVALID 'k.yaml:8:13: .*has no kernel `gelu`'
kernel "a global size of nothing" 's/global: .*/global: [0]/' "$(verdict_status limit_exceeded)" 'mine.yaml:10:14: .*global size 0 is 0 at size check'
kernel "a group over every limit" 's/\[8, 64\]/[100000]/' "$(verdict_status limit_exceeded)" 'mine.yaml:11:13: .*local size 0 is 100000'
sed 's/erf(/erff(/' "$DIR/k.cl" >"$DIR/broken.cl"
kernel "a source that does not compile" 's/k\.cl/broken.cl/' "$(verdict_status compile_error)" '^compile_error ' ":3:[0-9]+: .*erff"
sed 's/0.5f/0.4f/' "$DIR/k.cl" >"$DIR/wrong.cl"
kernel "a wrong answer" 's/k\.cl/wrong.cl/' "$(verdict_status wrong_output)" '^wrong_output ' 'expected|instead'
printf '%s\n' "$KERNEL" >"$DIR/k.yaml"
check "kernel: tried on another problem" says $INVALID 'k.yaml is for the problem `gelu`, not `softmax`' -- \
    "$PORTOLAN" try "$DIR/k.yaml" --problem softmax --size check
check "kernel: a size that the problem lacks" says $NOT_FOUND 'has no size `tiny`; it has full, medium, small' -- "$PORTOLAN" try "$DIR/k.yaml" --size tiny
check "kernel: a target that nothing serves" says 1 '^no_device ' 'no device serves pocl-gpu' -- "$PORTOLAN" try "$DIR/k.yaml" --on pocl-gpu
check "kernel: more sets than are allowed" says $USAGE '--sets is 65; it must lie between' -- "$PORTOLAN" try "$DIR/k.yaml" --sets 65
check "kernel: an unknown baseline" says $INVALID 'unknown word `plane`' -- "$PORTOLAN" try "$DIR/k.yaml" --baseline plane

# --- campaign files ---------------------------------------------------------------------------------------------------
mkdir "$DIR/k"
cp "$DIR/k.cl" "$DIR/k/" && printf '%s\n' "$KERNEL" >"$DIR/k/mine.yaml"
CAMPAIGN='campaign: mine
problems: [gelu]
targets: [pocl-cpu]
size: check
strategies: [human]
kernels: [k/*.yaml]
baselines: [plain, fused]'
# campaign SENTENCE SED STATUS PATTERN...
campaign() {
    local sentence=$1 script=$2 status=$3
    shift 3
    sed -E "$script" <<<"$CAMPAIGN" >"$DIR/c.yaml"
    check "campaign: $sentence" says "$status" "$@" -- "$PORTOLAN" submit --watch "$DIR/c.yaml"
}
campaign "an unknown key" 's/^targets/target/' $INVALID 'c.yaml:3:1: unknown key `target`' 'did you mean `targets`'
campaign "an unknown problem" 's/\[gelu\]/[gleu]/' $INVALID 'c.yaml:2:12: `problems`: no problem matches `gleu`' 'did you mean `gelu`'
campaign "an unknown size" 's/size: check/size: tiny/' $NOT_FOUND 'c.yaml:4:7: `size`: .*has no size `tiny`; it has full'
campaign "an unknown strategy" 's/human/humen/' $INVALID 'c.yaml:5:14: .*unknown word `humen`' 'did you mean `human`'
campaign "a strategy that cannot be run yet" 's/human/llm/' $UNSUPPORTED 'c.yaml:5:14: .*`llm` cannot be run yet'
campaign "an unknown baseline" 's/fused/fusde/' $INVALID 'c.yaml:7:20: .*unknown word `fusde`' 'did you mean `fused`'
campaign "kernels that match no file" 's,k/,q/,' $NOT_FOUND 'c.yaml:6:11: `kernels`: no .yaml file matches `q/' "relative to the campaign file's folder, $DIR"
campaign "no kernels" '/^kernels/d' $INVALID 'c.yaml:1:1: `kernels` must be a list' 'hint:'
campaign "no problems" 's/\[gelu\]/[]/' $INVALID 'c.yaml:2:11: `problems` must be a list of at least one'
campaign "an empty campaign: no kernel is for its problems" 's/\[gelu\]/[matmul]/' $INVALID 'c.yaml:6:10: plans no task' 'hint:'
campaign "an unknown key of a selector" 's/\[pocl-cpu\]/[{vendr: x}]/' $INVALID 'c.yaml:3:12: unknown key `vendr`' 'did you mean `vendor`'
campaign "a budget that is no time" 's/^size/budget: {time: never}\nsize/' $INVALID 'c.yaml:4:16: `time`: `never`: a whole number with a unit'
campaign "a target that no device has" 's/pocl-cpu/pocl-cup/' 1 'no device serves the target `pocl-cup`' 'did you mean `pocl-cpu`' '^no_device '
campaign "a selector that no device matches" 's/\[pocl-cpu\]/[{vendor: nvidia, memory: ">= 16 GiB"}]/' 1 'warning: no device serves' '1 cell without a device' '^no_device '
: >"$DIR/c.yaml"
check "campaign: an empty file" says $INVALID 'c.yaml:1:1: a mapping' -- "$PORTOLAN" submit "$DIR/c.yaml"
check "campaign: binary garbage" says $INVALID 'garbage.yaml:[0-9]+:[0-9]+: ' -- "$PORTOLAN" submit "$DIR/garbage.yaml"
check "campaign: a huge file" says $LIMIT 'huge.yaml is larger than the limit of 262144 bytes' -- "$PORTOLAN" submit "$DIR/huge.yaml"
check "campaign: a file that is not there" says $NOT_FOUND 'cannot open .*gone.yaml: No such file' -- "$PORTOLAN" submit "$DIR/gone.yaml"
check "a campaign that does not exist" says $NOT_FOUND 'campaign `cfffffff` does not exist' -- "$PORTOLAN" status cfffffff
check "too short an id" says $NOT_FOUND '4 or more characters' -- "$PORTOLAN" cancel cf
check "a task that does not exist" says $NOT_FOUND 'task `ffffffff` does not exist' -- "$PORTOLAN" why ffffffff

# A request that no client of ours makes: the coordinator answers it, and goes on.
raw() { # STATUS PATTERN CURL-ARGS...
    local status=$1 pattern=$2 out
    shift 2
    out=$(curl -sS --noproxy '*' --max-time 20 -w '\n%{http_code}' -H "Authorization: Bearer $(head -n 1 "$FLEET_DIR/state/token")" "$@")
    printf '%s\n' "$out"
    [ "$(tail -n 1 <<<"$out")" = "$status" ] && grep -qE -- "$pattern" <<<"$out"
}
json=(-H 'Content-Type: application/json')
check "a body of binary garbage is refused" raw 400 '"code":' "${json[@]}" --data-binary @"$DIR/garbage.yaml" "$(api)/v1/campaigns"
check "a body over the limit is refused" raw 413 'limit' "${json[@]}" --data-binary @"$DIR/huge.yaml" "$(api)/v1/try"
check "a body of another type is refused" raw 400 'application/json' -H 'Content-Type: text/plain' --data x "$(api)/v1/campaigns"
check "a path that does not exist is refused" raw 404 'not_found' "$(api)/v1/nothing"
check "another host's name is refused" raw 403 'host|Host' -H 'Host: example.org' "$(api)/v1/nodes"

# --- a device that disappears ---------------------------------------------------------------------------------------------
# Its driver is taken away: the task fails on the node, not in its verdict, and is given up when no device comes back.
mv "$FLEET_DIR/icd/a1/pocl.icd" "$DIR/pocl.icd"
check "a device that disappears gives no verdict, and the reason is told" says 1 '^gave_up ' 'no device of pocl-cpu for 3 s' \
    'after a failure: cannot start a runner' -- "$PORTOLAN" try "$DIR/k.yaml" --size check
mv "$DIR/pocl.icd" "$FLEET_DIR/icd/a1/pocl.icd"
device_is_back() { "$PORTOLAN" nodes --json | jq -e '.nodes[].devices[] | select(.state == "idle")'; }
check "a device that comes back is checked and serves again" fleet_until 60 device_is_back
check "the next try has its verdict" says 0 '^correct ' -- "$PORTOLAN" try "$DIR/k.yaml" --size check --sets 1
check "the coordinator outlived all this" kill -0 "$FLEET_COORDINATOR"
fleet_kill TERM "$FLEET_COORDINATOR"
check "a coordinator that is gone" says $NOT_FOUND 'no coordinator runs on this machine' -- "$PORTOLAN" nodes
fleet_kill TERM "${FLEET_AGENT[a1]}"
FLEET_AGENT=() FLEET_COORDINATOR=

# --- a store that cannot be used ------------------------------------------------------------------------------------------
mkdir "$DIR/notastore"
head -c 8192 /dev/urandom >"$DIR/notastore/portolan.db"
check "a store of binary garbage" says $IO 'portolan.db: .*not a database' 'put a backup' -- \
    "$PORTOLAN" serve --embedded --port 0 --state-dir "$DIR/notastore"
campaigns_of_store() { PORTOLAN_STATE_DIR=$TINY "$PORTOLAN" status --json | jq '.campaigns | length'; }
full_disk() {
    sed 's/pocl-cpu/nobody/' <<<"$CAMPAIGN" >"$DIR/c.yaml"
    mount -t tmpfs -o size=600k tmpfs "$TINY" || return 1
    serve_embedded "$TINY" || return 1
    "$PORTOLAN" submit "$DIR/c.yaml" || return 1
    head -c 1000000 /dev/zero >"$TINY/fill" 2>/dev/null
    until ! "$PORTOLAN" submit "$DIR/c.yaml" >>"$DIR/accepted" 2>/dev/null; do [ "$(wc -l <"$DIR/accepted")" -lt 500 ] || return 1; done
    fleet_wait_gone "$FLEET_COORDINATOR" 30 || { echo 'the coordinator goes on without a disk'; return 1; }
    tail -n 3 "$FLEET_DIR/coordinator.log"
    tail -n 3 "$FLEET_DIR/coordinator.log" | grep -qE "store $TINY/portolan.db: .*full" &&
        tail -n 3 "$FLEET_DIR/coordinator.log" | grep -q 'hint: free space' || return 1
    rm "$TINY/fill"
    serve_embedded "$TINY" || return 1
    # Every campaign that was answered for is there; one that died with the answer on its way may be.
    local accepted found
    accepted=$(($(wc -l <"$DIR/accepted") + 1)) found=$(campaigns_of_store)
    echo "$accepted accepted, $found found"
    [ "$found" -ge "$accepted" ] && [ "$found" -le $((accepted + 1)) ] && fleet_kill TERM "$FLEET_COORDINATOR"
}
if mount -t tmpfs -o size=64k tmpfs "$TINY" 2>/dev/null; then
    umount "$TINY"
    check "a full disk ends the coordinator with the reason, and nothing that was accepted is lost" full_disk
else
    echo "# a full disk: not tried, since this user may not mount a small file system"
fi
stop_named() { [ ! -e "$FLEET_DIR/runtime/coordinator.json" ] || fleet_kill KILL "$(jq .pid "$FLEET_DIR/runtime/coordinator.json")"; }
stop_named # what a failed check left: it ran in a subshell
rm -f "$FLEET_DIR/runtime/coordinator.json"

# --- a broker that is not there -----------------------------------------------------------------------------------------
kafka_start || exit 1
kafka_kill 0
export PORTOLAN_LOG_LEVEL=info
says_what_it_tried() { fleet_await "$1" "no broker answers: tried $KAFKA_BOOTSTRAP" "$2" 40; }
broker_state() { fleet_api /v1/health | jq -r ".status + \" \" + .broker.state" | tee /dev/stderr | grep -qxE -- "$1"; }
fleet_serve || exit 1 # not within check: that is a subshell
fleet_agent a1 pocl
check "without its broker the coordinator starts and says what it tried" says_what_it_tried "$FLEET_DIR/coordinator.log" "$FLEET_COORDINATOR"
check "the agent, too, says what it tried" says_what_it_tried "$FLEET_DIR/agent-a1.log" "${FLEET_AGENT[a1]}"
check "health says that the broker is away" broker_state "degraded (connecting|absent)"
printf '%s\nsets: 1\ndeadline: 5m\n' "$CAMPAIGN" >"$DIR/c.yaml"
check "a campaign is accepted meanwhile" says 0 '^campaign c[0-9a-f]+ \(mine\)' -- "$PORTOLAN" submit "$DIR/c.yaml"
check "the broker comes" kafka_restart 0
check "both find it by themselves" fleet_wait_nodes 1 60
check "health is well again" broker_state "ok connected"
campaign_is_complete() { [ "$("$PORTOLAN" status latest --json | jq -r '.state + " " + (.verdicts.correct | tostring)')" = "complete 1" ]; }
check "and the campaign runs to its end" fleet_until 120 campaign_is_complete
check_done
