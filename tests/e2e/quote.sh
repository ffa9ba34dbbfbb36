#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Evidence needs an intact quoting enclave that the machine certifies. Without one the run says so at
# once, and neither evidence nor output appears. (What verifiers do with evidence is bad-evidence.sh's.)
# timeout: 300
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

workload "$WORK/w" 'import pathlib
pathlib.Path("/out/result").write_text("result")' \
    'outputs: {result: {path: /out/result, max: 1 KiB}}'
BUNDLE=$WORK/w.bundle
build_bundle "$WORK/w" "$BUNDLE"
"$ALCOVE" machine init >"$WORK/machine.log"
ROOT=$ALCOVE_MACHINE_DIR/root.pem
INSTALLED=$BUILD/libexec/alcove

quote() {
    "$ALCOVE" run "$BUNDLE" --quote "$1" --nonce 00ff
}
verify() {
    "$ALCOVE" verify "$1" --expect "$BUNDLE" --root "$ROOT" --nonce 00ff
}
# Attestation key of the quote in an evidence file: 64 bytes behind header, body and signature.
attestation_key() {
    "$PYTHON" - "$1" <<'END'
import sys
evidence = open(sys.argv[1], "rb").read()
at = evidence.index(bytes.fromhex("0300020000000000"))  # version 3, ECDSA P-256, SGX
print(evidence[at + 500:at + 564].hex())
END
}

ok "a run is quoted" quote "$WORK/one"
ok "and so is the next one" quote "$WORK/two"
ok "its evidence verifies to the machine's root" verify "$WORK/one"
ok "so does the other one's" verify "$WORK/two"
ok "each quoting enclave makes an attestation key of its own" \
    differ "$(attestation_key "$WORK/one")" "$(attestation_key "$WORK/two")"

# From here on with a copy of the installed files, of which one is bad.
bad() {
    rm -rf "$WORK/libexec"
    cp -r "$INSTALLED" "$WORK/libexec"
}
refused_without_evidence() {
    refused "$1" env ALCOVE_LIBEXEC_DIR="$WORK/libexec" "$ALCOVE" run "$BUNDLE" \
        --output "result=$WORK/result" --quote "$WORK/none" --nonce 00ff &&
        [ ! -e "$WORK/none" ] && [ ! -e "$WORK/result" ]
}
bad
flip "$WORK/libexec/quoting.sgxs" 150000
ok "a quoting enclave with a flipped bit is refused by name" \
    refused_without_evidence 'quoting enclave.*(measure|MRENCLAVE)'
bad
flip "$WORK/libexec/quoting.sig" 1000
ok "so is one with a flipped bit in its SIGSTRUCT" refused_without_evidence 'quoting enclave.*sig'
bad
"$ALCOVE" sign "$WORK/libexec/quoting.sgxs" -o "$WORK/libexec/quoting.sig" --isvprodid 2 \
    >"$WORK/sign.log"
ok "the machine certifies no enclave without the provisioning attribute" \
    refused_without_evidence 'PROVISIONKEY'
bad
rm "$WORK/libexec/quoting.sgxs"
ok "a missing quoting enclave is named" refused_without_evidence 'quoting.sgxs'
bad
rm "$WORK/libexec/alcove-quoting"
ok "a missing quoting process is named" refused_without_evidence 'alcove-quoting'
tap_done
