#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Evidence is believed whole or not at all: flipped bits, other nonces, outputs, programs and roots.
# timeout: 300
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

workload "$WORK/w" 'import pathlib
print("the workload ran")
pathlib.Path("/out/result").write_text(pathlib.Path("/in/data").read_text())' \
    'inputs: {data: {path: /in/data, max: 1 MiB}}' \
    'outputs: {result: {path: /out/result, max: 1 MiB}}'
GOOD=$WORK/good.bundle
build_bundle "$WORK/w" "$GOOD"
echo data >"$WORK/data"

run() {
    "$ALCOVE" run "$1" --input "data=$WORK/data" --output "result=$WORK/result" "${@:2}"
}
"$ALCOVE" machine init >"$WORK/machine.log"
ROOT=$ALCOVE_MACHINE_DIR/root.pem

ok "a run gives evidence" run "$GOOD" --quote "$WORK/evidence" --nonce abcd
ok "its evidence is accepted" "$ALCOVE" verify "$WORK/evidence" --expect "$GOOD" --root "$ROOT" \
    --nonce abcd --input "data=$WORK/data" --output "result=$WORK/result"

verify() {
    "$ALCOVE" verify "$1" --expect "$GOOD" --root "$ROOT" "${@:2}"
}
bytes=$(stat -c %s "$WORK/evidence")
survivors=0
for at in $(seq 0 $((bytes / 97)) $((bytes - 1))); do
    cp "$WORK/evidence" "$WORK/evidence.bad"
    flip "$WORK/evidence.bad" "$at"
    if verify "$WORK/evidence.bad" --nonce abcd >"$WORK/verify.log" 2>&1; then
        survivors=$((survivors + 1))
        echo "# accepted with a bit flipped at $at of $bytes"
    fi
done
ok "evidence with any of 98 flipped bits is rejected" test "$survivors" -eq 0
ok "evidence is rejected where nobody named the software root" \
    refused 'software.root' "$ALCOVE" verify "$WORK/evidence" --expect "$GOOD" --nonce abcd
ok "evidence with another nonce is rejected" refused 'nonce' verify "$WORK/evidence" --nonce abce
echo other >"$WORK/other"
ok "evidence does not vouch for another output" \
    refused 'output' verify "$WORK/evidence" --nonce abcd --output "result=$WORK/other"
head -c $((bytes / 2)) "$WORK/evidence" >"$WORK/evidence.bad"
ok "truncated evidence is rejected" refused '.' verify "$WORK/evidence.bad" --nonce abcd
workload "$WORK/w2" 'print("another program")'
build_bundle "$WORK/w2" "$WORK/w2.bundle"
ok "evidence of another program is rejected" refused 'configid' \
    "$ALCOVE" verify "$WORK/evidence" --expect "$WORK/w2.bundle" --root "$ROOT" --nonce abcd
tap_done
