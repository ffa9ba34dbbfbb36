#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# alcove verify with raw evidence of every kind, on forged evidence (verify/forge_files): policies,
# collateral, what is printed, and that the JSON is what its schema says.
. "$(dirname "$0")/common.sh"

AT=@1790000000 # FORGE_NOW
SCHEMA=$TOP/docs/formats/verify-result.schema.json
cd "$WORK" || exit 1

# verify KIND [OPTION…]: with the policy and the collateral that were forged with it; without: no
# collateral.
policy=policy.yaml
verify() {
    local kind=$1
    shift
    "$ALCOVE" verify "$kind/evidence" --policy "$kind/$policy" --at "$AT" \
        --collateral "$kind/collateral" "$@"
}
without() {
    local kind=$1
    shift
    "$ALCOVE" verify "$kind/evidence" --policy "$kind/$policy" --at "$AT" "$@"
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
# The output fits the schema, and the expression holds for it.
json_says() {
    local expression=$1
    shift
    "$@" --json >"$WORK/verdict.json" || true
    cat "$WORK/verdict.json"
    "$PYTHON" - "$SCHEMA" "$WORK/verdict.json" "$expression" <<'PYTHON'
import json, sys
import jsonschema
schema, v = (json.load(open(path)) for path in sys.argv[1:3])
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.Draft202012Validator(schema).validate(v)
assert eval(sys.argv[3]), sys.argv[3]
PYTHON
}
# edited KIND EXPRESSION: policy.yaml of that kind after a sed expression, as edited.yaml.
edited() {
    sed -E "$2" "$1/policy.yaml" >"$1/edited.yaml"
    ! cmp -s "$1/policy.yaml" "$1/edited.yaml"
}

# --- each kind ---------------------------------------------------------------------------------------

declare -A headline=([sgx]='SGX enclave' [tdx]='TDX virtual machine' [snp]='SEV-SNP guest'
    [vlek]='SEV-SNP guest' [azure]='SEV-SNP guest on Azure' [nitro]='Nitro enclave'
    [ratls]='SGX enclave, holder of this TLS key')
declare -A facts=([sgx]='MRENCLAVE +e1e1e1' [tdx]='RTMR3 +737373' [snp]='measurement 3e3e3e'
    [vlek]='product +Milan, .*signed by its VLEK of .' [azure]='vTPM key'
    [nitro]='PCR2 +a2a2a2' [ratls]='key \(SPKI\)')
declare -A kinds=([sgx]=sgx-quote [tdx]=tdx-quote [snp]=snp-report [vlek]=snp-report
    [azure]=snp-report [nitro]=nitro-document [ratls]=sgx-quote)
declare -A wrong=([sgx]='s/(mrenclave: .)e1/\1e2/' [tdx]='s/(mrtd: .)7d/\17e/'
    [snp]='s/(measurement: .)3e/\13f/' [vlek]='s/vmpl: 0/vmpl: 1/'
    [azure]='s/(key:) any/\1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/'
    [nitro]='s/(    1: .)a1/\1a2/' [ratls]='s/(  nonce: .)../\1ff/')
declare -A reason=([sgx]=mrenclave [tdx]=mrtd [snp]=snp-measurement [vlek]=snp-vmpl
    [azure]=azure-key [nitro]=nitro-pcr [ratls]=ratls-nonce)

for kind in sgx tdx snp vlek azure nitro ratls; do
    mkdir "$kind"
    ok "evidence of kind $kind is forged" "$BUILD/verify/forge_files" "$kind" "raw-$kind"
    given=verify
    [ "$kind" != nitro ] || given=without
    ok "… and accepted" says "^accepted: ${headline[$kind]}; its root is one that you named" \
        "$given" "$kind"
    ok "… with what was measured" says "^  ${facts[$kind]}" "$given" "$kind"
    ok "… also in JSON" json_says "v['verdict'] == 'accepted' and v['kind'] == '${kinds[$kind]}' \
and v['root']['kind'] == 'other' and v['failed'] == []" "$given" "$kind"
    ok "… and a policy can expect something else" edited "$kind" "${wrong[$kind]}"
    policy=edited.yaml
    ok "… which rejects: ${reason[$kind]}" json_says "v['first_reason'] == '${reason[$kind]}' and \
v['failed'] == [v['first_reason']] and v['reasons'][0]['name'] == v['first_reason']" \
        "$given" "$kind"
    ok "… and exits with 1" exits 1 "$given" "$kind"
    policy=policy.yaml
    printf 'roots: []\n' >"$kind/empty.yaml"
    ok "… not accepted by a policy that expects nothing" says '^  missing in the policy: .' \
        "$ALCOVE" verify "$kind/evidence" --policy "$kind/empty.yaml" --at "$AT"
    ok "… which JSON tells too" \
        json_says "'policy-incomplete' in v['failed'] and v['missing_policy_keys']" \
        "$ALCOVE" verify "$kind/evidence" --policy "$kind/empty.yaml" --at "$AT"
    ok "… nor without a policy, which is wrong usage" exits 2 "$ALCOVE" verify "$kind/evidence"
    ok "… and shows one to start from" says '^# What is accepted: ' "$ALCOVE" verify "$kind/evidence"
    cp "$kind/evidence" "$kind/flipped"
    flip "$kind/flipped" 120
    ok "… nor with a flipped bit" refused '^rejected: ' "$ALCOVE" verify "$kind/flipped" \
        --policy "$kind/policy.yaml" --at "$AT"
done

# --- what is none ------------------------------------------------------------------------------------

mkdir none
head -c 40 tdx/evidence >none/short
"$PYTHON" -c 'print(open("sgx/evidence", "rb").read().hex())' >none/hex
base64 sgx/evidence >none/base64
head -c 400 /dev/zero >none/zeros
: >none/empty
for name in short hex base64 zeros empty; do
    ok "what is no evidence is rejected: $name" json_says "v['verdict'] == 'rejected' and v['failed']" \
        "$ALCOVE" verify none/$name --policy sgx/policy.yaml
    ok "… exits with 1" exits 1 "$ALCOVE" verify none/$name --policy sgx/policy.yaml
done
ok "… and told to be hexadecimal" says 'xxd -r -p' "$ALCOVE" verify none/hex --policy sgx/policy.yaml
ok "… or base64" says 'base64 -d' "$ALCOVE" verify none/base64
ok "… or nothing known" says 'no known kind of evidence' "$ALCOVE" verify none/zeros

# --- collateral --------------------------------------------------------------------------------------

single=()
for file in sgx/collateral/*; do
    single+=(--collateral "$file")
done
ok "collateral may come in single files" says '^accepted' without sgx "${single[@]}"
mkdir both
cp -r sgx/collateral both/sgx
cp -r snp/collateral both/snp
cp sgx/policy.yaml both/notes
ok "… or in a folder with that of others, and with other files" \
    says '^accepted' without snp --collateral both
ok "… from which each takes its own" says '^accepted' without sgx --collateral both
rm both/sgx/root_crl.der
ok "what is missing is named" \
    says 'nothing that fits for: root revocation list$' without sgx --collateral both
ok "… and what would be needed if nothing is given" \
    says 'no --collateral was given.*: VCEK or VLEK certificate, ' without snp
ok "a file that is none is an error that names it" \
    refused 'sgx/policy.yaml: not collateral' verify sgx --collateral sgx/policy.yaml
ok "a folder without any is as good as none" \
    says 'nothing that fits for: TCB info, ' without sgx --collateral nitro/collateral
ok "… which is good for evidence that needs none" \
    says '^accepted' without nitro --collateral nitro/collateral
ok "one that is not there is an error, too" refused 'nowhere: No such file' verify sgx --collateral nowhere
ok "other platforms' collateral does not do" \
    json_says "v['first_reason'] == 'collateral-missing'" without sgx --collateral snp/collateral

# --- options and policies ----------------------------------------------------------------------------

zeros=0000000000000000000000000000000000000000000000000000000000000000
ok "--report-data wins over the policy" \
    json_says "v['failed'] == ['report-data']" verify sgx --report-data $zeros
ok "… and may be any" says '^accepted' verify sgx --report-data any
ok "--nonce is what a Nitro document must repeat" \
    json_says "v['failed'] == ['nitro-nonce']" without nitro --nonce 00
ok "… and accepted where it does" says '^accepted' without nitro --nonce 6e6f6e6365
ok "--nonce is what an RA-TLS certificate must repeat" \
    json_says "v['failed'] == ['ratls-nonce']" verify ratls --nonce 00
ok "… while quotes have none, which is told" refused 'report-data HEX' verify sgx --nonce 00
cp ratls/evidence.der ratls/evidence
ok "a certificate may be DER" says '^accepted' verify ratls

sed -E "s/^roots:.*/roots: [root.pem]\nbuiltin_roots: false/" sgx/policy.yaml >sgx/edited.yaml
policy=edited.yaml
ok "a policy names roots by files beside it" says '^accepted' verify sgx
sed -E "s/^roots:.*/roots: [policy.yaml]/" sgx/policy.yaml >sgx/edited.yaml
ok "… and a file that is none is named with its line" \
    refused 'edited.yaml:1:9: sgx/policy.yaml: not a root certificate' verify sgx
sed -E "/^roots:/d" sgx/policy.yaml >sgx/edited.yaml
ok "without its root named, a forged quote is rejected" \
    json_says "v['first_reason'] == 'unknown-root'" verify sgx
ok "… and accepted with --root" says '^accepted' verify sgx --root sgx/root.pem
{
    cat sgx/policy.yaml
    echo 'mrenclave: any'
} >sgx/edited.yaml
ok "an unknown key is an error with its line" \
    refused 'edited.yaml:[0-9]+:1: unknown key .mrenclave.; there are: accept_statuses, ' verify sgx
sed 's/time: given/time: document/' nitro/policy.yaml >nitro/edited.yaml
late() {
    "$ALCOVE" verify nitro/evidence --policy nitro/edited.yaml --at @1890000000 "$@"
}
ok "a stored document is accepted as of its own time" says '^accepted' late
ok "… which is said" says 'NOT known to be fresh$' late
ok "… also in JSON" json_says "v['time_of_document'] and v['time'] < '2027'" late
{
    cat sgx/policy.yaml
    echo 'grace: {collateral: 400d}'
} >sgx/edited.yaml
ok "grace for collateral is granted, and said" says "thanks to the policy's grace" \
    "$ALCOVE" verify sgx/evidence --policy sgx/edited.yaml --collateral sgx/collateral --at 2027-03-01
policy=policy.yaml

for wrong_use in "sgx --expect identity.json" "sgx --policy sgx/policy.yaml" "sgx --report-data 00" \
    "sgx --report-data" "sgx --print-policy sgx" "nitro --input a=/dev/null"; do
    # shellcheck disable=SC2086 # words on purpose
    ok "wrong usage exits unsuccessfully: $wrong_use" refused '^alcove verify: ' verify $wrong_use
done
for kind in sgx tdx snp azure nitro ratls; do
    "$ALCOVE" verify --print-policy $kind >"$kind/template.yaml"
    policy=template.yaml
    ok "the template for $kind accepts nothing before somebody chose" \
        refused 'template.yaml:[0-9:]+ ' verify $kind
    sed 's/time: CHOOSE/time: given/; s/CHOOSE/any/' $kind/template.yaml >$kind/chosen.yaml
    policy=chosen.yaml
    if [ $kind = nitro ]; then
        ok "… and is complete then" json_says "v['failed'] == ['nitro-root']" without nitro
    else
        ok "… and is complete then" says '^accepted' verify $kind --root $kind/root.pem
    fi
done
policy=policy.yaml
ok "there is no template for what nobody knows" \
    exits 2 "$ALCOVE" verify --print-policy tpm

# --- a software machine, and the evidence of a run ---------------------------------------------------

mkdir software
"$BUILD/verify/forge_files" software software
cat >software/any.yaml <<'YAML'
report_data: any
sgx: {mrenclave: any, signer: any, configid: any}
roots: [root.pem]
YAML
ok "a software machine's quote is announced as what it is" \
    says '^accepted: SOFTWARE machine: not hardware-protected$' "$ALCOVE" verify software/quote \
    --policy software/any.yaml --collateral software --at $AT
run_evidence() {
    "$ALCOVE" verify software/evidence.cbor --at $AT "$@"
}
ok "a run's JSON is what the schema says, too" json_says "v['evidence'] == 'run' and \
v['machine']['software'] and v['root']['kind'] == 'software'" run_evidence --root software/root.pem
ok "… when it is rejected" json_says "v['first_reason'] == 'software-root'" run_evidence
ok "… and for what is no evidence" json_says "v['first_reason'] == 'evidence-format'" \
    "$ALCOVE" verify software/input
ok "a policy is not for the evidence of a run" refused '--expect' run_evidence --policy sgx/policy.yaml

# --- explanations ------------------------------------------------------------------------------------

ok "alcove explain knows every reason that was met" "$ALCOVE" explain mrenclave
ok "… as the report writes it, and TCB statuses" says 'Intel|SGX' "$ALCOVE" explain tcb status
ok "… and which key decides" says 'policy key +sgx.mrenclave' "$ALCOVE" explain mrenclave
ok "… and suggests names" refused "did you mean 'OutOfDate'" "$ALCOVE" explain OutOfDat
ok "… lists them" says '^  UpToDate$' "$ALCOVE" explain --list
every_name() {
    "$ALCOVE" explain --list --json >"$WORK/names.json"
    "$PYTHON" - "$WORK/names.json" "$ALCOVE" <<'PYTHON'
import json, subprocess, sys
names = json.load(open(sys.argv[1]))
assert len(names) > 150 and len({n["name"] for n in names}) == len(names)
for n in names:
    assert n["means"] and n["do"] and n["kinds"], n
    assert n["type"] in ("reason", "run-reason", "tcb-status"), n
for n in names[::20]:
    again = subprocess.run([sys.argv[2], "explain", n["name"], "--json"], check=True, stdout=-1)
    assert json.loads(again.stdout) == n, n
PYTHON
}
ok "… and each has a meaning and something to do, in JSON" every_name
ok "… refuses unknown names as wrong usage" exits 2 "$ALCOVE" explain nonsense
ok "… and wants one" exits 2 "$ALCOVE" explain
ok "… or all" exits 2 "$ALCOVE" explain --list mrenclave
tap_done
