#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# alcove collateral: bundles of forged collateral of every kind, what is missing and what expired in
# them; and of real collateral, where ../shared has some.
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

AT=@1790000000    # FORGE_NOW
LATER=@2200000000 # everything forged has expired
SHARED=${ALCOVE_SHARED:-$TOP/../shared}/evidence
cd "$WORK" || exit 1

collateral() { "$ALCOVE" collateral "$@"; }
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
json_says() {
    local expression=$1
    shift
    "$@" --json >"$WORK/said.json" || true
    cat "$WORK/said.json"
    "$PYTHON" -c 'import json, sys
v = json.load(open(sys.argv[1]))
assert eval("(" + sys.argv[2] + ")"), sys.argv[2]' "$WORK/said.json" "$expression"
}
# check KIND [OPTION…]: the bundle of that kind, its root named.
check() {
    local kind=$1
    shift
    collateral check "$kind/bundle" --at "$AT" --root "$kind/root.pem" "$@"
}

# --- forged collateral of every kind -----------------------------------------------------------------

declare -A holds=([sgx]='pck-crl qe-identity root-crl tcb-chain tcb-info'
    [snp]='amd-chain amd-crl amd-vek')
holds[tdx]=${holds[sgx]} holds[ratls]=${holds[sgx]} holds[vlek]=${holds[snp]} holds[azure]=${holds[snp]}
declare -A named=([sgx]='SGX, FMSPC [0-9a-f]{12}' [tdx]='TDX, FMSPC [0-9a-f]{12}' [ratls]='SGX, FMSPC'
    [snp]='Milan, [0-9a-f]{16}, [0-9.]+' [vlek]='Milan, VLEK' [azure]='Milan, VCEK')
declare -A called=([sgx]='SGX quote' [tdx]='TDX quote' [ratls]='SGX quote in a certificate'
    [snp]='SEV-SNP report, Milan' [vlek]='SEV-SNP report, Milan'
    [azure]='SEV-SNP report in an HCL report, Milan' [nitro]='Nitro document')

for kind in sgx tdx ratls snp vlek azure nitro; do
    mkdir "$kind"
    ok "evidence of kind $kind is forged" "$BUILD/verify/forge_files" "$kind" "raw-$kind"
done

