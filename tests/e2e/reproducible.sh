#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Another checkout in another folder builds the same enclave image: MRENCLAVE is a fact about the
# sources, not about who built them where.
# timeout: 300
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

copy=$WORK/somewhere/else
mkdir -p "$copy"
git -C "$TOP" ls-files -z --cached --others --exclude-standard |
    tar -C "$TOP" --null --ignore-failed-read -T - -cf - 2>/dev/null | tar -C "$copy" -xf -

mapfile -t services < <(cd "$BUILD/libexec/alcove" && ls -d -- *.bundle)
builds() {
    meson setup "$copy/out" "$copy" && ninja -C "$copy/out" libexec/alcove/runtime.sgxs \
        libexec/alcove/shim.sgxs libexec/alcove/quoting.sgxs tests/shim/inside \
        "${services[@]/#/libexec/alcove/}"
}
ok "a copy of the sources in another folder builds" builds
for image in runtime shim quoting; do
    ok "$image.sgxs is byte for byte the same" \
        cmp "$copy/out/libexec/alcove/$image.sgxs" "$BUILD/libexec/alcove/$image.sgxs"
done
ok "so is a program that 'alcove cc' makes" cmp "$copy/out/tests/shim/inside" "$BUILD/tests/shim/inside"
identity() { cat "$1/libexec/alcove/$2/identity.json"; }
for service in "${services[@]}"; do
    ok "$service has the same MRENCLAVE and CONFIGID" \
        same "$(identity "$copy/out" "$service")" "$(identity "$BUILD" "$service")"
done
tap_done
