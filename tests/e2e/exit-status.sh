#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `alcove run` ends as the workload ended: exit status, uncaught exception, signal.
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

ends_alike() {
    local native=0 inside=0
    workload "$WORK/w" "$1"
    build_bundle "$WORK/w" "$WORK/w.bundle" || return 1
    "$PYTHON" -I -B "$WORK/w/main.py" >/dev/null 2>&1 || native=$?
    "$ALCOVE" run "$WORK/w.bundle" >/dev/null 2>"$WORK/err" || inside=$?
    rm -rf "$WORK/w" "$WORK/w.bundle"
    cat "$WORK/err"
    same "natively $native" "natively $inside"
}

ok "status 0" ends_alike 'pass'
ok "status 3" ends_alike 'import sys; sys.exit(3)'
ok "status 255, without clean-up" ends_alike 'import os; os._exit(255)'
ok "an uncaught exception" ends_alike '1 / 0'
ok "a syntax error" ends_alike 'def'
ok "an exit from another thread's point of view" ends_alike 'import os, threading, time
threading.Thread(target=lambda: (time.sleep(0.05), os._exit(7))).start()
time.sleep(5)'
ok "abort()" ends_alike 'import os; os.abort()'
ok "a segmentation fault" ends_alike 'import ctypes; ctypes.string_at(0)'
ok "a division by zero in native code" ends_alike 'import ctypes, mmap, os, signal
os.kill(os.getpid(), signal.SIGFPE)'
ok "killed by SIGTERM from inside" ends_alike 'import os, signal, time
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(5)'
tap_done
