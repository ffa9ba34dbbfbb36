#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The manifest's memory is all that there is: a program that takes more gets ENOMEM or MemoryError at the
# limit, not long before it, and goes on.
# timeout: 120
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

eat() { # eat HOW DEBUG
    mkdir -p "$WORK/w"
    cp "$BUILD/tests/eat" "$WORK/w/program"
    cat >"$WORK/w/alcove.yaml" <<END
base: [python]
files: {/app/program: program}
entry: /app/program
argv: [program, "$1"]
memory: 200 MiB
threads: 4
stdout: host
stderr: host
debug: $2
END
    build_bundle "$WORK/w" "$WORK/bundle"
    status=0
    { "$ALCOVE" run "$WORK/bundle" >"$WORK/out" 2>"$WORK/err" || status=$?; } 2>/dev/null
    rm -rf "$WORK/w" "$WORK/bundle"
}

says() {
    cat "$WORK/out" "$WORK/err"
    grep -q -E -- "$1" "$WORK/out" "$WORK/err"
}

near() { # near NTH: that number of MiB is nearly the limit
    local mib
    mib=$(sed -n 's/ MiB$//p' "$WORK/out" | sed -n "$1p")
    echo "$mib MiB of 200"
    [ "$mib" -gt 185 ] && [ "$mib" -le 200 ]
}

eat maps false
ok "a program that takes all memory goes on" same "$status" 42
ok "malloc fails with ENOMEM" says '^malloc ENOMEM$'
ok "at the limit" near 1
ok "mmap fails with ENOMEM" says '^mmap ENOMEM$'
ok "at the limit too, after everything was freed" near 2
ok "so do brk and mremap" says '^brk 1, mremap 1$'
ok "what is given back can be had again" says '^given back, got again 1$'
ok "address space is no memory" says '^address space alone 1$'
ok "until it is to be written" says '^not as memory -1 ENOMEM$'
ok "for which there has to be room" says '^now 0$'

eat touch true
ok "memory that was only reserved cannot be refused by a call: the program ends" same "$status" 139
ok "and a debug bundle says for want of what" says 'memory of the manifest, 200 MiB, is used up'

workload "$WORK/p" 'blocks = []
def eat(make):
    try:
        while True:
            blocks.append(make())
    except MemoryError:
        n = len(blocks)
        blocks.clear()
        return n
print("blocks", eat(lambda: bytearray(1 << 20)) in range(80, 121))
print("again", eat(lambda: bytearray(1 << 20)) in range(80, 121))
print("large", eat(lambda: bytes(33 << 20)) in (2, 3))
print("small", eat(lambda: [None] * 1000) > 5000)
try:
    bytearray(1 << 40)
except MemoryError:
    print("absurd MemoryError")
import subprocess, sys
print("alive", sum(range(10)))'
sed -i 's/^memory: .*/memory: 128 MiB/' "$WORK/p/alcove.yaml"
build_bundle "$WORK/p" "$WORK/bundle"
"$ALCOVE" run "$WORK/bundle" >"$WORK/out" 2>"$WORK/err" || true
ok "Python raises MemoryError and goes on, every time" same "$(tr '\n' ';' <"$WORK/out")" \
    'blocks True;again True;large True;small True;absurd MemoryError;alive 45;'
tap_done
