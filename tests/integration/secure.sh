#!/usr/bin/env bash
# A Kafka that lets in nobody without a certificate or a password, and nobody do anything without an ACL: a campaign over it with a
# principal for each program; what is wrong with certificates, passwords and rights is named with its remedy; one node's principal can
# neither read another's mailbox nor write what is the coordinator's; no secret shows in logs, processes, store, backup or answers.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/lib/check.sh
. tests/lib/kafka.sh
. tests/lib/certs.sh
. tests/lib/python.sh
. tests/lib/fleet.sh
. tests/lib/many.sh
fleet_init || exit 1
C=$FLEET_DIR/certs
SAID=$FLEET_DIR/said
SHOWN=
finish() {
    [ -z "$SHOWN" ] || kill "$SHOWN" 2>/dev/null
    fleet_stop
    kafka_stop
}
trap finish EXIT
mkdir -m 700 "$C"
python_install || exit 1

# --- certificates, passwords, broker --------------------------------------------------------------------------------------
secret() { od -An -N 18 -tx1 /dev/urandom | tr -d ' \n'; }
PW_NODE=pw-$(secret) PW_WRONG=pw-$(secret) PW_CONSUMER=pw-$(secret)
certificates() {
    certs_ca "$C" ca && certs_ca "$C" stranger-ca && certs_make "$C" ca broker IP:127.0.0.1 && certs_store "$C" broker &&
        certs_make "$C" ca expired IP:127.0.0.1 20200101 20200102 && certs_store "$C" expired &&
        certs_make "$C" ca coordinator "" && certs_make "$C" ca node-1 "" && certs_make "$C" ca old-node "" 20200101 20200102 &&
        certs_make "$C" stranger-ca stranger "" && certs_make "$C" ca api IP:127.0.0.1
}
certificates || exit 1
(umask 077; echo "$PW_NODE" >"$C/node-2.password"; echo "$PW_WRONG" >"$C/wrong.password")
kafka_secure "$C" "node-2=$PW_NODE" "consumer=$PW_CONSUMER"
kafka_start 1 || exit 1

# config NAME BOOTSTRAP LINE...: a configuration file with these lines under kafka:
config() {
    local name=$1 at=$2
    shift 2
    printf 'kafka:\n  bootstrap.servers: %s\n' "$at" >"$C/$name.yaml"
    printf '  %s\n' "$@" >>"$C/$name.yaml"
}
by_certificate() { # NAME BOOTSTRAP CERTIFICATE [CA]
    config "$1" "$2" 'security.protocol: ssl' "ssl.ca.location: $C/${4:-ca}.pem" "ssl.certificate.location: $C/$3.pem" \
        "ssl.key.location: $C/$3.key"
}
by_password() { # NAME MECHANISM FILE [LINE...]
    config "$1" "$KAFKA_SASL" 'security.protocol: sasl_ssl' "ssl.ca.location: $C/ca.pem" \
        "sasl: {mechanism: $2, username: node-2, password: {file: $C/$3.password}}" "${@:4}"
}
by_certificate admin "$KAFKA_BOOTSTRAP" broker
by_certificate coordinator "$KAFKA_BOOTSTRAP" coordinator
printf 'api: {address: 0.0.0.0, tls: {cert: %s, key: %s}}\n' "$C/api.pem" "$C/api.key" >>"$C/coordinator.yaml"
export CURL_CA_BUNDLE=$C/ca.pem # of the tests' own requests
by_certificate node-1 "$KAFKA_BOOTSTRAP" node-1
by_password node-2 PLAIN node-2 'debug: "security,conf,feature"' # what librdkafka tells of its configuration goes to the log
topics() { "$PORTOLAN" topics --config "$C/$1.yaml" "${@:2}"; }

