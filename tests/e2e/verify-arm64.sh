#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# libalcove-verify on arm64, as in phones: cross-compiled, every one of its tests run under qemu's user
# mode. `./dev arm64` and `./dev ci` fetch the cross compiler and the foreign libcrypto; elsewhere this
# skips where they are missing.
# timeout: 600
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if ! why=$("$TOP/tools/arm64.sh" have); then
    skip "the verifier's tests pass on arm64" "$why"
    tap_done
    exit
fi

is_arm64() {
    readelf -h "$1" | grep -q 'Machine:.*AArch64'
}

passed() {
    sed -n "/^=.* $1 *=/,/^=/p" "$TOP/build-arm64/meson-logs/testlog.txt" | grep -a '^not ok' || true
    grep -Eq "^ *[0-9]+/[0-9]+ +$1 +OK " "$WORK/tests"
}

ok "it compiles for arm64" "$TOP/tools/arm64.sh" build
ok "the libraries are arm64's" is_arm64 "$TOP/build-arm64/verify/libalcove-verify.so"
mapfile -t names < <(meson introspect --tests "$TOP/build-arm64" |
    "$PYTHON" -c 'import json, sys; print("\n".join(sorted(t["name"] for t in json.load(sys.stdin))))')
meson test -C "$TOP/build-arm64" --no-rebuild >"$WORK/tests" 2>&1 || true
for name in "${names[@]}"; do
    ok "$name passes under qemu" passed "$name"
done
tap_done
