#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A measured program prints what the same file prints on Linux: the oracle is the kernel. Once linked for
# a fixed address, once position independent.
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

same_as_linux() { # same_as_linux SOURCE OPTION…: the programs end with status 42
    local source=$1 native=0 inside=0
    rm -rf "$WORK/p"
    mkdir "$WORK/p"
    "$ALCOVE" cc -O1 -D_GNU_SOURCE -o "$WORK/p/program" "$source" -pthread -lm "${@:2}" || return 1
    cat >"$WORK/p/alcove.yaml" <<'END'
door: shim
files: {/program: program}
entry: /program
argv: [program]
mounts: [{kind: tmpfs, path: /tmp, size: 16 MiB}]
memory: 1 GiB
threads: 16
stdout: host
stderr: host
network: denied
END
    build_bundle "$WORK/p" "$WORK/p.bundle" || return 1
    "$WORK/p/program" >"$WORK/native" 2>"$WORK/native.err" </dev/null || native=$?
    "$ALCOVE" run "$WORK/p.bundle" >"$WORK/inside" 2>"$WORK/inside.err" || inside=$?
    echo "status natively $native, inside $inside"
    diff -u "$WORK/native" "$WORK/inside" && [ "$native" -eq 42 ] && [ "$inside" -eq 42 ]
}

for source in "$TOP"/tests/conformance/*.c; do
    name=$(basename "$source")
    # A measured program is alone: exec and other processes are refused.
    grep -q -E 'fork\(|SYS_v?fork|exec[lv]' "$source" && continue
    [ "$name" != trampolines.c ] || continue # its text is measured with it, and mapped once
    ok "$name prints as a measured program what it prints on Linux" same_as_linux "$source"
    ok "$name does so position independent" same_as_linux "$source" -static-pie
done
tap_done
