#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# libalcove-verify on arm64, as in phones: cross-compiled, its tests and the collection of evidence run
# under qemu's user mode. Forging evidence takes minutes there, so tests that make all of theirs run with
# `./dev arm64` and in `./dev ci full` (ALCOVE_ARM64=all) only. `./dev arm64` and `./dev ci` fetch the
# cross compiler and the foreign libcrypto; elsewhere this skips where they are missing.
# timeout: 1800
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly ARM64=$TOP/build-arm64
SLOW=(amd aws bundle certificate ratls run verify verify-memory)

if ! why=$("$TOP/tools/arm64.sh" have); then
    skip "the verifier's tests pass on arm64" "$why"
    tap_done
    exit
fi

is_arm64() {
    readelf -h "$1" | grep -q 'Machine:.*AArch64'
}

# The tests of verify/: those whose programs lie there.
names() {
    meson introspect --tests "$ARM64" | "$PYTHON" -c '
import json, sys
print("\n".join(sorted(t["name"] for t in json.load(sys.stdin) if "/verify/" in t["cmd"][-1] or
                any("/verify/" in part for part in t["cmd"]))))'
}

quick() {
    [ "${ALCOVE_ARM64:-}" = all ] || ! printf '%s\n' "${SLOW[@]}" | grep -qx -- "$1"
}

passed() {
    meson test -C "$ARM64" --no-rebuild --timeout-multiplier 10 --print-errorlogs "$1"
}

agrees() {
    "$PYTHON" "$TOP/tests/evidence/run.py" "$ARM64/verify_files-under-qemu" "$EVIDENCE" >"$WORK/rows" ||
        { grep -v '^ok' "$WORK/rows"; return 1; }
}

ok "it compiles for arm64" "$TOP/tools/arm64.sh" build
ok "the libraries are arm64's" is_arm64 "$ARM64/verify/libalcove-verify.so"
while read -r name; do
    if quick "$name"; then
        ok "$name passes under qemu" passed "$name"
    else
        echo "# $name takes long under qemu; ./dev arm64 runs it"
    fi
done < <(names)
EVIDENCE=${ALCOVE_SHARED:-$TOP/../shared}/evidence
if [ -f "$EVIDENCE/EXPECTED.tsv" ]; then
    ok "arm64 agrees with the oracle on every row of the collection" agrees
else
    skip "arm64 agrees with the oracle on every row of the collection" "no collection of evidence"
fi
tap_done