# --- who is not let in ----------------------------------------------------------------------------------------------------
# says STATUS PATTERN... -- COMMAND...: its exit status, and all patterns in what it prints
says() {
    local status=$1 patterns=() out rc p
    shift
    while [ "$1" != -- ]; do patterns+=("$1") && shift; done
    shift
    [ "$1" != topics ] || set -- "$PORTOLAN" topics --config "$C/$2.yaml" "${@:3}"
    out=$(timeout 60 "$@" 2>&1)
    rc=$?
    printf '%s\n(exit status %d)\n' "$out" $rc | tee -a "$SAID"
    [ $rc -eq "$status" ] || return 1
    for p in "${patterns[@]}"; do grep -qE -- "$p" <<<"$out" || { echo "does not say: $p"; return 1; }; done
}
AUTH=10
by_certificate wrong-ca "$KAFKA_BOOTSTRAP" node-1 stranger-ca
by_certificate expired-broker "$KAFKA_EXPIRED" node-1
by_certificate other-name "localhost:${KAFKA_BOOTSTRAP#*:}" node-1
by_certificate expired-client "$KAFKA_BOOTSTRAP" old-node
by_certificate stranger "$KAFKA_BOOTSTRAP" stranger
config no-certificate "$KAFKA_BOOTSTRAP" 'security.protocol: ssl' "ssl.ca.location: $C/ca.pem"
by_password wrong-password PLAIN wrong
by_password no-such-mechanism SCRAM-SHA-256 node-2
check "a broker whose authority is not trusted: which one, and what to set" says $AUTH \
    "certificate of broker $KAFKA_BOOTSTRAP was issued by .CN=ca., which .*stranger-ca.pem does not vouch for" 'hint: .*ssl.ca.location' -- topics wrong-ca
check "a broker's expired certificate: since when" says $AUTH 'broker .* \(CN=expired\) expired on 2020-01-02' -- topics expired-broker
check "a broker's certificate for another name: for which" says $AUTH 'broker localhost:[0-9]+ is for other names: 127.0.0.1' 'advertised.listeners' -- topics other-name
check "our own expired certificate: the file, since when" says $AUTH 'our certificate .*/old-node.pem \(CN=old-node\) expired on 2020-01-02' -- topics expired-client
check "our certificate of an authority that the broker does not trust" says $AUTH 'refuses our certificate .*/stranger.pem \(issued by .CN=stranger-ca.\)' -- topics stranger
check "no certificate where one is wanted" says $AUTH 'wants a client certificate, and none is configured' 'ssl.certificate.location' -- topics no-certificate
check "a wrong password: whose, and where it is set" says $AUTH 'does not let in user .node-2. \(PLAIN\)' 'sasl.password: \{file: ' -- topics wrong-password
check "a mechanism that the broker does not have: which it has" says $AUTH 'does not know the SASL mechanism SCRAM-SHA-256; it has: .*PLAIN' -- topics no-such-mechanism

readable_by_others() {
    cp -p "$C/node-1.key" "$C/open.key" && chmod 644 "$C/open.key" && sed 's/node-1.key/open.key/' "$C/node-1.yaml" >"$C/open.yaml" || return 1
    says $AUTH 'open.key holds a secret and others can read' 'chmod 600' -- topics open &&
        sed "s/password: {file: .*}}/password: $PW_NODE}/" "$C/node-2.yaml" >"$C/inline.yaml" && chmod 644 "$C/inline.yaml" &&
        says $AUTH 'inline.yaml holds a secret and others can read' -- topics inline && chmod 600 "$C/inline.yaml" &&
        says 1 'topic' -- topics inline --check --node node-2
}
check "a key, or a configuration with a password in it, that others can read" readable_by_others
check "a password on the command line is refused, unseen" says 2 'sasl.password is a secret' 'sasl.password.file=PATH' -- \
    "$PORTOLAN" topics --bootstrap "$KAFKA_SASL" --kafka "sasl.password=$(secret)"

# --- who may do nothing yet -----------------------------------------------------------------------------------------------
fleet_calibrate pocl || exit 1
PORTOLAN_CONFIG=$C/coordinator.yaml fleet_serve --replication 1 || exit 1
coordinator_names_the_right() {
    fleet_await "$FLEET_DIR/coordinator.log" 'principal User:CN=coordinator may not [A-Z]+ topic portolan\.' "$FLEET_COORDINATOR" &&
        fleet_api /v1/health | holds '.status == "degraded" and (.broker.last_error | test("may not"))'
}
check "a coordinator without rights says which it misses, in its log and its health" coordinator_names_the_right
coordinator_with_a_wrong_ca() {
    local pid log=$FLEET_DIR/coordinator-2.log
    PORTOLAN_RUNTIME_DIR=$FLEET_DIR/runtime-2 "$PORTOLAN" serve --config "$C/wrong-ca.yaml" --state-dir "$FLEET_DIR/state-2" --port 0 >"$log" 2>&1 &
    pid=$!
    fleet_await "$log" 'does not vouch for' $pid
    local rc=$?
    kill -TERM $pid && wait $pid
    cat "$log"
    return $rc
}
check "a coordinator that no broker lets in says why, and goes on trying" coordinator_with_a_wrong_ca
agent_with_a_wrong_password() {
    [ -d "$FLEET_DIR/icd/node-2" ] || fleet_icd "$FLEET_DIR/icd/node-2" pocl
    says $AUTH 'does not let in user .node-2.' -- env OCL_ICD_VENDORS="$FLEET_DIR/icd/node-2" "$PORTOLAN_AGENT" run --node node-2 --config "$C/wrong-password.yaml"
}
agent_without_rights() {
    says $AUTH 'principal User:node-2 may not [A-Z]+ (any topic|topic portolan.)' -- env OCL_ICD_VENDORS="$FLEET_DIR/icd/node-2" "$PORTOLAN_AGENT" run --node node-2 --config "$C/node-2.yaml"
}
check "an agent whose password is wrong ends, and says so" agent_with_a_wrong_password
check "an agent without rights ends, and says which it misses" agent_without_rights
preflight_names_the_right() {
    says 1 'principal User:CN=node-1 may not READ topic portolan.tasks.node-1' \
        "kafka-acls .*--allow-principal 'User:CN=node-1' --operation Write --topic 'portolan.attempts'" -- topics node-1 --check --node node-1
}
check "the preflight names each missing right, with its command" preflight_names_the_right

