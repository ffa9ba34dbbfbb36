#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Interrupting leaves nothing behind: no stray process, no half-written bundle or output.
# timeout: 300
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

workload "$WORK/w" 'import time
print("running", flush=True)
time.sleep(600)' 'outputs: {result: {path: /out/result, max: 1 MiB}}'
build_bundle "$WORK/w" "$WORK/w.bundle"

# A background job of a script ignores SIGINT, and what is ignored stays so across exec.
cat >"$WORK/fresh" <<'END'
#!/usr/bin/python3.11
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
END
chmod +x "$WORK/fresh"

# Every process of a run is in one session of its own; what is left of it is what strayed.
# interrupted SIGNAL COMMAND…: the signal to the command alone, not its helpers, once the command has
# printed or after a moment; then nothing of its session is left within five seconds.
interrupted() {
    local signal=$1 pid waited left
    shift
    setsid "$@" >"$WORK/out" 2>&1 </dev/null &
    pid=$!
    for waited in $(seq 200); do
        [ ! -s "$WORK/out" ] || break
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    cat "$WORK/out"
    kill -0 "$pid" || { echo "ended before the signal ($waited)"; return 1; }
    kill -s "$signal" "$pid"
    for waited in $(seq 100); do
        left=$(left_in_session "$pid")
        [ -n "$left" ] || break
        sleep 0.05
    done
    status=0
    wait "$pid" || status=$?
    echo "status $status; left: ${left:-nothing}"
    [ -z "$left" ] && [ "$status" -ne 0 ]
}

for signal in INT TERM HUP KILL; do
    rm -f "$WORK/result"
    ok "SIG$signal to a run leaves no process" interrupted "$signal" \
        "$WORK/fresh" "$ALCOVE" run "$WORK/w.bundle" --output "result=$WORK/result"
    ok "… and no half-written output" test ! -e "$WORK/result"
done

# A build that takes long enough to be hit: a large file of the workload's own.
head -c 400M /dev/zero >"$WORK/w/large"
sed -i 's|^files: .*|files: {/app/main.py: main.py, /app/large: large}|' "$WORK/w/alcove.yaml"
interrupted_build() {
    local pid status=0
    mkdir -p "$WORK/tmp"
    TMPDIR=$WORK/tmp setsid "$WORK/fresh" "$ALCOVE" build "$WORK/w" -o "$WORK/large.bundle" \
        >"$WORK/out" 2>&1 &
    pid=$!
    sleep 0.4
    kill -s "$1" "$pid" || return 1
    wait "$pid" || status=$?
    sleep 0.2
    cat "$WORK/out"
    left_in_session "$pid"
    find "$WORK/tmp" "$WORK" -maxdepth 1 -name '*large.bundle*'
    [ "$status" -ne 0 ] && [ -z "$(left_in_session "$pid")" ] &&
        [ -z "$(find "$WORK" -maxdepth 1 -name '*large.bundle*')" ] &&
        [ -z "$(ls -A "$WORK/tmp")" ]
}
for signal in INT TERM; do
    ok "SIG$signal to a build leaves neither process nor half-written bundle" \
        interrupted_build "$signal"
done
tap_done
