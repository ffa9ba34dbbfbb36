#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# /dev/attestation: what a program gets out of it is believed by the verifier and by other enclaves,
# and only as far as it is true. (Names, sizes and refusals of the files are attestation_test.c's.)
# timeout: 300
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

D=/dev/attestation
says() {
    local pattern=$1
    shift
    "$@" >"$WORK/says.out" 2>&1 || true
    cat "$WORK/says.out"
    grep -E -q -- "$pattern" "$WORK/says.out"
}
field() { # field BUNDLE KEY
    "$ALCOVE" measure "$1" --json >"$WORK/measured.json" && member "$WORK/measured.json" "$2"
}

# --- a quote over a nonce, judged from outside --------------------------------------------------------

NONCE=$(printf '%064d' 0 | tr 0 a)
workload "$WORK/quote" "nonce = bytes.fromhex('$NONCE')
open('$D/user_report_data', 'wb').write(nonce)
print(open('$D/quote', 'rb').read().hex())" 'attestation: true'
QUOTE=$WORK/quote.bundle
build_bundle "$WORK/quote" "$QUOTE"
"$ALCOVE" machine init >"$WORK/machine.log"
ROOT=$ALCOVE_MACHINE_DIR/root.pem

quoted() { "$ALCOVE" run "$QUOTE" >"$WORK/hex" && xxd -r -p "$WORK/hex" >"$WORK/raw"; }
ok "a program reads a quote over its nonce" quoted
ok "no evidence file had to be asked for" test -s "$WORK/raw"

ok "the machine hands out its collateral" "$ALCOVE" machine collateral "$WORK/collateral"
ok "… which is all that the quote needs" "$ALCOVE" collateral check "$WORK/collateral" \
    --for "$WORK/raw" --root "$ROOT"
ok "the same run may leave evidence too" "$ALCOVE" run "$QUOTE" --quote "$WORK/evidence" --nonce 00
policy() { # policy MRENCLAVE CONFIGID
    printf 'report_data: %s\nsgx:\n  mrenclave: "%s"\n  configid: "%s"\n  signer: any\n' \
        "$NONCE" "$1" "$2" >"$WORK/policy.yaml"
}
policy "$(field "$QUOTE" mrenclave)" "$(field "$QUOTE" configid)"
judged() {
    "$ALCOVE" verify "$WORK/raw" --policy "$WORK/policy.yaml" --collateral "$WORK/collateral" \
        --root "$ROOT" "$@"
}
ok "alcove verify accepts it: this nonce, MRENCLAVE and CONFIGID of alcove measure" judged
ok "… and says that a software machine vouches" says '^accepted: SOFTWARE' judged
ok "not for another nonce" refused 'report data' judged --report-data "${NONCE/a/b}"
ok "not where its root is not named" refused 'software root' "$ALCOVE" verify "$WORK/raw" \
    --policy "$WORK/policy.yaml" --collateral "$WORK/collateral"
flip "$WORK/raw" 400
ok "not with a flipped bit in the report data" refused '^rejected' judged
ok "the run's own claims are not believed where the workload may write report data" \
    refused 'workload attests' "$ALCOVE" verify "$WORK/evidence" --root "$ROOT" --expect "$QUOTE" \
    --nonce 00

# --- one enclave checks another ------------------------------------------------------------------------

FILES='inputs: {theirs: {path: /in/theirs, max: 1 KiB}}
outputs: {ours: {path: /out/ours, max: 1 KiB}}'
CHECKER="import os, sys
if not os.path.exists('/in/theirs'):
    open('/out/ours', 'wb').write(open('$D/my_target_info', 'rb').read())
    sys.exit()
report = open('/in/theirs', 'rb').read()
fd = os.open('$D/check_report', os.O_RDWR)
os.write(fd, report)
assert os.read(fd, 8) == b'ok\n'
print('mrenclave', report[64:96].hex(), 'configid', report[192:256].hex())
print('data', report[320:384].hex())"
workload "$WORK/checker" "$CHECKER" 'attestation: true' "$FILES"
workload "$WORK/checker2" "$CHECKER
# another manifest" 'attestation: true' "$FILES"
workload "$WORK/prover" "open('$D/user_report_data', 'wb').write(b'from the prover')
open('$D/target_info', 'wb').write(open('/in/theirs', 'rb').read())
open('/out/ours', 'wb').write(open('$D/report', 'rb').read())" 'attestation: true' "$FILES"
build_bundle "$WORK/checker" "$WORK/checker.bundle"
build_bundle "$WORK/checker2" "$WORK/checker2.bundle"
build_bundle "$WORK/prover" "$WORK/prover.bundle"

