#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# docs/doors.md: the running mean through all three doors gives like results, and each door's identity
# says what the document says that it names.
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

cp -r "$TOP/examples/shim" "$WORK/mean"
{ seq 10 10 110; echo 2000000; seq 1 9; } >"$WORK/samples"
cat >"$WORK/wanted" <<'END'
mean of 5: 30
mean of 10: 55
2000000 is out of range
mean of 15: 44
mean of 20: 35
END

compile() { (cd "$WORK/mean" && "$ALCOVE" cc -O2 mean.c -o mean && cc -O2 mean.c -o libos/mean); }
ok "one source is compiled for two doors" compile

through() { # through FOLDER NAME
    build_bundle "$1" "$WORK/$2.bundle" &&
        "$ALCOVE" run "$WORK/$2.bundle" --input samples="$WORK/samples" --output mean="$WORK/$2.out" \
            --quote "$WORK/$2.evidence" &&
        diff "$WORK/wanted" "$WORK/$2.out"
}
outside() {
    "$WORK/mean/mean" "$WORK/samples" "$WORK/outside.out"
    diff "$WORK/wanted" "$WORK/outside.out"
}
sdk() {
    "$BUILD/examples/sdk/mean_host" "$BUILD/examples/sdk/mean.sgxs" "$BUILD/examples/sdk/mean.sig" \
        <"$WORK/samples" | tee "$WORK/sdk.out"
    diff "$WORK/wanted" "$WORK/sdk.out"
}
ok "outside of any enclave" outside
ok "shim door" through "$WORK/mean" shim
ok "library OS door" through "$WORK/mean/libos" libos
export ALCOVE_LIBEXEC_DIR=$BUILD/libexec/alcove
ok "SDK door" sdk
unset ALCOVE_LIBEXEC_DIR

for door in shim libos; do
    "$ALCOVE" measure "$WORK/$door.bundle" --json >"$WORK/$door.json"
done
ok "shim and library OS are two MRENCLAVEs" \
    differ "$(member "$WORK/shim.json" mrenclave)" "$(member "$WORK/libos.json" mrenclave)"

# The same change through both doors: what names the program changes, nothing else.
sed -i 's/samples\\n/values \\n/' "$WORK/mean/mean.c"
ok "one string of the source is changed" compile
for door in shim libos; do
    [ "$door" = shim ] && dir=$WORK/mean || dir=$WORK/mean/libos
    ok "$door: the changed program builds" build_bundle "$dir" "$WORK/$door.changed"
    "$ALCOVE" measure "$WORK/$door.changed" --json >"$WORK/$door.changed.json"
done
ok "shim door: MRENCLAVE names the program" \
    differ "$(member "$WORK/shim.json" mrenclave)" "$(member "$WORK/shim.changed.json" mrenclave)"
ok "… CONFIGID does not" \
    same "$(member "$WORK/shim.json" configid)" "$(member "$WORK/shim.changed.json" configid)"
ok "library OS door: CONFIGID names the program" \
    differ "$(member "$WORK/libos.json" configid)" "$(member "$WORK/libos.changed.json" configid)"
ok "… MRENCLAVE does not" \
    same "$(member "$WORK/libos.json" mrenclave)" "$(member "$WORK/libos.changed.json" mrenclave)"
tap_done