for kind in sgx tdx ratls snp vlek azure; do
    files=("$kind"/collateral/*)
    reversed=()
    for file in "${files[@]}"; do reversed=("$file" "${reversed[@]}"); done
    ok "collateral of kind $kind is packed" collateral pack "$kind/bundle" "${files[@]}"
    ok "… and each file is told" says '^  [a-z]+-[a-z]+ +1$' \
        collateral pack "$kind/folder" "$kind/collateral"
    ok "… from the folder too, into the same bytes" cmp "$kind/bundle" "$kind/folder"
    ok "… in any order" collateral pack --quiet "$kind/reversed" "${reversed[@]}"
    ok "… into the same bytes" cmp "$kind/bundle" "$kind/reversed"
    ok "… and again from the bundle" collateral pack "$kind/again" "$kind/bundle"
    ok "… which changes nothing" cmp "$kind/bundle" "$kind/again"
    for piece in ${holds[$kind]}; do
        ok "the bundle holds $piece" says "^$piece " collateral show "$kind/bundle"
    done
    ok "… for the platform" says "${named[$kind]}" collateral show "$kind/bundle"
    ok "… also in JSON" json_says \
        "sorted(e['kind'] for e in v['entries']) == '${holds[$kind]}'.split() and
all(e['readable'] and e['issued'] < e['expires'] for e in v['entries'])" collateral show "$kind/bundle"
    ok "it is in order" says ': in order as of 2026-09-21' check "$kind"
    ok "… and exits with 0" exits 0 check "$kind"
    ok "all that the evidence needs is there" \
        says "^complete .*/evidence: ${called[$kind]}.*: all that it needs is here, until 20" \
        check "$kind" --for "$kind/evidence"
    ok "… and it is accepted with it" says '^accepted' "$ALCOVE" verify "$kind/evidence" --policy \
        "$kind/policy.yaml" --at "$AT" --collateral "$kind/bundle"
    ok "without its root's name it is not in order" says 'signature .*name it: --root' \
        collateral check "$kind/bundle" --at "$AT"
    ok "… which JSON tells too" json_says "not v['in_order'] and
{p['type'] for p in v['problems']} - {'note', 'expires-soon'} == {'signature'}" \
        collateral check "$kind/bundle" --at "$AT"
    ok "what expires soon is told" json_says "v['in_order'] and
'expires-soon' in {p['type'] for p in v['problems']}" check "$kind" --within 20000d
    ok "… and not sooner" json_says "'expires-soon' not in {p['type'] for p in v['problems']}" \
        check "$kind" --within 1s
    ok "later it has expired" says '^expired .* ago: ' check "$kind" --at "$LATER"
    ok "… and exits with 1" exits 1 check "$kind" --at "$LATER"
    ok "before, it is not yet valid" says '^not-yet-valid ' check "$kind" --at 2001-01-01
    ok "… which its evidence feels" says '^rejected .*-expired: ' \
        check "$kind" --at "$LATER" --for "$kind/evidence"
done
ok "a Nitro document misses nothing" json_says "{p['what'] for p in v['problems']} == {'nitro-root'}" \
    collateral check sgx/bundle --for nitro/evidence

# --- what is missing ---------------------------------------------------------------------------------

# without KIND FILE PATTERN FOR: without one file the check names it, with and without evidence.
without() {
    local kind=$1 file=$2
    mkdir "$kind/without-$file"
    cp "$kind"/collateral/* "$kind/without-$file"
    rm "$kind/without-$file/$file"
    collateral pack --quiet "$kind/bundle-$file" "$kind/without-$file"
}
misses() {
    local kind=$1 file=$2 pattern=$3 for=$4
    ok "$kind without $file is packed" without "$kind" "$file"
    ok "… and it is missed" says "^missing +$pattern: " \
        collateral check "$kind/bundle-$file" --at "$AT" --root "$kind/root.pem"
    ok "… by its evidence too" says "^missing +$kind/evidence: $for" \
        collateral check "$kind/bundle-$file" --at "$AT" --root "$kind/root.pem" --for "$kind/evidence"
    ok "… and exits with 1" exits 1 \
        collateral check "$kind/bundle-$file" --at "$AT" --root "$kind/root.pem"
}
for kind in sgx tdx; do
    tee=${kind^^}
    misses "$kind" tcb_info.json "TCB info, $tee" "TCB info, $tee, FMSPC"
    misses "$kind" qe_identity.json "QE identity, $tee" "QE identity, $tee"
    misses "$kind" tcb_chain.pem "TCB signing chain" "TCB signing chain"
    misses "$kind" pck_crl.der "revocation list of the PCK CA" "revocation list of the PCK"
    misses "$kind" root_crl.der "root revocation list" "root revocation list"
done
misses snp cert_chain.pem "AMD ASK chain, Milan" "AMD ASK chain, Milan"
misses snp crl.der "AMD revocation list, Milan" "AMD revocation list, Milan"
misses vlek cert_chain.pem "AMD ASVK chain, Milan" "AMD ASVK chain, Milan"
ok "without its VCEK a bundle is in order" without snp vek.der
ok "… since that may come with the evidence" exits 0 \
    collateral check snp/bundle-vek.der --at "$AT" --root snp/root.pem
ok "… but this evidence misses it" says 'missing .*VCEK certificate, Milan, chip' \
    collateral check snp/bundle-vek.der --at "$AT" --for snp/evidence
ok "evidence of another platform misses it all" exits 1 check tdx --for snp/evidence

# --- what was changed --------------------------------------------------------------------------------

changed() {
    mkdir "changed-$2"
    cp "$1"/collateral/* "changed-$2"
    sed -i 's/"tcbEvaluationDataNumber": *[0-9]*/"tcbEvaluationDataNumber":99/' "changed-$2/$2"
    [ "${2##*.}" = json ] || flip "changed-$2/$2" -1
    ! cmp "$1/collateral/$2" "changed-$2/$2" && collateral pack --quiet "changed-$2/bundle" "changed-$2"
}
for file in tcb_info.json qe_identity.json pck_crl.der root_crl.der; do
    ok "$file is changed" changed sgx "$file"
    evidence=()
    [ "$file" != pck_crl.der ] || evidence=(--for sgx/evidence)
    ok "… which is found out" says '^(signature|rejected) ' collateral check "changed-$file/bundle" \
        --at "$AT" --root sgx/root.pem "${evidence[@]}"
done

# --- mistakes ----------------------------------------------------------------------------------------

ok "nothing to do is wrong usage" exits 2 collateral
ok "so is an unknown word" exits 2 collateral pakc
ok "so is packing nothing" exits 2 collateral pack x
ok "so is a time that is none" exits 2 collateral check sgx/bundle --at tomorrow
ok "so is a span that is none" exits 2 collateral check sgx/bundle --within 7w
ok "so is an unknown option" exits 2 collateral show sgx/bundle --jsom
ok "a missing file is named" refused 'nowhere' collateral pack x sgx/collateral nowhere
echo notes >notes.txt
ok "a file that is no collateral is refused" refused 'notes.txt: no collateral: known are' \
    collateral pack x sgx/collateral notes.txt
ok "… evidence is told what it is" refused 'snp/evidence: no collateral: this is evidence' \
    collateral pack x snp/evidence
openssl ecparam -name prime256v1 -genkey -noout -out key.pem
ok "a private key does not belong into it" refused 'key.pem: no collateral: this is a private key' \
    collateral pack x key.pem
echo '<html>busy</html>' >busy.json
ok "an error page is told" refused 'error page' collateral pack x busy.json
echo '{"tcbInfo":{},"signature":""}' >cut.json
ok "TCB info that is damaged is told" refused 'looks like TCB info' collateral pack x cut.json
mkdir mixed
cp sgx/collateral/* notes.txt key.pem mixed
ok "in a folder they are left out" says 'notes.txt:  left out: known are' collateral pack mixed.b mixed
ok "… and the rest is taken" cmp mixed.b sgx/bundle
ok "an empty folder gives no bundle" refused 'no collateral in what was named' \
    collateral pack x "$(mktemp -d "$WORK/empty.XXXX")"
ok "nothing was written for any of those" test ! -e x
cp sgx/collateral/tcb_info.json mine.json
ok "a file that is no bundle is not overwritten" refused 'named first' \
    collateral pack mine.json sgx/collateral
ok "… and is as it was" cmp mine.json sgx/collateral/tcb_info.json
ok "a bundle is" collateral pack sgx/again tdx/bundle
ok "… wholly" cmp sgx/again tdx/bundle
ok "what cannot be written is told" refused 'no such file' collateral pack none/x sgx/bundle
ok "no root is refused" refused 'not one root certificate' \
    collateral check sgx/bundle --root sgx/collateral/pck_crl.der
full() { collateral show sgx/bundle >/dev/full; }
ok "output that cannot be written is a failure" refused 'cannot be written' full

# --- certificates in other texts ---------------------------------------------------------------------

"$PYTHON" - <<'END'
import json, urllib.parse
chain = open("sgx/collateral/tcb_chain.pem").read()
open("header.txt", "w").write("TCB-Info-Issuer-Chain: " + urllib.parse.quote(chain) + "\r\n")
json.dump({"chain": chain}, open("cache.json", "w"))
END
for file in header.txt cache.json; do
    ok "a chain in $file is found" collateral pack "$file.b" $file
    ok "… by the verifier too" says '^accepted' "$ALCOVE" verify sgx/evidence --policy sgx/policy.yaml \
        --at "$AT" --collateral sgx/without-tcb_chain.pem --collateral $file
    ok "… as if it stood there alone" says '^tcb-chain ' collateral show "$file.b"
done

# --- real collateral ---------------------------------------------------------------------------------

if [ -d "$SHARED/collateral-pool" ]; then
    ok "the pool of real collateral is packed" collateral pack real "$SHARED/collateral-pool" \
        "$SHARED/roots/amd" "$SHARED/snp"
    ok "… the other way round into the same bytes" \
        collateral pack --quiet other "$SHARED/snp" "$SHARED/roots/amd" "$SHARED/collateral-pool"
    ok "… as they are" cmp real other
    ok "the makers signed all of it" json_says \
        "len([p for p in v['problems'] if p['type'] in ('signature', 'unreadable')]) == 0 and
v['entry_count'] > 100" collateral check real --at 2025-06-20
    ok "an SGX quote finds all that it needs" exits 0 collateral check real --at 2025-06-20 --for \
        "$SHARED/sgx-v3/teepot-vault_proxy/quote.bin"
    ok "an SNP report lacks the list alone" json_says \
        "[p['what'] for p in v['problems']] == ['AMD revocation list, Genoa']" \
        collateral check real --for "$SHARED/snp/oak-genoa-oc/report.bin"
    ok "a Nitro document needs nothing" says 'Nitro document: carries its certificates and needs no' \
        collateral check real --for "$SHARED/nitro/base-org/doc.cbor"
else
    skip "real collateral" "there is no $SHARED/collateral-pool"
fi
tap_done
