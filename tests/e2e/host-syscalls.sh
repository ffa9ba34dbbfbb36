#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The workload's system calls are served inside the enclave: a million of them leave next to no trace
# in what the host kernel sees.
# timeout: 300
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

LIMIT=1000

total() { # total BUNDLE: host system calls of one run, all processes and threads
    strace -f -c -S calls -o "$WORK/strace" "$ALCOVE" run "$1" >"$WORK/out" || return 1
    # % time, seconds, usecs/call, calls[, errors], "total"
    awk '$NF == "total" { print $4 }' "$WORK/strace"
}

workload "$WORK/empty" 'import os
print("started")'
workload "$WORK/loop" 'import os
for _ in range(1_000_000):
    os.getppid()
print("started")'
build_bundle "$WORK/empty" "$WORK/empty.bundle"
build_bundle "$WORK/loop" "$WORK/loop.bundle"

empty=$(total "$WORK/empty.bundle")
loop=$(total "$WORK/loop.bundle")
echo "# host system calls: $empty to start and end, $loop with 1,000,000 getppid()"
few_more() { [ -n "$empty" ] && [ -n "$loop" ] && [ "$((loop - empty))" -lt "$LIMIT" ]; }
ok "a million getppid() make fewer than $LIMIT host system calls beyond start-up" few_more
ok "the loop ran to its end" grep -q started "$WORK/out"
tap_done
