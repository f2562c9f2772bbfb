# Certificates for tests, made by openssl: sourced, not run.
#   certs_ca FOLDER NAME                          a certificate authority: FOLDER/NAME.pem, FOLDER/NAME.key
#   certs_make FOLDER CA NAME SAN [FROM TO]       FOLDER/NAME.pem and FOLDER/NAME.key (mode 0600), subject CN=NAME, signed by CA;
#                                                 SAN as "IP:127.0.0.1,DNS:x" or ""; FROM and TO as YYYYMMDD, else 10 years
#   certs_store FOLDER NAME                       FOLDER/NAME.store.pem: key and certificate in one file, as Kafka's PEM stores want it
certs_ca() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=$2" \
        -keyout "$1/$2.key" -out "$1/$2.pem" 2>/dev/null && chmod 600 "$1/$2.key"
}
certs_config() { # FOLDER CA: what `openssl ca` needs, the only command that takes any dates
    mkdir -p "$1/$2.db"
    : >"$1/$2.db/index"
    cat >"$1/$2.cnf" <<EOF
[ca]
default_ca = this
[this]
database = $1/$2.db/index
new_certs_dir = $1/$2.db
certificate = $1/$2.pem
private_key = $1/$2.key
rand_serial = yes
unique_subject = no
default_md = sha256
default_days = 3650
copy_extensions = copy
policy = any
[any]
commonName = supplied
EOF
}
certs_make() {
    local dir=$1 ca=$2 name=$3 san=$4
    [ -e "$dir/$ca.cnf" ] || certs_config "$dir" "$ca"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" ${san:+-addext "subjectAltName=$san"} \
        -keyout "$dir/$name.key" -out "$dir/$name.csr" 2>/dev/null || return 1
    openssl ca -batch -notext -config "$dir/$ca.cnf" -in "$dir/$name.csr" -out "$dir/$name.pem" \
        ${5:+-startdate "${5}000000Z" -enddate "${6}000000Z"} >"$dir/$name.log" 2>&1 || { cat "$dir/$name.log" >&2; return 1; }
    chmod 600 "$dir/$name.key"
}
certs_store() { cat "$1/$2.key" "$1/$2.pem" >"$1/$2.store.pem" && chmod 600 "$1/$2.store.pem"; }
