#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A host that takes pages of the workload away cannot make a signal of it: the access is tried again,
# and the run goes on when the pages are back. The host's part is a thread of the enclave's process
# (take_pages.c).
# timeout: 120
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

workload "$WORK/w" 'import signal, time
hits = []
signal.signal(signal.SIGSEGV, lambda number, frame: hits.append(number))
end = time.monotonic() + 8
while time.monotonic() < end:
    pass
print("signals", hits)'
build_bundle "$WORK/w" "$WORK/w.bundle"

# The executable segment, without which no Python runs: address and size in memory, in pages.
read -r TAKE_START TAKE_SIZE < <(readelf -lW "$PYTHON" | awk '$1 == "LOAD" && / R E / {
    print $3, $6; exit }')
TAKE_SIZE=$(((TAKE_SIZE + 4095) / 4096 * 4096))
export TAKE_START TAKE_SIZE

status=0
LD_PRELOAD=$BUILD/tests/take_pages.so "$ALCOVE" run "$WORK/w.bundle" >"$WORK/out" 2>"$WORK/err" ||
    status=$?
ok "the host took the text away, time and again" grep -x 'taken 20 times' "$WORK/err"
ok "the run ends as if nothing had been" same "$status" 0
ok "the workload saw no signal" same "$(cat "$WORK/out")" 'signals []'
tap_done