# --- rights ---------------------------------------------------------------------------------------------------------------
PRINCIPALS=(--principal coordinator=User:CN=coordinator --principal node-1=User:CN=node-1 --principal node-2=User:node-2 --principal consumer=User:consumer)
tls_of() { # CERTIFICATE
    printf '"security.protocol": "ssl", "ssl.ca.location": "%s", "ssl.certificate.location": "%s", "ssl.key.location": "%s"' "$C/ca.pem" "$C/$1.pem" "$C/$1.key"
}
echo "{$(tls_of broker)}" >"$C/admin.json"
# The one command that is left over is run as it is printed, in place of Kafka's own tool by a foreign client.
grant() {
    local out rest
    out=$(topics admin --create --acls --apply --node node-1 --node node-2 "${PRINCIPALS[@]}") || return 1
    echo "$out"
    rest=$(grep '^kafka-acls ' <<<"$out")
    [ "$(wc -l <<<"$rest")" -eq 1 ] && grep -q transactional-id <<<"$rest" || return 1
    eval "'$VENV_PYTHON' tests/foreign/kafka_acls.py '$C/admin.json' ${rest#kafka-acls}"
}
no_agent_may_create() { topics node-1 --create; [ $? -eq $AUTH ]; }
applied_by_who_may_not() { says $AUTH 'may not ALTER cluster' -- topics node-1 --acls --apply --node node-1; }
check "who may not create ACLs is told" applied_by_who_may_not
check "topics and ACLs are made by who may, the rest by the command that is printed" grant
check "an agent cannot make topics" no_agent_may_create
check "the coordinator, which nobody started again, is on the bus" fleet_until 30 sh -c "grep -q 'on the bus' '$FLEET_DIR/coordinator.log'"

nothing_is_written() { # by the probes: agents and campaigns come later
    local t
    for t in attempts deadletter results measurements tasks.node-1 tasks.node-2; do
        [ -z "$(kcat -b "$KAFKA_BOOTSTRAP" -X security.protocol=ssl -X "ssl.ca.location=$C/ca.pem" -X "ssl.certificate.location=$C/broker.pem" \
            -X "ssl.key.location=$C/broker.key" -C -q -e -t "portolan.$t" -o beginning -f '%o ')" ] || { echo "$t is not empty"; return 1; }
    done
}
preflights_pass() {
    says 0 '18 rights: 18 granted' -- topics coordinator --check && says 0 '10 rights: 10 granted' -- topics node-1 --check --node node-1 &&
        says 0 '^User:node-2 at .* as agent' '10 rights: 10 granted' -- topics node-2 --check --node node-2 &&
        topics node-1 --check --node node-1 --json | holds '.ok and .principal == "User:CN=node-1" and all(.rights[]; .state == "granted")' && nothing_is_written
}
preflight_of_another() {
    says 1 'principal User:CN=node-1 may not READ topic portolan.tasks.node-2' '10 rights: 9 granted, 1 missing' -- topics node-1 --check --node node-2 &&
        topics node-1 --check --as coordinator --json | holds '(.ok | not) and ([.rights[] | select(.state == "missing") | .name] | index("portolan.results"))'
}
check "all preflights pass, and have written nothing" preflights_pass
check "a node's preflight for another node fails" preflight_of_another

