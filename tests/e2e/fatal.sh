#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The report of a workload that dies: of a debug bundle everything that finds the fault, of others
# nothing but the signal.
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

cp "$BUILD/tests/crash" "$WORK/program"

# crash HOW DEBUG: runs the program so; its words are in $WORK/err.
crash() {
    mkdir -p "$WORK/w"
    cp "$WORK/program" "$WORK/w/program"
    cat >"$WORK/w/alcove.yaml" <<END
base: [python]
files: {/app/program: program}
entry: /app/program
argv: [program, "$1"]
memory: 64 MiB
threads: 8
stderr: host
debug: $2
END
    build_bundle "$WORK/w" "$WORK/bundle"
    { "$ALCOVE" run "$WORK/bundle" >"$WORK/out" 2>"$WORK/err" || true; } 2>/dev/null
    rm -rf "$WORK/w" "$WORK/bundle"
}

says() {
    cat "$WORK/err"
    grep -q -E -- "$1" "$WORK/err"
}

# Offset in the file of a function, as reports name places.
place() {
    local at
    at=$(nm "$WORK/program" | awk -v f="$1" '$3 == f { print $1 }')
    printf '%x' $((0x$at - 0x400000))
}
within() { # within FUNCTION SIZE PATTERN: the offset that the pattern's line names lies in the function
    local line at start
    line=$(grep -m 1 -E "$3" "$WORK/err")
    at=${line##*/app/program+0x}
    start=$(place "$1")
    echo "$line: in $1 (0x$start)?"
    [ $((0x${at%%[^0-9a-f]*})) -ge $((0x$start)) ] && [ $((0x${at%%[^0-9a-f]*})) -lt $((0x$start + $2)) ]
}

refused_text_is_not_told() {
    ! grep -q 'machine code' "$WORK/err"
}

crash null true
ok "who died of what" says '^\*\*\* process 1 \(program\), thread [0-9]+: ended by SIGSEGV \(SEGV_MAPERR\)$'
ok "what it did to which address" says '^  page fault: wrote to 0x10, not mapped'
ok "in which file and where" within deep 64 '^  at /app/program\+0x'
ok "with which bytes" says '^  at /app/program\+0x[0-9a-f]+: c700'
ok "registers" says '^  rax 0000000000000010 '
ok "who called, three times itself" same "$(grep -c -E "^    [0-9a-f]{16} /app/program\\+0x" "$WORK/err")" 4
ok "what is mapped around" says '^    000000401000-[0-9a-f]+ r-x 00001000 /app/program$'

crash thread true
ok "other threads, and where they wait" says '^    in pause\(\)$'
crash abort true
ok "the call in which it died" says '^  in or after tgkill\([0-9]+, [0-9]+, SIGABRT\)$'
ok "and its callers, even without frame pointers" says 'perhaps /app/program\+0x'
ok "not of machine code, which it did not make" refused_text_is_not_told
crash "machine code" true
ok "who makes machine code is told that it may not" says '^  it asked 1 times for memory to run machine code'
crash callbacks true
ok "also one that ends by itself, and not well" says '^\*\*\* process 1 \(program\): ended with status 3$'
ok "and what it asked for" says '^  it asked 1 times for memory to run machine code'
crash callbacks false
ok "which a release bundle does not say" refused_text_is_not_told
crash data true
ok "running data is told" says '^  that is data, which never runs: '
crash trap true
ok "an invalid instruction" says '^  invalid instruction$'
ok "which is shown" says ': 0f0b'
crash jump true
ok "a jump to nowhere" says '^  page fault: fetched an instruction from 0x123000, not mapped'
ok "where nothing can be read" says 'which cannot be read$'
crash divide true
ok "a division" says '^  division error$'
crash text true
ok "a write to text" says '^  page fault: wrote to /app/program\+0x.*\(error 0x7\)$'
crash noncanonical true
ok "an address that is none" says '^  general protection'
crash overflow true
ok "a wild stack ends the report, not the enclave" says 'mapped around rip'

for how in null abort trap; do
    crash "$how" false
    ok "a release bundle that dies ($how) says nothing" same "$(cat "$WORK/err")" ""
done

# A layer that changes on the disk while the program runs: the runtime stops, and says in which call.
stop() {
    workload "$WORK/w" 'import os, sys
fd = os.open("/app/data", os.O_RDONLY)
print(os.pread(fd, 1, 0))
sys.stdout.flush()
input()
for at in range(0, 8 << 20, 4096):
    os.pread(fd, 1, at)' "debug: $1" 'stdin: host'
    head -c 8M /dev/zero | tr '\0' 'x' >"$WORK/w/data"
    sed -i 's|^files: .*|files: {/app/main.py: main.py, /app/data: data}|' "$WORK/w/alcove.yaml"
    build_bundle "$WORK/w" "$WORK/bundle"
    image=$(find "$WORK/bundle/layers" -name '*.img' -size +8M | head -n 1)
    mkfifo "$WORK/in"
    "$ALCOVE" run "$WORK/bundle" >"$WORK/out" 2>"$WORK/err" <"$WORK/in" &
    run=$!
    exec 9>"$WORK/in"
    for _ in $(seq 100); do
        [ -s "$WORK/out" ] && break
        sleep 0.1
    done
    chmod u+w "$image"
    flip "$image" $((4 << 20))
    echo >&9
    exec 9>&-
    wait "$run" || true
    rm -rf "$WORK/w" "$WORK/bundle" "$WORK/in"
}
stop true
ok "a runtime that stops says why" says 'does not match the measured root hash'
ok "and in whose call" says '^\*\*\* the runtime stopped in process 1 \(python3.11\), thread [0-9]+$'
ok "with its arguments" says '^  in or after pread64\(3, 0x[0-9a-f]+, 1, [0-9]+\)$'
stop false
ok "a release says one sentence" same "$(wc -l <"$WORK/err")" 1
ok "the same" says 'does not match the measured root hash'
tap_done
