#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The command itself: help for every verb, mistakes answered helpfully, keys kept safely, signatures
# reproducible.
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

mapfile -t verbs < <("$ALCOVE" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
for verb in "${verbs[@]}"; do
    case $verb in help | version) continue ;; esac
    ok "alcove $verb --help and alcove help $verb say the same" \
        diff <("$ALCOVE" "$verb" --help) <("$ALCOVE" help "$verb")
    ok "… and begin with the usage" grep -q "^usage: alcove $verb" <("$ALCOVE" help "$verb")
    ok "alcove $verb has a man page" test -s "$TOP/docs/man/alcove-$verb.1"
done
ok "man pages and completion are what the help texts give" \
    "$PYTHON" "$TOP/tools/manpages.py" --alcove "$ALCOVE" --check
ok "the version is told" grep -q '^alcove [0-9]' <("$ALCOVE" --version)
ok "a misspelt verb gets a suggestion" refused "did you mean 'build'" "$ALCOVE" biuld
ok "an unknown one gets the way to the list" refused 'alcove --help' "$ALCOVE" frobnicate
status_of() { "$@" >/dev/null 2>&1; echo $?; }
ok "no verb at all is wrong usage" same "$(status_of "$ALCOVE")" 2
ok "a missing argument is wrong usage" same "$(status_of "$ALCOVE" build)" 2
ok "doctor finds this machine fit" "$ALCOVE" doctor

full() { "$ALCOVE" --help >/dev/full; }
ok "output that cannot be written is a failure" refused 'cannot write' full

# --- keys --------------------------------------------------------------------------------------------

KEY=$WORK/keys/signer.pem
ok "a key is made" "$ALCOVE" key new "$KEY"
ok "… that only its owner can read" same "$(stat -c %a "$KEY")" 600
cp "$KEY" "$WORK/copy.pem"
ok "a second one is refused at the same place" refused 'never overwritten' "$ALCOVE" key new "$KEY"
ok "… unless it may stay" "$ALCOVE" key new "$KEY" --if-missing
ok "… and it did stay" cmp "$KEY" "$WORK/copy.pem"
mrsigner=$("$ALCOVE" key show "$KEY" | sed -n 's/^MRSIGNER *//p')
modulus() {
    openssl rsa -in "$KEY" -noout -modulus | sed 's/.*=//' |
        "$PYTHON" -c 'import hashlib, sys
print(hashlib.sha256(bytes.fromhex(sys.stdin.read())[::-1]).hexdigest())'
}
ok "MRSIGNER is the hash of the modulus" same "$mrsigner" "$(modulus)"
chmod 644 "$KEY"
ok "a key that others may read is refused" refused 'chmod 600' "$ALCOVE" key show "$KEY"
chmod 600 "$KEY"
openssl genrsa -out "$WORK/wrong.pem" 2048 2>"$WORK/genrsa.log"
chmod 600 "$WORK/wrong.pem"
ok "a key of another kind is refused" refused 'RSA-3072' "$ALCOVE" key show "$WORK/wrong.pem"

# --- signatures --------------------------------------------------------------------------------------

IMAGE=$BUILD/libexec/alcove/runtime.sgxs
sign() { "$ALCOVE" sign "$IMAGE" --key "$KEY" --date 20260102 -o "$@"; }
ok "an image is signed" sign "$WORK/one.sig"
ok "… again" sign "$WORK/two.sig"
ok "… with the same result" cmp "$WORK/one.sig" "$WORK/two.sig"
ok "a SIGSTRUCT has 1808 bytes" same "$(stat -c %s "$WORK/one.sig")" 1808
ok "its date is binary coded decimal" same "$(od -An -tx4 -j20 -N4 "$WORK/one.sig" | tr -d ' ')" 20260102
ok "product and version are in it" sign "$WORK/three.sig" --isvprodid 258 --isvsvn 3
ok "… where they belong" same "$(od -An -tx2 -j1024 -N4 "$WORK/three.sig" | tr -d '\n')" " 0102 0003"
ok "a day that does not exist is refused" refused '20260231' \
    "$ALCOVE" sign "$IMAGE" --key "$KEY" --date 20260231 -o "$WORK/x.sig"
ok "a number that does not fit is refused" refused '65536' sign "$WORK/x.sig" --isvsvn 65536
head -c 1000 "$IMAGE" >"$WORK/short.sgxs"
ok "a truncated image is refused" refused 'short.sgxs' \
    "$ALCOVE" sign "$WORK/short.sgxs" --key "$KEY" -o "$WORK/x.sig"
ok "nothing was written for those" test ! -e "$WORK/x.sig"
tap_done