# --- a campaign -----------------------------------------------------------------------------------------------------------
fleet_agent node-1 pocl "PORTOLAN_CONFIG=$C/node-1.yaml" || exit 1
KAFKA_BOOTSTRAP=$KAFKA_SASL fleet_agent node-2 pocl "PORTOLAN_CONFIG=$C/node-2.yaml" PORTOLAN_LOG_LEVEL=debug || exit 1
fleet_agent node-3 pocl "PORTOLAN_CONFIG=$C/node-1.yaml" || exit 1 # somebody's principal under another's name
intruder_is_told() {
    fleet_await "$FLEET_DIR/agent-node-3.log" 'principal User:CN=node-1 may not [A-Z]+ topic portolan.tasks.node-3' "${FLEET_AGENT[node-3]}" &&
        fleet_api /v1/nodes | holds 'all(.nodes[] | select(.node == "node-3"); .ready | not)'
}
fleet_wait_nodes 2 || exit 1
check "an agent whose principal may not read its mailbox says so, and is not ready" intruder_is_told
fleet_kill TERM "${FLEET_AGENT[node-3]}"

READER=$C/reader.token
"$PORTOLAN" token create --role read --name dashboard --expires 1d --out "$READER" 2>/dev/null || exit 1
campaign() {
    local status
    MANY_KINDS=(wrong broken)
    "$PORTOLAN" submit "$(many_campaign secure 4 pocl-cpu)" --watch >"$FLEET_DIR/watched" 2>&1
    status=$?
    cat "$FLEET_DIR/watched"
    [ $status -lt 2 ] || [ $status -ge 40 ] || return 1
    "$PORTOLAN" status latest --json --token-file "$READER" | holds '.state == "complete" and all(.cells[]; .state == "done")'
}
cat >"$C/consumer.json" <<EOF
{"bootstrap.servers": "$KAFKA_SASL", "security.protocol": "sasl_ssl", "ssl.ca.location": "$C/ca.pem", "sasl.mechanism": "SCRAM-SHA-512",
 "sasl.username": "consumer", "sasl.password": "$PW_CONSUMER"}
EOF
chmod 600 "$C/consumer.json"
echo "{\"bootstrap.servers\": \"$KAFKA_BOOTSTRAP\", $(tls_of node-1)}" >"$C/intruder.json"
strangers_read_the_results() {
    fleet_until 30 fleet_published && "$VENV_PYTHON" tests/foreign/rights.py "$C/consumer.json" keys:portolan.results | sort -u >"$FLEET_DIR/keys" &&
        fleet_planned "$("$PORTOLAN" status latest --json | jq -r .campaign)" | sort | diff - "$FLEET_DIR/keys" && [ -s "$FLEET_DIR/keys" ]
}
check "a campaign runs, each program with its own principal" campaign
check "a consumer of its own principal (SCRAM) reads one result for each task" strangers_read_the_results
both_worked() { fleet_api /v1/nodes | holds '([.nodes[] | select(.ready)] | length) == 2'; }
check "both agents are in service still" both_worked

