# Kernels that take their runner over, on PoCL: sourced, not run. tests/forgery/forge.cl needs to know where things lie in the runner and
# in libc; an attacker reads that off the same source and binary.
#   forgery_known FOLDER          writes FOLDER/known.h; fails with what could not be found out
#   forged FOLDER HOW [INTEGER]   writes the kernel that attacks by HOW (forge.cl lists them), prints its kernel file's path
# The runner that is attacked has its imports writable (tests/tests.mk). In the one that is shipped they are read-only (RELRO): there the
# attacks that write to them end in a crash, and the worker's own checks would never be tried.
FORGERY_RUNNER=$(cd "${BUILD:-build}" && pwd)/tools/writable_runner

forgery_address() { # FILE SYMBOL [nm's options]: its offset in FILE
    nm "${@:3}" "$1" | awk -v name="$2" '{ sub(/@.*/, "", $3) } $3 == name && $2 != "U" { print "0x" $1 "UL"; exit }'
}
forgery_offsets() { # FOLDER
    local libc f
    libc=$(ldd "$FORGERY_RUNNER" | awk '$1 == "libc.so.6" { print $3 }')
    "${CC:-gcc}" -std=gnu17 -I. -D_GNU_SOURCE -DCL_TARGET_OPENCL_VERSION=300 -o "$1/offsets" tests/forgery/offsets.c &&
        "$1/offsets" || return 1
    echo "#define RUNNER_OPENCL $(forgery_address "$FORGERY_RUNNER" backend_opencl)"
    echo "#define RUNNER_NUMBER_INT $(forgery_address "$FORGERY_RUNNER" number_int)"
    echo "#define RUNNER_WRITEV $(readelf -rW "$FORGERY_RUNNER" | awk '$5 ~ /^writev(@|$)/ { print "0x" $1 "UL"; exit }')"
    for f in program_invocation_name write getpagesize clock_gettime usleep fork getrusage close ptrace _exit; do
        echo "#define LIBC_${f^^} $(forgery_address "$libc" "$f" -D)"
    done
}
forgery_known() { # FOLDER
    [ "$(uname -m)" = x86_64 ] || { echo "the attack is written for x86-64"; return 1; }
    forgery_offsets "$1" >"$1/known.h" || return 1
    ! grep -vE '^#define [A-Z_]+ (0x[0-9a-f]+UL|[0-9]+)$' "$1/known.h"
}
forged() { # FOLDER HOW [INTEGER]
    local dir=$1/$2${3:-}
    mkdir -p "$dir"
    {
        echo "#define FORGE_$2"
        [ -z "${3:-}" ] || echo "#define INTEGER"
        cat "$1/known.h" tests/forgery/forge.cl
    } >"$dir/forge.cl"
    cp tests/forgery/forge.yaml "$dir"
    echo "$dir/forge.yaml"
}
