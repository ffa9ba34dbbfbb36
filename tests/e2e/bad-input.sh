#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Whatever part of a bundle or of evidence somebody altered, the answer is a refusal that names it,
# before anything of the workload ran or was believed; and the workload sees nothing undeclared.
# timeout: 400
# shellcheck source=tests/e2e/common.sh
. "$(dirname "$0")/common.sh"

workload "$WORK/w" 'import pathlib
print("the workload ran")
pathlib.Path("/out/result").write_text(pathlib.Path("/in/data").read_text())' \
    'inputs: {data: {path: /in/data, max: 1 MiB}}' \
    'outputs: {result: {path: /out/result, max: 1 MiB}}'
GOOD=$WORK/good.bundle
build_bundle "$WORK/w" "$GOOD"
echo data >"$WORK/data"
"$ALCOVE" machine init >"$WORK/machine.log"
ROOT=$ALCOVE_MACHINE_DIR/root.pem

run() {
    "$ALCOVE" run "$1" --input "data=$WORK/data" --output "result=$WORK/result" "${@:2}"
}

ok "the unaltered bundle runs" run "$GOOD" --quote "$WORK/evidence" --nonce abcd
ok "its evidence is accepted" "$ALCOVE" verify "$WORK/evidence" --expect "$GOOD" --root "$ROOT" \
    --nonce abcd --input "data=$WORK/data" --output "result=$WORK/result"

# --- bundles ---------------------------------------------------------------------------------------

# refuses_run WHAT PATTERN: the altered bundle is refused, by a name, and the workload did not run.
refuses_run() {
    rm -f "$WORK/result"
    refused "$2" run "$WORK/bad.bundle" || return 1
    ! grep -q 'the workload ran' "$WORK/refused.out" && [ ! -e "$WORK/result" ]
}

altered() { # altered TITLE FILE OFFSET PATTERN: one bit flipped in FILE of a copy of the bundle
    rm -rf "$WORK/bad.bundle"
    cp -r "$GOOD" "$WORK/bad.bundle"
    chmod -R u+w "$WORK/bad.bundle"
    flip "$WORK/bad.bundle/$2" "$3"
    ok "$1" refuses_run "$2" "$4"
}

