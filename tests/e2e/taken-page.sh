#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A host that takes pages of the workload away cannot make a signal of it: the access is tried again,
# and the run goes on when the pages are back. The host's part is played by a debugger, which changes
# page rights in the enclave's process.
# timeout: 120
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

workload "$WORK/w" 'import signal, time
hits = []
signal.signal(signal.SIGSEGV, lambda number, frame: hits.append(number))
end = time.monotonic() + 6
while time.monotonic() < end:
    pass
print("signals", hits)'
build_bundle "$WORK/w" "$WORK/w.bundle"

# Sets start and size of the interpreter's own text, which no Python runs without.
find_text() {
    local end
    read -r start end < <(sed -n 's/^0*\(4[0-9a-f]\{5\}\)-0*\([0-9a-f]*\) r-xp .*/0x\1 0x\2/p' \
        "/proc/$enclave/maps" | head -n 1)
    size=$((end - start))
}

# text_rights RIGHTS: what mprotect(2) takes; the enclave's process does it to itself.
text_rights() {
    gdb -q -batch -p "$enclave" -ex 'handle SIGSEGV SIGSYS SIGILL nostop noprint pass' \
        -ex "print (int)mprotect($start, $size, $1)" 2>&1 | grep -E '^[$]1 = 0$'
}

taken() {
    grep -E "^0*${start#0x}-[0-9a-f]+ ---p" "/proc/$enclave/maps"
}

"$ALCOVE" run "$WORK/w.bundle" >"$WORK/out" 2>"$WORK/err" &
run=$!
sleep 2
enclave=$(pgrep -P "$run" -x alcove-enclave)
find_text
if text_rights 0 >"$WORK/gdb.log"; then
    ok "the text is gone" taken
    sleep 1
    ok "the run waits for it" kill -0 "$enclave"
    ok "the text is given back" text_rights 5
    status=0
    wait "$run" || status=$?
    ok "the run ends as if nothing had been" same "$status" 0
    ok "the workload saw no signal" same "$(cat "$WORK/out")" 'signals []'
else
    skip "taken pages are no signal" "no debugger may attach to a process here"
    wait "$run"
fi
tap_done
