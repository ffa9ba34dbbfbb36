#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `alcove run --gdb`: breakpoints and backtraces in a workload, by the names of its functions.
# timeout: 180
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

bundle() {
    mkdir -p "$WORK/w"
    cp "$BUILD/tests/crash" "$WORK/w/program"
    cat >"$WORK/w/alcove.yaml" <<END
base: [python]
files: {/app/program: program}
entry: /app/program
argv: [program, thread]
memory: 64 MiB
threads: 8
stdout: host
debug: $1
END
    build_bundle "$WORK/w" "$2"
}
bundle true "$WORK/debug"
bundle false "$WORK/release"
ok "a release bundle is not debugged" refused '--gdb.*"debug: true"' "$ALCOVE" run "$WORK/release" --gdb

cat >"$WORK/commands" <<'END'
break deep if n == 1
continue
bt
alcove-threads
alcove-bt all
alcove-maps
delete 2
echo going on\n
continue
END
if ! command -v gdb >/dev/null; then
    skip "workload under gdb" "gdb is not installed"
elif ! gdb -q -nx -batch -ex run --args true 2>&1 | grep -q 'exited normally'; then
    skip "workload under gdb" "tracing is not allowed here"
else
    {
        "$ALCOVE" run "$WORK/debug" --gdb="$WORK/commands" >"$WORK/out" 2>"$WORK/err" </dev/null || true
    } 2>/dev/null
    says() {
        cat "$WORK/out" "$WORK/err"
        grep -q -E -- "$1" "$WORK/out"
    }
    ok "a breakpoint that waited for the program strikes" \
        says 'hit Breakpoint 2, deep \(p=0x10, n=1\) at .*crash\.c'
    ok "its callers by name, with arguments" says '^#2 .* in deep \(p=0x10, n=3\)'
    ok "up to main" says '^#3 .* in main \(argc=2'
    ok "and beyond, through the C library" says '__libc_start_main'
    ok "threads with what they do" says "^  [0-9]+ 'program' waits in pause, 0x[0-9a-f]+ pause"
    ok "another thread's stack" says 'in sleeper \(argument='
    ok "the memory map" says '^000000401000-[0-9a-f]+ r-x 00001000 /app/program$'
    sed -i '1,/^going on$/d' "$WORK/out"
    ok "a workload that dies stops in the debugger" says '^The workload dies'
    ok "with its stack" says '^#0 .* deep \(p=0x10, n=0\)'
    ok "signals of the machine stopped nothing" lacks 'received signal' "$WORK/out"
    left=$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'alcove-gdb.*' -newer "$WORK/commands" 2>/dev/null)
    ok "no folders of unpacked layers are left" same "$left" ""
fi
tap_done