layer=$(cd "$GOOD" && echo layers/*.img)
size=$(stat -c %s "$GOOD/$layer")
# The own layer is small: its superblock is at 1024, its hash tree the last blocks.
altered "a bit flipped in a layer's superblock is refused" "$layer" 1030 'layer|verity|block|hash'
altered "a bit flipped in a layer's hash tree is refused" "$layer" $((-4096)) \
    'layer|verity|tree|hash'
altered "a bit flipped in the manifest is refused" manifest.cbor 20 'manifest|configid'
altered "a bit flipped near the manifest's end is refused" manifest.cbor -3 'manifest|configid'
altered "a bit flipped in the enclave image is refused" runtime.sgxs 20000 \
    'image|sgxs|mrenclave|measure|sigstruct'
altered "a bit flipped in the signature is refused" runtime.sig 600 'sigstruct|signature'
altered "a bit flipped in SIGSTRUCT's measurement is refused" runtime.sig 970 \
    'sigstruct|signature|mrenclave'

truncated() { # truncated TITLE FILE SIZE PATTERN
    rm -rf "$WORK/bad.bundle"
    cp -r "$GOOD" "$WORK/bad.bundle"
    chmod -R u+w "$WORK/bad.bundle"
    truncate -s "$3" "$WORK/bad.bundle/$2"
    ok "$1" refuses_run "$2" "$4"
}
truncated "a truncated layer is refused" "$layer" $((size / 2)) 'layer|size|truncated|short'
truncated "an empty manifest is refused" manifest.cbor 0 'manifest'
truncated "an oversized manifest is refused" manifest.cbor 1000000 'manifest'
truncated "a truncated enclave image is refused" runtime.sgxs 5000 'image|sgxs|runtime'
truncated "a truncated SIGSTRUCT is refused" runtime.sig 1000 'sigstruct|signature|size|runtime'

# Each flipped bit somewhere in the script's own block: found when it is read, at the latest.
altered_data() {
    rm -rf "$WORK/bad.bundle"
    cp -r "$GOOD" "$WORK/bad.bundle"
    chmod -R u+w "$WORK/bad.bundle"
    at=$(grep -a -b -o 'the workload ran' "$WORK/bad.bundle/$layer" | head -n 1 | cut -d: -f1)
    flip "$WORK/bad.bundle/$layer" "$at"
    refuses_run "$layer" 'layer|verity|block|hash|input/output|I/O'
}
ok "a bit flipped in the script is refused" altered_data

# --- evidence --------------------------------------------------------------------------------------

verify() {
    "$ALCOVE" verify "$1" --expect "$GOOD" --root "$ROOT" "${@:2}"
}
bytes=$(stat -c %s "$WORK/evidence")
survivors=0
for at in $(seq 0 $((bytes / 97)) $((bytes - 1))); do
    cp "$WORK/evidence" "$WORK/evidence.bad"
    flip "$WORK/evidence.bad" "$at"
    if verify "$WORK/evidence.bad" --nonce abcd >"$WORK/verify.log" 2>&1; then
        survivors=$((survivors + 1))
        echo "# accepted with a bit flipped at $at of $bytes"
    fi
done
ok "evidence with any of 98 flipped bits is rejected" test "$survivors" -eq 0
ok "evidence is rejected where nobody named the software root" \
    refused 'software.root' "$ALCOVE" verify "$WORK/evidence" --expect "$GOOD" --nonce abcd
ok "evidence with another nonce is rejected" refused 'nonce' verify "$WORK/evidence" --nonce abce
echo other >"$WORK/other"
ok "evidence does not vouch for another output" \
    refused 'output' verify "$WORK/evidence" --nonce abcd --output "result=$WORK/other"
head -c $((bytes / 2)) "$WORK/evidence" >"$WORK/evidence.bad"
ok "truncated evidence is rejected" refused '.' verify "$WORK/evidence.bad" --nonce abcd
workload "$WORK/w2" 'print("another program")'
build_bundle "$WORK/w2" "$WORK/w2.bundle"
ok "evidence of another program is rejected" refused 'configid' \
    "$ALCOVE" verify "$WORK/evidence" --expect "$WORK/w2.bundle" --root "$ROOT" --nonce abcd

# --- what the workload must not see -----------------------------------------------------------------

workload "$WORK/see" 'import os, sys
for path in ("/app/unlisted.py", "/etc/hostname", "/etc/shadow", "/root", "/home", sys.argv[0] + "x"):
    try:
        os.stat(path)
        print("SEEN", path)
    except FileNotFoundError:
        pass
print("env", sorted(os.environ))
print("argv", sys.argv)
try:
    print("stdin", sys.stdin.read() if sys.stdin else None)
except OSError as error:
    print("stdin", None)'
echo 'print("unlisted")' >"$WORK/see/unlisted.py"
build_bundle "$WORK/see" "$WORK/see.bundle"
seen() {
    echo secret | SECRET=leak "$ALCOVE" run "$WORK/see.bundle" >"$WORK/seen" 2>&1
    cat "$WORK/seen"
}
ok "a program that looks around runs" seen
ok "a script that is not listed is not there, nor are the host's files" \
    lacks SEEN "$WORK/seen"
ok "the host's environment is not there" grep -q "^env \['LC_ALL'\]" "$WORK/seen"
ok "arguments are the manifest's" grep -q "^argv \['/app/main.py'\]" "$WORK/seen"
ok "standard input is not there" lacks secret "$WORK/seen"
ok "\`alcove run\` takes no program and no arguments" \
    refused 'usage|bundle|unknown' "$ALCOVE" run "$WORK/see.bundle" -c 'print(1)'
ok "an input that is not declared is refused" \
    refused 'input' "$ALCOVE" run "$WORK/see.bundle" --input "data=$WORK/data"
ok "an output that is not declared is refused" \
    refused 'output' "$ALCOVE" run "$WORK/see.bundle" --output "x=$WORK/x"
tap_done
