#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The same programs on Linux and in an enclave, outputs compared: the oracle is the kernel.
# timeout: 400
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

same_as_linux() {
    local script=$1 native=0 inside=0
    workload "$WORK/w" "$(cat "$script")"
    sed -i -e 's|^env: .*|env: {LC_ALL: C.UTF-8, HOME: /tmp}|' -e 's|^threads: .*|threads: 32|' \
        -e 's|^mounts: \[\(.*\)\]|mounts: [\1, {kind: tmpfs, path: /dev/shm, size: 16 MiB}]|' \
        "$WORK/w/alcove.yaml"
    echo "debug: true" >>"$WORK/w/alcove.yaml"
    build_bundle "$WORK/w" "$WORK/w.bundle" || return 1
    env -i LC_ALL=C.UTF-8 HOME=/tmp "$PYTHON" -I -B "$script" >"$WORK/native" 2>"$WORK/native.err" \
        </dev/null || native=$?
    "$ALCOVE" run --perf --trace-file "$WORK/perf" "$WORK/w.bundle" \
        >"$WORK/inside" 2>"$WORK/inside.err" || inside=$?
    cat "$WORK/perf" >>"$WORK/made"
    rm -rf "$WORK/w" "$WORK/w.bundle"
    tail -n 5 "$WORK/native.err"
    echo "status natively $native, inside $inside"
    diff -u "$WORK/native" "$WORK/inside" || {
        tail -n 10 "$WORK/inside.err"
        return 1
    }
    [ "$native" -eq 0 ] && [ "$inside" -eq 0 ]
}

# A C program, dynamically linked against the base layer's libc; it ends with status 42.
program_same_as_linux() {
    local source=$1 native=0 inside=0
    mkdir "$WORK/p"
    gcc -O1 -D_GNU_SOURCE -o "$WORK/p/program" "$source" -pthread -lm || return 1
    cat >"$WORK/p/alcove.yaml" <<'EOF'
base: [python]
files: {/program: program}
entry: /program
argv: [program]
mounts: [{kind: tmpfs, path: /tmp, size: 16 MiB}, {kind: tmpfs, path: /dev/shm, size: 16 MiB}]
memory: 1 GiB
threads: 16
stdout: host
stderr: host
network: denied
debug: true
EOF
    build_bundle "$WORK/p" "$WORK/p.bundle" || return 1
    "$WORK/p/program" >"$WORK/native" 2>"$WORK/native.err" </dev/null || native=$?
    "$ALCOVE" run --perf --trace-file "$WORK/perf" "$WORK/p.bundle" \
        >"$WORK/inside" 2>"$WORK/inside.err" || inside=$?
    cat "$WORK/perf" >>"$WORK/made"
    rm -rf "$WORK/p" "$WORK/p.bundle"
    echo "status natively $native, inside $inside"
    diff -u "$WORK/native" "$WORK/inside" && [ "$native" -eq 42 ] && [ "$inside" -eq 42 ]
}

for source in "$TOP"/tests/conformance/*.c; do
    ok "$(basename "$source") prints in an enclave what it prints on Linux" \
        program_same_as_linux "$source"
done
for script in "$TOP"/tests/conformance/*.py; do
    ok "$(basename "$script") prints in an enclave what it prints on Linux" same_as_linux "$script"
done

# Every call that is served is made by one of them, or it is compared with nothing.
all_made() {
    awk '/^System calls served/ { on = 1; next } /^Hostcalls/ { on = 0 } on && NF == 5 { print $5 }' \
        "$WORK/made" | sort -u >"$WORK/names"
    awk -F'|' '$4 ~ /^ (FULL|PARTIAL|STUB) $/ { gsub(/[ `]/, "", $3); print $3 }' "$TOP/docs/SYSCALLS.md" |
        sort >"$WORK/served"
    [ "$(wc -l <"$WORK/served")" -gt 200 ] || return 1
    comm -13 "$WORK/names" "$WORK/served" | grep -v '^exit$' >"$WORK/unmade" # never returns, is not counted
    echo "made by none of them: $(tr '\n' ' ' <"$WORK/unmade")"
    [ ! -s "$WORK/unmade" ]
}
ok "each call that docs/SYSCALLS.md says is served is made by one of these programs" all_made
tap_done
