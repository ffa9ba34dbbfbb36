#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# alcove machine as a command: the machine's own folder, and enclaves that somebody else built
# (shared/sgx-vectors), which it measures, loads, enters, and whose reports it prints.
. "$(dirname "$0")/common.sh"

VECTORS=${ALCOVE_SHARED:-$TOP/../shared}/sgx-vectors
cd "$WORK" || exit 1

machine() {
    "$ALCOVE" machine "$@"
}
says() {
    local pattern=$1
    shift
    "$@" >says.out 2>&1 || true
    cat says.out
    grep -E -q -- "$pattern" says.out
}
mode_of() {
    stat -c %a "$1"
}
two_at_once() {
    local first=0 second=0
    ALCOVE_MACHINE_DIR=$WORK/race "$ALCOVE" machine init >race.1 2>&1 &
    ALCOVE_MACHINE_DIR=$WORK/race "$ALCOVE" machine init >race.2 2>&1 || second=$?
    wait $! || first=$?
    cat race.1 race.2
    [ "$first$second" = 00 ] && cmp race.1 race.2
}

ok "before there is a machine, show says how to make one" refused 'alcove machine init' machine show
ok "init makes it" machine init
ok "the secret is for its owner alone" same "$(mode_of "$ALCOVE_MACHINE_DIR/root-secret")" 600
before=$(sha256sum "$ALCOVE_MACHINE_DIR/root-secret" "$ALCOVE_MACHINE_DIR/root.pem")
ok "a second init is fine" machine init
after=$(sha256sum "$ALCOVE_MACHINE_DIR/root-secret" "$ALCOVE_MACHINE_DIR/root.pem")
ok "and changes nothing" same "$before" "$after"
ok "collateral writes a bundle of what the machine says about itself" machine collateral own
ok "… that is in order where its root is named" "$ALCOVE" collateral check own \
    --root "$ALCOVE_MACHINE_DIR/root.pem"
ok "… and software nowhere else" refused 'name it: --root' "$ALCOVE" collateral check own
ok "collateral does not write into nothing" refused 'nowhere' machine collateral nowhere/own
ok "show says that it is software" says 'no hardware protection' machine show
ok "show --root is the certificate's path" \
    same "$(machine show --root)" "$ALCOVE_MACHINE_DIR/root.pem"
ok "two first uses at once agree" two_at_once
ok "an unknown word is a usage error" refused "say 'show'" machine destroy
ok "load needs a SIGSTRUCT or a key" refused 'sigstruct or --key' machine load nothing.sgxs

head -c 100 /dev/urandom >junk.sgxs
ok "junk does not measure" refused 'ECREATE' machine measure junk.sgxs
ok "a file that is not there is named" refused 'nothing\.sgxs' machine measure nothing.sgxs

if [ ! -d "$VECTORS" ]; then
    skip "enclaves of rust-sgx" "the folder shared/sgx-vectors is not there"
    tap_done
    exit
fi
foreign=$VECTORS/test_enclave
ok "a foreign enclave measures as its builder says" same "$(machine measure "$foreign.sgxs")" \
    784acfd7d5096a8f0fbd3265760bff21b120f62407a9a9e5ba31aa3c8ed198fc
ok "it is loaded with its own SIGSTRUCT and writes 100" \
    says '^buffer +100 ' machine load "$foreign.sgxs" --sigstruct "$foreign.sig"
ok "it leaves as its builder says" \
    says 'EEXIT, rdi -1, rsi 0' machine load "$foreign.sgxs" --sigstruct "$foreign.sig"
ok "with another RDI it writes nothing" \
    says 'nothing but zeros' machine load "$foreign.sgxs" --sigstruct "$foreign.sig" --rdi=-1
cp "$foreign.sgxs" flipped.sgxs && flip flipped.sgxs 300
ok "one flipped bit of it is refused" \
    refused 'SGX_INVALID_MEASUREMENT' machine load flipped.sgxs --sigstruct "$foreign.sig"
cp "$foreign.sig" flipped.sig && flip flipped.sig 1025
ok "one flipped bit of its SIGSTRUCT is refused" \
    refused 'SGX_INVALID_SIGNATURE' machine load "$foreign.sgxs" --sigstruct flipped.sig
head -c 1000 "$foreign.sig" >short.sig
ok "a short SIGSTRUCT is refused" \
    refused '1808' machine load "$foreign.sgxs" --sigstruct short.sig

head -c 512 /dev/zero >operands
printf 'said by the test' >>operands
"$ALCOVE" key new key.pem >/dev/null
report() {
    machine load "$VECTORS/report.sgxs" --key key.pem --page 0x3000=operands --rdi buffer --report
}
signer=$("$ALCOVE" key show key.pem | sed -n 's/^MRSIGNER *//p')
ok "the report enclave reports the data that it was given" \
    says "^REPORTDATA +$(printf 'said by the test' | od -An -tx1 | tr -d ' \n')0" report
ok "and the signer" says "^MRSIGNER +$signer" report
ok "a fault of an enclave is an error that names it" \
    refused 'exception 14' machine load "$VECTORS/report.sgxs" --key key.pem

chmod 644 "$ALCOVE_MACHINE_DIR/root-secret"
ok "a root secret that others can read is refused" \
    refused 'chmod 600' machine load "$foreign.sgxs" --sigstruct "$foreign.sig"
chmod 600 "$ALCOVE_MACHINE_DIR/root-secret"
truncate -s 31 "$ALCOVE_MACHINE_DIR/root-secret"
ok "a damaged root secret is refused" \
    refused '31 bytes' machine load "$foreign.sgxs" --sigstruct "$foreign.sig"
tap_done
