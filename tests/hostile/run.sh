#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [--bundle c|procs|python] [OPTION…]: makes the workload's bundle in a temporary folder and
# runs it under the hostile host (docs/hostile.md; host/hostile.c has its options). Without
# --bundle it is the C program, whose runs are short. procs: a tree of processes.
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/../e2e/common.sh"

HOSTILE=$BUILD/tests/hostile/hostile

# Somebody elsewhere: says back what it hears, and calls whoever asks it to.
PEER=$("$PYTHON" -c 'import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1])')
"$PYTHON" "$TOP/tests/network/peer.py" "$PEER" "$PEER" "$((PEER + 2))" >"$WORK/peer" &
trap 'kill %1 2>/dev/null; rm -rf "$WORK"' EXIT
for _ in $(seq 500); do
    grep -q ready "$WORK/peer" 2>/dev/null && break
    sleep 0.02
done

yaml() { # DIR BASE FILES ENTRY ARGV
    cat >"$1/alcove.yaml" <<EOF
$2
files: {$3}
entry: $4
argv: [$5]
env: {LC_ALL: C.UTF-8, PEER: "$PEER"}
mounts:
  - {kind: tmpfs, path: /tmp, size: 16 MiB}
  - {kind: sealed, path: /data, name: kept, size: 4 MiB}
attestation: true
inputs: {numbers: {path: /in/numbers, max: 1 MiB}}
outputs: {result: {path: /out/result, max: 1 MiB}}
memory: 512 MiB
threads: 8
stdin: host
stdout: host
stderr: host
network: {connect: ["127.0.0.1:$PEER", "udp 127.0.0.1:$PEER"], listen: ["127.0.0.1:$((PEER + 1))"]}
EOF
}

make_c() { # NAME [ARGUMENT]
    mkdir "$WORK/$1.d"
    gcc -O1 -static -D_GNU_SOURCE -Wall -Wextra -Werror -o "$WORK/$1.d/work" \
        "$TOP/tests/hostile/work.c" -pthread
    yaml "$WORK/$1.d" "" "/work: work" /work "work${2:+, $2}"
    build_bundle "$WORK/$1.d" "$WORK/$1"
}

# The same program twice, under two identities: a tree, and blanks that are not of it.
make_procs() {
    for name in procs other; do
        mkdir "$WORK/$name.d"
        gcc -O1 -static -D_GNU_SOURCE -Wall -Wextra -Werror -o "$WORK/$name.d/work" \
            "$TOP/tests/hostile/procs.c"
        cat >"$WORK/$name.d/alcove.yaml" <<EOF
files: {/work: work}
entry: /work
argv: [work]
env: {NAME: $name}
mounts: [{kind: tmpfs, path: /tmp, size: 16 MiB}]
memory: 64 MiB
threads: 8
stdin: host
stdout: host
stderr: host
EOF
        build_bundle "$WORK/$name.d" "$WORK/$name"
    done
}

make_python() {
    mkdir "$WORK/python.d"
    cp "$TOP/tests/hostile/work.py" "$WORK/python.d/work.py"
    yaml "$WORK/python.d" "base: [python]" "/work.py: work.py" /usr/bin/python3.11 \
        "python3.11, -I, -B, /work.py"
    build_bundle "$WORK/python.d" "$WORK/python"
}

bundle=c
if [ "${1:-}" = --bundle ]; then
    bundle=$2
    shift 2
fi
cd "$WORK"
case $(basename "$bundle") in
c) make_c c ;;
leak) make_c leak leak ;;
procs) make_procs && set -- --other other "$@" ;;
python) make_python ;;
*) echo "run.sh: no bundle $bundle: c, procs, python" >&2; exit 2 ;;
esac
export ALCOVE_LIBEXEC_DIR=$BUILD/libexec/alcove
"$HOSTILE" "$(basename "$bundle")" "$@"
