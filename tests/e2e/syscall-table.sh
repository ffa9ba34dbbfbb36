#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# docs/SYSCALLS.md says what is missing; inside, that fails as it says, in every process of a tree.
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

mkdir "$WORK/p"
gcc -O1 -D_GNU_SOURCE -I"$TOP/enclave/libos/include" -o "$WORK/p/program" \
    "$TOP/tests/syscalls/refusals.c"
cat >"$WORK/p/alcove.yaml" <<'EOF'
base: [python]
files: {/program: program}
entry: /program
argv: [program]
mounts: [{kind: tmpfs, path: /tmp, size: 16 MiB}]
memory: 256 MiB
threads: 16
stdout: host
stderr: host
network: denied
EOF
build_bundle "$WORK/p" "$WORK/p.bundle"
"$ALCOVE" run "$WORK/p.bundle" </dev/null
