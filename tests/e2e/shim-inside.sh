#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The shim door from inside: tests/shim/inside.c looks at its own enclave and prints a check a line.
# It runs again as musl's, as a position-independent program, and stripped.
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

mkdir "$WORK/inside"
cp "$BUILD/tests/shim/inside" "$WORK/inside/inside"
head -c 8192 /dev/zero >"$WORK/inside/code"
cat >"$WORK/inside/alcove.yaml" <<'END'
door: shim
files: {/app/inside: inside, /lib/code: code}
entry: /app/inside
argv: [inside, one argument]
env: {PLACE: enclave}
memory: 256 MiB
threads: 8
mounts: [{kind: tmpfs, path: /tmp, size: 1 MiB}]
stdout: host
stderr: host
END

# inside NAME: builds what lies in the folder, runs it, repeats its checks under this name.
inside() {
    local name=$1 line status=0 count=0
    ok "$name: builds" build_bundle "$WORK/inside" "$WORK/inside.bundle"
    "$ALCOVE" run "$WORK/inside.bundle" >"$WORK/inside.tap" 2>"$WORK/inside.err" || status=$?
    while read -r line; do
        case $line in
        "ok "* | "not ok "*)
            count=$((count + 1))
            ok "$name: ${line#*- }" test "${line%% *}" = ok
            ;;
        esac
    done <"$WORK/inside.tap"
    ok "$name: ends with status 0, all its checks made" \
        same "$status 1..$count" "0 $(tail -n 1 "$WORK/inside.tap")"
    sed 's/^/# /' "$WORK/inside.err"
}

compile() { (cd "$TOP/tests/shim" && "$ALCOVE" cc -O2 "$@" inside.c -o "$WORK/inside/inside" -pthread); }

inside "glibc"
ok "it is compiled as a static position-independent program" compile -static-pie
inside "static-pie"
ok "it is compiled and stripped" compile -s
inside "stripped"
if command -v musl-gcc >/dev/null; then
    ok "it is compiled with musl" compile --libc musl
    inside "musl"
else
    skip "musl" "no musl-gcc: install musl-tools"
fi
tap_done