# --- one node's principal in foreign hands --------------------------------------------------------------------------------
one_node_cannot() {
    local t tries=(read:portolan.tasks.node-2 read:portolan.attempts read:portolan.heartbeats read:portolan.results read:portolan.campaigns)
    for t in results measurements desired campaigns tasks.node-1 tasks.node-2; do tries+=("write:portolan.$t"); done
    "$VENV_PYTHON" tests/foreign/rights.py "$C/intruder.json" read:portolan.tasks.node-1 read:portolan.desired "${tries[@]}" | tee "$FLEET_DIR/tried"
    [ "$(grep -c ' allowed$' "$FLEET_DIR/tried")" -eq 2 ] && [ "$(grep -c ' denied$' "$FLEET_DIR/tried")" -eq ${#tries[@]} ]
}
check "one node's principal reads its own mailbox, no other's, and writes nothing that is the coordinator's" one_node_cannot

# --- the API --------------------------------------------------------------------------------------------------------------
reader_reads_only() {
    says 0 'node-1' -- "$PORTOLAN" nodes --token-file "$READER" && says $AUTH 'needs the role submit; the token .dashboard. has the role read' -- \
        "$PORTOLAN" cancel latest --token-file "$READER" && says $AUTH 'needs the role operate' -- "$PORTOLAN" token list --token-file "$READER"
}
wrong_token() {
    (umask 077; echo "ptl_$(secret)$(secret)" >"$C/wrong.token")
    says $AUTH 'the token is wrong' -- "$PORTOLAN" nodes --token-file "$C/wrong.token"
}
open_token() { cp "$READER" "$C/open.token" && chmod 640 "$C/open.token" && says $AUTH 'open.token holds a secret' -- "$PORTOLAN" nodes --token-file "$C/open.token"; }
no_token_over_the_net() { says $AUTH 'would show the token' 'ssh -L' -- "$PORTOLAN" nodes --api http://192.0.2.1:7070 --token-file "$READER"; }
over_tls() {
    local api
    api=$(jq -r .api "$FLEET_DIR/runtime/coordinator.json")
    case $api in https://127.0.0.1:*) ;; *) echo "$api"; return 1 ;; esac
    says 0 'node-1' -- "$PORTOLAN" nodes --api "$api" --ca-file "$C/ca.pem" --token-file "$READER" &&
        says $AUTH 'its certificate is not trusted' 'hint: --ca-file' -- "$PORTOLAN" nodes --api "$api" --ca-file "$C/stranger-ca.pem" --token-file "$READER" &&
        [ "$(curl -s --noproxy '*' -o "$FLEET_DIR/foreign" -w '%{http_code}' -H 'Host: example.org' -H "Authorization: Bearer $(cat "$READER")" "$api/v1/nodes")" = 403 ] &&
        ! curl -s --noproxy '*' --max-time 10 "http${api#https}/v1/nodes"
}
check "the API speaks TLS: by its names, to who trusts its authority, and nothing in clear" over_tls
check "a token of the role read reads, and is told what else it would need" reader_reads_only
check "a wrong token is refused" wrong_token
check "a token's file that others can read is refused" open_token
check "no token goes over plain HTTP to another machine" no_token_over_the_net

# --- secrets --------------------------------------------------------------------------------------------------------------
# Keys are looked for by a line of theirs.
(
    umask 077
    printf '%s\n' "$PW_NODE" "$PW_WRONG" "$PW_CONSUMER" "$(head -n 1 "$FLEET_DIR/state/token")" "$(cat "$READER")" "$(cat "$C/wrong.token")"
    for k in node-1 coordinator broker api; do sed -n 2p "$C/$k.key"; done
) >"$C/secrets"
shows_no_secret() { # FILE...: grep prints where, never what
    local found
    found=$(grep -rlaF -f "$C/secrets" "$@" 2>/dev/null)
    [ -z "$found" ] || { echo "secrets in: $found"; return 1; }
}
processes() { # command lines of all, environments of ours
    local p
    ps auxww
    for p in /proc/[0-9]*; do tr '\0' '\n' <"$p/cmdline" && echo; done 2>/dev/null
    for p in $FLEET_COORDINATOR "${FLEET_AGENT[@]}" $(fleet_descendants "${FLEET_AGENT[node-1]}") $(fleet_descendants "${FLEET_AGENT[node-2]}"); do
        tr '\0' '\n' <"/proc/$p/environ"
    done 2>/dev/null
}
looking_finds_them() { # or the checks below prove nothing
    local rc
    [ "$(wc -l <"$C/secrets")" -eq 10 ] && ! grep -qvE '.{20,}' "$C/secrets" && ! shows_no_secret "$C/node-2.password" &&
        grep -q 'kafka: .*sasl.password' "$FLEET_DIR/agent-node-2.log" || return 1
    processes | grep -qaF "shown-$PW_WRONG"
}
bash -c 'read -r _ <> <(:)' "shown-$PW_WRONG" &
SHOWN=$!
check "what looks for secrets finds them where they are" looking_finds_them
kill $SHOWN
wait $SHOWN 2>/dev/null
SHOWN=
processes >"$FLEET_DIR/processes"
mkdir "$FLEET_DIR/answers"
for path in health nodes campaigns results tokens problems matrix; do fleet_api "/v1/$path" >"$FLEET_DIR/answers/$path"; done
fleet_api /metrics >"$FLEET_DIR/answers/metrics"
"$PORTOLAN" backup "$FLEET_DIR/backup.db" >>"$SAID" 2>&1
check "no secret in a log" shows_no_secret "$FLEET_DIR"/*.log
check "none in a process list, a command line or an environment" shows_no_secret "$FLEET_DIR/processes"
check "none in what the commands said when they failed" shows_no_secret "$SAID"
check "none in an answer of the API" shows_no_secret "$FLEET_DIR/answers"
check "none in the store but its token file, and none in a backup" shows_no_secret --exclude=token "$FLEET_DIR/state" "$FLEET_DIR/backup.db"
check "none in runtime files and caches" shows_no_secret "$FLEET_DIR/runtime" "$PORTOLAN_CACHE_DIR"
check_done