ok "an enclave says whom others address" "$ALCOVE" run "$WORK/checker.bundle" \
    --output "ours=$WORK/target"
ok "another one reports to it" "$ALCOVE" run "$WORK/prover.bundle" \
    --input "theirs=$WORK/target" --output "ours=$WORK/report"
check() { "$ALCOVE" run "$WORK/checker.bundle" --input "theirs=$1"; }
ok "a later run of the first believes it" check "$WORK/report"
prover="mrenclave $(field "$WORK/prover.bundle" mrenclave)"
prover="$prover configid $(field "$WORK/prover.bundle" configid)"
ok "… and knows who it is" says "^$prover$" check "$WORK/report"
ok "… and what it says" says "^data $(printf 'from the prover' | xxd -p)0+$" check "$WORK/report"
for at in 0 64 192 320 383 384 415 416 431; do
    cp "$WORK/report" "$WORK/forged"
    flip "$WORK/forged" "$at"
    ok "a report with a flipped bit at $at is refused" refused 'PermissionError' check "$WORK/forged"
done
ok "a report for somebody else is refused" refused 'PermissionError' "$ALCOVE" run \
    "$WORK/checker2.bundle" --input "theirs=$WORK/report"
ALCOVE_MACHINE_DIR=$WORK/machine2 "$ALCOVE" run "$WORK/prover.bundle" \
    --input "theirs=$WORK/target" --output "ours=$WORK/elsewhere"
ok "a report of the same program on another machine is refused" \
    refused 'PermissionError' check "$WORK/elsewhere"

# --- keys -----------------------------------------------------------------------------------------------

KEYS="for name in '_sgx_mrenclave', '_sgx_mrsigner':
    print(open('$D/keys/' + name, 'rb').read().hex())"
workload "$WORK/keys" "$KEYS" 'attestation: true'
workload "$WORK/keys2" "$KEYS
# another manifest" 'attestation: true'
build_bundle "$WORK/keys" "$WORK/keys.bundle"
build_bundle "$WORK/keys2" "$WORK/keys2.bundle"
first=$("$ALCOVE" run "$WORK/keys.bundle")
ok "two keys of 16 bytes" test "$(wc -w <<<"$first")" -eq 2 -a "${#first}" -eq 65
ok "the same in the next run" same "$first" "$("$ALCOVE" run "$WORK/keys.bundle")"
other=$("$ALCOVE" run "$WORK/keys2.bundle")
elsewhere=$(ALCOVE_MACHINE_DIR=$WORK/machine2 "$ALCOVE" run "$WORK/keys.bundle")
ok "no key is that of another, another manifest's or another machine's" \
    same "$(printf '%s\n' "$first" "$other" "$elsewhere" | sort -u | wc -l)" 6

# --- without the manifest's word, and without the host's help ------------------------------------------

workload "$WORK/none" "import os
print(os.path.exists('$D'), 'attestation' in os.listdir('/dev'))
open('$D/user_report_data', 'wb')"
build_bundle "$WORK/none" "$WORK/none.bundle"
ok "without attestation: true there is nothing" says '^False False$' "$ALCOVE" run "$WORK/none.bundle"
ok "… to open" refused 'FileNotFoundError' "$ALCOVE" run "$WORK/none.bundle"
cp -r "$BUILD/libexec/alcove" "$WORK/libexec"
rm "$WORK/libexec/alcove-quoting"
alone() { ALCOVE_LIBEXEC_DIR=$WORK/libexec "$ALCOVE" run "$@"; }
ok "without a quoting process there is no quote, and both sides are told" \
    refused 'No such device' alone "$QUOTE"
ok "… the operator why" refused 'the workload got no quote: .*alcove-quoting' alone "$QUOTE"
ok "… and all that needs none works" alone "$WORK/keys.bundle"
tap_done
