#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Whatever part of a bundle somebody altered, the answer is a refusal that names it, before anything of
# the workload ran.
# timeout: 300
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

run() {
    "$ALCOVE" run "$1" --input "data=$WORK/data" --output "result=$WORK/result" "${@:2}"
}

ok "the unaltered bundle runs" run "$GOOD"

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
    at=$(grep -a -b -o -m 1 'the workload ran' "$WORK/bad.bundle/$layer" | cut -d: -f1)
    flip "$WORK/bad.bundle/$layer" "$at"
    refuses_run "$layer" 'layer|verity|block|hash|input/output|I/O'
}
ok "a bit flipped in the script is refused" altered_data
tap_done
