#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# alcove verify as a command, on forged evidence (verify/forge_files): what it prints, what it
# refuses, its exit status. Evidence of real runs is checked by identity.sh and bad-evidence.sh.
. "$(dirname "$0")/common.sh"

AT=2026-09-21
cd "$WORK" || exit 1
mkdir software other
"$BUILD/verify/forge_files" software software
"$BUILD/verify/forge_files" other
cd software || exit 1

verify() {
    "$ALCOVE" verify evidence.cbor --at "$AT" "$@"
}
all_of_it() {
    verify --root root.pem --expect identity.json --nonce 6672657368 --input day=input \
        --output summary=output
}
says() {
    local pattern=$1
    shift
    "$@" >"$WORK/says.out" 2>&1 || true
    cat "$WORK/says.out"
    grep -E -q -- "$pattern" "$WORK/says.out"
}
exits() {
    local wanted=$1 status=0
    shift
    "$@" || status=$?
    [ "$status" -eq "$wanted" ]
}
# The members of the JSON verdict, after an expression over them.
json_says() {
    local expression=$1
    shift
    verify --json "$@" >"$WORK/verdict.json" || true
    "$PYTHON" -c 'import json, sys; v = json.load(open(sys.argv[1])); assert eval(sys.argv[2]), v' \
        "$WORK/verdict.json" "$expression"
}

ok "evidence is accepted when root, program, nonce and files are named" all_of_it
ok "an accepted software machine is announced as what it is" \
    says '^accepted: SOFTWARE machine: not hardware-protected$' all_of_it
ok "without its root named, a software machine is rejected" refused '^rejected: software root$' verify
ok "so it is when another root is named" \
    refused '^rejected: software root$' verify --root ../other/root.pem
ok "a rejection exits with 1" exits 1 verify
ok "what a rejected file says is marked as not to be believed" says 'NOT to be believed' verify
ok "another nonce is rejected" refused '^rejected: nonce$' verify --root root.pem --nonce 00
ok "another output is rejected" \
    refused '^rejected: file content$' verify --root root.pem --output summary=input
ok "an output that the run did not have is rejected" \
    refused '^rejected: file unknown$' verify --root root.pem --output day=input
sed 's/"mrenclave": "e1/"mrenclave": "e2/' identity.json >other.json
ok "another program is rejected" \
    refused '^rejected: expected mrenclave$' verify --root root.pem --expect other.json
ok "the report says when no program was expected" says 'expected +nothing' verify --root root.pem
ok "evidence that has become old is rejected" \
    refused '^rejected: root crl expired$' "$ALCOVE" verify evidence.cbor --root root.pem \
    --at 2027-06-01
ok "evidence of the future is rejected" \
    refused 'not yet valid$' "$ALCOVE" verify evidence.cbor --root root.pem \
    --at 2026-08-01
ok "--json is one JSON object" \
    json_says 'v["verdict"] == "accepted" and v["machine"]["software"]' --root root.pem
ok "--json names the reasons" \
    json_says 'v["verdict"] == "rejected" and v["reasons"][0]["name"] == "software-root"'
ok "--json says which files matched" \
    json_says '[v["run"][k][0]["matches"] for k in ("outputs", "inputs")] == [True, None]' \
    --root root.pem --output summary=output

ok "a file that is not evidence is refused" refused 'evidence format' "$ALCOVE" verify input
ok "a file that is not there is an error that names it" \
    refused 'nothere: No such file' "$ALCOVE" verify nothere
ok "a root that is none is an error that names it" \
    refused 'input: not a root certificate' verify --root input
ok "an identity that is none is an error that names it" \
    refused 'input: not an identity' verify --expect input
for wrong in "--bogus" "--at yesterday" "--nonce xyz" "--output summary" "--accept-status Fine" \
    "second"; do
    # shellcheck disable=SC2086 # two words on purpose
    ok "wrong usage exits with 2: $wrong" exits 2 verify $wrong
done

for offset in 40 200 900 2000 -100; do
    cp evidence.cbor flipped.cbor
    flip flipped.cbor "$offset"
    ok "a flipped bit at offset $offset is refused" \
        refused '^rejected: ' "$ALCOVE" verify flipped.cbor --root root.pem --at "$AT"
done
tap_done
