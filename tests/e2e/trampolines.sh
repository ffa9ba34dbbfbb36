#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a workload that wants to run code of its own gets from trampolines: nothing but jumps.
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

mkdir "$WORK/p"
gcc -O1 -D_GNU_SOURCE -o "$WORK/p/program" "$TOP/tests/syscalls/trampolines.c" -pthread
cat >"$WORK/p/alcove.yaml" <<'EOF'
base: [python]
files: {/program: program}
entry: /program
argv: [program]
memory: 64 MiB
threads: 8
stdout: host
stderr: host
network: denied
EOF
build_bundle "$WORK/p" "$WORK/p.bundle"
"$ALCOVE" run "$WORK/p.bundle" </dev/null
